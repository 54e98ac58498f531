//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// serveHTTP starts a host with an address and returns that.
func (h *home) serveHTTP(t *testing.T, more ...string) string {
	t.Helper()
	h.serve(t, append([]string{"--listen", "127.0.0.1:0"}, more...)...).ready(t)
	return h.sees(t, "an address", func(s status.Snapshot) bool { return s.Addresses.HTTP != "" }).Addresses.HTTP
}

func TestEditorsConnectByURL(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	url := h.serveHTTP(t)
	token := strings.TrimSpace(h.mustCtl(t, "token", "browser-editor"))
	if again := strings.TrimSpace(h.mustCtl(t, "token", "browser-editor")); again != token || len(token) < 20 {
		t.Errorf("agentrunctl token gave %q and then %q, want the same long one", token, again)
	}
	inBothEras(t, func(t *testing.T, era string) {
		c := overHTTP(t, era, url, token)
		c.value(t, "", "x = 20")
		c.wants(t, "", "x + 1", "21")
		id := c.create(t, "by-url", "javascript")
		c.wants(t, id, "[1, 2].map(n => n * 20).reduce((a, b) => a + b)", "60")
		run := c.begin(t, "run_code", args{"context_id": id, "code": "while (true) {}"}, "")
		c.awaitRunning(t, id)
		run.stop()
		cancelled := time.Now()
		c.wants(t, id, "40 + 2", "42")
		if took := time.Since(cancelled); took > 3*time.Second {
			t.Errorf("the run after a cancelled one was done after %v, want at once", took)
		}
	})
	h.sees(t, "a client by http", func(s status.Snapshot) bool {
		for _, c := range s.Clients {
			if c.Via == "http" && c.Name == "independent" && c.Calls > 0 {
				return true
			}
		}
		return false
	})
	h.mustCtl(t, "token", "browser-editor", "--revoke")
	if resp := post(t, url, map[string]string{"Authorization": "Bearer " + token}); resp != http.StatusUnauthorized {
		t.Errorf("POST with a revoked token = %d, want %d", resp, http.StatusUnauthorized)
	}
}

func TestTheAddressIsGuarded(t *testing.T) {
	t.Parallel()
	h := coldHome(t, "")
	url := h.serveHTTP(t, "--backend", "mock")
	token := "Bearer " + strings.TrimSpace(h.mustCtl(t, "token", "guarded"))
	for _, test := range []struct {
		name   string
		header map[string]string
		want   int
	}{
		{"with the token", map[string]string{"Authorization": token}, http.StatusOK},
		{"from a page of this address", map[string]string{"Authorization": token, "Origin": strings.TrimSuffix(url, "/mcp")}, http.StatusOK},
		{"without a token", nil, http.StatusUnauthorized},
		{"with a wrong token", map[string]string{"Authorization": "Bearer art_WRONG"}, http.StatusUnauthorized},
		{"with an empty token", map[string]string{"Authorization": "Bearer "}, http.StatusUnauthorized},
		{"with half a token", map[string]string{"Authorization": token[:len(token)-3]}, http.StatusUnauthorized},
		{"with the token as a password", map[string]string{"Authorization": strings.Replace(token, "Bearer", "Basic", 1)}, http.StatusUnauthorized},
		{"from a foreign page", map[string]string{"Authorization": token, "Origin": "http://evil.example"}, http.StatusForbidden},
		{"from a page without a name", map[string]string{"Authorization": token, "Origin": "null"}, http.StatusForbidden},
		{"from another local page", map[string]string{"Authorization": token, "Origin": "http://127.0.0.1:1"}, http.StatusForbidden},
		{"under a foreign name", map[string]string{"Authorization": token, "Host": "evil.example"}, http.StatusForbidden},
		{"under a foreign name with our port", map[string]string{"Authorization": token, "Host": "evil.example:" + port(t, url)}, http.StatusForbidden},
	} {
		if got := post(t, url, test.header); got != test.want {
			t.Errorf("POST initialize %s = %d, want %d", test.name, got, test.want)
		}
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			ip, ok := a.(*net.IPNet)
			if !ok || ip.IP.IsLoopback() || ip.IP.To4() == nil {
				continue
			}
			conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.IP.String(), port(t, url)), time.Second)
			if err == nil {
				_ = conn.Close()
				t.Errorf("the address can be reached at %s, from other computers", ip.IP)
			}
		}
	}
	if out, err := h.ctl("serve", "--listen", "0.0.0.0:0"); err != nil || out.code != 2 {
		t.Errorf("agentrunctl serve --listen 0.0.0.0:0 = %+v, %v, want a refusal with exit code 2", out, err)
	}
	if info, err := os.Stat(h.socket()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v, want mode 0600", info, err)
	}
}

