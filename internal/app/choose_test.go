package app

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
)

func TestAKeychainThatWasLockedIsLookedAtAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		store := secrets.Open(secrets.Options{Getenv: func(string) string { return "" }, Vault: vault})
		key := secrets.Credentials{
			AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: secrets.NewValue(agentruntest.AccessKeySecret),
			AccountID: agentruntest.AccountID, Region: agentruntest.Region,
		}
		if err := store.Keychain().Set(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		vault.Fail(&secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked", Todo: "Unlock it."})
		a, err := New(t.Context(), Options{Dirs: paths.Dirs{Config: dir, Data: dir, Cache: dir}, Config: config.Default(), Secrets: store})
		if err != nil {
			t.Fatal(err)
		}
		s := a.snapshot()
		if s.Backend.Name != "local" || len(s.Problems) != 1 || s.Problems[0].Why != "the keychain is locked" || !strings.HasPrefix(s.Problems[0].Todo, "Unlock it. You are not asked for it again") ||
			!strings.Contains(s.Problems[0].Todo, "agentrunctl backend auto,") {
			t.Errorf("with a locked keychain the host uses %s, problems %+v; want local and what to do", s.Backend.Name, s.Problems)
		}
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { _ = a.awaitKeychain(ctx) })
		defer watching.Wait()
		defer stop()
		calls := vault.Calls()
		time.Sleep(10 * lookAgainEvery)
		for range 10 { // as the requests of a backend in the cloud do, which are signed
			time.Sleep(time.Minute)
			if _, err := a.secrets.Get(ctx); err == nil {
				t.Error("a locked keychain gives credentials")
			}
		}
		if n := vault.Calls() - calls; n != 0 {
			t.Errorf("whoever did not open the keychain was asked %d times more, want them left alone", n)
		}
		if err := a.RetryPool(ctx); err != nil || vault.Calls() == calls {
			t.Errorf("RetryPool = %v after %d calls of the keychain, want them asked", err, vault.Calls()-calls)
		}
		vault.Fail(nil)
		time.Sleep(lookAgainEvery + time.Second)
		synctest.Wait()
		if s := a.snapshot(); s.Backend.Name != "agentrun" || len(s.Problems) != 0 {
			t.Errorf("with an open keychain the host uses %s, problems %+v; want agentrun and none", s.Backend.Name, s.Problems)
		}
		calls = vault.Calls()
		time.Sleep(10 * lookAgainEvery)
		if n := vault.Calls() - calls; n != 0 {
			t.Errorf("a keychain that is open was looked at %d times more", n)
		}
	})
}

// TestWhoChoosesToDoWithoutTheCloudIsNotAskedForItsKey, as somebody does who has just sent the keychain's question away; who chooses the
// cloud is.
func TestWhoChoosesToDoWithoutTheCloudIsNotAskedForItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, vault := t.TempDir(), &secretstest.Vault{}
		store := secrets.Open(secrets.Options{Getenv: func(string) string { return "" }, Vault: vault})
		vault.Fail(&secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked", Todo: "Unlock it."})
		a, err := New(t.Context(), Options{Dirs: paths.Dirs{Config: dir, Data: dir, Cache: dir}, Config: config.Default(), Secrets: store})
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			backend string
			asked   int
		}{{"local", 0}, {"mock", 0}, {"auto", 1}, {"agentrun", 1}} {
			time.Sleep(time.Minute)
			calls := vault.Calls()
			if err := a.SetBackend(t.Context(), tc.backend); err != nil {
				t.Errorf("SetBackend(%s) = %v", tc.backend, err)
			}
			if n := vault.Calls() - calls; n != tc.asked {
				t.Errorf("who chooses %s is asked %d times to open the keychain, want %d", tc.backend, n, tc.asked)
			}
		}
	})
}

// unhurried is a keychain that takes its time each time, as one does that asks its user before every answer.
type unhurried struct{ *secretstest.Vault }

func (v unhurried) Get(entry string) (string, error) {
	time.Sleep(5 * time.Second)
	return v.Vault.Get(entry)
}

// TestAKeychainThatIsSlowEachTimeIsNotAskedForever: what it came to late is used, and not asked for once more.
func TestAKeychainThatIsSlowEachTimeIsNotAskedForever(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		key := secrets.Credentials{
			AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: secrets.NewValue(agentruntest.AccessKeySecret),
			AccountID: agentruntest.AccountID, Region: agentruntest.Region,
		}
		if err := secrets.Open(secrets.Options{Getenv: func(string) string { return "" }, Vault: vault}).Keychain().Set(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		store := secrets.Open(secrets.Options{Getenv: func(string) string { return "" }, Vault: unhurried{vault}})
		a, err := New(t.Context(), Options{Dirs: paths.Dirs{Config: dir, Data: dir, Cache: dir}, Config: config.Default(), Secrets: store, ShowWindow: func() {}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { _ = a.awaitKeychain(ctx) })
		watching.Go(func() { _ = a.watchAccount(ctx) })
		defer watching.Wait()
		defer stop()
		calls := vault.Calls()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := vault.Calls() - calls; n != 1 {
			t.Errorf("the keychain was asked %d times in ten minutes, want once", n)
		}
		if s := a.snapshot(); s.Backend.Name != "agentrun" || len(s.Problems) != 0 {
			t.Errorf("the host uses %s, problems %+v; want agentrun and none", s.Backend.Name, s.Problems)
		}
	})
}
