package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Run keeps the pool until ctx ends, then shuts it down: callers who wait and leases still out are told (ErrClosed), and
// every value is closed. It returns when nothing is left, with what went wrong while closing. It must be called once.
func (p *Pool[T]) Run(ctx context.Context) error {
	p.mu.Lock()
	again := p.running
	p.running = true
	p.mu.Unlock()
	if again {
		return errors.New("run pool: it has been run before")
	}

	var calls sync.WaitGroup
	defer calls.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	base, ended := context.WithoutCancel(ctx), ctx.Done()
	for {
		if ctx.Err() != nil {
			p.shut()
			ended = nil
		}
		wake, empty := p.tend(base, &calls)
		if empty {
			return errors.Join(p.closing.atShutdown...)
		}
		if wake < never { // else an earlier setting may still fire; to look once too often does no harm
			timer.Reset(wake)
		}
		select {
		case <-p.kicked:
		case <-timer.C:
		case <-ended:
		}
	}
}

// shut refuses callers from now on and takes all values away.
func (p *Pool[T]) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed() {
		return
	}
	p.closedAt = time.Now()
	p.refuse(ErrClosed)
	for _, e := range p.entries {
		p.condemn(e, ErrClosed)
	}
	p.notify()
}

// tend does what the state asks for now. It returns after which time to look again if nothing happens before, and
// whether a closed pool has become empty.
func (p *Pool[T]) tend(base context.Context, calls *sync.WaitGroup) (wake time.Duration, empty bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	call := func(e *entry[T], limit time.Duration, f func(context.Context, *entry[T])) {
		ctx, cancel := context.WithTimeout(base, limit)
		e.stop = cancel
		calls.Go(func() {
			defer cancel()
			f(ctx, e)
		})
	}

	now := time.Now()
	do := p.plan(now)
	for _, e := range do.age {
		e.aged = true
	}
	for _, e := range do.expire {
		p.condemn(e, ErrExpired)
	}
	for _, e := range do.retire {
		p.retire(e)
	}
	for _, e := range do.check {
		e.suspect = false
		call(e, p.opt.CheckTimeout, p.check)
	}
	for _, e := range do.abandon {
		e.stop()
	}
	for range do.start {
		e := p.add(now)
		call(e, p.opt.CreateTimeout, p.create)
	}
	for _, e := range p.entries {
		if e.state == StateClosing && e.stop == nil {
			call(e, p.opt.CloseTimeout, p.close)
		}
	}
	return do.wake, p.closed() && len(p.entries) == 0
}

// add makes the entry for a new value.
func (p *Pool[T]) add(now time.Time) *entry[T] {
	p.lastID++
	e := &entry[T]{
		id:        p.lastID,
		round:     p.trouble.rounds,
		state:     StateStarting,
		createdAt: now,
		bornAt:    now,
		retiring:  make(chan struct{}),
		replaced:  make(chan struct{}),
		lost:      make(chan struct{}),
	}
	if p.opt.Lifetime > 0 {
		e.lifetime = p.opt.Lifetime + time.Duration((2*random()-1)*float64(p.opt.Jitter))
	}
	p.entries = append(p.entries, e)
	p.notify()
	return e
}

// create makes a value and puts it in its entry, or removes the entry.
func (p *Pool[T]) create(ctx context.Context, e *entry[T]) {
	value, err := p.opt.New(ctx)
	made := err == nil
	bornAt := e.createdAt
	if made && p.opt.Born != nil {
		if born := p.opt.Born(value); !born.IsZero() {
			bornAt = born
		}
	}
	now := time.Now()
	if made && p.opt.HardLimit > 0 && age(now, bornAt) >= p.opt.HardLimit {
		err = fmt.Errorf("a new value is of no use: %w", ErrExpired)
	}
	permanent := err != nil && p.opt.Permanent(err)

	p.mu.Lock()
	defer p.mu.Unlock()
	e.stop = nil
	if made {
		e.value, e.readyAt, e.aliveAt, e.bornAt = value, now, now, bornAt
		e.state = StateReady
	} else {
		p.remove(e)
	}
	switch {
	case p.closed():
		p.condemn(e, ErrClosed)
	case err != nil:
		p.condemn(e, err)
		p.failed(e.round, err, permanent, now)
	default:
		p.trouble.rounds, p.trouble.permanent = 0, false
		p.serve()
	}
	p.kick()
	p.notify()
}

// failed remembers a failure to make a value, and tells those who wait if it is permanent.
func (p *Pool[T]) failed(round int, err error, permanent bool, now time.Time) {
	t := &p.trouble
	t.last, t.lastAt = err, now
	if round >= t.rounds {
		t.rounds++
		t.since, t.wait = now, p.opt.Backoff.after(t.rounds)
	}
	t.permanent = permanent
	if permanent {
		p.refuse(hopeless(err))
	}
}

// check asks a value for a sign of life and condemns it if there is none.
func (p *Pool[T]) check(ctx context.Context, e *entry[T]) {
	err := p.opt.Check(ctx, e.value)

	p.mu.Lock()
	defer p.mu.Unlock()
	e.stop = nil
	e.checkedAt = time.Now()
	if err != nil {
		p.condemn(e, fmt.Errorf("health check: %w", err))
	} else {
		e.aliveAt = e.checkedAt
		p.serve()
	}
	p.kick()
	p.notify()
}

// close closes a value and removes its entry.
func (p *Pool[T]) close(ctx context.Context, e *entry[T]) {
	err := p.opt.Close(ctx, e.value)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(e)
	if err != nil {
		err = fmt.Errorf("close value %d: %w", e.id, err)
		p.closing.failures++
		p.closing.last = err
		if p.closed() {
			p.closing.atShutdown = append(p.closing.atShutdown, err)
		}
	}
	p.kick()
	p.notify()
}

// remove forgets an entry. Its state stays as a mark for leases still out.
func (p *Pool[T]) remove(e *entry[T]) {
	p.entries = slices.DeleteFunc(p.entries, func(other *entry[T]) bool { return other == e })
}
