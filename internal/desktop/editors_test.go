package desktop

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// desk is a host with a window's other half, on a computer with some editors.
type desk struct {
	*Desk
	home   string
	opened []string // addresses, by commands of the test's own goroutine
}

func onComputer(t *testing.T, folders ...string) *desk {
	t.Helper()
	d := &desk{home: t.TempDir()}
	for _, folder := range folders {
		if err := os.MkdirAll(filepath.Join(d.home, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	getenv := func(name string) string {
		return map[string]string{"HOME": d.home, "PATH": "/nonexistent", paths.HomeVariable: filepath.Join(d.home, "tray")}[name]
	}
	dirs, err := paths.FromEnv(getenv, runtime.GOOS)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Backend = "mock"
	core, err := app.New(t.Context(), app.Options{Dirs: dirs, Config: cfg, Listen: "127.0.0.1:0", Getenv: getenv})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- core.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the host ended with %v", err)
		}
	})
	d.Desk = New(Options{
		App: core, Logger: slog.New(slog.DiscardHandler),
		OpenURL: func(u *url.URL) error {
			d.opened = append(d.opened, u.String())
			return nil
		},
	})
	watching, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for all := range core.Desk().Watch(watching) {
		if all.Editors != nil {
			return d
		}
	}
	t.Fatal("the host does not look for editors")
	return nil
}

// row is an editor as the next view shows it.
func (d *desk) row(t *testing.T, id string) ui.Editor {
	t.Helper()
	all, err := d.app.Computer()
	if err != nil {
		t.Fatal(err)
	}
	st, err := all.Look(editors.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	return editorOf(st, true)
}

func (d *desk) read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.home, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (d *desk) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.home, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnEditorIsPreviewedConnectedUndoneAndMended(t *testing.T) {
	d := onComputer(t, ".cursor")
	const file, original = ".cursor/mcp.json", "{\n  // mine\n  \"mcpServers\": {}\n}\n"
	d.write(t, file, original)
	byURL := ui.EditorChange{ID: "cursor", On: true, Form: ui.FormURL}
	p, err := d.PreviewEditor(t.Context(), byURL)
	if err != nil || len(p.Files) != 1 || p.Files[0].Path != filepath.Join(d.home, file) || !strings.Contains(p.Files[0].Diff, `+    "agentrun": {`) || strings.Contains(p.Files[0].Diff, "@@") {
		t.Errorf("PreviewEditor = %+v, %v", p, err)
	}
	if d.read(t, file) != original || d.row(t, "cursor").Undo {
		t.Error("a preview has changed something")
	}
	if _, err := d.ChangeEditor(t.Context(), byURL); err != nil {
		t.Fatal(err)
	}
	if row := d.row(t, "cursor"); row.State != ui.EditorConnected || row.Form != ui.FormURL || !row.Undo {
		t.Errorf("connected, the row is %+v", row)
	}
	if err := d.UndoEditor(t.Context(), "cursor"); err != nil || d.read(t, file) != original {
		t.Errorf("UndoEditor = %v, the file is %q", err, d.read(t, file))
	}
	if err := d.UndoEditor(t.Context(), "cursor"); !errors.Is(err, editors.ErrNoUndo) {
		t.Errorf("UndoEditor again = %v, want ErrNoUndo", err)
	}

	// Lost behind our back, and mended in the form that it had.
	if _, err := d.ChangeEditor(t.Context(), byURL); err != nil {
		t.Fatal(err)
	}
	stale := strings.Replace(d.read(t, file), "/mcp", "/other", 1)
	d.write(t, file, strings.Replace(d.read(t, file), "http://127.0.0.1:", "http://127.0.0.1:1", 1))
	if row := d.row(t, "cursor"); row.State != ui.EditorStale || !row.Lost {
		t.Errorf("with another address the row is %+v", row)
	}
	if _, err := d.MendEditor(t.Context(), "cursor"); err != nil {
		t.Fatal(err)
	}
	if row := d.row(t, "cursor"); row.State != ui.EditorConnected || row.Form != ui.FormURL {
		t.Errorf("mended, the row is %+v", row)
	}

	// Changed by hand: refused, let be, and replaced by force.
	d.write(t, file, stale)
	if _, err := d.ChangeEditor(t.Context(), byURL); !errors.Is(err, editors.ErrHandEdited) {
		t.Errorf("ChangeEditor of an entry changed by hand = %v, want ErrHandEdited", err)
	}
	if d.read(t, file) != stale {
		t.Error("an entry changed by hand was overwritten")
	}
	if err := d.LeaveEditor(t.Context(), "cursor"); err != nil || d.row(t, "cursor").Lost {
		t.Errorf("LeaveEditor = %v, and the row is %+v", err, d.row(t, "cursor"))
	}
	byURL.Force = true
	if _, err := d.ChangeEditor(t.Context(), byURL); err != nil || d.row(t, "cursor").State != ui.EditorConnected {
		t.Errorf("by force: %v, and the row is %+v", err, d.row(t, "cursor"))
	}
	if _, err := d.ChangeEditor(t.Context(), ui.EditorChange{ID: "cursor"}); err != nil || strings.Contains(d.read(t, file), "agentrun") {
		t.Errorf("disconnect: %v, and the file is %q", err, d.read(t, file))
	}
}

func TestALinkIsOpenedAndACardIsShown(t *testing.T) {
	d := onComputer(t, ".config/CherryStudio", ".config/JetBrains")
	// Of a link, the program is given; without one beside the test it cannot be, and the preview does without.
	p, err := d.PreviewEditor(t.Context(), ui.EditorChange{ID: "cherry-studio", On: true})
	if err != nil || !strings.HasPrefix(p.Link, "cherrystudio://mcp/install?servers=") {
		t.Fatalf("PreviewEditor = %+v, %v, want a link", p, err)
	}
	relayBeside(t)
	if _, err := d.ChangeEditor(t.Context(), ui.EditorChange{ID: "cherry-studio", On: true}); err != nil || !slices.Equal(d.opened, []string{p.Link}) {
		t.Errorf("ChangeEditor = %v, and %q was opened, want %q", err, d.opened, p.Link)
	}
	p, err = d.PreviewEditor(t.Context(), ui.EditorChange{ID: "jetbrains-ai", On: true})
	if err != nil || !strings.Contains(p.Card, `"mcpServers": {`) || len(d.opened) != 1 {
		t.Errorf("PreviewEditor = %+v, %v, want a card, and nothing opened", p, err)
	}
}

// relayBeside puts a program beside this one, where an installation has the relay.
func relayBeside(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := "agentrun-mcp"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	relay := filepath.Join(filepath.Dir(self), name)
	if err := os.WriteFile(relay, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(relay) })
}

