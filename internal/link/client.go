package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrNotSpoken is in the error of Open when the other end does not know links.
var ErrNotSpoken = errors.New("the other end speaks no " + Protocol)

var (
	errAborted = errors.New("the other end broke the request off")
	errRefused = errors.New("the other end takes no more requests")
	errClosed  = errors.New("the link was closed")
)

// LostError is the error of a request that was not answered to its end because the link or the
// other end failed.
type LostError struct {
	// Sent reports whether the other end may have read the request to its end. If it is false then
	// it has not: repeating the request is safe, whatever it does.
	Sent bool
	// Err says what happened.
	Err error
}

// Error says what happened.
func (e *LostError) Error() string { return e.Err.Error() }

// Unwrap returns what happened.
func (e *LostError) Unwrap() error { return e.Err }

// Client is the end of a link that makes requests. Methods are safe for concurrent use. The caller
// ends it with Close.
type Client struct {
	conn  net.Conn
	out   *queue
	tasks sync.WaitGroup // reading, and bodies which are too long for one frame
	done  chan struct{}  // closed when the link is over

	mu      sync.Mutex // guards below
	streams map[uint32]*Stream
	last    uint32
	err     error // why the link is over
	retired bool  // the other end refuses
}

// Open asks for a link on a fresh connection, by an HTTP/1.1 request for uri. It owns the connection
// from here on. If the other end answers with anything but a link the error is ErrNotSpoken.
func Open(ctx context.Context, conn net.Conn, host, uri string) (*Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	early, err := upgrade(conn, host, uri)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close() // the first error says more
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("open a link: %w", err)
	}
	c := &Client{conn: conn, out: newQueue(conn, 0), done: make(chan struct{}), streams: map[uint32]*Stream{}}
	c.tasks.Go(func() { c.run(newReader(conn, early)) })
	return c, nil
}

// upgrade returns what came after the answer.
func upgrade(conn net.Conn, host, uri string) (early []byte, err error) {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", uri, host, Protocol); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil) //nolint:bodyclose // it is on a connection which has no use for it
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || !strings.EqualFold(resp.Header.Get("Upgrade"), Protocol) {
		return nil, fmt.Errorf("%w; it said %s", ErrNotSpoken, resp.Status)
	}
	early, _ = in.Peek(in.Buffered()) // which is there
	return early, nil
}

// Close ends the link and every request on it, and waits until nothing of it runs.
func (c *Client) Close() {
	c.retire(errClosed)
	_ = c.conn.Close() // there is nothing to be lost by it
	c.tasks.Wait()
}

// Usable reports whether new requests may be made.
func (c *Client) Usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && !c.retired
}

// Done is closed when the link is over.
func (c *Client) Done() <-chan struct{} { return c.done }

func (c *Client) retire(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired = true; c.err == nil {
		c.err = err
	}
}

// noDeadline is for those who wait as long as it takes.
var noDeadline time.Time

// Stream is one request and its response. Its context's end ends it, and so does closing the body of
// the response; both tell the other end, whose handler's context then ends.
type Stream struct {
	client *Client
	id     uint32
	ctx    context.Context
	unhook func() bool

	in      inbox
	out     credit
	headed  chan struct{} // closed when the head or an error is there
	started sync.Mutex    // held while the first frame is being queued

	mu     sync.Mutex // guards below
	begin  int64      // where the request stands in all that the link has written
	end    int64      // -1: its last frame is not queued yet
	status int
	header http.Header
	err    error // before the head
}

// Start sends a request as far as that is possible without waiting, and returns its stream. The body
// must not be changed until the stream is over. The stream must be asked for its Response. Header's
// keys are canonical.
func (c *Client) Start(ctx context.Context, method, host, uri string, header http.Header, body []byte) (*Stream, error) {
	return c.start(ctx, c.out.add, method, host, uri, header, body)
}

