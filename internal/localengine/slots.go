package localengine

import (
	"sync"
	"sync/atomic"
	"time"
)

// timeSlice is how long a guest may compute while others wait for its place.
const timeSlice = 20 * time.Millisecond

// slots shares a few places on the processor among many guests, in order of arrival. A guest holds a place while it computes
// and gives it up while it sleeps; one that has had its time goes to the end of the queue when somebody waits. So the host
// keeps a processor for itself, and a short cell is not starved by long ones.
type slots struct {
	waiting atomic.Int32 // length of queue, readable without the lock

	mu    sync.Mutex // guards below
	free  int
	queue []chan struct{} // closed when a place is handed over
}

func newSlots(n int) *slots { return &slots{free: n} }

// take waits for a place until stop is closed, and says whether it got one.
func (s *slots) take(stop <-chan struct{}) bool {
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return true
	}
	turn := make(chan struct{})
	s.queue = append(s.queue, turn)
	s.waiting.Store(int32(len(s.queue))) //nolint:gosec // as many as there are instances
	s.mu.Unlock()

	select {
	case <-turn:
		return true
	case <-stop:
	}
	s.mu.Lock()
	for i, waiter := range s.queue {
		if waiter == turn {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			s.waiting.Store(int32(len(s.queue))) //nolint:gosec // as many as there are instances
			s.mu.Unlock()
			return false
		}
	}
	s.mu.Unlock()
	s.give() // the place came together with the stop: pass it on
	return false
}

// give hands the place to the first in the queue, or back.
func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.free++
		return
	}
	turn := s.queue[0]
	s.queue = s.queue[1:]
	s.waiting.Store(int32(len(s.queue))) //nolint:gosec // as many as there are instances
	close(turn)
}

// wanted says whether somebody waits for a place.
func (s *slots) wanted() bool { return s.waiting.Load() > 0 }
