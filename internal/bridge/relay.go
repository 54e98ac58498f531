package bridge

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

const maxCalls = 4096 // in flight

// linger is how long the relay stays for calls in flight after the end of its standard input. A
// script writes its requests, closes the pipe and reads the answers. Editors which close it to end
// us send a signal soon after.
const linger = 30 * time.Second

// errUnattended ends a relay at whose other end nobody is left. It is a usual end.
var errUnattended = errors.New("the editor is gone")

// mcpURL is where the host serves MCP. The name is made up: the connection is the unix socket.
const mcpURL = "http://" + hostName + mcpPath

// timing is how long things may take.
type timing struct {
	linger      time.Duration // for calls in flight when the editor has closed our standard input
	grace       time.Duration // for notifications and the last answers to leave then
	farewell    time.Duration // to tell the host that the MCP session is over
	afterAnswer time.Duration // for a stream to end once it has brought the answer
	parcel      time.Duration // for one notification or answer to reach the host
	healthy     time.Duration // a stream that lived so long ended by a fresh misfortune
	patience    time.Duration // to look for a host that went away, without starting one: an update of the program
	start       time.Duration // to find a host, starting it if need be
	startAgain  time.Duration // after which a host that ended is started once more
	revive      time.Duration // to open a new MCP session
}

func usualTiming() timing {
	return timing{
		linger:      linger,
		grace:       time.Second,
		farewell:    300 * time.Millisecond,
		afterAnswer: time.Second,
		parcel:      5 * time.Second,
		healthy:     10 * time.Second,
		patience:    30 * time.Second,
		start:       15 * time.Second,
		startAgain:  3 * time.Second,
		revive:      30 * time.Second,
	}
}

// Options say for whom a relay works.
type Options struct {
	Dirs    paths.Dirs // where the host is found
	Starter *Starter   // starts a host when none runs; nil: wait for somebody else to
	Parent  Parent     // the program at the other end; zero: only the end of stdin ends the relay
	Version string     // ours; empty: version.String()
}

// Relay carries one editor's messages. Run must be called once.
type Relay struct {
	opt   Options
	times timing
	id    string          // random; the one thing about us that outlives MCP sessions and hosts
	about http.Header     // what every request says about us
	http  *http.Transport // to hosts which know no links
	out   *lineWriter
	note  *lineWriter // one-line errors, for the editor's log
	lane  *lane

	life  context.Context // ends with Run; what outlives a single call lives in it
	tasks sync.WaitGroup  // every goroutine but the reader

	mu         sync.Mutex // guards below; never held across I/O
	closed     bool
	calls      map[string]*call     // in flight, by raw id
	questions  map[string]*question // of the host, by the id the editor sees
	asked      int
	session    *session // of the editor, before 2026-07-28; nil until it has initialized
	gate       chan struct{}
	gatekeeper int // how many initialize requests hold the gate
	greeted    bool
	logLevel   []byte            // the last logging/setLevel
	watched    map[string][]byte // resources/subscribe by uri
	reaching   *flight
	reviving   *flight
	linking    *flight
	link       *hostLink     // the newest; it may be over
	links      []*hostLink   // which may still be open
	plain      *string       // the host which knows no links, if there is one
	host       string        // which host answered last
	changed    bool          // there was another host before it
	found      chan struct{} // closed and replaced when a host answers a new connection
}

// session is an MCP session with the host. It is replaced as a whole.
type session struct {
	generation int
	hello      []byte // the initialize request which made it
	id         string // Mcp-Session-Id
	protocol   string
	host       string          // the host's version
	ctx        context.Context // ends when another session takes its place
	end        context.CancelFunc
	listening  sync.Once
}

// New prepares a relay. It starts and reads nothing.
func New(opt Options) *Relay {
	if opt.Version == "" {
		opt.Version = version.String()
	}
	opt.Parent.Name = headerText(opt.Parent.Name)
	r := &Relay{
		opt:       opt,
		times:     usualTiming(),
		id:        rand.Text(),
		calls:     map[string]*call{},
		questions: map[string]*question{},
		watched:   map[string][]byte{},
		found:     make(chan struct{}),
	}
	r.lane = newLane(r)
	r.about = http.Header{"Agentrun-Relay": {r.id}, "Agentrun-Relay-Version": {headerText(opt.Version)}}
	if opt.Parent.Name != "" {
		r.about["Agentrun-Parent"] = []string{opt.Parent.Name}
	}
	r.http = &http.Transport{
		DialContext:         r.dial,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
		// Shorter than the host's own, or a request could meet a connection which is closing.
		IdleConnTimeout: time.Minute,
	}
	return r
}

// Run carries messages until stdin ends and the calls in flight are answered, the parent ends,
// stdout cannot be written, or ctx ends; the first two are the usual end and return nil. Nothing but
// messages goes to stdout, one Write each. If a Read of stdin or a Write of stdout cannot be interrupted, the goroutine in it stays
// when Run returns, until the caller closes that stream or ends the process.
func (r *Relay) Run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.life = ctx
	r.out = newLineWriter(stdout, func(err error) { stop(fmt.Errorf("write to the editor: %w", err)) })
	r.note = newLineWriter(stderr, func(error) {}) // nobody listens there; that is no reason to stop

	r.linkAhead()
	read := make(chan error, 1)
	go func() { read <- r.read(ctx, stdin) }()
	r.tasks.Go(r.lane.run)
	attended, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	r.tasks.Go(func() {
		if r.opt.Parent.watch(ctx) {
			leave(errUnattended)
		}
	})

	var err error
	select {
	case err = <-read:
		r.finish(attended, func(ctx context.Context) {
			if awaitDeaf(ctx, stdout) {
				leave(errUnattended)
			}
		})
		if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
			err = cause // the last answers could not be written
		}
	case <-attended.Done():
		if err = context.Cause(attended); errors.Is(err, errUnattended) {
			err = nil
		}
	}
	stop(nil)
	r.close()
	return err
}