// start is Start with the way in which the first frame is queued.
func (c *Client) start(ctx context.Context, add func(build func(b []byte) []byte) (int64, int64, error), method, host, uri string, header http.Header, body []byte) (*Stream, error) {
	s := &Stream{client: c, ctx: ctx, headed: make(chan struct{}), end: -1}
	s.in.news, s.out.news = make(signal, 1), make(signal, 1)
	s.in.open = s.openWindow
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := body[:min(len(body), maxData)]
	q := requestHead{method: method, uri: uri, host: host, length: int64(len(body)), header: header}
	head := q.append(make([]byte, 0, 512))
	if len(head) > maxHead {
		return nil, fmt.Errorf("a head of %d bytes is too large", len(head))
	}
	if !sendable(header) {
		return nil, errors.New("a header with control characters")
	}
	s.out.left = window - len(first)
	s.started.Lock() // nothing can be heard of the stream before its offsets are known
	defer s.started.Unlock()
	if err := c.enter(s); err != nil {
		return nil, &LostError{Err: err}
	}
	whole := len(first) == len(body)
	begin, end, err := add(func(b []byte) []byte {
		var size [10]byte
		return appendFrame(b, kindRequest, whole, s.id, appendLength(size[:0], len(head)), head, first)
	})
	if err != nil {
		c.leave(s)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &LostError{Err: err}
	}
	s.mu.Lock()
	s.begin = begin
	if whole {
		s.end = end
	}
	s.mu.Unlock()
	s.unhook = context.AfterFunc(ctx, func() { s.abort(ctx.Err()) })
	if !whole {
		c.tasks.Go(func() { s.send(body[len(first):]) })
	}
	return s, nil
}

// RoundTrip makes one request and returns its response, whose body the caller closes.
func (c *Client) RoundTrip(ctx context.Context, method, host, uri string, header http.Header, body []byte) (*http.Response, error) {
	inTurn := func(build func(b []byte) []byte) (begin, end int64, err error) {
		return c.out.addInTurn(ctx.Done(), noDeadline, build)
	}
	s, err := c.start(ctx, inTurn, method, host, uri, header, body)
	if err != nil {
		return nil, err
	}
	return s.Response()
}

// enter gives the stream a number.
func (c *Client) enter(s *Stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if c.retired {
		return errRefused
	}
	for c.last++; c.streams[c.last] != nil; c.last++ {
	}
	s.id = c.last
	c.streams[s.id] = s
	return nil
}

// leave takes the stream off the link and reports whether it was on it.
func (c *Client) leave(s *Stream) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[s.id] != s {
		return false
	}
	delete(c.streams, s.id)
	return true
}

func (c *Client) stream(id uint32) *Stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// run reads what the other end sends until the link is over.
func (c *Client) run(in *reader) {
	defer close(c.done)
	err := c.read(in)
	c.retire(err)
	_ = c.conn.Close() // nobody writes to an end that says nothing
	written := c.out.stop(err)

	c.mu.Lock()
	streams := c.streams
	c.streams = nil
	c.mu.Unlock()
	for _, s := range streams {
		s.lost(err, written)
	}
}

func (c *Client) read(in *reader) error {
	for {
		f, err := in.next()
		if err != nil {
			return err
		}
		s := c.stream(f.stream)
		if s == nil {
			continue // it was given up here, and the other end does not know yet
		}
		switch f.kind {
		case kindResponse:
			err = s.receive(f)
		case kindData:
			if err = s.in.put(clone(f.payload), f.end); f.end {
				s.finish()
			}
		case kindWindow:
			err = s.widen(f)
		case kindReset:
			s.reset(f)
		default:
			err = fmt.Errorf("the other end sent a frame of kind %d", f.kind)
		}
		if err != nil {
			return err
		}
	}
}

