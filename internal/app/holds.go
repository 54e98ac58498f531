package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// holds are the reasons for which no sandboxes are to be made, whoever wants one.
type holds struct {
	byHand *sandbox.Error // somebody paused the pool; nil: nobody
	cost   *sandbox.Error // the paid sandboxes have cost enough for today; nil: they have not
}

// errPausedByHand is what is said to those who want a sandbox while the pool is paused.
var errPausedByHand = sandbox.Errorf(sandbox.CodeServerNotReady, "%w",
	reason.New(reason.Paused, status.Args{}, "AgentRun Tray was paused by its user: no new contexts are made until it is resumed, with agentrunctl pool resume"))

// PausePool ends the sandboxes that no context is on, and makes no more until ResumePool. Contexts that are there go on.
// So does the next host.
func (a *App) PausePool() {
	if err := os.WriteFile(a.pausedFile(), nil, 0o600); err != nil {
		a.log.Warn("the next host will not know that the pool was paused", "error", err)
	}
	a.hold(func(h *holds) { h.byHand = errPausedByHand })
}

// pausedFile is there while the pool is paused by hand.
func (a *App) pausedFile() string { return filepath.Join(a.opt.Dirs.Data, "pool-paused") }

// recallPause pauses the pool as it was when the host before ended.
func (a *App) recallPause() {
	if _, err := os.Stat(a.pausedFile()); err == nil {
		a.hold(func(h *holds) { h.byHand = errPausedByHand })
	}
}

// ResumePool takes PausePool back, and lets what failed be tried again at once. The error is what suspends the pool all the same.
func (a *App) ResumePool() error {
	if err := os.Remove(a.pausedFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("resume the pool: %w", err)
	}
	a.hold(func(h *holds) { h.byHand = nil })
	current, _ := a.sites.inUse()
	if why := current.pool.Stats().Suspended; why != nil {
		return why
	}
	current.pool.Wake()
	current.pool.Retry()
	a.stir()
	return nil
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
		return a.CredentialsChanged(secrets.Anew(ctx))
	}
	current.pool.Wake()
	current.pool.Retry()
	a.stir()
	return nil
}

// hold changes the reasons and applies them, so that what is applied last is what holds.
func (a *App) hold(change func(*holds)) {
	a.holding.Lock()
	defer a.holding.Unlock()
	change(&a.holds)
	for _, x := range a.sites.list() {
		a.applyHolds(x)
	}
	token(a.poke)
}

// applyHolds suspends the pool of a site if there is a reason, or takes that back. The caller has locked holding.
func (a *App) applyHolds(x *site) {
	why := a.holds.byHand
	if why == nil && x.paid {
		why = a.holds.cost
	}
	switch {
	case why != nil:
		x.pool.Suspend(why)
	case x.pool.Stats().Suspended != nil:
		x.pool.Unsuspend()
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
		return reason.New(reason.SessionGone, status.Args{Session: strconv.FormatUint(id, 10)}, fmt.Sprintf("the %s backend has no session %d any more", backend, id))
	case len(found) > 1:
		return reason.New(reason.SessionAmbiguous, status.Args{Session: strconv.FormatUint(id, 10)}, fmt.Sprintf("two accounts have a session %d; name its sandbox: agentrunctl status lists them, agentrunctl pool end or replace does it", id))
	case !do(found[0]):
		return reason.New(reason.SessionBusy, status.Args{Session: strconv.FormatUint(id, 10)}, fmt.Sprintf("session %d is being made or ended just now; try again in a moment", id))
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
