package mcpserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// maxResource is how large a resource may be to be read: it goes over the wire in one piece.
const maxResource = 8 << 20

// fileResource is a file of a context.
func (s *Server) fileResource(ctx context.Context, caller interpreter.Caller, uri string, ref resourceRef) (mcp.ResourceContents, error) {
	contextID := ref.contextID
	if contextID == ownContext {
		contextID = ""
	}
	ctx, done := s.timed(ctx)
	defer done()
	data, file, err := s.readFile(ctx, caller, interpreter.FileRef{ContextID: contextID, Path: ref.path, Mute: true})
	if err != nil {
		return nil, tooSlow(ctx, err)
	}
	mime := mimeOf(file.Path, data)
	if isText(data) {
		return mcp.TextResourceContents{URI: uri, MIMEType: mime, Text: string(data)}, nil
	}
	return mcp.BlobResourceContents{URI: uri, MIMEType: mime, Blob: base64.StdEncoding.EncodeToString(data)}, nil
}

// readFile reads a whole file of a context, if it is no larger than a resource may be.
func (s *Server) readFile(ctx context.Context, caller interpreter.Caller, ref interpreter.FileRef) ([]byte, sandbox.File, error) {
	content, file, _, err := s.interp.ReadFile(ctx, caller, ref)
	if err != nil {
		return nil, file, err
	}
	defer content.Close()
	if file.Size > maxResource {
		return nil, file, tooLarge(file, file.Size)
	}
	data, err := io.ReadAll(io.LimitReader(untilDone{ctx, content}, maxResource+1))
	if err != nil {
		return nil, file, fmt.Errorf("read %s: %w", file.Path, err)
	}
	if len(data) > maxResource { // it has grown meanwhile
		return nil, file, tooLarge(file, int64(len(data)))
	}
	return data, file, nil
}

func tooLarge(file sandbox.File, size int64) error {
	return sandbox.Errorf(sandbox.CodeTooLarge, "%s has %s and a resource may have at most %s: %s", file.Path, phrase.Size(size), phrase.Size(maxResource), howToGetLarge)
}

// howToGetLarge says how to come by a file that is too large for a resource.
const howToGetLarge = "fetch it with download_file and local_path, into a folder that the user has allowed (" + settingOfFolders + "), or read it in parts with run_code"

// isText reports whether bytes are best shown as text.
func isText(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }

// mimeOf names the type of a file by its name and, where that says nothing, by its content. It does not ask the system, whose
// answers differ from one machine to the next.
func mimeOf(name string, data []byte) string {
	if mime, ok := mimeTypes[strings.ToLower(path.Ext(name))]; ok {
		return mime
	}
	mime, _, _ := strings.Cut(http.DetectContentType(data), ";")
	return mime
}

var mimeTypes = map[string]string{
	".csv": "text/csv", ".gif": "image/gif", ".gz": "application/gzip", ".htm": "text/html", ".html": "text/html",
	".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".js": "text/javascript", ".json": "application/json", ".md": "text/markdown",
	".parquet": "application/vnd.apache.parquet", ".pdf": "application/pdf", ".pickle": "application/octet-stream",
	".pkl": "application/octet-stream", ".png": "image/png", ".py": "text/x-python", ".svg": "image/svg+xml", ".tsv": "text/tab-separated-values",
	".txt": "text/plain", ".webp": "image/webp", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml": "application/xml", ".yaml": "application/yaml", ".yml": "application/yaml", ".zip": "application/zip",
}
