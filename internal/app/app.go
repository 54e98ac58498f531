// Package app is the composition root of the host: it makes backend, pool, interpreter and MCP face from the settings, joins
// them, folds their state into one snapshot, and takes everything down in the right order.
//
// The same core runs in the desktop program and in `agentrunctl serve`; neither holds any logic of its own. Data flows one
// way: the owners keep their state, this package folds it into a [status.Snapshot], faces draw the snapshot.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/cost"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/computer"
	"github.com/agentrun-tray/agentrun-tray/internal/figures"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/ledger"
	"github.com/agentrun-tray/agentrun-tray/internal/mcpserver"
	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// Options say how a host is to run. Dirs and Config are required.
type Options struct {
	Dirs   paths.Dirs
	Config config.Config
	// Faults are what was wrong with the settings; they are shown as problems.
	Faults []config.Fault
	// Secrets is where the credentials of the AgentRun account are. It is asked when the host is made, when another backend is chosen,
	// when credentials have changed, and every few minutes while they are used. Nil: there are none.
	Secrets *secrets.Store
	// Listen is the TCP address for editors that connect by URL, such as 127.0.0.1:7411; empty: none. Only loopback
	// addresses are taken. If it is taken already, another port is used and a problem says so.
	Listen string
	// IdleExit ends the host when for this long no program was connected and no context lived; zero: never.
	IdleExit time.Duration
	// Logger receives what happens; nil: nobody.
	Logger *slog.Logger
	// LogLevel is that of the logger, for the setting to change it. Nil: the setting holds from the next start on.
	LogLevel *slog.LevelVar
	// Getenv and Environ are the environment of the user, in which editors are looked for. Without Getenv none are.
	Getenv  func(string) string
	Environ []string
	// ShowWindow shows the window of a desktop program. It is called when the program is started a second time, and must not block.
	// Nil: there is no window.
	ShowWindow func()
	// AwaitSight keeps the host from loading the engine of this computer, which takes the processor, before Seen is called: a window and
	// a tray item are about to be shown. Who wants code run is not kept waiting for that.
	AwaitSight bool
}

// App is one host. Run must be called once.
type App struct {
	opt     Options
	log     *slog.Logger
	hub     status.Hub
	desk    status.Latest[Desk]
	started time.Time

	sites   *sites
	secrets *secrets.Cache // nil: no credentials
	ledger  *ledger.Ledger
	meter   *cost.Meter
	calls   atomic.Int64 // requests to the service that the meter was not told of yet
	interp  *interpreter.Interpreter
	server  *mcpserver.Server
	tokens  *tokens.Store

	activity *activity.Log
	figures  *figures.Book
	feed     *notebook.Feed

	usesFile *tokens.Uses
	uses     useBook

	looking        sync.Mutex    // held while editors are looked at
	changing       sync.Mutex    // held while a setting is changed
	choosing       sync.Mutex    // held while a backend is chosen
	accountChanged chan struct{} // capacity 1: the credentials may be others
	spent          chan struct{} // capacity 1: what lives or works may have changed
	poke           chan struct{} // capacity 1: something that is guarded by mu has changed
	quit           chan struct{} // capacity 1: somebody asked the host to end

	holding sync.Mutex // guards below; held while they are applied
	holds   holds

	mu          sync.Mutex // guards below: the part of the snapshot that no other owner keeps
	address     status.Addresses
	problems    []status.Problem
	credentials *status.Problem    // with the credentials; nil: none
	shut        bool               // the keychain did not open, which may change
	identity    string             // of the site of the account there is credentials for; "": none
	stirred     time.Time          // when somebody last wanted the pool to work, other than a client
	config      config.Config      // the settings as they are now
	shown       *Settings          // the same for whoever shows them
	seen        Account            // as it was seen last
	computer    *computer.Computer // nil: before the host listens, or editors cannot be looked for
	editors     *Editors           // as they were seen last; nil: not yet
	stopping    bool
	endBy       time.Time  // when the host has to have ended that is stopping
	farewells   []net.Conn // of those who asked the host to end and wait for it
}

