package pool_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
)

func TestRenewalLeavesNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = func(n int) time.Duration { return time.Duration(5+n%16) * time.Second }
		p := startPool(t, f.options(pool.Options[int]{
			Warm: 3, Max: 20, Share: 20, Lifetime: time.Hour, Jitter: 5 * time.Minute, HardLimit: 6 * time.Hour, CheckEvery: time.Minute,
		}))
		awaitReady(t, p, 3)
		lifetimes := map[time.Duration]bool{}
		for range 8 * 3600 {
			time.Sleep(time.Second)
			s := p.Stats()
			if s.Ready < 3 || len(s.Rows)-s.Closing > 4 {
				t.Fatalf("%d ready of %d values, want at least 3 of at most 4", s.Ready, len(s.Rows))
			}
			for _, row := range s.Rows {
				age := time.Since(row.CreatedAt)
				if row.Made {
					lifetimes[row.RenewAt.Sub(row.CreatedAt)] = true
				}
				if age > 65*time.Minute+2*3*21*time.Second {
					t.Fatalf("value %d is still there at the age of %v", row.ID, age)
				}
			}
		}
		made := len(f.starts())
		if made < 3*8*60/65 || made > 3*9*60/55 {
			t.Errorf("%d values made in 8 hours, want about 24", made)
		}
		if len(lifetimes) < made-1 {
			t.Errorf("%d different lifetimes for %d values, want each its own", len(lifetimes), made)
		}
		shorter, longer := 0, 0
		for d := range lifetimes {
			if d < time.Hour {
				shorter++
			} else {
				longer++
			}
			if d < 55*time.Minute || d > 65*time.Minute {
				t.Errorf("a lifetime of %v, want 1h give or take 5m", d)
			}
		}
		if shorter == 0 || longer == 0 {
			t.Errorf("%d lifetimes below and %d above the middle, want some of both", shorter, longer)
		}
	})
}

func TestRenewedValueEndsWithItsLastLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(10 * time.Second)
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, Max: 4, Share: 2, Lifetime: time.Hour, HardLimit: 3 * time.Hour}))
		one, other := acquire(t, p), acquire(t, p)
		<-one.Retiring()
		if row := p.Stats().Rows[0]; row.State != pool.StateRetiring || row.Leases != 2 || row.ID != one.ID() {
			t.Errorf("first entry is %v with %d leases, want retiring with 2", row.State, row.Leases)
		}
		one.Release()
		synctest.Wait()
		if f.isClosed(1) {
			t.Error("the value was closed under its second lease")
		}
		next := acquire(t, p)
		if next.Value() == 1 {
			t.Error("a retiring value took a lease")
		}
		other.Release()
		synctest.Wait()
		if !f.isClosed(1) {
			t.Error("the value was not closed after its last lease")
		}
		next.Release()
	})
}

func TestHardLimitEndsLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(10 * time.Second)
		begun := time.Now()
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, Max: 4, Lifetime: time.Hour, HardLimit: 3 * time.Hour}))
		lease := acquire(t, p)
		<-lease.Lost()
		if age := time.Since(begun); age != 3*time.Hour || !errors.Is(lease.Cause(), pool.ErrExpired) {
			t.Errorf("lost after %v to %v, want after 3h to ErrExpired", age, lease.Cause())
		}
		synctest.Wait()
		if !f.isClosed(1) {
			t.Error("the value was not closed at its hard limit")
		}
		lease.Release()
		acquire(t, p).Release()
	})
}

func TestRenewalAtTheCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(10 * time.Second)
		p := startPool(t, f.options(pool.Options[int]{Warm: 3, Max: 3, Share: 2, Lifetime: time.Hour}))
		awaitReady(t, p, 3)
		leased := acquire(t, p)
		for range 7300 {
			time.Sleep(time.Second)
			if s := p.Stats(); s.Ready < 2 {
				t.Fatalf("%d ready, want never less than 2: one goes at a time", s.Ready)
			}
		}
		if f.isClosed(leased.Value()) || isClosed(leased.Retiring()) || f.peak != 3 {
			t.Errorf("leased value closed: %t, retiring: %t, at most %d at a time; want it kept and 3", f.isClosed(leased.Value()), isClosed(leased.Retiring()), f.peak)
		}
		if next := acquire(t, p); next.Value() == leased.Value() {
			t.Error("an aged value took a lease while fresh ones were there")
		} else {
			next.Release()
		}
		leased.Release()
		synctest.Wait()
		if !f.isClosed(leased.Value()) {
			t.Error("the aged value stayed after its last lease")
		}
	})
}

func TestAgedValueComesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 2, Max: 3, Share: 2}))
		awaitReady(t, p, 2)
		f.fail(errBusy)
		first := acquire(t, p)
		other := 3 - first.ID()
		p.Replace(other)
		synctest.Wait()
		second, third := acquire(t, p), acquire(t, p)
		if second.ID() != first.ID() || third.ID() != other {
			t.Errorf("leases went to %d, %d, %d; want the aged %d to take one only when %d is full", first.ID(), second.ID(), third.ID(), other, first.ID())
		}
		first.Release()
		second.Release()
		third.Release()
	})
}

func TestAgedValueServesWhileNoReplacementCanBeMade(t *testing.T) {
	for name, ceiling := range map[string]int{"below the ceiling": 5, "at the ceiling": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFactory(t)
				f.fails = func(n int) error {
					if n == 2 || n == 3 {
						return errBusy
					}
					return nil
				}
				p := startPool(t, f.options(pool.Options[int]{Warm: 1, Max: ceiling, Lifetime: time.Hour, Backoff: pool.Backoff{Min: time.Hour, Max: time.Hour}}))
				time.Sleep(61 * time.Minute)
				if s := p.Stats(); ceiling > 1 && (s.Ready != 1 || s.Failures != 1) {
					t.Errorf("%d ready after %d failures, want the aged one", s.Ready, s.Failures)
				}
				time.Sleep(3 * time.Hour)
				if lease := acquire(t, p); lease.Value() != 4 && lease.Value() != 5 {
					t.Errorf("value %d is in service, want a replacement", lease.Value())
				} else {
					lease.Release()
				}
			})
		})
	}
}

func TestTakenOverValueKeepsItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		opt := f.options(pool.Options[int]{Warm: 1, Max: 2, Lifetime: time.Hour, HardLimit: 2 * time.Hour})
		ages := []time.Duration{0, 50 * time.Minute, 3 * time.Hour}
		opt.Born = func(n int) time.Time {
			if n < len(ages) {
				return time.Now().Add(-ages[n])
			}
			return time.Time{}
		}
		p := startPool(t, opt)
		synctest.Wait()
		if row := p.Stats().Rows[0]; time.Until(row.ExpiresAt) != 70*time.Minute || time.Since(row.CreatedAt) != 50*time.Minute {
			t.Errorf("a value taken over at 50m is %v old and has %v left, want 1h10m", time.Since(row.CreatedAt), time.Until(row.ExpiresAt))
		}
		time.Sleep(10*time.Minute + time.Millisecond)
		// The second is past its hard limit already: closed, counted as a failure, not tried again at once.
		s := p.Stats()
		if !f.isClosed(2) || f.isClosed(1) || s.Failures != 1 || !errors.Is(s.LastFailure, pool.ErrExpired) || len(f.starts()) != 2 {
			t.Errorf("useless value closed: %t, failures %d (%v), New called %d times; want closed, 1, 2", f.isClosed(2), s.Failures, s.LastFailure, len(f.starts()))
		}
		time.Sleep(time.Second)
		if !f.isClosed(1) || p.Stats().Ready != 1 {
			t.Error("the third value did not replace the first")
		}
	})
}

func TestBackoffGrowsToItsCapAndResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.fails = func(n int) error {
			if n <= 10 {
				return errBusy
			}
			return nil
		}
		p := startPool(t, f.options(pool.Options[int]{Warm: 3, Max: 3, Backoff: pool.Backoff{Min: time.Second, Max: 10 * time.Second}}))
		synctest.Wait()
		if s := p.Stats(); s.Failures != 1 || !errors.Is(s.LastFailure, errBusy) || !s.NextAttempt.After(time.Now()) {
			t.Errorf("after three failed side by side: %d failures (%v), next at %v; want 1 and a time to come", s.Failures, s.LastFailure, s.NextAttempt)
		}
		awaitReady(t, p, 3)
		at := f.starts()
		if at[2] != 0 {
			t.Errorf("the first three attempts were at %v, want at once", at[:3])
		}
		for i, want := range []time.Duration{1, 2, 4, 8, 10, 10, 10, 10} {
			gap := at[i+3] - at[i+2]
			if want *= time.Second; gap > want || gap < want*3/4 {
				t.Errorf("attempt %d came %v after the one before, want %v less up to a quarter", i+4, gap, want)
			}
		}
		if len(at) != 13 || at[12] != at[10] {
			t.Errorf("attempts at %v, want the last three together once one had worked", at)
		}
		s := p.Stats()
		if s.Failures != 0 || !s.NextAttempt.IsZero() || !errors.Is(s.LastFailure, errBusy) || s.LastFailureAt.IsZero() {
			t.Errorf("when well again: %d failures, next %v, last %v; want 0, none, and the last one remembered", s.Failures, s.NextAttempt, s.LastFailure)
		}
	})
}

func TestWaitersOutlastPassingFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.fail(errBusy)
		p := startPool(t, f.options(pool.Options[int]{Permanent: func(err error) bool { return errors.Is(err, errRefused) }}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got := <-acquireLater(ctx, p)
		if !errors.Is(got.err, context.DeadlineExceeded) || !errors.Is(got.err, errBusy) || got.took != time.Minute {
			t.Errorf("Acquire returned %v after %v, want the deadline and %v after 1m", got.err, got.took, errBusy)
		}
		if !strings.Contains(got.err.Error(), "while none could be made: "+errBusy.Error()) {
			t.Errorf("Acquire returned %q, want it to name the last failure", got.err)
		}
	})
}

func TestPermanentFailureIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.takes = always(5 * time.Second)
		f.fail(errRefused)
		p := startPool(t, f.options(pool.Options[int]{
			Max: 4, Permanent: func(err error) bool { return errors.Is(err, errRefused) },
			Backoff: pool.Backoff{Min: time.Hour, Max: time.Hour},
		}))
		refused := func(what string, a <-chan answer, after time.Duration) {
			t.Helper()
			if got := <-a; !errors.Is(got.err, errRefused) || got.took != after {
				t.Errorf("%s: Acquire returned %v after %v, want %v after %v", what, got.err, got.took, errRefused, after)
			}
		}
		first, second := acquireLater(t.Context(), p), acquireLater(t.Context(), p)
		refused("first", first, 5*time.Second)
		refused("second", second, 5*time.Second)
		refused("within the backoff", acquireLater(t.Context(), p), 0)
		time.Sleep(time.Hour)
		refused("after the backoff", acquireLater(t.Context(), p), 5*time.Second)
		f.fail(nil)
		p.Resume()
		acquire(t, p).Release()
	})
}

func TestDeadValueIsReplacedAndItsLeasesTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 2, Max: 4, CheckEvery: 30 * time.Second}))
		lease := acquire(t, p)
		synctest.Wait()
		f.kill(lease.Value())
		idle := 3 - lease.Value() // the other of the first two
		f.kill(idle)
		begun := time.Now()
		<-lease.Lost()
		if took := time.Since(begun); took > 30*time.Second || !errors.Is(lease.Cause(), errDead) {
			t.Errorf("told after %v: %v; want %v within 30s", took, lease.Cause(), errDead)
		}
		synctest.Wait()
		if !f.isClosed(1) || !f.isClosed(2) || p.Stats().Idle != 2 {
			t.Errorf("dead values closed: %t and %t, %d idle; want both closed and 2", f.isClosed(1), f.isClosed(2), p.Stats().Idle)
		}
		lease.Release()
	})
}

