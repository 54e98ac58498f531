package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
)

const fakeSecret = "fake/Secret+of/no/account="

// good are credentials without a fault.
func good() secrets.Credentials {
	return secrets.Credentials{AccessKeyID: "LTAI-fake", AccessKeySecret: secrets.NewValue(fakeSecret), AccountID: "1234567890123456", Region: "cn-hangzhou"}
}

// environment is one for Options.
func environment(pairs ...string) func(string) string {
	env := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return func(name string) string { return env[name] }
}

func openMemory(vault *secretstest.Vault, pairs ...string) *secrets.Store {
	return secrets.Open(secrets.Options{Getenv: environment(pairs...), Vault: vault})
}

func TestTheEnvironmentComesFirst(t *testing.T) {
	ours := []string{"AGENTRUN_ACCESS_KEY_ID=LTAI-env", "AGENTRUN_ACCESS_KEY_SECRET=env-secret", "AGENTRUN_ACCOUNT_ID=1111111111111111"}
	general := []string{"ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI-general", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=general-secret"}
	for _, tc := range []struct {
		name string
		env  []string
		want secrets.Credentials
	}{
		{"nothing", nil, good()},
		{"ours", ours, secrets.Credentials{AccessKeyID: "LTAI-env", AccessKeySecret: secrets.NewValue("env-secret"), AccountID: "1111111111111111"}},
		{"ours before the others", append([]string{"ALIBABA_CLOUD_ACCESS_KEY_ID=no", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=no", "FC_ACCOUNT_ID=2", "FC_REGION=no", "AGENTRUN_REGION=cn-beijing"}, ours...), secrets.Credentials{AccessKeyID: "LTAI-env", AccessKeySecret: secrets.NewValue("env-secret"), AccountID: "1111111111111111", Region: "cn-beijing"}},
		{"empty ones are none", append([]string{"AGENTRUN_ACCESS_KEY_ID=", "AGENTRUN_ACCESS_KEY_SECRET=", "AGENTRUN_ACCOUNT_ID=", "FC_ACCOUNT_ID=1111111111111111"}, general...), secrets.Credentials{AccessKeyID: "LTAI-general", AccessKeySecret: secrets.NewValue("general-secret"), AccountID: "1111111111111111"}},
		{"what the examples set", append([]string{"ALIBABA_CLOUD_ACCOUNT_ID=1111111111111111", "ALIBABA_CLOUD_REGION=cn-shanghai"}, general...), secrets.Credentials{AccessKeyID: "LTAI-general", AccessKeySecret: secrets.NewValue("general-secret"), AccountID: "1111111111111111", Region: "cn-shanghai"}},
		{"a key for other programs, and no account", general, good()},
		{"an account and no key", []string{"AGENTRUN_ACCOUNT_ID=1111111111111111", "AGENTRUN_CONTROL_ENDPOINT=https://example.com"}, good()},
		{"half a key of ours", []string{"AGENTRUN_ACCESS_KEY_ID=LTAI-env"}, secrets.Credentials{AccessKeyID: "LTAI-env"}},
		{"all there is", append([]string{"AGENTRUN_SECURITY_TOKEN=token", "AGENTRUN_CONTROL_ENDPOINT=http://127.0.0.1:1", "AGENTRUN_DATA_ENDPOINT=http://127.0.0.1:2"}, ours...), secrets.Credentials{
			AccessKeyID: "LTAI-env", AccessKeySecret: secrets.NewValue("env-secret"), SecurityToken: secrets.NewValue("token"), AccountID: "1111111111111111", ControlEndpoint: "http://127.0.0.1:1", DataEndpoint: "http://127.0.0.1:2",
		}},
	} {
		vault := &secretstest.Vault{}
		store := openMemory(vault, tc.env...)
		if err := store.Keychain().Set(t.Context(), good()); err != nil {
			t.Fatal(err)
		}
		got, err := store.Find(t.Context())
		if err != nil || !got.SameAs(tc.want) {
			t.Errorf("%s: Find = %v, %v, want %v", tc.name, got, err, tc.want)
		}
		if wantEnv := tc.want.AccessKeyID != good().AccessKeyID; wantEnv != (got.Source == secrets.FromEnvironment) {
			t.Errorf("%s: Source = %s", tc.name, got.Source)
		}
	}
	half, err := openMemory(&secretstest.Vault{}, "AGENTRUN_ACCESS_KEY_ID=LTAI-env").Find(t.Context())
	if wrong := half.Check(); err != nil || wrong == nil || !strings.Contains(wrong.Error(), "set AGENTRUN_ACCESS_KEY_SECRET") || !strings.Contains(wrong.Error(), "set AGENTRUN_ACCOUNT_ID") {
		t.Errorf("Check of half a key = %v (%v), want the variables that are missing", wrong, err)
	}
	if _, err := openMemory(&secretstest.Vault{}).Find(t.Context()); !errors.Is(err, secrets.ErrNone) || !strings.Contains(err.Error(), "agentrunctl login") {
		t.Errorf("Find of nothing = %v", err)
	}
}

func TestTheKeychainKeepsOneEntry(t *testing.T) {
	vault := &secretstest.Vault{}
	k := openMemory(vault).Keychain()
	full := good()
	full.SecurityToken, full.ControlEndpoint, full.DataEndpoint = secrets.NewValue("<token> & \"more\" 数"), "https://a", "https://b"
	for _, c := range []secrets.Credentials{good(), full, {AccessKeyID: "only"}} {
		if err := k.Set(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Get(t.Context()); err != nil || !got.SameAs(c) || got.Source != secrets.FromKeychain {
			t.Errorf("Get = %v, %v, want %v", got, err, c)
		}
		if n := len(vault.Entries()); n != 1 {
			t.Errorf("there are %d entries", n)
		}
	}
	if err := k.Delete(t.Context()); err != nil || len(vault.Entries()) != 0 {
		t.Errorf("Delete = %v and leaves %d entries", err, len(vault.Entries()))
	}
	if err := k.Delete(t.Context()); !errors.Is(err, secrets.ErrNone) {
		t.Errorf("Delete of nothing = %v", err)
	}
}

func TestAnEntryFitsEveryKeychain(t *testing.T) {
	vault := &secretstest.Vault{}
	k := openMemory(vault).Keychain()
	c := good()
	c.SecurityToken = secrets.NewValue(strings.Repeat("t", 2000))
	err := k.Set(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "has 2048 at most (the security token alone has 2000)") || len(vault.Entries()) != 0 {
		t.Errorf("Set of too much = %v", err)
	}
	c.SecurityToken = secrets.NewValue(strings.Repeat("t", 1700))
	if err := k.Set(t.Context(), c); err != nil {
		t.Errorf("Set = %v", err)
	}
	for _, text := range vault.Entries() {
		if len(text) > secrets.MaxSize {
			t.Errorf("an entry has %d bytes", len(text))
		}
	}
}

// TestAnotherHomeHasAnotherEntry, so that no test ever uses an account.
func TestAnotherHomeHasAnotherEntry(t *testing.T) {
	vault := &secretstest.Vault{}
	if err := openMemory(vault).Keychain().Set(t.Context(), good()); err != nil {
		t.Fatal(err)
	}
	moved := openMemory(vault, "AGENTRUN_TRAY_HOME=/stick")
	if got, err := moved.Find(t.Context()); !errors.Is(err, secrets.ErrNone) {
		t.Errorf("Find in another home = %v, %v", got, err)
	}
	if err := moved.Keychain().Set(t.Context(), good()); err != nil {
		t.Fatal(err)
	}
	entries := vault.Entries()
	if _, ok := entries["agentrun"]; !ok || len(entries) != 2 {
		t.Errorf("the entries are %v", maps.Keys(entries))
	}
}

func TestADamagedEntryIsToldWithoutItsText(t *testing.T) {
	for _, text := range []string{"", "null", "[]", "not JSON " + fakeSecret, `{"access_key_secret": 5` + fakeSecret + `}`, `{"access_key_secret": 123456789}`, `{"access_key_id": {"` + fakeSecret + `": 1}}`} {
		vault := &secretstest.Vault{}
		if err := vault.Set("agentrun", text); err != nil {
			t.Fatal(err)
		}
		_, err := openMemory(vault).Find(t.Context())
		if !errors.Is(err, secrets.ErrDamaged) || strings.Contains(err.Error(), fakeSecret) || strings.Contains(err.Error(), "123456789") {
			t.Errorf("Find of %q = %v", text, err)
		}
	}
}

// TestAKeychainThatBlocksIsLeftAlone: its call ends with its time, later ones are refused at once, and all is well when it answers.
func TestAKeychainThatBlocksIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		k := openMemory(vault).Keychain()
		if err := k.Set(t.Context(), good()); err != nil {
			t.Fatal(err)
		}
		before := vault.Calls()
		release := vault.Block()
		began := time.Now()
		err := k.Delete(t.Context())
		failed, ok := errors.AsType[*secrets.KeychainError](err)
		if !ok || failed.State != secrets.Waiting || time.Since(began) != 3*time.Second || !strings.Contains(err.Error(), "still waiting for the keychain") || !strings.Contains(err.Error(), "may be removed all the same") {
			t.Errorf("Delete = %v after %s, want it to wait 3 s", err, time.Since(began))
		}
		for range 3 {
			began = time.Now()
			if state := k.Status(t.Context()); state.State != secrets.Waiting || time.Since(began) != 0 {
				t.Errorf("Status = %+v after %s, want it at once", state, time.Since(began))
			}
		}
		if n := vault.Calls() - before; n != 1 {
			t.Errorf("the keychain was called %d times while it blocked", n)
		}
		late(t, k, false)
		release()
		synctest.Wait()
		late(t, k, true)
		if _, err := k.Get(t.Context()); !errors.Is(err, secrets.ErrNone) {
			t.Errorf("Get after the keychain answered = %v, want what Delete left", err)
		}
		if err := k.Set(t.Context(), good()); err != nil {
			t.Errorf("Set = %v", err)
		}
	})
}

// late checks whether a call came to something that nobody waited for any more.
func late(t *testing.T, k *secrets.Keychain, want bool) {
	t.Helper()
	got := false
	select {
	case <-k.Late():
		got = true
	default:
	}
	if got != want {
		t.Errorf("a call that nobody waited for came to something: %v, want %v", got, want)
	}
}

// TestAnAnswerThatComesLateIsForWhoAsksNext, once and soon, as long as nothing was changed since it was asked for.
func TestAnAnswerThatComesLateIsForWhoAsksNext(t *testing.T) {
	other := good()
	other.AccessKeyID = "LTAI-other"
	for _, tc := range []struct {
		name      string
		meanwhile func(t *testing.T, k *secrets.Keychain) // while the answer is waited for
		after     time.Duration
		want      secrets.Credentials
		calls     int
	}{
		{name: "at once", want: good()},
		{name: "later", after: 10 * time.Second, want: good(), calls: 1},
		{name: "after a change", want: other, calls: 1, meanwhile: func(t *testing.T, k *secrets.Keychain) {
			if err := k.Set(secrets.Patiently(t.Context(), time.Minute), other); err != nil {
				t.Error(err)
			}
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			vault := &secretstest.Vault{}
			k := openMemory(vault).Keychain()
			if err := k.Set(t.Context(), good()); err != nil {
				t.Fatal(err)
			}
			release := vault.Block()
			if state := k.Status(t.Context()); state.State != secrets.Waiting {
				t.Errorf("%s: Status = %+v", tc.name, state)
			}
			if tc.meanwhile != nil {
				vault.Unblock() // for calls from now on
				tc.meanwhile(t, k)
			}
			release()
			synctest.Wait()
			late(t, k, true)
			time.Sleep(tc.after)
			before := vault.Calls()
			if got, err := k.Get(t.Context()); err != nil || !got.SameAs(tc.want) || vault.Calls()-before != tc.calls {
				t.Errorf("%s: Get = %v, %v with %d calls, want %v with %d", tc.name, got, err, vault.Calls()-before, tc.want, tc.calls)
			}
			before = vault.Calls()
			if _, err := k.Get(t.Context()); err != nil || vault.Calls()-before != 1 {
				t.Errorf("%s: Get again = %v with %d calls, want one", tc.name, err, vault.Calls()-before)
			}
		})
	}
}

// TestARefusalThatComesLateIsKeptQuiet: who sends the keychain's question away is not to be asked again for it.
func TestARefusalThatComesLateIsKeptQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		k := openMemory(vault).Keychain()
		release := vault.Block()
		ctx, cancel := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() {
			if err := k.Set(secrets.Patiently(ctx, time.Minute), good()); !errors.Is(err, context.Canceled) {
				t.Errorf("Set of one who gave up = %v", err)
			}
		})
		time.Sleep(10 * time.Second)
		cancel()
		began := time.Now()
		if asking.Wait(); time.Since(began) != 0 {
			t.Errorf("who gives up waits for %s more", time.Since(began))
		}
		vault.Fail(&secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked"})
		release()
		synctest.Wait()
		late(t, k, false)
	})
}

