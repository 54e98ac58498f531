package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
)

const (
	firstLook   = 5 * time.Millisecond
	slowestLook = 100 * time.Millisecond
)

var errClosing = errors.New("the relay is ending")

// flight is work that is done once for all who want it at the time.
type flight struct {
	done chan struct{}
	err  error // valid when done is closed
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join returns the flight in the slot, or starts work as a new one. It needs mu; work runs without.
// The work lives as long as the relay, not as long as the request that happened to ask first.
func (r *Relay) join(slot **flight, work func(ctx context.Context) error) *flight {
	if *slot != nil {
		return *slot
	}
	f := &flight{done: make(chan struct{})}
	if r.closed {
		f.err = errClosing
		close(f.done)
		return f
	}
	*slot = f
	r.tasks.Go(func() {
		f.err = work(r.life)
		r.mu.Lock()
		*slot = nil
		r.mu.Unlock()
		close(f.done)
	})
	return f
}

// sessionless reports whether the editor has not shaken hands, as no editor of the modern era does.
func (r *Relay) sessionless() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session == nil && r.gatekeeper == 0
}

func (r *Relay) current() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session
}

// adopt makes the session of a successful handshake the current one. Questions asked in the one
// before are taken back, and its listener ends.
func (r *Relay) adopt(hello []byte, header http.Header, message []byte) *session {
	s := &session{hello: hello, id: header.Get(headerSession), host: header.Get(headerHost)}
	s.protocol, _ = text(field(message, "result", "protocolVersion"))
	s.protocol = headerText(s.protocol)
	s.ctx, s.end = context.WithCancel(r.life)
	r.mu.Lock()
	before := r.session
	s.generation = 1
	if before != nil {
		s.generation = before.generation + 1
	}
	r.session = s
	r.mu.Unlock()
	if before != nil {
		before.end()
		r.withdraw(func(q *question) bool { return q.session == before })
	}
	return s
}

// restart is adopt for an editor which shakes hands a second time: it begins anew. The host is not
// told to end the session before: that would answer calls which still run in it with "session
// unknown", the word by which we know that a call has not been carried out. It ends by age.
func (r *Relay) restart(hello []byte, header http.Header, message []byte) {
	r.mu.Lock()
	if r.session != nil {
		r.greeted, r.logLevel = false, nil
		clear(r.watched)
	}
	r.mu.Unlock()
	r.adopt(hello, header, message)
}

// revive gives the editor a new MCP session in place of one that the host does not know, because
// it is another host by now. All calls that meet the same end share one revival.
func (r *Relay) revive(ctx context.Context, lost *session) error {
	r.mu.Lock()
	if r.session != lost {
		r.mu.Unlock()
		return nil // somebody was faster
	}
	f := r.join(&r.reviving, func(ctx context.Context) error { return r.reviveSession(ctx, lost) })
	r.mu.Unlock()
	return f.wait(ctx)
}

