package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// errTimeUp is the cause with which a run's context ends at its deadline.
var errTimeUp = errors.New("the time for the run is up")

// Run implements [sandbox.Session].
func (s *session) Run(ctx context.Context, contextID string, run sandbox.Run) (sandbox.Result, error) {
	started := time.Now()
	result, err := s.run(ctx, contextID, run)
	s.logRun(ctx, contextID, started, result, err)
	return result, err
}

// logRun writes one line per run: where, how long, what came of it. Never the code or its output.
func (s *session) logRun(ctx context.Context, contextID string, started time.Time, result sandbox.Result, err error) {
	outcome := "ok"
	switch {
	case err != nil:
		outcome = string(sandbox.CodeOf(err, sandbox.CodeExecutionFailed))
	case result.Failure != nil:
		outcome = string(result.Failure.Code)
	}
	s.backend.log.LogAttrs(ctx, slog.LevelDebug, "run",
		slog.String("sandbox_id", s.id), slog.String("inner_id", contextID), slog.Duration("took", time.Since(started)),
		slog.String("outcome", outcome), slog.Bool("state_lost", result.StateLost))
}

func (s *session) run(ctx context.Context, contextID string, run sandbox.Run) (sandbox.Result, error) {
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
	instance, err := s.revive(ctx, cc)
	if err != nil {
		return sandbox.Result{}, err
	}
	limit := s.backend.traits.RunTime(run)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeUp)
	defer cancel()
	if ctx.Err() != nil { // the engine would notice only once the code has begun
		code, name, message := stopped(ctx, limit)
		return sandbox.Result{Failure: &sandbox.Failure{Code: code, Name: name, Message: message, Traceback: name + ": " + message + "\n"}}, nil
	}
	out := &collector{emit: run.Emit}
	ran, err := s.backend.engine.Run(ctx, instance, run.Code, out.take)
	if lost, ok := errors.AsType[*localengine.StateLostError](err); ok {
		return s.afterLoss(ctx, cc, lost, out, limit)
	}
	switch {
	case isGone(err):
		return sandbox.Result{}, s.lost()
	case errors.Is(err, localengine.ErrUnknownInstance):
		return sandbox.Result{}, s.vanished(cc)
	case errors.Is(err, localengine.ErrInvalidCode):
		return sandbox.Result{}, sandbox.Errorf(sandbox.CodeInvalidParams, "the code cannot be run: %w", err)
	case err != nil:
		return sandbox.Result{}, sandbox.Errorf(sandbox.CodeExecutionFailed, "the code could not be run: %w", err)
	}
	result := out.result(ran)
	if ran.Value != nil {
		value := sandbox.NewOutput(ran.Value)
		result.Value = &value
	}
	if ran.Error != nil {
		result.Failure = &sandbox.Failure{
			Code: sandbox.CodeExecutionFailed, Name: ran.Error.Name, Message: ran.Error.Message, Traceback: sandbox.EndLine(ran.Error.Traceback),
		}
		if ran.Outcome == localengine.Interrupted {
			result.Failure.Code, result.Failure.Name, result.Failure.Message = stopped(ctx, limit)
		}
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

// revive gives the instance to run in, a new one if the last could not be replaced. The caller has booked the context.
func (s *session) revive(ctx context.Context, cc *codeContext) (localengine.ID, error) {
	s.mu.Lock()
	instance := cc.instance
	s.mu.Unlock()
	if instance != 0 {
		return instance, nil
	}
	instance, err := s.replace(ctx, cc)
	if err != nil {
		return 0, sandbox.Errorf(sandbox.CodeExecutionFailed, "the interpreter of the context could not be started again: %w", err)
	}
	return instance, nil
}

// replace gives a context a new instance. It is not given up with the caller, whose run may have been cancelled.
func (s *session) replace(ctx context.Context, cc *codeContext) (localengine.ID, error) {
	instance, err := s.newInstance(context.WithoutCancel(ctx), cc)
	if err != nil {
		instance = 0
	}
	s.mu.Lock()
	unwanted := cc.stopped || s.closed
	if !unwanted {
		cc.instance = instance
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		return 0, err
	case unwanted:
		s.destroy(ctx, instance)
		return 0, s.vanished(cc)
	}
	return instance, nil
}

// vanished says why a context's instance is not there, when no run took it along.
func (s *session) vanished(cc *codeContext) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cc.stopped && !s.closed {
		return s.noContext(cc.id)
	}
	return s.lost()
}

