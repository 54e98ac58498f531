package mcpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// TestDoor holds the edge to what it lets in and what it answers otherwise, before any tool is reached.
func TestDoor(t *testing.T) {
	r := startRig(t, rigSetup{})
	session := map[Face]string{Unix: r.initialize(t, Unix, nil), TCP: r.initialize(t, TCP, nil)}
	list, listHeaders := modernCall("1", "list_contexts", "{}")
	with := func(base headers, more headers) headers {
		all := maps.Clone(base)
		maps.Copy(all, more)
		return all
	}
	const legacyList = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_contexts"}}`
	tests := []struct {
		name    string
		face    Face
		method  string
		path    string
		body    string
		headers headers
		status  int
		code    int    // of the JSON-RPC error
		id      string // of the error, if not null
		header  string // NAME: VALUE in the answer
	}{
		{name: "a tool call with the right token is let in", face: TCP, body: list, headers: listHeaders, status: 200},
		{name: "a call without a token is told to bring one", face: TCP, body: list, headers: with(listHeaders, headers{"Authorization": ""}), status: 401, header: `Www-Authenticate: Bearer realm="AgentRun Tray"`},
		{name: "a call with a wrong token is told to bring one", face: TCP, body: list, headers: with(listHeaders, headers{"Authorization": "Bearer art_wrong"}), status: 401},
		{name: "a token of another scheme does not count", face: TCP, body: list, headers: with(listHeaders, headers{"Authorization": "Basic " + token}), status: 401},
		{name: "the scheme of a token may be written in any case", face: TCP, body: list, headers: with(listHeaders, headers{"Authorization": "bearer " + token}), status: 200},
		{name: "a web page of another origin is kept out", face: TCP, body: list, headers: with(listHeaders, headers{"Origin": "http://evil.example"}), status: 403},
		{name: "a web page of another port of this computer is kept out", face: TCP, body: list, headers: with(listHeaders, headers{"Origin": "http://localhost:1"}), status: 403},
		{name: "a page without an origin of its own is kept out", face: TCP, body: list, headers: with(listHeaders, headers{"Origin": "null"}), status: 403},
		{name: "an origin that only looks like ours is kept out", face: TCP, body: list, headers: with(listHeaders, headers{"Origin": "http://localhost.evil.example:" + r.port}), status: 403},
		{name: "an origin with our address as its user is kept out", face: TCP, body: list, headers: with(listHeaders, headers{"Origin": "http://localhost:" + r.port + "@evil.example"}), status: 403},
		{name: "our own origin is let in", face: TCP, body: list, headers: with(listHeaders, headers{"Origin": "http://localhost:" + r.port}), status: 200},
		{name: "a foreign name that was resolved to us is kept out", face: TCP, body: list, headers: with(listHeaders, headers{"Host": "evil.example:" + r.port}), status: 403},
		{name: "a host with another port is kept out", face: TCP, body: list, headers: with(listHeaders, headers{"Host": "127.0.0.1:1"}), status: 403},
		{name: "a host without a port is kept out", face: TCP, body: list, headers: with(listHeaders, headers{"Host": "127.0.0.1"}), status: 403},
		{name: "localhost is our name", face: TCP, body: list, headers: with(listHeaders, headers{"Host": "LOCALHOST:" + r.port}), status: 200},
		{name: "the IPv6 loopback is our name", face: TCP, body: list, headers: with(listHeaders, headers{"Host": "[::1]:" + r.port}), status: 200},
		{name: "the origin is judged before the token", face: TCP, body: list, headers: with(listHeaders, headers{"Origin": "http://evil.example", "Authorization": ""}), status: 403},
		{name: "the socket asks for no token, no host and no origin", face: Unix, body: list, headers: with(listHeaders, headers{"Host": "evil.example", "Origin": "http://evil.example"}), status: 200},
		{name: "there is no authorization server to be found", face: TCP, method: "GET", path: "/.well-known/oauth-protected-resource/mcp", headers: headers{"Authorization": ""}, status: 404},
		{name: "nor another one", face: TCP, method: "GET", path: "/.well-known/oauth-authorization-server", headers: headers{"Authorization": ""}, status: 404},
		{name: "nothing else is served", face: Unix, method: "GET", path: "/", status: 404},
		{name: "the older transport's address is not served", face: Unix, method: "GET", path: "/sse", status: 404},
		{name: "a browser's preflight is not answered", face: TCP, method: "OPTIONS", headers: headers{"Origin": "http://localhost:" + r.port}, status: 405, header: "Access-Control-Allow-Origin: "},
		{name: "PUT is not a method of the endpoint", face: Unix, method: "PUT", status: 405, header: "Allow: GET, POST, DELETE"},
		{name: "GET is no method of the newer era", face: Unix, method: "GET", headers: headers{"Mcp-Protocol-Version": modern}, status: 405, header: "Allow: POST"},
		{name: "DELETE is no method of the newer era", face: Unix, method: "DELETE", headers: headers{"Mcp-Protocol-Version": modern}, status: 405, header: "Allow: POST"},
		{name: "every answer names the version of the host", face: Unix, method: "GET", path: "/", status: 404, header: "Agentrun-Host: 1.2.3"},

		{name: "a request before initialize is refused", face: Unix, body: legacyList, status: 400, code: -32000, id: "1"},
		{name: "a stream without an MCP session is refused", face: Unix, method: "GET", status: 400, code: -32000},
		{name: "ending no MCP session is refused", face: Unix, method: "DELETE", status: 400, code: -32000},
		{name: "an unknown MCP session is not there", face: Unix, body: legacyList, headers: headers{"Mcp-Session-Id": "no such"}, status: 404, code: -32001, id: "1"},
		{name: "no stream is made for an unknown MCP session", face: Unix, method: "GET", headers: headers{"Mcp-Session-Id": "no such"}, status: 404, code: -32001},
		{name: "an unknown MCP session cannot be ended", face: Unix, method: "DELETE", headers: headers{"Mcp-Session-Id": "no such"}, status: 404, code: -32001},
		{name: "an MCP session is of use only to the token that made it", face: TCP, body: legacyList, headers: headers{"Mcp-Session-Id": session[TCP], "Authorization": "Bearer art_other"}, status: 404, code: -32001, id: "1"},
		{name: "an MCP session of the socket is of no use over TCP", face: TCP, body: legacyList, headers: headers{"Mcp-Session-Id": session[Unix]}, status: 404, code: -32001, id: "1"},
		{name: "an MCP session can be used", face: TCP, body: legacyList, headers: headers{"Mcp-Session-Id": session[TCP]}, status: 200},
		{name: "an unknown protocol version is refused", face: Unix, body: legacyList, headers: headers{"Mcp-Session-Id": session[Unix], "Mcp-Protocol-Version": "1999-01-01"}, status: 400},

		{name: "truncated JSON is a parse error", face: Unix, body: `{"jsonrpc":"2.0","id":1,"met`, status: 400, code: -32700},
		{name: "an empty body is a parse error", face: Unix, body: "", status: 400, code: -32700},
		{name: "two messages in one body are a parse error", face: Unix, body: list + list, headers: listHeaders, status: 400, code: -32700},
		{name: "a batch is refused", face: Unix, body: "[" + list + "]", headers: listHeaders, status: 400, code: -32600},
		{name: "a string is no message", face: Unix, body: `"hello"`, status: 400, code: -32600},
		{name: "null is no message", face: Unix, body: `null`, status: 400, code: -32600},
		{name: "a message without a method or an answer is refused", face: Unix, body: `{"jsonrpc":"2.0","id":3}`, status: 400, code: -32600, id: "3"},
		{name: "an id of null is refused", face: Unix, body: `{"jsonrpc":"2.0","id":null,"method":"tools/list"}`, status: 400, code: -32600},
		{name: "an id of true is refused", face: Unix, body: `{"jsonrpc":"2.0","id":true,"method":"tools/list"}`, status: 400, code: -32600},
		{name: "an id of an object is refused", face: Unix, body: `{"jsonrpc":"2.0","id":{},"method":"tools/list"}`, status: 400, code: -32600},
		{name: "a method that is a number is refused", face: Unix, body: `{"jsonrpc":"2.0","id":4,"method":5}`, status: 400, code: -32600, id: "4"},
		{name: "initialize without an id is refused", face: Unix, body: `{"jsonrpc":"2.0","method":"initialize","params":{}}`, status: 400, code: -32600},
		{name: "bytes that are not UTF-8 are a parse error outside tool calls", face: Unix, body: "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"initialize\",\"params\":{\"x\":\"\xff\"}}", status: 400, code: -32700, id: `"a"`},
		{name: "an unknown method is not found", face: Unix, body: `{"jsonrpc":"2.0","id":1,"method":"nope","params":{` + modernMeta + `}}`, headers: headers{"Mcp-Protocol-Version": modern, "Mcp-Method": "nope"}, status: 404, code: -32601, id: "1"},
		{name: "headers that disagree with the body are refused", face: Unix, body: list, headers: with(listHeaders, headers{"Mcp-Name": "run_code"}), status: 400, code: -32020, id: "1"},
		{name: "another content type is refused", face: Unix, body: list, headers: with(listHeaders, headers{"Content-Type": "text/plain"}), status: 400},
		{name: "a notification of the newer era is taken and dropped", face: Unix, body: `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,` + modernMeta + `}}`, headers: headers{"Mcp-Protocol-Version": modern}, status: 202},
		{name: "a notification of the older era is taken", face: Unix, body: `{"jsonrpc":"2.0","method":"notifications/initialized"}`, headers: headers{"Mcp-Session-Id": session[Unix]}, status: 202},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.method == "" {
				tt.method = http.MethodPost
			}
			if tt.path == "" {
				tt.path = "/mcp"
			}
			a := r.send(t, tt.face, tt.method, tt.path, strings.NewReader(tt.body), tt.headers)
			if a.status != tt.status {
				t.Fatalf("status %d, want %d; body %s", a.status, tt.status, a.body)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok && a.header.Get(name) != value {
				t.Errorf("header %s = %q, want %q", name, a.header.Get(name), value)
			}
			if tt.code == 0 {
				if tt.status == 200 && a.final(t).Error != nil {
					t.Errorf("answer %s, want no error", a.body)
				}
				return
			}
			m := a.final(t)
			if m.Error == nil || m.Error.Code != tt.code {
				t.Fatalf("answer %s, want error %d", a.body, tt.code)
			}
			if want := tt.id; string(m.ID) != want && (want != "" || string(m.ID) != "null") {
				t.Errorf("error for id %s, want %q", m.ID, want)
			}
		})
	}
}

