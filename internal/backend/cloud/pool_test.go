package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// poolOf gives the options of a pool of a backend, as the host makes them.
func poolOf(b *cloud.Backend, warm int) pool.Options[sandbox.Session] {
	traits := b.Traits()
	return pool.Options[sandbox.Session]{
		New:            b.Open,
		Close:          func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) },
		Check:          func(ctx context.Context, s sandbox.Session) error { return sandbox.IfLost(s.Check(ctx)) },
		Born:           func(s sandbox.Session) time.Time { return s.(sandbox.Lasting).Born() },
		Permanent:      cloud.Permanent,
		Warm:           warm,
		Max:            20,
		Share:          traits.MaxContexts,
		Lifetime:       traits.Lifetime,
		Jitter:         traits.Jitter(),
		HardLimit:      traits.HardLimit,
		CheckEvery:     time.Minute,
		CheckAfterIdle: 2 * time.Minute,
		CreateTimeout:  5 * time.Minute,
		CloseTimeout:   10 * time.Second,
	}
}

// run lets a pool live until the test ends.
func keep(t *testing.T, options pool.Options[sandbox.Session]) *pool.Pool[sandbox.Session] {
	t.Helper()
	p, err := pool.New(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return p
}

// life is one context of a client: it comes, runs now and then, and goes.
type life struct {
	world *world
	pool  *pool.Pool[sandbox.Session]
	lost  chan string // the sandboxes that were taken from under a context
}

func (l *life) live(ctx context.Context, stay, every time.Duration) error {
	lease, err := l.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("Acquire: %w", err)
	}
	defer lease.Release()
	err = l.work(ctx, lease, stay, every)
	if errors.Is(err, sandbox.ErrSessionLost) { // by this one's own call, or because somebody else found out
		l.lost <- lease.Value().SandboxID()
		lease.Discard(err)
		return nil
	}
	return err
}

func (l *life) work(ctx context.Context, lease *pool.Lease[sandbox.Session], stay, every time.Duration) error {
	s := lease.Value()
	cc, err := s.CreateContext(ctx, sandbox.Python)
	if err != nil {
		return fmt.Errorf("CreateContext on %s: %w", s.SandboxID(), err)
	}
	leave := time.NewTimer(stay)
	defer leave.Stop()
	again := time.NewTicker(every)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			result, err := s.Run(ctx, cc.ID, sandbox.Run{Code: "sleep 3"})
			if err != nil || result.Failure != nil || result.StateLost {
				return fmt.Errorf("Run on %s = %+v, %w", s.SandboxID(), result, err)
			}
		case <-lease.Lost():
			return lease.Cause()
		case <-leave.C:
			return s.StopContext(ctx, cc.ID)
		}
	}
}

