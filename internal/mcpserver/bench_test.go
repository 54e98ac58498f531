package mcpserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	legacy = "2025-11-25"
	modern = "2026-07-28"
	token  = "art_right"
)

// tokenTable lets clients in by their token.
type tokenTable map[string]string

func (t tokenTable) Lookup(token string) (string, bool) {
	name, ok := t[token]
	return name, ok
}

// rig is a whole server over a scripted backend, listening on a socket and on loopback.
type rig struct {
	*Server
	fake   *sandboxtest.Fake
	socket string
	port   string
	logs   *syncBuffer
	stop   func() // ends everything and waits; may be called again
}

type rigSetup struct {
	fake    sandboxtest.FakeOptions
	options Options
	before  func(*Server) // before anything is served
	listen  net.Listener  // served as the socket instead of one
}

func startRig(t testing.TB, setup rigSetup) *rig {
	t.Helper()
	r := &rig{fake: sandboxtest.NewFake(setup.fake), logs: &syncBuffer{}}
	p, err := pool.New(pool.Options[sandbox.Session]{
		New: r.fake.Open, Warm: 1, Max: 4, Share: 32,
		Close: func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	interp, err := interpreter.New(interpreter.Options{Site: interpreter.NewSite(r.fake, p)})
	if err != nil {
		t.Fatal(err)
	}
	opt := setup.options
	opt.Interpreter, opt.Version = interp, "1.2.3"
	if opt.Logger == nil {
		opt.Logger = slog.New(logging.Handler(slog.NewTextHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	}
	if opt.Tokens == nil {
		opt.Tokens = tokenTable{token: "tester", "art_other": "other"}
	}
	if r.Server, err = New(opt); err != nil {
		t.Fatal(err)
	}
	if setup.before != nil {
		setup.before(r.Server)
	}
	folder, err := shortFolder()
	if err != nil {
		t.Fatal(err)
	}
	r.socket = filepath.Join(folder, "s")
	var lc net.ListenConfig
	unix := setup.listen
	if unix == nil {
		if unix, err = lc.Listen(t.Context(), "unix", r.socket); err != nil {
			t.Fatal(err)
		}
	}
	tcp, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, r.port, _ = net.SplitHostPort(tcp.Addr().String())

	var faces, below, bottom sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	interpCtx, stopInterp := context.WithCancel(context.Background())
	poolCtx, stopPool := context.WithCancel(context.Background())
	must := func(what string, f func() error) func() {
		return func() {
			if err := f(); err != nil {
				t.Errorf("%s = %v", what, err)
			}
		}
	}
	faces.Go(must("Run", func() error { return r.Run(ctx) }))
	faces.Go(must("Serve(unix)", func() error { return r.Serve(ctx, unix, Unix) }))
	faces.Go(must("Serve(tcp)", func() error { return r.Serve(ctx, tcp, TCP) }))
	below.Go(must("interpreter", func() error { return interp.Run(interpCtx) }))
	bottom.Go(must("pool", func() error { return p.Run(poolCtx) }))
	r.stop = sync.OnceFunc(func() {
		cancel()
		faces.Wait()
		stopInterp()
		below.Wait()
		stopPool()
		bottom.Wait()
		_ = os.RemoveAll(folder)
	})
	t.Cleanup(r.stop)
	return r
}

// shortFolder makes a folder whose name leaves room for a socket's; testing's own are too long.
func shortFolder() (string, error) { return os.MkdirTemp("", "rig") }

// newInterpreter makes an interpreter that is not run.
func newInterpreter() (*interpreter.Interpreter, error) {
	fake := sandboxtest.NewFake(sandboxtest.FakeOptions{})
	p, err := pool.New(pool.Options[sandbox.Session]{New: fake.Open})
	if err != nil {
		return nil, err
	}
	return interpreter.New(interpreter.Options{Site: interpreter.NewSite(fake, p)})
}

// client makes an HTTP client for one face, and the URL to use it with.
func (r *rig) client(t testing.TB, face Face) (*http.Client, string) {
	t.Helper()
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	url := "http://127.0.0.1:" + r.port + "/mcp"
	if face == Unix {
		url = "http://agentrun/mcp"
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", r.socket)
		}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}, url
}

// headers are those of one raw request.
type headers map[string]string

// answerTo is what came back for a raw request.
type answerTo struct {
	status int
	header http.Header
	body   string
}

// messages are the JSON-RPC messages in the answer, be it a stream or not.
func (a answerTo) messages(t testing.TB) []rpcMessage {
	t.Helper()
	var out []rpcMessage
	add := func(text string) {
		var m rpcMessage
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("answer holds %q: %v", text, err)
		}
		out = append(out, m)
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), streamType) {
		if strings.HasPrefix(a.header.Get("Content-Type"), jsonType) {
			add(a.body)
		}
		return out
	}
	scan := bufio.NewScanner(strings.NewReader(a.body))
	scan.Buffer(nil, 64<<20)
	for scan.Scan() {
		if text, ok := strings.CutPrefix(scan.Text(), "data: "); ok {
			add(text)
		}
	}
	return out
}

// final is the last message of the answer.
func (a answerTo) final(t testing.TB) rpcMessage {
	t.Helper()
	all := a.messages(t)
	if len(all) == 0 {
		t.Fatalf("no message in the answer: %d %q", a.status, a.body)
	}
	return all[len(all)-1]
}

type rpcMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Error  *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	} `json:"error"`
	Result *toolResult `json:"result"`
}

