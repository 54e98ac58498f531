//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// token makes a token for a client.
func (h *home) token(t *testing.T, name string) string {
	t.Helper()
	secret := strings.TrimSpace(h.mustCtl(t, "token", name))
	if len(secret) < 20 {
		t.Fatalf("agentrunctl token %s = %q, want a token", name, secret)
	}
	return secret
}

// logLines reads the host's log, line by line.
func (h *home) logLines(t *testing.T) (lines []map[string]any, text string) {
	t.Helper()
	data, err := os.ReadFile(h.logFile())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("the log has the line %q, want JSON: %v", line, err)
		}
		lines = append(lines, fields)
	}
	return lines, string(data)
}

// TestALineLeadsFromTheCallToTheEngine: a relay passes the trace context on untouched, and every line that the host logs on behalf
// of the call names the same request and the same trace.
func TestALineLeadsFromTheCallToTheEngine(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	h.serve(t, "--log-level", "debug").ready(t)
	const parent = "b7ad6b7169203331"
	traces := map[string]string{legacy: "0af7651916cd43dd8448eb211c80319c", modern: "1bf7651916cd43dd8448eb211c80319c"}
	inBothEras(t, func(t *testing.T, era string) {
		r := h.relay(t)
		if era == legacy {
			r.hello(t, "by-hand")
		}
		var call map[string]any
		if err := json.Unmarshal([]byte(toolCall(era, `"call-1"`, "run_code", args{"code": "6 * 7"})), &call); err != nil {
			t.Fatal(err)
		}
		params, _ := call["params"].(map[string]any)
		meta, _ := params["_meta"].(map[string]any)
		if meta == nil {
			meta = map[string]any{}
			params["_meta"] = meta
		}
		meta["traceparent"], meta["tracestate"], meta["baggage"] = "00-"+traces[era]+"-"+parent+"-01", "vendor=abc", "user=alice"
		line, err := json.Marshal(call)
		if err != nil {
			t.Fatal(err)
		}
		r.send(t, string(line))
		if m := r.answer(t, `"call-1"`); m.Error != nil {
			t.Fatalf("run_code was refused: %d %s", m.Error.Code, m.Error.Message)
		}

		var of []map[string]any // the lines of this trace
		var events []string
		if !eventually(patience, func() bool {
			of, events = nil, nil
			lines, _ := h.logLines(t)
			for _, l := range lines {
				if l["trace_id"] == traces[era] {
					of = append(of, l)
					event, _ := l["msg"].(string)
					events = append(events, event)
				}
			}
			return slices.Contains(events, "tool call")
		}) {
			t.Fatal("no line of the log is about the trace")
		}
		for _, want := range []string{"context placed", "run started", "run", "run ended"} { // "run" is the backend's
			if !slices.Contains(events, want) {
				t.Errorf("the trace led to the events %q, want %q among them", events, want)
			}
		}
		for _, l := range of {
			if id, _ := l["request_id"].(string); id == "" || id != of[0]["request_id"] {
				t.Errorf("a line has the request_id %v and another %v", id, of[0]["request_id"])
			}
			if l["parent_span_id"] != parent || l["method"] != "tools/call" || l["client"] != "by-hand 1.0" || l["rpc_id"] != "call-1" {
				t.Errorf("the line %v does not say whose call it is about", l)
			}
		}
		if _, text := h.logLines(t); strings.Contains(text, "alice") || strings.Contains(text, "vendor=abc") {
			t.Error("the log holds what the trace carries for others")
		}
	})
}

