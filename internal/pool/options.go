package pool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Options says how values are made, kept and ended. Only New is required.
//
// None of the functions is called with the pool's lock held, and on one value at most one of New, Check and Close
// runs at a time. They must return soon after their context ends: Run waits for them.
type Options[T any] struct {
	// New makes one value. Its context belongs to the pool, not to whoever asked, so a caller who loses patience does
	// not undo the work. When New returns an error it leaves nothing behind that would need closing.
	New func(ctx context.Context) (T, error)
	// Close ends a value; each value made is closed exactly once. Nil means values need no closing. It is called while
	// leases are still out only when those have been told through Lease.Lost.
	Close func(ctx context.Context, v T) error
	// Check asks a value for a sign of life, also while it is leased. An error condemns the value, so a Check which
	// could not find out (the network is away, not the value) returns nil. Nil means values are never checked.
	Check func(ctx context.Context, v T) error
	// Born tells when the life of a new value began, for values which New took over rather than made. Nil, or a zero
	// time, means when New was called.
	Born func(v T) time.Time
	// Permanent reports whether callers should not wait for a failure of New to mend, because it will not, such as a refused
	// credential, or because they can do without. They are then told at once, until the next attempt is due, which is made
	// all the same. Nil means that callers always wait on.
	Permanent func(err error) bool

	// Warm is the number of values kept ready which have room for another lease.
	Warm int
	// Max is the ceiling over all values being made, alive or being closed. Zero means Warm, and at least 1.
	Max int
	// Share is how many leases one value takes at a time. Zero means 1: a lease has its value to itself. More than a
	// million count as a million.
	Share int

	// Lifetime is the age at which a value is renewed: a replacement is made beside it, then it takes no more leases
	// and ends with its last one. Each value's own lifetime differs by up to Jitter either way, so that values made
	// together do not all go together. Zero means values do not age.
	Lifetime time.Duration
	Jitter   time.Duration
	// HardLimit is the age at which a value is closed whoever holds it. Zero means never.
	HardLimit time.Duration

	// CheckEvery is the longest a value goes without a sign of life before it is checked. Zero means never.
	CheckEvery time.Duration
	// CheckAfterIdle is the longest a value may have gone without a sign of life to be handed out unchecked. It covers
	// what CheckEvery cannot, such as a laptop waking up. Zero means any time.
	CheckAfterIdle time.Duration

	// CreateTimeout, CheckTimeout and CloseTimeout limit one call each of New (default 5 minutes), Check and Close
	// (default 10 seconds).
	CreateTimeout time.Duration
	CheckTimeout  time.Duration
	CloseTimeout  time.Duration
	// FinishTimeout is how long a New still under way has left to finish when the pool shuts down. Zero means CloseTimeout.
	FinishTimeout time.Duration

	// Backoff spaces the attempts while New keeps failing.
	Backoff Backoff
}

// Backoff is the wait before the next attempt after New failed: Min at first, Factor times longer after each further
// failure, never longer than Max. Each wait is shortened by up to a quarter at random, so that pools which failed
// together do not retry together. Zero fields mean 1 second, 1 minute and 2.
type Backoff struct {
	Min    time.Duration
	Max    time.Duration
	Factor float64
}

// after returns the wait after the given number of failures in a row.
func (b Backoff) after(failures int) time.Duration {
	wait := float64(b.Min)
	for range failures - 1 {
		if wait *= b.Factor; wait >= float64(b.Max) {
			wait = float64(b.Max)
			break
		}
	}
	return time.Duration(wait * (1 - random()/4))
}

// random returns a number from 0 up to 1 for spreading things out in time.
func random() float64 {
	return rand.Float64() //nolint:gosec // chance that nobody gains from guessing
}

// withDefaults returns the options with zero fields filled in, or what is wrong with them.
func (o Options[T]) withDefaults() (Options[T], error) {
	if o.Close == nil {
		o.Close = func(context.Context, T) error { return nil }
	}
	if o.Permanent == nil {
		o.Permanent = func(error) bool { return false }
	}
	setDefault(&o.Share, 1)
	o.Share = min(o.Share, 1_000_000) // so that sums over all values stay numbers
	setDefault(&o.Max, max(o.Warm, 1))
	setDefault(&o.CreateTimeout, 5*time.Minute)
	setDefault(&o.CheckTimeout, 10*time.Second)
	setDefault(&o.CloseTimeout, 10*time.Second)
	setDefault(&o.FinishTimeout, o.CloseTimeout)
	setDefault(&o.Backoff.Min, time.Second)
	setDefault(&o.Backoff.Max, max(time.Minute, o.Backoff.Min))
	setDefault(&o.Backoff.Factor, 2)

	var faults []error
	forbid := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("pool options: "+format, args...))
		}
	}
	forbid(o.New == nil, "New is missing")
	forbid(o.Warm < 0, "Warm is %d, must not be negative", o.Warm)
	forbid(o.Max < max(o.Warm, 1), "Max is %d, must be at least 1 and at least Warm (%d)", o.Max, o.Warm)
	forbid(o.Share < 1, "Share is %d, must not be negative", o.Share)
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Lifetime", o.Lifetime},
		{"Jitter", o.Jitter},
		{"HardLimit", o.HardLimit},
		{"CheckEvery", o.CheckEvery},
		{"CheckAfterIdle", o.CheckAfterIdle},
		{"CreateTimeout", o.CreateTimeout},
		{"CheckTimeout", o.CheckTimeout},
		{"CloseTimeout", o.CloseTimeout},
		{"FinishTimeout", o.FinishTimeout},
		{"Backoff.Min", o.Backoff.Min},
	} {
		forbid(d.value < 0, "%s is %v, must not be negative", d.name, d.value)
	}
	forbid(o.Jitter > 0 && o.Jitter >= o.Lifetime, "Jitter (%v) must be shorter than Lifetime (%v)", o.Jitter, o.Lifetime)
	forbid(o.HardLimit > 0 && o.Lifetime+o.Jitter >= o.HardLimit,
		"Lifetime and Jitter together (%v) must be shorter than HardLimit (%v)", o.Lifetime+o.Jitter, o.HardLimit)
	forbid(o.Check == nil && (o.CheckEvery > 0 || o.CheckAfterIdle > 0), "CheckEvery and CheckAfterIdle need a Check")
	forbid(o.Backoff.Max < o.Backoff.Min, "Backoff.Max (%v) must not be below Backoff.Min (%v)", o.Backoff.Max, o.Backoff.Min)
	forbid(o.Backoff.Factor < 1, "Backoff.Factor is %v, must be at least 1", o.Backoff.Factor)
	return o, errors.Join(faults...)
}

// setDefault gives a field left at zero its value.
func setDefault[V int | float64 | time.Duration](field *V, value V) {
	if *field == 0 {
		*field = value
	}
}
