package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// contextOf runs code for a client and returns the context it ran in.
func contextOf(t *testing.T, a answerTo) string {
	t.Helper()
	m := a.final(t)
	var out runCodeOutput
	if m.Result == nil || m.Result.IsError || json.Unmarshal(m.Result.Structured, &out) != nil {
		t.Fatalf("run_code = %d %s", a.status, a.body)
	}
	return out.ContextID
}

func TestWhoIsCalling(t *testing.T) {
	r := startRig(t, rigSetup{})
	run := `{"code":"print 1"}`
	modernRun := func(face Face, more headers) string {
		body, hs := modernCall("1", "run_code", run)
		maps.Copy(hs, more)
		return contextOf(t, r.post(t, face, body, hs))
	}
	legacyRun := func(face Face, session string, more headers) string {
		hs := headers{"Mcp-Session-Id": session}
		maps.Copy(hs, more)
		return contextOf(t, r.post(t, face, legacyCall("1", "run_code", run), hs))
	}
	relay := headers{"Agentrun-Relay": "relay-1", "Agentrun-Parent": "Code Helper"}

	first := modernRun(Unix, relay)
	if again := modernRun(Unix, relay); again != first {
		t.Error("a relay's two requests ran in two contexts")
	}
	session := r.initialize(t, Unix, relay)
	if again := legacyRun(Unix, session, relay); again != first {
		t.Error("a relay's eras ran in two contexts")
	}
	if other := modernRun(Unix, headers{"Agentrun-Relay": "relay-2"}); other == first {
		t.Error("two relays ran in one context")
	}
	plain := r.initialize(t, Unix, nil)
	if a, b := legacyRun(Unix, plain, nil), legacyRun(Unix, r.initialize(t, Unix, nil), nil); a == b || a == first {
		t.Error("two MCP sessions ran in one context")
	}
	tester, other := modernRun(TCP, nil), modernRun(TCP, headers{"Authorization": "Bearer art_other"})
	if tester == other || tester != modernRun(TCP, nil) {
		t.Errorf("by token: %s, %s", tester, other)
	}
	if forged := modernRun(TCP, relay); forged == first || forged != tester {
		t.Error("a client of the TCP face was taken for a relay")
	}

	var got []string
	for _, c := range r.Clients() {
		got = append(got, fmt.Sprintf("%s: %s %s, calls %d", c.Via, c.Name, c.Version, c.Calls))
		if strings.HasPrefix(c.Key, "relay relay-1") != (c.Key == "relay relay-1") || c.InFlight != 0 || c.Since.After(c.LastSeen) {
			t.Errorf("client %+v", c)
		}
	}
	want := []string{"relay: raw 7, calls 3", "relay: raw 8, calls 1", "socket: raw 7, calls 1", "socket: raw 7, calls 1", "http: raw 8, calls 3", "http: raw 8, calls 1"}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("clients = %q\nwant      %q", got, want)
	}
	for _, cc := range r.interp.Contexts() {
		if cc.Owner != "raw 7" && cc.Owner != "raw 8" {
			t.Errorf("context made by %q", cc.Owner)
		}
	}
}

func TestClientWithoutANameIsNamedByWhatIsKnown(t *testing.T) {
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_code","arguments":{"code":"print 1"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	_, hs := modernCall("1", "run_code", "{}")
	for _, tt := range []struct {
		face Face
		more headers
		want string
	}{
		{Unix, headers{"Agentrun-Relay": "r", "Agentrun-Parent": "Code\tHelper"}, "Code Helper"},
		{Unix, headers{"Agentrun-Relay": "r"}, "unknown client"},
		{TCP, headers{"Agentrun-Parent": "liar"}, "tester"},
	} {
		r := startRig(t, rigSetup{})
		maps.Copy(tt.more, hs)
		contextOf(t, r.post(t, tt.face, body, tt.more))
		if got := r.interp.Contexts()[0].Owner; got != tt.want {
			t.Errorf("%s %v: owner %q, want %q", tt.face, tt.more, got, tt.want)
		}
	}
}

func TestReconnectedRelayIsToldThatItsContextsAreGone(t *testing.T) {
	r := startRig(t, rigSetup{})
	body, hs := modernCall("1", "run_code", `{"code":"print 1"}`)
	hs["Agentrun-Relay"], hs["Agentrun-Reconnected"] = "relay-1", "1"
	if m := r.post(t, Unix, body, hs).final(t); !strings.Contains(string(m.Result.Structured), "AgentRun Tray was restarted") {
		t.Errorf("result = %s, want a notice", m.Result.Structured)
	}
	body, hs = modernCall("1", "run_code", `{"code":"print 1"}`)
	hs["Agentrun-Reconnected"] = "1"
	if m := r.post(t, TCP, body, hs).final(t); strings.Contains(string(m.Result.Structured), "restarted") {
		t.Errorf("result over TCP = %s, want no notice: nobody but a relay may say so", m.Result.Structured)
	}
}

func TestErrorsAreCountedAndLoggedWithoutCode(t *testing.T) {
	r := startRig(t, rigSetup{})
	cs := r.connect(t, Unix, legacy, nil)
	do(t, cs, "run_code", map[string]any{"code": "print xyzzy"})
	do(t, cs, "run_code", map[string]any{"code": "raise E xyzzy"})
	refused(t, cs, "run_code", map[string]any{"code": "print xyzzy", "context_id": "ctx-nope"})
	c := r.Clients()
	if len(c) != 1 || c[0].Calls != 3 || c[0].Errors != 1 || c[0].Name != "peer" || c[0].Version != "1.8.0" {
		t.Errorf("clients = %+v", c)
	}
	logs := r.logs.String()
	if strings.Contains(logs, "xyzzy") {
		t.Errorf("the log holds code:\n%s", logs)
	}
	for _, want := range []string{
		`msg="tool call" tool=run_code took=`, `client="peer 1.8.0" method=tools/call`, "outcome=ok", "outcome=CONTEXT_NOT_FOUND", "context_id=" + r.interp.Contexts()[0].ID,
	} {
		if !strings.Contains(logs, want) {
			t.Errorf("the log lacks %q:\n%s", want, logs)
		}
	}
}