// New makes a host from its options. It starts nothing and touches no file, other than by asking for the account.
func New(ctx context.Context, opt Options) (*App, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if err := errors.Join(checkListen(opt.Listen), checkBackend(opt.Config.Backend)); err != nil {
		return nil, err
	}
	a := &App{
		opt: opt, log: opt.Logger, started: time.Now().UTC(), config: opt.Config, sites: newSites(opt.Logger),
		poke: make(chan struct{}, 1), quit: make(chan struct{}, 1), tokens: tokens.Open(opt.Dirs.Data), usesFile: tokens.OpenUses(opt.Dirs.Data),
		ledger: ledger.New(opt.Dirs.Data),
		meter:  cost.New(cost.Options{Folder: opt.Dirs.Data, DailyCap: opt.Config.AgentRun.DailyCap, IdleTimeout: idleTimeout(opt.Config)}),
		spent:  make(chan struct{}, 1),

		activity: activity.New(), figures: figures.New(figures.Options{Folder: opt.Dirs.Data}), accountChanged: make(chan struct{}, 1),
	}
	a.showSettings()
	if opt.Secrets != nil {
		a.secrets = secrets.NewCache(opt.Secrets.Find)
	}
	for _, f := range opt.Faults {
		a.problems = append(a.problems, settingsProblem(f, opt.Dirs))
		a.log.Warn("setting not used", "why", f.String())
	}
	a.askFirst()
	if opt.AwaitSight {
		a.sites.hold()
	}
	current, fallback, err := a.find(a.briefly(ctx))
	if err != nil {
		return nil, err
	}
	a.sites.use(current, fallback)
	idle := opt.Config.ContextIdle()
	if idle == 0 {
		idle = -1
	}
	a.interp, err = interpreter.New(interpreter.Options{
		Site:        current.place,
		RunTimeout:  opt.Config.RunTimeout(),
		IdleTimeout: idle,
		MaxContexts: opt.Config.Runs.MaxContexts,
		CarryOff:    opt.Config.CarryOver == "off",
		Ended:       a.ended,
		Logger:      opt.Logger,
	})
	if err != nil {
		return nil, err
	}
	a.interp.Use(current.place, placeOf(fallback))
	a.feed = notebook.NewFeed(a.interp)
	a.server, err = mcpserver.New(mcpserver.Options{
		Interpreter:    a.interp,
		Tokens:         a.tokens,
		AllowedFolders: func() []string { return a.settings().AllowedFolders },
		Rules:          a.rules,
		AnswerWithin:   opt.Config.AnswerWithin(),
		Version:        version.String(),
		Activity:       a.activity,
		Status:         &a.hub,
		Language:       opt.Config.LanguageTag(),
		Beside:         a.control(),
		Logger:         opt.Logger,
	})
	if err != nil {
		return nil, err
	}
	for _, f := range opt.Config.CheckTools(a.server.Tools()) {
		a.problems = append(a.problems, settingsProblem(f, opt.Dirs))
	}
	first := a.snapshot()
	a.hub.Publish(first)
	a.desk.Publish(a.lay(first))
	return a, nil
}

// note adds a problem to those that are shown from now on.
func (a *App) note(p status.Problem) {
	a.mu.Lock()
	a.problems = append(a.problems, p)
	a.mu.Unlock()
	token(a.poke)
}

// settings are those of now.
func (a *App) settings() config.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.config
}

// rules are what the settings say of a client.
func (a *App) rules(client string) mcpserver.Rules {
	r := a.settings().RulesOf(client)
	return mcpserver.Rules{ResultTokens: r.ResultTokens, Tools: r.Tools}
}

// Snapshot is the state of this moment, counts included that are not announced as changes.
func (a *App) Snapshot() status.Snapshot { return a.snapshot() }

// Hub hands out the newest snapshot.
func (a *App) Hub() *status.Hub { return &a.hub }

