// Package interpreter keeps the code contexts that clients see: it makes them, runs code in them in order, moves their files,
// stops them, and remembers what was run.
//
// A context is placed on a session leased from the pool and stays there; its runs go nowhere else. Runs of one context go one
// at a time in the order of arrival, different contexts run in parallel. A run goes on by itself, whether or not whoever asked for
// it waits, and its result can be collected for a while by its id. When a session has to end under a context, the context moves to
// another one with what can move; when it is lost, the context is remade empty at its next use. Either way the caller is told. The package is used by the MCP face, the window and the host; all
// its errors that a caller can do something about are *sandbox.Error.
package interpreter

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/carry"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Options configure an Interpreter. Zero values mean the defaults named beside them.
type Options struct {
	// Site is where new contexts are made until Use says otherwise. Required.
	Site *Site
	// RunTimeout is how long code may run when the caller does not say: 30 s, or the limit of the context's backend if that is shorter.
	RunTimeout time.Duration
	// ReadyTimeout is how long a call waits for a session before it says that none is ready: 50 s, which is below the
	// patience of editors.
	ReadyTimeout time.Duration
	// IdleTimeout is after how long without use a context is stopped: 2 h. Negative means never.
	IdleTimeout time.Duration
	// OrphanTimeout is the same for a default context whose client has left: 15 min.
	OrphanTimeout time.Duration
	// StopGrace is how long a run in progress may go on when its context is stopped without force: 30 s.
	StopGrace time.Duration
	// Carry bounds what goes along when a context moves to another sandbox because its own has to end.
	Carry carry.Limits
	// CarryOff leaves contexts where they are until their sandboxes end, which callers are told of before.
	CarryOff bool
	// MaxContexts is how many contexts may live at once: 100.
	MaxContexts int
	// Ended, if not nil, is told of each run when it has its result. It must not block, and may be called by
	// several at once.
	Ended func(*Run)
	// Logger receives one line per event, never code. Default: discarded.
	Logger *slog.Logger
}

// Interpreter keeps contexts. Methods are safe for concurrent use. Run must be called once.
type Interpreter struct {
	opt Options
	log *slog.Logger

	changed chan struct{} // capacity 1: something that Contexts shows is different
	wake    chan struct{} // capacity 1: the reaper's next deadline may have come nearer

	mu       sync.Mutex // guards below and the fields of each codeContext that say so; never held across I/O
	site     *Site      // for new contexts
	fallback *Site      // for those that it has no session for; may be nil
	left     map[*Site]struct{}
	carryOff bool // contexts stay where they are until their sandboxes end
	contexts map[string]*codeContext
	defaults map[defaultKey]*codeContext
	ended    epitaphs
	runs     runs
	awaited  []*awaited
	told     map[defaultKey]struct{} // who has been told that the host was restarted
	kept     int                     // bytes of all histories
	made     int                     // contexts booked so far
	calls    sync.WaitGroup          // calls and runs in progress; Add only under mu while !closing
	closing  bool
	alive    context.Context // ends every call in progress when it ends
	stop     context.CancelCauseFunc
}

// defaultKey finds the context a caller means when it names none.
type defaultKey struct {
	caller   string
	language sandbox.Language
}

// Caller says on whose behalf a call is made.
type Caller struct {
	// Key is the same for all calls of one client and different from every other client's. It decides whose default context
	// is meant.
	Key string
	// Name is for people, such as "claude-desktop 1.2".
	Name string
	// Reconnected says that this client knew another host before this one, so that what it made there may be gone. It stays
	// true; the interpreter remembers whom it has told.
	Reconnected bool
	// Beside says that the contexts of others are used as somebody beside their clients. What a client is owed to know of its context is
	// told to this caller, too, and with the client's own next result all the same.
	Beside bool
}

var (
	errClosing = sandbox.Errorf(sandbox.CodeServerNotReady, "AgentRun Tray is shutting down; start it again and repeat the call")
	errStopped = errors.New("the context was stopped")
)

// New checks the options and returns an interpreter without contexts. It starts nothing.
func New(opt Options) (*Interpreter, error) {
	if opt.Site == nil {
		return nil, errors.New("interpreter: Site is required")
	}
	setDefault(&opt.RunTimeout, 30*time.Second)
	setDefault(&opt.ReadyTimeout, 50*time.Second)
	setDefault(&opt.IdleTimeout, 2*time.Hour)
	setDefault(&opt.OrphanTimeout, 15*time.Minute)
	setDefault(&opt.StopGrace, 30*time.Second)
	setDefault(&opt.MaxContexts, 100)
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	i := &Interpreter{
		opt:      opt,
		log:      opt.Logger,
		site:     opt.Site,
		left:     make(map[*Site]struct{}),
		carryOff: opt.CarryOff,
		changed:  make(chan struct{}, 1),
		wake:     make(chan struct{}, 1),
		contexts: make(map[string]*codeContext),
		defaults: make(map[defaultKey]*codeContext),
		told:     make(map[defaultKey]struct{}),
	}
	i.alive, i.stop = context.WithCancelCause(context.Background())
	return i, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Run stops idle contexts, and moves those whose sandboxes have to end, until ctx ends. Then it refuses new calls, interrupts the runs in progress, waits for every call to
// return, stops all contexts, and returns nil.
func (i *Interpreter) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-i.wake:
		}
		next, ok := i.stopIdle(ctx)
		if at, some := i.moveDue(ctx); some && (!ok || at.Before(next)) {
			next, ok = at, true
		}
		if ok {
			timer.Reset(time.Until(next))
		}
	}
	i.mu.Lock()
	i.closing = true
	i.mu.Unlock()
	i.stop(errClosing)
	i.calls.Wait()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, cc := range i.all() {
		wg.Go(func() { _ = i.end(ctx, cc, "AgentRun Tray was shut down") })
	}
	wg.Wait()
	return nil
}

