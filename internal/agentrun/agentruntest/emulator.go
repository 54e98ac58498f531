// Package agentruntest emulates AgentRun, Alibaba Cloud's service of sandboxes that run code, on this computer: for tests of
// everything that speaks to the service, and as a rehearsal for people who have no account.
//
// An [Emulator] is an http.Handler for both planes: paths that begin with /2025-09-10/ are the control plane's, all others the
// data plane's. It was written from the service's documentation and the requests of its official clients, apart from the client
// in package agentrun, whose types it does not use, so that a mistake made twice is at least made by two readers. What it does:
//
//   - Signatures of both planes are verified strictly, from what came over the wire, with the clock, the nonces, the region, and
//     the temporary token.
//   - Templates and sandboxes go through their states by a clock that can be turned ([Emulator.Advance]). Sandboxes end by
//     themselves after their idle time and their lifetime, with everything in them.
//   - Where sources of the service's behaviour differ, a [Shape] chooses.
//   - A [Fault] lets the next requests of an operation fail, before or after it was carried out.
//   - Requests are recorded ([Emulator.Requests]), without signatures, tokens and keys.
//   - It listens on this computer ([Listen], [Start]), or is spoken to without a network ([Emulator.Transport]).
//   - One that listens can be steered by other programs of this computer, under paths that begin with /_emulator/ and belong to
//     neither plane: faults, ends of sandboxes and the clock are theirs to set, and what was asked theirs to read. A [Remote]
//     speaks to it, and so does curl: GET /_emulator/sandboxes lists what lives, POST /_emulator/faults takes a [Fault] as JSON,
//     such as {"failure": "throttled 7s", "operation": "CreateSandbox"}.
//
// What it has not: the terminal, the operations for a template's MCP server and for access tokens, the older preview of the
// service, templates of other types than they are named (a sandbox is always a code interpreter), and TLS.
//
// Code really runs, unless it is scripted (Options.Script): each context is an instance of the local engine (Python and JavaScript in WebAssembly, without network or
// packages). Two things are not as in the service. Code sees its working folder as /scratch, not under /home/user, and nothing
// else: it should use relative paths. And files pass between contexts, the files API and commands when a run begins and ends,
// not while it goes on. There are no files but those below /home/user.
//
// A command is not quite a shell's. It may be made of: echo, printf without a format, true, false, pwd, cd, ls, cat, head, tail, wc,
// base64, date, mkdir, rm, mv, cp, touch, test, sleep, exit, kill, env, timeout, nohup, setsid, wait, sh and bash, which run what stands
// after -c or in a file, and python, python3 and node, which run a file or the code after -c or -e in a fresh interpreter. Between
// them: ; && || & | ! and newlines, > >> < 2> 2>&1 to files, quotes, $( ), ( ), { }, if, while, until, for, $?, $!, $$, $#, $1, $PWD,
// $HOME and variables set before. Patterns, here-documents, arithmetic, functions and case are refused with exit code 2 and a
// sentence. Processes come in groups, which can be ended together; every signal but 0 ends a process at once. As in the service, the
// timeout of a command has no effect, the gateway answers 504 after 30 s while it goes on, processes started in the background are
// not among those that the processes API knows, and what they print to a file can be read while they run.
package agentruntest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// Credentials of an emulator that was not given any, and the account and region it then has. They open nothing anywhere else.
const (
	AccessKeyID     = "LTAIemulatorKey00001"
	AccessKeySecret = "emulatorSecret0123456789abcdefAB"
	AccountID       = "1234567890123456"
	Region          = "cn-hangzhou"
)

