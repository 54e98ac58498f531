package bridge

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestBytesPassThrough(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	for n, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1,2]}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":5,"uri":{},"_meta":"x"}}`,
		`{ "params" : {"name":"echo","arguments":{"text":"a\u0000\ud83d\ude00 \\\" 世界"}},"unknown":[{}], "id":3 , "method":"tools\/call","jsonrpc":"2.0"}`,
	} {
		e.write(body)
		e.answer(fmt.Sprint(n + 1))
		if got := h.requests("tools/call")[n].body; got != body {
			t.Errorf("the host saw\n%s, want\n%s", got, body)
		}
	}
}

func TestEveryRequestSaysWhoRelays(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.write(modernLine("1", "server/discover", ""))
	e.answer("1")
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.seen {
		if s.header.Get("Agentrun-Relay") != e.relay.id || len(e.relay.id) < 16 || s.header.Get("Agentrun-Relay-Version") != "relay-1" || s.header.Get("Agentrun-Parent") != "zed" {
			t.Errorf("%s %s has headers %v", s.method, s.m.Method, s.header)
		}
	}
}

func TestEraIsDecidedPerMessage(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.write(modernLine("1", "tools/call", `"name":"écho"`))
	e.write(modernLine("2", "resources/read", `"uri":"agentrun://pool","name":"not this"`))
	e.write(modernLine("3", "prompts/get", `"name":"=?base64?eA==?="`))
	e.write(modernLine("4", "tools/list", `"name":"nor this"`))
	e.write(`{"jsonrpc":"2.0","id":5,"method":"tools/list"}`)
	want := map[string]string{"1": "=?base64?w6ljaG8=?=", "2": "agentrun://pool", "3": "=?base64?PT9iYXNlNjQ/ZUE9PT89?=", "4": "", "5": ""}
	for id := range want {
		if m := e.answer(id); m.Error != nil {
			t.Errorf("request %s was refused: %+v", id, m.Error)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.seen {
		id := string(s.m.ID)
		name, ok := want[id]
		if !ok {
			continue
		}
		delete(want, id)
		isModern := id != "5"
		if got := s.header.Get("Mcp-Name"); got != name {
			t.Errorf("request %s has Mcp-Name %q, want %q", id, got, name)
		}
		if got := s.header.Get("Mcp-Method"); (got == s.m.Method) != isModern {
			t.Errorf("request %s has Mcp-Method %q", id, got)
		}
		if hasSession := s.header.Get("Mcp-Session-Id") != ""; hasSession == isModern {
			t.Errorf("request %s, modern %v, names a session: %v", id, isModern, hasSession)
		}
	}
	if len(want) > 0 {
		t.Errorf("the host did not see %v", want)
	}
}

func TestANameOver8KiBIsRefused(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	long, fits := strings.Repeat("é", 4097), strings.Repeat("é", 4096)
	e.write(modernLine("1", "tools/call", `"name":"`+long+`"`))
	e.write(modernLine("2", "resources/read", `"uri":"`+long+`"`))
	e.write(modernLine("3", "tools/call", `"name":"`+fits+`"`))
	for _, id := range []string{"1", "2"} {
		if m := e.answer(id); m.Error == nil || m.Error.Code != -32602 || !strings.Contains(m.Error.Message, "8 KiB") {
			t.Errorf("answer %s = %+v, want -32602 about 8 KiB", id, m)
		}
	}
	if m := e.answer("3"); m.Error != nil {
		t.Errorf("a name of 8 KiB was refused: %+v", m.Error)
	}
}

func TestWhatCannotBeAHeaderIsRefused(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.write(modernLine("1", "tools/\n", ""))
	e.write(`{"jsonrpc":"2.0","id":2,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28\r\nX: y"}}}`)
	if m := e.answer("1"); m.Error == nil || m.Error.Code != -32601 {
		t.Errorf("a method with a line end: %+v, want -32601", m)
	}
	if m := e.answer("2"); m.Error == nil || m.Error.Code != -32602 {
		t.Errorf("a version with a line end: %+v, want -32602", m)
	}
}

func TestLegacyRequestsWaitForInitialize(t *testing.T) {
	release := make(chan struct{})
	h := startHost(t, home(t), hook("initialize", func(http.ResponseWriter, *http.Request, message) bool {
		<-release
		return false
	}))
	e := connect(t, h.dirs)
	e.write(hello)
	e.write(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	e.call(1, "echo", `{}`)
	e.write(callLine(2, "echo", `{}`, true))
	if m := e.answer("2"); m.Error != nil {
		t.Errorf("the modern call was refused: %+v", m.Error)
	}
	e.write(`{"jsonrpc":"2.0","id":3,"method":"ping"}`)
	if m := e.answer("3"); string(m.Result) != "{}" {
		t.Errorf("ping before the handshake = %+v, want an empty result", m)
	}
	if n := len(e.answers()["1"]); n != 0 {
		t.Error("a legacy call was answered before initialize")
	}
	close(release)
	for _, id := range []string{"0", "1"} {
		if m := e.answer(id); m.Error != nil {
			t.Errorf("answer %s = %+v", id, m.Error)
		}
	}
}

func TestARefusedInitializeOpensTheGate(t *testing.T) {
	h := startHost(t, home(t), func(h *testHost) { h.refuse = 1 })
	e := connect(t, h.dirs)
	e.write(hello)
	e.call(1, "echo", `{}`)
	if m := e.answer("0"); m.Error == nil || m.Error.Message != "not like this" {
		t.Errorf("initialize = %+v, want the host's refusal", m)
	}
	if m := e.answer("1"); m.Error == nil || m.Error.Code != -32600 || !strings.Contains(m.Error.Message, "initialize first") {
		t.Errorf("a call without a session = %+v, want the host's refusal under its own id", m)
	}
	e.write(strings.Replace(hello, `"id":0`, `"id":"again"`, 1))
	if m := e.answer(`"again"`); m.Error != nil {
		t.Errorf("the second initialize = %+v", m.Error)
	}
	e.call(2, "echo", `{}`)
	if m := e.answer("2"); m.Error != nil {
		t.Errorf("the call after it = %+v", m.Error)
	}
}

func TestARejectedSecondInitializeKeepsTheSession(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	h.mu.Lock()
	h.refuse = 1
	h.mu.Unlock()
	e.write(strings.Replace(hello, `"id":0`, `"id":9`, 1))
	e.call(1, "echo", `{}`)
	if m := e.answer("9"); m.Error == nil {
		t.Errorf("the second initialize = %+v, want a refusal", m)
	}
	if m := e.answer("1"); m.Error != nil {
		t.Errorf("the call after a refused second initialize = %+v", m.Error)
	}
}

func TestASecondInitializeBeginsAnewAndEndsNoCall(t *testing.T) {
	dirs := home(t)
	h := startHost(t, dirs)
	e := connect(t, dirs)
	e.initialize(h)
	e.write(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"agentrun://pool"}}`)
	e.answer("1")
	e.call(2, "sleep", `{"ms":200,"key":"first"}`)
	eventually(t, "the run", func() bool { return h.runningNow("sleep") == 1 })
	e.write(strings.Replace(hello, `"id":0`, `"id":9`, 1))
	if m := e.answer("9"); m.Error != nil {
		t.Fatalf("the second initialize = %+v", m.Error)
	}
	e.write(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	eventually(t, "a stream for the second", func() bool { return len(h.requests(http.MethodGet)) == 2 })
	e.call(3, "echo", `{}`)
	if m := e.answer("3"); m.Error != nil {
		t.Errorf("a call in the second session = %+v", m.Error)
	}
	if m := e.answer("2"); !strings.Contains(string(m.Result), "first") || h.runs("first") != 1 {
		t.Errorf("the call of the first session = %+v after %d runs", m, h.runs("first"))
	}
	h.kill()
	h = startHost(t, dirs)
	e.call(4, "echo", `{}`)
	e.answer("4")
	if n := len(h.requests("resources/subscribe")); n != 0 {
		t.Errorf("the new host was given %d subscriptions of the first session", n)
	}
}

// Editors ping all the time. That must not bring back a program which the user has ended.
func TestAPingNeedsNoHost(t *testing.T) {
	dirs := home(t)
	h := startHost(t, dirs)
	starter := playing(t, dirs, "host")
	e := connect(t, dirs, func(r *Relay) { r.opt.Starter, r.times.patience = starter, 0 })
	e.initialize(h)
	h.kill()
	for n := range 3 {
		e.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":"p%d","method":"ping"}`, n))
		if m := e.answer(fmt.Sprintf(`"p%d"`, n)); string(m.Result) != "{}" {
			t.Errorf("ping = %+v, want an empty result", m)
		}
	}
	if _, err := os.Stat(starter.logName()); err == nil {
		t.Error("a ping has started a host")
	}
}

