package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// holds are the reasons for which no sandboxes are to be made, whoever wants one.
type holds struct {
	byHand *sandbox.Error // somebody paused the pool; nil: nobody
	cost   *sandbox.Error // the paid sandboxes have cost enough for today; nil: they have not
}

// errPausedByHand is what is said to those who want a sandbox while the pool is paused.
var errPausedByHand = sandbox.Errorf(sandbox.CodeServerNotReady, "AgentRun Tray was paused by its user: no new contexts are made until it is resumed, in the window or with agentrunctl pool resume")

// PausePool ends the sandboxes that no context is on, and makes no more until ResumePool. Contexts that are there go on.
func (a *App) PausePool() { a.hold(func(h *holds) { h.byHand = errPausedByHand }) }

// ResumePool takes PausePool back, and lets what failed be tried again at once.
func (a *App) ResumePool() {
	a.hold(func(h *holds) { h.byHand = nil })
	if current, _ := a.sites.inUse(); current.pool.Stats().Suspended == nil {
		current.pool.Resume()
	}
}

// RetryPool tries at once to make a session, where it would be tried some time later by itself.
func (a *App) RetryPool(ctx context.Context) error {
	current, _ := a.sites.inUse()
	if why := current.pool.Stats().Suspended; why != nil {
		return fmt.Errorf("no sandbox is made while the pool is paused: %w", why)
	}
	a.mu.Lock()
	shut := a.shut
	a.mu.Unlock()
	if shut { // it may be open now
		return a.CredentialsChanged(ctx)
	}
	current.pool.Resume()
	return nil
}

// hold changes the reasons and applies them.
func (a *App) hold(change func(*holds)) {
	a.mu.Lock()
	change(&a.holds)
	a.mu.Unlock()
	a.applyHolds()
	token(a.poke)
}

// applyHolds suspends the pools that have a reason to be, and resumes the others.
func (a *App) applyHolds() {
	a.mu.Lock()
	h := a.holds
	a.mu.Unlock()
	for _, x := range a.sites.list() {
		why := h.byHand
		if why == nil && x.paid {
			why = h.cost
		}
		switch suspended := x.pool.Stats().Suspended; {
		case why != nil:
			x.pool.Suspend(why)
		case suspended != nil:
			x.pool.Resume()
		}
	}
}

// ReplaceSandbox has another sandbox take the place of one before its time. Contexts on it stay until they end, or are moved.
func (a *App) ReplaceSandbox(id string) error {
	return a.withEntry(id, func(x *site, entry uint64) bool { return x.pool.Replace(entry) })
}

// errEndedByHand is why the contexts on a sandbox are lost that its user ended.
var errEndedByHand = errors.New("its user ended it in AgentRun Tray")

// EndSandbox ends a sandbox at once, with the contexts on it.
func (a *App) EndSandbox(id string) error {
	return a.withEntry(id, func(x *site, entry uint64) bool { return x.pool.Evict(entry, errEndedByHand) })
}

// ReplaceSession is ReplaceSandbox for a session as the snapshot names it.
func (a *App) ReplaceSession(backend string, id uint64) error {
	return a.withSession(backend, id, func(x *site) bool { return x.pool.Replace(id) })
}

// EndSession is EndSandbox for a session as the snapshot names it.
func (a *App) EndSession(backend string, id uint64) error {
	return a.withSession(backend, id, func(x *site) bool { return x.pool.Evict(id, errEndedByHand) })
}

// withSession does something about a session. The pools of two accounts number their sessions alike; which one is meant nobody can
// tell then.
func (a *App) withSession(backend string, id uint64, do func(x *site) bool) error {
	var found []*site
	for _, x := range a.sites.list() {
		if x.Name() == backend && slices.ContainsFunc(x.pool.Stats().Rows, func(r pool.Row[sandbox.Session]) bool { return r.ID == id }) {
			found = append(found, x)
		}
	}
	switch {
	case len(found) == 0:
		return fmt.Errorf("the %s backend has no session %d any more", backend, id)
	case len(found) > 1:
		return fmt.Errorf("two accounts have a session %d; name its sandbox: agentrunctl status lists them, agentrunctl pool end or replace does it", id)
	case !do(found[0]):
		return fmt.Errorf("session %d is being made or ended just now; try again in a moment", id)
	}
	return nil
}

// withEntry does something about the pool's entry of a sandbox.
func (a *App) withEntry(id string, do func(x *site, entry uint64) bool) error {
	for _, x := range a.sites.list() {
		for _, row := range x.pool.Stats().Rows {
			if row.Made && row.Value.SandboxID() == id && do(x, row.ID) {
				return nil
			}
		}
	}
	return fmt.Errorf("there is no sandbox %s; agentrunctl status lists those there are", id)
}
