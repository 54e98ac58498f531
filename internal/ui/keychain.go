package ui

import (
	"context"
	"errors"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// keychainNote says where a key is kept, or what is in the way, with the button that helps.
type keychainNote struct {
	root    *fyne.Container
	d       *desk
	host    credentialsHost
	text    *kit.Para
	open    *kit.Button
	stop    *kit.Button
	reflow  func()
	account Account
	cancel  context.CancelFunc // of the wait that is going on; nil: none
	heir    *keychainNote      // has taken its place meanwhile; nil: none
	drawn   bool
}

func newKeychainNote(d *desk, host credentialsHost, reflow func()) *keychainNote {
	k := &keychainNote{d: d, host: host, reflow: reflow, text: kit.NewPara("", kit.Small, kit.Muted)}
	k.open = kit.NewButton("", kit.Ghost, k.ask)
	k.stop = kit.NewButton(d.Say("cancel"), kit.Plain, func() {
		if k.cancel != nil {
			k.cancel()
		}
	})
	k.root = kit.Row(12, kit.Grow(k.text), k.open, k.stop)
	k.show()
	return k
}

// render shows an account and reports whether something may be taller or lower now.
func (k *keychainNote) render(account Account) bool {
	if k.drawn && account == k.account {
		return false
	}
	k.account, k.drawn = account, true
	k.show()
	return true
}

func (k *keychainNote) show() {
	text, tone, label := k.d.accountNote(k.account), kit.Muted, ""
	switch state := k.account.Keychain; {
	case k.cancel != nil:
		text = k.d.Say("keychain.asking")
	case k.account.Source == secrets.FromEnvironment:
	case state == secrets.Locked:
		tone, label = kit.Warming, k.d.Say("keychain.unlock")
	case state == secrets.Absent, state == secrets.Waiting, state == secrets.Failing:
		tone, label = kit.Warming, k.d.Say("keychain.again")
	}
	k.text.SetTone(tone)
	k.text.Set(text)
	k.open.Set(label)
	k.open.Hidden, k.stop.Hidden = label == "", k.cancel == nil
	k.root.Refresh()
}

// ask has the keychain opened, for which its user may be asked something.
func (k *keychainNote) ask() {
	if k.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(k.d.errands.ctx)
	k.cancel = cancel
	k.show()
	k.reflow()
	k.d.errands.run(func(context.Context) error { return k.host.OpenKeychain(ctx) }, func(err error) {
		cancel()
		k := k.newest()
		k.cancel = nil
		k.show()
		k.reflow()
		if err != nil && !isKeychain(err) && !errors.Is(err, context.Canceled) { // what the keychain is like is in the next view
			k.d.fail(k.d.Say("fail.keychain"), err)
		}
	})
}

// newest is the note in sight: another language has one take the place of another.
func (k *keychainNote) newest() *keychainNote {
	for k.heir != nil {
		k = k.heir
	}
	return k
}

// isKeychain reports whether an error says how the keychain is.
func isKeychain(err error) bool {
	_, ok := errors.AsType[*secrets.KeychainError](err)
	return ok
}