// stopIdle stops the contexts that were not used for too long and says when the next one is due.
func (i *Interpreter) stopIdle(ctx context.Context) (next time.Time, ok bool) {
	if ctx.Err() != nil {
		return next, false
	}
	var due []*codeContext
	i.mu.Lock()
	for _, cc := range i.contexts {
		idle := i.idleTimeout(cc)
		switch at := cc.lastUsed.Add(idle); {
		case idle < 0 || cc.users > 0 || cc.stopping:
			// a call in progress counts as use; the end of the call wakes us
		case !at.After(time.Now()):
			cc.beginStop()
			due = append(due, cc)
		case !ok || at.Before(next):
			next, ok = at, true
		}
	}
	if at, some := i.runs.expire(time.Now()); some && (!ok || at.Before(next)) {
		next, ok = at, true
	}
	i.mu.Unlock()
	for _, cc := range due {
		ctx, _, leave, err := i.enter(context.WithoutCancel(ctx))
		if err != nil {
			return next, ok // all contexts are about to end
		}
		go func() { // beside each other: a sandbox that is slow to end one must not keep others from moving
			defer leave()
			i.endIdle(ctx, cc)
		}()
	}
	return next, ok
}

// endIdle ends a context that was not used for too long.
func (i *Interpreter) endIdle(ctx context.Context, cc *codeContext) {
	idle := i.idleTimeout(cc)
	i.log.InfoContext(ctx, "context idle", "context_id", cc.id, "unused_for", idle)
	if err := i.end(context.WithoutCancel(ctx), cc, "it was not used for "+phrase.Duration(idle)); err != nil {
		i.log.WarnContext(ctx, "stop of an idle context failed", "context_id", cc.id, "error", err)
	}
}

// idleTimeout is how long a context may go unused; negative means for ever. The caller holds mu or has begun the stop.
func (i *Interpreter) idleTimeout(cc *codeContext) time.Duration {
	if cc.orphan && (i.opt.IdleTimeout < 0 || i.opt.OrphanTimeout < i.opt.IdleTimeout) {
		return i.opt.OrphanTimeout
	}
	return i.opt.IdleTimeout
}

// Left says that a client is gone. Nobody finds its default contexts by default any more, so they end earlier than others and
// are the first to make room. A later call with the same key takes them back.
func (i *Interpreter) Left(callerKey string) {
	i.mu.Lock()
	for key, cc := range i.defaults {
		if key.caller == callerKey {
			cc.orphan = true
		}
	}
	for key := range i.told {
		if key.caller == callerKey && i.defaults[key] == nil {
			delete(i.told, key) // should it come back, it is told again
		}
	}
	i.mu.Unlock()
	signal(i.wake)
}

// Contexts returns a copy of what there is, newest first. It answers from memory.
func (i *Interpreter) Contexts() []Context {
	i.mu.Lock()
	defer i.mu.Unlock()
	placed := make([]*codeContext, 0, len(i.contexts))
	for _, cc := range i.contexts {
		if cc.placed {
			placed = append(placed, cc)
		}
	}
	slices.SortFunc(placed, func(a, b *codeContext) int { return cmp.Or(b.created.Compare(a.created), b.seq-a.seq) })
	list := make([]Context, len(placed))
	for n, cc := range placed {
		list[n] = i.view(cc)
	}
	return list
}

// Context returns a copy of one context.
func (i *Interpreter) Context(id string) (Context, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	cc := i.contexts[id]
	if cc == nil || !cc.placed {
		return Context{}, false
	}
	return i.view(cc), true
}

// Changed is signalled, at most once until it is read, when something that Contexts shows has changed.
func (i *Interpreter) Changed() <-chan struct{} { return i.changed }

// RunTimeout is how long code may run on a site when the caller does not say.
func (i *Interpreter) RunTimeout(site *Site) time.Duration {
	return min(i.opt.RunTimeout, site.traits.MaxRunTime)
}

// all returns the contexts as they are.
func (i *Interpreter) all() []*codeContext {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := make([]*codeContext, 0, len(i.contexts))
	for _, cc := range i.contexts {
		list = append(list, cc)
	}
	return list
}

// enter books a call, so that shutting down waits for it, and returns the context it has to work in, with what ends it. It ends
// with errClosing when shutting down begins. The caller must call leave if enter succeeds.
func (i *Interpreter) enter(ctx context.Context) (_ context.Context, cancel context.CancelCauseFunc, leave func(), err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closing {
		return nil, nil, nil, errClosing
	}
	i.calls.Add(1)
	ctx, cancel = context.WithCancelCause(ctx)
	release := context.AfterFunc(i.alive, func() { cancel(errClosing) })
	return ctx, cancel, func() {
		release()
		cancel(nil)
		i.calls.Done()
	}, nil
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
