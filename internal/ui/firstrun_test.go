package ui

import (
	"errors"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

func firstSteps(t *testing.T, v View) *rig {
	t.Helper()
	r := newRig(t, kit.AlwaysLight, fyne.NewSize(1080, 700), Options{Language: "en", FirstRun: true})
	r.window.Render(v)
	r.host.forget()
	return r
}

func TestFromTheFirstStartToTryItOnThisComputer(t *testing.T) {
	r := firstSteps(t, emptyView())
	r.wants("Where should code run?", "Ready now", "needs an account", "Step 1 of 2")
	r.lacks("Overview")
	r.tap("Continue")
	r.asked("backend local")
	r.wants("Connect your editors", "Step 2 of 2", "No editor that we know was found")
	r.tap("Try it")
	r.asked("finish")
	if r.window.At() != PlaceContexts || r.win.Canvas().Focused() != r.window.context.try.entry {
		t.Errorf("at %s with %T having the keyboard, want the contexts and the pane to try something in", r.window.At(), r.win.Canvas().Focused())
	}
	entry := r.window.context.try.entry
	if !strings.Contains(entry.Text, "range(1, 101)") {
		t.Fatalf("the pane has %q, want an example", entry.Text)
	}
	test.Type(entry, "1") // takes its place
	entry.TypedShortcut(ctrlEnter)
	r.settle()
	r.asked("run  python 1")
}

// TestTheSwitchesStayUnderThePointer: what the first one says is put below it, and moves nothing above.
func TestTheSwitchesStayUnderThePointer(t *testing.T) {
	v := with(inState(t, "zed"), inState(t, "cursor"))
	r := firstSteps(t, v)
	f := r.window.first
	r.tap("Continue")
	at := func(o fyne.CanvasObject) float32 { return fyne.CurrentApp().Driver().AbsolutePositionForObject(o).Y }
	mark, first := at(f.title), at(f.list.views["zed"].root)
	if below := r.win.Canvas().Size().Height - at(f.foot) - f.foot.Size().Height; below < 60 || mark < 60 {
		t.Fatalf("the title is at %v, and there are %v below the buttons; want both in the middle", mark, below)
	}
	buttons := at(f.foot)
	r.tap("Zed")
	r.wants("Zed loads it at once.")
	v = with(inState(t, "zed"), inState(t, "cursor"))
	r.window.Render(v)
	if at(f.title) != mark || at(f.list.views["zed"].root) != first || at(f.foot) <= buttons {
		t.Errorf("the title is at %v and the row at %v, want %v and %v as before; the buttons at %v, want them below %v", at(f.title), at(f.list.views["zed"].root), mark, first, at(f.foot), buttons)
	}
	r.tap("Back")
	r.tap("Continue")
	if at(f.title) >= mark {
		t.Errorf("in the step shown anew the title is at %v, want it higher than %v, as there is more below it", at(f.title), mark)
	}
}

// TestWhoHasCredentialsIsNotAskedForThem: the cloud is chosen for them, until they choose.
func TestWhoHasCredentialsIsNotAskedForThem(t *testing.T) {
	v := emptyView()
	r := firstSteps(t, v)
	v.Account = Account{Source: secrets.FromEnvironment, AccessKeyID: "LTAI…1111"}
	r.window.Render(v)
	r.wants("Step 1 of 2")
	r.tap("Continue")
	r.asked("backend agentrun")
	r.wants("Connect your editors", "Step 2 of 2")
	r.tap("Back")
	r.window.first.ask("local")
	r.window.Render(emptyView())
	r.window.Render(v)
	r.tap("Continue")
	r.asked("backend local")
}

// TestCredentialsThatCannotBeRightAreAskedFor: to have them is not to have any.
func TestCredentialsThatCannotBeRightAreAskedFor(t *testing.T) {
	v := emptyView()
	v.Account = Account{Source: secrets.FromKeychain, Keychain: secrets.Available, Faulty: "account id"}
	r := firstSteps(t, v)
	r.tap("AgentRun cloud")
	r.wants("Step 1 of 3")
	r.tap("Continue")
	r.wants("Your AgentRun account", "Something in the credentials cannot be right: account id.")
	r.asked()
}

// TestAKeychainThatOpensAnswersTheQuestion: what it has is used, unless somebody is typing another key.
func TestAKeychainThatOpensAnswersTheQuestion(t *testing.T) {
	opened := emptyView()
	opened.Account = Account{Source: secrets.FromKeychain, Keychain: secrets.Available, AccessKeyID: "LTAI…1111"}
	for _, typed := range []string{"", "LTAIexample"} {
		r := firstSteps(t, lockedView())
		r.tap("AgentRun cloud")
		r.tap("Continue")
		r.window.first.form.id.Entry.SetText(typed)
		r.tap("Unlock")
		r.window.Render(opened)
		r.settle()
		if typed != "" {
			r.asked("open keychain")
			r.wants("Your AgentRun account", "Step 2 of 3")
			continue
		}
		r.asked("open keychain", "backend agentrun")
		r.wants("Connect your editors", "Step 3 of 3")
	}
}

// TestAnExampleIsNotPutBeforeWhatIsThere: it is Python, and code of somebody's stays.
func TestAnExampleIsNotPutBeforeWhatIsThere(t *testing.T) {
	v := busyView()
	r := english(t, PlaceContexts, v)
	c := r.window.context
	c.table.Selected(v.Contexts[1]) // of JavaScript
	c.offer()
	if !c.try.empty() {
		t.Errorf("for JavaScript the pane has the example %q", c.try.entry.Text)
	}
	c.table.Selected(v.Contexts[0])
	test.Type(c.try.entry, "mine")
	c.offer()
	if c.try.entry.Text != "mine" {
		t.Errorf("the pane has %q, want what was written", c.try.entry.Text)
	}
}

func TestTheFirstStepsAreSkipped(t *testing.T) {
	r := firstSteps(t, emptyView())
	r.tap("Skip set-up")
	r.asked("finish")
	r.wants("Overview", "None of 3 is ready yet.")
}

// keyless is a view as it is before a key was entered.
func keyless(v View) View {
	v.Account = Account{Keychain: secrets.Available}
	return v
}

func (r *rig) typeKey(id, secret, account string) {
	f := r.window.first.form
	f.id.Entry.SetText(id)
	f.secret.Entry.SetText(secret)
	f.account.Entry.SetText(account)
}

func TestTheCloudAsksForAKeyAndChecksIt(t *testing.T) {
	r := firstSteps(t, keyless(busyView()))
	r.tap("AgentRun cloud")
	r.tap("Continue")
	r.wants("Your AgentRun account", "Access key secret", "Step 2 of 3", "The key is kept in this computer's keychain, and nowhere else.")
	r.tap("Open the console")
	r.asked("console")
	r.tap("Check and save")
	r.wants("This is needed.")
	r.asked()
	r.typeKey("LTAI not", "not-a-real-secret", "12x")
	r.wants("That has a space or a character in it that a key cannot have.", "The account id is a number")
	r.tap("Check and save")
	r.asked()
	r.typeKey("LTAIexample", "not-a-real-secret", "1234567890123456")
	r.host.refuse["check"] = errors.New("the secret does not belong to the key id")
	r.tap("Check and save")
	r.asked("check")
	r.wants("The secret does not belong to the key id.", "Step 2 of 3")
	delete(r.host.refuse, "check")
	r.tap("Check and save")
	r.asked("check", "save credentials", "backend agentrun")
	r.wants("Step 3 of 3", "Claude Desktop")
	if c := r.host.seen; c.AccessKeyID != "LTAIexample" || c.AccessKeySecret.Reveal() != "not-a-real-secret" || c.Region != "cn-hangzhou" {
		t.Errorf("checked %+v, want what was typed", c)
	}
	if got := r.window.first.form.secret.Text(); got != "" {
		t.Error("the secret is still in its field after it was saved")
	}
	r.tap("Finish")
	r.asked("finish")
}

func TestACheckThatTakesLongIsCancelled(t *testing.T) {
	r := firstSteps(t, emptyView())
	r.host.hold = make(chan struct{})
	r.tap("AgentRun cloud")
	r.tap("Continue")
	f := r.window.first.form
	r.typeKey("LTAIexample", "not-a-real-secret", "1234567890123456")
	f.submit()
	r.wants("Asking AgentRun whether this key is right")
	if !f.save.Disabled() || !f.stop.Visible() {
		t.Error("while a key is checked it can be checked again, or not be cancelled")
	}
	r.tap("Cancel")
	if f.save.Disabled() || f.stop.Visible() {
		t.Error("after Cancel the key cannot be checked again")
	}
	r.asked()
}

// TestTheFirstStepsGoOnInAnotherLanguage where they were, and a key that is being checked meanwhile leads to the next one.
func TestTheFirstStepsGoOnInAnotherLanguage(t *testing.T) {
	r := firstSteps(t, emptyView())
	r.tap("AgentRun cloud")
	r.tap("Continue")
	r.typeKey("LTAIexample", "not-a-real-secret", "1234567890123456")
	r.host.hold = make(chan struct{})
	r.window.first.form.submit()
	r.window.SetLanguage("zh")
	r.wants("第 2 步")
	if f := r.window.first; f.form.secret.Text() != "not-a-real-secret" || f.form.account.Text() != "1234567890123456" || !f.cloud.Chosen() {
		t.Error("what was chosen and typed is lost")
	}
	close(r.host.hold)
	r.settle()
	r.asked("check", "save credentials", "backend agentrun")
	r.wants("第 3 步")
	if got := r.window.first.form.secret.Text(); got != "" {
		t.Error("the secret is still in its field after it was saved")
	}
}

// TestACheckGoesOnInAnotherLanguage: it is seen and can be given up there, and there is told what came of it.
func TestACheckGoesOnInAnotherLanguage(t *testing.T) {
	r := firstSteps(t, emptyView())
	r.tap("AgentRun cloud")
	r.tap("Continue")
	r.typeKey("LTAIexample", "not-a-real-secret", "1234567890123456")
	begin := func() {
		r.window.first.form.submit()
		r.window.SetLanguage("zh")
		r.window.SetLanguage("en")
		r.wants("Cancel")
		if f := r.window.first.form; !f.save.Disabled() {
			t.Error("the key can be checked once more while it is checked")
		}
	}
	r.host.hold = make(chan struct{})
	begin()
	r.tap("Cancel")
	r.asked()
	r.lacks("Cancel")
	r.host.hold = make(chan struct{})
	begin()
	r.host.refuse["check"] = errors.New("the key is unknown")
	close(r.host.hold)
	r.settle()
	r.wants("The key is unknown.", "Step 2 of 3")
	r.lacks("Cancel")
	if f := r.window.first.form; f.save.Disabled() || f.secret.Text() != "not-a-real-secret" {
		t.Error("what was typed is gone, or cannot be tried again")
	}
}

func TestOneGoesBackThroughTheSteps(t *testing.T) {
	r := firstSteps(t, emptyView())
	r.tap("AgentRun cloud")
	r.tap("Continue")
	r.tap("Later")
	r.wants("Step 3 of 3")
	r.tap("Back")
	r.wants("Step 2 of 3")
	r.tap("Back")
	r.wants("Step 1 of 3")
	if !r.window.first.cloud.Chosen() || r.window.first.local.Chosen() {
		t.Error("what was chosen is forgotten on the way back")
	}
	r.asked()
}

func TestAKeyIsCheckedOnceThoughEnterIsPressedTwice(t *testing.T) {
	r := firstSteps(t, keyless(busyView()))
	r.host.hold = make(chan struct{})
	r.window.first.show(stepAccount)
	r.typeKey("LTAIexample", "not-a-real-secret", "1234567890123456")
	for range 2 {
		r.window.first.form.secret.Entry.OnSubmitted("")
	}
	close(r.host.hold)
	r.settle()
	r.asked("check", "save credentials", "backend agentrun")
}

// TestEnterPressedTwiceFindsNoFault with a form that nobody has seen yet. Its button does.
func TestEnterPressedTwiceFindsNoFault(t *testing.T) {
	r := firstSteps(t, emptyView())
	r.tap("AgentRun cloud")
	r.win.Canvas().Focus(r.find("Continue").(*kit.Button))
	for range 2 {
		r.win.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
		r.settle()
	}
	r.wants("Step 2 of 3")
	r.lacks("This is needed.")
	r.tap("Check and save")
	r.wants("This is needed.")
}

// TestEnterPressedTwiceFinishesOnce: the second time the button is out of sight.
func TestEnterPressedTwiceFinishesOnce(t *testing.T) {
	for _, label := range []string{"Finish", "Try it"} {
		r := firstSteps(t, emptyView())
		r.window.first.show(stepEditors)
		r.win.Canvas().Focus(r.find(label).(*kit.Button))
		for range 2 {
			if f := r.win.Canvas().Focused(); f != nil {
				f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
			}
			r.settle()
		}
		r.asked("finish")
	}
}
