// Package pool keeps values warm: made before anyone asks, and leased to those who do.
//
// It is for values which take seconds to make, cost money while they idle, may die behind one's back, and have an end
// of life that nobody can move, such as sessions on sandboxes in a cloud; and for callers who stay with the value they
// got. So values are made in parallel and apart from any caller, checked also while leased, renewed beside their use,
// and everything the pool does can be watched (Stats, Changed).
//
// The pool owns its values from New to Close. Whoever composes the program calls Run; whoever needs a value calls
// Acquire and ends the Lease. The package knows nothing of what the values are.
//
// Inside, one mutex guards the state. Callers move leases under it themselves; everything that takes time is started by
// the one goroutine in Run, which looks at the state whenever it is kicked or a time is reached, plans, and acts.
package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

var (
	// ErrClosed is why a lease cannot be had, or was lost: the pool is shutting down or has shut down.
	ErrClosed = errors.New("the pool is closed")
	// ErrExpired is why a lease was lost: its value reached the hard limit of its life.
	ErrExpired = errors.New("the hard limit of its life was reached")
	// ErrDiscarded is why a lease was lost when whoever ended its value gave no cause.
	ErrDiscarded = errors.New("it was discarded")
)

// Pool keeps values warm and leases them. Its methods are safe for concurrent use. Run must be called once.
type Pool[T any] struct {
	opt     Options[T]
	changed chan struct{} // holds a token when the state has changed since it was last taken
	kicked  chan struct{} // holds a token when the keeper should look at the state

	mu        sync.Mutex // guards all below; never held across a function of Options
	warm, max int
	running   bool
	paused    bool
	suspended error     // why nobody gets a lease, until Resume; nil: they do
	closedAt  time.Time // zero while open
	lastID    uint64
	entries   []*entry[T]  // every value being made, alive or being closed, by ID
	waiters   []*waiter[T] // in order of arrival; none could be served when it was appended or since
	trouble   trouble
	closing   closing
	waits     Waits
	recent    []time.Duration // the last waits, a ring once it is full
	oldest    int             // where the ring begins
}

// entry is one value's place in the pool, from before it is made until it is closed.
type entry[T any] struct {
	id        uint64
	round     int   // trouble.rounds when its making began
	state     State // never StateLeased, which is StateReady with leases
	leases    int
	aged      bool // due for renewal; still takes leases until it retires
	value     T
	createdAt time.Time // New was called
	readyAt   time.Time // New was done; zero until then
	bornAt    time.Time // its life counts from here
	aliveAt   time.Time // last sign of life
	checkedAt time.Time
	lifetime  time.Duration      // the age at which it is due for renewal; 0 = never
	stop      context.CancelFunc // ends the call under way on this value; nil when there is none
	retiring  chan struct{}      // closed when it stops taking leases
	suspect   bool               // a lease wants it checked
	unwanted  bool               // Replace was called
	replaced  chan struct{}      // closed when it is both unwanted and retiring
	lost      chan struct{}      // closed when it is condemned, after cause is set
	cause     error
}

// waiter is one caller of Acquire for whom there was no value yet. Once done is closed, lease or err is set for good.
type waiter[T any] struct {
	since time.Time
	done  chan struct{}
	lease *Lease[T]
	err   error
}

// trouble is what the pool remembers of failures to make values.
type trouble struct {
	rounds    int // in a row since the last success; values made side by side fail as one round
	permanent bool
	since     time.Time     // the end of the last round
	wait      time.Duration // after which the next one may begin

	last   error // kept after things went well again
	lastAt time.Time
}

// New checks the options and returns a pool that does nothing until Run is called.
func New[T any](options Options[T]) (*Pool[T], error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Pool[T]{
		opt:     options,
		warm:    options.Warm,
		max:     options.Max,
		changed: make(chan struct{}, 1),
		kicked:  make(chan struct{}, 1),
	}, nil
}

