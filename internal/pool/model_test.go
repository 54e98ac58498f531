package pool_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
)

// TestPoolKeepsItsPromises does random things to a pool and looks after each whether it still keeps its promises: never
// above the ceiling, no value with more leases than its share, first come first served, told who lost a lease, and in the
// end every value made is closed once.
func TestPoolKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		inBubble(t, func() {
			m := newModel(rt)
			defer m.finish()
			defer m.settle()
			rt.Repeat(map[string]func(*rapid.T){
				"":              m.look,
				"acquire":       m.acquire,
				"acquire again": m.acquire, // more often than the rest
				"leave":         m.leave,
				"release":       m.release,
				"discard":       m.discard,
				"end twice":     m.endTwice,
				"kill":          m.kill,
				"evict":         m.evict,
				"replace":       m.replace,
				"pause":         func(*rapid.T) { m.pool.Pause() },
				"unsuspend":     func(*rapid.T) { m.pool.Unsuspend() },
				"retry":         func(*rapid.T) { m.pool.Retry() },
				"wake":          func(*rapid.T) { m.pool.Wake() },
				"suspend":       func(*rapid.T) { m.pool.Suspend(errSuspended) },
				"resume":        func(*rapid.T) { m.pool.Resume() },
				"set warm":      m.setWarm,
				"set max":       m.setMax,
				"break": func(t *rapid.T) {
					m.factory.fail(rapid.SampledFrom([]error{nil, errBusy, errRefused}).Draw(t, "failure"))
				},
				"wait": func(t *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(1, 100).Draw(t, "seconds")) * time.Second) },
			})
		})
	})
}

// inBubble calls f in a bubble of its own and passes on a panic, by which rapid ends a failed try.
func inBubble(t *testing.T, f func()) {
	var fault any
	synctest.Test(t, func(*testing.T) {
		defer func() { fault = recover() }()
		f()
	})
	if fault != nil {
		panic(fault)
	}
}

// model is the pool under test and what is known about it from outside.
type model struct {
	t       *rapid.T
	factory *factory
	pool    *pool.Pool[int]
	stop    func() error
	share   int
	warm    int
	max     int

	waiting []*caller
	holding []*pool.Lease[int]
	ended   []*pool.Lease[int]
}

// caller is one in Acquire.
type caller struct {
	answers <-chan answer
	leave   context.CancelFunc
	left    bool
}

func newModel(t *rapid.T) *model {
	m := &model{t: t, factory: newFactory(t)}
	m.share = rapid.IntRange(1, 3).Draw(t, "share")
	m.max = rapid.IntRange(1, 6).Draw(t, "max")
	m.warm = rapid.IntRange(0, m.max).Draw(t, "warm")
	seconds := func(label string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Second
	}
	m.factory.takes = always(seconds("takes", 0, 8))
	m.factory.slow = seconds("close takes", 0, 8)
	m.factory.probe = seconds("check takes", 0, 2)
	opt := m.factory.options(pool.Options[int]{
		Warm:           m.warm,
		Max:            m.max,
		Share:          m.share,
		Lifetime:       seconds("lifetime", 120, 240),
		Jitter:         seconds("jitter", 0, 20),
		HardLimit:      seconds("hard limit", 270, 500),
		CheckEvery:     seconds("check every", 0, 30),
		CheckAfterIdle: seconds("check after idle", 0, 30),
		Permanent:      func(err error) bool { return errors.Is(err, errRefused) },
	})
	m.factory.allow(m.max)
	p, err := pool.New(opt)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	m.pool, m.stop = p, run(p)
	return m
}