// endless is a body that never ends, and counts what is taken of it. A client may be answered, and its test go on, while the
// body is still being taken.
type endless struct{ taken atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.taken.Add(int64(len(p)))
	for n := range p {
		p[n] = ' '
	}
	return len(p), nil
}

func TestBodyThatSaysItIsTooLargeIsNotRead(t *testing.T) {
	r := startRig(t, rigSetup{})
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "unix", r.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// nothing of the body is ever sent: only a server that does not wait for it can answer
	fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", 65<<20)
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer before the body: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("status %d, close %v, want 413 and a closed connection", resp.StatusCode, resp.Close)
	}
}

func TestBodyOfUnknownLengthIsReadUpToTheCap(t *testing.T) {
	r := startRig(t, rigSetup{})
	body := &endless{}
	a := r.send(t, Unix, http.MethodPost, "/mcp", io.MultiReader(io.LimitReader(body, 20<<20)), nil)
	if a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", a.status)
	}
	if taken := body.taken.Load(); taken > 18<<20 {
		t.Errorf("%d bytes were taken, want about %d", taken, maxBody)
	}
}

func TestBodyJustBelowTheCapIsServed(t *testing.T) {
	r := startRig(t, rigSetup{})
	body, hs := modernCall("1", "list_contexts", "{}")
	body += strings.Repeat(" ", maxBody-len(body))
	if a := r.post(t, Unix, body, hs); a.status != http.StatusOK {
		t.Errorf("status %d, want 200", a.status)
	}
}

