package interpreter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// RunRequest asks for one execution of code.
type RunRequest struct {
	Code string
	// ContextID names the context. Empty: the caller's default context for Language, made on first use.
	ContextID string
	// Language must be empty or agree with the context where ContextID is set.
	Language sandbox.Language
	// Timeout is how long the code may run; nil means the usual time.
	Timeout *time.Duration
}

// RunResult is what came of a run.
type RunResult struct {
	sandbox.Result
	ContextID string
	Backend   string
	SandboxID string
	Number    int      // the run's number in its context, from 1
	Warm      bool     // the session was ready beforehand
	Notices   []string // what the caller must know, such as that variables are gone
}

// Run is one execution of code that was asked for. It goes on by itself, whoever watches it. Methods are safe for concurrent use.
type Run struct {
	i      *Interpreter
	id     string
	caller Caller
	cc     *codeContext
	seq    int // order in which runs were begun
	ticket *ticket
	asked  time.Time
	done   chan struct{}

	// Guarded by Interpreter.mu.
	wanted    bool      // the call that asked for the run does not wait for its result
	abandoned bool      // nobody will be handed its result
	told      []string  // the notices in its result
	kept      bool      // the history has had it
	ended     time.Time // when there was a result

	mu        sync.Mutex // guards below; Interpreter.mu is never taken while it is held
	state     RunState
	code      string
	number    int                     // in its context; 0 before it is its turn
	cancel    context.CancelCauseFunc // nil when it has ended
	began     time.Time
	warm      bool
	stdout    recorder
	stderr    recorder
	newest    sandbox.Stream // where something was printed last
	listeners []*listener
	result    RunResult
	err       error
	bytes     int // what the result keeps in memory
}

// ID names the run for as long as RunByID finds it.
func (r *Run) ID() string { return r.id }

// ContextID names the context in which the code runs.
func (r *Run) ContextID() string { return r.cc.id }

// Caller is on whose behalf the code runs.
func (r *Run) Caller() Caller { return r.caller }

// Asked is when the run was asked for.
func (r *Run) Asked() time.Time { return r.asked }

// Code is what runs.
func (r *Run) Code() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.code
}

// Done is closed when there is a result.
func (r *Run) Done() <-chan struct{} { return r.done }

// Result is what came of the run, once Done is closed. The error says why the code could not be run.
func (r *Run) Result() (RunResult, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result, r.err
}

// Cancel ends the run, which takes a moment: Done tells when it has ended. It does nothing to a run that has.
func (r *Run) Cancel() { r.stop(errCancelled) }

// Abandon is Cancel for a run whose result nobody is going to be handed. What that would have told, such as that variables are gone,
// is told with the next result in the context.
func (r *Run) Abandon() {
	r.i.mu.Lock()
	r.abandoned = true
	r.cc.pending, r.cc.heard = append(r.told, r.cc.pending...), 0
	r.told = nil
	r.i.mu.Unlock()
	r.stop(errCancelled)
}

// stop ends the run, and reports whether it had not ended yet.
func (r *Run) stop(cause error) bool {
	r.mu.Lock()
	cancel := r.cancel
	r.mu.Unlock()
	if cancel == nil {
		return false
	}
	cancel(cause)
	return true
}

// Detach says that nobody waits for the run any more who would be handed its result. The result is then kept in preference to
// those that somebody has had.
func (r *Run) Detach() {
	r.i.mu.Lock()
	r.wanted = true
	r.i.mu.Unlock()
}

var (
	errCancelled   = errors.New("the run was cancelled")
	errInterrupted = errors.New("the run was interrupted")
)