// Acquire leases a value: at once if one is warm, else in turn when one is ready or comes back. Among the warm it picks
// the one with the fewest leases and, among equals, the youngest; values due for renewal come last. It wakes a paused pool, and is
// refused by a suspended one.
//
// When ctx ends first, the error wraps ctx's and, if values could not be made, the last failure. When the failure is
// permanent (Options.Permanent) callers are not kept waiting for the next attempt but get an error which wraps it.
// After shutdown began the error is ErrClosed. Before Run is called Acquire waits.
func (p *Pool[T]) Acquire(ctx context.Context) (*Lease[T], error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("acquire from pool: %w", err)
	}
	p.mu.Lock()
	if p.closed() {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if why := p.suspended; why != nil {
		p.mu.Unlock()
		return nil, refusal(why)
	}
	if p.paused {
		p.paused = false
		p.kick()
	}
	if len(p.waiters) == 0 {
		if e := p.pick(); e != nil {
			lease := p.take(e, 0)
			p.mu.Unlock()
			return lease, nil
		}
	}
	if p.trouble.permanent && age(time.Now(), p.trouble.since) < p.trouble.wait {
		defer p.mu.Unlock()
		return nil, hopeless(p.trouble.last)
	}
	w := &waiter[T]{since: time.Now(), done: make(chan struct{})}
	p.waiters = append(p.waiters, w)
	if len(p.entries) < p.max || p.room() > 0 { // one can be made, or one there wants checking
		p.kick()
	}
	p.notify()
	p.mu.Unlock()

	select {
	case <-w.done:
		return w.lease, w.err
	case <-ctx.Done():
		return nil, p.leave(w, ctx.Err())
	}
}

// leave gives up a waiter's place, or what it was handed in the same moment, and returns the error for its caller.
func (p *Pool[T]) leave(w *waiter[T], why error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.lease != nil {
		p.giveBack(w.lease)
	}
	p.waiters = slices.DeleteFunc(p.waiters, func(other *waiter[T]) bool { return other == w })
	p.kick()
	p.notify()
	if p.trouble.rounds > 0 {
		return fmt.Errorf("acquire from pool: %w while none could be made: %w", why, p.trouble.last)
	}
	return fmt.Errorf("acquire from pool: %w after waiting %v", why, time.Since(w.since).Round(time.Millisecond))
}

// refusal is the error for callers of a suspended pool.
func refusal(why error) error { return fmt.Errorf("acquire from pool: %w", why) }

// hopeless is the error for callers who would wait in vain.
func hopeless(last error) error {
	return fmt.Errorf("acquire from pool: none can be made: %w", last)
}

// pick returns the value the next lease should be on, or nil if none can be handed out as it stands.
func (p *Pool[T]) pick() *entry[T] {
	var now time.Time
	if p.opt.CheckAfterIdle > 0 {
		now = time.Now()
	}
	var best *entry[T]
	for _, e := range slices.Backward(p.entries) {
		if !p.hasRoom(e) || best != nil && !e.before(best) || p.stale(e, now) {
			continue
		}
		if best = e; e.leases == 0 && !e.aged {
			break
		}
	}
	return best
}

// before reports whether e rather than other should take the next lease.
func (e *entry[T]) before(other *entry[T]) bool {
	if e.aged != other.aged {
		return other.aged
	}
	return e.leases < other.leases
}

// take puts one more lease on e for a caller who waited so long.
func (p *Pool[T]) take(e *entry[T], waited time.Duration) *Lease[T] {
	e.leases++
	p.waited(waited)
	if !p.hasRoom(e) && len(p.entries) < p.max && p.room() < p.want() {
		p.kick()
	}
	p.notify()
	return &Lease[T]{pool: p, entry: e}
}

// giveBack takes a lease off its value, unless that has been done.
func (p *Pool[T]) giveBack(l *Lease[T]) {
	if l.ended {
		return
	}
	l.ended = true
	e := l.entry
	e.leases--
	if e.state == StateRetiring && e.leases == 0 {
		p.end(e)
	}
	p.serve()
	if e.aged || len(p.waiters) > 0 && p.room() > 0 || e.leases == 0 && (p.room() > p.want() || len(p.entries) > p.max) {
		p.kick()
	}
	p.notify()
}

// serve hands what there is to those who wait, first come first served.
func (p *Pool[T]) serve() {
	for len(p.waiters) > 0 {
		e := p.pick()
		if e == nil {
			return
		}
		w := p.waiters[0]
		w.lease = p.take(e, time.Since(w.since))
		w.lease.waited = true
		p.dismiss(1)
	}
}

// refuse tells all who wait that they wait in vain.
func (p *Pool[T]) refuse(err error) {
	for _, w := range p.waiters {
		w.err = err
	}
	p.dismiss(len(p.waiters))
}

// dismiss ends the waiting of the first n, whose results are set.
func (p *Pool[T]) dismiss(n int) {
	for _, w := range p.waiters[:n] {
		close(w.done)
	}
	p.waiters = slices.Delete(p.waiters, 0, n)
}

// retire lets e take no more leases; it ends with its last one.
func (p *Pool[T]) retire(e *entry[T]) {
	e.state = StateRetiring
	close(e.retiring)
	if e.unwanted {
		close(e.replaced)
	}
	if e.leases == 0 {
		p.end(e)
	}
}

