package editors_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

const (
	command = "/home/u/.local/share/agentrun-tray/bin/agentrun-mcp"
	address = "http://127.0.0.1:7411/mcp"
	token   = "art_FAKETOKENFORTESTS"
)

// place is where each editor that has a settings file keeps it on Linux, below the home folder. What stands before the mark | is
// what has to be there for the editor to be found, or to use this file.
var place = map[editors.ID]string{
	"claude-desktop":  ".config/Claude|/claude_desktop_config.json",
	"claude-code":     ".claude|/../.claude.json",
	"cursor":          ".cursor|/mcp.json",
	"vscode":          ".config/Code/User|/mcp.json",
	"vscode-insiders": ".config/Code - Insiders/User|/mcp.json",
	"windsurf":        ".config/devin|/mcp_config.json",
	"zed":             ".config/zed|/settings.json",
	"cline":           ".config/Code/User/globalStorage/saoudrizwan.claude-dev|/settings/cline_mcp_settings.json",
	"continue":        ".continue|/config.yaml",
	"gemini":          "bin/gemini|/../../.gemini/settings.json",
	"codex":           ".codex|/config.toml",
	"junie":           ".junie|/mcp/mcp.json",
	"goose":           ".config/goose|/config.yaml",
	"lm-studio":       ".lmstudio|/mcp.json",
	"opencode":        ".config/opencode|/opencode.json",
	"amazon-q":        ".aws/amazonq|/mcp.json",
	"kiro":            ".kiro|/settings/mcp.json",
	"trae":            ".config/Trae/User|/mcp.json",
	"trae-cn":         ".config/Trae CN/User|/mcp.json",
	"qwen":            ".qwen|/settings.json",
	"lingma":          ".lingma|/lingma_mcp.json",
	"qoder":           ".qoder|/mcp.json",
	"warp":            ".warp|/.mcp.json",
	"crush":           ".config/crush|/crush.json",
	"antigravity":     ".gemini/antigravity|/../config/mcp_config.json",
	"copilot-cli":     ".copilot|/mcp-config.json",
	"roo-code":        ".config/Code/User/globalStorage/rooveterinaryinc.roo-cline|/settings/mcp_settings.json",
}

// home is a user's home folder with one editor in it.
type home struct {
	dir string
	opt editors.Options
	set *editors.Set
}

func newHome(t testing.TB, ids ...editors.ID) *home {
	t.Helper()
	h := &home{dir: t.TempDir()}
	for _, id := range ids {
		sign, _, _ := strings.Cut(place[id], "|")
		if sign == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Join(h.dir, sign), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h.opt = editors.Options{
		System: editors.System{GOOS: "linux", Getenv: func(name string) string {
			return map[string]string{"HOME": h.dir, "PATH": filepath.Join(h.dir, "bin")}[name]
		}},
		Folder: filepath.Join(h.dir, "ours", "editors"), Command: command, URL: address, Socket: "/run/user/1000/agentrun-tray/host.sock",
		Token:      func(string) (string, error) { return token, nil },
		KnowsToken: func(text string) bool { return text == token },
		Environ:    []string{"HOME=" + h.dir, "PATH=" + os.Getenv("PATH")},
	}
	h.open(t)
	return h
}

// open makes the set anew, for options that were changed.
func (h *home) open(t testing.TB) {
	t.Helper()
	var err error
	if h.set, err = editors.New(h.opt); err != nil {
		t.Fatal(err)
	}
}

func (h *home) file(id editors.ID) string {
	return filepath.Join(h.dir, strings.Replace(place[id], "|", "", 1))
}

// put writes the editor's settings file; nil means that there is none.
func (h *home) put(t testing.TB, id editors.ID, text []byte) {
	t.Helper()
	if text == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(h.file(id)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.file(id), text, 0o640); err != nil {
		t.Fatal(err)
	}
}

// get reads it; nil means that there is none.
func (h *home) get(t testing.TB, id editors.ID) []byte {
	t.Helper()
	text, err := os.ReadFile(h.file(id))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(h.file(id))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o640 && mode != 0o600 {
		t.Errorf("%s has the mode %v, want that it had, or one for its owner alone", h.file(id), mode)
	}
	if text == nil {
		text = []byte{}
	}
	return text
}

func (h *home) look(t testing.TB, id editors.ID) editors.Status {
	t.Helper()
	st, err := h.set.Look(id)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func (h *home) unchanged(t testing.TB, id editors.ID, want []byte) {
	t.Helper()
	if got := h.get(t, id); !reflect.DeepEqual(got, want) {
		t.Errorf("%s holds\n%q\nwant\n%q", h.file(id), got, want)
	}
}

// noTrace checks that nothing of ours is in the home folder but our own folder.
func (h *home) noTrace(t testing.TB, id editors.ID) {
	t.Helper()
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(h.dir, "ours") {
			return filepath.SkipDir
		}
		if strings.Contains(path, ".unfinished-") || strings.Contains(path, "agentrun") {
			t.Errorf("%s was left behind", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fakeSystem is a computer with everything installed, or with nothing.
func fakeSystem(goos string, all bool) editors.System {
	env := map[string]string{"HOME": "/home/u", "PATH": "/usr/bin"}
	switch goos {
	case "darwin":
		env["HOME"] = "/Users/u"
	case "windows":
		env = map[string]string{"USERPROFILE": `C:\Users\u`, "APPDATA": `C:\Users\u\AppData\Roaming`, "LOCALAPPDATA": `C:\Users\u\AppData\Local`}
	}
	return editors.System{
		GOOS: goos, Getenv: func(name string) string { return env[name] },
		Exists: func(string) bool { return all },
		Glob: func(pattern string) []string {
			if !all {
				return nil
			}
			return []string{strings.Replace(pattern, "*", "pzs8sxrjxfjjc", 1)}
		},
		Read: func(string) ([]byte, error) { return nil, fs.ErrNotExist },
	}
}
