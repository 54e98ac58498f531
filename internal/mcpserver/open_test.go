package mcpserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
)

// revocable lets clients in by their token until it is revoked.
type revocable struct {
	mu    sync.Mutex
	table tokenTable // guarded by mu
}

func (r *revocable) Lookup(token string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.table.Lookup(token)
}

func (r *revocable) revoke(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.table, token)
}

func TestRevokedTokenEndsWhatIsOpen(t *testing.T) {
	tokens := &revocable{table: tokenTable{token: "tester", "art_other": "other"}}
	r := startRig(t, rigSetup{options: Options{Tokens: tokens}})
	mine := headers{"Mcp-Session-Id": r.initialize(t, TCP, nil)}
	other := headers{"Authorization": "Bearer art_other"}
	other["Mcp-Session-Id"] = r.initialize(t, TCP, other)
	body, hs := modernCall("1", "run_code", `{"code":"loop"}`)

	got := make(map[string]chan answerTo)
	begin := func(name string, send func() answerTo) {
		got[name] = make(chan answerTo, 1)
		go func() { got[name] <- send() }()
		eventually(t, name+" is open", func() bool {
			n := 0
			for _, c := range r.Clients() {
				n += c.InFlight
			}
			return n == len(got)
		})
	}
	begin("stream", func() answerTo { return r.send(t, TCP, http.MethodGet, "/mcp", nil, mine) })
	begin("call", func() answerTo { return r.post(t, TCP, legacyCall("1", "run_code", `{"code":"loop"}`), mine) })
	begin("call of the newer era", func() answerTo { return r.post(t, TCP, body, hs) })
	begin("call of another", func() answerTo { return r.post(t, TCP, legacyCall("1", "run_code", `{"code":"sleep 3s"}`), other) })
	r.ShutOut()
	if n := len(r.sessions.all()); n != 2 {
		t.Fatalf("%d MCP sessions are left while all tokens count, want 2", n)
	}

	tokens.revoke(token)
	r.ShutOut()
	if a := <-got["stream"]; a.body != "" {
		t.Errorf("stream = %d %q, want it to end", a.status, a.body)
	}
	for _, name := range []string{"call", "call of the newer era"} {
		a := <-got[name]
		if m := a.final(t); a.status != http.StatusUnauthorized || m.Error == nil || !strings.Contains(m.Error.Message, "revoked") {
			t.Errorf("%s = %d %s, want 401 and a reason", name, a.status, a.body)
		}
	}
	if a := <-got["call of another"]; a.status != http.StatusOK || a.final(t).Result == nil {
		t.Errorf("call of another = %d %s, want it untouched", a.status, a.body)
	}
	eventually(t, "the code of the one that was shut out has stopped", func() bool {
		return !slices.ContainsFunc(r.interp.Contexts(), func(c interpreter.Context) bool { return c.Status == "running" })
	})
	if n := len(r.sessions.all()); n != 1 {
		t.Errorf("%d MCP sessions, want that of the other client", n)
	}
	if n := len(r.visits.open); n != 0 {
		t.Errorf("%d requests are still noted as open", n)
	}
}

func TestMCPSessionGoesOnWithTheNextToken(t *testing.T) {
	tokens := &revocable{table: tokenTable{token: "tester", "art_next": "tester"}}
	r := startRig(t, rigSetup{options: Options{Tokens: tokens}})
	hs := headers{"Mcp-Session-Id": r.initialize(t, TCP, nil), "Authorization": "Bearer art_next"}
	if a := r.post(t, TCP, legacyCall("1", "list_contexts", "{}"), hs); a.status != http.StatusOK {
		t.Fatalf("call with the next token = %d", a.status)
	}
	tokens.revoke(token)
	r.ShutOut()
	if a := r.post(t, TCP, legacyCall("2", "list_contexts", "{}"), hs); a.status != http.StatusOK {
		t.Errorf("call after the first token was revoked = %d %s, want it served", a.status, a.body)
	}
}