// condemn ends a value that is ready or retiring, also under its leases, and tells them why. It reports whether there
// was anything to end.
func (p *Pool[T]) condemn(e *entry[T], cause error) bool {
	if e.state != StateReady && e.state != StateRetiring {
		return false
	}
	if cause == nil {
		cause = ErrDiscarded
	}
	e.cause = cause
	close(e.lost)
	p.end(e)
	return true
}

// end leaves e to the keeper for closing, as soon as a check under way on it has stopped.
func (p *Pool[T]) end(e *entry[T]) {
	e.state = StateClosing
	if e.stop != nil {
		e.stop()
	}
	p.kick()
	p.notify()
}

// Pause ends the values nobody leases and makes no more, until Resume or the next Acquire. Leased values end when they
// come back. While callers wait Pause does nothing.
func (p *Pool[T]) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = len(p.waiters) == 0
	p.kick()
	p.notify()
}

// Suspend is Pause until Resume, whoever wants a value meanwhile: callers, those who wait included, get an error which wraps why.
// Leases that are out stay.
func (p *Pool[T]) Suspend(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.suspended = why
	p.refuse(refusal(why))
	p.kick()
	p.notify()
}

// Wake wakes a paused pool before somebody wants a value.
func (p *Pool[T]) Wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = false
	p.kick()
	p.notify()
}

// Unsuspend takes Suspend back and nothing else: a pool that is paused too stays so.
func (p *Pool[T]) Unsuspend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.suspended = nil
	p.kick()
	p.notify()
}

// Retry lets a pool that fails to make values try again now rather than after its backoff: call it when the cause may have gone,
// such as after a login.
func (p *Pool[T]) Retry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble.rounds, p.trouble.permanent = 0, false
	p.kick()
	p.notify()
}

// Resume is Unsuspend, Wake and Retry at once: somebody wants the pool to work.
func (p *Pool[T]) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused, p.suspended = false, nil
	p.trouble.rounds, p.trouble.permanent = 0, false
	p.kick()
	p.notify()
}

// SetWarm changes how many values with room are kept ready. Above Max it counts as Max, below zero as zero.
func (p *Pool[T]) SetWarm(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warm = max(n, 0)
	p.kick()
	p.notify()
}

// SetMax changes the ceiling, which is at least 1. Values above a lowered ceiling end when nobody leases them.
func (p *Pool[T]) SetMax(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.max = max(n, 1)
	p.kick()
	p.notify()
}

// Replace renews the value of that entry ahead of its time: another is made beside it, then it takes no more leases and
// ends with its last one. Those leases are told, so that whoever can moves away. It reports whether there is such a value.
func (p *Pool[T]) Replace(id uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.find(id)
	if e == nil || e.state != StateReady && e.state != StateRetiring {
		return false
	}
	e.aged = true
	if e.state == StateRetiring && !e.unwanted {
		close(e.replaced)
	}
	e.unwanted = true
	p.kick()
	return true
}

// Evict ends the value of that entry at once. Its leases are lost with this cause (ErrDiscarded if nil). It reports
// whether there is such a value.
func (p *Pool[T]) Evict(id uint64, cause error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.find(id)
	return e != nil && p.condemn(e, cause)
}

func (p *Pool[T]) find(id uint64) *entry[T] {
	for _, e := range p.entries {
		if e.id == id {
			return e
		}
	}
	return nil
}

// hasRoom reports whether e takes another lease.
func (p *Pool[T]) hasRoom(e *entry[T]) bool {
	return e.state == StateReady && e.leases < p.opt.Share
}

// stale reports whether e needs a check before it is handed out.
func (p *Pool[T]) stale(e *entry[T], now time.Time) bool {
	return p.opt.CheckAfterIdle > 0 && age(now, e.aliveAt) >= p.opt.CheckAfterIdle
}

// room counts the values which take another lease.
func (p *Pool[T]) room() int {
	n := 0
	for _, e := range p.entries {
		if p.hasRoom(e) {
			n++
		}
	}
	return n
}

// want is how many values should have room now.
func (p *Pool[T]) want() int {
	if p.paused || p.suspended != nil || p.closed() {
		return 0
	}
	return min(p.warm, p.max)
}

func (p *Pool[T]) closed() bool { return !p.closedAt.IsZero() }

// kick has the keeper look at the state.
func (p *Pool[T]) kick() { signal(p.kicked) }

// notify tells whoever watches that the state has changed.
func (p *Pool[T]) notify() { signal(p.changed) }

// signal leaves a token in a channel of capacity 1, where one is as good as many.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// age is the time between then and now by whichever clock saw more of it: the monotonic one stands still while the
// machine sleeps, the one on the wall can be set back.
func age(now, then time.Time) time.Duration {
	return max(now.Sub(then), time.Duration(now.UnixNano()-then.UnixNano()))
}
