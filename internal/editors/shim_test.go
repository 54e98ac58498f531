package editors_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

func TestWhereTheShimIs(t *testing.T) {
	for _, tc := range []struct {
		name, goos, home, data, want string
		spaces                       bool
	}{
		{"on Linux in our own folder", "linux", "/home/u", "/home/u/.local/share/agentrun-tray", "/home/u/.local/share/agentrun-tray/bin/agentrun-mcp", false},
		{"on macOS our folder has a space", "darwin", "/Users/u", "/Users/u/Library/Application Support/agentrun-tray/data", "/Users/u/.agentrun-tray/bin/agentrun-mcp", false},
		{"under one folder for everything", "darwin", "/Users/u", "/p/data", "/p/data/bin/agentrun-mcp", false},
		{"a home with a space", "linux", "/home/a b", "/home/a b/.local/share/agentrun-tray", "/home/a b/.local/share/agentrun-tray/bin/agentrun-mcp", true},
		{"on Windows", "windows", `C:\Users\u`, `C:\Users\u\AppData\Local\agentrun-tray\data`, `C:\Users\u\AppData\Local\agentrun-tray\data\bin\agentrun-mcp.exe`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sys := editors.System{GOOS: tc.goos, Getenv: func(string) string { return tc.home }}
			shim := editors.FindShim(paths.Dirs{Data: tc.data}, sys)
			if shim.Path() != tc.want || shim.Spaces() != tc.spaces {
				t.Errorf("the shim is %q (spaces: %v), want %q", shim.Path(), shim.Spaces(), tc.want)
			}
		})
	}
}

// TestTheShimFollowsTheInstallation starts the relay of one version and then of another by the same path.
func TestTheShimFollowsTheInstallation(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("programs of this test are scripts of unix")
		return
	}
	home := t.TempDir()
	shim := editors.FindShim(paths.Dirs{Data: filepath.Join(home, "data")}, editors.System{GOOS: runtime.GOOS, Getenv: func(string) string { return home }})
	if _, err := shim.Target(); err == nil || !strings.Contains(err.Error(), "agentrunctl connect") {
		t.Errorf("Target of nothing = %v, want what to do", err)
	}
	for _, version := range []string{"1", "2 with a space", "2 with a space", "3"} {
		relay := filepath.Join(home, "app "+version, "agentrun-mcp")
		if err := os.MkdirAll(filepath.Dir(relay), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(relay, []byte("#!/bin/sh\necho "+version+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := shim.Point(relay); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), shim.Path()).Output(); err != nil || strings.TrimSpace(string(out)) != version {
			t.Errorf("the shim starts %q (%v), want version %s", out, err, version)
		}
	}
	left, err := os.ReadDir(filepath.Dir(shim.Path()))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the shim is %v (%v)", left, err)
	}
	if err := shim.Point(filepath.Join(home, "missing")); err == nil {
		t.Error("the shim was made to lead to nothing")
	}
}

func TestTheShimIsThereWhileItIsMadeAnew(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("a junction is changed in place there")
		return
	}
	home := t.TempDir()
	shim := editors.FindShim(paths.Dirs{Data: home}, editors.System{GOOS: runtime.GOOS, Getenv: func(string) string { return home }})
	var relays []string
	for _, name := range []string{"a", "b"} {
		relay := filepath.Join(home, name)
		if err := os.WriteFile(relay, []byte(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := shim.Point(relay); err != nil {
			t.Fatal(err)
		}
		relays = append(relays, relay)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range 200 {
			if err := shim.Point(relays[n%2]); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2000 {
		if _, err := os.ReadFile(shim.Path()); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

// TestJunction reads the buffer back as NTFS does.
func TestJunction(t *testing.T) {
	const target = `C:\Users\Jané Doe\AppData\Local\Programs\AgentRun Tray`
	b := editors.Junction(target)
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	if tag := binary.LittleEndian.Uint32(b); tag != 0xA0000003 {
		t.Errorf("tag = %#x, want that of a mount point", tag)
	}
	if u16(4) != len(b)-8 {
		t.Errorf("the data has %d bytes, and says %d", len(b)-8, u16(4))
	}
	name := func(offset, length int) string {
		var text []rune
		for n := 0; n < length; n += 2 {
			text = append(text, rune(u16(16+offset+n)))
		}
		return string(text)
	}
	if got := name(u16(8), u16(10)); got != `\??\`+target {
		t.Errorf("the name for the system is %q", got)
	}
	if got := name(u16(12), u16(14)); got != target {
		t.Errorf("the name for people is %q", got)
	}
	if !bytes.HasSuffix(b, []byte{'y', 0, 0, 0}) || u16(16+u16(8)+u16(10)) != 0 {
		t.Error("the names do not end with a zero")
	}
}