func TestATestHandsOverWhatItFinds(t *testing.T) {
	d := onComputer(t, ".cursor")
	var found []ui.Finding
	if err := d.TestEditor(t.Context(), "cursor", func(f ui.Finding) { found = append(found, f) }); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(found, func(f ui.Finding) bool { return f.Check == "editor" })
	if at < 0 || found[at].Verdict != ui.VerdictBad || found[at].What == "" {
		t.Errorf("found %+v, want that Cursor is not connected", found)
	}
}

func TestEditorsAreShownAsTheyAre(t *testing.T) {
	t.Parallel()
	var tr translator
	forms := []editors.Form{editors.Stdio, editors.HTTP}
	seen := &app.Editors{List: []editors.Status{
		{ID: "zed", Name: "Zed", State: editors.Connected, Form: editors.HTTP, Forms: forms, Undo: true, Route: editors.ByFile},
		{ID: "cursor", Name: "Cursor", State: editors.Found, Forms: forms, Lost: true, Route: editors.ByCLI},
		{ID: "vscode", Name: "VS Code", State: editors.NotFound},
		{ID: "codex", Name: "Codex", State: editors.Unreadable, Detail: "line 3", Route: editors.ByFile},
		{ID: "cline", Name: "Cline", State: editors.HandEdited, Route: editors.ByFile},
		{ID: "kiro", Name: "Kiro", State: editors.HandEdited, Off: true, Route: editors.ByFile},
		{ID: "goose", Name: "Goose", State: editors.Stale, Route: editors.RemoveOnly},
		{ID: "warp", Name: "Warp", State: editors.Elsewhere, Route: editors.ByLink},
		{ID: "junie", Name: "Junie", State: editors.Found, Route: editors.ByCard},
	}}
	both := []ui.EditorForm{ui.FormProgram, ui.FormURL}
	want := []ui.Editor{
		{ID: "zed", Name: "Zed", State: ui.EditorConnected, Form: ui.FormURL, Forms: both, Undo: true, Route: ui.RouteFile},
		{ID: "cursor", Name: "Cursor", State: ui.EditorOff, Forms: both, Lost: true, Route: ui.RouteFile},
		{ID: "codex", Name: "Codex", State: ui.EditorUnread, Detail: "line 3", Route: ui.RouteFile},
		{ID: "cline", Name: "Cline", State: ui.EditorEdited, Route: ui.RouteFile},
		{ID: "kiro", Name: "Kiro", State: ui.EditorSilent, Route: ui.RouteFile},
		{ID: "goose", Name: "Goose", State: ui.EditorStale, Route: ui.RouteRemove},
		{ID: "warp", Name: "Warp", State: ui.EditorElsewhere, Route: ui.RouteLink},
		{ID: "junie", Name: "Junie", State: ui.EditorOff, Route: ui.RouteCard},
	}
	first := tr.editorsOf(seen, true)
	if !reflect.DeepEqual(first.Found, want) || !slices.Equal(first.NotFound, []string{"VS Code"}) {
		t.Errorf("the editors are %+v, want %+v and VS Code not found", first, want)
	}
	if tr.editorsOf(seen, true) != first {
		t.Error("the same editors are others for the window")
	}
	if without := tr.editorsOf(seen, false).Found[0]; slices.Contains(without.Forms, ui.FormURL) {
		t.Errorf("where no address is served the row is %+v", without)
	}
}

// TestTheWindowHasWordsForEveryEditor: what is to be done in it for a change to be seen, in English the same as on the command line.
func TestTheWindowHasWordsForEveryEditor(t *testing.T) {
	t.Parallel()
	set, err := editors.New(editors.Options{
		System: editors.System{GOOS: "linux", Getenv: func(string) string { return "/nonexistent" }}, Folder: t.TempDir(), Command: "/nonexistent/agentrun-mcp",
	})
	if err != nil {
		t.Fatal(err)
	}
	en := words.In(words.English)
	for _, id := range editors.IDs() {
		st, err := set.Look(id)
		if err != nil {
			t.Fatal(err)
		}
		if got := en.Say("editors.after." + string(id)); got != st.After {
			t.Errorf("of %s the window says %q, and the command line %q", id, got, st.After)
		}
	}
}
