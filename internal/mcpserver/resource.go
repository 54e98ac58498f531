package mcpserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// resourceTemplates are the forms of the URIs of what belongs to a context.
var resourceTemplates = []struct{ uri, name, title, description, mime string }{
	{contextTemplate, "context", "Context", "One context: what it is, what it is doing, and its last runs with the URIs to read each by.", jsonType},
	{
		fileTemplate, "context file", "File of a context",
		"A file in the working folder of a context, as list_files names it. The id " + ownContext + " means your own default context.", "",
	},
	{
		runTemplate, "run", "Run", "One run of a context: its code, its outcome, and what it printed and showed, shortened in the middle where it is long. " +
			"The last runs of a context can be read until the context ends.", jsonType,
	},
	{
		streamTemplate, "run output", "Output of a run", "The whole of what a run printed, where its result was shortened. The stream is stdout, stderr or result. " +
			"The last runs of a context can be read until the context ends.", "text/plain",
	},
	{
		imageTemplate, "run image", "Picture of a run", "The k-th picture that a run showed, from 1, as it was made: a result has pictures scaled down where they are large. " +
			"The last runs of a context can be read until the context ends.", "",
	},
}

// addResources registers what can be read by URI. All of it is read in one place, see read.
func (s *Server) addResources() {
	for _, r := range []mcp.Resource{
		mcp.NewResource(poolURI, "pool", mcp.WithResourceTitle("Sandbox pool"), mcp.WithMIMEType(jsonType),
			mcp.WithResourceDescription("What this host is doing: its phase, the backend that runs code, and the sandboxes held ready.")),
		mcp.NewResource(allURI, "contexts", mcp.WithResourceTitle("Code contexts"), mcp.WithMIMEType(jsonType),
			mcp.WithResourceDescription("All contexts of this host, newest first, whoever made them, with what each is doing.")),
	} {
		s.mcp.AddResource(r, server.ResourceHandlerFunc(s.resource(s.read)))
	}
	for _, t := range resourceTemplates {
		s.mcp.AddResourceTemplate(
			mcp.NewResourceTemplate(t.uri, t.name, mcp.WithTemplateTitle(t.title), mcp.WithTemplateDescription(t.description), mcp.WithTemplateMIMEType(t.mime)),
			s.resource(s.read))
	}
}

// read reads any resource of ours.
func (s *Server) read(ctx context.Context, caller interpreter.Caller, uri string) (mcp.ResourceContents, error) {
	ref, err := parseResource(uri)
	if err != nil {
		return nil, err
	}
	switch ref.kind {
	case thePool:
		return jsonResource(uri, newPoolObject(s.opt.Status.Current())), nil
	case theContexts:
		return jsonResource(uri, s.contextList()), nil
	case aContext:
		return s.contextResource(uri, ref)
	case aFile:
		return s.fileResource(ctx, caller, uri, ref)
	case aRun, aStream, anImage:
		return s.partOfRun(uri, ref)
	}
	return nil, errNoResource
}

// jsonResource is a resource whose content is an object.
func jsonResource(uri string, object any) mcp.ResourceContents {
	return mcp.TextResourceContents{URI: uri, MIMEType: jsonType, Text: string(compactJSON(object))}
}

type resourceReader func(ctx context.Context, caller interpreter.Caller, uri string) (mcp.ResourceContents, error)

// resource makes a handler of a reader: it turns its errors and panics into the protocol errors of the client's era.
func (s *Server) resource(read resourceReader) server.ResourceTemplateHandlerFunc {
	return func(ctx context.Context, req mcp.ReadResourceRequest) (contents []mcp.ResourceContents, err error) {
		x := exchangeOf(ctx)
		uri, started := req.Params.URI, time.Now()
		defer func() {
			if p := recover(); p != nil {
				s.log.LogAttrs(ctx, slog.LevelError, "panic in a resource", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
				err = errors.New("reading this resource failed because of a mistake in AgentRun Tray, " + inLog(ctx))
			}
			if err != nil {
				x.reply.replace(resourceError(ctx, uri, err))
			}
			s.logRead(ctx, uri, started, err)
		}()
		one, err := read(ctx, x.caller, uri)
		if err != nil {
			return nil, err
		}
		return []mcp.ResourceContents{one}, nil
	}
}

// logRead writes one line for a resource that was read, at the level of the tools that only read. Never what it holds.
func (s *Server) logRead(ctx context.Context, uri string, started time.Time, err error) {
	if !s.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{slog.String("uri", clean(uri, 200)), slog.Duration("took", time.Since(started)), slog.String("outcome", outcomeOK)}
	if err != nil {
		attrs[2] = slog.String("outcome", string(sandbox.CodeOf(err, sandbox.CodeExecutionFailed)))
		attrs = append(attrs, slog.String("error", clean(err.Error(), 300)))
	}
	s.log.LogAttrs(ctx, slog.LevelDebug, "resource read", attrs...)
}

// resourceError is the protocol error for a resource that cannot be read.
func resourceError(ctx context.Context, uri string, err error) override {
	o := override{status: http.StatusOK, code: rpcInternalError, text: phrase.Clip(err.Error(), maxErrorText), data: map[string]any{"uri": phrase.Clip(uri, maxErrorText)}}
	missing := errors.Is(err, errNoResource) || errors.Is(err, sandbox.ErrContextNotFound) || errors.Is(err, sandbox.ErrFileNotFound) ||
		sandbox.CodeOf(err, "") == sandbox.CodeInvalidParams
	forbidden := sandbox.CodeOf(err, "") == sandbox.CodeNotAllowed
	if forbidden {
		o.data = map[string]any{"uri": phrase.Clip(uri, maxErrorText), "code": sandbox.CodeNotAllowed}
	}
	switch refused := forbidden || errors.Is(err, errWatched); {
	case (missing || refused) && server.IsModernRequest(ctx):
		o.status, o.code = http.StatusBadRequest, rpcInvalidParams
	case refused:
		o.code = rpcInvalidParams
	case missing:
		o.code = mcp.RESOURCE_NOT_FOUND
	}
	return o
}

// paramsError is the protocol error for arguments that cannot be used.
func paramsError(ctx context.Context, err error) override {
	o := override{status: http.StatusOK, code: rpcInvalidParams, text: phrase.Clip(err.Error(), maxErrorText)}
	if server.IsModernRequest(ctx) {
		o.status = http.StatusBadRequest
	}
	return o
}
