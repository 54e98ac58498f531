package interpreter

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Process is a command in the background of a context, as it was when it was looked at. Its ID finds it without its context.
type Process struct {
	sandbox.Process
	Where
	Backend string
}

// process is where one that was started is to be found.
type process struct {
	id    string
	inner string // the session's name for it
	at    string // and for its context
	cc    *codeContext
	lease *pool.Lease[sandbox.Session] // it ends with that
	shell sandbox.Shell                // of that

	// Guarded by Interpreter.mu.
	exited     bool      // somebody has seen that it has
	until      time.Time // when it ends at the latest; zero: with its context
	leftBehind bool      // its context has moved away from it
}

// maxProcessesKnown is how many processes of one context are found by their ids. Sessions forget those that have ended sooner.
const maxProcessesKnown = 4 * sandbox.MaxProcesses

// StartProcess starts a command in the background of a context. It goes on by itself, until it ends, is stopped, or its context or its
// sandbox ends. A context is not kept from ending by processes, only by calls: looking at one is use.
func (i *Interpreter) StartProcess(ctx context.Context, caller Caller, req CommandRequest) (started Process, err error) {
	where, site, err := i.withShell(ctx, caller, req, true, func(ctx context.Context, on shellOn, command sandbox.Command) error {
		p, err := on.StartProcess(ctx, on.inner, command)
		if err != nil {
			return overdue(ctx, err, lateCommand)
		}
		known := &process{id: "proc-" + uuid.NewString(), inner: p.ID, at: on.inner, cc: on.cc, lease: on.lease, shell: on.Shell, exited: p.Status == sandbox.ProcessExited}
		if command.Timeout > 0 {
			known.until = time.Now().Add(command.Timeout)
		}
		i.mu.Lock()
		on.cc.processes = append(on.cc.processes, known)
		if len(on.cc.processes) > maxProcessesKnown {
			on.cc.processes = slices.Delete(on.cc.processes, 0, 1)
		}
		i.mu.Unlock()
		started.Process = p
		started.ID = known.id
		return nil
	})
	if err != nil {
		return Process{}, err
	}
	started.Where, started.Backend = where, site.Name()
	return started, nil
}

// findProcess finds a process and books the call as a user of its context. The caller must release that.
func (i *Interpreter) findProcess(id string) (*process, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, cc := range i.contexts {
		for _, p := range cc.processes {
			if p.id != id || cc.stopping {
				continue
			}
			if p.leftBehind {
				return nil, sandbox.Errorf(sandbox.CodeSessionLost, "the process %s ended when its context was moved to another sandbox, as its own had to end. The files are there: start it again if it had not done its work", p.id)
			}
			if lost, cause := cc.lost(); lost || cc.lease != p.lease {
				return nil, sandbox.Errorf(sandbox.CodeSessionLost, "the process %s ended with the sandbox of its context, which was lost%s", p.id, because(cause))
			}
			cc.users++
			return p, nil
		}
	}
	return nil, sandbox.Errorf(sandbox.CodeInvalidParams,
		"there is no process %q: run_command with background starts one, and it ends with its context. Of those that have ended the last are remembered", phrase.Clip(id, 100))
}

// ContextOfProcess names the context of a process; empty: there is no such process.
func (i *Interpreter) ContextOfProcess(id string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, cc := range i.contexts {
		if slices.ContainsFunc(cc.processes, func(p *process) bool { return p.id == id }) {
			return cc.id
		}
	}
	return ""
}

// LookAtProcess tells how a process is getting on. It waits until it has ended, but no longer than patience.
func (i *Interpreter) LookAtProcess(ctx context.Context, caller Caller, id string, patience time.Duration) (Process, error) {
	return i.withProcess(ctx, caller, id, func(ctx context.Context, sh sandbox.Shell, p *process) (sandbox.Process, error) {
		found, err := sh.LookAtProcess(ctx, p.at, p.inner, patience)
		return found, overdue(ctx, err, "the process is not concerned. Look at it again with get_process")
	})
}

// StopProcess ends a process with everything that it has started. One that has ended stays as it is.
func (i *Interpreter) StopProcess(ctx context.Context, caller Caller, id string) (Process, error) {
	return i.withProcess(ctx, caller, id, func(ctx context.Context, sh sandbox.Shell, p *process) (sandbox.Process, error) {
		found, err := sh.StopProcess(ctx, p.at, p.inner)
		return found, overdue(ctx, err, "whether the process has ended is not known: get_process tells")
	})
}

func (i *Interpreter) withProcess(
	ctx context.Context, caller Caller, id string, do func(ctx context.Context, sh sandbox.Shell, p *process) (sandbox.Process, error),
) (found Process, err error) {
	ctx, cancel, leave, err := i.enter(ctx)
	if err != nil {
		return Process{}, err
	}
	defer leave()
	p, err := i.findProcess(id)
	if err != nil {
		return Process{}, err
	}
	defer i.release(p.cc)
	err = i.guarded(ctx, cancel, p.lease, func() error {
		found.Process, err = do(ctx, p.shell, p)
		return err
	})
	if err == nil {
		i.noteState(p, found.Process)
	}
	if _, said := errors.AsType[*sandbox.Error](err); err != nil && !said && ctx.Err() != nil && !i.isClosing() {
		return Process{}, &sandbox.Error{Code: sandbox.CodeCancelled, Message: "the call was cancelled; the process is not concerned", Err: context.Cause(ctx)}
	}
	if err != nil {
		return Process{}, commandFailed(ctx, p.cc, p.lease, err)
	}
	found.ID = p.id
	i.mu.Lock()
	found.Backend = p.cc.site.Name()
	i.mu.Unlock()
	found.Where = Where{ContextID: p.cc.id, Notices: i.due(p.cc, caller)}
	return found, nil
}
