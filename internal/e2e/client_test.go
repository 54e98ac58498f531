//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The two eras of the protocol: with the initialize handshake, and without.
const (
	legacy = "2025-11-25"
	modern = "2026-07-28"
)

// inBothEras runs a test once per era.
func inBothEras(t *testing.T, test func(t *testing.T, era string)) {
	t.Helper()
	for _, era := range []string{legacy, modern} {
		t.Run(era, func(t *testing.T) { test(t, era) })
	}
}

// client is an editor's MCP client, of another make than our server.
type client struct {
	*mcp.ClientSession
	relay *relay // nil if it does not come through one

	mu    sync.Mutex
	notes []note
}

// note is a progress notification as it came.
type note struct {
	at    time.Time
	token any
	text  string
}

// connect starts a relay and a client on it, which a test's end closes.
func (h *home) connect(t *testing.T, era string) *client {
	t.Helper()
	return h.relay(t).connect(t, era)
}

// connect makes a client speak to the relay.
func (r *relay) connect(t *testing.T, era string) *client {
	t.Helper()
	c, err := r.attach(t, era)
	if err != nil {
		t.Fatalf("connect to the relay (%s): %v; it said on standard error:\n%s", era, err, r.grumbled)
	}
	return c
}

// attach is connect for tests which do that on several goroutines.
func (r *relay) attach(t *testing.T, era string) (*client, error) {
	in, out := r.streams()
	c, err := newClient(t.Context(), era, &mcp.IOTransport{Reader: in, Writer: out})
	if err != nil {
		return nil, err
	}
	c.relay = r
	t.Cleanup(func() { c.close(t) })
	return c, nil
}

func newClient(ctx context.Context, era string, transport mcp.Transport) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := &client{}
	peer := mcp.NewClient(&mcp.Implementation{Name: "independent", Version: "1.8"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.notes = append(c.notes, note{time.Now(), r.Params.ProgressToken, r.Params.Message})
		},
	})
	var err error
	c.ClientSession, err = peer.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: era})
	if err != nil {
		return nil, err
	}
	if got := c.InitializeResult().ProtocolVersion; got != era {
		return nil, fmt.Errorf("the server agreed on protocol %s, want %s", got, era)
	}
	return c, nil
}

// close ends the connection in order, with everything answered.
func (c *client) close(t *testing.T) {
	t.Helper()
	if c.relay == nil {
		if err := c.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
		return
	}
	select {
	case <-c.relay.done: // the test has ended it
	default:
		for _, fault := range c.relay.wire.check(true) {
			t.Error(fault)
		}
	}
	_ = c.Close() // the relay's end is judged, not the client's
}

// overHTTP connects a client by URL.
func overHTTP(t *testing.T, era, url, token string) *client {
	t.Helper()
	c, err := newClient(t.Context(), era, &mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: bearer(token)}})
	if err != nil {
		t.Fatalf("connect to %s (%s): %v", url, era, err)
	}
	t.Cleanup(func() { c.close(t) })
	return c
}

// bearer adds a token to every request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// heard lists the progress of one call so far.
func (c *client) heard(token string) []note {
	c.mu.Lock()
	defer c.mu.Unlock()
	var notes []note
	for _, n := range c.notes {
		if n.token == token {
			notes = append(notes, n)
		}
	}
	return notes
}

// args are the arguments of a tool.
type args map[string]any

// reply is the result of a tool call.
type reply struct {
	object  map[string]any
	isError bool
	blocks  []mcp.Content
	took    time.Duration
}

// String is the whole object, for failure messages.
func (r reply) String() string {
	text, err := json.Marshal(r.object)
	if err != nil {
		return err.Error()
	}
	if r.isError {
		return "isError " + clip(string(text), 3000)
	}
	return clip(string(text), 3000)
}

func (r reply) text(path ...string) string {
	s, _ := r.get(path...).(string)
	return s
}

func (r reply) success() bool { return r.object["success"] == true }

// code is the error code, whether of a call that could not be carried out or of code that failed.
func (r reply) code() string {
	if r.isError {
		return r.text("code")
	}
	return r.text("error", "code")
}

