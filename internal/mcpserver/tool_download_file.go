package mcpserver

import (
	"context"
	"fmt"
	"io"
	"path"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
)

// downloadFile is the tool download_file.
func downloadFile(s *Server) tool {
	return tool{
		name:  "download_file",
		title: "Download file",
		description: "Reads a file from the working folder of a context. Text up to " + phrase.Size(maxResultText) + " comes as content, pictures come as images, " +
			"anything else as a link to a resource, readable while the context lives. With local_path the file is written to the user's own computer instead, replacing one of that name.",
		hints: hints{destructive: true, idempotent: true},
		input: object{
			contextIDProperty("to read from"),
			{name: "path", kind: "string", about: "the file, relative to the working folder", required: true},
			{name: "local_path", kind: "string", about: "absolute path on the user's own computer to write the file to. Only inside folders the user has allowed in the Settings of AgentRun Tray; none are at first"},
		},
		output: object{
			{name: "path", kind: "string", required: true},
			{name: "size", kind: "integer", about: "in bytes", required: true},
			{name: "mime_type", kind: "string", about: "what it seems to be"},
			{name: "content", kind: "string", about: "the text of a text file"},
			{name: "uri", kind: "string", about: "where to read the file as a resource, if it is not here"},
			{name: "local_path", kind: "string", about: "where it was written on the user's computer"},
			{name: "notices", kind: "array", about: "what you must know", more: map[string]any{"items": map[string]any{"type": "string"}}},
		},
		run: s.downloadFile,
	}
}

type downloadFileInput struct {
	ContextID string `json:"context_id"`
	Path      string `json:"path"`
	LocalPath string `json:"local_path"`
}

type downloadFileOutput struct {
	Path      string   `json:"path"`
	Size      int64    `json:"size"`
	MIMEType  string   `json:"mime_type,omitempty"`
	Content   *string  `json:"content,omitempty"`
	URI       string   `json:"uri,omitempty"`
	LocalPath string   `json:"local_path,omitempty"`
	Notices   []string `json:"notices,omitempty"`
}

func (s *Server) downloadFile(ctx context.Context, c *call) (*answer, error) {
	var in downloadFileInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	c.about(clean(in.ContextID, 80))
	progress := startProgress(ctx, c.exchange, s.progressEvery)
	defer progress.end()
	if in.LocalPath != "" {
		return s.downloadToLocal(ctx, c, in)
	}
	data, file, err := s.readFile(ctx, c.caller, fileRef(in.ContextID, in.Path), maxResource)
	if err != nil {
		return nil, err
	}
	out := downloadFileOutput{Path: file.Path, Size: file.Size, MIMEType: mimeOf(file.Path, data)}
	switch {
	case isPicture(out.MIMEType):
		blocks, notices := pictureBlocks([]picture{{out.MIMEType, data}}, maxPicture)
		if len(blocks) > 0 {
			out.Notices = notices
			return &answer{out, blocks}, nil
		}
	case isText(data) && len(data) <= maxResultText:
		text := string(data)
		out.Content = &text
		if object := compactJSON(out); wireSize(object) <= maxWireText {
			return &answer{object: object}, nil
		}
		out.Content = nil
	}
	out.URI = fileURI(in.ContextID, file.Path)
	link := mcp.NewResourceLink(out.URI, path.Base(file.Path), fmt.Sprintf("%s, %s", file.Path, phrase.Size(file.Size)), out.MIMEType)
	link.Size = &file.Size
	return &answer{out, []mcp.Content{link}}, nil
}

// downloadToLocal copies a file of a context to the user's machine.
func (s *Server) downloadToLocal(ctx context.Context, c *call, in downloadFileInput) (*answer, error) {
	local, err := s.openLocal(in.LocalPath)
	if err != nil {
		return nil, err
	}
	defer local.Close()
	content, file, err := s.interp.ReadFile(ctx, c.caller, fileRef(in.ContextID, in.Path))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	size, err := local.write(untilDone{ctx, content})
	if err != nil {
		return nil, err
	}
	return &answer{object: downloadFileOutput{Path: file.Path, Size: size, LocalPath: in.LocalPath}}, nil
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
