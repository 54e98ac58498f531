package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// typed is what somebody types who has an account with the emulated service.
func typed() secrets.Credentials {
	return secrets.Credentials{
		AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: secrets.NewValue(agentruntest.AccessKeySecret),
		AccountID: agentruntest.AccountID, Region: agentruntest.Region, Source: secrets.FromUser,
	}
}

// withWindow is a host with a window, an empty keychain, and nothing in the environment but where the emulated service is.
func withWindow(t *testing.T) (*agentruntest.Server, *secretstest.Vault, app.Options) {
	t.Helper()
	service, opt := cloud(t)
	vault := &secretstest.Vault{}
	opt.Secrets = secrets.Open(secrets.Options{Vault: vault, Getenv: func(name string) string {
		switch name {
		case "AGENTRUN_CONTROL_ENDPOINT", "AGENTRUN_DATA_ENDPOINT":
			return service.URL
		}
		return ""
	}})
	opt.Config.Backend = "agentrun"
	opt.ShowWindow = func() {}
	return service, vault, opt
}

func TestCredentialsAreCheckedKeptAndRemovedByHand(t *testing.T) {
	service, _, opt := withWindow(t)
	h := start(t, opt)
	h.see(t, "an open and empty keychain", func(d app.Desk) bool { return d.Account == app.Account{Keychain: secrets.Available} })
	if err := h.CheckCredentials(t.Context(), secrets.Credentials{}); err == nil || !strings.Contains(err.Error(), "no AgentRun credentials") {
		t.Errorf("a check of those that are kept = %v", err)
	}
	wrong := typed()
	wrong.AccessKeySecret = secrets.NewValue("wrong-secret")
	if err := h.CheckCredentials(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "access key secret is wrong") {
		t.Errorf("a check of a wrong secret = %v", err)
	}
	wrong.AccountID = "somebody"
	for what, err := range map[string]error{"a check": h.CheckCredentials(t.Context(), wrong), "keeping": h.SaveCredentials(t.Context(), wrong)} {
		if err == nil || !strings.Contains(err.Error(), "account id is not a number") {
			t.Errorf("%s of what cannot be right = %v", what, err)
		}
	}
	if err := h.CheckCredentials(t.Context(), typed()); err != nil {
		t.Errorf("a check of the right ones = %v", err)
	}
	if err := h.SaveCredentials(t.Context(), typed()); err != nil {
		t.Fatalf("SaveCredentials = %v", err)
	}
	d := h.see(t, "the account", func(d app.Desk) bool { return d.Account.Source == secrets.FromKeychain && ready(d.Snapshot) })
	id := agentruntest.AccessKeyID
	if want := (app.Account{AccessKeyID: id[:4] + "…" + id[len(id)-4:], AccountID: agentruntest.AccountID, Region: agentruntest.Region, Source: secrets.FromKeychain, Keychain: secrets.Available}); d.Account != want {
		t.Errorf("the account is %+v, want %+v", d.Account, want)
	}
	alive(t, service, 3)
	if text, _ := json.Marshal(d); strings.Contains(string(text), agentruntest.AccessKeySecret) || strings.Contains(string(text), id) {
		t.Error("the desk has the key in it")
	}
	if err := h.CheckCredentials(t.Context(), secrets.Credentials{}); err != nil {
		t.Errorf("a check of those that are kept = %v", err)
	}
	if err := h.RemoveCredentials(t.Context()); err != nil {
		t.Errorf("RemoveCredentials = %v", err)
	}
	h.see(t, "no account", func(d app.Desk) bool {
		return d.Account == app.Account{Keychain: secrets.Available} && len(d.Problems) == 1 && d.Problems[0].Code == "credentials"
	})
	if err := h.RemoveCredentials(t.Context()); err != nil {
		t.Errorf("RemoveCredentials of none = %v", err)
	}
}