// TestTheLogHoldsNoCodeNoOutputAndNoToken does what people do and searches the whole log, at its most talkative.
func TestTheLogHoldsNoCodeNoOutputAndNoToken(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	url := h.serveHTTP(t, "--log-level", "debug")
	secret := h.token(t, "careful")
	inBothEras(t, func(t *testing.T, era string) {
		c := overHTTP(t, era, url, secret)
		c.run(t, "", "# SECRETcode\nprint('SECRET' + 'output')\n'SECRET' + 'value'")
		c.run(t, "", "raise ValueError('SECRET' + 'error')")
		c.run(t, "", "SECRETbroken = (")
		c.do(t, "upload_file", args{"path": "a.txt", "content": "SECRETcontent"})
		c.do(t, "download_file", args{"path": "a.txt"})
		for _, bad := range []args{
			{"code": "SECRETcode", "context_id": "ctx-nope"},
			{"code": []string{"SECRETcode"}},
			{"code": "SECRET\x00code"},
			{"code": "SECRETcode", "timeout_seconds": -1},
			{"code": "1", "language": "SECRETlanguage"},
			{"code": "1", "SECRETcode": 1},
		} {
			if r := c.call(t, "run_code", bad); !r.isError {
				t.Errorf("run_code(%s) = %v, want an error", brief(bad), r)
			}
		}
		run := c.begin(t, "run_code", args{"code": "print('SECRET' + 'output')\nwhile True: pass"}, "SECRETtoken")
		if !eventually(patience, func() bool {
			for _, cc := range c.contexts(t) {
				if cc["status"] == "running" {
					return true
				}
			}
			return false
		}) {
			t.Fatal("the code does not run")
		}
		run.stop()
	})
	for _, header := range []string{"Bearer " + secret[:len(secret)-1] + "SECRET", "Bearer SECRETtoken"} {
		post(t, url, map[string]string{"Authorization": header})
	}
	h.mustCtl(t, "token", "careful", "--revoke")
	lines, text := h.logLines(t)
	if len(lines) < 20 {
		t.Errorf("the log has %d lines, too few for a test of what is in there", len(lines))
	}
	for _, not := range []string{"SECRET", secret, secret[len("art_"):], secret[4:14]} {
		for line := range strings.Lines(text) {
			if strings.Contains(line, not) {
				t.Errorf("the log holds %q: %s", not, line)
			}
		}
	}
}

func TestEachTokenHasItsOwnRules(t *testing.T) {
	t.Parallel()
	h := newHome(t, `{"clients": {"Reader": {"tools": ["list_contexts", "dance"]}, "runner": {"tools": ["run_code", "create_context", "upload_file"]}, "independent": {"tools": []}}}`)
	url := h.serveHTTP(t)
	if p := h.problem(t, "settings"); !strings.Contains(p.What, "clients.Reader.tools") || !strings.Contains(p.What, "dance") {
		t.Errorf("the problem is %+v, want the tool named that there is not", p)
	}
	secrets := map[string]string{"reader": h.token(t, "reader"), "runner": h.token(t, "runner"), "unused": h.token(t, "unused")}
	inBothEras(t, func(t *testing.T, era string) {
		reader, runner := overHTTP(t, era, url, secrets["reader"]), overHTTP(t, era, url, secrets["runner"])
		id := runner.create(t, "mine", "python")
		runner.wants(t, id, "print('for my eyes'); 1", "1")
		runner.do(t, "upload_file", args{"context_id": id, "path": "a.txt", "content": "for my eyes"})
		if _, shown := reader.contexts(t)[id]; !shown {
			t.Errorf("list_contexts does not show %s to a client that may list contexts", id)
		}
		for tool, by := range map[string]*client{"run_code": reader, "download_file": reader, "list_contexts": runner, "stop_context": runner} {
			if r := by.call(t, tool, args{"context_id": id}); r.code() != "NOT_ALLOWED" || !strings.Contains(r.text("error"), ".tools") {
				t.Errorf("%s by one who may not = %v, want NOT_ALLOWED and the setting named", tool, r)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for _, uri := range []string{"agentrun://contexts/" + id + "/files/a.txt", "agentrun://contexts/" + id + "/runs/1/stdout"} {
			if r, err := runner.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri}); err != nil || !strings.Contains(r.Contents[0].Text, "for my eyes") {
				t.Errorf("resources/read %s by one who may run code = %v, %v, want it read", uri, r, err)
			}
			if r, err := reader.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri}); err == nil || !strings.Contains(err.Error(), "clients.reader.tools") {
				t.Errorf("resources/read %s by one who may only list contexts = %v, %v, want a refusal that names the setting", uri, r, err)
			}
		}
		both := make([]string, 0, 2)
		for _, c := range []*client{reader, runner} {
			list, err := c.ListTools(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			names := make([]string, len(list.Tools))
			for n, tool := range list.Tools {
				names[n] = tool.Name
			}
			both = append(both, strings.Join(names, " "))
		}
		if both[0] != both[1] || !strings.Contains(both[0], "stop_context") {
			t.Errorf("tools/list = %q and %q, want the same of all tools: lists do not vary by client", both[0], both[1])
		}
	})
	// a token's name goes before what a client calls itself; on the socket there is nothing else to go by
	if r := h.connect(t, legacy).call(t, "list_contexts", nil); r.code() != "NOT_ALLOWED" {
		t.Errorf("list_contexts by the client that calls itself independent = %v, want NOT_ALLOWED", r)
	}
	s, err := h.look()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Clients {
		if c.Token == "reader" && (c.Via != "http" || !slices.Equal(c.AllowedTools, []string{"list_contexts"}) || c.Errors != 2 || c.Calls != 3) {
			t.Errorf("status shows the client %+v, want 3 calls by http of which 2 were refused, and what it may use", c)
		}
	}
	seen := map[string]bool{}
	for _, k := range s.Tokens {
		seen[k.Client] = !k.LastSeen.IsZero()
		if k.Client == "reader" && (k.Calls != 6 || k.Errors != 4 || !k.Connected) {
			t.Errorf("status shows the token %+v, want it connected with 6 calls of which 4 were refused", k)
		}
	}
	if len(seen) != 3 || !seen["reader"] || !seen["runner"] || seen["unused"] {
		t.Errorf("status shows the tokens %+v, want three, all but unused with when they were seen", s.Tokens)
	}
	people := h.mustCtl(t, "status")
	for _, want := range []string{"http, token reader", "unused", "never", "list_contexts", "TOKEN"} {
		if !strings.Contains(people, want) {
			t.Errorf("agentrunctl status does not show %q:\n%s", want, people)
		}
	}
}

