package status

import (
	"context"
	"iter"
	"sync"
)

// Latest keeps the newest of values that are replaced whole, and hands it to any number of watchers. Methods are safe for concurrent
// use; the zero Latest is ready to use and holds a zero value.
type Latest[T any] struct {
	mu      sync.Mutex
	current T
	changed chan struct{} // closed and replaced by each Publish
}

// Publish makes a value the newest. The caller must not change it afterwards.
func (l *Latest[T]) Publish(value T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = value
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// Current returns the newest value.
func (l *Latest[T]) Current() T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// Watch yields the newest value at once and then each time there is a newer one, until ctx ends. A slow reader skips what came
// between.
func (l *Latest[T]) Watch(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			l.mu.Lock()
			value := l.current
			if l.changed == nil {
				l.changed = make(chan struct{})
			}
			changed := l.changed
			l.mu.Unlock()
			if ctx.Err() != nil || !yield(value) {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}
