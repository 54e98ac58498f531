package mcpserver

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// FuzzBody sends bodies of every kind to the edge: each request is answered, with JSON where there is a body, and nothing
// panics on the way.
func FuzzBody(f *testing.F) {
	r := startRig(f, rigSetup{})
	handler := r.Handler(Unix)
	id := r.initialize(f, Unix, nil)
	body, _ := modernCall("1", "list_contexts", "{}")
	for _, seed := range []string{
		"", "null", "[]", "{}", `{"id":1}`, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `{"jsonrpc":"2.0","id":"x","result":{}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, initializeBody, body, legacyCall("9007199254740993", "run_code", `{"code":"print 1"}`),
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"agentrun://contexts/default/files/a%2f..%2fb"}}`,
		`{"ID":1,"Method":"tools/call","params":{"_meta":5}}`, "{\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"\xff\"}}",
	} {
		f.Add(seed, "", "")
		f.Add(seed, modern, "tools/call")
		f.Add(seed, legacy, "")
	}
	f.Fuzz(func(t *testing.T, body, version, method string) {
		req := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
		req.Header.Set("Content-Type", jsonType)
		req.Header.Set("Mcp-Protocol-Version", version)
		req.Header.Set("Mcp-Method", method)
		req.Header.Set("Mcp-Session-Id", id)
		if strings.Contains(body, "subscriptions/listen") || strings.Contains(body, "loop") || strings.Contains(body, "sleep") {
			return // would take for ever
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		known := []int{200, 202, 400, 404, 413}
		if !slices.Contains(known, w.Code) {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if w.Header().Get("Content-Type") == jsonType && !json.Valid(w.Body.Bytes()) {
			t.Errorf("answer is not JSON: %q", w.Body)
		}
		if strings.Contains(r.logs.String(), "panic") {
			t.Fatal(r.logs.String())
		}
	})
}

// FuzzArguments decodes arguments of every kind: what is accepted fits the description, what is not is explained.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{"", "null", "{}", `{"code":"x"}`, `{"code":null}`, `{"code":1,"x":2}`, `{"code":"x","timeout_seconds":1e999}`, `[]`, `{"code":"\ud800"}`} {
		f.Add(seed)
	}
	o := object{
		{name: "code", kind: "string", required: true},
		{name: "timeout_seconds", kind: "number"},
		{name: "depth", kind: "integer"},
		{name: "force", kind: "boolean"},
	}
	f.Fuzz(func(t *testing.T, args string) {
		var in struct {
			Code    string   `json:"code"`
			Timeout *float64 `json:"timeout_seconds"`
			Depth   *int     `json:"depth"`
			Force   bool     `json:"force"`
		}
		err := o.decode("tool", json.RawMessage(args), &in)
		if err != nil && sandbox.CodeOf(err, "") != sandbox.CodeInvalidParams {
			t.Errorf("decode(%q) = %v, want INVALID_PARAMS", args, err)
		}
		if err == nil && !strings.Contains(args, `"code"`) && !strings.Contains(args, `\u`) {
			t.Errorf("decode(%q) found no fault", args)
		}
	})
}