type toolResult struct {
	Content []struct {
		Type, Text, Data, URI, MIMEType string
		Size                            int64
	} `json:"content"`
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
	ResultType string          `json:"resultType"`
}

// send makes one raw request and reads the whole answer.
func (r *rig) send(t testing.TB, face Face, method, path string, body io.Reader, hs headers) answerTo {
	t.Helper()
	c, url := r.client(t, face)
	req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(url, "/mcp")+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("Accept", "application/json, text/event-stream")
	if face == TCP {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range hs {
		switch {
		case name == "Host":
			req.Host = value
		case value == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, value)
		}
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read answer: %v", method, path, err)
	}
	return answerTo{resp.StatusCode, resp.Header, string(data)}
}

func (r *rig) post(t testing.TB, face Face, body string, hs headers) answerTo {
	t.Helper()
	return r.send(t, face, http.MethodPost, "/mcp", strings.NewReader(body), hs)
}

const initializeBody = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"7"}}}`

// initialize starts an MCP session by hand and returns its id.
func (r *rig) initialize(t testing.TB, face Face, hs headers) string {
	t.Helper()
	a := r.post(t, face, initializeBody, hs)
	id := a.header.Get("Mcp-Session-Id")
	if a.status != http.StatusOK || id == "" {
		t.Fatalf("initialize = %d %q, session %q", a.status, a.body, id)
	}
	return id
}

// legacyCall is the body of a tool call in the older era.
func legacyCall(id, tool, args string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + args + `}}`
}

const modernMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"raw","version":"8"}}`

// modernCall is the body of a tool call in the newer era, and its headers.
func modernCall(id, tool, args string) (string, headers) {
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + args + `,` + modernMeta + `}}`,
		headers{"Mcp-Protocol-Version": modern, "Mcp-Method": "tools/call", "Mcp-Name": tool}
}

// connect makes an independent client of one era over one face.
func (r *rig) connect(t testing.TB, face Face, version string, opt *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	hc, url := r.client(t, face)
	if face == TCP {
		hc.Transport = withToken{hc.Transport}
	}
	c := sdk.NewClient(&sdk.Implementation{Name: "peer", Version: "1.8.0"}, opt)
	cs, err := c.Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: url, HTTPClient: hc, MaxRetries: -1}, &sdk.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("connect %s over %s: %v", version, face, err)
	}
	if got := cs.InitializeResult().ProtocolVersion; got != version {
		t.Fatalf("negotiated %s, want %s", got, version)
	}
	t.Cleanup(func() { _ = cs.Close() })
	return cs
}