// TestARevokedClientIsShutOutAtOnce has one with a call and a stream of its own open.
func TestARevokedClientIsShutOutAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	url := h.serveHTTP(t)
	gone, stays := h.token(t, "gone"), h.token(t, "stays")
	c, other := overHTTP(t, legacy, url, gone), overHTTP(t, legacy, url, stays)
	id := c.create(t, "busy", "python")
	run := c.begin(t, "run_code", args{"context_id": id, "code": "while True: pass"}, "")
	other.awaitRunning(t, id)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+gone)
	req.Header.Set("Mcp-Session-Id", c.ID())
	ended := make(chan time.Time, 1)
	resp, err := http.DefaultClient.Do(req) //nolint:bodyclose // the goroutine below does
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET a stream = %v, %v", resp, err)
	}
	go func() {
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, bufio.NewReader(resp.Body))
		ended <- time.Now()
	}()

	began := time.Now()
	if out := h.mustCtl(t, "token", "gone", "--revoke"); !strings.Contains(out, "its connections were ended") {
		t.Errorf("agentrunctl token gone --revoke said %q, want that the client was cut off", out)
	}
	if r, err := run.wait(t); err == nil && !r.isError {
		t.Errorf("the call in progress = %v, want it refused or ended", r)
	}
	select {
	case at := <-ended:
		if took := at.Sub(began); took > 15*time.Second {
			t.Errorf("the stream ended %v after the token was revoked, want at once", took)
		}
	case <-time.After(patience):
		t.Error("the stream outlived its token")
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("all was over %v after the token was revoked, want at once", took)
	}
	if !eventually(patience, func() bool { return other.contexts(t)[id]["status"] != "running" }) {
		t.Error("the code of the client that was shut out runs on")
	}
	other.wants(t, "", "1 + 1", "2")
	if got := post(t, url, map[string]string{"Authorization": "Bearer " + gone}); got != http.StatusUnauthorized {
		t.Errorf("POST with the revoked token = %d, want %d", got, http.StatusUnauthorized)
	}
	if fresh := h.token(t, "gone"); fresh == gone {
		t.Error("a new token is the revoked one")
	}
}

