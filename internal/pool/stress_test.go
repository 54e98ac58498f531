package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
)

// TestStress has many callers at once, in real time, so that the race detector sees what bubbles order too well: callers
// who use, share, break and lose values or run out of patience, while values fail to be made, die, age and expire.
func TestStress(t *testing.T) {
	const callers, share, ceiling = 40, 2, 6
	f := newFactory(t)
	chance := func(percent int) bool { return rand.IntN(100) < percent }
	f.allow(ceiling)
	f.takes = func(int) time.Duration { return time.Duration(rand.IntN(2000)) * time.Microsecond }
	f.fails = func(int) error {
		if chance(10) {
			return errBusy
		}
		return nil
	}
	opt := f.options(pool.Options[int]{
		Warm: 3, Max: ceiling, Share: share,
		Lifetime: 40 * time.Millisecond, Jitter: 10 * time.Millisecond, HardLimit: 80 * time.Millisecond,
		CheckEvery: 5 * time.Millisecond, CheckAfterIdle: 3 * time.Millisecond,
		Backoff: pool.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond},
	})
	check := opt.Check
	opt.Check = func(ctx context.Context, n int) error {
		if chance(3) {
			return errDead
		}
		return check(ctx, n)
	}
	p := newPool(t, opt)
	stop := run(p)

	var users [100_000]atomic.Int32 // of each value
	var leases, lost atomic.Int32
	use := func(lease *pool.Lease[int]) {
		leases.Add(1)
		if n := users[lease.Value()].Add(1); n > share {
			t.Errorf("value %d has %d users, at most %d may share it", lease.Value(), n, share)
		}
		select {
		case <-lease.Lost():
			lost.Add(1)
			if lease.Cause() == nil {
				t.Error("a lease was lost without a cause")
			}
		case <-time.After(time.Duration(rand.IntN(1000)) * time.Microsecond):
		}
		users[lease.Value()].Add(-1)
		if chance(5) {
			lease.Discard(errDead)
		}
		lease.Release()
	}
	enough := time.Now().Add(time.Second)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for time.Now().Before(enough) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20))*time.Millisecond)
				lease, err := p.Acquire(ctx)
				switch {
				case err == nil:
					use(lease)
				case !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("Acquire returned %v", err)
				}
				cancel()
			}
		})
	}
	all.Go(func() { // somebody who looks and meddles
		for time.Now().Before(enough) {
			<-p.Changed()
			rows := p.Stats().Rows
			if len(rows) > ceiling {
				t.Errorf("%d entries, at most %d may be", len(rows), ceiling)
			}
			if len(rows) > 0 && chance(5) {
				p.Replace(rows[0].ID)
				p.Evict(rows[len(rows)-1].ID, errDead)
				p.Pause()
				p.SetWarm(rand.IntN(ceiling))
			}
		}
	})
	all.Wait()
	if err := stop(); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	f.wantAllClosed()
	if s := p.Stats(); len(s.Rows) != 0 || s.Waiting != 0 {
		t.Errorf("after Run there are %d entries and %d who wait", len(s.Rows), s.Waiting)
	}
	if leases.Load() < 100 || lost.Load() == 0 {
		t.Errorf("%d leases, %d of them lost: too few to show anything", leases.Load(), lost.Load())
	}
	t.Logf("%d leases, %d lost, %d values", leases.Load(), lost.Load(), len(f.made))
}
