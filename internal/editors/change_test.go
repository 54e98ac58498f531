package editors_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

func connect(t *testing.T, h *home, id editors.ID) editors.Outcome {
	t.Helper()
	out, err := h.set.Connect(t.Context(), id, editors.Wish{})
	if err != nil {
		t.Fatalf("Connect(%s) = %v", id, err)
	}
	return out
}

func TestStates(t *testing.T) {
	ours := `{"mcpServers": {"agentrun": %s}}`
	entry := `{"command": "` + command + `", "args": []}`
	for _, tc := range []struct {
		name, text string
		want       editors.State
		detail     string
	}{
		{"another server only", `{"mcpServers": {"x": {"command": "y"}}}`, editors.Found, ""},
		{"our entry", fmt.Sprintf(ours, entry), editors.Connected, ""},
		{"our entry without its empty list", fmt.Sprintf(ours, `{"command": "`+command+`"}`), editors.Connected, ""},
		{"our entry with what the user may add", fmt.Sprintf(ours, `{"command": "`+command+`", "timeout": 60}`), editors.Connected, ""},
		{"an old path", fmt.Sprintf(ours, `{"command": "/old/agentrun-mcp", "args": []}`), editors.Stale, "/old/agentrun-mcp, which is not there"},
		{"a path of another system", fmt.Sprintf(ours, `{"command": "C:\\old\\agentrun-mcp.exe", "args": []}`), editors.Stale, "agentrun-mcp.exe"},
		{"another port", fmt.Sprintf(ours, `{"url": "http://127.0.0.1:7999/mcp", "headers": {"Authorization": "Bearer `+token+`"}}`), editors.Stale, "7999"},
		{"a token that was revoked", fmt.Sprintf(ours, `{"url": "`+address+`", "headers": {"Authorization": "Bearer art_REVOKED"}}`), editors.Stale, "revoked"},
		{"other arguments", fmt.Sprintf(ours, `{"command": "`+command+`", "args": ["--fast"]}`), editors.HandEdited, "args"},
		{"another program of our name", fmt.Sprintf(ours, `{"command": "python3", "args": ["server.py"], "env": {"KEY": "not-shown"}}`), editors.HandEdited, "args, command, env"},
		{"our program under another name", `{"mcpServers": {"runner": {"command": "/x/agentrun-mcp"}}}`, editors.Elsewhere, `"runner"`},
		{"a list in place of servers", `{"mcpServers": 7}`, editors.Unreadable, "mcpServers"},
		{"our name twice", fmt.Sprintf(`{"mcpServers": {"agentrun": %s, "agentrun": %s}}`, entry, entry), editors.Connected, ""},
		{"half a file", `{"mcpServers": {`, editors.Unreadable, ""},
		{"another root", `[]`, editors.Unreadable, "not an object"},
		{"other bytes", "\xff\xfe{\x00}\x00", editors.Unreadable, "UTF-8"},
		{"deep nesting", strings.Repeat("[", 100_000), editors.Unreadable, "deep"},
		{"deep nesting in disguise", "// ]\n" + strings.Repeat(`["]\"]", /* ] */ `, 100_000), editors.Unreadable, "deep"},
		{"what only looks deep", `{"mcpServers": {"x": {"command": "` + strings.Repeat("[", 100_000) + `"}},}`, editors.Found, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t, "cursor")
			h.put(t, "cursor", []byte(tc.text))
			st := h.look(t, "cursor")
			if st.State != tc.want || !strings.Contains(st.Detail, tc.detail) || strings.Contains(st.Detail, "not-shown") {
				t.Errorf("it is %s: %q, want %s with %q", st.State, st.Detail, tc.want, tc.detail)
			}
			h.unchanged(t, "cursor", []byte(tc.text))
		})
	}
}