func (r *Relay) reviveSession(ctx context.Context, lost *session) error {
	if r.current() != lost {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.times.revive)
	defer cancel()
	ownID := fmt.Appendf(nil, `"relay-%d"`, lost.generation+1)
	header, message, err := r.shakeHands(ctx, withID(lost.hello, ownID))
	if err != nil {
		return fmt.Errorf("open a new MCP session: %w", err)
	}
	if field(message, "result") == nil {
		said, _ := text(field(message, "error", "message"))
		return fmt.Errorf("open a new MCP session: the new host refused what the old one took: %s", said)
	}
	s := r.adopt(lost.hello, header, message)
	r.restore(ctx, s)
	if s.host != lost.host {
		for _, list := range lists {
			if string(field(message, "result", "capabilities", list, "listChanged")) == "true" {
				r.write(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/%s/list_changed"}`, list))
			}
		}
	}
	return nil
}

// shakeHands sends the saved initialize until a host has answered it.
func (r *Relay) shakeHands(ctx context.Context, hello []byte) (http.Header, []byte, error) {
	for tries := range rounds {
		if err := pause(ctx, tries); err != nil {
			return nil, nil, err
		}
		if err := r.reach(ctx); err != nil {
			return nil, nil, err
		}
		t := &trip{relay: r}
		header, message, err := r.exchange(ctx, t, hello, nil)
		if err == nil {
			if t.met && t.host == "" {
				r.strange() // it has no name to compare, but it did not know us
			}
			return header, message, nil
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
	return nil, nil, errors.New("hosts come and go")
}

// strange notes that the host is another one than before.
func (r *Relay) strange() {
	r.mu.Lock()
	r.changed = true
	r.mu.Unlock()
}

// restore tells a new session what the editor has told the old one.
func (r *Relay) restore(ctx context.Context, s *session) {
	r.mu.Lock()
	greeted := r.greeted
	var lines [][]byte
	if r.logLevel != nil {
		lines = append(lines, r.logLevel)
	}
	for _, subscribe := range r.watched {
		lines = append(lines, subscribe)
	}
	r.mu.Unlock()
	detail := func(send func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(ctx, r.times.parcel)
		defer cancel()
		if err := send(ctx); err != nil && r.life.Err() == nil {
			r.complain(fmt.Errorf("restore the editor's MCP session: %w", err))
		}
	}
	if greeted {
		detail(func(ctx context.Context) error {
			return r.tell(ctx, []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`), nil, s)
		})
	}
	for n, text := range lines {
		detail(func(ctx context.Context) error {
			_, _, err := r.exchange(ctx, nil, withID(text, fmt.Appendf(nil, `"relay-%d.%d"`, s.generation, n+1)), s)
			return err
		})
	}
	if greeted {
		r.listen(s)
	}
}

// pause waits before something is tried again: not at first, since a host that was killed is
// usually back at once, then longer and longer.
func pause(ctx context.Context, tries int) error {
	if tries < 4 {
		return ctx.Err()
	}
	timer := time.NewTimer(min(10*time.Millisecond<<(tries-4), time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// exchange posts a request of our own and returns the answer to it.
func (r *Relay) exchange(ctx context.Context, t *trip, body []byte, s *session) (http.Header, []byte, error) {
	resp, err := r.send(ctx, t, http.MethodPost, body, nil, s)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	var found []byte
	if isEventStream(resp) {
		err = events(resp.Body, func(message []byte) {
			if !r.fromHost(message, nil, s, resp.Header) && found == nil {
				found = message
			}
		})
	} else if found, err = io.ReadAll(resp.Body); err == nil && !json.Valid(found) {
		err = errors.New(describe(resp.Status, found))
	}
	if err == nil && len(trimmed(found)) == 0 {
		err = errNoAnswer
	}
	return resp.Header, found, err
}

// reach returns when a host answers the socket, and starts one if none does.
func (r *Relay) reach(ctx context.Context) error {
	r.mu.Lock()
	f := r.join(&r.reaching, r.reachHost)
	r.mu.Unlock()
	return f.wait(ctx)
}

func (r *Relay) reachHost(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.times.start)
	defer cancel()
	l := launch{starter: r.opt.Starter, times: r.times}
	defer l.over()
	last := error(instance.ErrNoHost)
	for wait := firstLook; ; wait = min(2*wait, slowestLook) {
		conn, err := instance.Dial(ctx, r.opt.Dirs)
		if err == nil {
			_ = conn.Close() // it has told us what we wanted to know
			return nil
		}
		if ctx.Err() != nil {
			return l.gaveUp(last)
		}
		last = err
		if _, isNet := errors.AsType[*net.OpError](err); !isNet && !errors.Is(err, instance.ErrNoHost) {
			return err // somebody else's folder; time does not mend that
		}
		if errors.Is(err, instance.ErrNoHost) {
			if err := l.start(ctx); err != nil {
				return err
			}
		}
		// A host that is coming up gives no sign we could wait for: it may be any process of this
		// user, and a socket that begins to accept tells nobody. So we look again, soon at first.
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case err := <-l.exited():
			l.ended(err)
		case <-ctx.Done():
		}
		timer.Stop()
	}
}