func (r reply) get(path ...string) any {
	var at any = r.object
	for _, name := range path {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	return at
}

func (r reply) notices() string {
	list, _ := r.object["notices"].([]any)
	texts := make([]string, len(list))
	for n, v := range list {
		texts[n] = fmt.Sprint(v)
	}
	return strings.Join(texts, "\n")
}

// try calls a tool and checks what every result must be: the same object twice.
func (c *client) try(ctx context.Context, tool string, arguments any, token string) (reply, error) {
	params := &mcp.CallToolParams{Name: tool, Arguments: arguments}
	if token != "" {
		params.Meta = mcp.Meta{"progressToken": token}
	}
	began := time.Now()
	res, err := c.CallTool(ctx, params)
	if err != nil {
		return reply{}, fmt.Errorf("%s: %w", tool, err)
	}
	r := reply{isError: res.IsError, took: time.Since(began), blocks: res.Content}
	object, ok := res.StructuredContent.(map[string]any)
	if !ok {
		return r, fmt.Errorf("%s: structuredContent is %T, want an object", tool, res.StructuredContent)
	}
	r.object = object
	if len(res.Content) == 0 {
		return r, fmt.Errorf("%s: no content, want a text block with the JSON of structuredContent", tool)
	}
	first, ok := res.Content[0].(*mcp.TextContent)
	if !ok {
		return r, fmt.Errorf("%s: content[0] is %T, want a text block", tool, res.Content[0])
	}
	var again map[string]any
	if err := json.Unmarshal([]byte(first.Text), &again); err != nil {
		return r, fmt.Errorf("%s: content[0] is %s, want JSON: %w", tool, clip(first.Text, 1000), err)
	}
	if !reflect.DeepEqual(again, object) {
		return r, fmt.Errorf("%s: content[0] is %s, want the same JSON as structuredContent %s", tool, clip(first.Text, 1000), r.String())
	}
	return r, nil
}

// call calls a tool, which must at least give a result.
func (c *client) call(t *testing.T, tool string, arguments args) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if arguments == nil {
		arguments = args{}
	}
	r, err := c.try(ctx, tool, arguments, "")
	if err != nil {
		t.Fatalf("call %s(%s): %v", tool, brief(arguments), err)
	}
	return r
}

// do calls a tool, which must carry the call out.
func (c *client) do(t *testing.T, tool string, arguments args) reply {
	t.Helper()
	r := c.call(t, tool, arguments)
	if r.isError {
		t.Fatalf("%s(%s) = %v, want a result", tool, brief(arguments), r)
	}
	return r
}

// run runs code, which may raise.
func (c *client) run(t *testing.T, contextID, code string) reply {
	t.Helper()
	arguments := args{"code": code}
	if contextID != "" {
		arguments["context_id"] = contextID
	}
	return c.do(t, "run_code", arguments)
}

// value runs code that must succeed and returns the text of its value.
func (c *client) value(t *testing.T, contextID, code string) string {
	t.Helper()
	r := c.run(t, contextID, code)
	if !r.success() {
		t.Fatalf("run_code(%q) = %v, want success", clip(code, 300), r)
	}
	return r.text("result", "text")
}

// wants fails the test if code does not have this value.
func (c *client) wants(t *testing.T, contextID, code, want string) {
	t.Helper()
	if got := c.value(t, contextID, code); got != want {
		t.Errorf("run_code(%q) has the value %q, want %q", clip(code, 300), got, want)
	}
}

// create makes a context and returns its id.
func (c *client) create(t *testing.T, name, language string) string {
	t.Helper()
	r := c.do(t, "create_context", args{"name": name, "language": language})
	id := r.text("context_id")
	if !strings.HasPrefix(id, "ctx-") {
		t.Fatalf("create_context(%q) = %v, want a context_id ctx-…", name, r)
	}
	return id
}

// contexts returns what list_contexts says, by id.
func (c *client) contexts(t *testing.T) map[string]map[string]any {
	t.Helper()
	r := c.do(t, "list_contexts", nil)
	list, ok := r.object["contexts"].([]any)
	if !ok {
		t.Fatalf("list_contexts = %v, want a list of contexts", r)
	}
	byID := map[string]map[string]any{}
	for _, v := range list {
		cc, _ := v.(map[string]any)
		id, _ := cc["context_id"].(string)
		byID[id] = cc
	}
	if total, _ := r.object["total"].(float64); int(total) != len(list) || len(byID) != len(list) {
		t.Errorf("list_contexts = %v, want each of %d contexts once and that number as total", r, len(list))
	}
	return byID
}

// awaitRunning waits until code runs in a context.
func (c *client) awaitRunning(t *testing.T, contextID string) {
	t.Helper()
	if !eventually(patience, func() bool { return c.contexts(t)[contextID]["status"] == "running" }) {
		t.Fatalf("list_contexts does not show %s as running; it shows %v", contextID, c.contexts(t))
	}
}

// began is a call in progress.
type began struct {
	stop context.CancelFunc
	done chan struct{}
	r    reply
	err  error
}

// begin calls a tool and does not wait for the result. Ending the test cancels it.
func (c *client) begin(t *testing.T, tool string, arguments args, token string) *began {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b := &began{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		b.r, b.err = c.try(ctx, tool, arguments, token)
	}()
	t.Cleanup(func() { cancel(); <-b.done })
	return b
}

// wait returns what came of the call.
func (b *began) wait(t *testing.T) (reply, error) {
	t.Helper()
	select {
	case <-b.done:
	case <-time.After(patience):
		t.Fatalf("the call was not answered within %v", patience)
	}
	return b.r, b.err
}

// brief writes arguments for a failure message.
func brief(a args) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		text, err := json.Marshal(a[name])
		if err != nil {
			text = []byte(err.Error())
		}
		parts = append(parts, name+": "+clip(string(text), 300))
	}
	return strings.Join(parts, ", ")
}
