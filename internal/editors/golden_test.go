package editors_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The cases of each editor's folder in testdata. NAME.before is its settings file; without one there is none.
var cases = []string{"absent", "empty", "realistic", "stale", "broken"}

// TestGolden connects every editor and takes it out again. What comes of each settings file is in testdata, byte for byte.
func TestGolden(t *testing.T) {
	for _, id := range editors.IDs() {
		if _, byFile := place[id]; !byFile {
			continue
		}
		for _, name := range cases {
			t.Run(string(id)+"/"+name, func(t *testing.T) { golden(t, id, name) })
		}
	}
}

func golden(t *testing.T, id editors.ID, name string) {
	t.Parallel()
	h := newHome(t, id)
	before := goldenFile(t, id, name+".before")
	h.put(t, id, before)
	if name == "absent" && id == "qoder" {
		return // connected by a link; see TestLinks
	}
	status := h.look(t, id)
	wantState := map[string]editors.State{"stale": editors.Stale, "broken": editors.Unreadable}[name]
	if wantState == "" {
		wantState = editors.Found
	}
	if status.State != wantState {
		t.Errorf("before, %s is %s (%s), want %s", id, status.State, status.Detail, wantState)
	}
	if id == "roo-code" {
		h.goldenRetired(t, name)
		return
	}
	dry, dryErr := h.set.Connect(t.Context(), id, editors.Wish{DryRun: true})
	h.unchanged(t, id, before)
	out, err := h.set.Connect(t.Context(), id, editors.Wish{})
	if name == "broken" {
		if !errors.Is(err, editors.ErrUnreadable) || !errors.Is(dryErr, editors.ErrUnreadable) {
			t.Errorf("Connect with a broken file = %v, and dry %v; want ErrUnreadable", err, dryErr)
		}
		h.unchanged(t, id, before)
		if _, err := h.set.Disconnect(t.Context(), id, editors.Wish{}); !errors.Is(err, editors.ErrUnreadable) {
			t.Errorf("Disconnect with a broken file = %v, want ErrUnreadable", err)
		}
		h.unchanged(t, id, before)
		return
	}
	if err != nil || dryErr != nil {
		t.Fatalf("Connect = %v, and dry %v", err, dryErr)
	}
	connected := h.get(t, id)
	compare(t, id, name+".connected", connected)
	if len(out.Files) != 1 || len(dry.Files) != 1 || out.Files[0].Diff != dry.Files[0].Diff {
		t.Errorf("Connect says %+v, and dry %+v; want the same diff of one file", out.Files, dry.Files)
	}
	if st := h.look(t, id); st.State != editors.Connected || st.Form != editors.Stdio || st.Lost {
		t.Errorf("after Connect, %s is %+v", id, st)
	}
	if again, err := h.set.Connect(t.Context(), id, editors.Wish{}); err != nil || len(again.Files) > 0 {
		t.Errorf("Connect again = %+v, %v; want nothing to do", again, err)
	}
	h.unchanged(t, id, connected)

	// Without the copies only the entry itself can be taken out, and of a file with other servers that leaves what there was as well.
	bare := newHome(t, id)
	bare.put(t, id, connected)
	if _, err := bare.set.Disconnect(t.Context(), id, editors.Wish{}); err != nil {
		t.Fatalf("Disconnect without copies = %v", err)
	}
	compare(t, id, name+".removed", bare.get(t, id))
	if name == "realistic" {
		bare.unchanged(t, id, before)
	}

	if _, err := h.set.Disconnect(t.Context(), id, editors.Wish{}); err != nil {
		t.Fatalf("Disconnect = %v", err)
	}
	if name == "stale" {
		if got := h.get(t, id); !bytes.Equal(got, bare.get(t, id)) {
			t.Errorf("Disconnect leaves\n%s\nwant the same as without copies", got)
		}
	} else {
		h.unchanged(t, id, before)
	}
	if st := h.look(t, id); st.State != editors.Found || st.Lost {
		t.Errorf("after Disconnect, %s is %+v", id, st)
	}
	h.noTrace(t, id)

	for _, want := range [][]byte{connected, before} {
		if _, err := h.set.Undo(t.Context(), id); err != nil {
			t.Fatalf("Undo = %v", err)
		}
		h.unchanged(t, id, want)
	}
	if _, err := h.set.Undo(t.Context(), id); !errors.Is(err, editors.ErrNoUndo) {
		t.Errorf("Undo of nothing = %v, want ErrNoUndo", err)
	}
}

// goldenRetired: an editor that is no longer made is only disconnected.
func (h *home) goldenRetired(t *testing.T, name string) {
	t.Helper()
	if _, err := h.set.Connect(t.Context(), "roo-code", editors.Wish{}); !errors.Is(err, editors.ErrForm) {
		t.Errorf("Connect = %v, want ErrForm", err)
	}
	if _, err := h.set.Disconnect(t.Context(), "roo-code", editors.Wish{}); (err != nil) != (name == "broken") {
		t.Errorf("Disconnect = %v", err)
	}
	compare(t, "roo-code", name+".removed", h.get(t, "roo-code"))
}

