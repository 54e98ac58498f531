package interpreter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Commands of the shell take no turn in the queue of their context: they share its files with code and nothing else, a process that was
// started by one goes on beside code in any case, and whoever waits for long code wants to look meanwhile. They wait for code only
// where the context has to be placed first, as calls about files do.

// CommandRequest asks for a command.
type CommandRequest struct {
	Line string
	// Folder is where it runs, relative to the context's working folder; empty: there.
	Folder string
	// ContextID names the context. Empty: the caller's default context for the first language, made on first use.
	ContextID string
	// Timeout is how long it may take; nil: the longest a command may be waited for, or, of a process, as long as its context
	// lives.
	Timeout *time.Duration
	// Patience is how long the caller waits for the whole call, so that a command gets less time where a sandbox had to be waited
	// for. Zero: as long as it takes.
	Patience time.Duration
}

// CommandResult is what came of a command.
type CommandResult struct {
	sandbox.CommandResult
	Where
	Backend string
}

const (
	// afterCommand is what ending a command and the way back may take of a caller's patience.
	afterCommand = 3 * time.Second
	// answerTime is what the answer about a command may take beyond the command's own time, with what the backend does to learn what
	// became of one whose answer is lost.
	answerTime = 20 * time.Second
)

// check refuses what the shell of a site would, and where there is none.
func (req CommandRequest) check(site *Site, background bool) (sandbox.Command, error) {
	command := sandbox.Command{Line: req.Line, Folder: req.Folder}
	if !site.traits.Shell {
		return command, noShell(site)
	}
	if req.Timeout != nil {
		if command.Timeout = *req.Timeout; command.Timeout == 0 {
			command.Timeout = -1 // which means no time here, and not the usual one
		}
	}
	return command, site.traits.CheckCommand(command, background)
}

func noShell(site *Site) error {
	return sandbox.Errorf(sandbox.CodeNotSupported, "the %s backend has no shell for commands; use run_code, whose code reads and writes the same files", site.Name())
}

// noShellAfter is noShell for a context that is elsewhere than it was meant to be.
func noShellAfter(site *Site, instead string) error {
	if instead == "" {
		return noShell(site)
	}
	return sandbox.Errorf(sandbox.CodeNotSupported, "there is no shell here. %s", instead)
}

// RunCommand runs a command in a context and waits for it. A command that fails is a result, not an error. Ending ctx ends the
// command, and so do the end of its context and of its sandbox. It is never run again.
func (i *Interpreter) RunCommand(ctx context.Context, caller Caller, req CommandRequest) (result CommandResult, err error) {
	began := time.Now()
	where, site, err := i.withShell(ctx, caller, req, false, func(ctx context.Context, on shellOn, command sandbox.Command) (err error) {
		limit := on.site.traits.CommandTime(command)
		if req.Patience > 0 {
			limit = max(time.Second, min(limit, req.Patience-time.Since(began)-afterCommand))
		}
		command.Timeout = limit
		most := limit + answerTime
		if req.Patience > 0 {
			most = max(limit+time.Second, min(most, req.Patience-time.Since(began)))
		}
		ctx, done := context.WithTimeout(ctx, most)
		defer done()
		result.CommandResult, err = on.RunCommand(ctx, on.inner, command)
		if late := errors.Is(context.Cause(ctx), context.DeadlineExceeded); late && result.Failure != nil && result.Failure.Code == sandbox.CodeCancelled {
			result.Failure.Code = sandbox.CodeTimeout
			result.Failure.Message = "the sandbox did not answer in the time that a call may take: " + result.Failure.Message +
				". It was not sent again: look at what it changed before you repeat it"
		}
		if result.Failure != nil && result.Failure.Code == sandbox.CodeCancelled && interruptedFromElsewhere(ctx) {
			result.Failure.Message = "the command was interrupted from elsewhere, not by whoever started it; the context goes on"
		}
		return overdue(ctx, err, lateCommand)
	})
	if err != nil {
		return CommandResult{}, err
	}
	if result.Failure != nil && result.Failure.Code == sandbox.CodeCancelled && i.isClosing() {
		result.Failure.Message = "AgentRun Tray was shut down while the command ran"
	}
	result.Where, result.Backend = where, site.Name()
	return result, nil
}

// lateCommand is what is known of a command about which no answer came.
const lateCommand = "whether the command began is not known, what runs of it is ended, and it was not sent again: look at what it changed before you repeat it"

func (i *Interpreter) isClosing() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.closing
}

