package computer_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/computer"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
)

const address = "http://127.0.0.1:7411/mcp"

// newComputer is one with Cursor and VS Code, whose host listens on an address or on none.
func newComputer(t *testing.T, home, url string) *computer.Computer {
	t.Helper()
	for _, folder := range []string{".cursor", ".config/Code/User", "Library/Application Support/Code/User", "AppData/Roaming/Code/User"} {
		if err := os.MkdirAll(filepath.Join(home, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	getenv := func(name string) string {
		return map[string]string{"HOME": home, "USERPROFILE": home, "PATH": "", paths.HomeVariable: filepath.Join(home, "tray")}[name]
	}
	dirs, err := paths.FromEnv(getenv, runtime.GOOS)
	if err != nil {
		t.Fatal(err)
	}
	c, err := computer.New(computer.Options{Dirs: dirs, Getenv: getenv, URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// relay puts a program beside this one, where an installation has the relay.
func relay(t *testing.T) {
	t.Helper()
	file, err := shim.InstalledRelay()
	if err == nil {
		t.Fatalf("there is a relay beside the test already: %s", file)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := "agentrun-mcp"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	file = filepath.Join(filepath.Dir(self), name)
	if err := os.WriteFile(file, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(file) })
}

func TestAnEditorThatStartsTheRelayFindsIt(t *testing.T) {
	home := t.TempDir()
	c := newComputer(t, home, address)
	if err := c.KeepShim(); err != nil {
		t.Errorf("KeepShim without a relay = %v, want nothing done", err)
	}
	if _, err := c.Connect(t.Context(), "cursor", editors.Wish{}); err == nil || !strings.Contains(err.Error(), "install AgentRun Tray again") {
		t.Errorf("Connect without a relay = %v", err)
	}
	relay(t)
	l, err := c.Launch("cursor")
	if err != nil || exists(l.Command) || !strings.HasPrefix(l.Command, home) {
		t.Errorf("Cursor would start %+v, %v, want a program in our data folder that is still to be made", l, err)
	}
	if _, err := c.Connect(t.Context(), "cursor", editors.Wish{DryRun: true}); err != nil || exists(l.Command) {
		t.Errorf("a dry run = %v, and what Cursor would start is there: %v", err, exists(l.Command))
	}
	if _, err := c.Connect(t.Context(), "cursor", editors.Wish{}); err != nil || !exists(l.Command) {
		t.Errorf("Connect = %v, and what Cursor starts is there: %v", err, exists(l.Command))
	}
	if err := os.Remove(l.Command); err != nil {
		t.Fatal(err)
	}
	if err := c.KeepShim(); err != nil || !exists(l.Command) {
		t.Errorf("KeepShim = %v, and what Cursor starts is there: %v", err, exists(l.Command))
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func TestAnEditorIsMendedInTheFormThatItHad(t *testing.T) {
	home := t.TempDir()
	served, unserved := newComputer(t, home, address), newComputer(t, home, "")
	for _, tc := range []struct {
		name string
		st   editors.Status
		on   *computer.Computer
		want editors.Form
	}{
		{"by its program", editors.Status{Form: editors.Stdio, Forms: []editors.Form{editors.Stdio, editors.HTTP}}, served, editors.Stdio},
		{"dropped, so that nobody knows", editors.Status{Forms: []editors.Form{editors.Stdio, editors.HTTP}}, served, editors.Stdio},
		{"by URL", editors.Status{Form: editors.HTTP, Forms: []editors.Form{editors.Stdio, editors.HTTP}}, served, editors.HTTP},
		{"by URL, where none is served any more", editors.Status{Form: editors.HTTP, Forms: []editors.Form{editors.Stdio, editors.HTTP}}, unserved, editors.Stdio},
		{"dropped, and written down how it was", editors.Status{Was: editors.HTTP, Forms: []editors.Form{editors.Stdio, editors.HTTP}}, served, editors.HTTP},
		{"changed by hand", editors.Status{Form: editors.Stdio, Was: editors.HTTP, Forms: []editors.Form{editors.Stdio, editors.HTTP}}, served, editors.Stdio},
		{"by the socket", editors.Status{Form: editors.Socket, Forms: []editors.Form{editors.Stdio, editors.Socket}}, unserved, editors.Socket},
	} {
		if got := tc.on.FormToMend(tc.st); got != tc.want {
			t.Errorf("%s: mended by %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestATokenIsKeptForTheHost: without a host that makes tokens, the list that it reads gets one.
func TestATokenIsKeptForTheHost(t *testing.T) {
	c := newComputer(t, t.TempDir(), address)
	if _, err := c.Connect(t.Context(), "cursor", editors.Wish{Form: editors.HTTP}); err != nil {
		t.Fatal(err)
	}
	if st, err := c.Look("cursor"); err != nil || st.State != editors.Connected || st.Form != editors.HTTP {
		t.Errorf("connected by URL, it is %+v, %v", st, err)
	}
	if st, err := c.Look("vscode"); err != nil || runtime.GOOS != "windows" && computer.WithoutRelay(st) != editors.Socket {
		t.Errorf("VS Code is connected by %s (%v), want the socket", computer.WithoutRelay(st), err)
	}
	if st, err := c.Look("cursor"); err != nil || computer.WithoutRelay(st) != editors.HTTP {
		t.Errorf("Cursor is connected by %s (%v), want a URL", computer.WithoutRelay(st), err)
	}
}