// TestTwoHoursWithoutAGap has a pool of three live for two hours, with contexts that come and go, sandboxes that are renewed beside
// them, and one that the service ends on the way. From the first three on there are never fewer than three ready, except while the
// ended one is replaced.
func TestTwoHoursWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{
			TemplateDelay: 10 * time.Second, SandboxDelays: []time.Duration{5 * time.Second, 20 * time.Second, 9 * time.Second}, HealthDelay: 2 * time.Second,
		}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		p := keep(t, poolOf(h.Backend, 3))

		ctx, cancel := context.WithCancel(t.Context())
		watched := make(chan struct{})
		var (
			began    = time.Now()
			ready    []time.Duration // when the first, second and third were
			gapSince time.Time
			gaps     []string
			longest  time.Duration
			ages     = map[string]time.Time{}
		)
		go func() { // sees every change: Changed holds a token until it is taken, and time stands still meanwhile
			defer close(watched)
			for {
				stats := p.Stats()
				now := time.Since(began)
				for len(ready) < min(stats.Ready, 3) {
					ready = append(ready, now)
				}
				switch {
				case len(ready) < 3:
				case stats.Ready < 3 && gapSince.IsZero():
					gapSince = time.Now()
				case stats.Ready >= 3 && !gapSince.IsZero():
					took := time.Since(gapSince)
					longest = max(longest, took)
					if took > 0 {
						gaps = append(gaps, fmt.Sprintf("%s for %s", gapSince.Sub(began), took))
					}
					gapSince = time.Time{}
				}
				for _, row := range stats.Rows {
					if row.Made {
						ages[row.Value.SandboxID()] = row.CreatedAt
					}
				}
				if stats.Failures > 0 || stats.CloseFailures > 0 {
					t.Errorf("after %s: %v, %v", now, stats.LastFailure, stats.LastCloseFailure)
				}
				select {
				case <-p.Changed():
				case <-ctx.Done():
					return
				}
			}
		}()

		l := &life{w, p, make(chan string, 100)}
		var ends []chan error
		come := func(stay, every time.Duration) {
			end := make(chan error, 1)
			go func() { end <- l.live(t.Context(), stay, every) }()
			ends = append(ends, end)
		}
		time.Sleep(time.Minute)
		random := rand.New(rand.NewPCG(4, 2)) // the same contexts in each run
		for n := range 100 {                  // over a hundred minutes
			come(time.Duration(1+random.IntN(25))*time.Minute, time.Duration(20+random.IntN(200))*time.Second)
			if n == 40 {
				break
			}
			time.Sleep(time.Minute)
		}
		victim := longestUsed(p)
		ended := time.Now()
		w.EndSandbox(victim)
		for range 60 {
			come(time.Duration(1+random.IntN(25))*time.Minute, time.Duration(20+random.IntN(200))*time.Second)
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Until(began.Add(2 * time.Hour)))
		if stats := p.Stats(); stats.Ready < 3 {
			t.Errorf("after two hours %d are ready", stats.Ready)
		}
		for _, end := range ends {
			if err := <-end; err != nil {
				t.Error(err)
			}
		}
		cancel()
		<-watched

		if len(ready) < 3 || ready[0] > 10*time.Second+7*time.Second+2*time.Second || ready[2] > 10*time.Second+22*time.Second+3*time.Second {
			t.Errorf("ready were the first three after %s; want the first with its sandbox, and all with the slowest", ready)
		}
		if len(gaps) > 1 {
			t.Errorf("fewer than three were ready %q; want that once at most, after %s", gaps, ended.Sub(began))
		}
		if longest > 25*time.Second {
			t.Errorf("for %s there were fewer than three, want as long as the slowest sandbox takes at most", longest)
		}
		close(l.lost)
		told := 0
		for id := range l.lost {
			if told++; id != victim {
				t.Errorf("a context lost %s, which the service did not end", id)
			}
		}
		if told == 0 {
			t.Error("nobody was told that the ended sandbox's contexts are lost")
		}
		renewed := 0
		for id, at := range ages {
			if at.Sub(began) > 30*time.Minute && id != victim {
				renewed++
			}
		}
		if renewed < 3 {
			t.Errorf("%d sandboxes were made after half an hour, want at least one for each of the first three", renewed)
		}
		t.Logf("ready after %s; gaps %q; %d sandboxes", ready, gaps, len(ages))
		synctest.Wait()
		w.holds(t, h, w.Sandboxes()...)
	})
}

// longestUsed is the sandbox of the pool that has the most contexts.
func longestUsed(p *pool.Pool[sandbox.Session]) string {
	rows := p.Stats().Rows
	most := slices.MaxFunc(rows, func(a, b pool.Row[sandbox.Session]) int { return a.Leases - b.Leases })
	return most.Value.SandboxID()
}

// TestAWarmSessionThatNobodyUsesDoesNotDie has a pool at rest for some of its sessions' lives.
func TestAWarmSessionThatNobodyUsesDoesNotDie(t *testing.T) {
	for lifetime, rest := range map[time.Duration]time.Duration{time.Minute: time.Hour, time.Hour: 7 * time.Hour, cloud.MaxLifetime: 7 * time.Hour} {
		t.Run(lifetime.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{SandboxDelay: 8 * time.Second}, cloud.Options{})
				h := w.host(t, nil, cloud.Options{Lifetime: lifetime})
				p := keep(t, poolOf(h.Backend, 3))
				time.Sleep(20 * time.Second)
				for range rest / (30 * time.Second) {
					time.Sleep(30 * time.Second)
					stats := p.Stats()
					if stats.Ready < 3 || stats.Failures > 0 {
						t.Fatalf("%d are ready, %v", stats.Ready, stats.LastFailure)
					}
					for _, row := range stats.Rows {
						if row.Cause != nil {
							t.Fatalf("%s was lost: %v", row.Value.SandboxID(), row.Cause)
						}
					}
				}
				for _, r := range w.Requests() {
					if r.Status >= 400 && r.Operation != "GetTemplate" && r.Status != 502 {
						t.Errorf("%s was answered %d", r.Operation, r.Status)
					}
				}
			})
		})
	}
}