// Run is the host's life: it becomes this user's only host, listens, serves, and folds state into snapshots until ctx ends or
// the host has been idle for too long. Then it lets the runs in progress end, closes every sandbox, and removes what it
// published. Where another host is running already, the error is instance.ErrRunning.
func (a *App) Run(ctx context.Context) error {
	leaveRoom()
	defer a.sayFarewell()
	for _, dir := range []string{a.opt.Dirs.Config, a.opt.Dirs.Cache, a.opt.Dirs.Data} {
		if err := paths.EnsurePrivate(dir); err != nil {
			return err
		}
	}
	inst, err := instance.Acquire(ctx, a.opt.Dirs)
	if err != nil {
		return err
	}
	defer func() {
		if err := inst.Close(); err != nil {
			a.log.Warn("leaving", "error", err)
		}
	}()
	a.recallPause()
	a.loadCosts()
	a.lookAfterOrphans(ctx)
	kept, err := a.usesFile.Load()
	if err != nil {
		a.log.Warn("uses of tokens", "error", err)
	}
	a.uses.open(kept)
	listeners, err := a.listen(ctx, inst)
	if err != nil {
		return err
	}
	a.findEditors()
	if err := a.lookOnceMore(ctx); err != nil {
		a.log.Warn("account not looked for again", "error", err)
	}
	err = a.serve(ctx, listeners)
	a.log.Info("stopped", "after", time.Since(a.started).Round(time.Millisecond))
	return err
}

// leaveRoom lets Go run two things at a time on a machine with one processor. Code that computes keeps Go's scheduler from the
// one it has until its next safepoint; with a second one the operating system divides the processor, and calls are answered in
// between: four times sooner when that was measured.
func leaveRoom() {
	if runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2)
	}
}

// serve runs every part until ctx ends or one of them fails, and then ends them in the order in which they depend on each
// other: no new calls, runs end and are answered, connections close, sandboxes close, the engine closes.
func (a *App) serve(ctx context.Context, listeners []listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	calm := context.WithoutCancel(ctx) // for parts that outlive the wish to stop
	var parts, faces, engine, drawing stage
	parts.fail, faces.fail, engine.fail, drawing.fail = stop, stop, stop, stop

	drawing.start(calm, a.draw)
	drawing.start(calm, a.keepUses)
	drawing.start(calm, a.keepFigures)
	drawing.start(calm, a.meterCosts)
	var left error // what could not be ended
	engine.start(calm, func(ctx context.Context) error {
		left = a.sites.run(ctx, a.ending)
		return left
	})
	parts.start(calm, a.interp.Run)
	faces.start(calm, a.server.Run)
	for _, l := range listeners {
		faces.start(calm, func(ctx context.Context) error { return a.server.Serve(ctx, l.Listener, l.face) })
	}
	var watch stage
	watch.fail = stop
	watch.start(ctx, a.report)
	watch.start(ctx, a.pauseWhenIdle)
	watch.start(ctx, a.awaitKeychain)
	watch.start(ctx, a.timeLoading)
	watch.start(ctx, a.watchEditors)
	if a.opt.ShowWindow != nil && a.secrets != nil {
		watch.start(ctx, a.watchAccount)
	}
	watch.start(ctx, func(ctx context.Context) error {
		select {
		case <-a.quit:
			stop(errAsked)
		case <-ctx.Done():
		}
		return nil
	})
	if a.opt.IdleExit > 0 {
		watch.start(ctx, func(ctx context.Context) error { return a.exitWhenIdle(ctx, stop) })
	}

	<-ctx.Done()
	a.beginEnd()
	a.log.Info("stopping", "why", context.Cause(ctx).Error())
	watch.end()
	parts.end()
	faces.end()
	engine.end()
	drawing.end()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, errIdle) && !errors.Is(cause, errAsked) {
		return errors.Join(cause, left)
	}
	return left
}

// stage is a group of parts that end together.
type stage struct {
	fail   context.CancelCauseFunc // told when a part fails on its own
	cancel []context.CancelFunc
	wg     sync.WaitGroup
}

func (s *stage) start(ctx context.Context, part func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	s.cancel = append(s.cancel, cancel)
	s.wg.Go(func() {
		if err := part(ctx); err != nil && ctx.Err() == nil {
			s.fail(err)
		}
	})
}