// TestGoldenByURL is the same for entries with an address.
func TestGoldenByURL(t *testing.T) {
	for _, id := range editors.IDs() {
		forms := newHome(t, id).look(t, id).Forms
		for _, form := range []editors.Form{editors.HTTP, editors.Socket} {
			if !slices.Contains(forms, form) || id == "qoder" && form == editors.HTTP {
				continue
			}
			t.Run(string(id)+"/"+string(form), func(t *testing.T) {
				t.Parallel()
				h := newHome(t, id)
				before := goldenFile(t, id, "realistic.before")
				h.put(t, id, before)
				out, err := h.set.Connect(t.Context(), id, editors.Wish{Form: form})
				if err != nil {
					t.Fatal(err)
				}
				compare(t, id, "realistic."+string(form), h.get(t, id))
				if strings.Contains(out.Files[0].Diff, token) {
					t.Errorf("the diff shows the token:\n%s", out.Files[0].Diff)
				}
				if st := h.look(t, id); st.State != editors.Connected || st.Form != form {
					t.Errorf("after Connect it is %+v", st)
				}
				// to the other form and back: nothing of the old one stays
				if _, err := h.set.Connect(t.Context(), id, editors.Wish{}); err != nil {
					t.Fatalf("Connect as %s = %v", editors.Stdio, err)
				}
				if st := h.look(t, id); st.State != editors.Connected || st.Form != editors.Stdio {
					t.Errorf("after Connect as %s it is %+v", editors.Stdio, st)
				}
				if bytes.Contains(h.get(t, id), []byte(token)) || bytes.Contains(h.get(t, id), []byte("7411")) {
					t.Errorf("the address is still there:\n%s", h.get(t, id))
				}
				if _, err := h.set.Disconnect(t.Context(), id, editors.Wish{}); err != nil {
					t.Fatalf("Disconnect = %v", err)
				}
				h.unchanged(t, id, before)
			})
		}
	}
}

// TestPathsOfAllSystems says which files are written on each system, with everything installed and with nothing.
func TestPathsOfAllSystems(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		t.Run(goos, func(t *testing.T) {
			var b strings.Builder
			for _, all := range []bool{true, false} {
				b.WriteString(map[bool]string{true: "# everything is there\n", false: "\n# nothing is there\n"}[all])
				sys := fakeSystem(goos, all)
				for _, id := range editors.IDs() {
					b.WriteString(string(id) + "\n")
					for _, file := range editors.Files(t, sys, id) {
						b.WriteString("  " + file + "\n")
					}
				}
			}
			compare(t, "", "paths-"+goos+".txt", []byte(b.String()))
		})
	}
}

// TestVariablesMoveFiles: a test, and a user, can point every place somewhere else.
func TestVariablesMoveFiles(t *testing.T) {
	for _, tc := range []struct {
		goos, variable, value string
		id                    editors.ID
		want                  string
	}{
		{"linux", "XDG_CONFIG_HOME", "/x", "vscode", "/x/Code/User/mcp.json"},
		{"linux", "XDG_CONFIG_HOME", "/x", "zed", "/x/zed/settings.json"},
		{"linux", "XDG_CONFIG_HOME", "relative", "zed", "/home/u/.config/zed/settings.json"},
		{"linux", "FLATPAK_XDG_CONFIG_HOME", "/f", "zed", "/f/zed/settings.json"},
		{"linux", "CLAUDE_CONFIG_DIR", "/c", "claude-code", "/c/.claude.json"},
		{"linux", "CODEX_HOME", "/c", "codex", "/c/config.toml"},
		{"linux", "COPILOT_HOME", "/c", "copilot-cli", "/c/mcp-config.json"},
		{"linux", "CLINE_DIR", "/c", "cline", "/c/data/settings/cline_mcp_settings.json"},
		{"windows", "APPDATA", `D:\R`, "vscode", `D:\R\Code\User\mcp.json`},
		{"windows", "LOCALAPPDATA", `D:\L`, "crush", `D:\L\crush\crush.json`},
		{"windows", "CODEX_HOME", `D:/codex`, "codex", `D:\codex\config.toml`},
	} {
		sys := fakeSystem(tc.goos, true)
		getenv := sys.Getenv
		sys.Getenv = func(name string) string {
			if name == tc.variable {
				return tc.value
			}
			return getenv(name)
		}
		if got := editors.Files(t, sys, tc.id); !slices.Contains(got, tc.want) {
			t.Errorf("%s with %s=%s on %s has %v, want %s", tc.id, tc.variable, tc.value, tc.goos, got, tc.want)
		}
	}
}

func TestLMStudioFollowsItsPointer(t *testing.T) {
	h := newHome(t, "lm-studio")
	moved := filepath.Join(h.dir, "elsewhere")
	if err := os.WriteFile(filepath.Join(h.dir, ".lmstudio-home-pointer"), []byte(moved+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := h.set.Connect(t.Context(), "lm-studio", editors.Wish{})
	if err != nil || len(out.Files) != 1 || out.Files[0].Path != filepath.Join(moved, "mcp.json") {
		t.Errorf("Connect = %+v, %v; want the file in %s", out, err, moved)
	}
}

// compare checks what came of a change against its golden file.
func compare(t *testing.T, id editors.ID, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", string(id), name)
	if *update {
		if got == nil {
			if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := goldenFile(t, id, name); !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n%s\nwant (go test -update writes it anew)\n%s", name, got, want)
	}
}

// goldenFile is a file of testdata; nil if it is not there.
func goldenFile(t *testing.T, id editors.ID, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", string(id), name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return text
}