// TestSweepShutsOut has the server's own clock notice a revoked token.
func TestSweepShutsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBareServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		defer func() { cancel(); <-done }()
		var allowed atomic.Bool
		allowed.Store(true)
		id := s.sessions.Generate()
		s.sessions.adopt(id, entrant{owner: "token a", welcome: allowed.Load}, software{}, nil)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if len(s.sessions.all()) != 1 {
			t.Fatal("the MCP session of a good token was ended")
		}
		allowed.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.sessions.all()) != 0 {
			t.Error("the MCP session outlived its token by a minute")
		}
	})
}

func TestBodyThatDoesNotComeIsGivenUp(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		status     int
	}{
		{"a short one", "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"id\"", http.StatusRequestTimeout},
		{"a long one", "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{\"id\"", http.StatusRequestTimeout},
		{"one of unknown length", "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n", http.StatusRequestTimeout},
		{"one that nobody wanted", "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{\"id\"", http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := startRig(t, rigSetup{before: func(s *Server) { s.bodyTimeout = 50 * time.Millisecond }})
			var d net.Dialer
			conn, err := d.DialContext(t.Context(), "unix", r.socket)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.head); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("after the answer: %d bytes and %v, want the connection closed", n, err)
			}
		})
	}
}

func TestRunLongerThanABodyMayTakeIsNotEnded(t *testing.T) {
	r := startRig(t, rigSetup{before: func(s *Server) { s.bodyTimeout = 500 * time.Millisecond }})
	for _, pad := range []int{0, 100 << 10} {
		body, hs := modernCall("1", "run_code", `{"code":"sleep 1s\nprint done`+strings.Repeat(" ", pad)+`"}`)
		if m := r.post(t, Unix, body, hs).final(t); m.Result == nil || !strings.Contains(string(m.Result.Structured), `"success":true`) {
			t.Errorf("run after a body of %d bytes = %+v", len(body), m)
		}
	}
}

// leavers makes a server note whose key has left the table of clients.
func leavers(s *Server) (list func() []string) {
	var mu sync.Mutex
	var keys []string
	tell := s.clients.gone
	s.clients.gone = func(key string) {
		s.clients.all() // would wait for ever under the table's lock
		tell(key)
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, key)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(keys)
	}
}

func TestInterpreterIsToldWhoHasLeft(t *testing.T) {
	var left func() []string
	r := startRig(t, rigSetup{before: func(s *Server) { left = leavers(s) }})
	id := r.initialize(t, Unix, nil)
	hs := headers{"Mcp-Session-Id": id}
	contextOf(t, r.post(t, Unix, legacyCall("1", "run_code", `{"code":"print 1"}`), hs))
	body, modernHeaders := modernCall("1", "list_contexts", "{}")
	r.post(t, Unix, body, modernHeaders)
	if got := left(); len(got) != 0 {
		t.Errorf("%q have left while all are there", got)
	}
	r.send(t, Unix, http.MethodDelete, "/mcp", nil, hs)
	eventually(t, "the client has left", func() bool { return len(left()) == 1 })
	r.clients.forget(time.Now().Add(clientMemory + time.Second))
	if got, want := left(), []string{sessionKey(id), "socket / raw"}; !slices.Equal(got, want) {
		t.Errorf("%q have left, want %q", got, want)
	}
}

