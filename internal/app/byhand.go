package app

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// byHand is on whose behalf somebody runs code in the window. No client's key has this form.
var byHand = interpreter.Caller{Key: "window", Name: "AgentRun Tray", Beside: true}

// nameByHand is what contexts are called that are made in the window: as its button.
func (a *App) nameByHand() string {
	if a.settings().LanguageTag() == config.Chinese {
		return "试一试"
	}
	return "Try it"
}

// WatchContext says whose notebook the next desks shall have; an empty id means none. It returns at once.
func (a *App) WatchContext(contextID string) { a.feed.Follow(contextID) }

// NewContext makes a context by hand. An empty language means the backend's first.
func (a *App) NewContext(ctx context.Context, language string) (contextID string, err error) {
	began := time.Now()
	cc, err := a.interp.CreateContext(ctx, byHand, interpreter.NewContext{Name: a.nameByHand(), Language: sandbox.Language(language)})
	a.noteByHand("create_context", cc, began, time.Since(began), err)
	return cc.ID, err
}

// RunCode begins to run code by hand, and does not wait for what comes of it: that is in the notebook. An empty id means a new context of
// the language; its id is returned also when the code could not be begun.
func (a *App) RunCode(ctx context.Context, contextID, language, code string) (newContextID string, err error) {
	began := time.Now()
	if contextID == "" {
		if contextID, err = a.NewContext(ctx, language); err != nil {
			return "", err
		}
	}
	if _, err := a.interp.Begin(ctx, byHand, interpreter.RunRequest{ContextID: contextID, Code: code}); err != nil {
		a.noteByHand("run_code", a.named(contextID), began, time.Since(began), err)
		return contextID, err
	}
	return contextID, nil
}

// StopContext ends a context, with the code that runs in it.
func (a *App) StopContext(ctx context.Context, contextID string) error {
	began := time.Now()
	cc := a.named(contextID)
	err := a.interp.StopContext(ctx, contextID, true)
	a.noteByHand("stop_context", cc, began, time.Since(began), err)
	return err
}

// Interrupt ends one of the runs of a snapshot, also one that waits. Its context goes on. One that has ended meanwhile is left as it is.
func (a *App) Interrupt(runID string) {
	if a.interp.InterruptByID(runID) {
		a.log.Info("interrupted by hand", "run_id", runID)
	}
}

// SaveNotebook writes what was run in a context as a Jupyter notebook.
func (a *App) SaveNotebook(contextID string, to io.Writer) error {
	n, err := notebook.Read(a.interp, contextID)
	if err != nil {
		return err
	}
	return notebook.Write(to, n)
}

// ExportCalls writes the activity as JSON lines.
func (a *App) ExportCalls(to io.Writer) error { return a.activity.Export(to) }

// ended takes note of a run that has its result: for the figures, and, of those by hand, for the activity.
func (a *App) ended(r *interpreter.Run) {
	res, err := r.Result()
	if err == nil {
		a.sites.reached(res.SandboxID)
	}
	a.figures.Ran(time.Now(), res.SandboxID, res.Duration, err != nil || res.Failure != nil)
	if r.Caller().Key != byHand.Key {
		return // the MCP face knows more of it
	}
	cc := a.named(r.ContextID())
	cc.RunID = r.ID()
	raised := ""
	if err == nil && res.Failure != nil {
		err, raised = &sandbox.Error{Code: res.Failure.Code}, res.Failure.Name // its message is output
	}
	a.noteCall(activity.Call{Tool: "run_code", At: r.Asked(), Took: time.Since(r.Asked()), Raised: activity.NameOfError(raised)}, cc, err)
}

// named is a context as far as it is known, without the run in progress: that is not what is done to the context.
func (a *App) named(contextID string) interpreter.Context {
	cc, _ := a.interp.Context(contextID)
	cc.ID, cc.RunID = contextID, ""
	return cc
}

// noteByHand is noteCall for what has no more to tell.
func (a *App) noteByHand(tool string, cc interpreter.Context, began time.Time, took time.Duration, err error) {
	a.noteCall(activity.Call{Tool: tool, At: began, Took: took}, cc, err)
}

// noteCall puts what was done by hand among the activity, and into the log as calls of clients are.
func (a *App) noteCall(c activity.Call, cc interpreter.Context, err error) {
	sentence := ""
	c.Outcome = activity.OK
	if err != nil {
		c.Outcome, sentence = string(sandbox.CodeOf(err, sandbox.CodeExecutionFailed)), err.Error()
	}
	c.ID, c.Client, c.ContextID, c.Context = cmp.Or(cc.RunID, "hand-"+uuid.NewString()), byHand.Name, cc.ID, cc.Name
	c.Detail = logging.Lines(context.Background(), slog.String("request_id", c.ID), slog.String("client", c.Client), slog.String("context_id", cc.ID), slog.String("raised", c.Raised), slog.String("error", sentence))
	a.activity.Add(c)
	a.log.Info("by hand", "tool", c.Tool, "request_id", c.ID, "context_id", cc.ID, "took", c.Took, "outcome", c.Outcome)
}
