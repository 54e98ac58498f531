package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// most is how many requests of one link are served at once. More are refused.
	most = 8192
	// spare is how many goroutines of a link stay for further requests. What they keep is a stack that
	// has grown already: a new one grows with each request, which is a seventh of the work for it.
	spare = 16
	// usualPatience is how long one write to a connection may take. Its reader waits for nobody, so a
	// process that does not take anything for so long does not run.
	usualPatience = 30 * time.Second
)

// ErrShutdown is the cause of the end of a request's context when Shutdown has lost its patience.
var ErrShutdown = errors.New("the server of the link was shut down")

// Server serves links. As a handler of net/http it makes links of connections on which that is asked
// for, whatever the path, and serves what comes over them with Handler, as all other requests. Its fields are set before it is used. Methods
// are safe for concurrent use.
type Server struct {
	// Handler serves the requests, with links and without.
	Handler http.Handler
	// Each makes the handler of one link, and what to call when the link is over and everything on it was served; nil: Handler serves
	// all links.
	Each func() (handler http.Handler, over func())
	// Logger receives what goes wrong; nil: nobody.
	Logger *slog.Logger

	patience time.Duration // 0: the usual one

	mu      sync.Mutex // guards below
	conns   map[*serverConn]struct{}
	closing bool
	gone    chan struct{} // closed and replaced when a link is over
}

// ServeHTTP serves a request. If it asks for an upgrade, that is to make a link of its connection and
// to serve that until its end.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), Protocol) {
		s.Handler.ServeHTTP(w, r)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot become a link: "+err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = conn.Close() }() // it may be closed already
	early, _ := rw.Peek(rw.Reader.Buffered())
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	c := &serverConn{server: s, conn: conn, ctx: ctx, cancel: cancel, out: newQueue(conn, cmp.Or(s.patience, usualPatience)), streams: map[uint32]*exchange{}, jobs: make(chan job), remote: r.RemoteAddr}
	if !s.enter(c) {
		return
	}
	defer s.leave(c)
	c.handler = s.Handler
	if s.Each != nil {
		var over func()
		c.handler, over = s.Each()
		defer over()
	}
	_ = conn.SetWriteDeadline(time.Now().Add(usualPatience)) // an error shows with the next call
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Protocol+"\r\n\r\n"); err != nil {
		return
	}
	_ = conn.SetWriteDeadline(time.Time{}) // as above
	c.run(newReader(conn, early))
}

func (s *Server) enter(c *serverConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	if s.conns == nil {
		s.conns = map[*serverConn]struct{}{}
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) leave(c *serverConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.gone != nil {
		close(s.gone)
		s.gone = nil
	}
}

// Retire refuses links and requests from here on, in a way that tells clients that they may ask
// somebody else. Links on which nothing is being served end.
func (s *Server) Retire() {
	s.mu.Lock()
	s.closing = true
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range conns {
		c.retire()
	}
}

// Shutdown retires the server, waits for those which are being served, and ends the links. It
// does not tell handlers to end: that is for the context in which they began. When ctx ends first,
// what is left is cut off and not waited for any more, and the error says so.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Retire()
	for {
		s.mu.Lock()
		conns := slices.Collect(maps.Keys(s.conns))
		if len(conns) > 0 && s.gone == nil {
			s.gone = make(chan struct{})
		}
		gone := s.gone
		s.mu.Unlock()
		if len(conns) == 0 {
			return nil
		}
		select {
		case <-gone:
		case <-ctx.Done():
			for _, c := range conns {
				c.cancel(ErrShutdown)
				_ = c.conn.Close() // once is enough
			}
			return fmt.Errorf("requests on links did not end: %w", ctx.Err())
		}
	}
}

// serverConn is the server's end of one link.
type serverConn struct {
	server  *Server
	handler http.Handler
	conn    net.Conn
	out     *queue
	remote  string
	ctx     context.Context
	cancel  context.CancelCauseFunc
	tasks   sync.WaitGroup // workers
	jobs    chan job       // to workers which have nothing to do; closed in the end

	uri string // of the last request, and what it means; for the reader only
	url *url.URL

	mu      sync.Mutex // guards below
	streams map[uint32]*exchange
	retired bool
	resting int // workers which have nothing to do, or will soon
}

// job is a request to be served.
type job struct {
	s    *exchange
	head requestHead
	url  *url.URL
}

// run serves the link until the connection ends, and then waits for its handlers.
func (c *serverConn) run(in *reader) {
	err := c.read(in)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		err = errClosed
	} else if c.server.Logger != nil {
		c.server.Logger.LogAttrs(c.ctx, slog.LevelDebug, "link broke", slog.String("error", err.Error()))
	}
	c.mu.Lock()
	streams := slices.Collect(maps.Values(c.streams))
	c.mu.Unlock()
	for _, s := range streams {
		s.end(context.Canceled, errClosed)
	}
	_ = c.conn.Close() // its other end is gone, or makes no sense
	c.out.stop(err)
	close(c.jobs)
	c.tasks.Wait()
}

