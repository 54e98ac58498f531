package pool

import (
	"slices"
	"time"
)

// State is what a value's entry is doing.
type State uint8

// The states, in the order a value goes through them; it may skip some and go between ready and leased many times.
const (
	StateStarting State = iota // being made
	StateReady                 // alive, without a lease
	StateLeased                // alive, with at least one lease; takes more if it is shared and not full
	StateRetiring              // takes no more leases and ends with its last one
	StateClosing               // being closed
)

// String returns the state's name in lower case.
func (s State) String() string {
	return [...]string{"starting", "ready", "leased", "retiring", "closing"}[s]
}

// Stats is a picture of the pool at one moment, a copy which nobody changes.
type Stats[T any] struct {
	Warm      int // wanted to be ready
	Max       int
	Paused    bool
	Suspended error // why nobody gets a lease; nil: they do

	Starting int // values being made
	Ready    int // values which have room for another lease: what Warm asks for
	Idle     int // values without a lease
	Leased   int // values with at least one lease, retiring ones included
	Closing  int // values being closed
	Waiting  int // callers waiting in Acquire

	Failures      int       // failed attempts to make values, in a row; values made side by side are one attempt
	LastFailure   error     // of the last value that could not be made, also when all has been well since
	LastFailureAt time.Time // zero if there was none
	NextAttempt   time.Time // when the next attempt may be made; zero unless Failures > 0

	CloseFailures    int // values whose Close returned an error
	LastCloseFailure error

	Waits Waits
	Rows  []Row[T] // one for each entry, in the order they were begun
}

// Waits sums up how long callers of Acquire had to wait for the leases they got.
type Waits struct {
	Leases int // given so far
	Waited int // of these, not given at once
	Last   time.Duration
	Max    time.Duration
}

func (w *Waits) add(d time.Duration) {
	w.Leases++
	if d > 0 {
		w.Waited++
	}
	w.Last = d
	w.Max = max(w.Max, d)
}

// recentWaits is how many of the last waits are remembered one by one.
const recentWaits = 100

// RecentWaits returns how long each of the last leases was waited for, oldest first, those included that were given at once.
func (p *Pool[T]) RecentWaits() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Concat(p.recent[p.oldest:], p.recent[:p.oldest])
}

// waited notes how long one more lease was waited for.
func (p *Pool[T]) waited(d time.Duration) {
	p.waits.add(d)
	if len(p.recent) < recentWaits {
		p.recent = append(p.recent, d)
		return
	}
	p.recent[p.oldest] = d
	p.oldest = (p.oldest + 1) % recentWaits
}

// Row is one entry: a value being made, alive or being closed.
type Row[T any] struct {
	ID     uint64
	State  State
	Leases int
	Value  T // the zero value while Made is false
	Made   bool
	Cause  error // why its leases were lost; nil if they were not

	CreatedAt  time.Time     // its making began, or what Options.Born told of it
	ReadyAt    time.Time     // zero until it was ready, as are the times below
	RenewAt    time.Time     // it will be replaced from then on; zero if its age does not matter
	ExpiresAt  time.Time     // it will be closed whoever holds it; zero if there is no hard limit
	LastCheck  time.Time     // zero if it was not checked yet
	CreateTook time.Duration // how long it took to make
}

// closing is what the pool remembers of failures to close values.
type closing struct {
	failures   int
	last       error
	atShutdown []error
}

// Changed returns a channel which holds a token when something changed since one was last taken from it: whoever
// receives then calls Stats. Changes in quick succession may come as one. There is one channel, for one watcher.
func (p *Pool[T]) Changed() <-chan struct{} { return p.changed }

// Stats returns a picture of the pool now.
func (p *Pool[T]) Stats() Stats[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats[T]{
		Warm:             p.warm,
		Max:              p.max,
		Paused:           p.paused,
		Suspended:        p.suspended,
		Ready:            p.room(),
		Waiting:          len(p.waiters),
		Failures:         p.trouble.rounds,
		LastFailure:      p.trouble.last,
		LastFailureAt:    p.trouble.lastAt,
		CloseFailures:    p.closing.failures,
		LastCloseFailure: p.closing.last,
		Waits:            p.waits,
		Rows:             slices.Grow([]Row[T]{}, len(p.entries)),
	}
	if s.Failures > 0 {
		s.NextAttempt = p.trouble.since.Add(p.trouble.wait)
	}
	for _, e := range p.entries {
		row := p.row(e)
		switch row.State {
		case StateStarting:
			s.Starting++
		case StateReady:
			s.Idle++
		case StateLeased, StateRetiring:
			s.Leased++
		case StateClosing:
			s.Closing++
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

func (p *Pool[T]) row(e *entry[T]) Row[T] {
	row := Row[T]{
		ID:        e.id,
		State:     e.state,
		Leases:    e.leases,
		Value:     e.value,
		Made:      !e.readyAt.IsZero(),
		Cause:     e.cause,
		CreatedAt: e.bornAt,
		ReadyAt:   e.readyAt,
		LastCheck: e.checkedAt,
	}
	if e.state == StateReady && e.leases > 0 {
		row.State = StateLeased
	}
	if row.Made {
		row.CreateTook = e.readyAt.Sub(e.createdAt)
		row.ExpiresAt = p.expiresAt(e)
		if e.lifetime > 0 {
			row.RenewAt = e.bornAt.Add(e.lifetime)
		}
	}
	return row
}

// expiresAt is when e, once ready, reaches the hard limit; zero if there is none.
func (p *Pool[T]) expiresAt(e *entry[T]) time.Time {
	if p.opt.HardLimit == 0 {
		return time.Time{}
	}
	return e.bornAt.Add(p.opt.HardLimit)
}
