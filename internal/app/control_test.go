package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

// sent is what came back for a request.
type sent struct {
	code int
	body string
}

// send makes a request of the newer era, over the socket or, with an address, over TCP.
func send(t *testing.T, dirs paths.Dirs, method, url, token, body string) sent {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	if !strings.HasPrefix(url, "http://") {
		url = "http://agentrun" + url
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return instance.Dial(ctx, dirs) }
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Method string
		Params struct{ Name string }
	}
	if json.Unmarshal([]byte(body), &m) == nil {
		for name, value := range map[string]string{
			"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": "2026-07-28",
			"Mcp-Method": m.Method, "Mcp-Name": m.Params.Name, "Authorization": "Bearer " + token,
		} {
			req.Header.Set(name, value)
		}
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return sent{resp.StatusCode, string(text)}
}

// call is the body of a tool call.
func call(tool, args string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + args +
		`,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"tester","version":"1"}}}}`
}

// TestInterruptsFromElsewhere is about the answers; that code really stops is shown end to end, where code runs.
func TestInterruptsFromElsewhere(t *testing.T) {
	opt := options(t)
	opt.Listen = "127.0.0.1:0"
	h := start(t, opt)
	url := h.wait(t, "the pool", ready).Addresses.HTTP
	interrupt := func(id string) (int, app.InterruptAnswer) {
		t.Helper()
		got := send(t, opt.Dirs, http.MethodPost, "/interrupt/"+id, "", "")
		var answer app.InterruptAnswer
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil || answer.Text == "" {
			t.Fatalf("interrupt %s = %d %s, want an outcome and a sentence", id, got.code, got.body)
		}
		return got.code, answer
	}
	if code, answer := interrupt("ctx-nope"); code != http.StatusNotFound || answer.Outcome != app.InterruptUnknown || !strings.Contains(answer.Text, "ctx-nope") {
		t.Errorf("an unknown context: %d %+v", code, answer)
	}
	send(t, opt.Dirs, http.MethodPost, "/mcp", "", call("create_context", `{"name":"quiet"}`))
	id := h.wait(t, "a context", func(s status.Snapshot) bool { return len(s.Contexts) == 1 }).Contexts[0].ID
	if code, answer := interrupt(id); code != http.StatusOK || answer.Outcome != app.InterruptIdle || !strings.Contains(answer.Text, "quiet") {
		t.Errorf("a context that runs nothing: %d %+v", code, answer)
	}
	for _, path := range []string{"/interrupt/" + id, "/tokens/changed"} {
		if got := send(t, opt.Dirs, http.MethodPost, strings.TrimSuffix(url, "/mcp")+path, "", ""); got.code != http.StatusNotFound {
			t.Errorf("POST %s over TCP = %d; it belongs to the socket alone", path, got.code)
		}
	}
	if got := send(t, opt.Dirs, http.MethodGet, "/interrupt/"+id, "", ""); got.code != http.StatusMethodNotAllowed {
		t.Errorf("GET /interrupt = %d, want 405: looking must change nothing", got.code)
	}
}

func TestGoroutinesAreShownOnTheSocketAlone(t *testing.T) {
	opt := options(t)
	opt.Listen = "127.0.0.1:0"
	url := start(t, opt).wait(t, "the pool", ready).Addresses.HTTP
	if got := send(t, opt.Dirs, http.MethodGet, "/debug/goroutines", "", ""); got.code != http.StatusOK || !strings.Contains(got.body, "goroutine profile: total") || !strings.Contains(got.body, "app.(*App).draw") {
		t.Errorf("goroutines = %d %.300s", got.code, got.body)
	}
	if got := send(t, opt.Dirs, http.MethodGet, strings.TrimSuffix(url, "/mcp")+"/debug/goroutines", "", ""); got.code != http.StatusNotFound {
		t.Errorf("over TCP = %d, want 404", got.code)
	}
}

func TestTheSettingsRuleWhatClientsMayDo(t *testing.T) {
	opt := options(t)
	opt.Listen = "127.0.0.1:0"
	opt.Config.Clients = map[string]config.Client{"CI": {Tools: []string{"list_contexts", "fly"}}}
	if err := paths.EnsurePrivate(opt.Dirs.Data); err != nil {
		t.Fatal(err)
	}
	secrets := make(map[string]string)
	for _, client := range []string{"ci", "free", "idle"} {
		token, err := tokens.Open(opt.Dirs.Data).Get(client)
		if err != nil {
			t.Fatal(err)
		}
		secrets[client] = token.Secret
	}
	h := start(t, opt)
	s := h.wait(t, "the pool", ready)
	if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].What, "clients.CI.tools") || !strings.Contains(s.Problems[0].What, "fly") {
		t.Errorf("problems = %+v, want the tool named that there is not", s.Problems)
	}
	run := call("run_code", `{"code":"print(1)"}`)
	if got := send(t, opt.Dirs, http.MethodPost, s.Addresses.HTTP, secrets["ci"], run); !strings.Contains(got.body, "NOT_ALLOWED") {
		t.Errorf("run_code by ci = %d %s, want a refusal", got.code, got.body)
	}
	if got := send(t, opt.Dirs, http.MethodPost, s.Addresses.HTTP, secrets["free"], run); got.code != http.StatusOK || strings.Contains(got.body, "NOT_ALLOWED") {
		t.Errorf("run_code by free = %d %s", got.code, got.body)
	}

	show := func(s status.Snapshot) (clients, tokens []string) {
		for _, c := range s.Clients {
			clients = append(clients, fmt.Sprintf("%s %s by %s token %s, %d/%d, may %v", c.Name, c.Version, c.Via, c.Token, c.Errors, c.Calls, c.AllowedTools))
		}
		for _, c := range s.Tokens {
			tokens = append(tokens, fmt.Sprintf("%s connected %v, seen %v, %d/%d, may %v", c.Client, c.Connected, !c.LastSeen.IsZero(), c.Errors, c.Calls, c.AllowedTools))
		}
		return clients, tokens
	}
	read := func() (s status.Snapshot) {
		t.Helper()
		if err := json.Unmarshal([]byte(send(t, opt.Dirs, http.MethodGet, "/status", "", "").body), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	clients, made := show(read())
	if want := []string{"tester 1 by http token ci, 1/1, may [list_contexts]", "tester 1 by http token free, 0/1, may []"}; !reflect.DeepEqual(clients, want) {
		t.Errorf("clients are shown as %q, want %q", clients, want)
	}
	if want := []string{"ci connected true, seen true, 1/1, may [list_contexts]", "free connected true, seen true, 0/1, may []", "idle connected false, seen false, 0/0, may []"}; !reflect.DeepEqual(made, want) {
		t.Errorf("tokens are shown as %q, want %q", made, want)
	}

	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	start(t, opt).wait(t, "the next host", ready)
	clients, made = show(read())
	if want := []string{"ci connected false, seen true, 1/1, may [list_contexts]", "free connected false, seen true, 0/1, may []", "idle connected false, seen false, 0/0, may []"}; !reflect.DeepEqual(made, want) || len(clients) != 0 {
		t.Errorf("after a restart tokens are shown as %q, want %q; and clients as %q, want none", made, want, clients)
	}
	kept, err := os.ReadFile(filepath.Join(opt.Dirs.Data, tokens.UsesFileName))
	if err != nil || strings.Contains(string(kept), "art_") {
		t.Errorf("the uses of tokens are kept as %s, %v, want no token in there", kept, err)
	}
}
