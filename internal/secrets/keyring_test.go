//go:build keyring

package secrets_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
)

// TestARealKeyring goes through all that can happen with a gnome-keyring. It is one test because the library keeps one connection
// to one bus.
func TestARealKeyring(t *testing.T) {
	bus := secretstest.StartBus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", bus.Address())
	env := map[string]string{"DBUS_SESSION_BUS_ADDRESS": bus.Address()}
	open := func(patience time.Duration) *secrets.Keychain {
		return secrets.Open(secrets.Options{Getenv: func(name string) string { return env[name] }, Patience: patience}).Keychain()
	}
	k := open(30 * time.Second)

	state := k.Status(t.Context())
	if state.State != secrets.Absent || !strings.Contains(state.Why, "no program offers one") || !strings.Contains(state.Todo, "AGENTRUN_ACCESS_KEY_ID") {
		t.Errorf("without a keyring, Status = %+v", state)
	}

	bus.Unlocked()
	if state := k.Status(t.Context()); state.State != secrets.Available {
		t.Fatalf("Status = %+v", state)
	}
	if _, err := k.Get(t.Context()); !errors.Is(err, secrets.ErrNone) {
		t.Errorf("Get of an empty keyring = %v", err)
	}
	if err := k.Delete(t.Context()); !errors.Is(err, secrets.ErrNone) {
		t.Errorf("Delete in an empty keyring = %v", err)
	}
	first := good()
	second := good()
	second.AccessKeyID, second.SecurityToken, second.Region = "LTAI-fake-second", secrets.NewValue(strings.Repeat("t", 1200)), "地域"
	for _, c := range []secrets.Credentials{first, second} {
		began := time.Now()
		if err := k.Set(t.Context(), c); err != nil {
			t.Fatalf("Set = %v", err)
		}
		set := time.Since(began)
		got, err := k.Get(t.Context())
		if err != nil || !got.SameAs(c) || got.Source != secrets.FromKeychain {
			t.Errorf("Get = %v, %v, want %v", got, err, c)
		}
		t.Logf("set in %s, got in %s", set, time.Since(began)-set)
	}
	if found, err := bus.Tool("lookup", "service", secrets.Service, "username", k.Entry()); err != nil || !strings.Contains(found, second.SecurityToken.Reveal()) {
		t.Errorf("secret-tool finds %q, %v", found, err)
	}
	if found, err := bus.Tool("search", "--all", "service", secrets.Service); err != nil || strings.Count(found, "secret = ") != 1 {
		t.Errorf("there are other than one entry: %q, %v", found, err)
	}

	resume := bus.Pause()
	slow := open(2 * time.Second)
	began := time.Now()
	if state := slow.Status(t.Context()); state.State != secrets.Waiting || time.Since(began) > 30*time.Second {
		t.Errorf("with a keyring that does not answer, Status = %+v after %s", state, time.Since(began))
	}
	began = time.Now()
	if state := slow.Status(t.Context()); state.State != secrets.Waiting || time.Since(began) > 1900*time.Millisecond {
		t.Errorf("asked again, Status = %+v after %s, want it at once", state, time.Since(began))
	}
	resume()
	if got, err := k.Get(t.Context()); err != nil || !got.SameAs(second) {
		t.Errorf("after the keyring went on, Get = %v, %v", got, err)
	}

	bus.Locked()
	for _, err := range []error{k.Set(t.Context(), first), k.Delete(t.Context()), get(t, k)} {
		failed, ok := errors.AsType[*secrets.KeychainError](err)
		if !ok || failed.State != secrets.Locked || !strings.Contains(err.Error(), "the keychain is locked") || !strings.Contains(err.Error(), "unlock the keyring") {
			t.Errorf("with a locked keyring: %v", err)
		}
	}

	somebody := bus.Dismissing()
	bus.Locked()
	asked := func(what string, want int, ctx context.Context) {
		t.Helper()
		_, err := k.Get(ctx)
		failed, ok := errors.AsType[*secrets.KeychainError](err)
		if n := somebody.Asked(); n != want || !ok || failed.State != secrets.Locked {
			t.Errorf("%s: the keyring's window came %d times, want %d, and Get = %v", what, n, want, err)
		}
	}
	k = open(30 * time.Second)
	asked("at first", 1, t.Context())
	asked("when it was sent away", 0, t.Context())
	asked("when somebody wants it", 1, secrets.Anew(t.Context()))
	asked("when it was sent away again", 0, t.Context())

	bus.Unlocked()
	if got, err := k.Get(t.Context()); err != nil || !got.SameAs(second) || somebody.Asked() != 0 {
		t.Errorf("after it was unlocked, Get = %v, %v", got, err)
	}
	if err := k.Delete(t.Context()); err != nil {
		t.Errorf("Delete = %v", err)
	}
	if err := get(t, k); !errors.Is(err, secrets.ErrNone) {
		t.Errorf("after Delete, Get = %v", err)
	}

	delete(env, "DBUS_SESSION_BUS_ADDRESS")
	if state := k.Status(t.Context()); state.State != secrets.Absent || !strings.Contains(state.Why, "no session bus") {
		t.Errorf("without a bus, Status = %+v", state)
	}
}

func get(t *testing.T, k *secrets.Keychain) error {
	t.Helper()
	_, err := k.Get(t.Context())
	return err
}