// slow is a keychain in which single changes take as long as a test wants.
type slow struct {
	*secretstest.Vault
	hold    chan chan struct{} // has what the next Set waits for
	release chan struct{}
}

func (v slow) Set(entry, text string) error {
	select {
	case wait := <-v.hold:
		<-wait
	default:
	}
	return v.Vault.Set(entry, text)
}

// TestAChangeThatComesLateUndoesNoneThatIsNewer: the one that was overtaken ends last, and what was kept after it is there all the same.
func TestAChangeThatComesLateUndoesNoneThatIsNewer(t *testing.T) {
	newer, newest := good(), good()
	newer.AccessKeyID, newest.AccessKeyID = "LTAI-newer", "LTAI-newest"
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, k *secrets.Keychain, v slow)
		want string // the key's id; "": none
	}{
		{name: "another key", want: newer.AccessKeyID, do: func(t *testing.T, k *secrets.Keychain, _ slow) {
			if err := k.Set(secrets.Patiently(t.Context(), time.Minute), newer); err != nil {
				t.Error(err)
			}
		}},
		{name: "no key", do: func(t *testing.T, k *secrets.Keychain, _ slow) {
			if err := k.Delete(secrets.Patiently(t.Context(), time.Minute)); err != nil && !errors.Is(err, secrets.ErrNone) {
				t.Error(err)
			}
		}},
		{name: "nothing, as it failed", want: good().AccessKeyID, do: func(t *testing.T, k *secrets.Keychain, v slow) {
			v.Fail(errors.New("no such luck"))
			defer v.Fail(nil)
			if err := k.Set(secrets.Patiently(t.Context(), time.Minute), newer); err == nil {
				t.Error("Set in a keychain that fails = nil")
			}
		}},
		{name: "another that hangs, too, and one more", want: newest.AccessKeyID, do: func(t *testing.T, k *secrets.Keychain, v slow) {
			v.hold <- v.release
			if err := k.Set(secrets.Patiently(t.Context(), time.Minute), newer); err == nil {
				t.Error("Set in a keychain that does not answer = nil")
			}
			if err := k.Set(secrets.Patiently(t.Context(), time.Minute), newest); err != nil {
				t.Error(err)
			}
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := slow{&secretstest.Vault{}, make(chan chan struct{}, 1), make(chan struct{})}
			k := secrets.Open(secrets.Options{Getenv: func(string) string { return "" }, Vault: v}).Keychain()
			v.hold <- v.release
			if err := k.Set(t.Context(), good()); err == nil {
				t.Errorf("%s: Set in a keychain that does not answer = nil", tc.name)
			}
			tc.do(t, k, v)
			close(v.release)
			synctest.Wait()
			got, err := k.Get(secrets.Patiently(t.Context(), time.Minute))
			if (tc.want == "") != errors.Is(err, secrets.ErrNone) || got.AccessKeyID != tc.want {
				t.Errorf("%s after one that came late: the keychain has %q, %v, want %q", tc.name, got.AccessKeyID, err, tc.want)
			}
		})
	}
}

