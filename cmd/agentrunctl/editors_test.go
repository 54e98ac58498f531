package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
)

// editorsHome is a home folder with Cursor and VS Code in it. No host can disturb: the address is off, and code is not run.
func editorsHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for variable, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": "", "PATH": "/usr/bin:/bin", "AGENTRUN_TRAY_HOME": filepath.Join(home, "tray"),
		"CLAUDE_CONFIG_DIR": "", "CODEX_HOME": "", "COPILOT_HOME": "", "CLINE_DIR": "", "FLATPAK_XDG_CONFIG_HOME": "",
	} {
		t.Setenv(variable, value)
	}
	for _, dir := range []string{".cursor", ".config/Code/User", "tray/config"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	settings := `{"backend": "mock", "http": {"enabled": true, "port": 7411}}`
	if err := os.WriteFile(filepath.Join(home, "tray", "config", "settings.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestMisuseOfEditorCommands(t *testing.T) {
	editorsHome(t)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"connect"}, "say which editor"},
		{[]string{"connect", "emacs"}, `no editor "emacs"`},
		{[]string{"connect", "cursor", "--all"}, "not both"},
		{[]string{"disconnect"}, "say which editor"},
		{[]string{"undo"}, "say which editor"},
		{[]string{"undo", "cursor", "zed"}, "one word too many"},
		{[]string{"doctor", "emacs"}, `no editor "emacs"`},
		{[]string{"editors", "cursor"}, "one word too many"},
	} {
		_, _, err := cli(t, tc.args...)
		if _, ok := errors.AsType[*usageError](err); !ok || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("agentrunctl %v = %v, want a usage error with %q", tc.args, err, tc.want)
		}
	}
}

func TestEditorsByURL(t *testing.T) {
	home := editorsHome(t)
	out, _, err := cli(t, "editors")
	if err != nil || !strings.Contains(out, "cursor  Cursor   not connected  "+filepath.Join(home, ".cursor/mcp.json")) || !strings.Contains(out, "Not found: claude-desktop ") {
		t.Errorf("editors = %q, %v", out, err)
	}
	out, _, err = cli(t, "connect", "cursor", "vscode", "--http", "--dry-run")
	if err != nil || !strings.Contains(out, "Cursor would be connected") || !strings.Contains(out, `+      "url": "http://127.0.0.1:7411/mcp"`) || !strings.Contains(out, "unix://"+home) {
		t.Errorf("connect --dry-run = %q, %v", out, err)
	}
	if list, _, err := cli(t, "token"); err != nil || strings.Contains(list, "cursor") {
		t.Errorf("a dry run has made a token: %q, %v", list, err)
	}
	out, _, err = cli(t, "connect", "--all", "--http")
	if err != nil || !strings.Contains(out, "Cursor is connected.") || !strings.Contains(out, "VS Code is connected.") || strings.Contains(out, "art_") {
		t.Errorf("connect --all --http = %q, %v", out, err)
	}
	token, _, err := cli(t, "token", "cursor")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(home, ".cursor", "mcp.json"))
	if err != nil || !strings.Contains(string(text), "Bearer "+strings.TrimSpace(token)) {
		t.Errorf("Cursor's settings hold %q (%v), want the token %s", text, err, token)
	}
	if out, _, err := cli(t, "connect", "--all", "--http"); err != nil || out != "Every editor that was found is connected.\n" {
		t.Errorf("connect --all again = %q, %v", out, err)
	}
	out, _, err = cli(t, "editors", "--json")
	var list []editors.Status
	if err2 := json.Unmarshal([]byte(out), &list); err != nil || err2 != nil || len(list) != len(editors.IDs()) {
		t.Fatalf("editors --json = %q, %v, %v", out, err, err2)
	}
	if out, _, err := cli(t, "token", "cursor", "--revoke"); err != nil {
		t.Errorf("token --revoke = %q, %v", out, err)
	}
	if out, _, err := cli(t, "editors"); err != nil || !strings.Contains(out, "out of date: its token was revoked") || !strings.Contains(out, "connected by socket") || !strings.Contains(out, "agentrunctl connect --http cursor") {
		t.Errorf("editors with a revoked token = %q, %v", out, err)
	}
	out, _, err = cli(t, "disconnect", "--all")
	if err != nil || !strings.Contains(out, "Cursor is disconnected.") || !strings.Contains(out, "agentrunctl token cursor --revoke") {
		t.Errorf("disconnect --all = %q, %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(home, ".cursor", "mcp.json")); !os.IsNotExist(err) {
		t.Errorf("the file that was made is still there (%v)", err)
	}
	if out, _, err := cli(t, "disconnect", "--all"); err != nil || out != "No editor is connected.\n" {
		t.Errorf("disconnect --all again = %q, %v", out, err)
	}
	if out, _, err := cli(t, "undo", "cursor"); err != nil || !strings.Contains(out, "is again as it was") || strings.Contains(out, "art_"+"F") || strings.Contains(out, "--revoke") {
		t.Errorf("undo of disconnecting = %q, %v", out, err)
	}
	if out, _, err := cli(t, "undo", "cursor"); err != nil || !strings.Contains(out, "agentrunctl token cursor --revoke") {
		t.Errorf("undo of connecting by URL = %q, %v; want to be told of the token", out, err)
	}
}

