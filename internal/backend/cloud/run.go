package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Run implements [sandbox.Session].
func (s *session) Run(ctx context.Context, contextID string, run sandbox.Run) (sandbox.Result, error) {
	began := time.Now()
	result, err := s.run(ctx, contextID, run)
	outcome := "ok"
	switch {
	case err != nil:
		outcome = string(sandbox.CodeOf(err, sandbox.CodeExecutionFailed))
	case result.Failure != nil:
		outcome = string(result.Failure.Code)
	}
	s.backend.log.LogAttrs(ctx, slog.LevelDebug, "run",
		slog.String("sandbox_id", s.id), slog.String("inner_id", contextID), slog.Duration("took", time.Since(began)),
		slog.String("outcome", outcome), slog.Bool("state_lost", result.StateLost))
	return result, err
}

func (s *session) run(outer context.Context, contextID string, run sandbox.Run) (sandbox.Result, error) {
	if err := s.enter(); err != nil {
		return sandbox.Result{}, err
	}
	defer s.calls.Done()
	if err := s.backend.traits.CheckRun(run); err != nil {
		return sandbox.Result{}, err
	}
	cc, err := s.begin(contextID)
	if err != nil {
		return sandbox.Result{}, err
	}
	defer s.end(cc)
	ctx, stop := s.bind(outer, cc.ctx)
	defer stop()
	remote, lost, err := s.ready(ctx, cc)
	switch {
	case ctx.Err() != nil:
		return s.givenUp(ctx, false, 0)
	case err != nil:
		return sandbox.Result{}, err
	case lost:
		return failed(sandbox.CodeExecutionFailed, "InterpreterLost", "the context's interpreter had ended and was replaced: its variables are gone, its files remain. Nothing of this code was run; set up what it needs and run it again", true), nil
	case strings.TrimSpace(run.Code) == "":
		return sandbox.Result{}, nil // the service refuses it
	}
	limit := s.backend.traits.RunTime(run)
	began := time.Now()
	answer, err := s.client.Execute(ctx, s.id, agentrun.Execution{Code: run.Code, ContextID: remote, Timeout: limit})
	took := time.Since(began)
	if err != nil {
		return s.runFailed(ctx, cc, remote, err, took)
	}
	result := resultOf(answer, run.Emit)
	result.Duration = took
	if answer.Outcome() == agentrun.OutcomeTimeout || diedOf(result.Failure) {
		return s.afterEnd(ctx, cc, remote, result, (limit + time.Second - 1).Truncate(time.Second))
	}
	return result, nil
}

// begin books a context for one run.
func (s *session) begin(contextID string) (*codeContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cc, ok := s.contexts[contextID]
	switch {
	case !ok:
		return nil, s.noContext(contextID)
	case cc.running != nil:
		return nil, sandbox.Errorf(sandbox.CodeExecutionFailed, "the context %s runs other code at the moment; wait for it or cancel it", contextID)
	}
	cc.running = make(chan struct{})
	return cc, nil
}

func (s *session) end(cc *codeContext) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(cc.running)
	cc.running = nil
}

func failed(code sandbox.Code, name, message string, stateLost bool) sandbox.Result {
	return sandbox.Result{
		Failure:   &sandbox.Failure{Code: code, Name: name, Message: message, Traceback: name + ": " + message + "\n"},
		StateLost: stateLost,
	}
}

// givenUp makes the result of a run that was ended from outside.
func (s *session) givenUp(ctx context.Context, stateLost bool, took time.Duration) (sandbox.Result, error) {
	var result sandbox.Result
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSessionClosed):
		return sandbox.Result{}, s.lost(nil)
	case errors.Is(cause, errContextStopped):
		result = failed(sandbox.CodeCancelled, "Cancelled", "the context was stopped while the code ran", true)
	case stateLost:
		result = failed(sandbox.CodeCancelled, "Cancelled", "the run was cancelled. AgentRun cannot stop code, so the context was given a new interpreter: its variables are gone, its files remain, and nothing is known of what the code printed", true)
	default:
		result = failed(sandbox.CodeCancelled, "Cancelled", "the run was cancelled before it began; the variables are as they were", false)
	}
	result.Duration = took
	return result, nil
}

// runFailed judges a run that got no result.
func (s *session) runFailed(ctx context.Context, cc *codeContext, remote string, err error, took time.Duration) (sandbox.Result, error) {
	const attempt = "run the code"
	e, _ := errors.AsType[*agentrun.APIError](err)
	uncertain := e != nil && e.Uncertain
	switch {
	case ctx.Err() != nil:
		if uncertain && context.Cause(cc.ctx) == nil {
			s.mend(cc, remote)
		}
		return s.givenUp(ctx, uncertain, took)
	case s.isOver(ctx, err):
		return sandbox.Result{}, s.lost(err)
	case e != nil && e.Kind == agentrun.KindContextNotFound:
		s.mend(cc, "")
		return failed(sandbox.CodeExecutionFailed, "InterpreterLost", "the context's interpreter is gone and was replaced: its variables are gone, its files remain. Nothing of this code was run; set up what it needs and run it again", true), nil
	case !uncertain:
		return sandbox.Result{}, s.backend.explain(attempt, sandbox.CodeExecutionFailed, err)
	}
	s.mu.Lock()
	cc.doubt = true
	s.mu.Unlock()
	code := sandbox.CodeExecutionFailed
	if e.Kind == agentrun.KindTimeout || e.Kind == agentrun.KindGatewayTimeout {
		code = sandbox.CodeTimeout
	}
	_, why, _ := s.backend.meaning(e)
	message := "the run's result is lost: " + why + ". Whether the code ran, or still runs, is not known, so it was not sent again: look at what it changed before you repeat it. Code has 30 s; longer work belongs in the background"
	if e.RequestID != "" {
		message += " (request " + e.RequestID + ")"
	}
	return sandbox.Result{}, &sandbox.Error{Code: code, Message: message, Err: err}
}

