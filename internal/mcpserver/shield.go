package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// maxErrorText is how many characters of an error's sentence are told. Errors quote what they were given, and that may be long.
const maxErrorText = 2 << 10

// errorObject is the result of a call that could not be carried out, as the tool contract has it.
type errorObject struct {
	Error string       `json:"error"`
	Code  sandbox.Code `json:"code"`
}

// shield is the middleware around every tool. Whatever goes wrong inside, panics included, becomes a result: mcp-go would make
// a protocol error of it, which clients log and models never see. It also counts and logs the call.
func (s *Server) shield(next server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		x := exchangeOf(ctx)
		started := time.Now()
		res, err := s.guarded(ctx, next, req)
		if err != nil && passesThrough(ctx, x.reply, err) {
			s.noteCall(ctx, req, x, started, err)
			return nil, err
		}
		outcome := err
		if err != nil {
			res = errorResult(err)
		} else if res != nil && res.IsError {
			outcome = errors.New("the tool said so")
		}
		s.clients.count(x.client, outcome != nil)
		s.noteCall(ctx, req, x, started, outcome)
		return res, nil
	}
}

// guarded calls a tool and turns a panic into an error.
func (s *Server) guarded(ctx context.Context, next server.ToolHandlerFunc, req mcp.CallToolRequest) (res *mcp.CallToolResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.LogAttrs(ctx, slog.LevelError, "panic in a tool",
				slog.String("tool", req.Params.Name), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			err = sandbox.Errorf(sandbox.CodeExecutionFailed, "%s failed because of a mistake in AgentRun Tray, %s; other calls are not affected", req.Params.Name, inLog(ctx))
		}
	}()
	x := exchangeOf(ctx)
	if err := x.mayUse(req.Params.Name); err != nil {
		return nil, err
	}
	if x.message.garbled {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "the call is not text: it has bytes that are not UTF-8, or half of a surrogate pair; send text as UTF-8, and other bytes with upload_file in base64")
	}
	return next(ctx, req)
}

// passesThrough reports whether an error has to reach the client as a protocol error, which the newer era prescribes for some,
// and makes sure that it does with the code and status prescribed.
func passesThrough(ctx context.Context, rep *reply, err error) bool {
	status := http.StatusOK
	if server.IsModernRequest(ctx) {
		status = http.StatusBadRequest
	}
	if missing, ok := errors.AsType[mcp.MissingRequiredClientCapabilityError](err); ok {
		rep.replace(override{status, mcp.MISSING_REQUIRED_CLIENT_CAPABILITY, phrase.Clip(err.Error(), maxErrorText), map[string]any{
			"requiredCapabilities": map[string]any{missing.Capability: struct{}{}},
		}})
		return true
	}
	if errors.Is(err, mcp.ErrInvalidParams) {
		rep.replace(override{status, rpcInvalidParams, phrase.Clip(err.Error(), maxErrorText), nil})
		return true
	}
	return false
}

// errorResult makes the result of a call that could not be carried out.
func errorResult(err error) *mcp.CallToolResult {
	code := sandbox.CodeExecutionFailed
	switch {
	case errors.Is(err, context.Canceled):
		code = sandbox.CodeCancelled
	case errors.Is(err, context.DeadlineExceeded):
		code = sandbox.CodeTimeout
	}
	text := compactJSON(errorObject{Error: phrase.Clip(err.Error(), maxErrorText), Code: sandbox.CodeOf(err, code)})
	return &mcp.CallToolResult{
		Content:           []mcp.Content{mcp.NewTextContent(string(text))},
		StructuredContent: json.RawMessage(text),
		IsError:           true,
	}
}

// noteCall tells of a call: one line in the log, and one entry among the activity.
func (s *Server) noteCall(ctx context.Context, req mcp.CallToolRequest, x *exchange, started time.Time, err error) {
	took := time.Since(started)
	outcome, sentence := cameOf(err)
	s.logCall(ctx, req, x, took, outcome, sentence)
	if s.opt.Activity == nil {
		return
	}
	c := activity.Call{At: started, Client: x.caller.Name, Tool: clean(req.Params.Name, 40), ContextID: x.contextID, Context: x.context, Took: took, Outcome: outcome}
	if err == nil && x.outcome != "" {
		c.Outcome, c.Raised = x.outcome, x.raised
	}
	if cc, ok := s.interp.Context(x.contextID); ok {
		c.Context = cc.Name
	}
	if id, ok := logging.Value(ctx, keyRequestID); ok {
		c.ID = id.String()
	}
	c.Detail = logging.Lines(ctx, slog.String("context_id", x.contextID), slog.String("raised", c.Raised), slog.String("error", sentence))
	s.opt.Activity.Add(c)
}

// cameOf is what came of a call in one word, and the sentence of its error unless that may quote arguments, which may be code.
func cameOf(err error) (outcome, sentence string) {
	switch code := sandbox.CodeOf(err, sandbox.CodeExecutionFailed); {
	case err == nil:
		return activity.OK, ""
	case code == sandbox.CodeInvalidParams, code == sandbox.CodeInvalidLanguage, code == sandbox.CodeInvalidContextName:
		return string(code), ""
	default:
		return string(code), clean(err.Error(), 300)
	}
}

// logCall writes one line per call: what, how long, what came of it. Who and on which request is in the context. Never the code or
// its output.
func (s *Server) logCall(ctx context.Context, req mcp.CallToolRequest, x *exchange, took time.Duration, outcome, sentence string) {
	level := slog.LevelInfo
	if t, ok := s.tools[req.Params.Name]; ok && t.hints.readOnly && outcome != string(sandbox.CodeNotAllowed) {
		level = slog.LevelDebug
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("tool", clean(req.Params.Name, 40)), slog.Duration("took", took),
	}
	if x.contextID != "" {
		attrs = append(attrs, slog.String("context_id", x.contextID))
	}
	attrs = append(attrs, slog.String("outcome", outcome))
	if sentence != "" {
		attrs = append(attrs, slog.String("error", sentence))
	}
	s.log.LogAttrs(ctx, level, "tool call", attrs...)
}
