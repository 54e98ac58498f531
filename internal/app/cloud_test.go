package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/cost"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// cloud is an emulated service and the options of hosts that use it. Nothing is run: each run prints its own text.
func cloud(t *testing.T) (*agentruntest.Server, app.Options) {
	t.Helper()
	service := agentruntest.Start(t, agentruntest.Options{Script: func(_, code string) agentruntest.Scripted { return agentruntest.Scripted{Stdout: code} }})
	opt := options(t)
	opt.Config.Backend = "auto"
	opt.Config.Fallback = "off"
	env := make(map[string]string)
	for _, v := range service.Environment() {
		env[v.Name] = v.Value
	}
	opt.Secrets = secrets.Open(secrets.Options{Getenv: func(name string) string { return env[name] }, Vault: &secretstest.Vault{}})
	return service, opt
}

// alive returns the sandboxes that live, once there are so many.
func alive(t *testing.T, service *agentruntest.Server, n int) []string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		ids := service.Sandboxes()
		if len(ids) == n {
			return ids
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sandboxes live, want %d", len(ids), n)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// do posts to the host's socket and returns the answer.
func (h *host) do(t *testing.T, opt app.Options, path string) app.ChangeAnswer {
	t.Helper()
	got := send(t, opt.Dirs, http.MethodPost, path, "", "")
	var answer app.ChangeAnswer
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
		t.Fatalf("POST %s = %d %q", path, got.code, got.body)
	}
	return answer
}

func TestWithCredentialsAutoIsTheCloudAndTheStatusSaysWhichPart(t *testing.T) {
	service, opt := cloud(t)
	h := start(t, opt)
	s := h.wait(t, "the pool", ready)
	alive(t, service, 3)
	b := s.Backend
	if b.Name != "agentrun" || b.Setting != "auto" || b.Region != agentruntest.Region || b.Account != agentruntest.AccountID || b.Template != "agentrun-tray" ||
		b.Credentials != "environment" || b.ControlEndpoint != service.URL || b.Fallback != "" {
		t.Errorf("the snapshot's backend is %+v", b)
	}
	for _, x := range s.Sessions {
		if x.Backend != "agentrun" || x.ExpiresAt == nil || x.EndsAt == nil || x.ReadyAt == nil || x.EndsAt.Sub(*x.ReadyAt) > 6*time.Hour {
			t.Errorf("session %+v, want one of agentrun that is renewed, and ends within 6 h", x)
		}
	}
	h.wait(t, "the cost", func(s status.Snapshot) bool { return s.Cost != nil && s.Cost.Currency == "CNY" })
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), agentruntest.AccessKeySecret) {
		t.Error("the snapshot holds the secret")
	}
	if err := h.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	alive(t, service, 0)
}

// TestNothingIsSpentBeforeTheFirstStepsAreAnswered: an answer may be where code is to run, how many sandboxes are
// to be kept ready, or that nothing is to be asked.
func TestNothingIsSpentBeforeTheFirstStepsAreAnswered(t *testing.T) {
	for name, answer := range map[string]func(h *host) error{
		"where":   func(h *host) error { return h.SetBackend(t.Context(), "agentrun") },
		"skipped": func(h *host) error { return h.FinishSetup() },
		"many":    func(h *host) error { return h.SetWarm(t.Context(), 3) },
	} {
		t.Run(name, func(t *testing.T) {
			service, opt := cloud(t)
			opt.ShowWindow = func() {}
			if err := os.MkdirAll(opt.Dirs.Config, 0o700); err != nil {
				t.Fatal(err)
			}
			h := start(t, opt)
			s := h.wait(t, "the account", func(s status.Snapshot) bool { return s.Backend.Name == "agentrun" && s.Phase == status.Ready })
			if s.Pool.Warm != 0 || len(service.Sandboxes()) != 0 {
				t.Errorf("before an answer %d are kept ready and %q live, want none", s.Pool.Warm, service.Sandboxes())
			}
			if err := answer(h); err != nil {
				t.Fatal(err)
			}
			alive(t, service, 3)
		})
	}
}