func TestLargeIDsComeBackExactly(t *testing.T) {
	r := startRig(t, rigSetup{})
	for _, id := range []string{"9007199254740993", "123456789012345678901234567890", "-0", "1e3", "1.5", `"9007199254740993"`, `"a \u00e9"`, "7"} {
		body, hs := modernCall(id, "list_contexts", "{}")
		if got := r.post(t, Unix, body, hs).final(t); string(got.ID) != id && id[0] != '"' {
			t.Errorf("id %s came back as %s", id, got.ID)
		}
		body, hs = modernCall(id, "no_such_tool", "{}")
		if got := r.post(t, Unix, body, hs).final(t); string(got.ID) != id && id[0] != '"' || got.Error == nil || got.Error.Code != rpcInvalidParams {
			t.Errorf("error for id %s came back for %s: %+v", id, got.ID, got.Error)
		}
	}
}

func TestOneClientCannotCancelAnothersCall(t *testing.T) {
	r := startRig(t, rigSetup{})
	body, hs := modernCall("7", "run_code", `{"code":"await go\nprint done"}`)
	got := make(chan answerTo, 1)
	go func() { got <- r.post(t, Unix, body, hs) }()
	eventually(t, "the code runs", func() bool { return len(r.interp.Contexts()) == 1 })
	cancelBody := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,` + modernMeta + `}}`
	if a := r.post(t, Unix, cancelBody, headers{"Mcp-Protocol-Version": modern}); a.status != http.StatusAccepted {
		t.Fatalf("cancel = %d, want 202", a.status)
	}
	r.act(t, "upload_file", fmt.Sprintf(`{"context_id":%q,"path":"go","content":"x"}`, r.interp.Contexts()[0].ID))
	if m := (<-got).final(t); !strings.Contains(string(m.Result.Structured), `"stdout":"done\n"`) {
		t.Errorf("a stranger's notification stopped the run: %s", m.Result.Structured)
	}
}

func TestSameIDTwiceAtATimeIsRefused(t *testing.T) {
	r := startRig(t, rigSetup{})
	hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	first := make(chan answerTo, 1)
	go func() { first <- r.post(t, Unix, legacyCall("7", "run_code", `{"code":"await go"}`), hs) }()
	eventually(t, "the code runs", func() bool { return len(r.interp.Contexts()) == 1 })
	a := r.post(t, Unix, legacyCall("7", "list_contexts", "{}"), hs)
	if m := a.final(t); a.status != http.StatusBadRequest || m.Error == nil || m.Error.Code != rpcInvalidRequest {
		t.Errorf("second request with id 7 = %d %s, want 400 and -32600", a.status, a.body)
	}
	r.act(t, "upload_file", fmt.Sprintf(`{"context_id":%q,"path":"go","content":"x"}`, r.interp.Contexts()[0].ID))
	if m := (<-first).final(t); m.Result == nil || m.Result.IsError {
		t.Errorf("first request = %+v, want it untouched", m)
	}
	if a := r.post(t, Unix, legacyCall("7", "list_contexts", "{}"), hs); a.status != http.StatusOK {
		t.Errorf("id 7 again, after the first = %d, want 200", a.status)
	}
}

func TestDeleteEndsStreamsAndCalls(t *testing.T) {
	r := startRig(t, rigSetup{})
	id := r.initialize(t, TCP, nil)
	hs := headers{"Mcp-Session-Id": id}
	stream := make(chan answerTo, 1)
	go func() { stream <- r.send(t, TCP, http.MethodGet, "/mcp", nil, hs) }()
	running := make(chan answerTo, 1)
	go func() { running <- r.post(t, TCP, legacyCall("1", "run_code", `{"code":"loop"}`), hs) }()
	eventually(t, "the code runs and the stream is open", func() bool {
		c := r.Clients()
		return len(c) == 1 && c[0].InFlight == 2 && len(r.interp.Contexts()) == 1 && r.interp.Contexts()[0].Status == "running"
	})
	if a := r.send(t, TCP, http.MethodDelete, "/mcp", nil, hs); a.status != http.StatusOK {
		t.Fatalf("DELETE = %d %s, want 200", a.status, a.body)
	}
	if a := <-stream; a.status != http.StatusOK || a.body != "" {
		t.Errorf("stream = %d %q, want it to end", a.status, a.body)
	}
	if a := <-running; a.status != http.StatusNotFound || a.final(t).Error.Code != rpcNoSession {
		t.Errorf("call = %d %s, want 404", a.status, a.body)
	}
	if a := r.post(t, TCP, legacyCall("2", "list_contexts", "{}"), hs); a.status != http.StatusNotFound {
		t.Errorf("call after DELETE = %d, want 404", a.status)
	}
	if a := r.send(t, TCP, http.MethodDelete, "/mcp", nil, hs); a.status != http.StatusNotFound {
		t.Errorf("second DELETE = %d, want 404", a.status)
	}
	if c := r.Clients(); len(c) != 0 {
		t.Errorf("clients after DELETE = %+v, want none", c)
	}
}

// closeDuringCall starts a run that never ends and closes the connection, and waits until the run has ended.
func closeDuringCall(t *testing.T, r *rig, body string, hs headers) {
	t.Helper()
	c, url := r.client(t, Unix)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", jsonType)
	for name, value := range hs {
		req.Header.Set(name, value)
	}
	done := make(chan error, 1)
	go func() {
		resp, err := c.Do(req)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		done <- err
	}()
	running := func() bool {
		all := r.interp.Contexts()
		return len(all) == 1 && all[0].Status == "running"
	}
	eventually(t, "the code runs", running)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled call ended with %v", err)
	}
	eventually(t, "the code has stopped", func() bool { return !running() })
}

func TestHangingUpStopsTheRunInBothEras(t *testing.T) {
	for _, long := range []bool{false, true} { // a long body is read another way
		pad := ""
		if long {
			pad = strings.Repeat("#", 100<<10)
		}
		t.Run(fmt.Sprintf("modern, long body %v", long), func(t *testing.T) {
			r := startRig(t, rigSetup{})
			body, hs := modernCall("1", "run_code", `{"code":"loop\n`+pad+`"}`)
			closeDuringCall(t, r, body, hs)
		})
		t.Run(fmt.Sprintf("legacy, long body %v", long), func(t *testing.T) {
			r := startRig(t, rigSetup{})
			closeDuringCall(t, r, legacyCall("1", "run_code", `{"code":"loop\n`+pad+`"}`), headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)})
		})
	}
}

func TestCancelledNotificationStopsTheRun(t *testing.T) {
	r := startRig(t, rigSetup{})
	hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	got := make(chan answerTo, 1)
	go func() { got <- r.post(t, Unix, legacyCall("3", "run_code", `{"code":"print before\nloop"}`), hs) }()
	eventually(t, "the code runs", func() bool {
		all := r.interp.Contexts()
		return len(all) == 1 && all[0].Status == "running"
	})
	r.post(t, Unix, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}`, hs)
	m := (<-got).final(t)
	if text := string(m.Result.Structured); !strings.Contains(text, `"code":"CANCELLED"`) || !strings.Contains(text, `"stdout":"before\n"`) {
		t.Errorf("cancelled run = %s", text)
	}
}