// TestTheMarksOfAnEntry say how to take it out; those of an earlier version did not name the editor, and are known too.
func TestTheMarksOfAnEntry(t *testing.T) {
	const old = "# >>> agentrun (written by AgentRun Tray; to take it out: agentrunctl disconnect)"
	for _, id := range []editors.ID{"codex", "goose", "continue"} {
		h := newHome(t, id)
		connect(t, h, id)
		said := "agentrunctl disconnect " + string(id) + ")"
		text := strings.Replace(string(h.get(t, id)), "# >>> agentrun (written by AgentRun Tray; to take it out: "+said, old, 1)
		if !strings.Contains(text, old) {
			t.Errorf("%s: %q does not say %s", id, h.get(t, id), said)
		}
		h.put(t, id, []byte(text))
		if _, err := h.set.Disconnect(t.Context(), id, editors.Wish{}); err != nil || strings.Contains(string(h.get(t, id)), "agentrun") {
			t.Errorf("%s: %q becomes %q (%v), want nothing of ours left", id, text, h.get(t, id), err)
		}
	}
}

// TestAFileThatAProgramCannotChange can be read, by us and by its editor: the user is told what to write there, but for a secret.
func TestAFileThatAProgramCannotChange(t *testing.T) {
	h := newHome(t, "goose")
	text := []byte("extensions: {a: {b: 1}, agentrun: {cmd: /old/agentrun-mcp}}\n")
	h.put(t, "goose", text)
	for form, want := range map[editors.Form]string{editors.Stdio: "add agentrun there by hand, with the command " + command, editors.HTTP: "add agentrun there by hand"} {
		_, err := h.set.Connect(t.Context(), "goose", editors.Wish{Form: form, Force: true})
		if !errors.Is(err, editors.ErrShape) || errors.Is(err, editors.ErrUnreadable) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("Connect by %s = %v, want ErrShape that ends in %q", form, err, want)
		}
	}
	if _, err := h.set.Disconnect(t.Context(), "goose", editors.Wish{}); !errors.Is(err, editors.ErrShape) || !strings.HasSuffix(err.Error(), "take agentrun out by hand") {
		t.Errorf("Disconnect = %v, want ErrShape and what to do", err)
	}
	h.unchanged(t, "goose", text)
}

func TestAnEditorThatIsNotThereIsNotConnected(t *testing.T) {
	h := newHome(t)
	for _, st := range h.set.List() {
		if st.State != editors.NotFound || len(st.Files) > 0 {
			t.Errorf("in an empty home %s is %+v", st.ID, st)
		}
		if st.Route == editors.ByCard { // a text to paste is had all the same
			continue
		}
		if _, err := h.set.Connect(t.Context(), st.ID, editors.Wish{}); !errors.Is(err, editors.ErrNotFound) {
			t.Errorf("Connect(%s) = %v, want ErrNotFound", st.ID, err)
		}
	}
	if _, err := h.set.Connect(t.Context(), "emacs", editors.Wish{}); !errors.Is(err, editors.ErrUnknown) || !strings.Contains(err.Error(), "cursor") {
		t.Errorf("Connect(emacs) = %v, want ErrUnknown with the names that there are", err)
	}
	entries, err := os.ReadDir(h.dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("looking has made %v (%v)", entries, err)
	}
}

func TestAHandEditedEntryIsOnlyReplacedByForce(t *testing.T) {
	h := newHome(t, "cursor")
	text := []byte(`{"mcpServers": {"agentrun": {"command": "python3", "args": ["server.py"], "env": {"KEY": "mine"}}}}`)
	h.put(t, "cursor", text)
	if _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{}); !errors.Is(err, editors.ErrHandEdited) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("Connect = %v, want ErrHandEdited with what to do", err)
	}
	if _, err := h.set.Disconnect(t.Context(), "cursor", editors.Wish{}); !errors.Is(err, editors.ErrHandEdited) {
		t.Errorf("Disconnect = %v, want ErrHandEdited", err)
	}
	h.unchanged(t, "cursor", text)
	if _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{Force: true}); err != nil {
		t.Fatal(err)
	}
	if st := h.look(t, "cursor"); st.State != editors.Connected || bytes.Contains(h.get(t, "cursor"), []byte("mine")) {
		t.Errorf("after Connect by force it is %+v:\n%s", st, h.get(t, "cursor"))
	}
	if _, err := h.set.Undo(t.Context(), "cursor"); err != nil {
		t.Fatal(err)
	}
	h.unchanged(t, "cursor", text)
}

