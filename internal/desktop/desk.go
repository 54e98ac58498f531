// Package desktop joins the core with the window: a [Desk] gives the window what it draws, from what the host knows, and carries out
// what somebody asks for there. It knows neither how things are drawn nor how they are done.
package desktop

import (
	"context"
	"log/slog"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/autostart"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// Options are what a Desk stands between.
type Options struct {
	// App is the host. Required.
	App *app.App
	// OpenFolder shows a folder to the user. Required.
	OpenFolder func(ctx context.Context, folder string) error
	// Autostart is what the operating system starts when its user logs in. Required.
	Autostart *autostart.Entry
	// Editors are those of this computer, and what a check of one needs to know. Required.
	Editors doctor.Options
	// Logger receives what cannot be shown. Required.
	Logger *slog.Logger
}

// Desk is a host as its window sees it. It implements [ui.Host]. Methods are safe for concurrent use; Run must be called once.
type Desk struct {
	app     *app.App
	open    func(ctx context.Context, folder string) error
	start   *autostart.Entry
	editors doctor.Options
	log     *slog.Logger
	changed chan struct{} // capacity 1: there is another view

	mu      sync.Mutex // guards below
	inSight bool
	found   *ui.Editors // nil: nobody has looked yet
	asked   bool        // somebody may have changed what is started at login, and wants to see it
}

var _ ui.Host = (*Desk)(nil)

// New makes a Desk.
func New(opt Options) *Desk {
	return &Desk{app: opt.App, open: opt.OpenFolder, start: opt.Autostart, editors: opt.Editors, log: opt.Logger, changed: make(chan struct{}, 1), asked: true}
}

// FirstRun reports whether the first steps are still to be shown.
func (d *Desk) FirstRun() bool { return !d.app.SetupFinished() }
