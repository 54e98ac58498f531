package interpreter

import (
	"context"
	"errors"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	// endTimeout bounds what a session may take to end one context.
	endTimeout = 10 * time.Second
	// closeTimeout is the same for all contexts together, when everything ends: their sandboxes end soon after.
	closeTimeout = 3 * time.Second
)

// StopContext ends a context. Runs that wait for it are refused; a run in progress may go on for the grace period, or is
// interrupted at once with force. Ending ctx meanwhile does not bring the context back: it is then stopped by force.
func (i *Interpreter) StopContext(ctx context.Context, contextID string, force bool) error {
	ctx, _, leave, err := i.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	i.mu.Lock()
	cc := i.contexts[contextID]
	if cc == nil || !cc.placed || cc.stopping {
		err := i.notFound(contextID, false)
		i.mu.Unlock()
		return err
	}
	cc.beginStop()
	i.mu.Unlock()
	signal(i.changed)

	if !force {
		i.await(ctx, cc)
	}
	return i.end(context.WithoutCancel(ctx), cc, "it was stopped")
}

// await waits until the code and the commands that go on in a context which is being stopped have ended, but no longer than the grace
// period.
func (i *Interpreter) await(ctx context.Context, cc *codeContext) {
	ticket := i.book(cc)
	defer i.giveUp(cc, ticket)
	i.mu.Lock()
	quiet := cc.quiet
	i.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, i.opt.StopGrace)
	defer cancel()
	select {
	case <-ticket.turn:
	case <-ctx.Done():
	}
	if quiet == nil {
		return
	}
	select {
	case <-quiet:
	case <-ctx.Done():
	}
}

// end ends a context at once: it interrupts its run, frees what the session holds for it, gives the session back and takes
// the context out of the books. Only the caller that began the stop, or the shutting down of everything, may call it.
func (i *Interpreter) end(ctx context.Context, cc *codeContext, why string) error {
	i.mu.Lock()
	if !cc.stopping {
		cc.beginStop()
	}
	if cc.endTurn != nil {
		cc.endTurn(errStopped)
	}
	ticket := cc.queue.book()
	i.mu.Unlock()
	<-ticket.turn // what goes on ends on that, and nobody else takes a turn now
	defer i.giveUp(cc, ticket)

	i.mu.Lock()
	lease, inner, unwatch := cc.lease, cc.inner, cc.unwatch
	lost, _ := cc.lost()
	i.mu.Unlock()

	var err error
	if lease != nil && !lost {
		ctx, cancel := context.WithTimeout(ctx, endTimeout)
		defer cancel()
		err = lease.Value().StopContext(ctx, inner.ID)
		if errors.Is(err, sandbox.ErrContextNotFound) {
			err = nil
		}
	}
	if lease != nil {
		unwatch()
		i.giveBack(lease, err)
	}
	i.forget(cc, why)
	i.log.InfoContext(ctx, "context stopped", "context_id", cc.id, "why", why)
	if err != nil && !errors.Is(err, sandbox.ErrSessionLost) {
		return &sandbox.Error{
			Code: sandbox.CodeStopFailed, Err: err,
			Message: "the context is closed to new code, but its sandbox did not confirm that it ended: " + err.Error() + ". What it held is freed with the sandbox",
		}
	}
	return nil
}
