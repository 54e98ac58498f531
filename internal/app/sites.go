package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// site is a place where code can run: a backend, the pool of its sessions, and both as the interpreter knows them.
type site struct {
	*backend
	pool   *pool.Pool[sandbox.Session]
	place  *interpreter.Site
	opened atomic.Bool        // it has had a session
	far    lastError          // of a look at a session that found nothing out
	leave  context.CancelFunc // ends it; guarded by the sites' mutex, nil before it runs
	gone   bool               // it was left; guarded by the sites' mutex
	warm   int                // sessions that its pool keeps ready while it is in use; guarded by the sites' mutex once it is one of them
}

// newSite joins a backend with a pool that keeps nothing ready yet.
func newSite(b *backend, opt pool.Options[sandbox.Session]) (*site, error) {
	s := &site{backend: b, warm: opt.Warm}
	opt.Warm, opt.Check, opt.New = 0, s.check, s.heard(opt.New)
	var err error
	if s.pool, err = pool.New(opt); err != nil {
		return nil, err
	}
	s.place = interpreter.NewSite(b, s.pool)
	return s, nil
}

// heard makes a session as before, which tells as much of the service as a look at one.
func (s *site) heard(open func(context.Context) (sandbox.Session, error)) func(context.Context) (sandbox.Session, error) {
	return func(ctx context.Context) (sandbox.Session, error) {
		session, err := open(ctx)
		if err == nil {
			s.opened.Store(true)
			s.far.note(nil)
		}
		return session, err
	}
}

// check asks a session for a sign of life. Only one that is gone is given up: where it cannot be reached, neither could another be.
func (s *site) check(ctx context.Context, session sandbox.Session) error {
	err := session.Check(ctx)
	lost := sandbox.IfLost(err)
	if lost == nil && !errors.Is(ctx.Err(), context.Canceled) { // a look that was given up finds nothing out; one without an answer does
		s.far.note(err)
	}
	return lost
}

// reached says that a sandbox has just done what was asked of it. It tells whether that is news.
func (s *site) reached(sandboxID string) bool {
	if !s.far.failed() || !slices.ContainsFunc(s.pool.Stats().Rows, func(row pool.Row[sandbox.Session]) bool { return row.Made && row.Value.SandboxID() == sandboxID }) {
		return false
	}
	s.far.note(nil)
	return true
}

// lastError is the newest of failures that come and go.
type lastError struct {
	mu  sync.Mutex
	err error
}

// note takes what came of another try.
func (l *lastError) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// failed reports whether the newest try did.
func (l *lastError) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil
}

// unreached is why the newest look at one of the site's sessions found nothing out, or nil.
func (s *site) unreached() error {
	if !slices.ContainsFunc(s.pool.Stats().Rows, func(row pool.Row[sandbox.Session]) bool { return row.Made }) {
		return nil // what it was about is gone
	}
	s.far.mu.Lock()
	defer s.far.mu.Unlock()
	return s.far.err
}

// run keeps the site's pool until ctx ends, closes its sessions then, and after them what the backend keeps beside. Changes of either
// are passed on. When the host is ending, that says by when.
func (s *site) run(ctx context.Context, log *slog.Logger, ending func() (time.Time, bool), changed func()) error {
	over, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var passing sync.WaitGroup
	for _, source := range []<-chan struct{}{s.pool.Changed(), s.changed} {
		passing.Go(func() {
			for {
				select {
				case <-source:
					changed()
				case <-over.Done():
					return
				}
			}
		})
	}
	if s.recover != nil {
		passing.Go(func() {
			if err := s.recover(ctx); err != nil && ctx.Err() == nil {
				log.Warn("what an earlier host left was not looked at; it will be", "backend", s.Name(), "error", err)
			}
		})
	}
	err := s.pool.Run(ctx)
	by, is := ending()
	if !is { // it ends by itself
		by = time.Now().Add(endWithin)
	}
	closing, done := context.WithDeadline(context.WithoutCancel(ctx), by)
	defer done()
	err = errors.Join(err, s.Close(closing))
	cancel()
	passing.Wait()
	return err
}

// sites keeps the places where code can run: the one in use, the one to fall back on, and those that were in use before, which
// keep no session ready and stay for the contexts on them. Methods are safe for concurrent use.
type sites struct {
	log     *slog.Logger
	changed chan struct{} // capacity 1: something that a pool or a backend tells has changed
	added   chan struct{} // capacity 1

	mu       sync.Mutex // guards below
	all      []*site
	current  *site
	fallback *site // may be nil
	unasked  bool  // nobody has said yet that sandboxes may be kept that cost money
	unseen   bool  // the program is about to be seen, and has the processor to itself until it is
}

