package interpreter

import (
	"context"
	"errors"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// endTimeout bounds what a session may take to end one context.
const endTimeout = 10 * time.Second

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
		ticket := i.book(cc)
		grace := time.NewTimer(i.opt.StopGrace)
		select {
		case <-ticket.turn:
		case <-grace.C:
		case <-ctx.Done():
		}
		grace.Stop()
		i.giveUp(cc, ticket)
	}
	return i.end(context.WithoutCancel(ctx), cc, "it was stopped")
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