// Begin starts a run that goes on by itself, after the runs in the context that came before it. What ctx carries, such as log
// attributes, goes with the run; the end of ctx does not concern it. An error means that nothing was started.
func (i *Interpreter) Begin(ctx context.Context, caller Caller, req RunRequest) (*Run, error) {
	ctx, cancel, leave, err := i.enter(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	var timeout time.Duration
	cc, orphan, err := i.find(caller, req.ContextID, req.Language, func(site *Site) (err error) {
		if err = site.checkCode(req.Code); err == nil {
			timeout, err = site.runTimeout(req.Timeout, i.opt.RunTimeout)
		}
		return err
	})
	if err != nil {
		leave()
		return nil, err
	}
	r := &Run{
		i: i, id: "run-" + uuid.NewString(), caller: caller, cc: cc, asked: time.Now(), cancel: cancel, done: make(chan struct{}),
		state: RunWaiting, code: req.Code,
	}
	i.mu.Lock()
	r.ticket = cc.queue.book() // here and not on its own goroutine: runs keep the order in which they were begun
	i.runs.begin(r)
	i.mu.Unlock()
	signal(i.changed)
	go func() {
		defer leave()
		res, err := i.carryOut(ctx, cancel, r, orphan, sandbox.Run{Code: req.Code, Timeout: timeout, Emit: r.take})
		i.logEnd(ctx, r, res, err)
		r.ends(res, err)
		if i.opt.Ended != nil {
			i.opt.Ended(r)
		}
		i.mu.Lock()
		i.runs.end(r)
		i.mu.Unlock()
		i.release(cc)
		close(r.done)
	}()
	return r, nil
}

// RunCode is Begin for a caller that waits for the result. Code that raises is a result, not an error. Ending ctx stops the code.
func (i *Interpreter) RunCode(ctx context.Context, caller Caller, req RunRequest) (RunResult, error) {
	if ctx.Err() != nil {
		return RunResult{}, cancelled(ctx)
	}
	r, err := i.Begin(ctx, caller, req)
	if err != nil {
		return RunResult{}, err
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		r.stop(context.Cause(ctx))
		<-r.done
	}
	return r.Result()
}

// carryOut waits for the run's turn, runs the code, and keeps what came of it in the context's history. A panic on the way ends this
// run and nothing else.
func (i *Interpreter) carryOut(
	ctx context.Context, cancel context.CancelCauseFunc, r *Run, orphan *codeContext, run sandbox.Run,
) (res RunResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			i.log.LogAttrs(ctx, slog.LevelError, "panic in a run", slog.String("run_id", r.id), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			err = sandbox.Errorf(sandbox.CodeExecutionFailed, "running the code failed because of a mistake in AgentRun Tray, which is in its log; the code may have had effects")
		}
	}()
	i.evict(ctx, orphan)
	cc := r.cc
	if err := i.takeTurn(ctx, cc, r.ticket, cancel); err != nil {
		return RunResult{}, err
	}
	defer i.yieldTurn(cc, r.ticket)
	warm, err := i.place(ctx, cc, i.opt.ReadyTimeout)
	if err != nil {
		return RunResult{}, err
	}
	r.starts(warm)
	if res, err = i.execute(ctx, r, run); err != nil {
		return RunResult{}, err
	}
	res.Warm = warm
	res.Notices = i.dueWith(r, res.StateLost)
	i.record(r, run.Code, res)
	return res, nil
}

// dueWith takes what the result of a run has to tell. Of an abandoned one that is nothing, and the next result tells all of it.
func (i *Interpreter) dueWith(r *Run, lost bool) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if lost && !slices.Contains(r.cc.pending, stateLost) {
		r.cc.pending = append(r.cc.pending, stateLost)
	}
	if r.abandoned {
		return nil
	}
	notices := i.dueLocked(r.cc, r.caller)
	if !r.caller.Beside || r.caller.Key == r.cc.maker { // otherwise all of it is pending still
		r.told = slices.Clone(notices)
	}
	return notices
}

// stateLost is told with the result of a run that cost its context the interpreter.
const stateLost = "The code did not react to the interrupt and its interpreter was ended: the context goes on with a fresh one, variables and imports are gone."