// end stops the parts and waits for them.
func (s *stage) end() {
	for _, cancel := range s.cancel {
		cancel()
	}
	s.wg.Wait()
}

// listener is an open address and the rules that hold for it.
type listener struct {
	net.Listener
	face mcpserver.Face
}

// listen opens the unix socket and, if wanted, the TCP address, and tells the world.
func (a *App) listen(ctx context.Context, inst *instance.Instance) ([]listener, error) {
	socket, err := inst.Listen(ctx)
	if err != nil {
		return nil, err
	}
	info := inst.Info()
	info.Version = version.String()
	listeners := []listener{{socket, mcpserver.Unix}}
	if a.opt.Listen != "" {
		tcp, err := a.listenTCP(ctx)
		if err != nil {
			return nil, errors.Join(err, socket.Close())
		}
		info.Address.HTTP = "http://" + tcp.Addr().String() + "/mcp"
		listeners = append(listeners, listener{tcp, mcpserver.TCP})
	}
	if err := inst.Publish(info); err != nil {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return nil, err
	}
	a.mu.Lock()
	a.address = status.Addresses{HTTP: info.Address.HTTP, Socket: info.Address.Socket}
	a.mu.Unlock()
	return listeners, nil
}

// listenTCP opens the wanted address, or another port of the same host when that one is taken.
func (a *App) listenTCP(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", a.opt.Listen)
	host, port, splitErr := net.SplitHostPort(a.opt.Listen)
	if err == nil || splitErr != nil {
		return l, err
	}
	why, known := "cannot be opened", reason.Of(err)
	if errors.Is(err, syscall.EADDRINUSE) {
		why = "is used by another program"
		known = reason.Reason{Code: reason.PortUsed}
	}
	l, err2 := lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err2 != nil {
		return nil, fmt.Errorf("listen on %s: %w", a.opt.Listen, errors.Join(err, err2))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problems = append(a.problems, status.Problem{
		Code: status.PortTaken, Reason: string(known.Code), Args: status.Args{Port: port, Address: l.Addr().String()},
		What: fmt.Sprintf("Port %s %s; AgentRun Tray listens on %s instead.", port, why, l.Addr()),
		Why:  err.Error(),
		Todo: "Editors that connect by URL need the new address. To keep it, choose another http.port in the settings.",
	})
	a.log.Warn("port taken", "wanted", a.opt.Listen, "using", l.Addr().String())
	return l, nil
}

// checkListen refuses an address that other machines could reach.
func checkListen(address string) error {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("the address %q is not HOST:PORT, such as 127.0.0.1:7411", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("the port %q is not a number from 0 to 65535", port)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("the address %q is not this computer's own; use 127.0.0.1:%s", address, port)
	}
	return nil
}

func settingsProblem(f config.Fault, dirs paths.Dirs) status.Problem {
	p := status.Problem{
		Code: status.Settings, Reason: string(reason.SettingDefault), Args: status.Args{Setting: f.Field, Detail: f.Text, File: filepath.Join(dirs.Config, config.FileName)},
		What: "A setting cannot be used: " + f.Field + ": " + f.Text + ".",
		Todo: "Correct it in " + filepath.Join(dirs.Config, config.FileName) + " and start again.",
	}
	if f.Field == "" {
		p.Reason, p.Args.File = string(reason.SettingsBroken), f.Kept
		p.What, p.Why = "The settings file cannot be read, so everything is as in a new installation.", f.Text+"."
		p.Todo = "It was kept as " + f.Kept + ". Correct it there, rename it back to " + config.FileName + ", and start again; or set anew what you need."
	}
	return p
}

// briefly is for the first look at the keychain, which a window would have to wait for. One that asks its user something first is waited
// for later; see awaitKeychain.
func (a *App) briefly(ctx context.Context) context.Context {
	if a.opt.ShowWindow == nil {
		return ctx
	}
	return secrets.Patiently(ctx, time.Second)
}
