package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// editor is the other end: it writes lines and reads answers.
type editor struct {
	t     testing.TB
	relay *Relay
	in    *io.PipeWriter
	out   *io.PipeReader
	ended chan struct{} // Run has returned
	err   error         // of Run
	log   logBuffer

	mu       sync.Mutex // guards below
	all      []message
	raw      []string
	byID     map[string][]string
	arrived  chan struct{} // closed and replaced with each message
	finished chan struct{} // the reader has returned
}

type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// connect runs a relay in the test until it ends.
func connect(t testing.TB, dirs paths.Dirs, options ...func(*Relay)) *editor {
	t.Helper()
	r := New(Options{Dirs: dirs, Version: "relay-1", Parent: Parent{Name: "zed"}})
	r.times.linger = time.Second // for what a test leaves in flight
	for _, option := range options {
		option(r)
	}
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	e := &editor{t: t, relay: r, in: in, out: out, byID: map[string][]string{}, ended: make(chan struct{}), arrived: make(chan struct{}), finished: make(chan struct{})}
	go func() {
		defer close(e.ended)
		defer stdout.Close()
		e.err = r.Run(context.Background(), stdin, stdout, &e.log)
	}()
	go e.read(out)
	t.Cleanup(func() {
		e.in.Close()
		e.out.Close()
		e.wait()
		<-e.finished
	})
	return e
}

func (e *editor) read(out io.Reader) {
	defer close(e.finished)
	lines := newLineReader(out)
	lines.max = 1 << 30
	for {
		ln, err := lines.next()
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(ln.data, &m); err != nil {
			e.t.Errorf("the relay wrote %.200q, which is not a message: %v", ln.data, err)
		}
		e.mu.Lock()
		e.all = append(e.all, m)
		e.raw = append(e.raw, strings.TrimRight(string(ln.data), "\n"))
		if m.Method == "" {
			e.byID[string(m.ID)] = append(e.byID[string(m.ID)], e.raw[len(e.raw)-1])
		}
		close(e.arrived)
		e.arrived = make(chan struct{})
		e.mu.Unlock()
	}
}

// write sends one line.
func (e *editor) write(text string) {
	e.t.Helper()
	if _, err := io.WriteString(e.in, text+"\n"); err != nil {
		e.t.Fatalf("write to the relay: %v", err)
	}
}

const patienceOfTests = time.Minute

// until waits for something that becomes true with a message.
func (e *editor) until(what string, ok func() bool) {
	e.t.Helper()
	timeout := time.After(patienceOfTests)
	for {
		e.mu.Lock()
		done, arrived := ok(), e.arrived
		e.mu.Unlock()
		if done {
			return
		}
		select {
		case <-arrived:
		case <-timeout:
			e.mu.Lock()
			defer e.mu.Unlock()
			e.t.Fatalf("waited for %s; got %.2000q\nlog: %s", what, e.raw, e.log.String())
		}
	}
}

// answer waits for the answer to an id.
func (e *editor) answer(id string) message {
	e.t.Helper()
	e.until("the answer to "+id, func() bool { return len(e.byID[id]) > 0 })
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.byID[id]) > 1 {
		e.t.Errorf("%d answers to %s: %q", len(e.byID[id]), id, e.byID[id])
	}
	var m message
	json.Unmarshal([]byte(e.byID[id][0]), &m)
	return m
}

// note waits for a message of the host with this method.
func (e *editor) note(method string) message {
	e.t.Helper()
	var found message
	e.until(method, func() bool {
		for _, m := range e.all {
			if m.Method == method {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func (e *editor) count(method string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, m := range e.all {
		if m.Method == method {
			n++
		}
	}
	return n
}

func (e *editor) answers() map[string][]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.byID)
}

const hello = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t"}}}`

// initialize shakes hands and waits until the host's own stream is open.
func (e *editor) initialize(h *testHost) {
	e.t.Helper()
	e.write(hello)
	if m := e.answer("0"); m.Error != nil {
		e.t.Fatalf("initialize = %+v", m.Error)
	}
	e.write(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	eventually(e.t, "the host's own stream", func() bool { return len(h.requests(http.MethodGet)) > 0 })
}

// call writes a tools/call of either era.
func (e *editor) call(id int, tool, arguments string) {
	e.write(callLine(id, tool, arguments, false))
}

func callLine(id int, tool, arguments string, modern bool) string {
	meta := ""
	if modern {
		meta = `,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s%s}}`, id, tool, arguments, meta)
}

func modernLine(id, method, params string) string {
	if params != "" {
		params += ","
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":{%s"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`, id, method, params)
}

// wait returns what Run returned.
func (e *editor) wait() error {
	e.t.Helper()
	select {
	case <-e.ended:
		return e.err
	case <-time.After(patienceOfTests):
		e.t.Fatal("Run has not returned")
		return nil
	}
}

// eventually waits for something the relay does at the host's side, where no message tells.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patienceOfTests)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