type withToken struct{ http.RoundTripper }

func (w withToken) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return w.RoundTripper.RoundTrip(req)
}

// eachPeer runs a test with an independent client of both eras on both faces.
func eachPeer(t *testing.T, setup rigSetup, test func(t *testing.T, r *rig, cs *sdk.ClientSession)) {
	t.Helper()
	for _, face := range []Face{Unix, TCP} {
		for _, version := range []string{legacy, modern} {
			t.Run(string(face)+" "+version, func(t *testing.T) {
				r := startRig(t, setup)
				test(t, r, r.connect(t, face, version, nil))
			})
		}
	}
}

// invoke calls a tool and returns the JSON it answered with, after checking that it came twice and alike.
func invoke(t testing.TB, cs *sdk.ClientSession, tool string, args map[string]any) (object map[string]any, res *sdk.CallToolResult) {
	t.Helper()
	res, err := cs.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatalf("%s(%v): %v", tool, args, err)
	}
	text, ok := res.Content[0].(*sdk.TextContent)
	if !ok {
		t.Fatalf("%s: first block is %T, want text", tool, res.Content[0])
	}
	if err := json.Unmarshal([]byte(text.Text), &object); err != nil {
		t.Fatalf("%s: first block is not JSON: %v\n%s", tool, err, text.Text)
	}
	structured, err := json.Marshal(res.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(structured, again) {
		t.Fatalf("%s: structured content %s differs from text %s", tool, structured, again)
	}
	if err := outputSchema(t, cs, tool).Validate(object); err != nil {
		t.Fatalf("%s: %s does not fit the output schema: %v", tool, again, err)
	}
	if data, err := json.Marshal(res); err != nil || len(data) > 1<<20 {
		t.Fatalf("%s: the result has %d bytes (%v), want less than 1 MiB", tool, len(data), err)
	}
	return object, res
}

var schemas sync.Map // of *sdk.ClientSession and tool

// outputSchema is what a client is told of a tool's results, errors among them.
func outputSchema(t testing.TB, cs *sdk.ClientSession, tool string) *jsonschema.Resolved {
	t.Helper()
	type key struct {
		cs   *sdk.ClientSession
		tool string
	}
	if known, ok := schemas.Load(key{cs, tool}); ok {
		return known.(*jsonschema.Resolved)
	}
	for def, err := range cs.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(def.OutputSchema)
		if err != nil {
			t.Fatal(err)
		}
		var schema jsonschema.Schema
		if err := json.Unmarshal(data, &schema); err != nil {
			t.Fatalf("output schema of %s: %v", def.Name, err)
		}
		resolved, err := schema.Resolve(nil)
		if err != nil {
			t.Fatalf("output schema of %s: %v", def.Name, err)
		}
		schemas.Store(key{cs, def.Name}, resolved)
	}
	known, ok := schemas.Load(key{cs, tool})
	if !ok {
		t.Fatalf("there is no tool %s", tool)
	}
	return known.(*jsonschema.Resolved)
}

// do is invoke for calls that must be carried out.
func do(t testing.TB, cs *sdk.ClientSession, tool string, args map[string]any) map[string]any {
	t.Helper()
	object, res := invoke(t, cs, tool, args)
	if res.IsError {
		t.Fatalf("%s(%v) = %v, want no error", tool, args, object)
	}
	return object
}

// refused is invoke for calls that must fail, and returns the code and the sentence.
func refused(t testing.TB, cs *sdk.ClientSession, tool string, args map[string]any) (code, sentence string) {
	t.Helper()
	object, res := invoke(t, cs, tool, args)
	code, _ = object["code"].(string)
	sentence, _ = object["error"].(string)
	if !res.IsError || len(object) != 2 || sentence == "" {
		t.Fatalf("%s(%v) = %v (isError %v), want an error with a sentence and a code", tool, args, object, res.IsError)
	}
	return code, sentence
}

// syncBuffer is a buffer that several goroutines write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// eventually waits for something that another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within a minute: %s", what)
}