// execute runs the code on the context's session. The run has the turn and has placed the context.
func (i *Interpreter) execute(ctx context.Context, r *Run, run sandbox.Run) (RunResult, error) {
	cc := r.cc
	cc.names.Add(cc.language, run.Code)
	i.mu.Lock()
	cc.runs++
	cc.current = r
	number, site, lease, inner := cc.runs, cc.site, cc.lease, cc.inner
	r.numbered(number)
	if lost, _ := cc.lost(); lost {
		cc.endTurn(sandbox.ErrSessionLost) // the watch on the session found nothing to end yet
	}
	i.mu.Unlock()
	signal(i.changed)
	defer func() {
		i.mu.Lock()
		cc.current = nil
		i.mu.Unlock()
		signal(i.changed)
	}()
	if i.log.Enabled(ctx, slog.LevelDebug) {
		i.log.LogAttrs(ctx, slog.LevelDebug, "run started",
			slog.String("context_id", cc.id), slog.String("run_id", r.id), slog.Int("number", number), slog.Duration("waited", time.Since(r.asked)))
	}

	res, err := lease.Value().Run(ctx, inner.ID, run)
	if lost := errors.Is(err, sandbox.ErrSessionLost); lost || errors.Is(context.Cause(ctx), sandbox.ErrSessionLost) {
		cause := lease.Cause()
		if cause == nil {
			cause = err
		}
		lease.Discard(cause)
		return RunResult{}, &sandbox.Error{
			Code: sandbox.CodeSessionLost, Err: cause,
			Message: fmt.Sprintf("the sandbox was lost while the code ran%s. It may or may not have finished; it was not run again. "+
				"The next run in context %s starts with an empty one", because(cause), cc.id),
		}
	}
	if err != nil {
		suspect(lease, err)
		if e, ok := errors.AsType[*sandbox.Error](err); ok {
			return RunResult{}, e
		}
		return RunResult{}, &sandbox.Error{Code: sandbox.CodeExecutionFailed, Message: "the code could not be run: " + err.Error(), Err: err}
	}
	if res.Failure != nil && res.Failure.Code == sandbox.CodeCancelled {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errStopped):
			res.Failure.Message = "the context was stopped while the code ran"
		case errors.Is(cause, errClosing):
			res.Failure.Message = "AgentRun Tray was shut down while the code ran"
		case errors.Is(cause, errInterrupted):
			res.Failure.Message = "the code was interrupted from elsewhere, not by whoever started it" + contextGoesOn(res)
		case errors.Is(cause, errCancelled):
			res.Failure.Message = "the run was cancelled while the code ran" + contextGoesOn(res)
		}
	}
	return RunResult{Result: res, ContextID: cc.id, Backend: site.Name(), SandboxID: lease.Value().SandboxID(), Number: number}, nil
}

// contextGoesOn ends a sentence about a run that was stopped with what became of its context.
func contextGoesOn(res sandbox.Result) string {
	if res.StateLost {
		return "; it did not react and was ended by force, and its variables are lost"
	}
	return "; the context goes on"
}

// logEnd writes down what came of a run, never its code or output.
func (i *Interpreter) logEnd(ctx context.Context, r *Run, res RunResult, err error) {
	if !i.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	outcome := "ok"
	switch {
	case err != nil:
		outcome = string(sandbox.CodeOf(err, sandbox.CodeExecutionFailed))
	case res.Failure != nil:
		outcome = string(res.Failure.Code)
	}
	i.log.LogAttrs(ctx, slog.LevelDebug, "run ended",
		slog.String("context_id", r.cc.id), slog.String("run_id", r.id), slog.Int("number", res.Number), slog.Duration("took", res.Duration),
		slog.String("outcome", outcome))
}

// Interrupt stops the code that runs in a context and keeps the context. Runs that wait for their turn are not concerned. Where no
// code runs it says so.
func (i *Interpreter) Interrupt(contextID string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	cc := i.contexts[contextID]
	if cc == nil || !cc.placed || cc.stopping {
		return i.notFound(contextID, false)
	}
	if cc.current == nil {
		return sandbox.Errorf(sandbox.CodeInvalidParams, "no code runs in context %s, so there is nothing to interrupt", contextID)
	}
	cc.endTurn(errInterrupted)
	return nil
}