func newSites(log *slog.Logger) *sites {
	return &sites{log: log, changed: make(chan struct{}, 1), added: make(chan struct{}, 1)}
}

// run runs every site there is or comes to be, until ctx ends and all have ended. One that was left ends by itself, with everything in
// it, and is forgotten.
func (s *sites) run(ctx context.Context, ending func() (time.Time, bool)) error {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		errs    []error
	)
	for {
		for _, x := range s.fresh() {
			within, leave := context.WithCancel(ctx)
			s.mu.Lock()
			x.leave = leave
			if x.gone {
				leave()
			}
			s.mu.Unlock()
			running.Go(func() {
				defer leave()
				err := x.run(within, s.log, ending, s.tell)
				s.forget(x)
				if err == nil {
					return
				}
				s.log.Warn("not everything of a backend was ended", "backend", x.Name(), "error", err)
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			})
		}
		select {
		case <-s.added:
		case <-ctx.Done():
			running.Wait()
			return errors.Join(errs...)
		}
	}
}

// fresh returns the sites that do not run yet.
func (s *sites) fresh() []*site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.all), func(x *site) bool { return x.leave != nil })
}

// abandon ends a site that is not in use, with the contexts on it, which are told why.
func (s *sites) abandon(x *site, why error) {
	x.pool.Suspend(why)
	for _, row := range x.pool.Stats().Rows {
		x.pool.Evict(row.ID, why)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x.gone = true
	if x.leave != nil {
		x.leave()
	}
}

// forget takes a site that has ended off the list.
func (s *sites) forget(x *site) {
	s.mu.Lock()
	s.all = slices.DeleteFunc(slices.Clone(s.all), func(y *site) bool { return x == y })
	s.mu.Unlock()
	s.tell()
}

// reached says that a sandbox has just done what was asked of it, so that its site can be reached.
func (s *sites) reached(sandboxID string) {
	for _, x := range s.list() {
		if x.reached(sandboxID) {
			s.tell()
		}
	}
}

// tell says that something has changed.
func (s *sites) tell() { token(s.changed) }

// list returns all sites, in the order in which they were first used.
func (s *sites) list() []*site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.all)
}

// find returns the site for an identity that was used before and was not left, or nil.
func (s *sites) find(identity string) *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.all {
		if x.identity == identity && !x.gone {
			return x
		}
	}
	return nil
}

// add takes in a site that is to run, without using it.
func (s *sites) add(x *site) {
	s.mu.Lock()
	if x != nil && !slices.Contains(s.all, x) {
		s.all = append(slices.Clip(s.all), x)
	}
	s.mu.Unlock()
	token(s.added)
}

// inUse returns the site for new contexts and that to fall back on, which may be nil.
func (s *sites) inUse() (current, fallback *site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.fallback
}

// use keeps sessions ready on one site, and on no other.
func (s *sites) use(current, fallback *site) {
	s.add(current)
	s.add(fallback)
	s.mu.Lock()
	s.current, s.fallback = current, fallback
	s.warm()
	s.mu.Unlock()
	s.tell()
}

// warm has sessions kept ready on the site in use alone. The caller holds mu.
func (s *sites) warm() {
	for _, x := range s.all {
		if x == s.current && s.agreed(x) && (!x.heavy || !s.unseen) {
			x.pool.SetWarm(x.warm)
		} else {
			x.pool.SetWarm(0)
		}
	}
}

// agreed reports whether sessions of a site may be kept ready as far as their cost goes. The caller holds mu.
func (s *sites) agreed(x *site) bool { return !x.paid || !s.unasked }

// wanted is how many sessions a site in use keeps ready, or will in a moment, when the program is seen.
func (s *sites) wanted(x *site) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.agreed(x) {
		return 0
	}
	return x.warm
}

// hesitate keeps no session ready that costs money, until agree. One that somebody has code for is made.
func (s *sites) hesitate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unasked = true
}

// agree takes hesitate back.
func (s *sites) agree() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unasked = false
	s.warm()
}

// hold keeps no session ready that takes this computer's processor to make, until the program is seen. One that somebody has code for is
// made.
func (s *sites) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unseen = true
}

// seen takes hold back.
func (s *sites) seen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unseen {
		s.unseen = false
		s.warm()
	}
}

// resize changes how many sessions a site has at most, and how many the one in use keeps ready, or another that comes to be used.
func (s *sites) resize(warm, ceiling int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.all {
		x.warm = warm
		x.pool.SetMax(ceiling)
	}
	s.warm()
}

// token leaves a token in a channel of capacity 1, where one is as good as many.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