func TestSilentClientIsNotShownUntilItComesBack(t *testing.T) {
	var left func() []string
	r := startRig(t, rigSetup{before: func(s *Server) { left = leavers(s) }})
	hs := headers{"Mcp-Session-Id": r.initialize(t, TCP, nil)}
	stream := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	done := make(chan answerTo, 1)
	go func() { done <- r.send(t, Unix, http.MethodGet, "/mcp", nil, stream) }()
	eventually(t, "the stream is open", func() bool { return r.Clients()[1].InFlight == 1 })
	first := contextOf(t, r.post(t, TCP, legacyCall("1", "run_code", `{"code":"print 1"}`), hs))
	<-r.Changed()

	r.clients.forget(time.Now().Add(clientMemory + time.Second))
	if c := r.Clients(); len(c) != 1 || c[0].Via != ViaSocket {
		t.Errorf("clients = %+v, want only the one with a stream", c)
	}
	select {
	case <-r.Changed():
	default:
		t.Error("not told that a client is not shown any more")
	}
	if again := contextOf(t, r.post(t, TCP, legacyCall("2", "run_code", `{"code":"print 1"}`), hs)); again != first {
		t.Error("back after a silence, it ran in another context")
	}
	if c := r.Clients(); len(c) != 2 || c[1].Name != "raw" || c[1].Calls != 2 {
		t.Errorf("clients = %+v, want the silent one back", c)
	}
	if got := left(); len(got) != 0 {
		t.Errorf("%q have left, but their MCP sessions live on", got)
	}
	r.clients.forget(time.Now().Add(clientMemory + time.Second))
	r.send(t, TCP, http.MethodDelete, "/mcp", nil, hs)
	r.send(t, Unix, http.MethodDelete, "/mcp", nil, stream)
	<-done
	eventually(t, "both have left for good", func() bool { return len(left()) == 2 && len(r.Clients()) == 0 })
}

func TestNoErrorIsLong(t *testing.T) {
	long := strings.Repeat("<é\x01", 1<<15)
	escaped := string(compactJSON(long))
	r := startRig(t, rigSetup{options: Options{AllowedFolders: func() []string { return []string{"/nowhere"} }}})
	session := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	for _, call := range []struct{ tool, args string }{
		{"run_code", fmt.Sprintf(`{"code":"print 1","context_id":%s}`, escaped)},
		{"run_code", fmt.Sprintf(`{"code":"print 1","language":%s}`, escaped)},
		{"create_context", fmt.Sprintf(`{"name":%s}`, escaped)},
		{"create_context", fmt.Sprintf(`{"name":"n","language":%s}`, escaped)},
		{"stop_context", fmt.Sprintf(`{"context_id":%s}`, escaped)},
		{"get_result", fmt.Sprintf(`{"run_id":%s}`, escaped)},
		{"cancel_run", fmt.Sprintf(`{"run_id":%s}`, escaped)},
		{"list_files", fmt.Sprintf(`{"path":%s}`, escaped)},
		{"download_file", fmt.Sprintf(`{"path":%s}`, escaped)},
		{"upload_file", fmt.Sprintf(`{"path":%s,"content":"x"}`, escaped)},
		{"upload_file", fmt.Sprintf(`{"path":"x","local_path":%s}`, escaped)},
		{"upload_file", fmt.Sprintf(`{"path":"x","content":"x","encoding":%s}`, escaped)},
		{"list_files", fmt.Sprintf(`{%s:1}`, escaped)},
	} {
		body, hs := modernCall("1", call.tool, call.args)
		for era, a := range map[string]answerTo{modern: r.post(t, Unix, body, hs), legacy: r.post(t, Unix, legacyCall("1", call.tool, call.args), session)} {
			m := a.final(t)
			if m.Result == nil || !m.Result.IsError || len(a.body) > 64<<10 {
				t.Errorf("%s, %s(%.40s) answers with %d bytes: %.300s", era, call.tool, call.args, len(a.body), a.body)
			}
		}
	}
	name := strings.Repeat("n", 1<<17)
	for method, body := range map[string]string{
		"an unknown tool":     `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `"}}`,
		"an unknown method":   `{"jsonrpc":"2.0","id":1,"method":"` + name + `"}`,
		"an unknown prompt":   `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"` + name + `"}}`,
		"an unknown resource": `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"agentrun://` + name + `"}}`,
		"a missing file":      `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"agentrun://contexts/default/files/` + name + `"}}`,
		"a missing context":   `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"agentrun://contexts/` + name + `/files/x"}}`,
	} {
		a := r.post(t, Unix, body, session)
		if m := a.final(t); m.Error == nil || m.Error.Code == 0 || m.Error.Message == "" || len(a.body) > 64<<10 || string(m.ID) != "1" {
			t.Errorf("%s answers with %d bytes: %.300s", method, len(a.body), a.body)
		}
	}
}