func port(t *testing.T, url string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/mcp"))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// post sends an initialize request and returns the status of the answer.
func post(t *testing.T, url string, header map[string]string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	body := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for name, value := range header {
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("POST %s with %v: %v", url, header, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// TestStatusShowsTheHost: the names in the JSON are a promise to scripts.
func TestStatusShowsTheHost(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	url := h.serveHTTP(t)
	c := h.connect(t, legacy)
	id := c.create(t, "shown", "python")
	c.value(t, id, "1")

	var s map[string]any
	if err := json.Unmarshal([]byte(h.mustCtl(t, "status", "--json")), &s); err != nil {
		t.Fatalf("agentrunctl status --json: %v", err)
	}
	names := map[string]string{
		"":          "version pid started_at phase backend addresses pool sessions contexts clients problems",
		"backend":   "name setting note",
		"addresses": "http socket",
		"pool":      "warm max ready starting closing waiting paused",
		"sessions":  "id sandbox_id state created_at contexts",
		"contexts":  "context_id name language status backend sandbox_id client created_at last_used runs",
		"clients":   "name version via since last_seen calls errors",
	}
	for part, want := range names {
		object := s
		if part != "" {
			switch v := s[part].(type) {
			case map[string]any:
				object = v
			case []any:
				if len(v) == 0 {
					t.Errorf("status --json shows no %s, want some", part)
					continue
				}
				object, _ = v[0].(map[string]any)
			}
		}
		for name := range strings.FieldsSeq(want) {
			if _, ok := object[name]; !ok {
				t.Errorf("status --json has no %s in %q: %v", name, part, object)
			}
		}
	}
	snap, err := h.look()
	if err != nil {
		t.Fatal(err)
	}
	if snap.Backend.Name != "local" || snap.Backend.Setting != "auto" || snap.Addresses.HTTP != url || snap.Addresses.Socket != h.socket() ||
		snap.Pool.Warm != 3 || snap.Pool.Ready != 3 || len(snap.Sessions) != 3 || snap.Phase != status.Ready {
		t.Errorf("status --json = %+v, want the local backend, ready with 3 of 3 sessions, at %s", snap, url)
	}
	if len(snap.Contexts) != 1 || snap.Contexts[0].ID != id || snap.Contexts[0].Runs != 1 || !strings.Contains(snap.Contexts[0].Client, "independent") {
		t.Errorf("status --json shows the contexts %+v, want %s with one run, made by independent", snap.Contexts, id)
	}
	if len(snap.Clients) != 1 || snap.Clients[0].Name != "independent" || snap.Clients[0].Via != "relay" || snap.Clients[0].Calls != 2 {
		t.Errorf("status --json shows the clients %+v, want independent through a relay with 2 calls", snap.Clients)
	}

	people := h.mustCtl(t, "status")
	for _, want := range []string{"local", "3/3 ready", url, h.socket(), id, "shown", "independent", "relay", "AGE", "LEFT"} {
		if !strings.Contains(people, want) {
			t.Errorf("agentrunctl status does not show %q:\n%s", want, people)
		}
	}
}
