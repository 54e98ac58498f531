package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// downloadFile is the tool download_file.
func downloadFile(s *offer) tool {
	return tool{
		name:  "download_file",
		title: "Download file",
		description: "Reads a file from the working folder of a context. Text that is not too long (about " + strconv.Itoa(defaultResultTokens/1000) + ",000 tokens) comes as content, pictures come as images, " +
			"anything else as a link to a resource, which can be read while the context lives if it has at most " + phrase.Size(maxResource) + ". With local_path the file is written to the user's own computer instead, replacing one of that name, whatever its size.",
		ownTime: true,
		hints:   hints{destructive: true, idempotent: true},
		input: object{
			contextIDProperty("to read from"),
			{name: "path", kind: "string", about: "the file, relative to the working folder", required: true},
			{name: "local_path", kind: "string", about: "absolute path on the user's own computer to write the file to. Only inside folders the user has allowed (" + settingOfFolders + "); none are at first"},
		},
		output: append(object{
			{name: "path", kind: "string", required: true},
			{name: "size", kind: "integer", about: "in bytes", required: true},
			{name: "mime_type", kind: "string", about: "what it seems to be"},
			{name: "content", kind: "string", about: "the text of a text file"},
			{name: "uri", kind: "string", about: "where to read the file as a resource, if it is not here"},
			{name: "local_path", kind: "string", about: "where it was written on the user's computer"},
		}, whereProperties()...),
		run: s.downloadFile,
	}
}

type downloadFileInput struct {
	ContextID string `json:"context_id"`
	Path      string `json:"path"`
	LocalPath string `json:"local_path"`
}

type downloadFileOutput struct {
	Path      string  `json:"path"`
	Size      int64   `json:"size"`
	MIMEType  string  `json:"mime_type,omitempty"`
	Content   *string `json:"content,omitempty"`
	URI       string  `json:"uri,omitempty"`
	LocalPath string  `json:"local_path,omitempty"`
	whereObject
}

func (s *Server) downloadFile(ctx context.Context, c *call) (*answer, error) {
	var in downloadFileInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	c.about(clean(in.ContextID, 80))
	progress := startProgress(ctx, c.exchange, s.progressEvery, says("fetching the file"))
	defer progress.end()
	ctx, done := s.timedUnless(ctx, progress)
	defer done()
	a, err := s.fetch(ctx, c, in)
	return a, tooSlow(ctx, err)
}

// tooSlow words the failure of a call whose time was up while a file was on its way. Other failures stay as they are.
func tooSlow(ctx context.Context, err error) error {
	if err == nil || sandbox.CodeOf(err, "") != "" || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return err
	}
	return &sandbox.Error{
		Code: sandbox.CodeTimeout, Err: err,
		Message: "the file did not arrive in the time that a call may take: it is large, or the network is slow. Nothing was changed; let code split or compress it, and fetch the parts",
	}
}

// fetch reads the file, to where it is wanted.
func (s *Server) fetch(ctx context.Context, c *call, in downloadFileInput) (*answer, error) {
	if in.LocalPath != "" {
		return s.downloadToLocal(ctx, c, in)
	}
	content, file, where, err := s.interp.ReadFile(ctx, c.caller, fileRef(in.ContextID, in.Path))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	c.about(where.ContextID)
	source := untilDone{ctx, content}
	data, err := readUpTo(source, nil, sniffed)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file.Path, err)
	}
	out := downloadFileOutput{Path: file.Path, Size: file.Size, MIMEType: mimeOf(file.Path, data), whereObject: newWhereObject(where)}
	tokens := c.resultTokens()
	shown := int64(perToken * tokens) // no character takes less than its bytes
	if isPicture(out.MIMEType) {
		shown = maxResource
	}
	if file.Size <= shown {
		if data, err = readUpTo(source, data, int(shown)+1); err != nil {
			return nil, fmt.Errorf("read %s: %w", file.Path, err)
		}
		if a := showFile(out, data, shown, tokens, fileURI(in.ContextID, file.Path)); a != nil {
			return a, nil
		}
	}
	out.URI = fileURI(in.ContextID, file.Path)
	if file.Size > maxResource {
		out.Notices = append(out.Notices, fmt.Sprintf("The file is larger than the %s that a resource may have: %s.", phrase.Size(maxResource), howToGetLarge))
	}
	link := mcp.NewResourceLink(out.URI, path.Base(file.Path), fmt.Sprintf("%s, %s", file.Path, phrase.Size(file.Size)), out.MIMEType)
	link.Size = &file.Size
	return &answer{out, []mcp.Content{link}}, nil
}

// sniffed is how much of a file says what it is.
const sniffed = 512

// showFile puts a whole file into a result, or returns nil if it cannot be shown. A picture may be scaled down; the file as it is
// can be read at its URI.
func showFile(out downloadFileOutput, data []byte, most int64, tokens int, uri string) *answer {
	switch {
	case int64(len(data)) > most: // it has grown meanwhile
	case isPicture(out.MIMEType):
		if blocks, notices := pictureBlocks([]picture{{out.MIMEType, data}}, maxPicture, func(int) string { return uri }); len(blocks) > 0 {
			out.Notices = append(out.Notices, notices...)
			return &answer{out, blocks}
		}
	case isText(data):
		text := string(data)
		if weight(text) > perToken*tokens {
			return nil
		}
		out.Content = &text
		if object := compactJSON(out); wireSize(object) <= maxWireText {
			return &answer{object: object}
		}
	}
	return nil
}

// readUpTo goes on reading where data ends, until there are so many bytes or no more come.
func readUpTo(r io.Reader, data []byte, most int) ([]byte, error) {
	more, err := io.ReadAll(io.LimitReader(r, int64(most-len(data))))
	return append(data, more...), err
}

// downloadToLocal copies a file of a context to the user's machine.
func (s *Server) downloadToLocal(ctx context.Context, c *call, in downloadFileInput) (*answer, error) {
	local, err := s.openLocal(in.LocalPath)
	if err != nil {
		return nil, err
	}
	defer local.Close()
	content, file, where, err := s.interp.ReadFile(ctx, c.caller, fileRef(in.ContextID, in.Path))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	c.about(where.ContextID)
	size, err := local.write(untilDone{ctx, content})
	if err != nil {
		return nil, err
	}
	return &answer{object: downloadFileOutput{Path: file.Path, Size: size, LocalPath: in.LocalPath, whereObject: newWhereObject(where)}}, nil
}

// untilDone is a reader that ends with its context.
type untilDone struct {
	ctx context.Context // it lives no longer than the call that reads
	io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