// afterLoss makes the result of a run that its instance did not survive, and sees to a new instance.
func (s *session) afterLoss(ctx context.Context, cc *codeContext, lost *localengine.StateLostError, out *collector, limit time.Duration) (sandbox.Result, error) {
	result := out.result(lost.Result)
	result.StateLost = true
	failure := &sandbox.Failure{Code: sandbox.CodeExecutionFailed, Message: lost.Detail + "; files remain"}
	result.Failure = failure
	switch lost.Reason {
	case localengine.Destroyed:
		s.mu.Lock()
		stopped := cc.stopped && !s.closed
		s.mu.Unlock()
		if !stopped {
			return result, s.lost()
		}
		failure.Code, failure.Name, failure.Message = sandbox.CodeCancelled, "Cancelled", "the context was stopped while the code ran"
		return result, nil
	case localengine.Killed:
		failure.Code, failure.Name, _ = stopped(ctx, limit)
	case localengine.Exited:
		failure.Name = "InterpreterExited"
	default:
		failure.Name = "InterpreterCrashed"
	}
	failure.Traceback = failure.Name + ": " + failure.Message + "\n"
	if _, err := s.replace(ctx, cc); err != nil {
		s.backend.log.WarnContext(ctx, "lost interpreter was not replaced", "sandbox_id", s.id, "error", err)
	}
	return result, nil
}

// stopped says how a run came to be interrupted.
func stopped(ctx context.Context, limit time.Duration) (code sandbox.Code, name, message string) {
	if errors.Is(context.Cause(ctx), errTimeUp) {
		return sandbox.CodeTimeout, "TimeoutError", fmt.Sprintf("the code was stopped after %s, the time it was given; its variables are kept", limit)
	}
	return sandbox.CodeCancelled, "Cancelled", "the run was cancelled; its variables are kept"
}

// collector gathers what a run hands out. Only the goroutine of the run uses it.
type collector struct {
	emit           func(sandbox.Chunk)
	stdout, stderr strings.Builder
	lateOut        tail // what was printed beyond the engine's limit
	lateErr        tail
	displays       []sandbox.Output
}

func (c *collector) take(event localengine.Event) {
	chunk := sandbox.Chunk{Stream: sandbox.Stdout, Text: event.Text}
	switch event.Kind {
	case localengine.Display:
		c.displays = append(c.displays, sandbox.NewOutput(event.Bundle))
		return
	case localengine.Stderr:
		chunk.Stream = sandbox.Stderr
		keep(event, &c.stderr, &c.lateErr)
	case localengine.Stdout:
		keep(event, &c.stdout, &c.lateOut)
	}
	if c.emit != nil {
		c.emit(chunk)
	}
}

// result begins the result of a run with what was gathered.
func (c *collector) result(ran localengine.Result) sandbox.Result {
	result := sandbox.Result{Displays: c.displays, Duration: ran.Duration}
	result.Stdout, result.Cut.Stdout, result.CutAt.Stdout = c.lateOut.join(c.stdout.String(), ran.Cut.Stdout)
	result.Stderr, result.Cut.Stderr, result.CutAt.Stderr = c.lateErr.join(c.stderr.String(), ran.Cut.Stderr)
	if n := ran.Cut.Displays; n > 0 {
		result.Displays = append(result.Displays, sandbox.Output{Text: fmt.Sprintf("(displayed objects left out because they were too many or too large: %d. Save large ones to files and fetch those with download_file)", n)})
	}
	if n := ran.Cut.Forms; n > 0 {
		result.Displays = append(result.Displays, sandbox.Output{Text: fmt.Sprintf("(pictures or other forms of objects left out because they were too large, or shortened: %d. Save them to files and fetch those with download_file)", n)})
	}
	return result
}
