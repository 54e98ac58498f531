package app_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// withEditors is a host on a computer with VS Code and Cursor, of which it knows the folder of one and the settings of the other.
func withEditors(t *testing.T, opt app.Options) (h *host, code, cursor string) {
	t.Helper()
	home := t.TempDir()
	code, cursor = filepath.Join(home, ".config", "Code", "User", "mcp.json"), filepath.Join(home, ".cursor", "mcp.json")
	for _, file := range []string{code, cursor} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	opt.Getenv = func(name string) string { return map[string]string{"HOME": home, "PATH": "/nonexistent"}[name] }
	h = start(t, opt)
	h.wait(t, "the host", func(s status.Snapshot) bool { return s.Addresses.Socket != "" })
	return h, code, cursor
}

// lost are the problems with editors.
func lost(s status.Snapshot) []status.Problem {
	return slices.DeleteFunc(slices.Clone(s.Problems), func(p status.Problem) bool { return p.Args.Editor == "" })
}

func (h *host) editor(t *testing.T, what string, id editors.ID, so func(editors.Status) bool) {
	t.Helper()
	h.see(t, what, func(d app.Desk) bool {
		return d.Editors != nil && slices.ContainsFunc(d.Editors.List, func(st editors.Status) bool { return st.ID == id && so(st) })
	})
}

// TestAnEditorThatDropsOurEntryIsAProblemUntilItIsMended, and so is one whose entry was changed. What the user takes out with us, or
// lets be, is none.
func TestAnEditorThatDropsOurEntryIsAProblemUntilItIsMended(t *testing.T) {
	t.Parallel()
	h, code, _ := withEditors(t, options(t))
	all, err := h.Computer()
	if err != nil {
		t.Fatal(err)
	}
	connect := func(force bool) {
		t.Helper()
		if _, err := all.Connect(t.Context(), "vscode", editors.Wish{Form: editors.Socket, Force: force}); err != nil {
			t.Fatal(err)
		}
		h.LookAtEditors()
	}
	none := func(s status.Snapshot) bool { return len(lost(s)) == 0 }
	one := func(code status.ProblemCode) func(status.Snapshot) bool {
		return func(s status.Snapshot) bool { p := lost(s); return len(p) == 1 && p[0].Code == code }
	}
	h.editor(t, "the editor", "vscode", func(st editors.Status) bool { return st.State == editors.Found })
	connect(false)
	h.editor(t, "the connection", "vscode", func(st editors.Status) bool { return st.State == editors.Connected })
	if s := h.Snapshot(); !none(s) {
		t.Errorf("connected, there are the problems %+v", lost(s))
	}

	// Behind our back, and nobody tells the host.
	if err := os.WriteFile(code, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := lost(h.wait(t, "the lost entry", one(status.EditorLost)))[0]
	if p.Args.Editor != "vscode" || p.What != "VS Code is not connected to AgentRun Tray any more." || !strings.Contains(p.Why, code) ||
		!strings.Contains(p.Todo, "agentrunctl connect vscode --http.") || !strings.Contains(p.Todo, "agentrunctl disconnect vscode --keep") {
		t.Errorf("the problem is %+v", p)
	}
	connect(false)
	h.wait(t, "the mended entry", none)

	if _, err := all.Disconnect(t.Context(), "vscode", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	h.LookAtEditors()
	h.editor(t, "the end of the connection", "vscode", func(st editors.Status) bool { return st.State == editors.Found })
	if s := h.Snapshot(); !none(s) {
		t.Errorf("disconnected with us, there are the problems %+v", lost(s))
	}

	connect(false)
	text, err := os.ReadFile(code)
	if err != nil {
		t.Fatal(err)
	}
	for meddled, want := range map[string]status.ProblemCode{
		strings.ReplaceAll(string(text), "unix://", "unix:///elsewhere"):    status.EditorStale,
		strings.ReplaceAll(string(text), `"type": "http"`, `"type": "sse"`): status.EditorChanged,
	} {
		if err := os.WriteFile(code, []byte(meddled), 0o600); err != nil {
			t.Fatal(err)
		}
		h.LookAtEditors()
		if p := lost(h.wait(t, string(want), one(want)))[0]; p.Why == "" || strings.Contains(p.Todo, "--force") != (want == status.EditorChanged) {
			t.Errorf("the problem is %+v", p)
		}
		if err := all.Release(t.Context(), "vscode"); err != nil {
			t.Fatal(err)
		}
		h.LookAtEditors()
		h.wait(t, "it let be", none)
		connect(true)
	}
}

// TestAPortThatIsTakenIsNotToldForEveryEditor: the entries are right, and the port may be free at the next start.
func TestAPortThatIsTakenIsNotToldForEveryEditor(t *testing.T) {
	t.Parallel()
	opt := options(t)
	opt.Listen = "127.0.0.1:0"
	h, _, cursor := withEditors(t, opt)
	all, err := h.Computer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all.Connect(t.Context(), "cursor", editors.Wish{Form: editors.HTTP}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(cursor)
	if err != nil {
		t.Fatal(err)
	}
	now := strings.TrimSuffix(strings.TrimPrefix(h.Hub().Current().Addresses.HTTP, "http://"), "/mcp")
	if err := os.WriteFile(cursor, []byte(strings.ReplaceAll(string(text), now, "127.0.0.1:1")), 0o600); err != nil {
		t.Fatal(err)
	}
	h.LookAtEditors()
	h.editor(t, "the other address", "cursor", func(st editors.Status) bool { return st.State == editors.Stale && st.Lost })
	if s := h.Snapshot(); len(lost(s)) > 0 {
		t.Errorf("there are the problems %+v, want none for the editor", lost(s))
	}
}

// TestAnEditorByURLOfAHostThatServesNone is told to be connected in the other form: that one would be refused.
func TestAnEditorByURLOfAHostThatServesNone(t *testing.T) {
	t.Parallel()
	h, _, cursor := withEditors(t, options(t))
	all, err := h.Computer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all.Set.Connect(t.Context(), "cursor", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	byURL := `{"mcpServers": {"agentrun": {"url": "http://127.0.0.1:7411/mcp", "headers": {"Authorization": "Bearer art_x"}}}}`
	if err := os.WriteFile(cursor, []byte(byURL), 0o600); err != nil {
		t.Fatal(err)
	}
	h.LookAtEditors()
	p := lost(h.wait(t, "the address that is not served", func(s status.Snapshot) bool { return len(lost(s)) == 1 }))[0]
	if p.Code != status.EditorStale || !strings.Contains(p.Todo, "agentrunctl connect cursor.") {
		t.Errorf("the problem is %+v", p)
	}
}

func TestAHostExaminesTheWayOfAnEditor(t *testing.T) {
	t.Parallel()
	h, _, _ := withEditors(t, options(t))
	var seen []string
	err := h.ExamineEditor(t.Context(), "cursor", func(f doctor.Finding) { seen = append(seen, f.Check+" "+string(f.Verdict)) })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"programs bad", "host good", "account good", "editor bad"} { // no relay is beside a test, and nothing is connected
		if !slices.Contains(seen, want) {
			t.Errorf("found %q, want %q among it", seen, want)
		}
	}
}

func TestAHostWithoutAHomeHasNoEditors(t *testing.T) {
	t.Parallel()
	opt := options(t)
	opt.Getenv = func(string) string { return "" }
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	if all, err := h.Computer(); err == nil {
		t.Errorf("Computer = %v, want an error", all)
	}
	if d := h.Desk().Current(); d.Editors != nil {
		t.Errorf("the editors are %+v, want none looked for", d.Editors)
	}
}
