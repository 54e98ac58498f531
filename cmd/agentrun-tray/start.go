package main

import (
	"cmp"
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

	"github.com/agentrun-tray/agentrun-tray/assets"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
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
// if it has none, whether to take its place is asked. Why that cannot be is told in a window too, as who starts a program from a menu sees
// no standard error.
func start(ctx context.Context, background bool) error {
	p := &program{
		log: slog.New(slog.DiscardHandler), background: background, begun: time.Now(), wanted: make(chan struct{}, 1), over: make(chan struct{}),
		notes: make(chan *fyne.Notification, notesKept), taken: make(chan *host, 1),
		mode: kit.FollowSystem, words: words.In(config.Default().LanguageTag()),
	}
	opt, log, err := app.Prepare(nil, "")
	defer func() { _ = log.Close() }()
	p.opt, p.log = opt, opt.Logger
	if err == nil {
		err = p.begin(ctx)
	}
	if err != nil {
		p.log.Error("ended", "error", err) // nobody sees the standard error of a desktop program
	}
	if err != nil && p.app == nil && ctx.Err() == nil {
		p.mourn(err)
	}
	return err
}

// begin is start but for what goes wrong before there is a window.
func (p *program) begin(ctx context.Context) error {
	p.opt.Getenv, p.opt.Environ = os.Getenv, os.Environ()
	p.opt.Secrets = secrets.Open(secrets.Options{Getenv: os.Getenv})
	p.mode, p.words = kit.Mode(p.opt.Config.Theme), words.In(p.opt.Config.LanguageTag())
	done, other, err := p.settle(ctx)
	if done || err != nil {
		return err
	}
	p.makeApp()
	if err := p.try(func() { p.open(ctx, other) }); err != nil {
		return errors.Join(err, p.leave())
	}
	p.app.Run()
	return errors.Join(p.failure, p.leave())
}

// makeApp makes the toolkit's part of the program.
func (p *program) makeApp() {
	if err := errors.Join(settleBus(), makeCache()); err != nil { // without a cache a window takes longer
		p.log.Warn("surroundings not prepared", "error", err)
	}
	// What the toolkit has to say goes to the log, too.
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(p.log.Handler(), slog.LevelWarn).Writer())
	toolkit.SetMetadata(fyne.AppMetadata{ID: appID, Name: appName, Version: version.String()})
	p.app = toolkit.NewWithID(appID)
	p.app.Settings().SetTheme(kit.NewTheme(p.mode))
}

// mourn shows why the program cannot start, until somebody has seen it.
func (p *program) mourn(why error) {
	p.makeApp()
	if err := p.try(func() {
		p.app.SetIcon(fyne.NewStaticResource("app.svg", assets.Icon("app")))
		p.window = p.app.NewWindow(appName)
		p.window.Resize(fyne.NewSize(width, height))
		p.window.CenterOnScreen()
		ui.ShowTrouble(p.window, ui.TroubleOptions{Language: p.words.Tag(), Why: why, LogFolder: p.opt.Dirs.Log, Leave: p.app.Quit})
		p.window.SetCloseIntercept(p.app.Quit)
		p.window.Show()
	}); err == nil {
		p.app.Run()
	}
}

// try does what makes a window. A display may answer and then give none, as one that is shutting down or has no OpenGL: the toolkit says
// so in the log, and goes on into a panic.
func (p *program) try(do func()) (err error) {
	defer func() {
		if why := recover(); why != nil {
			p.log.Error("no window", "panic", fmt.Sprint(why), "stack", string(debug.Stack()))
			err = misused("the display gives no window; the log in %s says more. Without one, run the host with: agentrunctl serve", p.opt.Dirs.Log)
		}
	}()
	do()
	return nil
}

// settle becomes this user's host. Where there is one already and nothing is left to do, done is true, as it is where the program was
// told to end meanwhile; a host that has no window is returned.
func (p *program) settle(ctx context.Context) (done bool, windowless *instance.Info, err error) {
	defer func() {
		if p.host == nil && ctx.Err() != nil { // it broke off whatever was under way
			done, windowless, err = true, nil, nil
		}
	}()
	done, windowless, err = look(ctx, p.opt.Dirs, p.background)
	if done || windowless != nil || err != nil {
		return done, windowless, err
	}
	p.host, err = p.startHost(ctx)
	if errors.Is(err, instance.ErrRunning) { // one that does not answer
		done, windowless, err = outwait(ctx, p.opt.Dirs, p.background)
		if done || windowless != nil || err != nil {
			return done, windowless, err
		}
		p.host, err = p.startHost(ctx)
	}
	return false, nil, err
}

// look looks for a host that runs. If there is one and nothing is left to do, done is true; one that has no window is returned. One
// that ends counts as none.
func look(ctx context.Context, dirs paths.Dirs, background bool) (done bool, windowless *instance.Info, err error) {
	if background { // a host is wanted, and there is one
		var s status.Snapshot
		err := control.AskFor(ctx, dirs, http.MethodGet, "/status", &s)
		if errors.Is(err, control.ErrNoHost) {
			return false, nil, nil
		}
		return err == nil && s.Phase != status.Stopping, nil, err
	}
	code, _, err := control.Ask(ctx, dirs, http.MethodPost, "/window/show")
	switch {
	case errors.Is(err, control.ErrNoHost), code == http.StatusServiceUnavailable:
		return false, nil, nil
	case err != nil:
		return false, nil, err
	case code < http.StatusBadRequest:
		return true, nil, nil
	}
	info, err := instance.Read(dirs)
	return false, &info, err
}

const (
	// outwaitFor is more than a host may take to end.
	outwaitFor   = endWithin + 5*time.Second
	outwaitEvery = 100 * time.Millisecond
)

// outwait is look for a host that has its place and does not answer: it starts, and will answer in a moment, or it ends, as when
// somebody quits the program and starts it again. When its place is free, nothing is returned.
func outwait(ctx context.Context, dirs paths.Dirs, background bool) (done bool, windowless *instance.Info, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, outwaitFor, instance.ErrRunning)
	defer cancel()
	again := time.NewTicker(outwaitEvery)
	defer again.Stop()
	for {
		place, err := instance.Acquire(ctx, dirs)
		if err == nil {
			return false, nil, place.Close() // whoever starts the host takes it
		}
		if !errors.Is(err, instance.ErrRunning) {
			return false, nil, cmp.Or(context.Cause(ctx), err)
		}
		done, windowless, err = look(ctx, dirs, background)
		if done || windowless != nil { // an error is of a host that ended while it was asked
			return done, windowless, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return false, nil, context.Cause(ctx)
		}
	}
}

// makeCache makes the folder in which the toolkit keeps its index of fonts. It makes no folders above it.
func makeCache() error {
	folder, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	return os.MkdirAll(folder, 0o700)
}