func TestPanicOutsideToolsIsAnError(t *testing.T) {
	r := startRig(t, rigSetup{before: func(s *Server) {
		s.mcp.GetHooks().AddBeforeListTools(func(context.Context, any, *mcp.ListToolsRequest) { panic("boom") })
	}})
	hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	a := r.post(t, Unix, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, hs)
	if m := a.final(t); a.status != http.StatusInternalServerError || m.Error == nil || m.Error.Code != rpcInternalError {
		t.Errorf("tools/list = %d %s, want 500 and -32603", a.status, a.body)
	}
	if !strings.Contains(r.logs.String(), "boom") {
		t.Error("the log does not tell of the panic")
	}
	if a := r.post(t, Unix, legacyCall("2", "list_contexts", "{}"), hs); a.status != http.StatusOK {
		t.Errorf("next request = %d, want 200", a.status)
	}
}

// addRawTool registers a tool the way mcp-go has it, behind the same middleware as ours.
func addRawTool(s *Server, name string, h server.ToolHandlerFunc) {
	s.mcp.AddTool(mcp.NewTool(name), h)
}

func TestWhateverFailsInAToolIsAResult(t *testing.T) {
	r := startRig(t, rigSetup{before: func(s *Server) {
		addRawTool(s, "fails", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return nil, errors.New("the disk is full")
		})
		addRawTool(s, "panics", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) { panic("boom") })
	}})
	for tool, want := range map[string]string{"fails": "the disk is full", "panics": "panics failed because of a mistake"} {
		body, hs := modernCall("1", tool, "{}")
		m := r.post(t, Unix, body, hs).final(t)
		if m.Result == nil || !m.Result.IsError || !strings.Contains(m.Result.Content[0].Text, want) || m.Result.Content[0].Text != string(m.Result.Structured) {
			t.Errorf("%s = %+v, want an error result that says %q", tool, m.Result, want)
		}
	}
}

