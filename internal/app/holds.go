package app

import (
	"errors"
	"fmt"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
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

// SetWarm keeps another number of sandboxes ready from now on. It is kept in the settings.
func (a *App) SetWarm(n int) error {
	if err := a.set("pool.warm", n, func(c *config.Config) { c.Pool.Warm = n }); err != nil {
		return err
	}
	a.sites.setWarm(n)
	return nil
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
