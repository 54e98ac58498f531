// Package desktop joins the core with the window: a [Desk] gives the window what it draws, from what the host knows, and carries out
// what somebody asks for there. It knows neither how things are drawn nor how they are done.
package desktop

import (
	"context"
	"log/slog"
	"net/url"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/autostart"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// Options are what a Desk stands between.
type Options struct {
	// App is the host. Required.
	App *app.App
	// OpenFolder shows a folder to the user. Required.
	OpenFolder func(ctx context.Context, folder string) error
	// OpenURL hands an address to the program that the user has for such. Required.
	OpenURL func(*url.URL) error
	// Autostart is what the operating system starts when its user logs in. Required.
	Autostart *autostart.Entry
	// Logger receives what cannot be shown. Required.
	Logger *slog.Logger
}

// Desk is a host as its window sees it. It implements [ui.Host]. Methods are safe for concurrent use.
type Desk struct {
	app     *app.App
	open    func(ctx context.Context, folder string) error
	openURL func(*url.URL) error
	start   *autostart.Entry
	log     *slog.Logger
	changed chan struct{} // capacity 1: there is another view

	mu      sync.Mutex // guards below
	inSight bool
	asked   bool // somebody may have changed what is started at login, and wants to see it
}

var _ ui.Host = (*Desk)(nil)

// New makes a Desk.
func New(opt Options) *Desk {
	return &Desk{app: opt.App, open: opt.OpenFolder, openURL: opt.OpenURL, start: opt.Autostart, log: opt.Logger, changed: make(chan struct{}, 1), asked: true}
}

// Seen says that the program can be seen: what takes the processor may begin.
func (d *Desk) Seen() { d.app.Seen() }

// FirstRun reports whether the first steps are still to be shown.
func (d *Desk) FirstRun() bool { return !d.app.SetupFinished() }
