package app

import (
	"context"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/figures"
	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// Desk is the snapshot and what a window shows beside it. Its parts are of the same moment but for a few hundredths of a second: code may
// have ended in the notebook that still runs in the snapshot. Nothing in it changes; what is behind a pointer is replaced when it changes.
// There is no secret in it.
type Desk struct {
	status.Snapshot
	Figures  *figures.Figures
	Notebook *notebook.Notebook // of the context asked for with WatchContext; nil: none
	Calls    []activity.Call    // oldest first
	Settings *Settings
	Account  Account
	Editors  *Editors // nil: not looked for yet
}

// Desk hands out the newest of them.
func (a *App) Desk() *status.Latest[Desk] { return &a.desk }

// lay puts everything beside a snapshot.
func (a *App) lay(s status.Snapshot) Desk {
	current, _ := a.sites.inUse()
	a.mu.Lock()
	settings, account, found := a.shown, a.seen, a.editors
	a.mu.Unlock()
	return Desk{
		Snapshot: s,
		Figures:  a.figures.Current(time.Now(), current.Name(), current.pool.RecentWaits()),
		Notebook: a.feed.Current(),
		Calls:    a.activity.Calls(),
		Settings: settings,
		Account:  account,
		Editors:  found,
	}
}

// drawEvery is the least time between two snapshots: a run of half a millisecond is not worth two of them.
const drawEvery = 30 * time.Millisecond

// draw publishes a snapshot and a desk when an owner's state has changed, until ctx ends, and the last ones then. Nobody else publishes
// while it runs, so that none is followed by an older one.
func (a *App) draw(ctx context.Context) error {
	var s status.Snapshot
	for again := true; ; again = true {
		if again {
			s = a.snapshot()
			a.hub.Publish(s)
		}
		a.desk.Publish(a.lay(s))
		select {
		case <-a.sites.changed:
		case <-a.interp.Changed():
		case <-a.server.Changed():
		case <-a.activity.Changed(): // with it the counts of its client have changed
		case <-a.poke:
		case <-a.feed.Changed():
			again = false // no snapshot tells what code prints
		case <-ctx.Done():
			s = a.snapshot()
			a.hub.Publish(s)
			a.desk.Publish(a.lay(s))
			return nil
		}
		if again {
			token(a.spent)
		}
		rest := time.NewTimer(drawEvery)
		select {
		case <-rest.C:
		case <-ctx.Done():
		}
		rest.Stop()
	}
}