func TestWhatATokenWasUsedForOutlivesTheHost(t *testing.T) {
	t.Parallel()
	h := coldHome(t, `{"backend": "mock"}`)
	s := h.serve(t, "--listen", "127.0.0.1:0").ready(t)
	url := h.sees(t, "an address", func(s status.Snapshot) bool { return s.Addresses.HTTP != "" }).Addresses.HTTP
	secret := h.token(t, "editor")
	h.token(t, "idle")
	c := overHTTP(t, modern, url, secret)
	c.contexts(t)
	c.call(t, "run_code", args{"code": ""})
	check := func(when string, wanted ...string) {
		t.Helper()
		list := h.mustCtl(t, "token")
		editor, idle := "", ""
		for line := range strings.Lines(list) {
			fields := strings.Join(strings.Fields(line), " ")
			if strings.HasPrefix(fields, "editor ") {
				editor = fields
			}
			if strings.HasPrefix(fields, "idle ") {
				idle = fields
			}
		}
		for _, want := range wanted {
			if !strings.Contains(editor, want) || !strings.Contains(idle, "never 0 0") || strings.Contains(list, "art_") {
				t.Errorf("%s agentrunctl token prints\n%swant editor with %q, idle never seen, and no token", when, list, want)
			}
		}
	}
	check("while it is connected", " yes ", "ago 2 1 all")
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.ended(t, 20*time.Second, "the interrupt")
	check("without a host", "ago 2 1")
	url = h.serveHTTP(t)
	check("after a restart", " no ", "ago 2 1 all")
	overHTTP(t, modern, url, secret).contexts(t)
	check("after one call more", "ago 3 1 all")
}

func TestCodeIsInterruptedFromElsewhere(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, legacy)
	id := c.create(t, "long", "python")
	c.value(t, id, "kept = 42")
	run := c.begin(t, "run_code", args{"context_id": id, "code": "while True: pass"}, "")
	c.awaitRunning(t, id)
	if out := h.mustCtl(t, "interrupt", id); !strings.Contains(out, "was interrupted") || !strings.Contains(out, "long") {
		t.Errorf("agentrunctl interrupt said %q", out)
	}
	r, err := run.wait(t)
	if err != nil || r.success() || r.code() != "CANCELLED" {
		t.Errorf("the interrupted run = %v, %v, want CANCELLED", r, err)
	}
	c.wants(t, id, "kept", "42")
	if out := h.mustCtl(t, "interrupt", id); !strings.Contains(out, "Nothing runs") {
		t.Errorf("agentrunctl interrupt of a context at rest said %q", out)
	}

	second := c.begin(t, "run_code", args{"context_id": id, "code": "while True: pass"}, "")
	c.awaitRunning(t, id)
	runID := h.sees(t, "the run", func(s status.Snapshot) bool { return len(s.Contexts) == 1 && s.Contexts[0].RunID != "" }).Contexts[0].RunID
	if out := h.mustCtl(t, "interrupt", runID); !strings.Contains(out, runID) || !strings.Contains(out, "was cancelled") {
		t.Errorf("agentrunctl interrupt of a run said %q", out)
	}
	if r, err := second.wait(t); err != nil || r.code() != "CANCELLED" {
		t.Errorf("the cancelled run = %v, %v, want CANCELLED", r, err)
	}
	if out := h.mustCtl(t, "interrupt", runID); !strings.Contains(out, "has ended") {
		t.Errorf("agentrunctl interrupt of a run that has ended said %q", out)
	}
	if out, err := h.ctl("interrupt", "ctx-nope"); err != nil || out.code != 1 || !strings.Contains(out.stderr, "no context and no run ctx-nope") {
		t.Errorf("agentrunctl interrupt of an unknown context = %+v, %v, want exit code 1 and a sentence", out, err)
	}
	if out := h.mustCtl(t, "status", "--goroutines"); !strings.Contains(out, "goroutine profile") {
		t.Errorf("agentrunctl status --goroutines said %.200q", out)
	}
}
