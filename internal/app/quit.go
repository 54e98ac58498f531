package app

import "time"

// A host that is told to end is gone within ten seconds, whatever hangs: runs are interrupted and contexts stopped (3 s at most, see
// package interpreter), connections closed (2 s, see package mcpserver), and what is left is for sandboxes to be ended. One that could
// not be is in the ledger, and the next host ends it.
const (
	endWithin    = 8 * time.Second
	finishWithin = time.Second             // of that, for a sandbox that is just being made
	backendsTake = 1500 * time.Millisecond // of that, for what backends keep beside their sessions
)

// beginEnd notes that the host ends, and by when it has to.
func (a *App) beginEnd() {
	a.mu.Lock()
	a.stopping, a.endBy = true, time.Now().Add(endWithin)
	a.mu.Unlock()
	token(a.poke)
}

// ending reports whether the host ends, and by when it has to.
func (a *App) ending() (by time.Time, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.endBy, a.stopping
}
