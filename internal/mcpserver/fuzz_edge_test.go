package mcpserver

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// FuzzHeaders sends headers of every kind to both faces: each request is answered, nothing in a header is our own mistake, and
// nothing panics on the way.
func FuzzHeaders(f *testing.F) {
	faults := &syncBuffer{} // what is logged as an error; all of it would be too much to look through each time
	r := startRig(f, rigSetup{options: Options{Logger: slog.New(slog.NewTextHandler(faults, &slog.HandlerOptions{Level: slog.LevelError}))}})
	handlers := []http.Handler{r.Handler(Unix), r.Handler(TCP)}
	port, err := strconv.Atoi(r.port)
	if err != nil {
		f.Fatal(err)
	}
	here := context.WithValue(context.Background(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}))
	list, _ := modernCall("1", "list_contexts", "{}")
	bodies := []string{list, legacyCall("1", "list_contexts", "{}"), initializeBody, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, ""}
	methods := []string{http.MethodPost, http.MethodDelete, http.MethodGet, http.MethodPut, http.MethodOptions, http.MethodHead, "BREW"}
	id := r.initialize(f, Unix, nil)
	const ours = "the session" // stands for the id of a live MCP session, which no fuzzer finds; a GET with it would not end
	host, right := "127.0.0.1:"+r.port, "Bearer "+token
	for _, seed := range [][]string{
		// Host, Origin, Authorization, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Accept, Content-Type
		{host, "", right, modern, "", "tools/call", "list_contexts", "application/json, text/event-stream", jsonType},
		{host, "", right, legacy, ours, "", "", "application/json, text/event-stream", jsonType},
		{host, "http://" + host, right, "", ours, "", "", "*/*", jsonType + "; charset=utf-8"},
		{"evil.example", "null", "Basic x", "2027-01-01", "x", "tools/call", "=?base64?bGlzdF9jb250ZXh0cw==?=", "text/html;q=0.1", "text/plain"},
		{"[::1]:80:80", "http://[::1", "Bearer", "20260728", "\t", "initialize", "=?base64?%?=", "application/json;q=x, ;;,", "multipart/form-data; boundary="},
		{"", "://", "bearer  ", "-1", "a, b", "", "\xff", ",", ";"},
	} {
		for face := range handlers {
			for body := range bodies {
				f.Add(face == 1, uint8(0), uint8(body), strings.Join(seed, "\n"))
			}
			f.Add(face == 1, uint8(1), uint8(4), strings.Join(seed, "\n"))
			f.Add(face == 1, uint8(2), uint8(0), strings.Join(seed, "\n"))
		}
	}
	names := []string{"Host", "Origin", "Authorization", "Mcp-Protocol-Version", "Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "Accept", "Content-Type", "Last-Event-Id", "Agentrun-Relay", "Agentrun-Parent", "Agentrun-Reconnected"}
	f.Fuzz(func(t *testing.T, tcp bool, method, body uint8, lines string) {
		req := httptest.NewRequest(methods[int(method)%len(methods)], "/mcp", strings.NewReader(bodies[int(body)%len(bodies)])).WithContext(here)
		at := 0
		for value := range strings.SplitSeq(lines, "\n") {
			if at == len(names) || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
				return // net/http refuses it
			}
			if name := names[at]; name == "Host" {
				req.Host = value
			} else if value != "" {
				req.Header.Add(name, value)
			}
			at++
		}
		if req.Header.Get("Mcp-Session-Id") == ours && req.Method == http.MethodPost {
			req.Header.Set("Mcp-Session-Id", id)
		}
		handler := handlers[0]
		if tcp {
			handler = handlers[1]
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if w.Code >= 500 || w.Code < 200 {
			t.Errorf("%s with %q = %d: %s", req.Method, req.Header, w.Code, w.Body)
		}
		if w.Header().Get("Content-Type") == jsonType && req.Method != http.MethodHead && !json.Valid(w.Body.Bytes()) {
			t.Errorf("answer is not JSON: %q", w.Body)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Error("a web page is let in")
		}
		if tcp && w.Code == http.StatusOK && req.Header.Get("Authorization") == "" {
			t.Errorf("somebody without a token was served: %s", w.Body)
		}
		if text := faults.String(); text != "" {
			t.Fatal(text)
		}
	})
}

// FuzzTools calls every tool there is with arguments of every kind: each call has a result, and one that is refused says why
// with a code of the contract.
func FuzzTools(f *testing.F) {
	r := startRig(f, rigSetup{options: Options{Logger: slog.New(slog.DiscardHandler)}})
	handler := r.Handler(Unix)
	names := r.Tools()
	slices.Sort(names)
	codes := []sandbox.Code{
		sandbox.CodeInvalidParams, sandbox.CodeContextNotFound, sandbox.CodeInvalidContextName, sandbox.CodeInvalidLanguage,
		sandbox.CodeContextCreationFailed, sandbox.CodeNotSupported, sandbox.CodeFileNotFound, sandbox.CodeTooLarge,
		sandbox.CodeExecutionFailed, sandbox.CodeQuotaExceeded,
	}
	for n, name := range names {
		f.Add(uint8(n), "{}")
		for _, field := range r.tools[name].input {
			for _, value := range []string{`"x"`, `""`, "null", "1", "-1e308", "1e999", "true", "[]", "{}", `"../../x"`, `"\ud800"`, `"` + strings.Repeat("y", 300) + `"`} {
				f.Add(uint8(n), `{"`+field.name+`":`+value+`}`)
				f.Add(uint8(n), `{"code":"print x","path":"a","`+field.name+`":`+value+`}`)
			}
		}
	}
	f.Fuzz(func(t *testing.T, tool uint8, args string) {
		if strings.Contains(args, "loop") || strings.Contains(args, "sleep") || strings.Contains(args, `\u`) {
			return // could be code that takes for ever
		}
		name := names[int(tool)%len(names)]
		body, hs := modernCall("1", name, args)
		if !json.Valid([]byte(body)) {
			return // FuzzBody has those
		}
		req := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
		req.Header.Set("Content-Type", jsonType)
		for name, value := range hs {
			req.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		var m rpcMessage
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || m.Result == nil && m.Error == nil {
			t.Fatalf("%s(%s) = %d %q, want an answer", name, args, w.Code, w.Body)
		}
		if m.Error != nil {
			if w.Code != http.StatusBadRequest && w.Code != http.StatusOK || m.Error.Code == rpcInternalError {
				t.Errorf("%s(%s) = %d %s", name, args, w.Code, w.Body)
			}
			return
		}
		if !m.Result.IsError {
			return
		}
		var why struct{ Error, Code string }
		if err := json.Unmarshal(m.Result.Structured, &why); err != nil || why.Error == "" || !slices.Contains(codes, sandbox.Code(why.Code)) {
			t.Errorf("%s(%s) is refused with %s, want a sentence and a code of the contract", name, args, m.Result.Structured)
		}
	})
}