func (c *serverConn) read(in *reader) error {
	for {
		f, err := in.next()
		if err != nil {
			return err
		}
		if f.kind == kindRequest {
			if err := c.begin(f); err != nil {
				return err
			}
			continue
		}
		s := c.stream(f.stream)
		if s == nil {
			continue // it is over here, and the other end does not know yet
		}
		switch f.kind {
		case kindData:
			err = s.in.put(clone(f.payload), f.end)
		case kindWindow:
			var n int
			if n, err = readWindow(f); err == nil {
				s.out.grant(n)
			}
		case kindReset:
			s.end(context.Canceled, errAborted)
		default:
			err = fmt.Errorf("the other end sent a frame of kind %d", f.kind)
		}
		if err != nil {
			return err
		}
	}
}

func (c *serverConn) stream(id uint32) *exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// begin starts to serve a request.
func (c *serverConn) begin(f frame) error {
	text, piece, err := splitHead(f.payload)
	if err != nil {
		return err
	}
	q, err := readRequestHead(text)
	if err != nil {
		return err
	}
	if q.uri != c.uri {
		u, err := url.ParseRequestURI(q.uri)
		if err != nil {
			return err
		}
		c.uri, c.url = q.uri, u
	}
	s := &exchange{conn: c, id: f.stream}
	s.in.news, s.out.news = make(signal, 1), make(signal, 1)
	s.in.open, s.out.left = s.openWindow, window
	if err := s.in.put(clone(piece), f.end); err != nil {
		return err
	}
	if q.length < 0 && f.end {
		q.length = int64(len(piece))
	}
	ok, err := c.book(s)
	if err != nil {
		return err
	}
	if !ok {
		s.tell(refused)
		return nil
	}
	s.ctx, s.cancel = context.WithCancelCause(c.ctx)
	j := job{s, q, c.url}
	select {
	case c.jobs <- j:
	default: // nobody has nothing to do
		c.tasks.Go(func() { c.work(j) })
	}
	return nil
}

// work serves a request, and further ones if there are not enough who do.
func (c *serverConn) work(j job) {
	for {
		j.s.serve(j.head, j.url)
		c.mu.Lock()
		stays := c.resting < spare
		if stays {
			c.resting++
		}
		c.mu.Unlock()
		if !stays {
			return
		}
		next, more := <-c.jobs
		c.mu.Lock()
		c.resting--
		c.mu.Unlock()
		if !more {
			return
		}
		j = next
	}
}

// book notes a new stream, or reports that there can be none.
func (c *serverConn) book(s *exchange) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[s.id] != nil {
		return false, fmt.Errorf("stream %d was begun twice", s.id)
	}
	if c.retired || len(c.streams) >= most {
		return false, nil
	}
	c.streams[s.id] = s
	return true, nil
}

// retire refuses further requests, and ends the link when none is left.
func (c *serverConn) retire() {
	c.mu.Lock()
	c.retired = true
	empty := len(c.streams) == 0
	c.mu.Unlock()
	if empty {
		c.out.closeWhenWritten()
	}
}

// exchange is one request that is being served.
type exchange struct {
	conn   *serverConn
	id     uint32
	in     inbox
	out    credit
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// requestOf is what requests are made from.
var requestOf http.Request

// serve calls the handler, and ends the stream whatever becomes of it.
func (s *exchange) serve(q requestHead, u *url.URL) {
	defer s.leave()
	r := requestOf.WithContext(s.ctx)
	location := *u
	r.Method, r.URL, r.RequestURI, r.Host = q.method, &location, q.uri, q.host
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.Header, r.ContentLength, r.RemoteAddr = q.header, q.length, s.conn.remote
	r.Body = http.NoBody
	if q.length != 0 {
		r.Body = io.NopCloser(&s.in)
	}
	w := &response{s: s, header: make(http.Header, 4), mute: q.method == http.MethodHead}
	if !s.handle(w, r) {
		s.tell(aborted)
		return
	}
	_ = w.finish() // the other end may be gone; there is nobody else to tell
}

// handle calls the handler and reports whether it came to its end.
func (s *exchange) handle(w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler && s.conn.server.Logger != nil { //nolint:errorlint // as net/http compares it
			s.conn.server.Logger.LogAttrs(s.ctx, slog.LevelError, "panic while serving a request of a link",
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
	}()
	s.conn.handler.ServeHTTP(w, r)
	return true
}

// leave takes the stream off the link.
func (s *exchange) leave() {
	s.end(context.Canceled, errClosed)
	c := s.conn
	c.mu.Lock()
	delete(c.streams, s.id)
	last := c.retired && len(c.streams) == 0
	c.mu.Unlock()
	if last {
		c.out.closeWhenWritten()
	}
}

// end ends the request's context and both its bodies. A handler which hears of it cannot answer any more: it would say that it
// has come to its end.
func (s *exchange) end(cause, err error) {
	s.out.fail(err)
	s.cancel(cause)
	s.in.fail(err, false)
}

// failed ends a stream whose response cannot be written, and returns why.
func (s *exchange) failed(err error) error {
	if s.out.check() == nil {
		s.tell(aborted)
	}
	s.end(context.Canceled, err)
	return err
}

// tell resets the stream.
func (s *exchange) tell(why reason) {
	_, _, _ = s.conn.out.add(func(b []byte) []byte { // on a link that is over there is nobody to tell
		return appendFrame(b, kindReset, false, s.id, []byte{byte(why)})
	})
}

func (s *exchange) openWindow(n int) {
	_, _, _ = s.conn.out.add(func(b []byte) []byte { return appendWindow(b, s.id, n) }) // as in tell
}