// shellOn is the shell that a context has, and where.
type shellOn struct {
	sandbox.Shell
	cc    *codeContext
	site  *Site
	lease *pool.Lease[sandbox.Session]
	inner string // the session's name for the context
}

// withShell calls do with the shell that the context of a request has, and tells what the caller must know. While it does, the
// context counts as used, and a stop that is in no hurry waits for it.
func (i *Interpreter) withShell(
	ctx context.Context, caller Caller, req CommandRequest, background bool,
	do func(ctx context.Context, on shellOn, command sandbox.Command) error,
) (Where, *Site, error) {
	ctx, cancel, leave, err := i.enter(ctx)
	if err != nil {
		return Where{}, nil, err
	}
	defer leave()
	var command sandbox.Command
	cc, orphan, err := i.find(caller, req.ContextID, "", func(site *Site) (err error) {
		command, err = req.check(site, background)
		return err
	})
	if err != nil {
		return Where{}, nil, err
	}
	defer i.release(cc)
	var call *awaited
	if !background {
		var done func()
		call, done = i.awaitCommand(caller, cc, cancel)
		defer done()
	}
	i.evict(ctx, orphan)
	patience := i.opt.ReadyTimeout
	if req.Patience > 0 {
		patience = max(time.Second, min(patience, req.Patience/2)) // the other half is the command's
	}
	lease, inner, err := i.sessionOf(ctx, cancel, cc, patience)
	if err != nil {
		return Where{}, nil, err
	}
	defer i.doneAside(cc)
	i.mu.Lock()
	site, instead := cc.site, cc.instead
	i.mu.Unlock()
	sh, ok := lease.Value().(sandbox.Shell)
	if !ok {
		return Where{}, nil, noShellAfter(site, instead) // such as where the context came to be on the fallback
	}
	if err := i.beginCommand(cc, call); err != nil {
		return Where{}, nil, err
	}
	defer i.endCommand(cc)
	began := time.Now()
	err = i.guarded(ctx, cancel, lease, func() error { return do(ctx, shellOn{sh, cc, site, lease, inner}, command) })
	i.log.LogAttrs(ctx, slog.LevelDebug, "command", slog.String("context_id", cc.id), slog.Bool("background", background), slog.Duration("took", time.Since(began)), slog.Bool("failed", err != nil))
	if err != nil {
		return Where{}, nil, commandFailed(ctx, cc, lease, err)
	}
	return Where{ContextID: cc.id, Notices: i.due(cc, caller)}, site, nil
}

// guarded does something with a session, and ends it when somebody finds the session dead.
func (i *Interpreter) guarded(ctx context.Context, cancel context.CancelCauseFunc, lease *pool.Lease[sandbox.Session], do func() error) error {
	enough := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-lease.Lost():
			cancel(sandbox.ErrSessionLost)
		case <-enough:
		}
	})
	err := do()
	close(enough)
	watching.Wait()
	if errors.Is(context.Cause(ctx), sandbox.ErrSessionLost) {
		return sandbox.ErrSessionLost
	}
	return err
}

// commandFailed words a call to the shell that came to nothing.
func commandFailed(ctx context.Context, cc *codeContext, lease *pool.Lease[sandbox.Session], err error) error {
	if errors.Is(err, sandbox.ErrSessionLost) {
		cause := lease.Cause()
		if cause == nil {
			cause = err
		}
		lease.Discard(cause)
		return &sandbox.Error{
			Code: sandbox.CodeSessionLost, Err: cause,
			Message: fmt.Sprintf("the sandbox was lost%s, with everything that ran in it. A command may or may not have finished; it was not run again. The next use of context %s starts with an empty one", because(cause), cc.id),
		}
	}
	suspect(lease, err)
	if e, ok := errors.AsType[*sandbox.Error](err); ok {
		return e
	}
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	return &sandbox.Error{Code: sandbox.CodeExecutionFailed, Message: "the command could not be run: " + err.Error(), Err: err}
}

// beginCommand counts a command of a context, which must not be stopping. call is that of whoever waits for it; nil: nobody does.
func (i *Interpreter) beginCommand(cc *codeContext, call *awaited) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if cc.stopping {
		return i.notFound(cc.id, false)
	}
	if cc.commands == 0 {
		cc.quiet = make(chan struct{})
	}
	cc.commands++
	if call != nil {
		call.began = time.Now()
	}
	signal(i.changed)
	return nil
}

func (i *Interpreter) endCommand(cc *codeContext) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if cc.commands--; cc.commands == 0 {
		close(cc.quiet)
		cc.quiet = nil
	}
}
