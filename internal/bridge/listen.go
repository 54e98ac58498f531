package bridge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
)

var errNoStream = errors.New("the host offers no stream of its own")

// listen opens the stream on which the host speaks by itself to an MCP session, once per session.
func (r *Relay) listen(s *session) {
	if s == nil {
		return
	}
	s.listening.Do(func() { r.start(func() { r.keepListening(s) }) })
}

func (r *Relay) keepListening(s *session) {
	var p patience
	for s.ctx.Err() == nil {
		began := time.Now()
		err := r.listenOnce(s)
		switch {
		case errors.Is(err, errNoStream):
			return
		case errors.Is(err, errSessionUnknown):
			if err := r.revive(s.ctx, s); err != nil && s.ctx.Err() == nil {
				r.complain(err) // and the editor's next request tries again
			}
			return // the revived session has a listener of its own
		}
		if time.Since(began) > r.times.healthy {
			p = patience{}
		}
		if !r.awaitHost(s.ctx, &p) {
			return
		}
	}
}

// resumed goes with a request by which an editor's subscriptions go on in another MCP session or host: whatever it is subscribed
// to may have changed in between, and the host says so.
var resumed = [2]string{headerReconnect, "1"}

func (r *Relay) listenOnce(s *session) error {
	var header [][2]string
	if s.generation > 1 {
		header = append(header, resumed)
	}
	resp, err := r.send(s.ctx, nil, http.MethodGet, nil, header, s)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return errSessionUnknown
	case resp.StatusCode != http.StatusOK || !isEventStream(resp):
		return errNoStream
	}
	return events(resp.Body, func(message []byte) { r.fromHost(message, nil, s, resp.Header) })
}

// endSession tells the host that the editor is gone.
func (r *Relay) endSession(ctx context.Context, s *session) {
	if s.id == "" {
		return
	}
	resp, err := r.send(ctx, nil, http.MethodDelete, nil, nil, s)
	if err != nil {
		return // a host which is gone has no session either, and one which is busy ends it by age
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
}

// patience is how long somebody has been waiting for a host to come back.
type patience struct {
	delay, spent time.Duration
}

const (
	firstDelay = 100 * time.Millisecond
	longDelay  = 5 * time.Second
)

// awaitHost returns true when a host may be there again, and false when ctx has ended. It never
// starts one: when the user has quit the program, a stream that merely listens must not bring it
// back. It looks a few times, which covers a restart; then it sleeps until a request of the editor
// has found a host.
func (r *Relay) awaitHost(ctx context.Context, p *patience) bool {
	r.mu.Lock()
	found := r.found
	r.mu.Unlock()
	for p.spent < r.times.patience {
		p.delay = min(max(2*p.delay, firstDelay), longDelay)
		p.spent += p.delay
		timer := time.NewTimer(p.delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
		if conn, err := instance.Dial(ctx, r.opt.Dirs); err == nil {
			_ = conn.Close() // it has told us what we wanted to know
			return true
		}
	}
	select {
	case <-found:
		*p = patience{}
		return true
	case <-ctx.Done():
		return false
	}
}