func TestRequestsWithoutAHandshakeAreAnswered(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.write(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if m := e.answer("1"); m.Error == nil {
		t.Errorf("tools/list without a session = %+v, want the host's refusal", m)
	}
}

func TestCancelledIsNotForwardedButStopsTheRun(t *testing.T) {
	for _, modern := range []bool{false, true} {
		t.Run(fmt.Sprintf("modern=%v", modern), func(t *testing.T) {
			h := startHost(t, home(t))
			e := connect(t, h.dirs)
			e.initialize(h)
			e.write(callLine(7, "hang", `{}`, modern))
			eventually(t, "the run", func() bool { return h.runningNow("hang") == 1 })
			e.write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}`)
			e.write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"enough"}}`)
			eventually(t, "the end of the run", func() bool { return h.runningNow("hang") == 0 })
			e.call(9, "echo", `{}`)
			e.answer("9")
			if got := e.answers()["7"]; got != nil {
				t.Errorf("a cancelled call was answered: %q", got)
			}
			if got := h.requests("notifications/cancelled"); len(got) != 0 {
				t.Errorf("the host saw %d cancellations, want none", len(got))
			}
			// The id may be used again.
			e.write(callLine(7, "echo", `{}`, modern))
			e.answer("7")
		})
	}
}

func TestNotificationsAndAnswersKeepTheirOrder(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	for n := range 50 {
		e.write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%d}}`, n))
	}
	eventually(t, "50 notifications", func() bool { return len(h.requests("notifications/progress")) == 50 })
	for n, s := range h.requests("notifications/progress") {
		if want := fmt.Sprint(n); string(s.m.Params.ProgressToken) != want {
			t.Fatalf("notification %d is %s", n, s.body)
		}
	}
}

func TestAHungNotificationHoldsTheLaneForAWhileOnly(t *testing.T) {
	var stuck sync.Once
	h := startHost(t, home(t), hook("notifications/progress", func(_ http.ResponseWriter, req *http.Request, _ message) bool {
		stuck.Do(func() { <-req.Context().Done() })
		return false
	}))
	e := connect(t, h.dirs, func(r *Relay) { r.times.parcel = time.Second })
	e.initialize(h)
	e.write(`{"jsonrpc":"2.0","method":"notifications/progress","params":{}}`)
	e.write(`{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`)
	eventually(t, "the second notification", func() bool { return len(h.requests("notifications/roots/list_changed")) == 1 })
	if !strings.Contains(e.log.String(), "pass a notification to the host") {
		t.Errorf("the log is %q, want a line about the lost notification", e.log.String())
	}
}

func TestANotificationsResponseMayCarrySomebodyElses(t *testing.T) {
	h := startHost(t, home(t), hook("notifications/progress", func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		sendEvent(w, `{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
		return true
	}))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.write(`{"jsonrpc":"2.0","method":"notifications/progress","params":{}}`)
	e.note("notifications/message")
}

