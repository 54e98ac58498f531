//go:build e2e && window

package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestWindowAndATroubledKeychain is the first run of somebody with an account, on a desktop without a keychain; then with one that is
// locked, one that does not answer, and one that does. Then the computer sleeps, for longer than sandboxes live.
func TestWindowAndATroubledKeychain(t *testing.T) {
	c := rehearsal(t)
	c.bus.End() // what it has stays, and is locked from now on
	newPanel(t, c.bus)
	a := c.launch(t)
	c.shows(t, true)
	c.click(t, "AgentRun cloud", 0)
	c.click(t, "Continue", 0)
	c.reads(t, "There is no keychain here.", "Look again")
	c.picture(t, "absent")

	c.bus.Locked()
	c.click(t, "Look again", 0)
	c.reads(t, "The keychain is locked.", "Unlock")
	c.enter(t, testKeyID, testSecret, testID)
	c.click(t, "Check and save", 0)
	c.reads(t, "The key is right, but it could not be kept.", "Unlock")
	c.picture(t, "locked")

	resume := c.bus.Pause()
	c.click(t, "Unlock", 0)
	c.reads(t, "Waiting for the keychain.", "Cancel")
	c.cancels(t, "Waiting for the keychain.")
	c.click(t, "Check and save", 0)
	c.reads(t, "The key is right. Waiting for the keychain")
	c.picture(t, "waiting")
	c.cancels(t, "The key is right. Waiting for the keychain")
	c.reads(t, "Not waiting any more.")
	c.picture(t, "cancelled")
	resume()

	c.bus.Unlocked()
	c.click(t, "Check and save", 0)
	c.reads(t, "Step 3 of 3")
	d := &desk{home: c.home, bus: c.bus}
	if kept := d.kept(t); kept["access_key_secret"] != testSecret || kept["access_key_id"] != testKeyID {
		t.Errorf("secret-tool finds an entry of %d parts, want the key that was typed", len(kept))
	}
	c.click(t, "Finish", 0)
	c.sees(t, "a full pool in the cloud", func(s status.Snapshot) bool { return s.Backend.Name == "agentrun" && poolIsFull(s) })
	c.sleepsLong(t, a)
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.ends(t, quitTime, "SIGTERM")
	if showsSecret(a.said.String(), testSecret) {
		t.Error("the program says the secret")
	}
}

// cancels has a wait end that is shown by a text, at once.
func (c *computer) cancels(t *testing.T, text string) {
	t.Helper()
	c.click(t, "Cancel", 0)
	began := time.Now()
	if !eventually(patience, func() bool {
		s, err := c.ask(question{Ask: "texts"})
		return err == nil && !slices.ContainsFunc(s.Texts, func(there string) bool { return strings.Contains(there, text) })
	}) || time.Since(began) > 2*time.Second {
		c.picture(t, "not-cancelled")
		t.Errorf("%s after Cancel, %q can still be read, or only now no more", time.Since(began).Round(time.Millisecond), text)
	}
}

// sleepsLong stops the program while its sandboxes come to their end, as when the computer sleeps at night.
func (c *computer) sleepsLong(t *testing.T, a *desktopApp) {
	t.Helper()
	editor := c.connect(t, legacy)
	id := editor.create(t, "before the night", "python")
	editor.wants(t, id, "x = 41\nx", "41")
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for _, sandbox := range c.account.living(t) {
		if lived, err := c.account.EndSandbox(t.Context(), sandbox); err != nil || !lived {
			t.Errorf("EndSandbox = %t, %v", lived, err)
		}
	}
	time.Sleep(2 * time.Second) // it sleeps
	if err := a.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if r := editor.call(t, "run_code", args{"context_id": id, "code": "x"}); !strings.Contains(r.text("error")+r.notices(), "has ended") {
		t.Errorf("run_code after the night = %v, want that the sandbox has ended", r)
	}
	editor.wants(t, id, "20 + 22", "42")
	for _, place := range []string{"overview", "contexts"} {
		if _, err := c.ask(question{Ask: "open", Place: place}); err != nil {
			t.Fatal(err)
		}
		c.reads(t, map[string]string{"overview": "3 of 3 ready", "contexts": "before the night"}[place])
		c.picture(t, "after-the-night-"+place)
	}
	c.sees(t, "a full pool of sandboxes that live", func(s status.Snapshot) bool { return poolIsFull(s) && len(c.account.living(t)) == 3 })
}