// TestACallThatNeverComesBackIsOvertaken by who sits in front of it and tries again, and by nobody else.
func TestACallThatNeverComesBackIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		k := openMemory(vault).Keychain()
		release := vault.Block()
		defer release()
		patiently := secrets.Patiently(t.Context(), time.Minute)
		began := time.Now()
		if err := k.Set(patiently, good()); err == nil || time.Since(began) != time.Minute {
			t.Errorf("Set = %v after %s, want it to wait for a minute", err, time.Since(began))
		}
		vault.Unblock() // for calls from now on
		if state := k.Status(t.Context()); state.State != secrets.Waiting {
			t.Errorf("with one call that does not come back, Status = %+v", state)
		}
		if err := k.Set(patiently, good()); err != nil {
			t.Errorf("Set, tried again = %v", err)
		}
		if got, err := k.Get(t.Context()); err != nil || !got.SameAs(good()) {
			t.Errorf("then Get = %v, %v", got, err)
		}
	})
}

// bursting is a vault whose library gives up.
type bursting struct{ secrets.Vault }

func (bursting) Get(string) (string, error) { panic("nothing came from the bus") }

func TestAKeychainThatBurstsEndsNothingElse(t *testing.T) {
	k := secrets.Open(secrets.Options{Vault: bursting{}, Getenv: func(string) string { return "" }}).Keychain()
	for range 2 {
		if state := k.Status(t.Context()); state.State != secrets.Failing || !strings.Contains(state.Why, "went away while it was asked") {
			t.Errorf("Status = %+v", state)
		}
	}
}

func TestOneCallAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		k := openMemory(vault).Keychain()
		if err := k.Set(t.Context(), good()); err != nil {
			t.Fatal(err)
		}
		before := vault.Calls()
		release := vault.Block()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if got, err := k.Get(t.Context()); err != nil || !got.SameAs(good()) {
					t.Errorf("Get = %v, %v", got, err)
				}
			})
		}
		gaveUp := errors.New("gave up")
		all.Go(func() {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, gaveUp)
			defer cancel()
			if _, err := k.Get(ctx); !errors.Is(err, gaveUp) {
				t.Errorf("Get of one who gave up = %v", err)
			}
		})
		synctest.Wait()
		if n := vault.Calls() - before; n != 1 {
			t.Errorf("%d calls at once", n)
		}
		time.Sleep(2 * time.Second)
		release()
		all.Wait()
	})
}

// TestACallerWithLittlePatienceSaysNothingAboutTheKeychain: the next one waits for an answer.
func TestACallerWithLittlePatienceSaysNothingAboutTheKeychain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		k := openMemory(vault).Keychain()
		release := vault.Block()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := k.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v", err)
		}
		var next sync.WaitGroup
		next.Go(func() {
			if _, err := k.Get(t.Context()); !errors.Is(err, secrets.ErrNone) {
				t.Errorf("the next Get = %v", err)
			}
		})
		time.Sleep(time.Second)
		release()
		next.Wait()
	})
}

