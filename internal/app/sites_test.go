package app

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/mock"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// runSites runs a place of this kind, in use with two sessions to keep ready, in the bubble of a test.
func runSites(t *testing.T, b *backend, before func(*sites)) (*sites, *site) {
	t.Helper()
	b.Backend = mock.New()
	x, err := newSite(b, pool.Options[sandbox.Session]{New: b.Open, Close: func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) }, Warm: 2, Max: 4})
	if err != nil {
		t.Fatal(err)
	}
	s := newSites(slog.New(slog.DiscardHandler))
	before(s)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, func() (time.Time, bool) { return time.Time{}, false }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the sites ended with %v", err)
		}
	})
	s.use(x, nil)
	return s, x
}

// alive is how many sessions there are when everything that happens by itself has.
func alive(x *site) int {
	time.Sleep(time.Minute)
	synctest.Wait()
	return len(x.pool.Stats().Rows)
}

// TestWhatTakesTheProcessorWaitsUntilTheProgramIsSeen, but for code that somebody wants to run, and however the settings change meanwhile.
func TestWhatTakesTheProcessorWaitsUntilTheProgramIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, x := runSites(t, &backend{heavy: true}, (*sites).hold)
		s.resize(3, 4)
		if n, wanted := alive(x), s.wanted(x); n != 0 || wanted != 3 {
			t.Errorf("before the program is seen there are %d sessions, and %d are wanted; want 0 and 3", n, wanted)
		}
		lease, err := x.pool.Acquire(t.Context())
		if err != nil {
			t.Fatalf("Acquire before the program is seen = %v", err)
		}
		if n := alive(x); n != 1 {
			t.Errorf("for somebody's code there are %d sessions, want 1", n)
		}
		s.seen()
		if n := alive(x); n != 4 {
			t.Errorf("with the program in sight there are %d sessions, want 1 in use and 3 ready", n)
		}
		lease.Release()
	})
}

// TestWhatOnlyTakesTimeDoesNotWaitUntilTheProgramIsSeen: the cloud's sandboxes begin at once.
func TestWhatOnlyTakesTimeDoesNotWaitUntilTheProgramIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, x := runSites(t, &backend{}, (*sites).hold)
		if n := alive(x); n != 2 {
			t.Errorf("there are %d sessions, want 2", n)
		}
	})
}

// TestAgreeingToTheCostShowsTheProgramToNobody: the two reasons to keep nothing ready are independent of each other.
func TestAgreeingToTheCostShowsTheProgramToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, x := runSites(t, &backend{heavy: true, paid: true}, func(s *sites) {
			s.hold()
			s.hesitate()
		})
		if n, wanted := alive(x), s.wanted(x); n != 0 || wanted != 0 {
			t.Errorf("before both there are %d sessions of %d wanted, want none", n, wanted)
		}
		s.seen()
		if n := alive(x); n != 0 {
			t.Errorf("with the program in sight and nobody asked there are %d sessions, want none", n)
		}
		s.agree()
		if n := alive(x); n != 2 {
			t.Errorf("after both there are %d sessions, want 2", n)
		}
	})
}

// deaf is a session that does not answer.
type deaf struct{ sandbox.Session }

func (deaf) Check(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestALookWithoutAnAnswerFindsASessionUnreached, but one that was given up, as when the host ends, does not.
func TestALookWithoutAnAnswerFindsASessionUnreached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &site{}
		ended, end := context.WithCancel(t.Context())
		end()
		if err := x.check(ended, deaf{}); err != nil || x.far.failed() {
			t.Errorf("a look that was given up = %v, and the session counts as out of reach: %v", err, x.far.failed())
		}
		late, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := x.check(late, deaf{}); err != nil || !x.far.failed() {
			t.Errorf("a look without an answer = %v, and the session counts as out of reach: %v; want it kept, and that", err, x.far.failed())
		}
	})
}