// TestALaptopThatWakesUpHandsOutNoDeadSession has the sandboxes end while nobody could check them.
func TestALaptopThatWakesUpHandsOutNoDeadSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{SandboxDelay: 8 * time.Second}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		options := poolOf(h.Backend, 2)
		options.CheckEvery = 0 // asleep, nothing is checked
		p := keep(t, options)
		time.Sleep(10 * time.Minute)
		dead := w.Sandboxes()
		for _, id := range dead {
			w.EndSandbox(id)
		}
		lease, err := p.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Release()
		if id := lease.Value().SandboxID(); slices.Contains(dead, id) {
			t.Errorf("Acquire gave %s, which is dead", id)
		}
	})
}

// TestANetworkThatIsAwayCondemnsNobody for longer than checks take.
func TestANetworkThatIsAwayCondemnsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{SandboxDelay: 8 * time.Second}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		p := keep(t, poolOf(h.Backend, 3))
		time.Sleep(5 * time.Minute)
		before := w.Sandboxes()
		h.line.isCut.Store(true)
		time.Sleep(20 * time.Minute)
		h.line.isCut.Store(false)
		time.Sleep(3 * time.Minute)
		if after := w.Sandboxes(); !slices.Equal(after, before) {
			t.Errorf("%q live after 20 minutes without a network, want %q as before", after, before)
		}
		if stats := p.Stats(); stats.Ready != 3 {
			t.Errorf("%d are ready", stats.Ready)
		}
	})
}

// TestAPoolTakesOverWhatAKilledOneLeft and does not take it for new.
func TestAPoolTakesOverWhatAKilledOneLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{SandboxDelay: 20 * time.Second}, cloud.Options{})
		killed := w.host(t, nil, cloud.Options{})
		for range 5 {
			killed.lend(t)
		}
		left := w.Sandboxes()
		time.Sleep(20 * time.Minute)
		killed.kill(t)
		h := w.host(t, killed, cloud.Options{Keep: 3})
		p := keep(t, poolOf(h.Backend, 3))
		time.Sleep(10 * time.Second)
		stats := p.Stats()
		if stats.Ready != 3 {
			t.Errorf("%d are ready after 10 s, want 3 that were taken over", stats.Ready)
		}
		for _, row := range stats.Rows {
			if id := row.Value.SandboxID(); !slices.Contains(left, id) || row.RenewAt.After(time.Now().Add(50*time.Minute)) {
				t.Errorf("%s is to be renewed at %s, want one of %q, by its age", id, row.RenewAt, left)
			}
		}
		if living := w.Sandboxes(); len(living) != 3 {
			t.Errorf("%q live, want three of %q", living, left)
		}
		time.Sleep(50 * time.Minute) // and they are renewed
		for _, id := range w.Sandboxes() {
			if slices.Contains(left, id) {
				t.Errorf("%s, which was left, lives still", id)
			}
		}
	})
}

// TestCombinationsOfLifetimeAndIdleTimeout are those that hold together, in the backend and in the pool of it.
func TestCombinationsOfLifetimeAndIdleTimeout(t *testing.T) {
	w := newWorld(t, agentruntest.Options{}, cloud.Options{})
	for _, tc := range []struct {
		lifetime, idle time.Duration
		wrong          string
	}{
		{0, 0, ""},
		{time.Minute, 0, ""},
		{time.Minute, time.Minute, ""},
		{5*time.Hour + 50*time.Minute, 0, ""},
		{5*time.Hour + 50*time.Minute, 6 * time.Hour, ""},
		{5*time.Hour + 51*time.Minute, 0, "lifetime"},
		{6 * time.Hour, 0, "lifetime"},
		{-time.Minute, 0, "lifetime"},
		{time.Hour, 59 * time.Minute, "idle timeout"},
		{time.Hour, 6*time.Hour + time.Second, "idle timeout"},
		{0, time.Minute, "idle timeout"},
	} {
		b, err := cloud.New(cloud.Options{Client: w.client, Lifetime: tc.lifetime, IdleTimeout: tc.idle})
		if tc.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tc.wrong) {
				t.Errorf("lifetime %s, idle timeout %s: New = %v, want that the %s is wrong", tc.lifetime, tc.idle, err, tc.wrong)
			}
			continue
		}
		if err != nil {
			t.Errorf("lifetime %s, idle timeout %s: New = %v", tc.lifetime, tc.idle, err)
			continue
		}
		if _, err := pool.New(poolOf(b, 3)); err != nil {
			t.Errorf("lifetime %s, idle timeout %s: pool.New = %v", tc.lifetime, tc.idle, err)
		}
	}
}
