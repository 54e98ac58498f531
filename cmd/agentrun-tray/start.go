package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"fyne.io/fyne/v2"
	toolkit "fyne.io/fyne/v2/app"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// How the desktop knows us. FyneApp.toml says the same to the packaging, which a test holds it to.
const (
	appID   = "io.github.agentruntray.AgentRunTray"
	appName = "AgentRun Tray"
)

// start becomes this user's host and shows it. Where there is a host already, its window is shown, if that is wanted and it has one;
// if it has none, whether to take its place is asked.
func start(ctx context.Context, background bool) error {
	begun := time.Now()
	opt, closer, err := app.Prepare(nil, "")
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }()
	opt.Secrets = secrets.Open(secrets.Options{Getenv: os.Getenv})
	p := &program{
		opt: opt, log: opt.Logger, background: background, begun: begun, wanted: make(chan struct{}, 1), over: make(chan struct{}),
		mode: kit.Mode(opt.Config.Theme), words: words.In(opt.Config.LanguageTag()),
	}
	done, other, err := settle(ctx, opt.Dirs, background)
	if done || err != nil {
		return err
	}
	if other == nil {
		p.host, err = p.startHost(ctx)
		if errors.Is(err, instance.ErrRunning) { // it was started in the same moment
			done, other, err = settle(ctx, opt.Dirs, background)
		}
		if done || err != nil {
			return err
		}
	}
	if err := errors.Join(settleBus(), makeCache()); err != nil {
		return err
	}
	// What the toolkit has to say goes to the log too: nobody sees the standard error of a desktop program.
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(opt.Logger.Handler(), slog.LevelWarn).Writer())
	toolkit.SetMetadata(fyne.AppMetadata{ID: appID, Name: appName, Version: version.String()})
	p.app = toolkit.NewWithID(appID)
	p.app.Settings().SetTheme(kit.NewTheme(p.mode))
	if err := p.tryOpen(ctx, other); err != nil {
		return errors.Join(err, p.leave())
	}
	p.app.Run()
	return p.leave()
}

// tryOpen is open for a display that answers and then gives no window, as one that is shutting down or has no OpenGL: the toolkit says
// so in the log, and goes on into a panic.
func (p *program) tryOpen(ctx context.Context, other *instance.Info) (err error) {
	defer func() {
		if why := recover(); why != nil {
			p.log.Error("no window", "panic", fmt.Sprint(why), "stack", string(debug.Stack()))
			err = misused("the display gives no window; the log in %s says more. Without one, run the host with: agentrunctl serve", p.opt.Dirs.Log)
		}
	}()
	p.open(ctx, other)
	return nil
}

// settle looks for a host that runs. If there is one and nothing is left to do, done is true; one that has no window is returned.
func settle(ctx context.Context, dirs paths.Dirs, background bool) (done bool, windowless *instance.Info, err error) {
	method, path := http.MethodPost, "/window/show"
	if background { // a host is wanted, and there is one
		method, path = http.MethodGet, "/status"
	}
	code, _, err := control.Ask(ctx, dirs, method, path)
	switch {
	case errors.Is(err, control.ErrNoHost):
		return false, nil, nil
	case err != nil:
		return false, nil, err
	case code < http.StatusBadRequest:
		return true, nil, nil
	}
	info, err := instance.Read(dirs)
	return false, &info, err
}

// makeCache makes the folder in which the toolkit keeps its index of fonts. It makes no folders above it.
func makeCache() error {
	folder, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	return os.MkdirAll(folder, 0o700)
}