func TestChangedTellsOfComingAndGoing(t *testing.T) {
	r := startRig(t, rigSetup{})
	told := func() bool {
		select {
		case <-r.Changed():
			return true
		default:
			return false
		}
	}
	if told() {
		t.Error("told of a change before there was one")
	}
	hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	if !told() {
		t.Error("not told that a client has come")
	}
	r.post(t, Unix, legacyCall("1", "list_contexts", "{}"), hs)
	if told() {
		t.Error("told of a mere call")
	}
	r.send(t, Unix, http.MethodDelete, "/mcp", nil, hs)
	if !told() || len(r.Clients()) != 0 {
		t.Errorf("not told that a client has gone: %+v", r.Clients())
	}
}

func TestUnusedSessionsAreEndedAndUsedOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(time.Hour)
		request := func(method string) *http.Request {
			r, err := http.NewRequestWithContext(t.Context(), method, "/mcp", nil)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		idle, called, listening, relay := s.Generate(), s.Generate(), s.Generate(), s.Generate()
		for _, id := range []string{idle, called, listening, relay} {
			who := entrant{owner: "me"}
			if id == relay {
				who.relay = "relay-1"
			}
			s.adopt(id, who, software{}, nil)
		}
		call, stream := request(http.MethodPost), request(http.MethodGet)
		join := func(r *http.Request, id, requestID string) *mcpSession {
			t.Helper()
			joined, err := s.join(r, id, entrant{owner: "me"}, requestID, func(error) {})
			if err != nil {
				t.Fatal(err)
			}
			return joined
		}
		inCall := join(call, called, "1")
		join(stream, listening, "")
		away := request(http.MethodGet)
		s.leave(join(away, relay, ""), away, "")
		time.Sleep(relayGrace)
		if got := s.stale(time.Now()); len(got) != 1 || got[0] != relay {
			t.Errorf("after %v unused: %v, want the relay that has gone", relayGrace, got)
		}
		s.end(relay, errSessionEnded)
		time.Sleep(2 * time.Hour)
		if got := s.stale(time.Now()); len(got) != 1 || got[0] != idle {
			t.Errorf("unused: %v, want only the one without a call or a stream", got)
		}
		s.leave(inCall, call, "1")
		time.Sleep(59 * time.Minute)
		if got := s.stale(time.Now()); len(got) != 1 {
			t.Errorf("59 min after a call: %v, want the call's session to stay", got)
		}
		time.Sleep(time.Minute)
		if got := s.stale(time.Now()); len(got) != 2 {
			t.Errorf("an hour after a call: %v, want the call's session among them", got)
		}
	})
}

// TestReaperEndsWhatNobodyUses has the whole server on a clock of its own.
func TestReaperEndsWhatNobodyUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBareServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()

		id := s.sessions.Generate()
		c := s.clients.enter(sessionKey(id), entrant{via: ViaSocket}, software{"a", "1"})
		s.clients.opened(c)
		s.sessions.adopt(id, entrant{owner: "socket"}, software{}, c)
		s.clients.leave(c)
		s.clients.leave(s.clients.enter("relay x", entrant{via: ViaRelay}, software{"b", "1"})) // of the newer era: no MCP session

		time.Sleep(clientMemory + time.Minute)
		if got := s.Clients(); len(got) != 0 || len(s.sessions.all()) != 1 {
			t.Errorf("clients = %+v with %d MCP sessions, want none with one", got, len(s.sessions.all()))
		}
		time.Sleep(12 * time.Hour)
		if got := s.Clients(); len(got) != 0 || len(s.sessions.all()) != 0 {
			t.Errorf("clients = %+v, want none", got)
		}
		left := s.sessions.Generate()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if _, err := s.sessions.Validate(left); err == nil {
			t.Error("an MCP session outlived the server")
		}
	})
}

// newBareServer makes a server that is not served.
func newBareServer(t *testing.T) *Server {
	t.Helper()
	interp, err := newInterpreter()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Interpreter: interp, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTooManySessionsPushOutTheIdlest(t *testing.T) {
	r := startRig(t, rigSetup{})
	first := r.initialize(t, Unix, nil)
	for range maxSessions - 1 {
		r.sessions.Generate()
	}
	fresh := r.initialize(t, Unix, nil)
	if got := len(r.sessions.all()); got > maxSessions {
		t.Errorf("%d MCP sessions, want at most %d", got, maxSessions)
	}
	if a := r.post(t, Unix, legacyCall("1", "list_contexts", "{}"), headers{"Mcp-Session-Id": first}); a.status != http.StatusNotFound {
		t.Errorf("the idlest session = %d, want it ended", a.status)
	}
	if a := r.post(t, Unix, legacyCall("1", "list_contexts", "{}"), headers{"Mcp-Session-Id": fresh}); a.status != http.StatusOK {
		t.Errorf("the new session = %d, want it served", a.status)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	interp, err := newInterpreter()
	if err != nil {
		t.Fatal(err)
	}
	for _, opt := range []Options{{}, {Version: "1"}, {Interpreter: interp}} {
		if _, err := New(opt); err == nil {
			t.Errorf("New(%+v) = nil error", opt)
		}
	}
}
