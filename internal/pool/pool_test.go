package pool_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
)

func TestWarmUpTakesTheSlowestCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = func(n int) time.Duration { return []time.Duration{0, 5, 20, 8}[n] * time.Second }
		begun := time.Now()
		p := startPool(t, f.options(pool.Options[int]{Warm: 3, Max: 20, Share: 2}))

		lease := acquire(t, p)
		if took := time.Since(begun); took != 5*time.Second || lease.Value() != 1 {
			t.Errorf("first lease: value %d after %v, want 1 after 5s", lease.Value(), took)
		}
		if next := acquire(t, p); !lease.Waited() || next.Waited() {
			t.Errorf("first lease waited: %t, the next: %t; want true, false", lease.Waited(), next.Waited())
		} else {
			next.Release()
		}
		lease.Release()
		awaitReady(t, p, 3)
		if took := time.Since(begun); took != 20*time.Second {
			t.Errorf("3 warm after %v, want 20s, the slowest of 5s, 20s and 8s", took)
		}
	})
}

func TestWaitersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, newFactory(t).options(pool.Options[int]{Max: 1}))
		lease := acquire(t, p)
		var waiting []<-chan answer
		for range 5 {
			waiting = append(waiting, acquireLater(t.Context(), p))
			synctest.Wait()
		}
		if got := p.Stats().Waiting; got != 5 {
			t.Fatalf("Stats().Waiting = %d, want 5", got)
		}
		for i := range waiting {
			lease.Release()
			synctest.Wait()
			for j := range waiting {
				if want := i == j; want != (len(waiting[j]) == 1) {
					t.Fatalf("after %d releases: waiter %d has its lease: %t, want %t", i+1, j, !want, want)
				}
			}
			lease = (<-waiting[i]).lease
		}
		lease.Release()
	})
}

func TestWaiterWhoLeavesHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, newFactory(t).options(pool.Options[int]{Max: 1}))
		lease := acquire(t, p)
		impatient, leave := context.WithCancel(t.Context())
		first := acquireLater(impatient, p)
		synctest.Wait()
		second := acquireLater(t.Context(), p)
		synctest.Wait()

		leave()
		if got := <-first; !errors.Is(got.err, context.Canceled) {
			t.Errorf("Acquire returned %v after its context ended, want context.Canceled", got.err)
		}
		lease.Release()
		(<-second).lease.Release()
		if s := p.Stats(); s.Waiting != 0 || s.Leased != 0 {
			t.Errorf("%d waiting and %d leased, want none", s.Waiting, s.Leased)
		}
	})
}

func TestLeavingInTheMomentOfServiceLosesNothing(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			p := startPool(t, newFactory(t).options(pool.Options[int]{Max: 1}))
			lease := acquire(t, p)
			ctx, leave := context.WithCancel(t.Context())
			answers := acquireLater(ctx, p)
			synctest.Wait()
			leave()
			lease.Release() // before or after the waiter notices
			if got := <-answers; got.err == nil {
				got.lease.Release()
			} else if got.lease != nil {
				t.Errorf("Acquire returned a lease along with %v", got.err)
			}
			acquire(t, p).Release()
		})
	}
}

func TestValueMadeForWaiterWhoLeftBecomesWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(10 * time.Second)
		p := startPool(t, f.options(pool.Options[int]{Warm: 1}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.Acquire(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Acquire returned %v, want context.DeadlineExceeded", err)
		}
		time.Sleep(10 * time.Second)
		acquire(t, p).Release()
		if got := len(f.starts()); got != 1 {
			t.Errorf("New was called %d times, want once", got)
		}
	})
}

func TestSharedLeasesGoWhereFewestAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 3, Max: 4, Share: 4}))
		awaitReady(t, p, 3)
		var leases []*pool.Lease[int]
		load := map[int]int{}
		for range 6 {
			l := acquire(t, p)
			leases = append(leases, l)
			load[l.Value()]++
		}
		if load[1] != 2 || load[2] != 2 || load[3] != 2 {
			t.Errorf("6 leases lie as %v, want 2 on each of 3 values", load)
		}
		synctest.Wait()
		if s := p.Stats(); len(s.Rows) != 3 || s.Ready != 3 || s.Leased != 3 || s.Idle != 0 {
			t.Errorf("with room on all: %d values, %d ready, %d leased, %d idle; want 3, 3, 3, 0", len(s.Rows), s.Ready, s.Leased, s.Idle)
		}
		for range 6 { // the fourth of these fills one value, so another is made, which takes the rest
			leases = append(leases, acquire(t, p))
			synctest.Wait()
		}
		if s := p.Stats(); len(s.Rows) != 4 || s.Ready != 3 || s.Rows[3].Leases != 2 {
			t.Errorf("with one full: %d values, %d ready; want 4 of which the last has 2 leases, 3", len(s.Rows), s.Ready)
		}
		for _, l := range leases {
			l.Release()
		}
		synctest.Wait()
		if s := p.Stats(); len(s.Rows) != 3 || s.Idle != 3 {
			t.Errorf("with all back: %d values, %d idle; want 3, 3", len(s.Rows), s.Idle)
		}
	})
}

func TestDedicatedKeepsSparesBesideTheLeased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 2, Max: 5}))
		var leases []*pool.Lease[int]
		for _, want := range []struct{ idle, leased int }{{2, 1}, {2, 2}, {2, 3}, {1, 4}, {0, 5}} {
			leases = append(leases, acquire(t, p))
			synctest.Wait()
			if s := p.Stats(); s.Idle != want.idle || s.Leased != want.leased {
				t.Errorf("%d idle and %d leased, want %d and %d", s.Idle, s.Leased, want.idle, want.leased)
			}
		}
		for _, l := range leases {
			l.Release()
		}
		synctest.Wait()
		if s := p.Stats(); s.Idle != 2 || len(s.Rows) != 2 {
			t.Errorf("with all back: %d idle of %d, want 2 of 2", s.Idle, len(s.Rows))
		}
		if f.peak != 5 {
			t.Errorf("at most %d values at a time, want 5", f.peak)
		}
	})
}

func TestLeaseEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, Share: 3}))
		released, kept := acquire(t, p), acquire(t, p)
		released.Release()
		released.Release()
		released.Discard(errDead)
		if s := p.Stats(); s.Rows[0].Leases != 1 || s.Rows[0].State != pool.StateLeased {
			t.Errorf("after one of two leases ended three times: %d leases, %v; want 1, leased", s.Rows[0].Leases, s.Rows[0].State)
		}
		if err := kept.Cause(); err != nil {
			t.Errorf("the other lease was lost to %v", err)
		}
		kept.Release()
	})
}

func TestDiscardTakesTheValueFromAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, Share: 2}))
		one, other := acquire(t, p), acquire(t, p)
		one.Discard(errDead)
		<-other.Lost()
		if err := other.Cause(); !errors.Is(err, errDead) {
			t.Errorf("the other lease was lost to %v, want %v", err, errDead)
		}
		other.Discard(nil)
		next := acquire(t, p)
		if next.Value() != 2 || next.ID() == one.ID() || !f.isClosed(1) {
			t.Errorf("next lease has value %d; value 1 closed: %t; want value 2 and 1 closed", next.Value(), f.isClosed(1))
		}
		next.Discard(nil)
		if err := next.Cause(); !errors.Is(err, pool.ErrDiscarded) {
			t.Errorf("discarded without a cause: Cause() = %v, want ErrDiscarded", err)
		}
	})
}

func TestEvictAndReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(5 * time.Second)
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, Max: 3, Share: 2}))
		if p.Evict(1, nil) || p.Replace(1) {
			t.Error("Evict or Replace found a value before there was one")
		}
		replaced := acquire(t, p)
		if !p.Replace(replaced.ID()) {
			t.Error("Replace did not find the leased value")
		}
		time.Sleep(4 * time.Second)
		if s := p.Stats(); s.Ready != 1 || s.Starting != 1 || isClosed(replaced.Retiring()) {
			t.Errorf("while the replacement is made: %d ready, %d starting; want 1, 1 and not yet retiring", s.Ready, s.Starting)
		}
		if isClosed(replaced.Replaced()) {
			t.Error("the lease was told to go before there was a replacement")
		}
		<-replaced.Retiring()
		if !isClosed(replaced.Replaced()) {
			t.Error("the lease was not told that its value was replaced")
		}
		next := acquire(t, p)
		if next.Value() != 2 {
			t.Errorf("new lease has value %d, want the replacement, 2", next.Value())
		}
		if !p.Evict(next.ID(), errDead) || !errors.Is(next.Cause(), errDead) {
			t.Errorf("evicted lease has cause %v, want %v", next.Cause(), errDead)
		}
		if p.Evict(next.ID(), errDead) || p.Evict(99, nil) || p.Replace(99) {
			t.Error("Evict or Replace found a value that is gone or never was")
		}
		next.Release()
		if f.isClosed(1) || replaced.Cause() != nil {
			t.Error("the retiring value did not stay for its lease")
		}
		replaced.Release()
		synctest.Wait()
		if !f.isClosed(1) || replaced.Cause() != nil {
			t.Errorf("after its last lease: value 1 closed: %t, cause %v; want closed without cause", f.isClosed(1), replaced.Cause())
		}
	})
}

// TestWhatRetiresByItselfIsNotReplaced: a value that has come of age may stay for its leases, until somebody asks for its end.
func TestWhatRetiresByItselfIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, Max: 3, Share: 2, Lifetime: time.Hour}))
		lease := acquire(t, p)
		defer lease.Release()
		<-lease.Retiring()
		if isClosed(lease.Replaced()) {
			t.Error("a value that came of age counts as replaced")
		}
		for range 2 {
			if !p.Replace(lease.ID()) || !isClosed(lease.Replaced()) {
				t.Error("a retiring value cannot be replaced, or its lease is not told")
			}
		}
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestASuspendedPoolRefusesEverybodyUntilResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(5 * time.Second)
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, Max: 2}))
		leases := []*pool.Lease[int]{acquire(t, p), acquire(t, p)}
		waiting := acquireLater(t.Context(), p)
		synctest.Wait()
		why := errors.New("the daily cap is reached")
		p.Suspend(why)
		if got := <-waiting; !errors.Is(got.err, why) {
			t.Errorf("a caller who waited got %v, want an error which wraps %q", got.err, why)
		}
		if _, err := p.Acquire(t.Context()); !errors.Is(err, why) {
			t.Errorf("Acquire = %v, want an error which wraps %q", err, why)
		}
		time.Sleep(time.Minute)
		if s := p.Stats(); !errors.Is(s.Suspended, why) || s.Leased != 2 {
			t.Errorf("suspended by %v with %d leased, want %q and the 2 that were out", s.Suspended, s.Leased, why)
		}
		for _, l := range leases {
			l.Release()
		}
		time.Sleep(time.Minute)
		if n := f.left(); n != 0 {
			t.Errorf("suspended with no lease out: %d values, want 0", n)
		}
		p.Wake()
		time.Sleep(time.Minute)
		if n := f.left(); n != 0 {
			t.Errorf("woken, a suspended pool has %d values, want 0 until it is resumed", n)
		}
		p.Pause()
		p.Unsuspend()
		time.Sleep(time.Minute)
		if n := f.left(); n != 0 || !p.Stats().Paused {
			t.Errorf("no longer suspended but paused: %d values, want 0 until it is woken", n)
		}
		p.Wake()
		awaitReady(t, p, 1)
		acquire(t, p).Release()
	})
}

func TestPauseAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(5 * time.Second)
		p := startPool(t, f.options(pool.Options[int]{Warm: 2, Max: 5}))
		lease := acquire(t, p)
		p.Pause()
		time.Sleep(time.Minute)
		if s := p.Stats(); !s.Paused || len(s.Rows) != 1 || s.Leased != 1 {
			t.Errorf("paused with a lease out: %d values of which %d leased, want 1 and 1", len(s.Rows), s.Leased)
		}
		lease.Release()
		synctest.Wait()
		if n := f.left(); n != 0 {
			t.Errorf("paused with no lease out: %d values, want 0", n)
		}
		begun := time.Now()
		acquire(t, p).Release()
		if took := time.Since(begun); took != 5*time.Second || p.Stats().Paused {
			t.Errorf("Acquire took %v and left the pool paused: %t; want 5s and awake", took, p.Stats().Paused)
		}
		for _, wake := range []func(){p.Wake, p.Resume} {
			p.Pause()
			synctest.Wait()
			wake()
			awaitReady(t, p, 2)
		}

		// A pause does not strand those who wait.
		leases := []*pool.Lease[int]{acquire(t, p), acquire(t, p)}
		waiting := acquireLater(t.Context(), p)
		synctest.Wait()
		p.Pause()
		leases = append(leases, (<-waiting).lease)
		if p.Stats().Paused {
			t.Error("Pause put a pool to sleep while a caller waited")
		}
		for _, l := range leases {
			l.Release()
		}
	})
}

func TestWarmAndMaxCanChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, Max: 4}))
		want := func(what string, values, idle int) {
			t.Helper()
			synctest.Wait()
			if s := p.Stats(); len(s.Rows) != values || s.Idle != idle {
				t.Errorf("%s: %d values of which %d idle, want %d and %d", what, len(s.Rows), s.Idle, values, idle)
			}
		}
		want("at first", 1, 1)
		p.SetWarm(3)
		want("SetWarm(3)", 3, 3)
		p.SetWarm(9)
		want("SetWarm(9) under Max 4", 4, 4)
		one, other := acquire(t, p), acquire(t, p)
		p.SetMax(3)
		want("SetMax(3) with two leased", 3, 1)
		p.SetMax(0)
		want("SetMax(0) with two leased", 2, 0)
		one.Release()
		want("one of two back above Max 1", 1, 0)
		other.Release()
		want("both back", 1, 1)
		p.SetWarm(-1)
		want("SetWarm(-1)", 0, 0)
	})
}

func TestChangedHoldsOneToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPool(t, newFactory(t).options(pool.Options[int]{Warm: 3}))
		synctest.Wait()
		<-p.Changed()
		if isClosed(p.Changed()) {
			t.Error("many changes left two tokens, want one")
		}
		lease := acquire(t, p)
		<-p.Changed()
		lease.Release()
		<-p.Changed()
		before := p.Stats()
		acquire(t, p).Discard(nil)
		synctest.Wait()
		if before.Idle != 3 || before.Rows[2].ID != 3 || before.Rows[2].State != pool.StateReady {
			t.Errorf("a picture changed after it was taken: %+v", before)
		}
	})
}

func TestStatsTellsEachEntrysStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(10 * time.Second)
		begun := time.Now()
		p := startPool(t, f.options(pool.Options[int]{
			Warm: 1, Max: 9, Share: 2, Lifetime: time.Hour, HardLimit: 2 * time.Hour, CheckEvery: time.Minute,
		}))
		lease := acquire(t, p)
		p.SetWarm(2)
		time.Sleep(5 * time.Second)
		s := p.Stats()
		want := []pool.Row[int]{
			{
				ID: 1, State: pool.StateLeased, Leases: 1, Value: 1, Made: true, CreatedAt: begun, ReadyAt: begun.Add(10 * time.Second),
				RenewAt: begun.Add(time.Hour), ExpiresAt: begun.Add(2 * time.Hour), CreateTook: 10 * time.Second,
			},
			{ID: 2, State: pool.StateStarting, CreatedAt: begun.Add(10 * time.Second)},
		}
		if !slices.Equal(s.Rows, want) {
			t.Errorf("rows are\n%+v, want\n%+v", s.Rows, want)
		}
		if s.Warm != 2 || s.Max != 9 || s.Ready != 1 || s.Starting != 1 || s.Leased != 1 || s.Idle != 0 {
			t.Errorf("counts are off: %+v", s)
		}
		if w := (pool.Waits{Leases: 1, Waited: 1, Last: 10 * time.Second, Max: 10 * time.Second}); s.Waits != w {
			t.Errorf("Waits = %+v, want %+v", s.Waits, w)
		}
		if got := lease.ExpiresAt(); !got.Equal(begun.Add(2 * time.Hour)) {
			t.Errorf("lease.ExpiresAt() = %v, want two hours after %v", got, begun)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := p.Stats().Rows[0].LastCheck; !got.Equal(begun.Add(70 * time.Second)) {
			t.Errorf("LastCheck = %v, want a minute after it was ready", got)
		}
		lease.Release()
	})
}

func TestShutdownClosesAllAndTellsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.slow = 3 * time.Second
		p := newPool(t, f.options(pool.Options[int]{Warm: 1, Max: 2}))
		stop := run(p)
		leases := []*pool.Lease[int]{acquire(t, p), acquire(t, p)}
		waiting := acquireLater(t.Context(), p)
		synctest.Wait()

		begun := time.Now()
		if err := stop(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("shutdown took %v, want the 3s of closing side by side", took)
		}
		f.wantAllClosed()
		for _, l := range leases {
			if err := lostTo(l); !errors.Is(err, pool.ErrClosed) {
				t.Errorf("lease %d was lost to %v, want ErrClosed", l.ID(), err)
			}
			l.Release()
		}
		if got := <-waiting; !errors.Is(got.err, pool.ErrClosed) {
			t.Errorf("the waiting Acquire returned %v, want ErrClosed", got.err)
		}
		if _, err := p.Acquire(t.Context()); !errors.Is(err, pool.ErrClosed) {
			t.Errorf("Acquire after shutdown returned %v, want ErrClosed", err)
		}
		p.Resume()
		p.SetWarm(5)
		if err := p.Run(t.Context()); err == nil {
			t.Error("a second Run returned nil, want an error")
		}
	})
}

func TestShutdownLimitsSlowClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.slow = time.Hour
		p := newPool(t, f.options(pool.Options[int]{Warm: 2, CloseTimeout: 4 * time.Second}))
		stop := run(p)
		awaitReady(t, p, 2)
		begun := time.Now()
		err := stop()
		if took := time.Since(begun); took != 4*time.Second {
			t.Errorf("shutdown took %v, want CloseTimeout, 4s", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "close value 1") || !strings.Contains(err.Error(), "close value 2") {
			t.Errorf("Run returned %v, want it to say that closing values 1 and 2 took too long", err)
		}
		if s := p.Stats(); s.CloseFailures != 2 || s.LastCloseFailure == nil {
			t.Errorf("Stats counts %d close failures, last %v; want 2", s.CloseFailures, s.LastCloseFailure)
		}
	})
}

func TestFailureToCloseIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		opt := f.options(pool.Options[int]{Warm: 1})
		opt.Close = func(_ context.Context, n int) error {
			if n == 1 {
				return errBusy
			}
			return nil
		}
		p := startPool(t, opt) // whose Run is to return nil: this happened long before
		acquire(t, p).Discard(nil)
		acquire(t, p).Release()
		if s := p.Stats(); s.CloseFailures != 1 || !errors.Is(s.LastCloseFailure, errBusy) {
			t.Errorf("%d failures to close, last %v; want 1, %v", s.CloseFailures, s.LastCloseFailure, errBusy)
		}
	})
}

func TestShutdownLetsCreationFinishForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = func(n int) time.Duration { return []time.Duration{0, 6, 600}[n] * time.Second }
		p := newPool(t, f.options(pool.Options[int]{Warm: 2, CloseTimeout: time.Minute, FinishTimeout: 10 * time.Second}))
		stop := run(p)
		time.Sleep(time.Second)
		begun := time.Now()
		if err := stop(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("shutdown took %v, want 10s, when the slow creation is given up", took)
		}
		if len(f.made) != 1 {
			t.Errorf("values made: %v, want only the fast one", f.made)
		}
		if err := p.Stats().LastFailure; err != nil {
			t.Errorf("what was given up at shutdown counts as a failure: %v", err)
		}
		f.wantAllClosed()
	})
}

func TestRunMakesNothingWhenItsContextHasEnded(t *testing.T) {
	f := newFactory(t)
	p := newPool(t, f.options(pool.Options[int]{Warm: 2}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	if n := len(f.starts()); n != 0 {
		t.Errorf("New was called %d times, want never", n)
	}
	if _, err := p.Acquire(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire with an ended context returned %v, want context.Canceled", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	made := func(context.Context) (int, error) { return 0, nil }
	for _, tc := range []struct {
		name string
		opt  pool.Options[int]
		want string
	}{
		{"nothing to make values with", pool.Options[int]{}, "New is missing"},
		{"negative warm", pool.Options[int]{New: made, Warm: -1}, "Warm is -1"},
		{"max below warm", pool.Options[int]{New: made, Warm: 3, Max: 2}, "Max is 2"},
		{"negative max", pool.Options[int]{New: made, Max: -1}, "Max is -1"},
		{"negative share", pool.Options[int]{New: made, Share: -1}, "Share is -1"},
		{"negative time", pool.Options[int]{New: made, CloseTimeout: -time.Second}, "CloseTimeout is -1s"},
		{"jitter without lifetime", pool.Options[int]{New: made, Jitter: time.Second}, "Jitter (1s)"},
		{"renewal after the hard limit", pool.Options[int]{New: made, Lifetime: time.Hour, Jitter: time.Minute, HardLimit: time.Hour}, "HardLimit (1h0m0s)"},
		{"checks without a check", pool.Options[int]{New: made, CheckEvery: time.Second}, "need a Check"},
		{"backoff upside down", pool.Options[int]{New: made, Backoff: pool.Backoff{Min: time.Minute, Max: time.Second}}, "Backoff.Max"},
		{"backoff that shrinks", pool.Options[int]{New: made, Backoff: pool.Backoff{Factor: 0.5}}, "Backoff.Factor"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := pool.New(tc.opt); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("New returned %v, want an error with %q", err, tc.want)
			}
		})
	}
	t.Run("only New is needed", func(t *testing.T) {
		p := startPool(t, pool.Options[int]{New: made})
		acquire(t, p).Release()
	})
}

func TestTheLastWaitsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(3 * time.Second)
		p := startPool(t, f.options(pool.Options[int]{Max: 1, Share: 1000}))
		if got := p.RecentWaits(); len(got) != 0 {
			t.Errorf("before any lease RecentWaits = %v", got)
		}
		acquire(t, p)
		acquire(t, p)
		if got, want := p.RecentWaits(), []time.Duration{3 * time.Second, 0}; !slices.Equal(got, want) {
			t.Errorf("RecentWaits = %v, want %v", got, want)
		}
		for range 98 {
			acquire(t, p)
		}
		if got := p.RecentWaits(); len(got) != 100 || got[0] != 3*time.Second {
			t.Errorf("after 100 leases RecentWaits has %d, the first %v, want all", len(got), got[0])
		}
		acquire(t, p)
		if got := p.RecentWaits(); len(got) != 100 || slices.Max(got) != 0 {
			t.Errorf("after 101 leases RecentWaits has %d, the longest %v, want the last 100, which did not wait", len(got), slices.Max(got))
		}
	})
}