// TestWhoDoesNotOpenTheKeychainIsNotAskedAgain before they want that or have opened it for another program, which not every keychain
// tells.
func TestWhoDoesNotOpenTheKeychainIsNotAskedAgain(t *testing.T) {
	for _, tc := range []struct {
		name    string
		vault   func(*secretstest.Vault) secrets.Vault
		watched bool
	}{
		{"one that tells when it is open", func(v *secretstest.Vault) secrets.Vault { return v }, true},
		{"one that does not", func(v *secretstest.Vault) secrets.Vault { return struct{ secrets.Vault }{v} }, false},
		{"one that is open and asks all the same", func(v *secretstest.Vault) secrets.Vault { return openAnyway{v} }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			vault := &secretstest.Vault{}
			k := secrets.Open(secrets.Options{Getenv: func(string) string { return "" }, Vault: tc.vault(vault)}).Keychain()
			if err := k.Set(t.Context(), good()); err != nil {
				t.Fatal(err)
			}
			asked := func(want int, do func() error) {
				t.Helper()
				before := vault.Calls()
				err := do()
				if n := vault.Calls() - before; n != want {
					t.Errorf("the user was asked %d times, want %d (%v)", n, want, err)
				}
				if state := (&secrets.KeychainError{}); !errors.As(err, &state) || state.State != secrets.Locked {
					t.Errorf("a keychain that is locked says %v", err)
				}
			}
			get := func(ctx context.Context) func() error {
				return func() error {
					_, err := k.Get(ctx)
					return err
				}
			}
			vault.Fail(&secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked", Todo: "unlock it"})
			asked(1, get(t.Context()))
			asked(0, get(t.Context()))
			asked(1, get(secrets.Anew(t.Context())))
			asked(0, get(t.Context()))
			asked(1, get(secrets.Patiently(t.Context(), time.Minute)))
			asked(1, func() error { return k.Set(t.Context(), good()) })
			asked(0, get(t.Context()))
			vault.Fail(nil)
			if !tc.watched {
				asked(0, get(t.Context()))
				if _, err := k.Get(secrets.Anew(t.Context())); err != nil {
					t.Errorf("Get of who opens it = %v", err)
				}
			}
			if _, err := k.Get(t.Context()); err != nil {
				t.Errorf("Get of what was opened = %v", err)
			}
		})
	}
}

