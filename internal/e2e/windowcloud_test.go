//go:build e2e && window

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// rehearsal is a computer whose programs find an emulated service where the real one would be, and no credentials.
func rehearsal(t *testing.T) *computer {
	t.Helper()
	a := openAccount(t, "--template-delay", "300ms", "--sandbox-delay", "200ms-600ms")
	c := newComputer(t, newHome(t, `{"language": "en", "http": {"enabled": false}}`))
	c.account = a
	c.env = append(c.env, "LANG=zh_CN.UTF-8") // as most have it who read Chinese: the toolkit finds its fonts by that
	for _, assignment := range a.env {
		if strings.HasPrefix(assignment, "AGENTRUN_CONTROL_ENDPOINT=") || strings.HasPrefix(assignment, "AGENTRUN_DATA_ENDPOINT=") {
			c.env = append(c.env, assignment)
		}
	}
	t.Cleanup(func() { // after the program has ended
		if found := leaks(t, testSecret, c.dir, c.bus.Folder()); len(found) != 0 {
			t.Errorf("the secret can be read in %q", found)
		}
	})
	return c
}

// enter puts the account's key into the fields.
func (c *computer) enter(t *testing.T, id, secret, account string) {
	t.Helper()
	for _, field := range []struct{ hint, text string }{{"LTAI…", id}, {"stays in the keychain", secret}, {"a number", account}} {
		c.click(t, field.hint, 0)
		c.press(t, "ctrl+a")
		c.types(t, field.text)
	}
}

// TestWindowGoesToTheCloud is the first run of somebody who has an account: the key typed, checked and kept, code run by an assistant
// while the window shows it.
func TestWindowGoesToTheCloud(t *testing.T) {
	c := rehearsal(t)
	panel := newPanel(t, c.bus)
	a := c.launch(t)
	item := panel.registered(t)
	c.shows(t, true)
	c.looks(t, func(theme, language string) {
		c.reads(t, map[string]string{"en": "Where should code run?", "zh": "代码应该在哪里运行？"}[language])
		c.picture(t, strings.Join([]string{"first-1", theme, language}, "-"))
	})
	c.click(t, "AgentRun cloud", 0)
	c.click(t, "Continue", 0)
	c.reads(t, "Your AgentRun account")
	c.picture(t, "first-2")
	c.enter(t, testKeyID, "not-the-secret-of-this-key", testID)
	c.click(t, "Check and save", 0)
	c.reads(t, "The access key secret is wrong") // the service says so
	c.picture(t, "first-2-refused")
	c.enter(t, testKeyID, testSecret, testID)
	c.click(t, "Check and save", 0)
	c.reads(t, "Step 3 of 3")
	c.picture(t, "first-3")
	c.click(t, "Finish", 0)
	d := &desk{home: c.home, bus: c.bus}
	if kept := d.kept(t); kept["access_key_secret"] != testSecret || kept["access_key_id"] != testKeyID || kept["account_id"] != testID {
		t.Errorf("secret-tool finds an entry of %d parts, want the key that was typed", len(kept))
	}
	s := c.sees(t, "a full pool in the cloud", func(s status.Snapshot) bool { return s.Backend.Name == "agentrun" && poolIsFull(s) })
	if s.Backend.Credentials != "keychain" {
		t.Errorf("the credentials are from %q, want the keychain", s.Backend.Credentials)
	}
	c.reads(t, "AgentRun cloud", "3 of 3 ready")

	editor := c.connect(t, legacy)
	id := editor.create(t, "sales 数据", "python")
	began := editor.begin(t, "run_code", args{"context_id": id, "code": "import time\nprint('step one', flush=True)\ntime.sleep(5)\nprint('step two')"}, "")
	if _, err := c.ask(question{Ask: "open", Place: "contexts"}); err != nil {
		t.Fatal(err)
	}
	c.click(t, "sales 数据", 0)
	c.reads(t, "step one")
	item.await(t, "Contexts 1 (1 running)", nil)
	if _, err := began.wait(t); err != nil {
		t.Errorf("run_code = %v", err)
	}
	c.reads(t, "step two")
	c.pictures(t, "cloud")
	c.askInTheWay(t)
	item.choose(t, "Quit", func() bool { return !alive(a.cmd.Process.Pid) })
	a.ends(t, quitTime, "Quit in the tray's menu")
	if showsSecret(a.said.String(), testSecret) {
		t.Error("the program says the secret")
	}
}

// askInTheWay has the window ask something before it does it, and says no with Escape.
func (c *computer) askInTheWay(t *testing.T) {
	t.Helper()
	if _, err := c.ask(question{Ask: "open", Place: "contexts"}); err != nil {
		t.Fatal(err)
	}
	c.click(t, "Stop context", 0)
	c.reads(t, "Stop sales 数据?")
	c.picture(t, "question")
	c.press(t, "Escape")
	if !eventually(patience, func() bool {
		s, err := c.ask(question{Ask: "texts"})
		return err == nil && !slices.Contains(s.Texts, "Stop sales 数据?")
	}) {
		t.Error("Escape left the question open")
	}
	if s, err := c.look(); err != nil || len(s.Contexts) != 1 {
		t.Errorf("after Escape there are the contexts %+v, %v, want the one there was", s.Contexts, err)
	}
}

// pictures takes one of every place, in both themes and both languages, and of the smallest window.
func (c *computer) pictures(t *testing.T, of string) {
	t.Helper()
	c.looks(t, func(theme, language string) {
		c.reads(t, map[string]string{"en": "Overview", "zh": "总览"}[language])
		c.everyPlace(t, strings.Join([]string{of, theme, language}, "-"))
		if (language == "en") == (theme == "light") { // each once
			c.screen.must(t, "windowsize", "--sync", c.screen.window(), "600", "420")
			c.everyPlace(t, strings.Join([]string{of, "small", theme, language}, "-"))
			c.screen.must(t, "windowsize", "--sync", c.screen.window(), "1080", "700")
			c.settle(t)
		}
	})
}

// looks goes through both themes in both languages, and stays with the last.
func (c *computer) looks(t *testing.T, at func(theme, language string)) {
	t.Helper()
	for _, language := range []string{"zh", "en"} {
		for _, theme := range []string{"light", "dark"} {
			for name, value := range map[string]string{"language": language, "theme": theme} {
				if _, err := c.ask(question{Ask: "change", Label: name, Value: value}); err != nil {
					t.Fatal(err)
				}
			}
			at(theme, language)
		}
	}
}

func (c *computer) everyPlace(t *testing.T, of string) {
	t.Helper()
	for _, place := range []string{"overview", "contexts", "activity", "editors", "settings"} {
		if _, err := c.ask(question{Ask: "open", Place: place}); err != nil {
			t.Fatal(err)
		}
		c.picture(t, of+"-"+place)
	}
}

// picture takes one for somebody to look at.
func (c *computer) picture(t *testing.T, name string) {
	t.Helper()
	c.settle(t)
	c.screen.picture(t, filepath.Join(artifacts(t), name+".png"))
}

// settle lets the window paint what it was told: two questions are answered after what was asked before is drawn.
func (c *computer) settle(t *testing.T) {
	t.Helper()
	for range 2 {
		if _, err := c.ask(question{Ask: "texts"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // several frames, of which nobody tells
	}
}
