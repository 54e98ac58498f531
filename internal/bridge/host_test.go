package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/link"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// testHost is as much of a host as the relay can see: MCP in both eras over a unix socket, with
// tools that do what tests need.
type testHost struct {
	dirs    paths.Dirs
	version string
	server  *http.Server
	links   *link.Server // nil: this host is older than links
	inst    *instance.Instance
	stopped sync.WaitGroup
	once    sync.Once

	mu       sync.Mutex // guards below
	sessions map[string]*hostSession
	made     int
	seen     []seenRequest
	running  map[string]int // calls of each tool which run now
	executed map[string]int // by the argument "key"
	answers  chan message   // to questions
	hooks    map[string]func(w http.ResponseWriter, req *http.Request, m message) bool
	refuse   int // this many initialize requests are refused
}

type hostSession struct {
	id     string
	push   chan string
	closed chan struct{}
}

type seenRequest struct {
	method string // HTTP
	header http.Header
	body   string
	m      message
}

// message is any JSON-RPC message.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name      string `json:"name"`
		URI       string `json:"uri"`
		Arguments struct {
			MS   int    `json:"ms"`
			Size int    `json:"size"`
			Key  string `json:"key"`
			Text string `json:"text"`
		} `json:"arguments"`
		Meta          map[string]any  `json:"_meta"`
		RequestID     json.RawMessage `json:"requestId"`
		Notifications json.RawMessage `json:"notifications"`
		ProgressToken json.RawMessage `json:"progressToken"`
		Reason        string          `json:"reason"`
	} `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	} `json:"error"`
}

func (m message) modern() bool {
	v, _ := m.Params.Meta["io.modelcontextprotocol/protocolVersion"].(string)
	return v >= "2026-07-28"
}

// home makes folders whose paths are short enough for a socket.
func home(t testing.TB) paths.Dirs {
	t.Helper()
	dir, err := os.MkdirTemp("", "br") //nolint:usetesting // t.TempDir is too long for a socket on macOS
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return paths.Dirs{Runtime: filepath.Join(dir, "run"), Log: filepath.Join(dir, "log")}
}

// startHost runs a host until the test ends or kill is called.
func startHost(t testing.TB, dirs paths.Dirs, options ...func(*testHost)) *testHost {
	t.Helper()
	h := &testHost{
		dirs: dirs, version: "1.0.0",
		sessions: map[string]*hostSession{}, running: map[string]int{}, executed: map[string]int{},
		answers: make(chan message, 16),
		hooks:   map[string]func(http.ResponseWriter, *http.Request, message) bool{},
	}
	for _, option := range options {
		option(h)
	}
	inst, err := instance.Acquire(context.Background(), dirs)
	if err != nil {
		t.Fatalf("Acquire = %v", err)
	}
	h.inst = inst
	ln, err := inst.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.Handle(linkPath, http.NotFoundHandler())
	h.server = &http.Server{Handler: mux}
	if hostsKnowLinks {
		h.links = &link.Server{Handler: mux}
		h.server.Handler = h.links
	}
	h.stopped.Go(func() { h.server.Serve(ln) })
	t.Cleanup(h.kill)
	return h
}

// hostsKnowLinks says what kind of hosts startHost starts. The tests run with both kinds.
var hostsKnowLinks = true

func versioned(v string) func(*testHost) { return func(h *testHost) { h.version = v } }

// hook lets a test answer requests of a method, or calls of a tool, itself. It returns false to
// let the host go on.
func hook(name string, f func(w http.ResponseWriter, req *http.Request, m message) bool) func(*testHost) {
	return func(h *testHost) { h.hooks[name] = f }
}

// kill ends the host as the system would: every connection is cut, nobody is told.
func (h *testHost) kill() {
	h.once.Do(func() {
		h.server.Close()
		if h.links != nil {
			gone, done := context.WithCancel(context.Background())
			done()
			h.links.Shutdown(gone)
		}
		h.stopped.Wait()
		h.inst.Close()
	})
}

func (h *testHost) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	var m message
	json.Unmarshal(body, &m)
	h.mu.Lock()
	h.seen = append(h.seen, seenRequest{req.Method, req.Header.Clone(), string(body), m})
	s := h.sessions[req.Header.Get("Mcp-Session-Id")]
	h.mu.Unlock()
	w.Header().Set("Agentrun-Host", h.version)

	if req.URL.Path != "/mcp" || req.Host != "agentrun" {
		http.Error(w, "wrong place", http.StatusBadRequest)
		return
	}
	if f := h.hooks[req.Method]; f != nil && f(w, req, m) {
		return
	}
	if f := h.hooks[m.Method]; f != nil && f(w, req, m) {
		return
	}
	switch {
	case m.modern():
		h.modernRequest(w, req, m)
		return
	case m.Method == "initialize":
		h.initialize(w, m)
		return
	case req.Header.Get("Mcp-Session-Id") == "":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no session: initialize first"}}`)
		return
	case s == nil:
		http.Error(w, "session unknown", http.StatusNotFound)
		return
	case req.Header.Get("Mcp-Protocol-Version") != "2025-11-25":
		http.Error(w, "bad protocol version "+req.Header.Get("Mcp-Protocol-Version"), http.StatusBadRequest)
		return
	}
	switch req.Method {
	case http.MethodGet:
		h.stream(w, req, s)
	case http.MethodDelete:
		h.mu.Lock()
		delete(h.sessions, s.id)
		h.mu.Unlock()
		close(s.closed)
	default:
		switch {
		case m.Method == "":
			h.answers <- m
			w.WriteHeader(http.StatusAccepted)
		case len(m.ID) == 0:
			w.WriteHeader(http.StatusAccepted)
		default:
			h.request(w, req, m)
		}
	}
}

