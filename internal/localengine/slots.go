package localengine

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// timeSlice is how long a guest may compute while others wait for its place. A guest's working set is back in the processor's
// caches within a small part of it.
const timeSlice = 5 * time.Millisecond

// slots shares a few places on the processor among many guests. A guest holds a place while it computes and gives it up while
// it sleeps; one that has had its time slice waits again when others do. So the host keeps a processor for itself.
//
// Who has computed least is next, as start-time fair queueing has it: each share carries the time its guest was charged. One that
// comes after a pause begins a time slice before those that go on, and with no more saved up than that. So guests that compute
// without end take turns, and a short cell waits for one of them and not for all.
type slots struct {
	waiting atomic.Int32 // length of queue, readable without the lock

	mu    sync.Mutex // guards below
	free  int
	now   time.Duration // the charge with which the latest place was given away
	queue []*share      // in order of arrival
}

// share is one guest's part in the places. The zero value is ready to use, by one goroutine; hurry may be called by others.
type share struct {
	since time.Time // when the place was taken

	charged time.Duration // guarded by the slots' mu
	urgent  bool          // likewise: is next
	turn    chan struct{} // likewise: closed when a place is handed over; not nil while the share waits
	given   int           // likewise: how many places it was given so far
	granted time.Time     // likewise: when the latest
}

func newSlots(n int) *slots { return &slots{free: n} }

// take waits for a place until stop is closed, and says whether it got one.
func (s *slots) take(g *share, stop <-chan struct{}) bool {
	s.mu.Lock()
	g.charged = max(g.charged, s.now-timeSlice)
	if s.free > 0 {
		s.free--
		s.grantLocked(g)
		s.mu.Unlock()
		g.since = time.Now()
		return true
	}
	turn := make(chan struct{})
	g.turn = turn
	s.queue = append(s.queue, g)
	s.waiting.Store(int32(len(s.queue))) //nolint:gosec // as many as there are instances
	s.mu.Unlock()

	select {
	case <-turn:
		g.since = time.Now()
		return true
	case <-stop:
	}
	s.mu.Lock()
	if g.turn != nil {
		for i, waiter := range s.queue {
			if waiter == g {
				s.removeLocked(i)
				break
			}
		}
		g.urgent = false
		s.mu.Unlock()
		return false
	}
	s.giveLocked() // the place came together with the stop: pass it on
	s.mu.Unlock()
	return false
}

// give hands the place to who is next, or back.
func (s *slots) give(g *share) {
	used := time.Since(g.since)
	s.mu.Lock()
	defer s.mu.Unlock()
	g.charged += min(used, timeSlice) // for more, nobody was there to wait for it, or the guest could not help it
	s.giveLocked()
}

func (s *slots) giveLocked() {
	next, least := -1, time.Duration(math.MaxInt64)
	for i, g := range s.queue {
		if g.urgent {
			next = i
			break
		}
		if g.charged < least {
			next, least = i, g.charged
		}
	}
	if next < 0 {
		s.free++
		return
	}
	g := s.queue[next]
	turn := g.turn
	s.removeLocked(next)
	s.grantLocked(g)
	close(turn)
}

// grantLocked notes that a guest has a place from now on. One that was hurried does not tell how far the others are.
func (s *slots) grantLocked(g *share) {
	if !g.urgent {
		s.now = max(s.now, g.charged)
	}
	g.urgent = false
	g.given++
	g.granted = time.Now()
}

func (s *slots) removeLocked(i int) {
	s.queue[i].turn = nil
	s.queue = append(s.queue[:i], s.queue[i+1:]...)
	s.waiting.Store(int32(len(s.queue))) //nolint:gosec // as many as there are instances
}

// hurry makes a guest that waits the next to get a place: it was told to stop and has yet to hear of it.
func (s *slots) hurry(g *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.urgent = g.turn != nil
}

// turns says how many places a guest was given so far, and when the latest. turn is not nil if it waits for one, and closed when that has come.
func (s *slots) turns(g *share) (given int, latest time.Time, turn <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return g.given, g.granted, g.turn
}

// wanted says whether somebody waits for the place of a guest that has had its time slice.
func (s *slots) wanted(g *share, now time.Time) bool {
	return s.waiting.Load() > 0 && now.Sub(g.since) >= timeSlice
}