// afterEnd finishes the result of a run whose interpreter may have ended with it.
func (s *session) afterEnd(ctx context.Context, cc *codeContext, remote string, result sandbox.Result, limit time.Duration) (sandbox.Result, error) {
	state, kept := s.probe(ctx, cc, remote), "its variables are kept"
	switch {
	case ctx.Err() != nil && state != alive:
		s.mu.Lock()
		cc.doubt = true
		s.mu.Unlock()
		kept = "whether its variables are kept was not waited for; the next run tells"
	case state == over:
		return result, s.lost(nil)
	case state == missing:
		s.mend(cc, "")
		result.StateLost = true
	case state != alive:
		s.mend(cc, remote)
		result.StateLost = true
	}
	if result.Failure.Code == sandbox.CodeTimeout {
		if result.StateLost {
			kept = "its interpreter did not survive that and was replaced: its variables are gone, its files remain"
		}
		result.Failure.Message = fmt.Sprintf("the code was stopped after %s, the time it was given; %s", limit, kept)
		result.Failure.Traceback = result.Failure.Name + ": " + result.Failure.Message + "\n"
	}
	return result, nil
}

// life is what a look at an interpreter found.
type life int

const (
	alive   life = iota
	fresh        // it answers, but is not the one it was
	missing      // it is not there
	silent       // it does not answer
	over         // the sandbox is gone
)

// probe looks whether an interpreter is the one it was.
func (s *session) probe(ctx context.Context, cc *codeContext, remote string) life {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	answer, err := s.client.Execute(ctx, s.id, agentrun.Execution{Code: probeCode(cc), ContextID: remote, Timeout: probeLimit})
	switch {
	case err == nil && answer.Outcome() == agentrun.OutcomeOK:
		for _, forms := range answer.Values() {
			if strings.Contains(forms["text/plain"], cc.mark) {
				return alive
			}
		}
		return fresh
	case err == nil:
		return silent
	case s.isOver(ctx, err):
		return over
	case agentrun.KindOf(err) == agentrun.KindContextNotFound:
		return missing
	}
	return silent
}

// markCode gives an interpreter its mark, out of the way of the user's variables. It has no value.
func markCode(cc *codeContext) string {
	if cc.language == sandbox.JavaScript {
		return `Object.defineProperty(globalThis, "_agentrun_tray", {value: ` + strconv.Quote(cc.mark) + `}); void 0`
	}
	return `__import__("builtins")._agentrun_tray = ` + strconv.Quote(cc.mark)
}

// probeCode has the mark as its value, if there is one.
func probeCode(cc *codeContext) string {
	if cc.language == sandbox.JavaScript {
		return `globalThis._agentrun_tray ?? ""`
	}
	return `getattr(__import__("builtins"), "_agentrun_tray", "")`
}

// ready gives the interpreter to run in. One that is in doubt is looked at, one that is lost replaced; lost says that nobody has
// been told of that yet. The caller has booked the context.
func (s *session) ready(ctx context.Context, cc *codeContext) (remote string, lost bool, err error) {
	s.await(ctx, cc)
	s.mu.Lock()
	remote, doubt := cc.remote, cc.doubt
	s.mu.Unlock()
	if remote != "" && doubt {
		switch s.probe(ctx, cc, remote) {
		case alive:
			s.mu.Lock()
			cc.doubt = false
			s.mu.Unlock()
			return remote, false, nil
		case over:
			return "", false, s.lost(nil)
		case fresh, missing, silent:
		}
		if ctx.Err() != nil {
			return "", false, context.Cause(ctx)
		}
		s.mend(cc, remote)
		lost = true
	} else if remote == "" && ctx.Err() == nil {
		s.mend(cc, "")
	}
	s.await(ctx, cc)
	s.mu.Lock()
	remote = cc.remote
	over := s.gone || s.closed
	s.mu.Unlock()
	switch {
	case remote != "" || ctx.Err() != nil:
		return remote, lost, nil
	case over:
		return "", false, s.lost(nil)
	}
	return "", false, sandbox.Errorf(sandbox.CodeExecutionFailed, "the context's interpreter was lost and AgentRun could not give it another: its variables are gone. Nothing of this code was run; try again, or create another context")
}

// await waits until an interpreter is not being replaced.
func (s *session) await(ctx context.Context, cc *codeContext) {
	s.mu.Lock()
	mending := cc.mending
	s.mu.Unlock()
	if mending == nil {
		return
	}
	select {
	case <-mending:
	case <-ctx.Done():
	}
}

// mend deletes a context's interpreter, with what it still runs, and makes another in the same folder, beside its caller, which
// has booked the context. An old one of "" is gone already.
func (s *session) mend(cc *codeContext, old string) {
	mending := make(chan struct{})
	s.mu.Lock()
	cc.remote, cc.doubt, cc.mending = "", false, mending
	s.mu.Unlock()
	s.calls.Go(func() {
		defer close(mending)
		if old != "" {
			s.deleteRemote(old)
		}
		ctx, cancel := context.WithTimeout(cc.ctx, mendLimit)
		defer cancel()
		remote, err := s.furnish(ctx, cc)
		if err != nil && ctx.Err() == nil && !s.isOver(ctx, err) {
			s.backend.log.Warn("lost interpreter was not replaced", "sandbox_id", s.id, "error", err)
		}
		s.mu.Lock()
		cc.remote, cc.mending = remote, nil
		s.mu.Unlock()
	})
}