// Options say how an emulator behaves. The zero value is one that is ready at once.
type Options struct {
	// AccessKeyID, AccessKeySecret, AccountID and Region are what requests must be signed with. Defaults: the constants.
	AccessKeyID, AccessKeySecret, AccountID, Region string
	// SecurityToken makes the credentials temporary: requests must bring it.
	SecurityToken string
	// APIKey opens sandboxes on the data plane without a signature. Empty: nothing does.
	APIKey string
	// Unverified lets every request in, signed or not.
	Unverified bool

	// Shape is how answers look at first.
	Shape Shape
	// TemplateDelay is how long a template is CREATING or UPDATING.
	TemplateDelay time.Duration
	// SandboxDelay is how long a sandbox is CREATING, and its health a 502 of the gateway.
	SandboxDelay time.Duration
	// SandboxDelayMost, if it is longer than SandboxDelay, spreads the delays of sandboxes between the two: evenly, and in the same
	// order each time, so that what was measured or rehearsed can be had again.
	SandboxDelayMost time.Duration
	// SandboxDelays, if there are any, are the delays of sandboxes in the order of their creation, over and over.
	SandboxDelays []time.Duration
	// HealthDelay is how long a READY sandbox is not yet healthy.
	HealthDelay time.Duration
	// Lifetime is after what time a sandbox ends whatever it does. Default: 6 h.
	Lifetime time.Duration
	// MaxSandboxes is the quota of living sandboxes. Default: 100.
	MaxSandboxes int
	// GatewayLimit is after what time the data plane answers 504. Default: 30 s.
	GatewayLimit time.Duration

	// Script says what code gives, in an emulator that runs none. It may be called by several goroutines at once.
	Script func(language, code string) Scripted
	// Engine runs the code. It stays the caller's. Default: one of the emulator's own.
	Engine *localengine.Engine
	// CacheDir keeps the compiled engine of an emulator that has its own. Empty: every one compiles anew.
	CacheDir string
	// ScratchDir is an existing folder for files of running code. Default: one in the system's folder for temporary files.
	ScratchDir string
	// Logger gets a line per request, without code or secrets. Default: discarded.
	Logger *slog.Logger
}

// Scripted is what code gives that is not run.
type Scripted struct {
	Stdout, Stderr string
	Value          map[string]string // by MIME type; nil: none
	Error          *ScriptedError
	Took           time.Duration // how long the code takes; longer than its timeout is one
}

// ScriptedError is an error that code ends with.
type ScriptedError struct{ Name, Message, Traceback string }

// Emulator is the service. Methods are safe for concurrent use.
type Emulator struct {
	options   Options
	engine    *localengine.Engine
	ownEngine bool
	dir       string // of files of running code
	log       *slog.Logger
	offset    atomic.Int64   // of the emulator's clock, in nanoseconds
	over      chan struct{}  // closed by Close
	jobs      sync.WaitGroup // requests, runs, commands and what clears up after sandboxes; see begin

	mu        sync.Mutex // guards below; never held while code runs, files are moved or answers are written
	closed    bool
	shape     Shape
	faults    []*Fault
	failing   []string // reasons why the next templates come to nothing
	nonces    map[string]time.Time
	templates map[string]*template
	sandboxes map[string]*sandbox
	order     []string // ids of sandboxes, oldest first
	requests  []Request
	created   int           // sandboxes ever
	dropped   int           // records that were too old to keep
	arrived   chan struct{} // closed and replaced when a request is recorded
}

// New makes an emulator. It listens nowhere: it is a handler. Close it.
func New(options Options) (*Emulator, error) {
	options.AccessKeyID = cmp.Or(options.AccessKeyID, AccessKeyID)
	options.AccessKeySecret = cmp.Or(options.AccessKeySecret, AccessKeySecret)
	options.AccountID = cmp.Or(options.AccountID, AccountID)
	options.Region = cmp.Or(options.Region, Region)
	options.Lifetime = cmp.Or(options.Lifetime, 6*time.Hour)
	options.MaxSandboxes = cmp.Or(options.MaxSandboxes, 100)
	options.GatewayLimit = cmp.Or(options.GatewayLimit, 30*time.Second)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Emulator{
		options: options, engine: options.Engine, log: options.Logger, shape: options.Shape, over: make(chan struct{}),
		nonces: map[string]time.Time{}, templates: map[string]*template{}, sandboxes: map[string]*sandbox{}, arrived: make(chan struct{}),
	}
	if options.Script != nil {
		return e, nil
	}
	if e.engine == nil {
		engine, err := localengine.New(localengine.Options{CacheDir: options.CacheDir, Logger: options.Logger})
		if err != nil {
			return nil, fmt.Errorf("make an emulator: %w", err)
		}
		e.engine, e.ownEngine = engine, true
	}
	dir, err := os.MkdirTemp(options.ScratchDir, "agentrun-emulator-")
	if err != nil {
		return nil, fmt.Errorf("make an emulator: %w", err)
	}
	e.dir = dir
	return e, nil
}

