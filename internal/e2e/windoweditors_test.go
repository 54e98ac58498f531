//go:build e2e && window

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// editor is the settings file of Cursor in a home.
type editor struct {
	file     string
	original string
}

func newEditor(t *testing.T, h *home) editor {
	t.Helper()
	e := editor{filepath.Join(h.dir, ".cursor", "mcp.json"), "{\n  // my own notes\n  \"mcpServers\": {}\n}\n"}
	if err := errors.Join(os.MkdirAll(filepath.Dir(e.file), 0o700), os.WriteFile(e.file, []byte(e.original), 0o600)); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e editor) text() string {
	text, _ := os.ReadFile(e.file) // a file that is gone has no text
	return string(text)
}

func (e editor) has() bool { return strings.Contains(e.text(), "agentrun-mcp") }

// knowsUs waits until our entry is in the file, or is not.
func (e editor) knowsUs(t *testing.T, wanted bool) {
	t.Helper()
	if !eventually(patience, func() bool { return e.has() == wanted }) {
		t.Fatalf("our entry is in the editor's settings: %v, want %v; they are %q", !wanted, wanted, e.text())
	}
}

func (e editor) isUntouched(t *testing.T) {
	t.Helper()
	if e.text() != e.original {
		t.Errorf("the editor's settings are %q, want %q, to the byte", e.text(), e.original)
	}
}

// mendsEditors has the tray disconnect and connect an editor, takes our entry out of its settings behind our back, mends that by the
// banner's button, and tests what came of it. The editor is connected.
func (c *computer) mendsEditors(t *testing.T, tray item, e editor) {
	t.Helper()
	ticked := func(l menuLine) bool { return l.checked }
	tray.await(t, "Cursor", ticked)
	tray.choose(t, "Cursor", func() bool { return !e.has() })
	e.isUntouched(t)
	tray.await(t, "Cursor", func(l menuLine) bool { return !l.checked })
	tray.choose(t, "Cursor", e.has)
	tray.await(t, "Cursor", ticked)

	if err := os.WriteFile(e.file, []byte(e.original), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ask(question{Ask: "open", Place: "overview"}); err != nil {
		t.Fatal(err)
	}
	c.reads(t, "No longer connected: Cursor.")
	c.screen.picture(t, filepath.Join(artifacts(t), "lost.png"))
	c.settle(t)
	c.click(t, "Connect again", 0)
	e.knowsUs(t, true)
	if !eventually(patience, func() bool {
		s, err := c.ask(question{Ask: "texts"})
		return err == nil && !strings.Contains(strings.Join(s.Texts, "\n"), "No longer connected")
	}) {
		t.Error("the banner of an editor that was mended stays")
	}

	if _, err := c.ask(question{Ask: "open", Place: "editors"}); err != nil {
		t.Fatal(err)
	}
	c.settle(t)
	c.click(t, "Test: Cursor", 0)
	c.reads(t, "It works: everything answered, and code ran.", "Python has computed 6 * 7 = 42")
	c.screen.picture(t, filepath.Join(artifacts(t), "tested.png"))
}
