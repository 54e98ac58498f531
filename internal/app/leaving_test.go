package app_test

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// environment is one that changes while a host runs.
type environment struct {
	mu  sync.Mutex
	env map[string]string
}

func (e *environment) set(env map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.env = maps.Clone(env)
}

func (e *environment) store() *secrets.Store {
	return secrets.Open(secrets.Options{Vault: &secretstest.Vault{}, Getenv: func(name string) string {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.env[name]
	}})
}

// of is what the environment has for a service.
func of(service *agentruntest.Server) map[string]string {
	env := make(map[string]string)
	for _, v := range service.Environment() {
		env[v.Name] = v.Value
	}
	return env
}

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`

// runCode runs code in a context, or the default one, and returns the answer.
func runCode(t *testing.T, opt app.Options, contextID string) string {
	t.Helper()
	arguments := `{"code":"x"}`
	if contextID != "" {
		arguments = `{"code":"x","context_id":"` + contextID + `"}`
	}
	return send(t, opt.Dirs, http.MethodPost, "/mcp", "", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_code","arguments":`+arguments+`,`+meta+`}}`).body
}

func TestLoggingOutEndsTheSandboxesOfTheAccount(t *testing.T) {
	service, opt := cloud(t)
	env := &environment{}
	env.set(of(service))
	opt.Secrets = env.store()
	opt.Config.Backend = "agentrun"
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	runCode(t, opt, "")
	id := h.wait(t, "a context", func(s status.Snapshot) bool { return len(s.Contexts) == 1 }).Contexts[0].ID

	env.set(nil)
	h.do(t, opt, "/credentials/changed")
	alive(t, service, 0)
	h.wait(t, "trouble", func(s status.Snapshot) bool { return s.Phase == status.Troubled && len(s.Sessions) == 0 })
	if got := runCode(t, opt, id); !strings.Contains(got, "CREDENTIALS_REJECTED") || !strings.Contains(got, "agentrunctl login") {
		t.Errorf("a run in a context of the account = %s", got)
	}
	h.do(t, opt, "/backend/mock")
	if got := runCode(t, opt, id); !strings.Contains(got, "is not used any more, and its sandboxes were ended") || !strings.Contains(got, "[MOCK]") {
		t.Errorf("the next run in it = %s, want it remade elsewhere, and told why", got)
	}

	env.set(of(service))
	h.do(t, opt, "/credentials/changed")
	h.do(t, opt, "/backend/agentrun")
	h.wait(t, "the account again", func(s status.Snapshot) bool { return ready(s) && s.Backend.Name == "agentrun" && len(s.Problems) == 0 })
	alive(t, service, 3)
}

func TestAnotherAccountEndsTheSandboxesOfTheOneBefore(t *testing.T) {
	before, opt := cloud(t)
	after, _ := cloud(t)
	env := &environment{}
	env.set(of(before))
	opt.Secrets = env.store()
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	env.set(of(after))
	h.do(t, opt, "/credentials/changed")
	h.wait(t, "the other account", func(s status.Snapshot) bool { return ready(s) && s.Backend.ControlEndpoint == after.URL })
	alive(t, before, 0)
	alive(t, after, 3)
}

func TestTheSameAccountInAnotherSpellingIsTheSame(t *testing.T) {
	service, opt := cloud(t)
	env := &environment{}
	env.set(of(service))
	opt.Secrets = env.store()
	h := start(t, opt)
	kept := h.wait(t, "the pool", ready).Sessions
	other := of(service)
	other["AGENTRUN_CONTROL_ENDPOINT"] += "/"
	other["AGENTRUN_DATA_ENDPOINT"] += "/"
	env.set(other)
	h.do(t, opt, "/credentials/changed")
	if got := runCode(t, opt, ""); !strings.Contains(got, `"backend":"agentrun"`) {
		t.Errorf("a run = %s", got)
	}
	s := h.wait(t, "the pool", ready)
	if s.Sessions[0].SandboxID != kept[0].SandboxID || service.Count("CreateSandbox") != 3 {
		t.Errorf("the sandboxes were made anew: %d creations", service.Count("CreateSandbox"))
	}
}

func TestWhatAnEarlierHostLeftIsEndedThoughCodeRunsElsewhere(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.Pool.KeepOnQuit = true
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	alive(t, service, 3)
	opt.Config.Pool.KeepOnQuit, opt.Config.Backend, opt.Config.Pool.Warm = false, "mock", 0
	h = start(t, opt)
	h.wait(t, "the host", func(s status.Snapshot) bool { return s.Backend.Name == "mock" && s.Addresses.Socket != "" })
	alive(t, service, 0)
}