// read takes the editor's lines one by one. What must happen in their order happens here.
func (r *Relay) read(ctx context.Context, stdin io.Reader) error {
	lines := newLineReader(stdin)
	for ctx.Err() == nil {
		ln, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read from the editor: %w", err)
		}
		f, refused := parse(ln)
		if refused != nil {
			r.refuse(refused)
			continue
		}
		switch f.kind {
		case nothing:
		case request:
			r.accept(f)
		case notification:
			r.notified(f)
		case answer:
			r.answered(f)
		}
	}
	return nil
}

func (r *Relay) refuse(no *refusal) {
	if no.tool != "" {
		r.write(failedCall(no.id, no.modern || r.sessionless(), no.tool, no.text))
		return
	}
	if q := r.takeQuestion(no.id); q != nil {
		// It was the answer to a question: there the host waits, not the editor.
		r.lane.add(parcel{body: errorMessage(q.hostID, no.code, no.text), session: q.session})
		return
	}
	r.write(errorMessage(no.id, no.code, no.text))
}

func (r *Relay) notified(f frame) {
	switch f.method {
	case "notifications/cancelled":
		// Never forwarded: it would race the request on another connection. Closing the
		// request's own connection is the cancel, in both eras.
		r.cancel(f.cancels)
		return
	case "notifications/initialized":
		r.mu.Lock()
		r.greeted = true
		r.mu.Unlock()
	}
	p := parcel{body: f.raw, header: f.header, modern: f.modern, greeting: f.method == "notifications/initialized"}
	if !f.modern {
		r.mu.Lock()
		p.gate = r.gate
		r.mu.Unlock()
	}
	r.lane.add(p)
}

// finish stays for the calls in flight for as long as somebody may read their answers. What is not
// done by then is answered as cancelled. The watch, which runs beside it, ends attended when nobody
// reads any more.
func (r *Relay) finish(attended context.Context, watch func(ctx context.Context)) {
	r.lane.close()
	waiting := r.unanswered()
	if len(waiting) > 0 {
		ctx, cancel := context.WithTimeout(attended, r.times.linger)
		defer cancel()
		r.start(func() { watch(ctx) })
		for _, c := range waiting {
			select {
			case <-c.done:
			case <-ctx.Done():
			}
		}
	}
	if attended.Err() != nil {
		return
	}

	last := make(chan struct{})
	r.start(func() { // a Write to an editor that has stopped reading may never return
		defer close(last)
		for _, c := range waiting {
			r.answerUnfinished(c)
			c.stop()
		}
	})
	timer := time.NewTimer(r.times.grace)
	defer timer.Stop()
	for _, done := range []<-chan struct{}{last, r.lane.done} {
		select {
		case <-done:
		case <-timer.C:
			return
		case <-attended.Done():
			return
		}
	}
}

// unanswered returns the calls in flight, and ends the subscriptions: they have no end of their own.
func (r *Relay) unanswered() []*call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*call
	for _, c := range r.calls {
		if c.subscription() {
			c.stop()
		} else {
			all = append(all, c)
		}
	}
	return all
}

// close ends the MCP session and waits for our goroutines. The life of the relay is over.
func (r *Relay) close() {
	r.mu.Lock()
	r.closed = true
	s := r.session
	r.mu.Unlock()
	r.lane.close()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.life), r.times.farewell)
	defer cancel()
	if s != nil {
		s.end()
		r.endSession(ctx, s)
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		r.tasks.Wait()
		r.hangUp()
	}()
	select {
	case <-all:
	case <-ctx.Done():
		// Somebody is stuck in a Write to an editor which does not read.
		r.hangUp()
	}
}

// start runs work in a goroutine which Run waits for.
func (r *Relay) start(work func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.tasks.Go(work)
	}
}

// write sends one message to the editor.
func (r *Relay) write(message []byte) { r.out.line(r.life, message) }

// complain puts one line into the editor's log of its server.
func (r *Relay) complain(err error) {
	r.note.line(r.life, []byte("agentrun-mcp: "+err.Error()))
}

// seen wakes those who wait for a host without wanting to start one.
func (r *Relay) seen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.found)
	r.found = make(chan struct{})
}

// lineWriter writes whole lines for many goroutines.
type lineWriter struct {
	w      io.Writer
	turn   chan struct{} // a lock that can be waited for together with a context
	failed func(error)
}

func newLineWriter(w io.Writer, failed func(error)) *lineWriter {
	return &lineWriter{w: w, turn: make(chan struct{}, 1), failed: failed}
}

// line writes text as one line with one Write; line ends inside, which in JSON are only space,
// become spaces. Once ctx has ended nothing is written any more.
func (lw *lineWriter) line(ctx context.Context, text []byte) {
	full := make([]byte, len(text)+1)
	copy(full, text)
	for i, b := range full {
		if b == '\n' || b == '\r' {
			full[i] = ' '
		}
	}
	full[len(text)] = '\n'
	select {
	case lw.turn <- struct{}{}:
		defer func() { <-lw.turn }()
	case <-ctx.Done():
		return
	}
	if ctx.Err() != nil {
		return
	}
	if _, err := lw.w.Write(full); err != nil {
		lw.failed(err)
	}
}

// headerText makes any text fit to be the value of a header.
func headerText(s string) string {
	return string(bytes.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e {
			return '?'
		}
		return c
	}, []byte(s[:min(len(s), 100)])))
}
