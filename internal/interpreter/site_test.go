package interpreter_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// newSite makes another site whose pool runs until the test ends. It must be called inside a bubble, before start.
func newSite(t *testing.T, fake sandboxtest.FakeOptions, opt pool.Options[sandbox.Session]) (*interpreter.Site, *pool.Pool[sandbox.Session]) {
	t.Helper()
	backend := sandboxtest.NewFake(fake)
	opt.New, opt.Share = backend.Open, backend.Traits().MaxContexts
	opt.Close = func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) }
	opt.Max = 5
	p, err := pool.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Errorf("pool.Run = %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return interpreter.NewSite(backend, p), p
}

var errAway = &sandbox.Error{Code: sandbox.CodeServerNotReady, Message: "the network is away."}

// away is a site that has no session to give.
func away(t *testing.T) *interpreter.Site {
	t.Helper()
	site, _ := newSite(t, sandboxtest.FakeOptions{Name: "far", OpenErr: func(int) error { return errAway }},
		pool.Options[sandbox.Session]{Warm: 1, Permanent: func(error) bool { return true }})
	return site
}

func TestContextsStayOnTheirSiteAndNewOnesGoToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next, _ := newSite(t, sandboxtest.FakeOptions{Name: "next"}, pool.Options[sandbox.Session]{})
		b := start(t, setup{})
		named := b.create(t, "named")
		b.run(t, named.ID, "set x 1")
		before := b.run(t, "", "set y 2")

		b.Use(next, nil)
		if b.Site() != next {
			t.Error("Site is not the one in use")
		}
		if res := b.run(t, named.ID, "get x"); res.Value == nil || res.Value.Text != "1" || res.Backend != "fake" || res.Notices != nil {
			t.Errorf("a context from before gave %+v, want its variable on its own backend", res)
		}
		now := b.run(t, "", "get y")
		if now.ContextID == before.ContextID || now.Backend != "next" || now.Failure == nil {
			t.Errorf("the default context after the change gave %+v, want a new one on the other backend", now)
		}
		if len(now.Notices) != 1 || !strings.Contains(now.Notices[0], before.ContextID+", on the fake backend") {
			t.Errorf("notices = %q, want one that names the context from before", now.Notices)
		}
		if again := b.run(t, "", "set z 1"); again.ContextID != now.ContextID || again.Notices != nil {
			t.Errorf("the second run gave %+v, want the same context and no notice", again)
		}
		if res := b.run(t, before.ContextID, "get y"); res.Value == nil || res.Value.Text != "2" {
			t.Errorf("the default context from before gave %+v by its id, want its variable", res)
		}
		if c := b.create(t, "new"); c.Backend != "next" {
			t.Errorf("a new context is on %s, want next", c.Backend)
		}

		// Nobody finds the old default by default: it ends as one does whose client has left.
		time.Sleep(16 * time.Minute)
		synctest.Wait()
		if _, there := b.Context(before.ContextID); there {
			t.Error("the default context from before is there after 16 minutes without use")
		}
		if _, there := b.Context(named.ID); !there {
			t.Error("a named context from before is gone")
		}
	})
}

func TestNewContextsFallBackWhereASiteHasNoSessionAndEveryResultSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := away(t)
		near, _ := newSite(t, sandboxtest.FakeOptions{Name: "near"}, pool.Options[sandbox.Session]{})
		b := start(t, setup{})
		b.Use(far, near)
		c := b.create(t, "c")
		if c.Backend != "near" || !strings.Contains(c.Instead, "The far backend could not be used when this context was made (the network is away).") {
			t.Errorf("CreateContext = %+v, want one on near that says why", c)
		}
		for range 2 {
			res := b.run(t, c.ID, "set x 1")
			if len(res.Notices) != 1 || res.Notices[0] != c.Instead || res.Backend != "near" {
				t.Errorf("a run gave %+v, want the reason again", res)
			}
		}
		if res := b.run(t, "", "set y 1"); res.Backend != "near" || len(res.Notices) != 1 {
			t.Errorf("a default context gave %+v, want it on near with the reason", res)
		}
		if again := b.run(t, "", "get y"); again.Value == nil {
			t.Errorf("the default context was left for another: %+v", again)
		}
	})
}

func TestWithoutAFallbackTheReasonIsTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := away(t)
		b := start(t, setup{})
		b.Use(far, nil)
		_, err := b.CreateContext(t.Context(), ann, interpreter.NewContext{Name: "c"})
		wantCode(t, err, sandbox.CodeServerNotReady, "the network is away")
		_, err = b.RunCode(t.Context(), ann, interpreter.RunRequest{Code: "set x 1"})
		wantCode(t, err, sandbox.CodeServerNotReady, "the network is away")
		if n := len(b.Contexts()); n != 0 {
			t.Errorf("%d contexts after failures, want none", n)
		}
	})
}

func TestAContextThatCannotBeMadeOnAReadySessionFallsBackToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := newSite(t, sandboxtest.FakeOptions{Name: "near"}, pool.Options[sandbox.Session]{})
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 1}, fake: sandboxtest.FakeOptions{CreateErr: func(int) error { return errAway }}})
		b.Use(b.Site(), near)
		if c := b.create(t, "c"); c.Backend != "near" {
			t.Errorf("the context is on %s, want near", c.Backend)
		}
	})
}

func TestAContextThatWasThereDoesNotFallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := newSite(t, sandboxtest.FakeOptions{Name: "near"}, pool.Options[sandbox.Session]{})
		var gone bool
		b := start(t, setup{
			pool: pool.Options[sandbox.Session]{Permanent: func(error) bool { return true }},
			fake: sandboxtest.FakeOptions{OpenErr: func(int) error {
				if gone {
					return errAway
				}
				return nil
			}},
		})
		b.Use(b.Site(), near)
		c := b.create(t, "c")
		gone = true
		b.pool.Evict(b.pool.Stats().Rows[0].ID, errors.New("it broke"))
		synctest.Wait()
		_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "set x 1"})
		wantCode(t, err, sandbox.CodeServerNotReady, "the network is away")
		gone = false
		time.Sleep(2 * time.Minute)
		if res := b.run(t, c.ID, "set x 1"); res.Backend != "fake" || len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "it broke") {
			t.Errorf("when its site is back the context gave %+v, want it remade there, and told so", res)
		}
	})
}

func TestASessionFoundGoneWhileAContextIsMadeIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 2}, fake: sandboxtest.FakeOptions{CreateErr: func(n int) error {
			if n <= 2 {
				return sandbox.ErrSessionLost
			}
			return nil
		}}})
		if c := b.create(t, "c"); c.Status != interpreter.Active {
			t.Errorf("the context is %+v, want it active on a third session", c)
		}
	})
}

func TestLimitsAreThoseOfTheContextsOwnSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		brief, _ := newSite(t, sandboxtest.FakeOptions{Name: "brief", Traits: func(traits *sandbox.Traits) { traits.MaxRunTime = 5 * time.Second }}, pool.Options[sandbox.Session]{})
		b := start(t, setup{})
		c := b.create(t, "c")
		b.Use(brief, nil)
		long := 20 * time.Second
		if _, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "sleep 10s", Timeout: &long}); err != nil {
			t.Errorf("a long run on the site that allows it = %v", err)
		}
		_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{Code: "sleep 10s", Timeout: &long})
		wantCode(t, err, sandbox.CodeInvalidParams, "5 s")
		if got := b.RunTimeout(brief); got != 5*time.Second {
			t.Errorf("RunTimeout(brief) = %v, want its limit of 5s", got)
		}
	})
}