// writes counts the calls of Write.
type writes struct {
	io.Writer

	mu sync.Mutex
	n  []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.n = append(w.n, string(p))
	w.mu.Unlock()
	return w.Writer.Write(p)
}

func TestOneWritePerMessage(t *testing.T) {
	h := startHost(t, home(t), hook("pretty", func(w http.ResponseWriter, _ *http.Request, m message) bool {
		fmt.Fprintf(w, "{\n  \"jsonrpc\": \"2.0\",\r\n  \"id\": %s,\n  \"result\": {\"text\": \"a\\nb\"}\n}\n", m.ID)
		return true
	}), hook("split", func(w http.ResponseWriter, _ *http.Request, m message) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, ": hi\n\ndata: {\"jsonrpc\": \"2.0\",\ndata: \"id\": %s,\r\ndata:\"result\": {}}\n\n", m.ID)
		return true
	}))
	stdin, in := io.Pipe()
	out := &writes{Writer: io.Discard}
	r := New(Options{Dirs: h.dirs})
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(t.Context(), stdin, out, io.Discard) })
	io.WriteString(in, hello+"\n")
	for n := range 20 {
		fmt.Fprintf(in, `{"jsonrpc":"2.0","id":%d,"method":"%s"}`+"\n", n+1, []string{"pretty", "split"}[n%2])
	}
	eventually(t, "21 answers", func() bool {
		out.mu.Lock()
		defer out.mu.Unlock()
		return len(out.n) == 21
	})
	in.Close()
	wg.Wait()
	for _, text := range out.n {
		if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "}\n") || !json.Valid([]byte(text)) || strings.Contains(text, "\r") {
			t.Errorf("wrote %q, want one message on one line", text)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAWriteErrorEndsTheRelay(t *testing.T) {
	h := startHost(t, home(t))
	stdin, in := io.Pipe()
	defer in.Close()
	ended := make(chan error, 1)
	r := New(Options{Dirs: h.dirs})
	r.times.farewell = 10 * time.Second // so that a busy computer hears it
	go func() { ended <- r.Run(t.Context(), stdin, brokenWriter{}, io.Discard) }()
	io.WriteString(in, hello+"\n")
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "write to the editor") {
			t.Errorf("Run = %v, want the write error", err)
		}
	case <-time.After(patienceOfTests):
		t.Fatal("Run has not returned")
	}
	if h.sessionCount() != 0 {
		t.Error("the host still has the session")
	}
}