// TestWhatTheUserHasAddedToOurEntryStays: a change of form, or a mending, keeps what the user, or the editor for its user, has set there.
func TestWhatTheUserHasAddedToOurEntryStays(t *testing.T) {
	for _, tc := range []struct {
		id       editors.ID
		from, to string // what the user changes
		want     []string
	}{
		{
			"codex", "# <<< agentrun\n", "startup_timeout_sec = 20.5 # slow\n# <<< agentrun\n\n[other]\n\n[mcp_servers.agentrun.tools.run_code]\napproval_mode = \"approve\"\n",
			[]string{"startup_timeout_sec = 20.5\n", `tools = { run_code = { approval_mode = "approve" } }`, "[other]\n"},
		},
		{"goose", "timeout: 300", "timeout: 900\n    description: ''\n    available_tools:\n    - run_code", []string{"timeout: 900\n", `available_tools: ["run_code"]`}},
		{"continue", "# <<< agentrun", "  connectionTimeout: 5000\n  # <<< agentrun", []string{"connectionTimeout: 5000\n"}},
		{"kiro", `"autoApprove": []`, `"autoApprove": ["run_code"], "timeout": 7`, []string{`"autoApprove": ["run_code"]`, `"timeout": 7`}},
	} {
		t.Run(string(tc.id), func(t *testing.T) {
			h := newHome(t, tc.id)
			h.put(t, tc.id, goldenFile(t, tc.id, "realistic.before"))
			connect(t, h, tc.id)
			text := bytes.Replace(h.get(t, tc.id), []byte(tc.from), []byte(tc.to), 1)
			h.put(t, tc.id, text)
			check := func(what string) {
				t.Helper()
				for _, want := range tc.want {
					if got := h.get(t, tc.id); !bytes.Contains(got, []byte(want)) {
						t.Errorf("%s, %q is gone:\n%s", what, want, got)
					}
				}
			}
			for _, form := range []editors.Form{editors.HTTP, editors.Stdio} {
				if _, err := h.set.Connect(t.Context(), tc.id, editors.Wish{Form: form}); err != nil {
					t.Fatal(err)
				}
				check("connected by " + string(form))
			}
			h.put(t, tc.id, bytes.ReplaceAll(h.get(t, tc.id), []byte(command), []byte("/old/agentrun-mcp")))
			if st := h.look(t, tc.id); st.State != editors.Stale {
				t.Errorf("with an old path it is %+v", st)
			}
			connect(t, h, tc.id)
			check("mended")
		})
	}
}

// TestADryRunOfNothing: an editor that is connected by URL already gets the same token again.
func TestADryRunOfNothing(t *testing.T) {
	h := newHome(t, "cursor")
	wish := editors.Wish{Form: editors.HTTP, DryRun: true}
	if out, err := h.set.Connect(t.Context(), "cursor", wish); err != nil || len(out.Files) != 1 {
		t.Errorf("before, Connect dry = %+v, %v; want a change", out, err)
	}
	if _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{Form: editors.HTTP}); err != nil {
		t.Fatal(err)
	}
	if out, err := h.set.Connect(t.Context(), "cursor", wish); err != nil || len(out.Files) > 0 {
		t.Errorf("once connected, Connect dry = %+v, %v; want nothing to change", out, err)
	}
}