// TestASuspectIsCheckedAtOnce, and not less often for it; one that lives stays with whoever has it.
func TestASuspectIsCheckedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.probe = time.Second
		p := startPool(t, f.options(pool.Options[int]{Warm: 1, CheckEvery: time.Minute}))
		lease := acquire(t, p)
		begun := time.Now()
		for range 3 { // the first begins a check; those that come while it goes on are worth one more, as it may have begun too early
			lease.Suspect()
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		f.mu.Lock()
		checks := f.checks
		f.mu.Unlock()
		if row := p.Stats().Rows[0]; checks != 2 || !row.LastCheck.Equal(begun.Add(2*time.Second)) || lease.Cause() != nil {
			t.Errorf("a suspect that lives was checked %d times, last at %v, and is lost to %v; want 2 within 2s, and nobody to lose it", checks, row.LastCheck.Sub(begun), lease.Cause())
		}
		f.kill(lease.Value())
		begun = time.Now()
		lease.Suspect()
		<-lease.Lost()
		if took := time.Since(begun); took != time.Second || !errors.Is(lease.Cause(), errDead) {
			t.Errorf("a suspect that is dead was lost after %v to %v, want %v after 1s", took, lease.Cause(), errDead)
		}
		lease.Release()
	})
}

func TestCheckHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		opt := f.options(pool.Options[int]{Warm: 1, CheckEvery: 30 * time.Second, CheckTimeout: 5 * time.Second})
		opt.Check = func(ctx context.Context, n int) error {
			if n > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		p := startPool(t, opt)
		lease := acquire(t, p)
		begun := time.Now()
		<-lease.Lost()
		if took := time.Since(begun); took != 35*time.Second || !errors.Is(lease.Cause(), context.DeadlineExceeded) {
			t.Errorf("told after %v: %v; want the deadline after 35s", took, lease.Cause())
		}
		lease.Release()
	})
}

func TestCloseWaitsForTheCheckItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		opt := f.options(pool.Options[int]{Warm: 1, CheckEvery: 30 * time.Second, CheckTimeout: time.Hour})
		opt.Check = func(ctx context.Context, n int) error {
			defer f.occupy(n, "Check")()
			<-ctx.Done()
			time.Sleep(2 * time.Second) // slow to notice
			return nil
		}
		p := startPool(t, opt)
		lease := acquire(t, p)
		time.Sleep(31 * time.Second)
		lease.Discard(nil)
		time.Sleep(1999 * time.Millisecond)
		if f.isClosed(1) {
			t.Error("Close ran beside Check")
		}
		time.Sleep(2 * time.Millisecond)
		if !f.isClosed(1) {
			t.Error("Close did not follow Check")
		}
	})
}

func TestStaleValueIsProbedBeforeItIsHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		p := startPool(t, f.options(pool.Options[int]{Warm: 2, Max: 3, CheckAfterIdle: time.Minute}))
		awaitReady(t, p, 2)
		time.Sleep(59 * time.Second)
		acquire(t, p).Release()
		if f.checks != 0 {
			t.Errorf("%d checks before a minute passed, want none", f.checks)
		}
		time.Sleep(time.Second)
		f.kill(2)
		lease := acquire(t, p)
		synctest.Wait()
		if lease.Value() == 2 || f.checks != 2 {
			t.Errorf("got value %d after %d checks, want any but the dead 2 after 2", lease.Value(), f.checks)
		}
		time.Sleep(time.Hour)
		if f.checks != 2 {
			t.Errorf("%d checks while nobody asked, want 2", f.checks)
		}
		for n := range 5 { // the lease's value, and those made since
			f.kill(n)
		}
		lease.Release()
		time.Sleep(time.Hour)
		fresh := acquire(t, p)
		if fresh.Value() < 5 {
			t.Errorf("got value %d, want one made after all others were found dead", fresh.Value())
		}
		fresh.Release()
	})
}
