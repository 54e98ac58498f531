package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// site is a place where code can run: a backend, the pool of its sessions, and both as the interpreter knows them.
type site struct {
	*backend
	pool  *pool.Pool[sandbox.Session]
	place *interpreter.Site
	warm  int // sessions that its pool keeps ready while it is in use; guarded by the sites' mutex once it is one of them
}

// newSite joins a backend with a pool that keeps nothing ready yet.
func newSite(b *backend, opt pool.Options[sandbox.Session]) (*site, error) {
	warm := opt.Warm
	opt.Warm = 0
	p, err := pool.New(opt)
	if err != nil {
		return nil, err
	}
	return &site{backend: b, pool: p, place: interpreter.NewSite(b, p), warm: warm}, nil
}

// run keeps the site's pool until ctx ends, closes its sessions then, and after them what the backend keeps beside. Changes of either
// are passed on.
func (s *site) run(ctx context.Context, log *slog.Logger, changed func()) error {
	over, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var passing sync.WaitGroup
	for _, source := range []<-chan struct{}{s.pool.Changed(), s.backend.changed} {
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
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
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
}

func newSites(log *slog.Logger) *sites {
	return &sites{log: log, changed: make(chan struct{}, 1), added: make(chan struct{}, 1)}
}

// run runs every site there is or comes to be, until ctx ends and all have ended.
func (s *sites) run(ctx context.Context) error {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		errs    []error
	)
	for n := 0; ; {
		for _, x := range s.list()[n:] {
			n++
			running.Go(func() {
				if err := x.run(ctx, s.log, s.tell); err != nil {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				}
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

// tell says that something has changed.
func (s *sites) tell() { token(s.changed) }

// list returns all sites, in the order in which they were first used.
func (s *sites) list() []*site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[:len(s.all):len(s.all)]
}

// find returns the site for an identity that was used before, or nil.
func (s *sites) find(identity string) *site {
	for _, x := range s.list() {
		if x.identity == identity {
			return x
		}
	}
	return nil
}

// inUse returns the site for new contexts and that to fall back on, which may be nil.
func (s *sites) inUse() (current, fallback *site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.fallback
}

// use keeps sessions ready on one site, and on no other.
func (s *sites) use(current, fallback *site) {
	s.mu.Lock()
	for _, x := range []*site{current, fallback} {
		if x != nil && !slices.Contains(s.all, x) {
			s.all = append(s.all, x)
		}
	}
	s.current, s.fallback = current, fallback
	for _, x := range s.all {
		if x == current {
			x.pool.SetWarm(x.warm)
		} else {
			x.pool.SetWarm(0)
		}
	}
	s.mu.Unlock()
	token(s.added)
	s.tell()
}

// setWarm changes how many sessions the site in use keeps ready, and those that come to be used.
func (s *sites) setWarm(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.all {
		x.warm = n
		if x == s.current {
			x.pool.SetWarm(n)
		}
	}
}

// token leaves a token in a channel of capacity 1, where one is as good as many.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
