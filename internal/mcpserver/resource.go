package mcpserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	contextsURI = "agentrun://contexts/"
	// ownContext stands in a URI for the default context of whoever reads it.
	ownContext = "default"
	// maxResource is how large a resource may be to be read: it goes over the wire in one piece.
	maxResource = 8 << 20
)

// outputURI is where the whole of one stream of a run can be read.
func outputURI(contextID string, run int, stream string) string {
	return contextsURI + contextID + "/runs/" + strconv.Itoa(run) + "/" + stream
}

// fileURI is where a file of a context can be read. Without a contextID it is a file of the reader's default context.
func fileURI(contextID, file string) string {
	if contextID == "" {
		contextID = ownContext
	}
	return contextsURI + contextID + "/files/" + escapePath(path.Clean(file))
}

// escapePath writes a path so that it can stand in a URI.
func escapePath(p string) string { return (&url.URL{Path: "/" + p}).EscapedPath()[1:] }

// normalURI escapes what models leave unescaped, such as spaces and letters outside ASCII: no template would match it.
func normalURI(uri string) string {
	var b strings.Builder
	for n := range len(uri) {
		if c := uri[n]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// addResources registers what can be read by URI. There is no list of concrete resources yet, so nothing is declared about
// changes to one.
func (s *Server) addResources() {
	s.mcp.AddResourceTemplate(
		mcp.NewResourceTemplate(contextsURI+"{id}/files/{+path}", "context file",
			mcp.WithTemplateTitle("File of a context"),
			mcp.WithTemplateDescription("A file in the working folder of a context, as list_files names it. The id "+ownContext+" means your own default context."),
		), s.resource(s.readFileResource))
	s.mcp.AddResourceTemplate(
		mcp.NewResourceTemplate(contextsURI+"{id}/runs/{n}/{stream}", "run output",
			mcp.WithTemplateTitle("Output of a run"),
			mcp.WithTemplateDescription("The whole of what a run printed, where its result was shortened. The stream is stdout, stderr or result. "+
				"The last runs of a context can be read until the context ends."),
			mcp.WithTemplateMIMEType("text/plain"),
		), s.resource(s.readOutputResource))
}

// resourceParts takes a resource's URI apart: the context, the kind, and what follows.
func resourceParts(uri string) (contextID, kind, rest string, err error) {
	tail, ok := strings.CutPrefix(uri, contextsURI)
	if !ok {
		return "", "", "", errNoResource
	}
	parts := strings.SplitN(tail, "/", 3)
	if len(parts) != 3 {
		return "", "", "", errNoResource
	}
	for n := range parts {
		if parts[n], err = url.PathUnescape(parts[n]); err != nil {
			return "", "", "", errNoResource
		}
	}
	return parts[0], parts[1], parts[2], nil
}

var errNoResource = errors.New("there is no such resource")

type resourceReader func(ctx context.Context, caller interpreter.Caller, uri string) (mcp.ResourceContents, error)

// resource makes a handler of a reader: it turns its errors and panics into the protocol errors of the client's era.
func (s *Server) resource(read resourceReader) server.ResourceTemplateHandlerFunc {
	return func(ctx context.Context, req mcp.ReadResourceRequest) (contents []mcp.ResourceContents, err error) {
		x := exchangeOf(ctx)
		uri := req.Params.URI
		defer func() {
			if p := recover(); p != nil {
				s.log.LogAttrs(ctx, slog.LevelError, "panic in a resource", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
				err = errors.New("reading this resource failed because of a mistake in AgentRun Tray, which is in its log")
			}
			if err != nil {
				x.reply.replace(resourceError(ctx, uri, err))
			}
		}()
		one, err := read(ctx, x.caller, uri)
		if err != nil {
			return nil, err
		}
		return []mcp.ResourceContents{one}, nil
	}
}

// resourceError is the protocol error for a resource that cannot be read.
func resourceError(ctx context.Context, uri string, err error) override {
	o := override{status: http.StatusOK, code: rpcInternalError, text: phrase.Clip(err.Error(), maxErrorText), data: map[string]any{"uri": phrase.Clip(uri, maxErrorText)}}
	missing := errors.Is(err, errNoResource) || errors.Is(err, sandbox.ErrContextNotFound) || errors.Is(err, sandbox.ErrFileNotFound) ||
		sandbox.CodeOf(err, "") == sandbox.CodeInvalidParams
	switch {
	case missing && server.IsModernRequest(ctx):
		o.status, o.code = http.StatusBadRequest, rpcInvalidParams
	case missing:
		o.code = mcp.RESOURCE_NOT_FOUND
	}
	return o
}

func (s *Server) readFileResource(ctx context.Context, caller interpreter.Caller, uri string) (mcp.ResourceContents, error) {
	contextID, _, name, err := resourceParts(uri)
	if err != nil {
		return nil, err
	}
	if contextID == ownContext {
		contextID = ""
	}
	data, file, err := s.readFile(ctx, caller, interpreter.FileRef{ContextID: contextID, Path: name, Mute: true})
	if err != nil {
		return nil, err
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

func (s *Server) readOutputResource(_ context.Context, _ interpreter.Caller, uri string) (mcp.ResourceContents, error) {
	contextID, _, rest, err := resourceParts(uri)
	if err != nil {
		return nil, err
	}
	number, stream, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, errNoResource
	}
	runs, err := s.interp.History(contextID)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if r.Number != n {
			continue
		}
		text, lost := "", int64(0)
		switch stream {
		case "stdout":
			text, lost = r.Result.Stdout, r.Result.Cut.Stdout
		case "stderr":
			text, lost = r.Result.Stderr, r.Result.Cut.Stderr
		case "result":
			if r.Result.Value != nil {
				text = r.Result.Value.Text
			}
		default:
			return nil, errNoResource
		}
		if lost > 0 {
			text += fmt.Sprintf("\n[… %s more were printed and are not kept anywhere]\n", phrase.Size(lost))
		}
		return mcp.TextResourceContents{URI: uri, MIMEType: "text/plain", Text: text}, nil
	}
	return nil, fmt.Errorf("run %d of this context is not in its history (the last runs are kept): %w", n, errNoResource)
}

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