func TestSandboxesThatNobodyCanEndAreTold(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.Pool.KeepOnQuit = true
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	opt.Config.Backend = "mock"
	opt.Secrets = (&environment{}).store()
	h = start(t, opt)
	s := h.wait(t, "the host", func(s status.Snapshot) bool { return s.Addresses.Socket != "" && len(s.Problems) > 0 })
	if p := s.Problems[0]; p.Code != "left-behind" || !strings.Contains(p.What, "3 AgentRun sandboxes") || !strings.Contains(p.Why, agentruntest.AccountID) {
		t.Errorf("the problem is %+v", p)
	}
	alive(t, service, 3)
}

func TestAPausedPoolStaysPausedWhenTheCapIsLiftedAndWakesForASwitch(t *testing.T) {
	service, opt := cloud(t)
	opt.Config.Pool.IdlePauseMinutes = 0.03 // so long there are sandboxes to be seen, on a busy computer too
	h := start(t, opt)
	paused := func(s status.Snapshot) bool { return s.Phase == status.Paused && s.Pool.Suspended == "" }
	h.wait(t, "the pause", paused)
	alive(t, service, 0)

	// Choosing it is wanting it, for as long as anybody may be on the way.
	made := service.Count("CreateSandbox")
	h.do(t, opt, "/backend/agentrun")
	h.wait(t, "sandboxes", func(s status.Snapshot) bool { return s.Pool.Ready > 0 })
	if service.Count("CreateSandbox") == made {
		t.Error("no sandbox was made for who chose the backend")
	}
	h.wait(t, "the pause again", paused)
	alive(t, service, 0)

	// With a client there it does not stay paused, wherever it came from.
	h.do(t, opt, "/backend/mock")
	h.wait(t, "the pause of the other", func(s status.Snapshot) bool { return paused(s) && s.Backend.Name == "mock" })
	send(t, opt.Dirs, http.MethodPost, "/mcp", "", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{`+meta+`}}`)
	h.wait(t, "the other", ready)
	h.do(t, opt, "/backend/agentrun")
	h.wait(t, "the pool", func(s status.Snapshot) bool { return ready(s) && s.Backend.Name == "agentrun" })
}

func TestPausesAndResumesInAnyOrderLeaveWhatWasSaidLast(t *testing.T) {
	service, opt := cloud(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	for range 200 {
		var all sync.WaitGroup
		all.Go(h.PausePool)
		all.Go(func() { _ = h.ResumePool() })
		all.Go(func() { _ = h.CredentialsChanged(t.Context()) })
		all.Wait()
		h.PausePool()
		if s := h.Snapshot(); s.Pool.Suspended == "" {
			t.Fatal("a pool that was paused last is not")
		}
	}
	alive(t, service, 0)
	if err := h.ResumePool(); err != nil {
		t.Errorf("ResumePool = %v", err)
	}
	h.wait(t, "the pool", ready)
}

func TestSettingsChangedSideBySideAreAllKept(t *testing.T) {
	_, opt := cloud(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	for n := range 50 {
		var all sync.WaitGroup
		all.Go(func() {
			if err := h.SetWarm(t.Context(), n%4); err != nil {
				t.Error(err)
			}
		})
		name := []string{"mock", "auto"}[n%2]
		all.Go(func() {
			if err := h.SetBackend(t.Context(), name); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		if c := loadSettings(t, opt); c.Pool.Warm != n%4 || c.Backend != name {
			t.Fatalf("round %d: the file has %d warm on %s, want %d on %s", n, c.Pool.Warm, c.Backend, n%4, name)
		}
	}
}

func TestAPoolThatWasPausedByHandStaysSoInTheNextHost(t *testing.T) {
	service, opt := cloud(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	h.PausePool()
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	made := service.Count("CreateSandbox")
	h = start(t, opt)
	h.wait(t, "the pause", func(s status.Snapshot) bool {
		return s.Phase == status.Paused && s.Pool.Suspended != "" && s.Addresses.Socket != ""
	})
	if n := service.Count("CreateSandbox"); n != made {
		t.Errorf("%d sandboxes were made though the pool was paused", n-made)
	}
	h.do(t, opt, "/pool/resume")
	alive(t, service, 3)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h = start(t, opt)
	h.wait(t, "the pool", ready)
}

// TestALoginWhileAHostStartsIsNotMissed: it was, between the look at the account and the opening of the socket.
func TestALoginWhileAHostStartsIsNotMissed(t *testing.T) {
	service, opt := cloud(t)
	env := &environment{}
	opt.Secrets, opt.Config.Backend = env.store(), "agentrun"
	a, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	env.set(of(service))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	defer running.Wait()
	defer cancel()
	(&host{App: a}).wait(t, "the account", func(s status.Snapshot) bool { return ready(s) && s.Backend.Account == agentruntest.AccountID })
}
