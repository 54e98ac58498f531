package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// laneLimit is how many parcels may wait.
const laneLimit = 4096

// parcel is a message of the editor that gets no answer.
type parcel struct {
	body     []byte
	header   [][2]string
	modern   bool
	greeting bool          // notifications/initialized
	gate     chan struct{} // to wait for first; nil: none
	session  *session      // to which alone it may go; nil: the one of the moment
}

// lane delivers notifications and answers in the order in which the editor wrote them. Nothing in
// it is sent twice: it means something only to the session it was written for, and a revived
// session is greeted by its reviver.
type lane struct {
	relay *Relay
	done  chan struct{} // closed when run has returned
	wake  chan struct{}

	mu      sync.Mutex // guards below
	queue   []parcel
	closing bool
}

func newLane(r *Relay) *lane {
	return &lane{relay: r, done: make(chan struct{}), wake: make(chan struct{}, 1)}
}

func (l *lane) add(p parcel) {
	l.mu.Lock()
	full := len(l.queue) >= laneLimit
	if !full {
		l.queue = append(l.queue, p)
	}
	l.mu.Unlock()
	if full {
		l.relay.complain(errors.New("a notification was dropped: the host is not taking any"))
		return
	}
	l.signal()
}

// close lets run return once everything is delivered.
func (l *lane) close() {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.signal()
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // it has been told
	}
}

func (l *lane) run() {
	defer close(l.done)
	for {
		p, ok, closing := l.next()
		switch {
		case ok:
			if err := l.relay.deliver(p); err != nil && l.relay.life.Err() == nil {
				l.relay.complain(err)
			}
		case closing:
			return
		default:
			select {
			case <-l.wake:
			case <-l.relay.life.Done():
				return
			}
		}
	}
}

func (l *lane) next() (p parcel, ok, closing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return parcel{}, false, l.closing
	}
	p = l.queue[0]
	l.queue = l.queue[1:]
	return p, true, l.closing
}

func (r *Relay) deliver(p parcel) error {
	if p.gate != nil {
		select {
		case <-p.gate:
		case <-r.life.Done():
			return nil
		}
	}
	s := r.current()
	if p.session != nil && p.session != s {
		return nil // whoever asked is gone
	}
	if s == nil && !p.modern {
		return nil // there was no handshake, or it was refused
	}
	if p.modern {
		s = nil
	}
	ctx, cancel := context.WithTimeout(r.life, r.times.parcel)
	defer cancel()
	if err := r.tell(ctx, p.body, p.header, s); err != nil {
		return fmt.Errorf("pass a notification to the host: %w", err)
	}
	if p.greeting {
		r.listen(s)
	}
	return nil
}

// tell posts a message which gets no answer. Hosts use any response to bring their own
// notifications along, so it is read all the same.
func (r *Relay) tell(ctx context.Context, body []byte, header [][2]string, s *session) error {
	resp, err := r.send(ctx, nil, http.MethodPost, body, header, s)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if isEventStream(resp) {
		return events(resp.Body, func(message []byte) { r.fromHost(message, nil, s, resp.Header) })
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return errors.New(describe(resp.Status, said))
	}
	return nil
}