func TestAKeychainOfNoUseIsShownWithWhatToDo(t *testing.T) {
	_, vault, opt := withWindow(t)
	vault.Fail(&secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked", Todo: "unlock it"})
	h := start(t, opt)
	h.see(t, "the locked keychain", func(d app.Desk) bool {
		return d.Account == app.Account{Keychain: secrets.Locked, Hint: "the keychain is locked; unlock it"}
	})
	if err := h.SaveCredentials(t.Context(), typed()); err == nil || !strings.Contains(err.Error(), "unlock it") {
		t.Errorf("SaveCredentials = %v", err)
	}
	vault.Fail(nil)
	if err := h.SaveCredentials(t.Context(), typed()); err != nil {
		t.Errorf("SaveCredentials into the open keychain = %v", err)
	}
	h.see(t, "the account", func(d app.Desk) bool {
		return d.Account.Source == secrets.FromKeychain && d.Account.Keychain == secrets.Available && d.Account.Hint == ""
	})
}

// TestAKeychainThatOpensLateIsUsedAtOnce: the window does not wait for it, and what it has is used when it opens, not a minute later.
func TestAKeychainThatOpensLateIsUsedAtOnce(t *testing.T) {
	service, vault, opt := withWindow(t)
	kept := typed()
	kept.ControlEndpoint, kept.DataEndpoint = service.URL, service.URL
	if err := opt.Secrets.Keychain().Set(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	opt.Secrets = secrets.Open(secrets.Options{Vault: vault, Patience: time.Minute, Getenv: func(name string) string {
		if strings.HasSuffix(name, "_ENDPOINT") {
			return service.URL
		}
		return ""
	}})
	open := vault.Block()
	began := time.Now()
	h := start(t, opt)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("with a keychain that asks its user something, a host is made after %s only", took)
	}
	h.see(t, "the keychain that is waited for", func(d app.Desk) bool {
		return d.Account.Keychain == secrets.Waiting && len(d.Problems) > 0 && d.Problems[0].Code == "credentials"
	})
	open()
	h.see(t, "the account", func(d app.Desk) bool {
		return d.Account.Source == secrets.FromKeychain && d.Backend.Credentials == "keychain" && len(d.Problems) == 0
	})
}

func TestTheKeychainIsOpenedByHand(t *testing.T) {
	_, vault, opt := withWindow(t)
	vault.Fail(&secrets.KeychainError{State: secrets.Absent, Why: "there is none"})
	h := start(t, opt)
	h.see(t, "no keychain", func(d app.Desk) bool { return d.Account.Keychain == secrets.Absent })
	vault.Fail(&secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked"})
	if err := h.OpenKeychain(t.Context()); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("OpenKeychain = %v", err)
	}
	h.see(t, "the locked keychain", func(d app.Desk) bool { return d.Account.Keychain == secrets.Locked })
	vault.Fail(nil)
	if err := h.OpenKeychain(t.Context()); err != nil {
		t.Errorf("OpenKeychain of one that opens = %v", err)
	}
	h.see(t, "the open keychain", func(d app.Desk) bool { return d.Account == app.Account{Keychain: secrets.Available} })
}

// TestAKeychainThatIsOpenedIsAskedOnce: some ask their user each time.
func TestAKeychainThatIsOpenedIsAskedOnce(t *testing.T) {
	_, vault, opt := withWindow(t)
	if err := opt.Secrets.Keychain().Set(t.Context(), typed()); err != nil {
		t.Fatal(err)
	}
	vault.Fail(&secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked"})
	h := start(t, opt)
	h.see(t, "the locked keychain", func(d app.Desk) bool { return d.Account.Keychain == secrets.Locked })
	vault.Fail(nil)
	before := vault.Calls()
	if err := h.OpenKeychain(t.Context()); err != nil {
		t.Errorf("OpenKeychain = %v", err)
	}
	h.see(t, "the account", func(d app.Desk) bool { return d.Account.Source == secrets.FromKeychain })
	if n := vault.Calls() - before; n != 1 {
		t.Errorf("the keychain was asked %d times, want once", n)
	}
}

func TestCredentialsOfTheEnvironmentCannotBeRemoved(t *testing.T) {
	_, opt := cloud(t)
	opt.ShowWindow = func() {}
	h := start(t, opt)
	h.see(t, "the account", func(d app.Desk) bool { return d.Account.Source == secrets.FromEnvironment })
	if err := h.RemoveCredentials(t.Context()); err == nil || !strings.Contains(err.Error(), "environment") {
		t.Errorf("RemoveCredentials = %v", err)
	}
}

func TestAHostWithoutAWindowDoesNotAskTheKeychainForNothing(t *testing.T) {
	_, vault, opt := withWindow(t)
	opt.Config.Backend, opt.ShowWindow = "mock", nil
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	if n := vault.Calls(); n != 0 {
		t.Errorf("the keychain was asked %d times by a host that needs nothing of it", n)
	}
}

func TestWhereThereIsNoPlaceForCredentialsThatIsSaid(t *testing.T) {
	h := start(t, options(t))
	for what, err := range map[string]error{
		"check": h.CheckCredentials(t.Context(), typed()), "keep": h.SaveCredentials(t.Context(), typed()), "remove": h.RemoveCredentials(t.Context()),
	} {
		if err == nil || !strings.Contains(err.Error(), "no place for credentials") {
			t.Errorf("%s = %v", what, err)
		}
	}
}

func TestAFailedPoolIsTriedAgainByHand(t *testing.T) {
	service, opt := cloud(t)
	service.Inject(agentruntest.Fault{Failure: agentruntest.Forbidden(), Operation: "CreateSandbox", Times: -1})
	h := start(t, opt)
	h.wait(t, "trouble", func(s status.Snapshot) bool { return s.Pool.LastFailure != "" && s.Pool.Starting == 0 })
	service.ClearFaults()
	if err := h.RetryPool(t.Context()); err != nil {
		t.Errorf("RetryPool = %v", err)
	}
	if got := send(t, opt.Dirs, http.MethodGet, "/status", "", ""); strings.Contains(got.body, "next_attempt") {
		t.Errorf("after RetryPool the next attempt still waits: %s", got.body)
	}
	h.wait(t, "the pool", ready)
	h.PausePool()
	if err := h.RetryPool(t.Context()); err == nil || !strings.Contains(err.Error(), "while the pool is paused") {
		t.Errorf("RetryPool while paused = %v", err)
	}
	if got := send(t, opt.Dirs, http.MethodGet, "/status", "", ""); !strings.Contains(got.body, `"paused":true`) {
		t.Errorf("the pool was resumed: %s", got.body)
	}
}