// receive takes the head of the response.
func (s *Stream) receive(f frame) error {
	text, piece, err := splitHead(f.payload)
	if err != nil {
		return err
	}
	status, header, err := readResponseHead(text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.status != 0 || s.err != nil {
		s.mu.Unlock()
		return nil // it is given up at this very moment
	}
	s.status, s.header = status, header
	s.mu.Unlock()
	err = s.in.put(clone(piece), f.end)
	close(s.headed)
	if f.end {
		s.finish()
	}
	return err
}

// finish notes that the response has come to its end.
func (s *Stream) finish() {
	s.client.leave(s)
	s.out.fail(errClosed) // what is left of the request is not wanted
	s.started.Lock()
	s.unhook()
	s.started.Unlock()
}

func (s *Stream) widen(f frame) error {
	n, err := readWindow(f)
	if err == nil {
		s.out.grant(n)
	}
	return err
}

func (s *Stream) reset(f frame) {
	if len(f.payload) == 1 && reason(f.payload[0]) == refused {
		s.client.mu.Lock()
		s.client.retired = true
		s.client.mu.Unlock()
		s.close(&LostError{Err: errRefused}, false)
		return
	}
	s.close(&LostError{Sent: true, Err: errAborted}, false)
}

// lost ends the stream with its link, of which so many bytes have left.
func (s *Stream) lost(err error, written int64) {
	s.started.Lock()
	s.mu.Lock()
	sent := s.end >= 0 && s.end <= written
	if sent && s.end == written && provesUnread(err) {
		sent = false
	}
	s.mu.Unlock()
	s.started.Unlock()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	s.close(&LostError{Sent: sent, Err: fmt.Errorf("the link broke: %w", err)}, false)
}

// provesUnread reports whether an error of reading proves that the other end has not read the last
// byte we wrote. Linux resets the connection on a unix socket exactly when its other end is closed
// with something unread in it: what happens to requests that meet a process in the moment of its
// death. What was written before the last may have been read all the same. Elsewhere a reset may
// mean other things.
func provesUnread(err error) bool {
	return runtime.GOOS == "linux" && errors.Is(err, syscall.ECONNRESET)
}

// abort gives the stream up and tells the other end.
func (s *Stream) abort(err error) {
	if !s.client.leave(s) {
		s.close(err, true)
		return
	}
	s.close(err, true)
	_, _, _ = s.client.out.add(func(b []byte) []byte { // on a link that is over there is nobody to tell
		return appendFrame(b, kindReset, false, s.id, []byte{byte(aborted)})
	})
}

// close ends the stream with an error.
func (s *Stream) close(err error, drop bool) {
	s.client.leave(s)
	s.out.fail(err)
	s.mu.Lock()
	if s.status == 0 && s.err == nil {
		s.err = err
		close(s.headed)
	}
	s.mu.Unlock()
	s.in.fail(err, drop)
}

// send brings the rest of the body to the other end as it takes it.
func (s *Stream) send(rest []byte) {
	for len(rest) > 0 {
		n, _, err := s.out.spend(len(rest))
		if err != nil {
			return // whoever ended the stream has said why
		}
		last := n == len(rest)
		for err = errCrowded; errors.Is(err, errCrowded); {
			if s.client.out.makeRoom(s.ctx.Done(), noDeadline) != nil {
				return // the link or the context is over, and with it the stream
			}
			err = s.sendPiece(rest[:n], last)
		}
		if err != nil {
			return
		}
		rest = rest[n:]
	}
}

// sendPiece queues a piece of the body if there is room for it. It does not wait, and so holds mu: nobody can ask for the end of
// the request before it is known.
func (s *Stream) sendPiece(piece []byte, last bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, end, err := s.client.out.addIfRoom(func(b []byte) []byte { return appendFrame(b, kindData, last, s.id, piece) })
	if err == nil && last {
		s.end = end
	}
	return err
}

func (s *Stream) openWindow(n int) {
	_, _, _ = s.client.out.add(func(b []byte) []byte { return appendWindow(b, s.id, n) }) // as in abort
}

// Response waits for the head of the response. Closing its body before its end gives the request up.
// The error is a *LostError if it is not the context's.
func (s *Stream) Response() (*http.Response, error) {
	<-s.headed
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		s.unhook()
		return nil, s.err
	}
	resp := &http.Response{
		Status: statusText(s.status), StatusCode: s.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: s.header, Body: body{s}, ContentLength: -1,
	}
	if n, complete := s.in.size(); complete {
		resp.ContentLength = n
	}
	return resp, nil
}

// body is the body of a response.
type body struct{ s *Stream }

func (b body) Read(p []byte) (int, error) { return b.s.in.Read(p) }

// Close gives up what has not come yet.
func (b body) Close() error {
	b.s.abort(http.ErrBodyReadAfterClose)
	b.s.unhook()
	return nil
}

// statusText is the status as a response of HTTP/1.1 has it.
func statusText(status int) string {
	if status == http.StatusOK {
		return "200 OK"
	}
	return strconv.Itoa(status) + " " + http.StatusText(status)
}