// look lets everything come to rest and checks the promises.
func (m *model) look(t *rapid.T) {
	synctest.Wait()

	// First come first served: those who got a lease stood before those who still wait.
	stillWaiting := false
	m.waiting = slices.DeleteFunc(m.waiting, func(c *caller) bool {
		if len(c.answers) == 0 {
			stillWaiting = true
			return false
		}
		got := <-c.answers
		switch {
		case got.err == nil:
			if stillWaiting {
				t.Fatalf("a caller was served before one who came earlier")
			}
			m.holding = append(m.holding, got.lease)
		case c.left && !errors.Is(got.err, context.Canceled), !c.left && !errors.Is(got.err, errRefused) && !errors.Is(got.err, errSuspended):
			t.Fatalf("Acquire returned %v", got.err)
		}
		c.leave()
		return true
	})

	s := m.pool.Stats()
	if s.Waiting != len(m.waiting) {
		t.Fatalf("Stats says %d wait, want %d", s.Waiting, len(m.waiting))
	}
	if s.Suspended != nil && s.Waiting > 0 {
		t.Fatalf("%d wait for a suspended pool", s.Waiting)
	}
	if s.Ready > 0 && s.Waiting > 0 && m.factory.running("Check") == 0 {
		t.Fatalf("%d wait though %d have room and none is being checked", s.Waiting, s.Ready)
	}
	if n := m.factory.running("Close"); n != s.Closing {
		t.Fatalf("Stats says %d are being closed, but Close runs for %d", s.Closing, n)
	}
	held := map[uint64]int{}
	for _, l := range m.holding {
		held[l.ID()]++
		if held[l.ID()] > m.share {
			t.Fatalf("value %d has %d leases, at most %d may share it", l.Value(), held[l.ID()], m.share)
		}
		if closed := m.factory.isClosed(l.Value()); closed && lostTo(l) == nil {
			t.Fatalf("value %d was closed under a lease which was not told", l.Value())
		}
	}
	for _, row := range s.Rows {
		if row.Leases != held[row.ID] {
			t.Fatalf("Stats says entry %d has %d leases, want %d", row.ID, row.Leases, held[row.ID])
		}
	}
	if alive := m.factory.left(); alive != len(s.Rows) {
		t.Fatalf("%d values exist, Stats has %d entries", alive, len(s.Rows))
	}
}

func (m *model) acquire(*rapid.T) {
	ctx, leave := context.WithCancel(context.Background())
	m.waiting = append(m.waiting, &caller{answers: acquireLater(ctx, m.pool), leave: leave})
}

func (m *model) leave(t *rapid.T) {
	c := pickOne(t, m.waiting)
	c.left = true
	c.leave()
}

func (m *model) release(t *rapid.T) { m.take(t).Release() }
func (m *model) discard(t *rapid.T) { m.take(t).Discard(errDead) }

// take removes a lease from those held.
func (m *model) take(t *rapid.T) *pool.Lease[int] {
	l := pickOne(t, m.holding)
	m.holding = slices.DeleteFunc(m.holding, func(other *pool.Lease[int]) bool { return other == l })
	m.ended = append(m.ended, l)
	return l
}

func (m *model) endTwice(t *rapid.T) {
	l := pickOne(t, m.ended)
	if rapid.Bool().Draw(t, "discard") {
		l.Discard(nil)
	} else {
		l.Release()
	}
}

func (m *model) kill(t *rapid.T)    { m.factory.kill(pickOne(t, m.pool.Stats().Rows).Value) }
func (m *model) evict(t *rapid.T)   { m.pool.Evict(pickOne(t, m.pool.Stats().Rows).ID, nil) }
func (m *model) replace(t *rapid.T) { m.pool.Replace(pickOne(t, m.pool.Stats().Rows).ID) }

func (m *model) setWarm(t *rapid.T) {
	m.warm = rapid.IntRange(0, 6).Draw(t, "warm")
	m.pool.SetWarm(m.warm)
}

func (m *model) setMax(t *rapid.T) {
	m.max = rapid.IntRange(1, 6).Draw(t, "max")
	m.factory.allow(m.max)
	m.pool.SetMax(m.max)
}

// settle ends all leases and all trouble; then nobody waits for long and as many values as wanted are warm.
func (m *model) settle() {
	m.factory.fail(nil)
	m.pool.Resume()
	for range 1000 {
		m.look(m.t)
		for _, l := range m.holding {
			l.Release()
		}
		m.ended, m.holding = slices.Concat(m.ended, m.holding), nil
		s := m.pool.Stats()
		if s.Waiting == 0 && s.Idle == min(m.warm, m.max) && s.Closing == 0 {
			return
		}
		time.Sleep(time.Second)
	}
	m.t.Fatalf("the pool does not come to rest: %+v", m.pool.Stats())
}

// finish shuts the pool down in whatever state it is.
func (m *model) finish() {
	if err := m.stop(); err != nil {
		m.t.Errorf("Run returned %v, want nil", err)
	}
	m.factory.wantAllClosed()
	for _, c := range m.waiting {
		if got := <-c.answers; got.err == nil {
			m.holding = append(m.holding, got.lease)
		}
		c.leave()
	}
	for _, l := range m.holding {
		if lostTo(l) == nil {
			m.t.Errorf("the lease on value %d was not told of the shutdown", l.Value())
		}
		l.Release()
	}
}

// pickOne draws one of the things, or skips the action if there are none.
func pickOne[T any](t *rapid.T, things []T) T {
	if len(things) == 0 {
		t.Skip("none there")
	}
	return things[rapid.IntRange(0, len(things)-1).Draw(t, "which")]
}