func TestThePoolCanBePausedResumedAndChangedByHand(t *testing.T) {
	service, opt := cloud(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)

	if a := h.do(t, opt, "/pool/pause"); a.Error != "" || !strings.Contains(a.Text, "paused") {
		t.Errorf("pause = %+v", a)
	}
	alive(t, service, 0)
	s := h.wait(t, "the pause", func(s status.Snapshot) bool { return s.Phase == status.Paused })
	if !strings.Contains(s.Pool.Suspended, "paused by its user") {
		t.Errorf("suspended is %q", s.Pool.Suspended)
	}
	create := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_context","arguments":{"name":"a"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`
	if got := send(t, opt.Dirs, http.MethodPost, "/mcp", "", create); !strings.Contains(got.body, "agentrunctl pool resume") || !strings.Contains(got.body, "SERVER_NOT_READY") {
		t.Errorf("a context while paused = %s", got.body)
	}
	h.do(t, opt, "/pool/resume")
	alive(t, service, 3)

	if a := h.do(t, opt, "/pool/warm/1"); a.Error != "" {
		t.Errorf("warm 1 = %+v", a)
	}
	first := alive(t, service, 1)[0]
	if c := loadSettings(t, opt); c.Pool.Warm != 1 {
		t.Errorf("the settings have %d warm, want 1 kept", c.Pool.Warm)
	}
	if a := h.do(t, opt, "/pool/warm/200"); !strings.Contains(a.Error, "not between") {
		t.Errorf("warm 200 = %+v, want it refused", a)
	}
	if a := h.do(t, opt, "/pool/warm/many"); !strings.Contains(a.Error, "not a number") {
		t.Errorf("warm many = %+v, want it refused", a)
	}

	h.wait(t, "one session", func(s status.Snapshot) bool { return len(s.Sessions) == 1 && s.Pool.Ready == 1 })
	h.do(t, opt, "/pool/replace/"+first)
	second := h.wait(t, "another sandbox", func(s status.Snapshot) bool {
		return len(s.Sessions) == 1 && s.Sessions[0].SandboxID != first && s.Pool.Ready == 1
	}).Sessions[0].SandboxID
	h.do(t, opt, "/pool/end/"+second)
	h.wait(t, "a third sandbox", func(s status.Snapshot) bool {
		return len(s.Sessions) == 1 && s.Sessions[0].SandboxID != second && s.Pool.Ready == 1
	})
	if slices.Contains(service.Sandboxes(), first) || slices.Contains(service.Sandboxes(), second) {
		t.Error("a sandbox that was replaced or ended still lives")
	}
	if a := h.do(t, opt, "/pool/end/nothing"); !strings.Contains(a.Error, "there is no sandbox nothing") {
		t.Errorf("ending nothing = %+v", a)
	}
}

func TestSandboxesAreKeptForTheNextHostIfThatIsSet(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.Pool.KeepOnQuit = true
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	if err := h.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	kept := alive(t, service, 3)
	h = start(t, opt)
	s := h.wait(t, "the pool", ready)
	var ids []string
	for _, x := range s.Sessions {
		ids = append(ids, x.SandboxID)
	}
	slices.Sort(ids)
	slices.Sort(kept)
	if !slices.Equal(ids, kept) || service.Count("CreateSandbox") != 3 {
		t.Errorf("the next host has %v after %d creations, want the three there were: %v", ids, service.Count("CreateSandbox"), kept)
	}
}