func TestErrorsThatTheProtocolPrescribesPassThrough(t *testing.T) {
	r := startRig(t, rigSetup{before: func(s *Server) {
		addRawTool(s, "tampered", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return nil, fmt.Errorf("requestState: %w", mcp.ErrInvalidParams)
		})
		addRawTool(s, "needs", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return nil, mcp.MissingRequiredClientCapabilityError{Capability: "sampling"}
		})
	}})
	session := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	for tool, code := range map[string]int{"tampered": -32602, "needs": -32021} {
		body, hs := modernCall("5", tool, "{}")
		a := r.post(t, Unix, body, hs)
		if m := a.final(t); a.status != http.StatusBadRequest || m.Error == nil || m.Error.Code != code || string(m.ID) != "5" {
			t.Errorf("%s, newer era = %d %s, want 400 and %d", tool, a.status, a.body, code)
		}
		a = r.post(t, Unix, legacyCall("5", tool, "{}"), session)
		if m := a.final(t); a.status != http.StatusOK || m.Error == nil || m.Error.Code != code {
			t.Errorf("%s, older era = %d %s, want 200 and %d", tool, a.status, a.body, code)
		}
	}
}

func TestManySleepersDoNotKeepOthersWaiting(t *testing.T) {
	release := make(chan struct{})
	r := startRig(t, rigSetup{before: func(s *Server) {
		addRawTool(s, "sleeps", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return mcp.NewToolResultText("awake"), nil
		})
	}})
	const sleepers = 200
	woken := make(chan int, sleepers)
	c, url := r.client(t, Unix)
	body, hs := modernCall("1", "sleeps", "{}")
	for range sleepers {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
			if err != nil {
				t.Error(err)
			}
			req.Header.Set("Content-Type", jsonType)
			for name, value := range hs {
				req.Header.Set(name, value)
			}
			resp, err := c.Do(req)
			if err != nil {
				woken <- 0
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			woken <- resp.StatusCode
		}()
	}
	eventually(t, "all sleep", func() bool {
		n := 0
		for _, c := range r.Clients() {
			n += c.InFlight
		}
		return n == sleepers
	})
	started := time.Now()
	body, hs = modernCall("1", "list_contexts", "{}")
	if a := r.post(t, Unix, body, hs); a.status != http.StatusOK {
		t.Errorf("list_contexts = %d", a.status)
	}
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("list_contexts took %v beside %d sleepers", took, sleepers)
	}
	close(release)
	for range sleepers {
		if got := <-woken; got != http.StatusOK {
			t.Errorf("a sleeper ended with %d", got)
		}
	}
}