func (h *testHost) initialize(w http.ResponseWriter, m message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse > 0 {
		h.refuse--
		reply(w, m, `"error":{"code":-32602,"message":"not like this"}`)
		return
	}
	h.made++
	s := &hostSession{id: fmt.Sprintf("s%d-%d", h.made, time.Now().UnixNano()), push: make(chan string, 16), closed: make(chan struct{})}
	h.sessions[s.id] = s
	w.Header().Set("Mcp-Session-Id", s.id)
	reply(w, m, `"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"prompts":{}},"serverInfo":{"name":"test"}}`)
}

func (h *testHost) modernRequest(w http.ResponseWriter, req *http.Request, m message) {
	name := ""
	switch m.Method {
	case "tools/call", "prompts/get":
		name = m.Params.Name
	case "resources/read":
		name = m.Params.URI
	}
	if req.Header.Get("Mcp-Method") != m.Method || headerValue(name) != req.Header.Get("Mcp-Name") ||
		req.Header.Get("Mcp-Protocol-Version") != m.Params.Meta["io.modelcontextprotocol/protocolVersion"] {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"header mismatch"}}`)
		return
	}
	if req.Header.Get("Mcp-Session-Id") != "" {
		http.Error(w, "a modern request with a session", http.StatusInternalServerError)
		return
	}
	switch m.Method {
	case "subscriptions/listen":
		h.subscription(w, req, m)
	case "server/discover", "ping":
		reply(w, m, `"result":{"resultType":"complete"}`)
	case "tools/call", "tools/list", "resources/read", "prompts/get":
		h.request(w, req, m)
	default:
		w.WriteHeader(http.StatusNotFound)
		reply(w, m, `"error":{"code":-32601,"message":"method not found"}`)
	}
}

func (h *testHost) subscription(w http.ResponseWriter, req *http.Request, m message) {
	h.mu.Lock()
	s := &hostSession{push: make(chan string, 16), closed: make(chan struct{})}
	h.sessions["listen "+string(m.ID)] = s
	h.mu.Unlock()
	sendEvent(w, fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":%s,"_meta":{"io.modelcontextprotocol/subscriptionId":%s}}}`, m.Params.Notifications, m.ID))
	for {
		select {
		case text := <-s.push:
			sendEvent(w, text)
		case <-req.Context().Done():
			return
		}
	}
}

func (h *testHost) stream(w http.ResponseWriter, req *http.Request, s *hostSession) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	http.NewResponseController(w).Flush()
	for {
		select {
		case text := <-s.push:
			sendEvent(w, text)
		case <-s.closed:
			return
		case <-req.Context().Done():
			return
		}
	}
}

// request answers everything that has an answer.
func (h *testHost) request(w http.ResponseWriter, req *http.Request, m message) {
	name := m.Method
	if m.Method == "tools/call" {
		name = m.Params.Name
		h.count(h.running, name, 1)
		defer h.count(h.running, name, -1)
	}
	if f := h.hooks[name]; f != nil && f(w, req, m) {
		return
	}
	args := m.Params.Arguments
	switch name {
	case "sleep":
		select {
		case <-time.After(time.Duration(args.MS) * time.Millisecond):
		case <-req.Context().Done():
			return
		}
		h.count(h.executed, args.Key, 1)
	case "hang":
		<-req.Context().Done()
		return
	case "progress":
		for n := range 3 {
			token, _ := json.Marshal(m.Params.Meta["progressToken"])
			sendEvent(w, fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d}}`, token, n))
		}
		sendEvent(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"done":true}}`, m.ID))
		return
	case "big":
		reply(w, m, `"result":{"text":"`+strings.Repeat("x", args.Size)+`"}`)
		return
	case "tools/list":
		reply(w, m, `"result":{"tools":[]}`)
		return
	case "empty":
		return
	}
	quoted, _ := json.Marshal(args.Text)
	reply(w, m, `"result":{"echo":`+string(quoted)+`,"key":"`+args.Key+`"}`)
}

func (h *testHost) count(in map[string]int, key string, by int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	in[key] += by
}

// reply writes one JSON message with the request's id.
func reply(w http.ResponseWriter, m message, rest string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,%s}`+"\n", m.ID, rest)
}

// sendEvent writes one event and flushes it.
func sendEvent(w http.ResponseWriter, data string) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	fmt.Fprintf(w, "event: message\ndata: %s\n\n", data)
	http.NewResponseController(w).Flush()
}

// cut ends the connection, or on a link what is left of it for this request, without a word.
func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// requests returns what the host saw of a JSON-RPC method, or of an HTTP method.
func (h *testHost) requests(method string) []seenRequest {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(func(yield func(seenRequest) bool) {
		for _, s := range h.seen {
			if (s.m.Method == method || s.method == method && method != "") && !yield(s) {
				return
			}
		}
	})
}

// push sends a message on the streams of all sessions.
func (h *testHost) push(text string) {
	h.mu.Lock()
	all := slices.Collect(maps.Values(h.sessions))
	h.mu.Unlock()
	for _, s := range all {
		s.push <- text
	}
}

func (h *testHost) sessionCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

func (h *testHost) runningNow(tool string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running[tool]
}

// runs returns how often a "sleep" with this key was carried out.
func (h *testHost) runs(key string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.executed[key]
}

func key(n int) string { return `{"key":"` + strconv.Itoa(n) + `"}` }