// TestAKeychainThatIsOpenedInTheMomentOfALookIsOpen: who only heard that it was locked has not asked its user, and learns nothing of it.
func TestAKeychainThatIsOpenedInTheMomentOfALookIsOpen(t *testing.T) {
	vault := opening{&secretstest.Vault{}, make(chan struct{}, 1)}
	k := secrets.Open(secrets.Options{Getenv: func(string) string { return "" }, Vault: vault}).Keychain()
	if err := k.Set(t.Context(), good()); err != nil {
		t.Fatal(err)
	}
	vault.Fail(&secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked", Todo: "unlock it"})
	for _, when := range []string{"when its user is asked", "when they have sent that away"} {
		if when != "when its user is asked" {
			vault.now <- struct{}{}
		}
		if _, err := k.Get(t.Context()); err == nil {
			t.Errorf("%s, Get of a locked keychain = nil", when)
		}
	}
	if _, err := k.Get(t.Context()); err != nil {
		t.Errorf("Get of a keychain that was opened for another program = %v", err)
	}
}

// opening is a keychain that is opened for another program just when it was looked at, if now has a token.
type opening struct {
	*secretstest.Vault
	now chan struct{}
}

func (v opening) Locked(entry string) (bool, error) {
	locked, err := v.Vault.Locked(entry)
	select {
	case <-v.now:
		v.Fail(nil)
	default:
	}
	return locked, err
}

// openAnyway is a keychain that takes itself to be open, as one does that asks before each answer.
type openAnyway struct{ *secretstest.Vault }

func (openAnyway) Locked(string) (bool, error) { return false, nil }

func TestAKeychainThatRefuses(t *testing.T) {
	vault := &secretstest.Vault{}
	k := openMemory(vault).Keychain()
	locked := &secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked", Todo: "unlock it"}
	for _, tc := range []struct {
		err   error
		state secrets.State
		text  string
	}{
		{locked, secrets.Locked, "the keychain is locked; unlock it"},
		{errors.New("no such luck"), secrets.Failing, "the keychain refused: no such luck; "},
	} {
		vault.Fail(tc.err)
		if state := k.Status(t.Context()); state.State != tc.state || !strings.HasPrefix(state.Error(), tc.text) {
			t.Errorf("Status = %+v (%v), want %s", state, state.Error(), tc.state)
		}
		for _, err := range []error{k.Set(t.Context(), good()), k.Delete(t.Context())} {
			if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.text) || strings.Contains(fmt.Sprintf("%+v %#v", err, err), fakeSecret) {
				t.Errorf("a call of a keychain that refuses = %v", err)
			}
		}
	}
	vault.Fail(nil)
	if state := k.Status(t.Context()); state.State != secrets.Available || state.Why != "" {
		t.Errorf("Status = %+v", state)
	}
}