func TestShutdownAnswersCallsAndBreaksOffTheRest(t *testing.T) {
	r := startRig(t, rigSetup{})
	body, hs := modernCall("9", "run_code", `{"code":"loop"}`)
	got := make(chan answerTo, 1)
	go func() { got <- r.post(t, Unix, body, hs) }()
	eventually(t, "the code runs", func() bool { return len(r.interp.Contexts()) == 1 })
	started := time.Now()
	r.stop()
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("shutting down took %v", took)
	}
	m := (<-got).final(t)
	var object errorObject
	if m.Result == nil || json.Unmarshal(m.Result.Structured, &object) != nil || object.Code != "SESSION_LOST" || !m.Result.IsError || m.Result.ResultType != "complete" {
		t.Errorf("call during shutdown = %+v, want SESSION_LOST", m)
	}
}

func TestWhatIsBesideTheEndpointIsForTheSocketOnly(t *testing.T) {
	r := startRig(t, rigSetup{options: Options{Beside: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, "beside "+req.URL.Path)
	})}})
	if a := r.send(t, Unix, http.MethodGet, "/status", nil, nil); a.status != http.StatusOK || a.body != "beside /status" {
		t.Errorf("socket = %d %q, want what is beside", a.status, a.body)
	}
	if a := r.send(t, TCP, http.MethodGet, "/status", nil, nil); a.status != http.StatusNotFound {
		t.Errorf("TCP = %d %q, want 404", a.status, a.body)
	}
	if a := r.post(t, Unix, initializeBody, nil); a.status != http.StatusOK {
		t.Errorf("the endpoint = %d", a.status)
	}
}