func TestALostEditorIsMendedOrLeftSo(t *testing.T) {
	home := editorsHome(t)
	file := filepath.Join(home, ".cursor", "mcp.json")
	drop := func() {
		t.Helper()
		if _, _, err := cli(t, "connect", "cursor", "--http"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, _, err := cli(t, "editors"); err != nil || !strings.Contains(out, "agentrunctl connect --http cursor\n") {
			t.Errorf("editors with a lost one = %q, %v", out, err)
		}
	}
	drop()
	drop() // connected again in between
	if _, _, err := cli(t, "disconnect", "cursor", "--keep", "--dry-run"); err == nil || !strings.Contains(err.Error(), "not both") {
		t.Errorf("disconnect --keep --dry-run = %v", err)
	}
	if out, _, err := cli(t, "disconnect", "cursor", "--keep"); err != nil || out != "cursor is left as it is.\n" {
		t.Errorf("disconnect --keep = %q, %v", out, err)
	}
	if out, _, err := cli(t, "editors"); err != nil || strings.Contains(out, "mend") {
		t.Errorf("editors with one that is left so = %q, %v", out, err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "{}" {
		t.Errorf("its settings are %q, %v, want them left alone", text, err)
	}
}

// TestWhatIsSaidToMendAnEditorMendsIt: where our entry was changed by hand, and where the file cannot be read, connect alone refuses.
func TestWhatIsSaidToMendAnEditorMendsIt(t *testing.T) {
	home := editorsHome(t)
	file := filepath.Join(home, ".cursor", "mcp.json")
	if _, _, err := cli(t, "connect", "cursor", "--http"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ text, want string }{
		{strings.Replace(string(text), `"headers": {`, `"headers": {"X-Mine": "1",`, 1), "agentrunctl connect cursor --force --http; "},
		{"{", "agentrunctl doctor cursor\n"},
	} {
		if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, _, err := cli(t, "editors"); err != nil || !strings.Contains(out, tc.want) || strings.Contains(out, "mend") {
			t.Errorf("editors with the settings %s = %q, %v; want %q in it", tc.text, out, err, tc.want)
		}
	}
}

// TestDisconnectAllLetsTheLostOnesBe: that they have lost our entry is no reason to go on about it.
func TestDisconnectAllLetsTheLostOnesBe(t *testing.T) {
	home := editorsHome(t)
	file := filepath.Join(home, ".cursor", "mcp.json")
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"disconnect", "--all"}, "Cursor is disconnected already.\n"},
		{[]string{"disconnect", "--all", "--keep"}, "cursor is left as it is.\n"},
	} {
		if _, _, err := cli(t, "connect", "cursor", "--http"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, _, err := cli(t, tc.args...); err != nil || !strings.HasPrefix(out, tc.want) {
			t.Errorf("agentrunctl %v = %q, %v; want %q", tc.args, out, err, tc.want)
		}
		if out, _, err := cli(t, "editors"); err != nil || strings.Contains(out, "mend") {
			t.Errorf("editors after %v = %q, %v", tc.args, out, err)
		}
	}
}

// TestAllMeansThoseThatAProgramCanConnect, and that the user has not switched off; the others are named.
func TestAllMeansThoseThatAProgramCanConnect(t *testing.T) {
	home := editorsHome(t)
	for name, text := range map[string]string{
		".config/JetBrains/x":   "",
		".junie/mcp/mcp.json":   `{"mcpServers": {"agentrun": {"command": "/x/agentrun-mcp", "args": [], "disabled": true}}}`,
		".config/Code/User/any": "",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, _, err := cli(t, "connect", "--all", "--http")
	if err != nil || !strings.Contains(out, "switched agentrun off there: Junie.\n") || !strings.Contains(out, ": agentrunctl connect jetbrains-ai\n") || !strings.Contains(out, "Cursor is connected.") {
		t.Errorf("connect --all = %q, %v", out, err)
	}
	if out, _, err := cli(t, "connect", "--all", "--http"); err != nil || !strings.HasSuffix(out, "jetbrains-ai\nEvery other editor that was found is connected.\n") {
		t.Errorf("connect --all again = %q, %v", out, err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	if out, _, err := cli(t, "connect", "--all"); err != nil || !strings.HasPrefix(out, "No editor that AgentRun Tray knows was found") {
		t.Errorf("connect --all without an editor = %q, %v", out, err)
	}
}

// TestAllLeavesAnEditorThatKnowsUsUnderAnotherName: it works, and would list every tool twice.
func TestAllLeavesAnEditorThatKnowsUsUnderAnotherName(t *testing.T) {
	home := editorsHome(t)
	if err := os.WriteFile(filepath.Join(home, ".cursor", "mcp.json"), []byte(`{"mcpServers": {"mine": {"command": "/x/agentrun-mcp"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"VS Code is connected.", "Every editor that was found is connected.\n"} {
		out, errs, err := cli(t, "connect", "--all", "--http")
		if err != nil || !strings.HasPrefix(out, "Left as it is, because it is connected under another name: Cursor.\n") || !strings.Contains(out, end) {
			t.Errorf("connect --all = %q, %q, %v, want Cursor left as it is, and %q", out, errs, err, end)
		}
	}
}

func TestOneEditorThatFailsDoesNotStopTheOthers(t *testing.T) {
	home := editorsHome(t)
	if err := os.WriteFile(filepath.Join(home, ".cursor", "mcp.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, err := cli(t, "connect", "--all", "--http")
	if err == nil || err.Error() != "1 of 2 editors were not connected" || !strings.Contains(errs, "Cursor: ") || !strings.Contains(errs, "settings file cannot be read") || !strings.Contains(out, "VS Code is connected.") {
		t.Errorf("connect --all = %q, %q, %v", out, errs, err)
	}
}

// TestDisconnectAllMeansAll: of the two files of an editor that has us, one cannot be read.
func TestDisconnectAllMeansAll(t *testing.T) {
	home := editorsHome(t)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	for name, text := range map[string]string{
		".config/devin/mcp_config.json":     `{"mcpServers": {"agentrun": {"command": "/x/agentrun-mcp", "args": []}}}`,
		".codeium/windsurf/mcp_config.json": "{",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, _, err := cli(t, "disconnect", "--all")
	if err == nil || !strings.Contains(err.Error(), "cannot be read") || strings.Contains(out, "No editor is connected") {
		t.Errorf("disconnect --all = %q, %v; want to be told of the file that cannot be read", out, err)
	}
}

func TestConnectWithoutARelaySaysWhatToDo(t *testing.T) {
	editorsHome(t)
	if _, _, err := cli(t, "connect", "cursor"); err == nil || !strings.Contains(err.Error(), "install AgentRun Tray again") {
		t.Errorf("connect without a relay = %v", err)
	}
}

// TestProgramsTogether builds the programs, connects an editor and has the doctor do what that editor would.
func TestProgramsTogether(t *testing.T) {
	home := editorsHome(t)
	programs := filepath.Join(home, "a folder with spaces")
	build := exec.CommandContext(t.Context(), goTool, "build", "-buildvcs=false", "-o", programs+string(filepath.Separator), "../agentrun-mcp", ".")
	build.Env = append(environ, "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ctl := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, filepath.Join(programs, "agentrunctl"), args...).Output()
		return string(out), err
	}
	t.Cleanup(func() {
		// t's context has ended
		if out, err := exec.Command(filepath.Join(programs, "agentrunctl"), "stop").CombinedOutput(); err != nil {
			t.Errorf("stop: %v\n%s", err, out)
		}
	})
	if out, err := ctl("connect", "cursor"); err != nil || !strings.Contains(out, "Cursor is connected.") {
		t.Fatalf("connect = %q, %v", out, err)
	}
	text, err := os.ReadFile(filepath.Join(home, ".cursor", "mcp.json"))
	if err != nil || bytes.Contains(text, []byte("spaces")) || !bytes.Contains(text, []byte(filepath.Join(home, "tray", "data", "bin", "agentrun-mcp"))) {
		t.Errorf("Cursor's settings hold %s (%v), want the path that stays", text, err)
	}
	out, err := ctl("doctor", "cursor", "--json")
	var findings []doctor.Finding
	if err2 := json.Unmarshal([]byte(out), &findings); err != nil || err2 != nil {
		t.Fatalf("doctor = %q, %v, %v", out, err, err2)
	}
	n := slices.IndexFunc(findings, func(f doctor.Finding) bool { return f.Check == "run" })
	if n < 0 || findings[n].Verdict != doctor.Warning || !strings.Contains(findings[n].What, "mock") {
		t.Errorf("the doctor finds %+v, want that code is only pretended to run", findings)
	}
	if out, err := ctl("disconnect", "cursor"); err != nil {
		t.Errorf("disconnect = %q, %v", out, err)
	}
	out, err = ctl("doctor", "cursor")
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(out, "FAILED") || !strings.Contains(out, "Cursor is not connected") {
		t.Errorf("doctor of an editor that is not connected = %q, %v; want it to fail", out, err)
	}
}

// environ and goTool are those of before tests change the environment.
var (
	environ   = os.Environ()
	goTool, _ = exec.LookPath("go") // the build says that it is missing
)
