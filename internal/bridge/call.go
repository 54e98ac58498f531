package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// rounds bounds how often one request is tried while hosts come and go. With the pauses between
// them that is about as long as a host may take to start.
const rounds = 20

var (
	// errSessionUnknown: the host does not know our MCP session, and so has done nothing.
	errSessionUnknown = errors.New("the host does not know this MCP session")
	errNoAnswer       = errors.New("the host closed the connection before it answered")
)

// call is one request of the editor, from its line to its answer.
type call struct {
	frame

	ctx  context.Context
	stop context.CancelFunc
	gate chan struct{} // to wait for before sending; nil: none
	done chan struct{} // closed when the call is over

	acknowledged bool   // a subscription which a host has confirmed
	hostVersion  string // of the host which did

	// Guarded by Relay.mu.
	opensGate bool // a handshake, for which the others wait
	over      bool // answered or cancelled
}

func (c *call) handshake() bool    { return c.method == "initialize" && !c.modern }
func (c *call) subscription() bool { return c.method == "subscriptions/listen" }

// ping asks whether the server an editor has started is alive, and that server is the relay.
// Editors ask all the time: it must neither wait for a host nor start one that the user has ended.
func (c *call) ping() bool { return c.method == "ping" && !c.modern }

// accept begins a request. It runs in the reader, so that what a request must wait for is decided
// in the order of the lines.
func (r *Relay) accept(f frame) {
	c := &call{frame: f, done: make(chan struct{})}
	if no := r.enter(c); no != nil {
		r.write(no)
		return
	}
	r.start(func() {
		defer r.leave(c)
		r.serve(c)
	})
}

// enter books the call in, or returns the answer to it.
func (r *Relay) enter(c *call) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.calls[string(c.id)] != nil:
		return errorMessage(c.id, codeInvalidRequest, "a request with this id is still in flight")
	case len(r.calls) >= maxCalls:
		return errorMessage(c.id, codeUnavailable, fmt.Sprintf("%d requests are in flight already; wait for some to end", maxCalls))
	}
	c.ctx, c.stop = context.WithCancel(r.life)
	r.calls[string(c.id)] = c
	switch {
	case c.handshake():
		c.opensGate = true
		if r.gatekeeper++; r.gate == nil {
			r.gate = make(chan struct{})
		}
	case !c.modern && !c.ping():
		c.gate = r.gate
	}
	return nil
}

// leave books the call out, answered or not.
func (r *Relay) leave(c *call) {
	c.stop()
	r.mu.Lock()
	r.forget(c)
	r.mu.Unlock()
	r.openGate(c)
	close(c.done)
}

// openGate lets those pass who wait for this handshake, also when it was refused: they must not
// wait for ever.
func (r *Relay) openGate(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !c.opensGate {
		return
	}
	c.opensGate = false
	if r.gatekeeper--; r.gatekeeper == 0 {
		close(r.gate)
		r.gate = nil
	}
}

// forget ends the call for the editor and reports whether it was still open. It needs mu.
func (r *Relay) forget(c *call) bool {
	if c.over {
		return false
	}
	c.over = true
	delete(r.calls, string(c.id))
	return true
}

// cancel ends a call the editor no longer wants; it is never answered. Its connection closes, which
// stops the run in the host.
func (r *Relay) cancel(id []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.calls[string(id)]; c != nil {
		r.forget(c)
		c.stop()
	}
}

// answer gives the editor the one answer to a call.
func (r *Relay) answer(c *call, message []byte) {
	r.mu.Lock()
	open := r.forget(c)
	r.mu.Unlock()
	if open {
		r.write(message)
		r.openGate(c)
	}
}

func (r *Relay) answerError(c *call, code int, text string) {
	r.answer(c, errorMessage(c.id, code, text))
}

// serve sends the call until it is answered.
func (r *Relay) serve(c *call) {
	if c.ping() {
		r.answer(c, resultMessage(c.id, []byte("{}")))
		return
	}
	if c.gate != nil {
		select {
		case <-c.gate:
		case <-c.ctx.Done():
			return
		}
	}
	var p patience
	for tries := 0; ; {
		s, began := r.current(), time.Now()
		sent, err := r.post(c, s)
		if err == nil || c.ctx.Err() != nil {
			return
		}
		if c.acknowledged {
			if time.Since(began) > r.times.healthy {
				p = patience{}
			}
			if !r.awaitHost(c.ctx, &p) {
				return
			}
			continue
		}
		if tries++; tries == rounds {
			err = fmt.Errorf("the host goes away again and again: %w", err)
		} else if err = r.mend(c, s, sent, err); err == nil {
			err = pause(c.ctx, tries)
		}
		if err != nil && c.ctx.Err() == nil {
			r.complain(err) // for the person, when the editor keeps the answer to itself
			r.answer(c, unavailableMessage(c.id, err))
			return
		}
		if c.ctx.Err() != nil {
			return
		}
	}
}