func TestFaultsOfCredentials(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*secrets.Credentials)
		field  secrets.Field
		want   string
	}{
		{"no key id", func(c *secrets.Credentials) { c.AccessKeyID = "" }, secrets.FieldAccessKeyID, "access key id is missing"},
		{"no secret", func(c *secrets.Credentials) { c.AccessKeySecret = secrets.Value{} }, secrets.FieldAccessKeySecret, "access key secret is missing"},
		{"no account", func(c *secrets.Credentials) { c.AccountID = "" }, secrets.FieldAccountID, "account id is missing; it is the number of the main account"},
		{"a space", func(c *secrets.Credentials) { c.AccessKeyID = "LTAI fake" }, secrets.FieldAccessKeyID, "has a space or a line break"},
		{"a line break in the secret", func(c *secrets.Credentials) { c.AccessKeySecret = secrets.NewValue(fakeSecret + "\n") }, secrets.FieldAccessKeySecret, "has a space or a line break"},
		{"a dash that is none", func(c *secrets.Credentials) { c.AccessKeyID = "LTAI–fake" }, secrets.FieldAccessKeyID, "cannot be part of one"},
		{"the name of a user", func(c *secrets.Credentials) { c.AccountID = "me@1234567890123456.onaliyun.com" }, secrets.FieldAccountID, "name of a user"},
		{"an alias", func(c *secrets.Credentials) { c.AccountID = "mycompany" }, secrets.FieldAccountID, "not a number"},
		{"a RAM user's id", func(c *secrets.Credentials) { c.AccountID = "234567890123456789" }, secrets.FieldAccountID, "of a RAM user"},
		{"a region in words", func(c *secrets.Credentials) { c.Region = "Hangzhou!" }, secrets.FieldRegion, "not the name of one; one is cn-hangzhou"},
		{"an endpoint in the clear", func(c *secrets.Credentials) { c.ControlEndpoint = "http://agentrun.example.com" }, secrets.FieldControlEndpoint, "not encrypted"},
		{"an endpoint that looks like this computer", func(c *secrets.Credentials) { c.DataEndpoint = "http://127.0.0.1.example.com" }, secrets.FieldDataEndpoint, "not encrypted"},
		{"an endpoint with a password", func(c *secrets.Credentials) { c.DataEndpoint = "https://me:" + "pass@example.com" }, secrets.FieldDataEndpoint, "credentials do not belong"},
		{"an endpoint that is none", func(c *secrets.Credentials) { c.DataEndpoint = "https://" }, secrets.FieldDataEndpoint, "not a URL"},
	} {
		c := good()
		tc.change(&c)
		faults := c.Faults()
		if len(faults) != 1 || faults[0].Field != tc.field || !strings.Contains(faults[0].Text, tc.want) || strings.Contains(faults[0].Text, fakeSecret) {
			t.Errorf("%s: Faults = %+v, want %q of %s", tc.name, faults, tc.want, tc.field)
		}
		if err := c.Check(); err == nil || err.Error() != faults[0].Text {
			t.Errorf("%s: Check = %v", tc.name, err)
		}
	}
	for _, change := range []func(*secrets.Credentials){
		func(*secrets.Credentials) {},
		func(c *secrets.Credentials) { c.Region = "" },
		func(c *secrets.Credentials) { c.Region = "us-west-1" },
		func(c *secrets.Credentials) { c.AccountID = "2345678901234567" }, // begins with 2, and is not as long as a user's
		func(c *secrets.Credentials) { c.AccountID, c.DataEndpoint = "", "https://sandboxes.example.com" },
		func(c *secrets.Credentials) {
			c.ControlEndpoint, c.DataEndpoint = "http://127.0.0.1:7000", "http://localhost:7000"
		},
		func(c *secrets.Credentials) {
			c.ControlEndpoint, c.DataEndpoint = "http://[::1]:7000", "agentrun-vpc.cn-hangzhou.aliyuncs.com"
		},
	} {
		c := good()
		change(&c)
		if err := c.Check(); err != nil {
			t.Errorf("Check of %v = %v", c, err)
		}
	}
	if all := (secrets.Credentials{}).Faults(); len(all) != 3 {
		t.Errorf("Faults of nothing = %+v, want three", all)
	}
}

func TestACacheAsksRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		store := openMemory(vault)
		if err := store.Keychain().Set(t.Context(), good()); err != nil {
			t.Fatal(err)
		}
		before := vault.Calls()
		cache := secrets.NewCache(store.Find)
		want := func(text string, calls int, c secrets.Credentials) {
			t.Helper()
			if got, err := cache.Get(t.Context()); err != nil || !got.SameAs(c) {
				t.Errorf("%s: Get = %v, %v, want %v", text, got, err, c)
			}
			if n := vault.Calls() - before; n != calls {
				t.Errorf("%s: the keychain was asked %d times, want %d", text, n, calls)
			}
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { want("together", 1, good()) })
		}
		all.Wait()
		time.Sleep(5*time.Minute - 1)
		want("within five minutes", 1, good())
		time.Sleep(time.Nanosecond)
		want("after five minutes", 2, good())

		other := good()
		other.AccessKeyID = "LTAI-other"
		if err := vault.Set("agentrun", `{"access_key_id":"LTAI-other","access_key_secret":"`+fakeSecret+`","account_id":"1234567890123456","region":"cn-hangzhou"}`); err != nil {
			t.Fatal(err)
		}
		want("before it is told", 3, good())
		cache.Forget()
		want("after Forget", 4, other)
		cache.Learn(good(), nil)
		want("after somebody has said it", 4, good())
		cache.Learn(secrets.Credentials{}, secrets.ErrNone)
		if _, err := cache.Get(t.Context()); !errors.Is(err, secrets.ErrNone) {
			t.Errorf("after somebody has said that there are none: Get = %v", err)
		}
		time.Sleep(time.Second)
		want("a second after that", 5, other)
	})
}

func TestACacheBridgesAKeychainThatIsLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		store := openMemory(vault)
		cache := secrets.NewCache(store.Find)
		locked := &secrets.KeychainError{State: secrets.Locked, Why: "the keychain is locked"}
		vault.Fail(locked)
		for range 20 { // together they hear it once
			if _, err := cache.Get(t.Context()); !errors.Is(err, locked) {
				t.Errorf("Get before anything was found = %v", err)
			}
		}
		if n := vault.Calls(); n != 1 {
			t.Errorf("a locked keychain was asked %d times", n)
		}
		vault.Fail(nil)
		if err := store.Keychain().Set(t.Context(), good()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := cache.Get(t.Context()); err != nil {
			t.Errorf("Get a second later = %v", err)
		}
		vault.Fail(locked)
		for range 11 {
			time.Sleep(5 * time.Minute)
			if got, err := cache.Get(t.Context()); err != nil || !got.SameAs(good()) {
				t.Errorf("Get while the keychain is locked = %v, %v", got, err)
			}
		}
		time.Sleep(5 * time.Minute)
		if _, err := cache.Get(t.Context()); !errors.Is(err, locked) {
			t.Errorf("Get after an hour = %v", err)
		}
		vault.Fail(nil)
		time.Sleep(time.Second)
		if _, err := cache.Get(t.Context()); err != nil {
			t.Errorf("Get after it was unlocked = %v", err)
		}
		if err := store.Keychain().Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if _, err := cache.Get(t.Context()); !errors.Is(err, secrets.ErrNone) {
			t.Errorf("Get of what was deleted = %v, want it gone", err)
		}
	})
}

func TestACacheCallerMayGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := &secretstest.Vault{}
		store := openMemory(vault)
		if err := store.Keychain().Set(t.Context(), good()); err != nil {
			t.Fatal(err)
		}
		cache := secrets.NewCache(store.Find)
		release := vault.Block()
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := cache.Get(t.Context()); err != nil {
				t.Errorf("Get = %v", err)
			}
		})
		synctest.Wait()
		both.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := cache.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Get of one who gives up = %v", err)
			}
		})
		time.Sleep(2 * time.Second)
		release()
		both.Wait()
	})
}
