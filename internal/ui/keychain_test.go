package ui

import (
	"errors"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestTheKeychainsStateIsSaid: in the settings and in the first steps, each with the button that helps.
func TestTheKeychainsStateIsSaid(t *testing.T) {
	for state, want := range map[secrets.State]struct{ text, button string }{
		secrets.Locked:  {"The keychain is locked. Unlock it", "Unlock"},
		secrets.Absent:  {"There is no keychain here.", "Look again"},
		secrets.Waiting: {"The keychain has not answered.", "Look again"},
		secrets.Failing: {"The keychain refused.", "Look again"},
	} {
		v := emptyView()
		v.Account = Account{Keychain: state, Hint: "words of the host"}
		r := english(t, PlaceSettings, v)
		r.wants("No AgentRun account", want.text)
		r.lacks("words of the host")
		r.tap(want.button)
		r.asked("open keychain")
		r = firstSteps(t, v)
		r.tap("AgentRun cloud")
		r.tap("Continue")
		r.wants(want.text)
		r.tap(want.button)
		r.asked("open keychain")
		v.Account = Account{Keychain: secrets.Available}
		r.window.Render(v)
		r.wants("The key is kept in this computer's keychain, and nowhere else.")
		r.lacks(want.text, want.button)
	}
	v := emptyView()
	v.Account = Account{Source: secrets.FromEnvironment, AccessKeyID: "LTAI…1111", Keychain: secrets.Absent}
	r := english(t, PlaceSettings, v)
	r.wants("The key comes from the environment and is not stored.")
	r.lacks("Remove", "Look again")
}

func TestAWaitForTheKeychainIsShownAndCancelled(t *testing.T) {
	v := emptyView()
	v.Account = Account{Keychain: secrets.Locked}
	r := english(t, PlaceSettings, v)
	r.host.hold = make(chan struct{})
	p, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok {
		t.Fatal("no settings")
	}
	p.account.note.ask()
	r.wants("Waiting for the keychain.", "Cancel")
	r.lacks("Unlock it")
	v.Account.Hint = "something else"
	r.window.Render(v) // goes on while it waits
	r.wants("Waiting for the keychain.", "Cancel")
	r.window.SetLanguage("zh") // so does this
	r.window.SetLanguage("en")
	r.wants("Waiting for the keychain.", "Cancel")
	r.tap("Cancel")
	r.wants("The keychain is locked", "Unlock")
	r.lacks("Waiting for the keychain.", "Cancel", "could not be opened")
	r.host.hold = nil
	r.host.refuse["open keychain"] = errors.New("the bus is gone")
	r.tap("Unlock")
	r.wants("The keychain could not be opened. The bus is gone.")
}

// TestAKeyWaitsForTheKeychain: what is waited for is said, and what Cancel means then.
func TestAKeyWaitsForTheKeychain(t *testing.T) {
	r := firstSteps(t, emptyView())
	r.tap("AgentRun cloud")
	r.tap("Continue")
	r.typeKey("LTAIexample", "not-a-real-secret", "1234567890123456")
	r.host.shut = make(chan struct{})
	r.window.first.form.submit()
	(<-r.posted)() // the check has gone well
	r.wants("The key is right. Waiting for the keychain", "Cancel")
	r.tap("Cancel")
	r.wants("If the keychain is opened later, the key may be in it all the same.")
	r.host.shut = nil
	r.host.refuse["save credentials"] = &secrets.KeychainError{State: secrets.Locked, Why: "words of the host"}
	r.tap("Check and save")
	r.wants("The key is right, but it could not be kept.", "Step 2 of 3")
	r.lacks("words of the host", "Words of the host")
	if f := r.window.first.form; f.secret.Text() != "not-a-real-secret" || f.save.Disabled() {
		t.Error("what was typed is gone, or cannot be tried again")
	}
}

func TestABannerOpensTheKeychain(t *testing.T) {
	v := emptyView()
	v.Problems = []status.Problem{{Code: "credentials", What: "The AgentRun credentials cannot be used.", Why: "the keychain is locked", Reason: "keychain-locked"}}
	v.Account = Account{Keychain: secrets.Locked}
	r := english(t, PlaceOverview, v)
	r.wants("The AgentRun credentials cannot be used.", "it opens with the login password")
	r.tap("Open keychain")
	r.asked("open keychain")
	if at := r.window.At(); at != PlaceSettings {
		t.Errorf("the button led to %s, want where the wait is seen", at)
	}
	r.window.Open(PlaceOverview)
	v.Account = Account{Keychain: secrets.Available, Source: secrets.FromKeychain}
	r.window.Render(v)
	r.tap("Open settings")
	r.asked()
}
