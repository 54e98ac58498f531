package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// engineCache is the cache folder of hosts whose code runs on this computer. What the first of them compiles, which takes minutes with the
// race detector, is there for the others.
var engineCache string

func TestMain(m *testing.M) {
	var err error
	if engineCache, err = os.MkdirTemp("", "app-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(engineCache) // it is a temporary one
		os.Exit(code)
	}))
}

// onThisComputer are options for a host whose code runs on this computer, in a single sandbox.
func onThisComputer(t *testing.T) app.Options {
	t.Helper()
	opt := options(t)
	opt.Dirs.Cache = engineCache
	opt.Config.Backend, opt.Config.Pool.Warm = "local", 1
	return opt
}

// options make a host with simulated sandboxes in a home of its own.
func options(t *testing.T) app.Options {
	t.Helper()
	home := t.TempDir()
	dirs, err := paths.FromEnv(func(name string) string {
		if name == paths.HomeVariable {
			return home
		}
		return ""
	}, "linux")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Backend = "mock"
	return app.Options{Dirs: dirs, Config: cfg}
}

// host is a host that runs until stop is called or the test ends.
type host struct {
	*app.App
	stop func() error // ends it and returns what Run returned
}

func start(t *testing.T, opt app.Options) *host {
	t.Helper()
	a, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var result error
	go func() {
		defer close(done)
		result = a.Run(ctx)
	}()
	h := &host{a, func() error {
		cancel()
		<-done
		return result
	}}
	t.Cleanup(func() { _ = h.stop() })
	return h
}

// wait returns the first snapshot that fulfils the condition.
func (h *host) wait(t *testing.T, what string, ok func(status.Snapshot) bool) status.Snapshot {
	t.Helper()
	return h.waitWithin(t, time.Minute, what, ok)
}

// waitWithin is wait for what may take longer, such as the first compilation of the engine beside other tests.
func (h *host) waitWithin(t *testing.T, limit time.Duration, what string, ok func(status.Snapshot) bool) status.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var last status.Snapshot
	for s := range h.Hub().Watch(ctx) {
		if last = s; ok(s) {
			return s
		}
	}
	t.Fatalf("waited for %s; the last snapshot is %+v", what, last)
	return last
}

// loads waits for the engine, whose first compilation takes minutes beside other tests and with the race detector.
func (h *host) loads(t *testing.T) {
	t.Helper()
	h.waitWithin(t, 15*time.Minute, "the engine", ready)
}

func ready(s status.Snapshot) bool {
	return s.Phase == status.Ready && s.Pool.Ready == s.Pool.Warm && s.Addresses.Socket != ""
}

// ask gets a path from the host's socket.
func ask(t *testing.T, dirs paths.Dirs, path string) (*http.Response, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return instance.Dial(ctx, dirs) },
	}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://agentrun"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return client.Do(req)
}

func TestAHostServesItsStatusAndLeavesNothingBehind(t *testing.T) {
	opt := options(t)
	opt.Listen = "127.0.0.1:0"
	h := start(t, opt)
	h.wait(t, "the pool", ready)

	resp, err := ask(t, opt.Dirs, "/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var s status.Snapshot
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	if s.Backend.Name != "mock" || s.Pool.Ready != 3 || len(s.Sessions) != 3 || s.PID != os.Getpid() || !strings.HasPrefix(s.Addresses.HTTP, "http://127.0.0.1:") {
		t.Errorf("status = %+v", s)
	}

	info, err := instance.Read(opt.Dirs)
	if err != nil || info.Address.HTTP != s.Addresses.HTTP {
		t.Errorf("published %+v, %v", info, err)
	}
	outside, err := http.Get(strings.TrimSuffix(s.Addresses.HTTP, "/mcp") + "/status")
	if err != nil {
		t.Fatal(err)
	}
	outside.Body.Close()
	if outside.StatusCode != http.StatusNotFound {
		t.Errorf("the status over TCP answers %s; it belongs to the socket alone", outside.Status)
	}

	if err := h.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if last := h.Hub().Current(); last.Phase != status.Stopping || len(last.Sessions) != 0 {
		t.Errorf("the last snapshot is %+v, want stopping without sessions", last)
	}
	for _, name := range []string{"host.sock", "host.json"} {
		if _, err := os.Stat(filepath.Join(opt.Dirs.Runtime, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was left behind (%v)", name, err)
		}
	}
}

func TestASecondHostGivesWay(t *testing.T) {
	opt := options(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	second, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	err = second.Run(t.Context())
	if running, ok := errors.AsType[*instance.RunningError](err); !ok || running.Info.PID != os.Getpid() {
		t.Errorf("second Run = %v, want that a host runs, and which", err)
	}
	if resp, err := ask(t, opt.Dirs, "/status"); err != nil {
		t.Errorf("the first host was disturbed: %v", err)
	} else {
		resp.Body.Close()
	}
}

func TestATakenPortIsReplacedAndTold(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	opt := options(t)
	opt.Listen = taken.Addr().String()
	s := start(t, opt).wait(t, "the pool", ready)
	if s.Addresses.HTTP == "" || strings.Contains(s.Addresses.HTTP, opt.Listen) {
		t.Errorf("HTTP address = %q, want another than %s", s.Addresses.HTTP, opt.Listen)
	}
	if len(s.Problems) != 1 || s.Problems[0].Code != "port-taken" || s.Problems[0].Todo == "" {
		t.Errorf("problems = %+v", s.Problems)
	}
}

func TestBadSettingsBecomeProblems(t *testing.T) {
	opt := options(t)
	opt.Faults = []config.Fault{{Field: "pool.warm", Text: "-1 is not between 0 and 100"}}
	s := start(t, opt).wait(t, "the pool", ready)
	if len(s.Problems) != 1 || s.Problems[0].Code != "settings" || !strings.Contains(s.Problems[0].What, "pool.warm") {
		t.Errorf("problems = %+v", s.Problems)
	}
}

func TestAnUnusedHostEndsItself(t *testing.T) {
	opt := options(t)
	opt.IdleExit = 50 * time.Millisecond
	a, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := a.Run(ctx); err != nil || ctx.Err() != nil {
		t.Errorf("Run = %v (%v), want it to end by itself", err, ctx.Err())
	}
}

func TestWhatCannotBeAHost(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*app.Options)
		want   string
	}{
		{"an address that others can reach", func(o *app.Options) { o.Listen = "0.0.0.0:1" }, "this computer's own"},
		{"a backend there is not", func(o *app.Options) { o.Config.Backend = "moon" }, "auto, agentrun, local, mock"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opt := options(t)
			tc.change(&opt)
			if _, err := app.New(t.Context(), opt); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("New = %v, want %q", err, tc.want)
			}
		})
	}
}
