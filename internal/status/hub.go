package status

import (
	"context"
	"iter"
	"sync"
)

// Hub keeps the newest snapshot and hands it to any number of watchers. Methods are safe for concurrent use; the zero Hub is
// ready to use and holds an empty snapshot.
type Hub struct {
	mu      sync.Mutex
	current Snapshot
	changed chan struct{} // closed and replaced by each Publish
}

// Publish makes a snapshot the newest. The caller must not change it afterwards.
func (h *Hub) Publish(s Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current = s
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// Current returns the newest snapshot.
func (h *Hub) Current() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current
}

// Watch yields the newest snapshot at once and then each time there is a newer one, until ctx ends. A slow reader skips what
// came between.
func (h *Hub) Watch(ctx context.Context) iter.Seq[Snapshot] {
	return func(yield func(Snapshot) bool) {
		for {
			h.mu.Lock()
			s := h.current
			if h.changed == nil {
				h.changed = make(chan struct{})
			}
			changed := h.changed
			h.mu.Unlock()
			if ctx.Err() != nil || !yield(s) {
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