// Load makes the engine ready, which otherwise the first context waits for.
func (e *Emulator) Load(ctx context.Context) error {
	if e.options.Script != nil {
		return nil
	}
	if err := e.engine.Load(ctx); err != nil {
		return fmt.Errorf("load the emulator's engine: %w", err)
	}
	return nil
}

// Close ends all sandboxes and what runs in them, and waits for it and for requests that are being answered. Those that come
// from then on are refused.
func (e *Emulator) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.over)
	}
	for _, s := range e.sandboxes {
		e.endLocked(s, e.Now())
	}
	e.mu.Unlock()
	e.jobs.Wait()
	var err error
	if e.ownEngine {
		err = e.engine.Close(ctx)
	}
	if e.dir != "" {
		err = errors.Join(err, os.RemoveAll(e.dir))
	}
	if err != nil {
		return fmt.Errorf("close the emulator: %w", err)
	}
	return nil
}

// Now is the time by the emulator's clock.
func (e *Emulator) Now() time.Time { return time.Now().Add(time.Duration(e.offset.Load())) }

// Advance turns the lives of templates and sandboxes on: those whose time comes change or end at once. Signatures go by the real
// time all the same.
func (e *Emulator) Advance(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.offset.Add(int64(d))
	e.settleLocked()
}

// SetShape changes how answers look.
func (e *Emulator) SetShape(shape Shape) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shape = shape
}

// SetCredentials replaces what requests must be signed with, as when a key is rotated or a token is over.
func (e *Emulator) SetCredentials(keyID, secret, token string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.options.AccessKeyID, e.options.AccessKeySecret, e.options.SecurityToken = keyID, secret, token
}

// FailNextTemplate lets the next template that is created come to nothing, for a reason.
func (e *Emulator) FailNextTemplate(reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failing = append(e.failing, reason)
}

// EndSandbox ends a sandbox as the service does when one breaks: without a word to anybody. It reports whether it lived.
func (e *Emulator) EndSandbox(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	s := e.sandboxes[id]
	if s == nil || !s.ended.IsZero() {
		return false
	}
	e.endLocked(s, e.Now())
	return true
}

// Sandboxes lists the ids of living sandboxes, oldest first: what somebody would be paying for.
func (e *Emulator) Sandboxes() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settleLocked()
	var living []string
	for _, id := range e.order {
		if s := e.sandboxes[id]; s != nil && s.ended.IsZero() {
			living = append(living, id)
		}
	}
	return living
}

// Request is a request that came.
type Request struct {
	Time      time.Time   `json:"time"`      // by the emulator's clock
	Plane     string      `json:"plane"`     // "control" or "data"
	Operation string      `json:"operation"` // such as "CreateSandbox"; "" if there is no such thing
	Method    string      `json:"method"`
	URI       string      `json:"uri"`             // as it came, path and query
	Header    http.Header `json:"header"`          // without what proves who is calling
	Body      []byte      `json:"body,omitempty"`  // the first 16 KiB; of uploads nothing
	Status    int         `json:"status"`          // of the answer; 0 if there was none
	Fault     string      `json:"fault,omitempty"` // the failure that was injected; "" if none was
}

// mostRecords is how many requests are kept.
const (
	mostRecords = 10000
	mostBody    = 16 << 10
)

// Requests gives what came so far, oldest first, and of very much only the newest ten thousand. Those still being answered have
// no status yet.
func (e *Emulator) Requests() []Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Request(nil), e.requests...)
}

// Count says how often an operation was asked for.
func (e *Emulator) Count(operation string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.countLocked(operation)
}

// Await waits until an operation was asked for so often. It need not have been carried out.
func (e *Emulator) Await(ctx context.Context, operation string, times int) error {
	for {
		e.mu.Lock()
		n, arrived := e.countLocked(operation), e.arrived
		e.mu.Unlock()
		if n >= times {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d requests of %s, of which %d came: %w", times, operation, n, context.Cause(ctx))
		}
	}
}