func TestADayThatHasCostItsCapSuspendsThePool(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.AgentRun.DailyCap = 1
	if err := os.MkdirAll(opt.Dirs.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	meter, now := cost.New(cost.Options{Folder: opt.Dirs.Data}), time.Now()
	if err := meter.Load(now); err != nil {
		t.Fatal(err)
	}
	crowd := make([]cost.Alive, 1000)
	for n := range crowd {
		crowd[n] = cost.Alive{ID: fmt.Sprint(n), Born: now.Add(-20 * time.Second), Busy: true}
	}
	meter.Observe(now.Add(-20*time.Second), crowd)
	meter.Observe(now, nil)
	if err := meter.Save(now); err != nil {
		t.Fatal(err)
	}
	h := start(t, opt)
	s := h.wait(t, "the cap", func(s status.Snapshot) bool { return s.Phase == status.Paused })
	alive(t, service, 0)
	if !strings.Contains(s.Pool.Suspended, "daily cap is 1.00 CNY") || !slices.ContainsFunc(s.Problems, func(p status.Problem) bool { return p.Code == "daily-cap" }) {
		t.Errorf("suspended is %q, problems are %+v", s.Pool.Suspended, s.Problems)
	}
	for place, said := range map[string]string{"a context": fmt.Sprint(callTool(t, opt, "create_context", `{"name":"a"}`)), "the status": fmt.Sprint(s.Problems)} {
		for _, word := range []string{"no more are made until midnight", "agentrun.daily_cap", "agentrunctl stop", "agentrunctl backend local"} {
			if !strings.Contains(said, word) {
				t.Errorf("%s past the cap = %s, want %q in it", place, said, word)
			}
		}
	}
}

// TestTroubleIsToldThoughCodeCanRun: sandboxes are left, and new contexts can be made on this computer. The way to one more sandbox is not
// that to the first.
func TestTroubleIsToldThoughCodeCanRun(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.Fallback = "local"
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	service.Inject(agentruntest.Fault{Failure: agentruntest.Slow(3 * time.Second), Operation: "CreateSandbox"})
	h.do(t, opt, "/pool/warm/4")
	if s := h.wait(t, "one more", func(s status.Snapshot) bool { return s.Pool.Starting == 1 }); s.Backend.Loading != nil {
		t.Errorf("while a fourth sandbox starts, the backend is loading %+v", s.Backend.Loading)
	}
	h.wait(t, "four", func(s status.Snapshot) bool { return ready(s) && s.Pool.Ready == 4 })
	service.Inject(agentruntest.Fault{Failure: agentruntest.Forbidden(), Operation: "CreateSandbox", Times: -1})
	h.do(t, opt, "/pool/warm/5")
	s := h.wait(t, "a failure", func(s status.Snapshot) bool { return len(s.Problems) > 0 })
	if s.Phase != status.Troubled || s.Pool.Ready != 4 {
		t.Errorf("the phase is %s with %d sandboxes ready, want %s with 4", s.Phase, s.Pool.Ready, status.Troubled)
	}
	if p := s.Problems[0]; len(s.Problems) != 1 || p.Args.Backend != "local" || !strings.Contains(p.What, "on the local backend meanwhile") {
		t.Errorf("the problems are %+v, want one that says where new contexts are made", s.Problems)
	}
	service.ClearFaults()
	if err := h.ResumePool(); err != nil {
		t.Error(err)
	}
	h.wait(t, "the end of it", func(s status.Snapshot) bool { return ready(s) && len(s.Problems) == 0 })
}

// TestTroubleThatACallHasIsToldAtOnce, and so is its end: sandboxes are looked at by themselves only every minute.
func TestTroubleThatACallHasIsToldAtOnce(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.Pool.Warm = 1
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	run := call("run_code", `{"code":"fine"}`)
	send(t, opt.Dirs, http.MethodPost, "/mcp", "", run)
	for _, operation := range []string{"Health", "Execute"} {
		service.Inject(agentruntest.Fault{Failure: agentruntest.Unavailable(0), Operation: operation, Times: -1})
	}
	if got := send(t, opt.Dirs, http.MethodPost, "/mcp", "", run); !strings.Contains(got.body, "status 503") {
		t.Errorf("a run that AgentRun does not take = %s", got.body)
	}
	s := h.wait(t, "the problem", func(s status.Snapshot) bool { return len(s.Problems) > 0 })
	p := s.Problems[0]
	if p.Code != status.Unreachable || s.Phase != status.Troubled || p.Todo == "" {
		t.Errorf("the phase is %s with the problems %+v, want one of sandboxes that cannot be reached", s.Phase, s.Problems)
	}
	if !strings.Contains(p.Why, "status 503") || strings.Contains(p.Why, "try again") {
		t.Errorf("why is %q, want the status and nothing to do for what is done by itself", p.Why)
	}
	service.ClearFaults()
	send(t, opt.Dirs, http.MethodPost, "/mcp", "", run)
	h.wait(t, "the end of it", func(s status.Snapshot) bool { return ready(s) && len(s.Problems) == 0 })
}

func TestWithoutCredentialsTheCloudByNameSaysWhatToDo(t *testing.T) {
	_, opt := cloud(t)
	opt.Config.Backend = "agentrun"
	opt.Secrets = secrets.Open(secrets.Options{Getenv: func(string) string { return "" }, Vault: &secretstest.Vault{}})
	h := start(t, opt)
	s := h.wait(t, "trouble", func(s status.Snapshot) bool { return s.Phase == status.Troubled })
	if len(s.Problems) != 1 || s.Problems[0].Code != "credentials" || !strings.Contains(s.Problems[0].Todo, "agentrunctl login") {
		t.Errorf("problems are %+v, want one that names agentrunctl login", s.Problems)
	}
	if a := h.do(t, opt, "/backend/mock"); a.Error != "" {
		t.Errorf("choosing another backend = %+v", a)
	}
	s = h.wait(t, "the other backend", func(s status.Snapshot) bool { return s.Backend.Name == "mock" && ready(s) })
	if len(s.Problems) != 0 || s.Backend.Setting != "mock" {
		t.Errorf("problems are %+v with %+v, want none any more", s.Problems, s.Backend)
	}
	if a := h.do(t, opt, "/backend/moon"); !strings.Contains(a.Error, "choose one of auto") {
		t.Errorf("choosing the moon = %+v", a)
	}
}

func TestCredentialsThatComeWhileTheHostRunsAreUsed(t *testing.T) {
	service, opt := cloud(t)
	env := make(map[string]string)
	for _, v := range service.Environment() {
		env[v.Name] = v.Value
	}
	var there atomic.Bool
	opt.Secrets = secrets.Open(secrets.Options{Vault: &secretstest.Vault{}, Getenv: func(name string) string {
		if !there.Load() {
			return ""
		}
		return env[name]
	}})
	opt.Config.Backend = "agentrun"
	h := start(t, opt)
	h.wait(t, "trouble", func(s status.Snapshot) bool { return s.Phase == status.Troubled })
	there.Store(true)
	h.do(t, opt, "/credentials/changed")
	h.wait(t, "the pool", func(s status.Snapshot) bool { return ready(s) && len(s.Problems) == 0 })
	alive(t, service, 3)
}

func TestAnUnusedPoolIsPausedAndFilledForTheNextClient(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.Pool.IdlePauseMinutes = 0.05 // time for three sandboxes on a busy computer
	h := start(t, opt)
	alive(t, service, 3)
	h.wait(t, "the pause", func(s status.Snapshot) bool { return s.Phase == status.Paused && s.Pool.Suspended == "" })
	alive(t, service, 0)
	// a client of the newer era counts as connected for some minutes
	send(t, opt.Dirs, http.MethodPost, "/mcp", "", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`)
	alive(t, service, 3)
}

func loadSettings(t *testing.T, opt app.Options) config.Config {
	t.Helper()
	c, _, err := config.Load(opt.Dirs.Config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