// TestAServerInTheTableOfOthers: Codex takes such too, and a table cannot be put among them.
func TestAServerInTheTableOfOthers(t *testing.T) {
	h := newHome(t, "codex")
	h.put(t, "codex", []byte("[mcp_servers]\na = { command = 'a' }\nagentrun = { command = '/old/agentrun-mcp', args = [] }\nz = { command = 'z' }\n"))
	connect(t, h, "codex")
	if _, err := h.set.Disconnect(t.Context(), "codex", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	h.unchanged(t, "codex", []byte("[mcp_servers]\na = { command = 'a' }\nz = { command = 'z' }\n"))
}

func TestAnEntryThatIsSwitchedOffIsTheUsersWish(t *testing.T) {
	h := newHome(t, "cline")
	connect(t, h, "cline")
	text := bytes.Replace(h.get(t, "cline"), []byte(`"disabled": false`), []byte(`"disabled": true`), 1)
	h.put(t, "cline", text)
	if st := h.look(t, "cline"); !st.Off || st.Lost || st.State != editors.HandEdited {
		t.Errorf("switched off, it is %+v", st)
	}
	if _, err := h.set.Connect(t.Context(), "cline", editors.Wish{}); !errors.Is(err, editors.ErrHandEdited) {
		t.Errorf("Connect = %v, want ErrHandEdited", err)
	}
	if _, err := h.set.Connect(t.Context(), "cline", editors.Wish{Force: true}); err != nil {
		t.Fatal(err)
	}
	if st := h.look(t, "cline"); st.State != editors.Connected {
		t.Errorf("after Connect by force it is %+v", st)
	}
}

func TestAServerUnderAnotherNameIsNotDoubled(t *testing.T) {
	h := newHome(t, "cursor")
	h.put(t, "cursor", []byte(`{"mcpServers": {"runner": {"command": "/x/agentrun-mcp"}}}`))
	if _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{}); !errors.Is(err, editors.ErrElsewhere) || !strings.Contains(err.Error(), `"runner"`) {
		t.Errorf("Connect = %v, want ErrElsewhere with the name", err)
	}
}

