//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// badInput is one mistake of a client and what it is answered, by way and era.
//
// An answer is written as "ID CODE": the id of the JSON-RPC answer, or null, and the code of its error, or of the result that
// says that the call could not be carried out, or "ok". Over HTTP the status stands before it. "-" is no answer at all.
type badInput struct {
	name  string
	line  string // META stands for what the newer era has in every request
	relay string
	http  string
	// older and newer, if not empty, are the answers of one era where they differ: "relay | http".
	older, newer string
	// first is for what is sent before anything else is.
	first bool
}

// huge ids are legal JSON-RPC; they come back as they were, since nothing else would tell the client what was answered.
var (
	longID  = `"` + strings.Repeat("i", 1<<20) + `"`
	manyID  = strings.Repeat("9", 400)
	deepest = strings.Repeat("[", 20000) + strings.Repeat("]", 20000)
)

// badInputs is the table: whatever is wrong with a message, what is answered where. What has no place for META looks like the
// older era to the relay, which then has to say that nobody has begun; over HTTP the headers tell.
var badInputs = []badInput{
	{name: "a call before initialize", first: true, line: `{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":"list_contexts",META}}`, older: `"bad" -32000 | 400 "bad" -32000`, newer: `"bad" ok | 200 "bad" ok`},
	{name: "truncated JSON", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":`, relay: `"bad" -32700`, http: `400 null -32700`},
	{name: "no JSON", line: `hello`, relay: `null -32700`, http: `400 null -32700`},
	{name: "two messages in one", line: `{"jsonrpc":"2.0","id":"bad","method":"ping"} {"jsonrpc":"2.0","id":"bad","method":"ping"}`, relay: `"bad" -32700`, http: `400 null -32700`},
	{name: "a batch", line: `[{"jsonrpc":"2.0","id":"bad","method":"ping"}]`, relay: `null -32600`, http: `400 null -32600`},
	{name: "an empty batch", line: `[]`, relay: `null -32600`, http: `400 null -32600`},
	{name: "a string", line: `"hello"`, relay: `null -32600`, http: `400 null -32600`},
	{name: "null", line: `null`, relay: `null -32600`, http: `400 null -32600`},
	{name: "an empty object", line: `{}`, relay: `null -32600`, http: `400 null -32600`},
	{name: "an id that is null", line: `{"jsonrpc":"2.0","id":null,"method":"ping"}`, relay: `null -32600`, http: `400 null -32600`},
	{name: "an id that is true", line: `{"jsonrpc":"2.0","id":true,"method":"ping"}`, relay: `null -32600`, http: `400 null -32600`},
	{name: "an id that is an object", line: `{"jsonrpc":"2.0","id":{"bad":1},"method":"ping"}`, relay: `null -32600`, http: `400 null -32600`},
	{name: "a method that is a number", line: `{"jsonrpc":"2.0","id":"bad","method":5}`, relay: `"bad" -32600`, http: `400 "bad" -32600`},
	{name: "no method", line: `{"jsonrpc":"2.0","id":"bad","params":{}}`, relay: `"bad" -32600`, http: `400 "bad" -32600`},
	{name: "an unknown method", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/explode","params":{META}}`, older: `"bad" -32601 | 200 "bad" -32601`, newer: `"bad" -32601 | 404 "bad" -32601`},
	{name: "an unknown tool", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":"explode","arguments":{},META}}`, older: `"bad" -32602 | 200 "bad" -32602`, newer: `"bad" -32602 | 400 "bad" -32602`},
	{name: "a tool that is a number", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":5,"arguments":{},META}}`, older: `"bad" -32602 | 200 "bad" -32602`, newer: `"bad" -32020 | 400 "bad" -32020`},
	{name: "params that are a list", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/list","params":[1]}`, older: `"bad" -32602 | 200 "bad" -32602`, newer: `"bad" -32000 | 400 "bad" -32602`},
	{name: "arguments that are a list", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":"run_code","arguments":[1],META}}`, relay: `"bad" INVALID_PARAMS`, http: `200 "bad" INVALID_PARAMS`},
	{name: "an argument of the wrong type", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":"run_code","arguments":{"code":5},META}}`, relay: `"bad" INVALID_PARAMS`, http: `200 "bad" INVALID_PARAMS`},
	{name: "an unknown argument", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":"list_contexts","arguments":{"x":1},META}}`, relay: `"bad" INVALID_PARAMS`, http: `200 "bad" INVALID_PARAMS`},
	{name: "an unknown member of the message", line: `{"jsonrpc":"2.0","x":1,"id":"bad","method":"tools/call","params":{"name":"list_contexts","y":2,META}}`, relay: `"bad" ok`, http: `200 "bad" ok`},
	{name: "another version of JSON-RPC", line: `{"jsonrpc":"1.0","id":"bad","method":"tools/call","params":{"name":"list_contexts",META}}`, older: `"bad" -32600 | 200 "bad" -32600`, newer: `"bad" -32600 | 400 "bad" -32600`},
	{name: "arguments 20,000 deep", line: `{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":{"name":"run_code","arguments":` + deepest + `,META}}`, relay: `"bad" -32700`, http: `400 null -32700`},
	{name: "bytes that are no text", line: "{\"jsonrpc\":\"2.0\",\"id\":\"bad\",\"method\":\"resources/read\",\"params\":{\"uri\":\"\xff\",META}}", relay: `"bad" -32700`, http: `400 "bad" -32700`},
	{name: "an id of 1 MB", line: `{"jsonrpc":"2.0","id":` + longID + `,"method":"tools/call","params":{"name":"list_contexts",META}}`, relay: `LONG ok`, http: `200 LONG ok`},
	{name: "an id of 400 digits", line: `{"jsonrpc":"2.0","id":` + manyID + `,"method":"tools/call","params":{"name":"list_contexts",META}}`, relay: `MANY -32600`, http: `400 MANY -32600`},
	{name: "an answer to nothing", line: `{"jsonrpc":"2.0","id":"bad","result":{}}`, relay: `-`, http: `202 -`},
	{name: "a notification nobody knows", line: `{"jsonrpc":"2.0","method":"notifications/explode","params":{META}}`, relay: `-`, http: `202 -`},
	{name: "the cancelling of nothing", line: `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"other",META}}`, relay: `-`, http: `202 -`},
}

const modernMember = `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + modern + `","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"by-hand","version":"1.0"}}`

// of fills in the line for an era, and says what it is answered there.
func (b badInput) of(era string) (line, relay, overHTTP string) {
	relay, overHTTP = b.relay, b.http
	other := b.older
	line = strings.Replace(b.line, ",META", "", 1)
	line = strings.Replace(line, "META", "", 1)
	if era == modern {
		other = b.newer
		line = strings.Replace(b.line, "META", modernMember, 1)
	}
	if one, two, ok := strings.Cut(other, " | "); ok {
		relay, overHTTP = one, two
	}
	return line, relay, overHTTP
}

// said writes an answer as the table does.
func said(text []byte) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return "-"
	}
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		return "no JSON: " + clip(string(text), 200)
	}
	id := string(m.ID)
	switch id {
	case "":
		id = "null"
	case longID:
		id = "LONG"
	case manyID:
		id = "MANY"
	}
	if m.Error != nil {
		return fmt.Sprintf("%s %d", clip(id, 50), m.Error.Code)
	}
	var result struct {
		IsError           bool `json:"isError"`
		StructuredContent struct {
			Code string `json:"code"`
		} `json:"structuredContent"`
	}
	if err := json.Unmarshal(m.Result, &result); err != nil {
		return "no result: " + clip(string(text), 200)
	}
	if result.IsError {
		return clip(id, 50) + " " + result.StructuredContent.Code
	}
	return clip(id, 50) + " ok"
}

// TestWhatIsAnsweredWhere holds every way and both eras to the table.
func TestWhatIsAnsweredWhere(t *testing.T) {
	t.Parallel()
	h := coldHome(t, "")
	url := h.serveHTTP(t, "--backend", "mock")
	token := strings.TrimSpace(h.mustCtl(t, "token", "by-hand"))
	ways := map[string]*http.Client{"socket": overSocket(t, h), "http": {Transport: bearer(token)}}
	inBothEras(t, func(t *testing.T, era string) {
		sessions := map[string]string{}
		for way, c := range ways {
			if era == legacy {
				sessions[way] = openSession(t, c, url)
			}
		}
		for _, bad := range badInputs {
			line, relay, overHTTP := bad.of(era)
			t.Run(bad.name+"/relay", func(t *testing.T) {
				if got := throughRelay(t, h, era, line, bad.first); got != relay {
					t.Errorf("%s is answered %s, want %s", clip(line, 200), got, relay)
				}
			})
			for way, c := range ways {
				t.Run(bad.name+"/"+way, func(t *testing.T) {
					session := sessions[way]
					if bad.first {
						session = ""
					}
					if got := byPost(t, c, url, era, session, line); got != overHTTP {
						t.Errorf("%s is answered %s, want %s", clip(line, 200), got, overHTTP)
					}
				})
			}
		}
	})
	// whatever was sent, it is not in the log
	log, err := os.ReadFile(h.logFile())
	if err != nil {
		t.Fatal(err)
	}
	if len(log) > 1<<20 {
		t.Errorf("the log has %d bytes after all of this, want less than one of the ids", len(log))
	}
}

// TestAnIDThatIsInFlight is the part of the table that takes two messages: where ids belong to one connection or MCP session, the
// second request with an id is refused and the first goes on. In the newer era over HTTP ids are each request's own.
func TestAnIDThatIsInFlight(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	url := h.serveHTTP(t)
	token := strings.TrimSpace(h.mustCtl(t, "token", "by-hand"))
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		for way, second := range map[string]func(id string, first, other string) (string, string){
			"relay": func(id, first, other string) (string, string) {
				r := h.relay(t)
				if era == legacy {
					r.hello(t, "by-hand")
				}
				if _, err := io.WriteString(r.stdin, first+"\n"); err != nil {
					t.Fatal(err)
				}
				c.awaitRunning(t, id)
				if _, err := io.WriteString(r.stdin, other+"\n"); err != nil {
					t.Fatal(err)
				}
				refusal, err := r.said.await(t.Context(), func(line string) bool { return strings.Contains(line, `"bad"`) })
				if err != nil {
					t.Fatal(err)
				}
				answer, err := r.said.await(t.Context(), func(line string) bool { return strings.Contains(line, "slept well") })
				if err != nil {
					t.Fatal(err)
				}
				r.wire = newWire() // which has no place for one id twice
				return said([]byte(answer)), said([]byte(refusal))
			},
			"http": func(id, first, other string) (string, string) {
				client := &http.Client{Transport: bearer(token)}
				session := ""
				if era == legacy {
					session = openSession(t, client, url)
				}
				answer := make(chan string, 1)
				go func() { answer <- byPost(t, client, url, era, session, first) }()
				c.awaitRunning(t, id)
				refusal := byPost(t, client, url, era, session, other)
				return <-answer, refusal
			},
		} {
			id := c.create(t, "busy", "python")
			answer, refusal := second(id, toolCall(era, `"bad"`, "run_code", args{"context_id": id, "code": "import time; time.sleep(1); print('slept well')"}), toolCall(era, `"bad"`, "list_contexts", args{}))
			want := map[string]string{"relay": `"bad" ok, "bad" -32600`, "http": `200 "bad" ok, 400 "bad" -32600`}[way]
			if way == "http" && era == modern {
				want = `200 "bad" ok, 200 "bad" ok`
			}
			if got := answer + ", " + refusal; got != want {
				t.Errorf("two requests with one id over %s are answered %s, want %s", way, got, want)
			}
		}
	})
}

// throughRelay sends a line to a relay of its own and returns what is answered before the next call is.
func throughRelay(t *testing.T, h *home, era, line string, first bool) string {
	t.Helper()
	r := h.relay(t)
	if era == legacy && !first {
		r.hello(t, "by-hand")
	}
	r.wire.sent([]byte(line))
	r.wire.sent([]byte(`{"id":"bad","method":"unreadable"}`)) // the relay may find the id where the books do not
	if _, err := io.WriteString(r.stdin, line+"\n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if strings.Contains(line, `"method":"notifications/`) || strings.Contains(line, `"result"`) {
		r.send(t, toolCall(era, `"after"`, "list_contexts", args{}))
		r.answer(t, `"after"`)
	}
	answer, err := r.said.await(ctx, func(line string) bool {
		var m message
		return json.Unmarshal([]byte(line), &m) != nil || m.Method == "" && string(m.ID) != `"hello"`
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := said([]byte(answer)); got != `"after" ok` {
		return got
	}
	return "-"
}

// byPost sends a line as the body of a request.
func byPost(t *testing.T, c *http.Client, url, era, session, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if era == modern {
		req.Header.Set("Mcp-Protocol-Version", modern)
		var m struct {
			Method string `json:"method"`
			Params struct {
				Name string `json:"name"`
				URI  string `json:"uri"`
			} `json:"params"`
		}
		_ = json.Unmarshal([]byte(line), &m) // as far as it can be read
		if m.Method != "" {
			req.Header.Set("Mcp-Method", m.Method)
		}
		if name := m.Params.Name + m.Params.URI; name != "" && len(name) < 100 {
			req.Header.Set("Mcp-Name", name)
		}
	} else {
		if session != "" {
			req.Header.Set("Mcp-Session-Id", session)
		}
		req.Header.Set("Mcp-Protocol-Version", legacy)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, said(body))
}

// overSocket is a client of the host's unix socket.
func overSocket(t *testing.T, h *home) *http.Client {
	t.Helper()
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", h.socket())
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// openSession begins an MCP session by hand.
func openSession(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + legacy + `","capabilities":{},"clientInfo":{"name":"by-hand","version":"1"}}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	id := resp.Header.Get("Mcp-Session-Id")
	if resp.StatusCode != http.StatusOK || id == "" {
		t.Fatalf("initialize = %s, session %q", resp.Status, id)
	}
	return id
}

// TestWhoMayComeIn is the part of the table that stands in headers, for both eras: TCP asks for all of it, and the socket, which
// only its user can open, for none.
func TestWhoMayComeIn(t *testing.T) {
	t.Parallel()
	h := coldHome(t, "")
	url := h.serveHTTP(t, "--backend", "mock")
	token := "Bearer " + strings.TrimSpace(h.mustCtl(t, "token", "by-hand"))
	for _, test := range []struct {
		name, header, value string
		tcp                 int
	}{
		{"the right token", "Authorization", token, 200},
		{"no token", "Authorization", "", 401},
		{"a wrong token", "Authorization", "Bearer art_WRONG", 401},
		{"a foreign Origin", "Origin", "http://evil.example", 403},
		{"a foreign Host", "Host", "evil.example", 403},
	} {
		for era, hs := range map[string]map[string]string{
			legacy: {},
			modern: {"Mcp-Protocol-Version": modern, "Mcp-Method": "tools/call", "Mcp-Name": "list_contexts"},
		} {
			body := `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + legacy + `","capabilities":{},"clientInfo":{"name":"by-hand","version":"1"}}}`
			if era == modern {
				body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_contexts",` + modernMember + `}}`
			}
			for way, want := range map[string]int{"http": test.tcp, "socket": 200} {
				c := &http.Client{Transport: http.DefaultTransport}
				if way == "socket" {
					c = overSocket(t, h)
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Accept", "application/json, text/event-stream")
				req.Header.Set("Authorization", token)
				for name, value := range hs {
					req.Header.Set(name, value)
				}
				req.Header.Set(test.header, test.value)
				if test.header == "Host" {
					req.Host = test.value
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("%s over %s in %s = %d, want %d", test.name, way, era, resp.StatusCode, want)
				}
			}
		}
	}
}

// TestABodyOf65MBIsNotRead: the answer is there before the first byte of the body is sent, and none is taken after it.
func TestABodyOf65MBIsNotRead(t *testing.T) {
	t.Parallel()
	h := coldHome(t, "")
	url := h.serveHTTP(t, "--backend", "mock")
	token := strings.TrimSpace(h.mustCtl(t, "token", "by-hand"))
	const size = 65 << 20
	for way, dial := range map[string]func() (net.Conn, error){
		"http":   func() (net.Conn, error) { return net.Dial("tcp", "127.0.0.1:"+port(t, url)) },
		"socket": func() (net.Conn, error) { return net.Dial("unix", h.socket()) },
	} {
		for era, line := range map[string]string{legacy: "", modern: "Mcp-Protocol-Version: " + modern + "\r\n"} {
			conn, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAuthorization: Bearer %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", port(t, url), token, line, size)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%s, %s: no answer before the body: %v", way, era, err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
				t.Errorf("%s, %s: 65 MB = %s, close %v, want 413 and the connection closed", way, era, resp.Status, resp.Close)
			}
			sent, err := io.Copy(conn, io.LimitReader(zeros{}, size)) // what fits into the buffers in between, and no more
			if err == nil || sent > size/4 {
				t.Errorf("%s, %s: after the 413 another %d bytes were taken (%v), want the connection closed", way, era, sent, err)
			}
			_ = conn.Close()
		}
	}
	inBothEras(t, func(t *testing.T, era string) {
		r := h.relay(t)
		if era == legacy {
			r.hello(t, "by-hand")
		}
		r.send(t, toolCall(era, `"big"`, "run_code", args{"code": strings.Repeat("x", size)}))
		if f := failed(t, r.answer(t, `"big"`), era); f.code != "TOO_LARGE" {
			t.Errorf("65 MB through the relay = %+v, want TOO_LARGE", f)
		}
	})
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