func (e *Emulator) countLocked(operation string) int {
	n := 0
	for _, r := range e.requests {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

// record keeps a request and returns its number.
func (e *Emulator) record(x *exchange) int {
	header := x.r.Header.Clone()
	for _, name := range []string{"Authorization", dataHeader, "X-Acs-Security-Token", "X-Api-Key", "Agentrun-Access-Token", "Cookie"} {
		if header.Get(name) != "" {
			header.Set(name, "[redacted]")
		}
	}
	body := x.body[:min(len(x.body), mostBody)]
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.requests) >= mostRecords {
		e.requests = append(e.requests[:0], e.requests[mostRecords/10:]...)
		e.dropped += mostRecords / 10
	}
	close(e.arrived)
	e.arrived = make(chan struct{})
	e.requests = append(e.requests, Request{
		Time: e.Now(), Plane: x.plane, Operation: x.op.name, Method: x.r.Method, URI: x.r.RequestURI, Header: header, Body: append([]byte(nil), body...),
	})
	return e.dropped + len(e.requests) - 1
}

func (e *Emulator) recordStatus(number, status int, fault string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := number - e.dropped; i >= 0 && i < len(e.requests) {
		e.requests[i].Status, e.requests[i].Fault = status, fault
	}
}

// exchange is one request on its way through the emulator.
type exchange struct {
	e      *Emulator
	r      *http.Request
	plane  string
	op     operation
	args   []string // the parts of the path that are names
	body   []byte   // read already, except of uploads
	shape  Shape
	clock  time.Duration // how far this answer's clock is off
	number int
	id     string // the request's
}

// now is the time that signatures are held against.
func (x *exchange) now() time.Time { return time.Now().Add(x.clock) }

const mostRequest = 64 << 20

// ServeHTTP answers a request of either plane.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	x := &exchange{e: e, r: r, id: newRequestID()}
	x.plane, x.op, x.args = route(r)
	if !e.begin() {
		x.write(w, problem(http.StatusServiceUnavailable, "ERR_INTERNAL_SERVER", "the emulator is closed"))
		return
	}
	defer e.jobs.Done()
	if x.op.name != "Upload" {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostRequest))
		if err != nil {
			return // the client left, or sends without end
		}
		x.body = body
	}
	e.mu.Lock()
	x.shape = e.shape
	e.mu.Unlock()
	x.number = e.record(x)
	fault := e.fault(x)
	var a answer
	switch {
	case fault != nil && !fault.After && fault.Failure.instead != nil:
		a = fault.Failure.instead(x)
	default:
		a = x.handle()
		if fault != nil && fault.After && fault.Failure.instead != nil {
			a = fault.Failure.instead(x)
		}
	}
	name := ""
	if fault != nil {
		name = fault.Failure.name
		if fault.Failure.spoil != nil {
			fault.Failure.spoil(&a)
		}
	}
	if a.cut == cutAtOnce {
		a.status = 0
	}
	e.recordStatus(x.number, a.status, name)
	e.log.Info("emulated request", "operation", x.op.name, "plane", x.plane, "status", a.status, "fault", name, "took", time.Since(began))
	x.write(w, a)
}

// handle verifies and carries out.
func (x *exchange) handle() answer {
	if !x.e.options.Unverified {
		if a, ok := x.verify(); !ok {
			return a
		}
	}
	if x.op.do == nil {
		return problem(http.StatusNotFound, "ERR_NOT_FOUND", "there is no "+x.r.Method+" "+x.r.URL.Path)
	}
	return x.op.do(x)
}

// scratch makes a folder for the files of one instance.
func (e *Emulator) scratch() (string, error) {
	return os.MkdirTemp(e.dir, "instance-")
}

// begin lets work in that Close waits for. What is in may let in more.
func (e *Emulator) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.jobs.Add(1)
	return true
}

// clearFolder removes the folder of an instance that is gone. What cannot be removed goes with the emulator's own folder.
func (e *Emulator) clearFolder(dir string) {
	if err := os.RemoveAll(dir); err != nil {
		e.log.Warn("scratch folder stays for now", "folder", filepath.Base(dir), "error", err)
	}
}

// segments splits an escaped path, and gives its names as they are meant.
func segments(escaped string) ([]string, bool) {
	var names []string
	for part := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		name, err := unescape(part)
		if err != nil || name == "" {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}
