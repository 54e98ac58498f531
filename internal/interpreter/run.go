package interpreter

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	// Started, if not nil, is called once when the code begins to run: its turn has come and there is a session.
	Started func()
	// Emit, if not nil, is handed output as it appears; see sandbox.Run.
	Emit func(sandbox.Chunk)
}

// RunResult is what came of a run.
type RunResult struct {
	sandbox.Result
	ContextID string
	Backend   string
	Number    int      // the run's number in its context, from 1
	Warm      bool     // the session was ready beforehand
	Notices   []string // what the caller must know, such as that variables are gone
}

// RunCode runs code in a context, after the runs that came before it. Code that raises is a result, not an error. Ending ctx
// stops the code.
func (i *Interpreter) RunCode(ctx context.Context, caller Caller, req RunRequest) (RunResult, error) {
	if err := i.checkCode(req.Code); err != nil {
		return RunResult{}, err
	}
	timeout, err := i.runTimeout(req.Timeout)
	if err != nil {
		return RunResult{}, err
	}
	ctx, leave, err := i.enter(ctx)
	if err != nil {
		return RunResult{}, err
	}
	defer leave()
	cc, orphan, err := i.find(caller, req.ContextID, req.Language)
	if err != nil {
		return RunResult{}, err
	}
	defer i.release(cc)
	i.evict(ctx, orphan)
	ctx, err = i.takeTurn(ctx, cc)
	if err != nil {
		return RunResult{}, err
	}
	defer i.yieldTurn(cc)

	warm, err := i.place(ctx, cc)
	if err != nil {
		return RunResult{}, err
	}
	if req.Started != nil {
		req.Started()
	}
	res, err := i.execute(ctx, cc, sandbox.Run{Code: req.Code, Timeout: timeout, Emit: req.Emit})
	if err != nil {
		return RunResult{}, err
	}
	res.Warm = warm
	res.Notices = i.due(cc, caller)
	if res.StateLost {
		res.Notices = append(res.Notices, stateLost)
	}
	i.record(cc, caller, req.Code, res)
	return res, nil
}

// stateLost is told with the result of a run that cost its context the interpreter.
const stateLost = "The code did not react to the interrupt and its interpreter was ended: the context goes on with a fresh one, variables and imports are gone."

// execute runs the code on the context's session. The caller has the turn and has placed the context.
func (i *Interpreter) execute(ctx context.Context, cc *codeContext, run sandbox.Run) (RunResult, error) {
	i.mu.Lock()
	cc.runs++
	cc.running = true
	number, lease, inner, cancel := cc.runs, cc.lease, cc.inner, cc.endTurn
	i.mu.Unlock()
	signal(i.changed)
	defer func() {
		i.mu.Lock()
		cc.running = false
		i.mu.Unlock()
		signal(i.changed)
	}()

	// a session found dead by somebody else ends the run at once instead of at its time limit
	watched := make(chan struct{})
	defer close(watched)
	go func() {
		select {
		case <-lease.Lost():
			cancel(sandbox.ErrSessionLost)
		case <-watched:
		}
	}()

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
		}
	}
	return RunResult{Result: res, ContextID: cc.id, Backend: i.Backend(), Number: number}, nil
}

// Interrupt stops the run in progress in a context and keeps the context.
func (i *Interpreter) Interrupt(contextID string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	cc := i.contexts[contextID]
	if cc == nil || !cc.placed || cc.stopping {
		return i.notFound(contextID, false)
	}
	if cc.running {
		cc.endTurn(context.Canceled)
	}
	return nil
}