// TestAllPlacesOfAnEditorAreWritten: the product was renamed, and which file is read depends on the build.
func TestAllPlacesOfAnEditorAreWritten(t *testing.T) {
	h := newHome(t, "windsurf")
	legacy := filepath.Join(h.dir, ".codeium", "windsurf", "mcp_config.json")
	if err := os.MkdirAll(filepath.Dir(legacy), 0o700); err != nil {
		t.Fatal(err)
	}
	if out := connect(t, h, "windsurf"); len(out.Files) != 2 {
		t.Fatalf("Connect changed %+v, want both files", out.Files)
	}
	if err := os.Remove(legacy); err != nil {
		t.Fatal(err)
	}
	if st := h.look(t, "windsurf"); st.State != editors.Stale || !st.Lost || !strings.Contains(st.Detail, legacy) {
		t.Errorf("with one of two it is %+v", st)
	}
	connect(t, h, "windsurf")

	// One that cannot be read stops the change of the other.
	if err := os.WriteFile(legacy, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := h.get(t, "windsurf")
	if _, err := h.set.Disconnect(t.Context(), "windsurf", editors.Wish{}); !errors.Is(err, editors.ErrUnreadable) || !strings.Contains(err.Error(), legacy) {
		t.Errorf("Disconnect = %v, want ErrUnreadable with the file", err)
	}
	h.unchanged(t, "windsurf", before)
}

// TestAFileThatComesLaterDoesNotHideOurs: opencode reads both of its files.
func TestAFileThatComesLaterDoesNotHideOurs(t *testing.T) {
	h := newHome(t, "opencode")
	connect(t, h, "opencode")
	later := filepath.Join(filepath.Dir(h.file("opencode")), "opencode.jsonc")
	if err := os.WriteFile(later, []byte("{} // mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.set.Disconnect(t.Context(), "opencode", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	h.unchanged(t, "opencode", nil)
	if text, err := os.ReadFile(later); err != nil || string(text) != "{} // mine\n" {
		t.Errorf("the later file holds %q (%v)", text, err)
	}
}

// TestAntigravityIsConnectedWhereItsFileIs: its maker moved the file.
func TestAntigravityIsConnectedWhereItsFileIs(t *testing.T) {
	for _, there := range [][]string{{"antigravity"}, {"config"}, {"config", "antigravity"}} {
		h := newHome(t, "antigravity")
		for _, folder := range there {
			if err := os.MkdirAll(filepath.Join(h.dir, ".gemini", folder), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(h.dir, ".gemini", folder, "mcp_config.json"), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var changed []string
		for _, file := range connect(t, h, "antigravity").Files {
			changed = append(changed, filepath.Base(filepath.Dir(file.Path)))
		}
		if !slices.Equal(changed, there) {
			t.Errorf("with files in %v, those in %v were changed", there, changed)
		}
	}
}

// TestProgramsOfOthers: names that other programs have as well say nothing.
func TestProgramsOfOthers(t *testing.T) {
	h := newHome(t)
	for _, name := range []string{"q", "goose", "zed", "copilot"} {
		if err := os.MkdirAll(filepath.Join(h.dir, "bin", name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, st := range h.set.List() {
		if st.State != editors.NotFound {
			t.Errorf("%s is %s", st.ID, st.State)
		}
	}
}

func TestWhatChangedSinceIsNotUndone(t *testing.T) {
	h := newHome(t, "zed")
	original := goldenFile(t, "zed", "realistic.before")
	h.put(t, "zed", original)
	out := connect(t, h, "zed")
	edited := bytes.Replace(h.get(t, "zed"), []byte(`"buffer_font_size": 15`), []byte(`"buffer_font_size": 16`), 1)
	h.put(t, "zed", edited)
	if _, err := h.set.Undo(t.Context(), "zed"); !errors.Is(err, editors.ErrChanged) || !strings.Contains(err.Error(), out.Files[0].Copy) {
		t.Errorf("Undo = %v, want ErrChanged with the copy %s", err, out.Files[0].Copy)
	}
	h.unchanged(t, "zed", edited)
	if copied, err := os.ReadFile(out.Files[0].Copy); err != nil || !bytes.Equal(copied, original) {
		t.Errorf("the copy holds %q, %v", copied, err)
	}
	if info, err := os.Stat(out.Files[0].Copy); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy is %v (%v), want it for its owner alone", info.Mode(), err)
	}
	if _, err := h.set.Disconnect(t.Context(), "zed", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	h.unchanged(t, "zed", bytes.Replace(original, []byte(`"buffer_font_size": 15`), []byte(`"buffer_font_size": 16`), 1))
}

func TestTheLastChangesCanBeUndone(t *testing.T) {
	h := newHome(t, "cursor")
	original := goldenFile(t, "cursor", "realistic.before")
	h.put(t, "cursor", original)
	for range 12 {
		connect(t, h, "cursor")
		if _, err := h.set.Disconnect(t.Context(), "cursor", editors.Wish{}); err != nil {
			t.Fatal(err)
		}
	}
	undone := 0
	for {
		_, err := h.set.Undo(t.Context(), "cursor")
		if errors.Is(err, editors.ErrNoUndo) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		undone++
	}
	if undone != 10 {
		t.Errorf("%d changes could be undone, want the last 10", undone)
	}
	h.unchanged(t, "cursor", original)
	left, err := os.ReadDir(filepath.Join(h.opt.Folder, "cursor"))
	if err != nil || len(left) != 1 {
		t.Errorf("of the copies are left %v (%v), want only the journal", left, err)
	}
}

// TestAChangeThatWasCutShort: the change is written down, and then the power goes.
func TestAChangeThatWasCutShort(t *testing.T) {
	h := newHome(t, "cursor")
	original := goldenFile(t, "cursor", "realistic.before")
	h.put(t, "cursor", original)
	connect(t, h, "cursor")
	h.put(t, "cursor", original)
	if st := h.look(t, "cursor"); !st.Lost {
		t.Errorf("it is %+v, want it lost", st)
	}
	if _, err := h.set.Undo(t.Context(), "cursor"); !errors.Is(err, editors.ErrNoUndo) {
		t.Errorf("Undo = %v, want ErrNoUndo", err)
	}
	h.unchanged(t, "cursor", original)
}

func TestADamagedJournalStopsChanges(t *testing.T) {
	h := newHome(t, "cursor")
	connect(t, h, "cursor")
	journal := filepath.Join(h.opt.Folder, "cursor", "journal.json")
	if err := os.WriteFile(journal, []byte("["), 0o600); err != nil {
		t.Fatal(err)
	}
	before := h.get(t, "cursor")
	for name, change := range map[string]func() error{
		"Disconnect": func() error { _, err := h.set.Disconnect(t.Context(), "cursor", editors.Wish{}); return err },
		"Undo":       func() error { _, err := h.set.Undo(t.Context(), "cursor"); return err },
	} {
		if err := change(); err == nil || !strings.Contains(err.Error(), journal) || !strings.Contains(err.Error(), "move that file") {
			t.Errorf("%s = %v, want an error with the journal's name, and what to do", name, err)
		}
	}
	h.unchanged(t, "cursor", before)
	if err := os.Remove(journal); err != nil {
		t.Fatal(err)
	}
	if _, err := h.set.Disconnect(t.Context(), "cursor", editors.Wish{}); err != nil {
		t.Errorf("Disconnect without the journal = %v", err)
	}
}

func TestReadOnlyFilesAreLeftAlone(t *testing.T) {
	h := newHome(t, "cursor")
	h.put(t, "cursor", []byte("{}"))
	if err := os.Chmod(h.file("cursor"), 0o440); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(h.file("cursor"), 0o640) })
	_, err := h.set.Connect(t.Context(), "cursor", editors.Wish{})
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("Connect = %v, want an error that says read-only", err)
	}
	if text, err := os.ReadFile(h.file("cursor")); err != nil || string(text) != "{}" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if _, err := h.set.Undo(t.Context(), "cursor"); !errors.Is(err, editors.ErrNoUndo) {
		t.Errorf("Undo = %v, want ErrNoUndo: nothing was changed", err)
	}
}

func TestASymbolicLinkStaysOne(t *testing.T) {
	h := newHome(t, "zed")
	dotfiles := filepath.Join(h.dir, "dotfiles", "zed.json")
	if err := os.MkdirAll(filepath.Dir(dotfiles), 0o700); err != nil {
		t.Fatal(err)
	}
	original := goldenFile(t, "zed", "realistic.before")
	for _, there := range []bool{true, false} {
		if there {
			if err := os.WriteFile(dotfiles, original, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		_ = os.Remove(h.file("zed"))
		if err := os.Symlink(filepath.Join("..", "..", "dotfiles", "zed.json"), h.file("zed")); err != nil {
			t.Fatal(err)
		}
		connect(t, h, "zed")
		if text, err := os.ReadFile(dotfiles); err != nil || !bytes.Contains(text, []byte("agentrun")) {
			t.Errorf("behind the link is %q, %v", text, err)
		}
		if _, err := h.set.Disconnect(t.Context(), "zed", editors.Wish{}); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(h.file("zed")); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link became %v (%v)", info, err)
		}
		text, err := os.ReadFile(dotfiles)
		if there && !bytes.Equal(text, original) || !there && !os.IsNotExist(err) {
			t.Errorf("behind the link is %q, %v", text, err)
		}
		_ = os.Remove(dotfiles)
	}
}

func TestFoldersThatWereMadeGoAgain(t *testing.T) {
	h := newHome(t, "junie")
	connect(t, h, "junie")
	if _, err := h.set.Disconnect(t.Context(), "junie", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(h.file("junie"))); !os.IsNotExist(err) {
		t.Errorf("the folder that was made for the file is still there (%v)", err)
	}
	if _, err := os.Stat(filepath.Join(h.dir, ".junie")); err != nil {
		t.Errorf("the editor's own folder is gone: %v", err)
	}
	connect(t, h, "junie")
	other := filepath.Join(filepath.Dir(h.file("junie")), "other")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.set.Undo(t.Context(), "junie"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("somebody else's file is gone: %v", err)
	}
}

func TestAFolderInPlaceOfAFile(t *testing.T) {
	h := newHome(t, "cursor")
	if err := os.MkdirAll(filepath.Join(h.file("cursor"), "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{}); !errors.Is(err, editors.ErrUnreadable) || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("Connect = %v", err)
	}
}

// TestProcessesAtOnce connects and disconnects every editor from several processes' view at a time: each has a Set of its own, as the
// tray and the command line have.
func TestProcessesAtOnce(t *testing.T) {
	ids := []editors.ID{"cursor", "zed", "codex", "goose"}
	h := newHome(t, ids...)
	for _, id := range ids {
		h.put(t, id, goldenFile(t, id, "realistic.before"))
	}
	var wg sync.WaitGroup
	for n := range 6 {
		set, err := editors.New(h.opt)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 5 {
				for _, id := range ids {
					var err error
					if n%2 == 0 {
						_, err = set.Connect(t.Context(), id, editors.Wish{})
					} else {
						_, err = set.Disconnect(t.Context(), id, editors.Wish{})
					}
					if err != nil {
						t.Errorf("process %d, %s: %v", n, id, err)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if _, err := h.set.Disconnect(t.Context(), id, editors.Wish{}); err != nil {
			t.Error(err)
		}
		h.unchanged(t, id, goldenFile(t, id, "realistic.before"))
	}
}

// TestTwoRealProcesses is the same with processes that share nothing but files.
func TestTwoRealProcesses(t *testing.T) {
	if home := os.Getenv("EDITORS_TEST_HOME"); home != "" { // the child
		h := &home2{dir: home}
		h.work(t)
		return
	}
	h := newHome(t, "cursor")
	original := goldenFile(t, "cursor", "realistic.before")
	h.put(t, "cursor", original)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTwoRealProcesses$")
			cmd.Env = append(os.Environ(), "EDITORS_TEST_HOME="+h.dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	h.unchanged(t, "cursor", original)
}

// home2 is a home as another process finds it.
type home2 struct{ dir string }

func (h *home2) work(t *testing.T) {
	set, err := editors.New(editors.Options{
		System: editors.System{GOOS: "linux", Getenv: func(name string) string { return map[string]string{"HOME": h.dir}[name] }},
		Folder: filepath.Join(h.dir, "ours", "editors"), Command: command,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := set.Connect(t.Context(), "cursor", editors.Wish{}); err != nil {
			t.Fatal(err)
		}
		if _, err := set.Disconnect(t.Context(), "cursor", editors.Wish{}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnEditorThatWritesAtTheSameTime: it knows nothing of our lock. What it has written last is there in the end, or our entry with it.
func TestAnEditorThatWritesAtTheSameTime(t *testing.T) {
	h := newHome(t, "cursor")
	h.put(t, "cursor", []byte(`{"mcpServers": {"n": {"command": "0"}}}`))
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ { // it reads, changes, and renames over, as editors do
			text, err := os.ReadFile(h.file("cursor"))
			if err != nil {
				t.Errorf("read: %v", err)
				return
			}
			var settings map[string]map[string]map[string]any
			if err := json.Unmarshal(text, &settings); err != nil {
				t.Errorf("an editor reads %q: %v", text, err)
				return
			}
			settings["mcpServers"]["n"]["command"] = fmt.Sprint(n)
			text, _ = json.Marshal(settings)
			if err := os.WriteFile(h.file("cursor")+".new", text, 0o640); err == nil {
				_ = os.Rename(h.file("cursor")+".new", h.file("cursor"))
			}
		}
	})
	failed := 0
	for range 40 {
		if _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{}); err != nil && !strings.Contains(err.Error(), "changes all the time") {
			t.Fatal(err)
		} else if err != nil {
			failed++
		}
		if _, err := h.set.Disconnect(t.Context(), "cursor", editors.Wish{}); err != nil && !strings.Contains(err.Error(), "changes all the time") {
			t.Fatal(err)
		} else if err != nil {
			failed++
		}
	}
	stop()
	wg.Wait()
	t.Logf("%d of 80 changes were given up", failed)
	connect(t, h, "cursor")
	if !bytes.Contains(h.get(t, "cursor"), []byte(`"n"`)) {
		t.Errorf("the editor's own server is lost:\n%s", h.get(t, "cursor"))
	}
}

func TestLinks(t *testing.T) {
	h := newHome(t)
	for id, sign := range map[editors.ID]string{"qoder": ".qoder", "cherry-studio": ".config/CherryStudio"} {
		if err := os.MkdirAll(filepath.Join(h.dir, sign), 0o700); err != nil {
			t.Fatal(err)
		}
		if st := h.look(t, id); st.Route != editors.ByLink || st.State != editors.Found {
			t.Errorf("%s is %+v, want a link", id, st)
		}
		out := connect(t, h, id)
		u, err := url.Parse(out.Link)
		if err != nil || strings.ContainsAny(out.Link, ` "'+$`+"`") {
			t.Fatalf("the link of %s is %q, %v", id, out.Link, err)
		}
		text := decode(t, u.Query().Get("config")+u.Query().Get("servers"))
		if id == "qoder" {
			if text, err = url.PathUnescape(text); err != nil {
				t.Fatal(err)
			}
		}
		want := map[editors.ID]string{
			"qoder":         `{"command":"` + command + `","args":[]}`,
			"cherry-studio": `{"mcpServers":{"agentrun":{"name":"agentrun","type":"stdio","command":"` + command + `","args":[]}}}`,
		}[id]
		if text != want {
			t.Errorf("the link of %s says %s, want %s", id, text, want)
		}
		if out, err := h.set.Disconnect(t.Context(), id, editors.Wish{}); err != nil || out.Note() == "" {
			t.Errorf("Disconnect(%s) = %+v, %v; want words about what to do", id, out, err)
		}
		if _, err := h.set.Connect(t.Context(), id, editors.Wish{Form: editors.HTTP}); !errors.Is(err, editors.ErrForm) {
			t.Errorf("Connect(%s) by URL = %v; a token does not belong in a link", id, err)
		}
	}
}

// TestCard: a text to paste is had wherever the editor is.
func TestCard(t *testing.T) {
	h := newHome(t)
	var card map[string]map[string]map[string]any
	out := connect(t, h, "jetbrains-ai")
	if err := json.Unmarshal([]byte(out.Card), &card); err != nil || card["mcpServers"]["agentrun"]["command"] != command {
		t.Errorf("the card is %q, %v", out.Card, err)
	}
}

func TestPathsThatAnEditorCannotStart(t *testing.T) {
	for id, command := range map[editors.ID]string{
		"trae": "/home/a b/agentrun-mcp", "crush": "/home/$x/agentrun-mcp", "gemini": "/home/$x/agentrun-mcp", "qwen": "/home/$x/agentrun-mcp",
	} {
		h := newHome(t, id)
		h.opt.Command = command
		h.open(t)
		if _, err := h.set.Connect(t.Context(), id, editors.Wish{}); !errors.Is(err, editors.ErrForm) || !strings.Contains(err.Error(), "--http") {
			t.Errorf("Connect(%s) with %s = %v, want ErrForm with the way out", id, command, err)
		}
	}
}

func decode(t *testing.T, text string) string {
	t.Helper()
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return string(plain)
}

// TestOldSettingsOfContinueStayInUse: a config.yaml would take the place of the config.json in which they are.
func TestOldSettingsOfContinueStayInUse(t *testing.T) {
	h := newHome(t, "continue")
	old := filepath.Join(h.dir, ".continue", "config.json")
	if err := os.WriteFile(old, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.set.Connect(t.Context(), "continue", editors.Wish{}); !errors.Is(err, editors.ErrForm) || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("Connect = %v, want ErrForm with the reason", err)
	}
	h.put(t, "continue", goldenFile(t, "continue", "realistic.before"))
	connect(t, h, "continue")
}

// TestTheFormIsRememberedOfAnEditorThatHasDroppedUs, so that it is mended as it was connected.
func TestTheFormIsRememberedOfAnEditorThatHasDroppedUs(t *testing.T) {
	for _, form := range []editors.Form{editors.Stdio, editors.HTTP, editors.Socket} {
		h := newHome(t, "vscode")
		connect(t, h, "vscode") // before, in the usual form
		if _, err := h.set.Connect(t.Context(), "vscode", editors.Wish{Form: form}); err != nil {
			t.Fatal(err)
		}
		if st := h.look(t, "vscode"); st.Was != "" || st.LastForm() != form {
			t.Errorf("connected by %s, it is %+v", form, st)
		}
		h.put(t, "vscode", []byte("{}"))
		if st := h.look(t, "vscode"); !st.Lost || st.Form != "" || st.LastForm() != form {
			t.Errorf("connected by %s and dropped, it is %+v", form, st)
		}
		if err := h.set.Release(t.Context(), "vscode"); err != nil {
			t.Fatal(err)
		}
		if st := h.look(t, "vscode"); st.LastForm() != "" {
			t.Errorf("released, it is %+v", st)
		}
	}
}