// mend makes it possible to send the call again after it failed with why, or answers it if it must
// not be sent again. With an error there is no host to send it to.
func (r *Relay) mend(c *call, s *session, sent bool, why error) error {
	switch {
	case errors.Is(why, errSessionUnknown):
		return r.revive(c.ctx, s)
	case sent && c.method == "tools/call":
		r.http.CloseIdleConnections() // to a host that is gone: the next call must not be lost on one of them
		r.answerLost(c)
		c.stop()
		return nil
	default:
		return r.reach(c.ctx)
	}
}

// post sends the call once. A nil error means that it was answered. With an error, sent tells
// whether the host may have read it.
func (r *Relay) post(c *call, s *session) (sent bool, err error) {
	if c.modern || c.handshake() {
		s = nil
	}
	defer r.withdraw(func(q *question) bool { return q.call == c })

	t := &trip{relay: r, isTool: c.method == "tools/call"}
	header := c.header
	if c.acknowledged {
		header = append(slices.Clip(header), resumed)
	}
	resp, err := r.send(c.ctx, t, http.MethodPost, c.raw, header, s)
	if err != nil {
		return t.mayHaveRun(err), err
	}
	defer resp.Body.Close()
	if s != nil && resp.StatusCode == http.StatusNotFound {
		return false, errSessionUnknown
	}
	if isEventStream(resp) {
		err = r.readStream(c, s, resp)
	} else {
		err = r.readBody(c, resp)
	}
	return true, err
}

// readBody takes an answer that came as a whole.
func (r *Relay) readBody(c *call, resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the host's answer: %w", err)
	}
	body = trimmed(body)
	if len(body) == 0 && resp.StatusCode < http.StatusBadRequest {
		return errNoAnswer // a handler which was cut off leaves an empty 200
	}
	if !json.Valid(body) || body[0] != '{' || field(body, "method") != nil {
		r.answerError(c, statusCode(resp.StatusCode), "the host refused the request: "+describe(resp.Status, body))
		return nil
	}
	r.answerWith(c, resp.Header, body)
	return nil
}

// readStream takes events until the stream ends. The first message without a method is the answer.
func (r *Relay) readStream(c *call, s *session, resp *http.Response) error {
	complete := false
	var late *time.Timer
	err := events(resp.Body, func(message []byte) {
		if r.fromHost(message, c, s, resp.Header) {
			return
		}
		if !complete {
			complete = true
			r.answerWith(c, resp.Header, message)
			// The stream is read to its end, which lets the connection be used again.
			late = time.AfterFunc(r.times.afterAnswer, c.stop)
		}
	})
	if late != nil {
		late.Stop()
	}
	switch {
	case complete:
		return nil
	case err != nil:
		return fmt.Errorf("read the host's events: %w", err)
	default:
		return errNoAnswer
	}
}

// answerWith gives the editor the host's answer, under the editor's own id: hosts read ids as
// floating point numbers, and errors of their HTTP side have none.
func (r *Relay) answerWith(c *call, header http.Header, message []byte) {
	if !bytes.Equal(field(message, "id"), c.id) {
		message = withID(message, c.id)
	}
	if !c.modern && field(message, "result") != nil {
		r.remember(c, header, message)
	}
	r.answer(c, message)
}

// remember keeps what a new host has to be told.
func (r *Relay) remember(c *call, header http.Header, message []byte) {
	switch c.method {
	case "initialize":
		r.restart(c.raw, header, message)
		return
	case "logging/setLevel":
		r.mu.Lock()
		r.logLevel = c.raw
	case "resources/subscribe":
		r.mu.Lock()
		r.watched[c.uri] = c.raw
	case "resources/unsubscribe":
		r.mu.Lock()
		delete(r.watched, c.uri)
	default:
		return
	}
	r.mu.Unlock()
}

func isEventStream(resp *http.Response) bool {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err == nil && media == "text/event-stream"
}

func statusCode(status int) int {
	if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
		return codeInvalidRequest
	}
	return codeInternal
}

// describe puts what the host said outside of the protocol into one short line.
func describe(status string, body []byte) string {
	said := strings.Join(strings.Fields(string(body[:min(len(body), 300)])), " ")
	if said == "" {
		return "HTTP " + status
	}
	return "HTTP " + status + ": " + strings.ToValidUTF8(said, "?")
}
