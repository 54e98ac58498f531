// Package desktop joins the core with the window: a [Desk] builds what the window draws from what the host knows, and carries out what
// somebody asks for there. It knows neither how things are drawn nor how they are done.
package desktop

import (
	"context"
	"log/slog"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// Options are what a Desk stands between. All are required.
type Options struct {
	App  *app.App
	Dirs paths.Dirs
	// Secrets is where credentials are kept that are typed in the window. It has the patience of somebody who is asked for a password.
	Secrets *secrets.Store
	Logger  *slog.Logger
}

// Desk is one host as its window sees it. It implements [ui.Host]. Methods are safe for concurrent use; Run must be called once.
type Desk struct {
	app    *app.App
	dirs   paths.Dirs
	store  *secrets.Store
	tokens *tokens.Store
	log    *slog.Logger
	open   func(ctx context.Context, folder string) error // shows a folder to the user

	changed chan struct{} // capacity 1: what is guarded below has changed

	mu       sync.Mutex // guards below
	account  ui.Account
	settings *ui.Settings
	editors  *ui.Editors
	inSight  bool
}

var _ ui.Host = (*Desk)(nil)

// New makes a Desk. It reads nothing yet.
func New(opt Options) *Desk {
	return &Desk{
		app: opt.App, dirs: opt.Dirs, store: opt.Secrets, tokens: tokens.Open(opt.Dirs.Data), log: opt.Logger, open: openFolder,
		changed: make(chan struct{}, 1),
	}
}
