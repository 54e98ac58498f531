package app

import (
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// holds are the reasons for which no sandboxes are to be made, whoever wants one.
type holds struct {
	byHand *sandbox.Error // somebody paused the pool; nil: nobody
	cap    *sandbox.Error // the paid sandboxes have cost enough for today; nil: they have not
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
			why = h.cap
		}
		switch suspended := x.pool.Stats().Suspended; {
		case why != nil:
			x.pool.Suspend(why)
		case suspended != nil:
			x.pool.Resume()
		}
	}
}
