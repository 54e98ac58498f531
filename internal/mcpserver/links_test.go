package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/link"
)

func openLink(t *testing.T, r *rig) *link.Client {
	t.Helper()
	conn, err := net.Dial("unix", r.socket)
	if err != nil {
		t.Fatal(err)
	}
	client, err := link.Open(t.Context(), conn, "agentrun", "/link")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

var modernHeaders = http.Header{
	"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}, "Agentrun-Relay": {"relay-of-the-test"},
	"Mcp-Protocol-Version": {modern}, "Mcp-Method": {"tools/call"}, "Mcp-Name": {"run_code"},
}

func runLine(code string) []byte {
	quoted, _ := json.Marshal(code)
	return []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_code","arguments":{"code":` + string(quoted) +
		`},"_meta":{"io.modelcontextprotocol/protocolVersion":"` + modern + `","io.modelcontextprotocol/clientCapabilities":{}}}}`)
}

// readAll returns status and body of a response.
func readAll(t *testing.T, resp *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("after %q: %v", body, err)
	}
	return resp.StatusCode, string(body)
}

func TestALinkIsServedLikeTheSocket(t *testing.T) {
	r := startRig(t, rigSetup{options: Options{Beside: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "beside") })}})
	client := openLink(t, r)
	post := func(body []byte) (int, string) {
		resp, err := client.RoundTrip(t.Context(), http.MethodPost, "agentrun", endpoint, modernHeaders, body)
		return readAll(t, resp, err)
	}
	if status, said := post(runLine("print a")); status != http.StatusOK || !strings.Contains(said, `"success":true`) {
		t.Errorf("a call = %d %s", status, said)
	}
	if all := r.Clients(); len(all) != 1 || all[0].Via != ViaRelay || all[0].Calls != 1 {
		t.Errorf("clients = %+v, want the relay with one call", all)
	}
	if status, said := post([]byte(`{"jsonrpc":`)); status != http.StatusBadRequest {
		t.Errorf("half a message = %d %s", status, said)
	}
	if status, said := post(make([]byte, maxBody+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body over the cap = %d %s", status, said)
	}
	if status, said := post(append(runLine("print a"), strings.Repeat(" ", maxBody/2)...)); status != http.StatusOK || !strings.Contains(said, `"success":true`) {
		t.Errorf("a long body below the cap = %d %.300s", status, said)
	}
	resp, err := client.RoundTrip(t.Context(), http.MethodPut, "agentrun", endpoint, nil, nil)
	if status, said := readAll(t, resp, err); status != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != methods {
		t.Errorf("PUT = %d %s", status, said)
	}
	resp, err = client.RoundTrip(t.Context(), http.MethodGet, "agentrun", "/status", nil, nil)
	if status, said := readAll(t, resp, err); status != http.StatusOK || said != "beside" || resp.Header.Get(headerHost) != "1.2.3" {
		t.Errorf("/status = %d %s %v", status, said, resp.Header)
	}
}

// TestARelayGoesWithItsLink: a client of the newer era says nothing when it ends. What it had beside the link keeps it.
func TestARelayGoesWithItsLink(t *testing.T) {
	r := startRig(t, rigSetup{})
	call := func(client *link.Client) {
		t.Helper()
		resp, err := client.RoundTrip(t.Context(), http.MethodPost, "agentrun", endpoint, modernHeaders, runLine("print a"))
		if status, said := readAll(t, resp, err); status != http.StatusOK || !strings.Contains(said, `"success":true`) {
			t.Fatalf("a call = %d %s", status, said)
		}
	}
	first, second := openLink(t, r), openLink(t, r)
	call(first)
	call(second)
	call(second)
	links := func() (n int) {
		r.clients.mu.Lock()
		defer r.clients.mu.Unlock()
		for _, c := range r.clients.byKey {
			n += c.links
		}
		return n
	}
	if n := links(); n != 2 {
		t.Errorf("the relay has %d links, want 2", n)
	}
	first.Close()
	eventually(t, "the end of the first link", func() bool { return links() == 1 })
	if all := r.Clients(); len(all) != 1 || all[0].Calls != 3 {
		t.Errorf("with a link left the clients are %+v, want the relay with 3 calls", all)
	}
	second.Close()
	eventually(t, "the end of the relay", func() bool { return len(r.Clients()) == 0 })
	call(openLink(t, r))
	if all := r.Clients(); len(all) != 1 || all[0].Calls != 1 {
		t.Errorf("back again, the clients are %+v, want the relay anew", all)
	}
}

func TestLinksAreForTheSocketOnly(t *testing.T) {
	r := startRig(t, rigSetup{})
	conn, err := net.Dial("tcp", "127.0.0.1:"+r.port)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := link.Open(t.Context(), conn, "127.0.0.1:"+r.port, "/link"); !errors.Is(err, link.ErrNotSpoken) {
		t.Errorf("Open over TCP = %v, want ErrNotSpoken", err)
	}
}

func TestShutdownReachesLinks(t *testing.T) {
	r := startRig(t, rigSetup{})
	client := openLink(t, r)
	running, err := client.Start(t.Context(), http.MethodPost, "agentrun", endpoint, modernHeaders, runLine("sleep 1m"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the call has begun", func() bool {
		all := r.Clients()
		return len(all) > 0 && all[0].InFlight > 0
	})
	var wg sync.WaitGroup
	wg.Go(r.stop)
	resp, err := running.Response()
	if status, said := readAll(t, resp, err); status != http.StatusOK || !strings.Contains(said, "SESSION_LOST") && !strings.Contains(said, "CANCELLED") {
		t.Errorf("the call in flight = %d %s", status, said)
	}
	<-client.Done()
	wg.Wait()
	if _, err := client.Start(context.Background(), http.MethodPost, "agentrun", endpoint, modernHeaders, runLine("1")); err == nil {
		t.Error("a host that was shut down takes requests")
	} else if lost, ok := errors.AsType[*link.LostError](err); !ok || lost.Sent {
		t.Errorf("Start = %v, want it unsent", err)
	}
}
