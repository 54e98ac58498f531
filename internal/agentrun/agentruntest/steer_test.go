package agentruntest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

func reach(t *testing.T, s *agentruntest.Server) *agentruntest.Remote {
	t.Helper()
	r, err := agentruntest.Reach(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAnEmulatorIsSteeredFromOutside does by the remote what the emulator's own methods do.
func TestAnEmulatorIsSteeredFromOutside(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c, r := clientOf(t, s, nil), reach(t, s)
	ctx := t.Context()
	one, two := open(t, c), open(t, c)
	if ids, err := r.Sandboxes(ctx); err != nil || !slices.Equal(ids, []string{one, two}) {
		t.Errorf("Sandboxes = %v, %v, want %s and %s", ids, err, one, two)
	}
	if lived, err := r.EndSandbox(ctx, one); err != nil || !lived {
		t.Errorf("EndSandbox = %t, %v, want it to have lived", lived, err)
	}
	if lived, err := r.EndSandbox(ctx, one); err != nil || lived {
		t.Errorf("EndSandbox again = %t, %v, want it to be over", lived, err)
	}
	if _, err := c.Health(ctx, one); agentrun.KindOf(err) != agentrun.KindSandboxGone {
		t.Errorf("Health of a sandbox that was ended = %v", err)
	}

	awaited := make(chan error, 1)
	go func() { awaited <- r.Await(ctx, "Health", 2) }()
	if err := r.Inject(ctx, agentruntest.Fault{Failure: agentruntest.Throttled(time.Second), Operation: "Health", Plane: "data"}); err != nil {
		t.Fatal(err)
	}
	if health, err := c.Health(ctx, two); err != nil || !health.OK() {
		t.Errorf("Health after one fault = %+v, %v", health, err)
	}
	if err := <-awaited; err != nil {
		t.Errorf("Await = %v", err)
	}
	requests, err := r.Requests(ctx)
	if err != nil || !slices.ContainsFunc(requests, func(q agentruntest.Request) bool {
		return q.Operation == "Health" && q.Status == http.StatusTooManyRequests && q.Fault == "throttled" && q.Header.Get("User-Agent") != ""
	}) {
		t.Errorf("Requests = %+v, %v, want the one that was throttled", requests, err)
	}

	if err := r.Inject(ctx, agentruntest.Fault{Failure: agentruntest.Quota(), Times: 3}); err != nil {
		t.Fatal(err)
	}
	if left, err := r.ClearFaults(ctx); err != nil || left != 1 {
		t.Errorf("ClearFaults = %d, %v, want 1", left, err)
	}
	if err := r.Advance(ctx, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	if ids, err := r.Sandboxes(ctx); err != nil || len(ids) != 0 {
		t.Errorf("two hours later there are %v, %v, want none", ids, err)
	}
	if err := r.FailNextTemplate(ctx, "no room"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateTemplate(ctx, agentrun.TemplateSpec{Name: "another", Type: agentrun.CodeInterpreter, CPU: 2, Memory: 2048, Network: spec.Network}); err != nil {
		t.Fatal(err)
	}
	if found, err := c.GetTemplate(ctx, "another"); err != nil || found.StatusReason != "no room" {
		t.Errorf("the template is %+v, %v, want it to have no room", found, err)
	}
}

func TestWhatMakesNoSenseIsNotSteered(t *testing.T) {
	s := start(t, agentruntest.Options{})
	r, ctx := reach(t, s), t.Context()
	for want, do := range map[string]func() error{
		`no operation "Dance"`: func() error {
			return r.Inject(ctx, agentruntest.Fault{Failure: agentruntest.Cut(), Operation: "Dance"})
		},
		`no plane "astral"`:     func() error { return r.Inject(ctx, agentruntest.Fault{Failure: agentruntest.Cut(), Plane: "astral"}) },
		"cannot be skipped":     func() error { return r.Inject(ctx, agentruntest.Fault{Failure: agentruntest.Cut(), Skip: -1}) },
		"no failure":            func() error { return r.Inject(ctx, agentruntest.Fault{}) },
		"cannot be turned back": func() error { return r.Advance(ctx, -time.Hour) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it gives %v, want an error with %q", err, want)
		}
	}
	if left := s.ClearFaults(); left != 0 {
		t.Errorf("%d faults came of it", left)
	}
	for path, body := range map[string]string{"/faults": `{"failure": "cut", "oparation": "Health"}`, "/clock": `{"advance": "soon"}`, "/templates": `[]`} {
		if status := steer(t, s, http.MethodPost, path, body, nil); status != http.StatusBadRequest {
			t.Errorf("POST %s with %s is answered %d", path, body, status)
		}
	}
}

// steer sends a request as anything but a Remote would.
func steer(t *testing.T, s *agentruntest.Server, method, path, body string, change func(*http.Request)) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/_emulator"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestPagesCannotSteer has a page in a browser that knows where the emulator listens.
func TestPagesCannotSteer(t *testing.T) {
	s := start(t, agentruntest.Options{})
	for name, change := range map[string]func(*http.Request){
		"by its origin": func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
		"by its name":   func(r *http.Request) { r.Host = "example.com:80" },
	} {
		if status := steer(t, s, http.MethodPost, "/faults", `{"failure": "cut"}`, change); status != http.StatusForbidden {
			t.Errorf("a page that gives itself away %s is answered %d", name, status)
		}
	}
	if left := s.ClearFaults(); left != 0 {
		t.Errorf("%d faults came of it", left)
	}
}

func TestOnlyAnEmulatorIsSteered(t *testing.T) {
	for _, endpoint := range []string{"", "127.0.0.1:80", "https://127.0.0.1", "http://example.com", "http://127.0.0.1/path"} {
		if _, err := agentruntest.Reach(endpoint); err == nil {
			t.Errorf("Reach(%q) gives no error", endpoint)
		}
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	r, err := agentruntest.Reach(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sandboxes(t.Context()); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Errorf("Sandboxes of another server = %v", err)
	}
}
