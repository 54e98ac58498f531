package link

import (
	"net/http"
	"sync"
	"time"
)

// gather is how much of a body a response collects before it sends it unasked.
const gather = 32 << 10

// response is what a handler writes to. Like those of net/http it is used by one goroutine at a time.
type response struct {
	s      *exchange
	header http.Header
	mute   bool // the answer to a HEAD

	mu     sync.Mutex // guards below
	status int
	headed bool   // the head is out
	buf    []byte // body that is not out
	over   bool
}

// Header returns the header, which counts until it is sent.
func (w *response) Header() http.Header { return w.header }

// WriteHeader sets the status.
func (w *response) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write adds to the body.
func (w *response) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.over:
		return 0, http.ErrHandlerTimeout
	case w.mute:
		return len(p), nil
	case len(w.buf)+len(p) <= gather:
		w.buf = append(w.buf, p...)
		return len(p), nil
	}
	if err := w.send(w.buf, false); err != nil {
		return 0, err
	}
	w.buf = w.buf[:0]
	if len(p) <= gather {
		w.buf = append(w.buf, p...)
		return len(p), nil
	}
	if err := w.send(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// FlushError sends what has been written so far.
func (w *response) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return http.ErrHandlerTimeout
	}
	err := w.send(w.buf, false)
	w.buf = w.buf[:0]
	return err
}

// Flush is FlushError for those who cannot be told.
func (w *response) Flush() { _ = w.FlushError() }

// SetReadDeadline bounds how long reading the request's body may take.
func (w *response) SetReadDeadline(t time.Time) error {
	w.s.in.setDeadline(t)
	return nil
}

// SetWriteDeadline bounds how long the other end may leave what is written untaken.
func (w *response) SetWriteDeadline(t time.Time) error {
	w.s.out.setDeadline(t)
	return nil
}

// finish sends the rest after the handler has returned.
func (w *response) finish() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	return w.send(w.buf, true)
}

// send brings a piece of body out, with the head before it if that is not out yet. It needs mu.
func (w *response) send(p []byte, last bool) error {
	if w.headed && len(p) == 0 && !last {
		return nil
	}
	for {
		n := 0
		var deadline time.Time
		var err error
		if len(p) > 0 {
			if n, deadline, err = w.s.out.spend(len(p)); err != nil {
				return w.s.failed(err)
			}
		} else if err := w.s.out.check(); err != nil {
			return w.s.failed(err)
		}
		if err := w.frame(p[:n], last && n == len(p), deadline); err != nil {
			return w.s.failed(err)
		}
		if p = p[n:]; len(p) == 0 {
			return nil
		}
	}
}

// frame queues one frame as soon as there is room for it. It needs mu.
func (w *response) frame(p []byte, last bool, deadline time.Time) error {
	if w.headed {
		_, _, err := w.s.conn.out.addInTurn(nil, deadline, func(b []byte) []byte { return appendFrame(b, kindData, last, w.s.id, p) })
		return err
	}
	w.headed = true
	if w.status == 0 {
		w.status = http.StatusOK
	}
	var room [512]byte
	head := appendResponseHead(room[:0], w.status, w.header)
	if len(head) > maxHead || !sendable(w.header) {
		return errBadHead
	}
	_, _, err := w.s.conn.out.addInTurn(nil, deadline, func(b []byte) []byte {
		var size [10]byte
		return appendFrame(b, kindResponse, last, w.s.id, appendLength(size[:0], len(head)), head, p)
	})
	return err
}
