//go:build suites

package suites

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// host is an agentrunctl serve in a home of its own.
type host struct {
	programs string
	home     string
	url      string // of its MCP endpoint
	token    string
}

// serve starts a host on a free port and ends it with the test.
func serve(t *testing.T, programs string, more ...string) *host {
	t.Helper()
	h := &host{programs: programs, home: t.TempDir()}
	cmd := exec.Command(h.program("agentrunctl"), append([]string{"serve", "--listen", "127.0.0.1:0"}, more...)...)
	cmd.Env, cmd.Dir = h.env(), h.home
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the host: %v", err)
	}
	said := &transcript{serving: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		said.read(bufio.NewScanner(stderr))
		_ = cmd.Wait() // how it ended shows in what it said
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(patience):
			t.Errorf("the host (process %d) ran on %v after SIGTERM and is killed", cmd.Process.Pid, patience)
			_ = cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Logf("the host said at the end:\n%s", said.end())
		}
	})
	select {
	case <-said.serving:
	case <-done:
		t.Fatalf("the host ended before it served; it said:\n%s", said.end())
	case <-time.After(patience):
		t.Fatalf("the host does not serve after %v; it said:\n%s", patience, said.end())
	}
	var s status.Snapshot
	if err := json.Unmarshal([]byte(h.ctl(t, "status", "--json")), &s); err != nil {
		t.Fatalf("agentrunctl status --json: %v", err)
	}
	h.url, h.token = s.Addresses.HTTP, strings.TrimSpace(h.ctl(t, "token", "suites"))
	if h.url == "" || h.token == "" {
		t.Fatalf("the host has the address %q and gives the token %q, want both", h.url, h.token)
	}
	return h
}

func (h *host) program(name string) string { return filepath.Join(h.programs, name) }

func (h *host) env() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.home, paths.HomeVariable + "=" + h.home}
}

// ctl runs agentrunctl in the host's home.
func (h *host) ctl(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.program("agentrunctl"), args...)
	cmd.Env, cmd.Dir = h.env(), h.home
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("agentrunctl %s: %v; it said:\n%s%s", strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

// transcript keeps what a host logs.
type transcript struct {
	serving chan struct{} // closed when it does
	once    sync.Once

	mu    sync.Mutex // guards below
	lines []string
}

func (s *transcript) read(log *bufio.Scanner) {
	for log.Scan() {
		line := log.Text()
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		if strings.Contains(line+" ", "msg=serving ") {
			s.once.Do(func() { close(s.serving) })
		}
	}
}

// end is the end of what was said.
func (s *transcript) end() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines[max(0, len(s.lines)-40):], "\n")
}

// letIn stands before the host for clients that cannot send a token, as the conformance suite: it adds the token, and puts the host's
// port where its own is named in Host and Origin. Whatever else those say passes through as it is, so that it is the host that
// judges foreign ones.
func (h *host) letIn(t *testing.T) (endpoint string) {
	t.Helper()
	target, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	var own string
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = changePort(r.In.Host, own, target.Port())
			if scheme, rest, ok := strings.Cut(r.In.Header.Get("Origin"), "://"); ok {
				r.Out.Header.Set("Origin", scheme+"://"+changePort(rest, own, target.Port()))
			}
			r.Out.Header.Set("Authorization", "Bearer "+h.token)
		},
		ErrorLog: log.New(io.Discard, "", 0), // the suite hangs up often
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				t.Errorf("the host did not answer %s %s: %v", r.Method, r.URL, err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	door := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A proxy that is answered while it still looks for the end of the body breaks off the answer: net/http closes the body of
		// a request once its response begins.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the suite has hung up
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	_, own, err = net.SplitHostPort(door.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	door.Start()
	t.Cleanup(door.Close)
	return fmt.Sprintf("http://127.0.0.1:%s%s", own, target.Path)
}

// changePort replaces the port in host:port where it is from.
func changePort(hostPort, from, to string) string {
	name, port, err := net.SplitHostPort(hostPort)
	if err != nil || port != from {
		return hostPort
	}
	return net.JoinHostPort(name, to)
}
