package mcpserver

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// uploadFile is the tool upload_file.
func uploadFile(s *offer) tool {
	return tool{
		name:  "upload_file",
		title: "Upload file",
		description: "Writes a file into the working folder of a context, replacing one of the same path and making the folders above it. " +
			"Give either content or local_path. " + s.aboutFiles() + " A file may have at most " + phrase.Size(s.traits.MaxFileSize) + ".",
		ownTime: true,
		hints:   hints{destructive: true, idempotent: true},
		input: object{
			contextIDProperty("to put the file into"),
			{name: "path", kind: "string", about: "where to put it, relative to the working folder, such as data/table.csv", required: true},
			{name: "content", kind: "string", about: "what to write: text, or base64 if encoding says so"},
			{name: "encoding", kind: "string", about: "how content is written. Default: utf-8", more: map[string]any{"enum": []string{"utf-8", "base64"}}},
			{name: "local_path", kind: "string", about: "absolute path of a file on the user's own computer to take the content from. Only inside folders the user has allowed (" + settingOfFolders + "); none are at first"},
		},
		output: append(object{
			{name: "path", kind: "string", required: true},
			{name: "size", kind: "integer", about: "in bytes", required: true},
			{name: "message", kind: "string", required: true},
		}, whereProperties()...),
		run: s.uploadFile,
	}
}

type uploadFileInput struct {
	ContextID string  `json:"context_id"`
	Path      string  `json:"path"`
	Content   *string `json:"content"`
	Encoding  string  `json:"encoding"`
	LocalPath string  `json:"local_path"`
}

type uploadFileOutput struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	Message string `json:"message"`
	whereObject
}

func (s *Server) uploadFile(ctx context.Context, c *call) (*answer, error) {
	var in uploadFileInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	c.about(clean(in.ContextID, 80))
	content, err := s.uploadContent(c, in)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	progress := startProgress(ctx, c.exchange, s.progressEvery, says("sending the file"))
	ctx, done := s.timedUnless(ctx, progress)
	defer done()
	file, where, err := s.interp.WriteFile(ctx, c.caller, fileRef(in.ContextID, in.Path), content)
	progress.end()
	if err != nil {
		return nil, err
	}
	c.about(where.ContextID)
	return &answer{object: uploadFileOutput{
		whereObject: newWhereObject(where), Path: file.Path, Size: file.Size, Message: fmt.Sprintf("%s is there with %s; code reads it as %q.", file.Path, phrase.Size(file.Size), file.Path),
	}}, nil
}

// uploadContent opens what is to be written.
func (s *Server) uploadContent(c *call, in uploadFileInput) (io.ReadCloser, error) {
	site := s.interp.SiteOf(c.caller, in.ContextID)
	switch {
	case in.Content != nil && in.LocalPath != "":
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "upload_file takes either content or local_path, not both")
	case in.LocalPath != "":
		return s.readLocal(in.LocalPath, site.Traits().MaxFileSize)
	case in.Content == nil:
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "upload_file needs content or local_path")
	}
	switch in.Encoding {
	case "", "utf-8", "utf8", "UTF-8":
		if err := checkFileSize(site, int64(len(*in.Content))); err != nil {
			return nil, err
		}
		return io.NopCloser(strings.NewReader(*in.Content)), nil
	case "base64":
		packed := strings.Map(func(r rune) rune {
			if r == '\n' || r == '\r' || r == ' ' {
				return -1
			}
			return r
		}, *in.Content)
		data, err := base64.StdEncoding.DecodeString(packed)
		if err != nil {
			return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "content is not base64: %w", err)
		}
		if err := checkFileSize(site, int64(len(data))); err != nil {
			return nil, err
		}
		return io.NopCloser(strings.NewReader(string(data))), nil
	}
	return nil, sandbox.Errorf(sandbox.CodeInvalidParams, `encoding must be "utf-8" or "base64"`)
}

func checkFileSize(site *interpreter.Site, n int64) error {
	if most := site.Traits().MaxFileSize; most > 0 && n > most {
		return sandbox.Errorf(sandbox.CodeTooLarge, "the content has %s and a file may have at most %s", phrase.Size(n), phrase.Size(most))
	}
	return nil
}

// localReader reads a file of the user's and gives its folder back when closed.
type localReader struct {
	io.ReadCloser
	local *localFile
}

func (r localReader) Close() error {
	err := r.ReadCloser.Close()
	if cerr := r.local.Close(); err == nil {
		err = cerr
	}
	return err
}

// readLocal opens a file on the user's machine that has at most so many bytes.
func (s *Server) readLocal(name string, most int64) (io.ReadCloser, error) {
	local, err := s.openLocal(name)
	if err != nil {
		return nil, err
	}
	f, err := local.open(most)
	if err != nil {
		_ = local.Close() // nothing was done with it
		return nil, err
	}
	return localReader{f, local}, nil
}