// TestParametersOfTheWrongShape: mcp-go calls them an invalid request and names types of its own.
func TestParametersOfTheWrongShape(t *testing.T) {
	r := startRig(t, rigSetup{})
	session := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	for _, tt := range []struct{ method, params, says string }{
		{"tools/call", `{"name":5}`, "name of tools/call is of the wrong type: it may not be of the JSON type number"},
		{"tools/list", `{"cursor":true}`, "cursor of tools/list is of the wrong type: it may not be of the JSON type bool"},
		{"tools/list", `[1]`, "params of tools/list is of the wrong type: it may not be of the JSON type array"},
		{"resources/read", `{"uri":[]}`, "uri of resources/read is of the wrong type: it may not be of the JSON type array"},
		{"resources/subscribe", `{"uri":{}}`, "uri of resources/subscribe is of the wrong type: it may not be of the JSON type object"},
		{"prompts/get", `{"name":5}`, "a prompt needs its name, and its arguments as strings"},
	} {
		m := r.post(t, Unix, `{"jsonrpc":"2.0","id":1,"method":"`+tt.method+`","params":`+tt.params+`}`, session).final(t)
		if m.Error == nil || m.Error.Code != rpcInvalidParams || m.Error.Message != tt.says {
			t.Errorf("%s %s = %+v, want -32602 %q", tt.method, tt.params, m.Error, tt.says)
		}
	}
}
