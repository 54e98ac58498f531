package pool

import "time"

// Lease is one caller's right to a value. It ends exactly once, by Release or Discard; ending it again does nothing.
// After its end the value must not be used.
//
// A lease does not keep its value alive at any price: Lost tells when it is gone. The lease still wants ending then.
type Lease[T any] struct {
	pool   *Pool[T]
	entry  *entry[T]
	waited bool // was not given at once
	ended  bool // guarded by pool.mu
}

// Value returns what is leased.
func (l *Lease[T]) Value() T { return l.entry.value }

// ID returns the number of the value's entry: the same for all leases on one value, never used for another.
func (l *Lease[T]) ID() uint64 { return l.entry.id }

// Waited reports whether the caller had to wait for a value to be made, checked or given back.
func (l *Lease[T]) Waited() bool { return l.waited }

// ExpiresAt returns when the value will be closed whoever holds it, or the zero time if it has no hard limit.
func (l *Lease[T]) ExpiresAt() time.Time { return l.pool.expiresAt(l.entry) }

// Release gives the value back in good order.
func (l *Lease[T]) Release() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	l.pool.giveBack(l)
}

// Discard ends the lease and the value with it, because of err. Other leases on the value are lost.
func (l *Lease[T]) Discard(err error) {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	if l.ended {
		return
	}
	l.pool.condemn(l.entry, err)
	l.pool.giveBack(l)
}

// Suspect has the value checked now rather than when it is due: something went wrong that may have to do with it. The lease stays, and is
// lost if the value is found dead.
func (l *Lease[T]) Suspect() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	if l.pool.opt.Check != nil {
		l.entry.suspect = true
		l.pool.kick()
	}
}

// Retiring is closed when the value's time is up and it takes no more leases: time to move to another if one can. It
// stays until its last lease ends or its hard limit is reached.
func (l *Lease[T]) Retiring() <-chan struct{} { return l.entry.retiring }

// Replaced is closed when the value takes no more leases and the pool was asked to replace it: somebody waits for its end, where
// one that is merely Retiring may stay for as long as it is used.
func (l *Lease[T]) Replaced() <-chan struct{} { return l.entry.replaced }

// Lost is closed when the value has been taken away: it was found dead, reached its hard limit, was ended by another
// lease or by Evict, or the pool shuts down. Cause says which.
func (l *Lease[T]) Lost() <-chan struct{} { return l.entry.lost }

// Cause returns why the value was taken away, or nil while it was not.
func (l *Lease[T]) Cause() error {
	select {
	case <-l.entry.lost:
		return l.entry.cause
	default:
		return nil
	}
}
