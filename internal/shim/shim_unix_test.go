//go:build unix

package shim

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// newRelay is a program that says its name and what it was given.
func newRelay(t *testing.T, folder, says string) string {
	t.Helper()
	relay := filepath.Join(folder, Relay)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(relay, []byte("#!/bin/sh\necho "+says+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return relay
}

// TestTheShimFollowsTheInstallation starts the relay of one version and then of another by the same path.
func TestTheShimFollowsTheInstallation(t *testing.T) {
	home := t.TempDir()
	s := Find(paths.Dirs{Bin: filepath.Join(home, "bin")})
	if _, err := s.Target(); err == nil || !strings.Contains(err.Error(), "agentrunctl connect") {
		t.Errorf("Target of nothing = %v, want what to do", err)
	}
	for _, version := range []string{"1", "2 with a space", "2 with a space", "3's $HOME `id` \"x\"", "4"} {
		relay := newRelay(t, filepath.Join(home, "app "+version), strings.Fields(version)[0][:1])
		if err := s.Point(relay); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), s.Path(), "--a b", "c").Output(); err != nil || string(out) != version[:1]+" --a b c\n" {
			t.Errorf("the shim starts %q (%v), want version %s with its arguments", out, err, version)
		}
		if target, err := s.Target(); err != nil || !SameFile(target, relay) {
			t.Errorf("the shim leads to %q (%v), want %q", target, err, relay)
		}
	}
	left, err := os.ReadDir(filepath.Dir(s.Path()))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the shim is %v (%v)", left, err)
	}
	if err := s.Point(filepath.Join(home, "missing")); err == nil {
		t.Error("the shim was made to lead to nothing")
	}
}

// TestAnInstallationThatIsGoneIsExplained: an editor shows what the program that it starts says last.
func TestAnInstallationThatIsGoneIsExplained(t *testing.T) {
	home := t.TempDir()
	s := Find(paths.Dirs{Bin: filepath.Join(home, "bin")})
	relay := newRelay(t, filepath.Join(home, "app"), "1")
	if err := s.Point(relay); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(relay); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), s.Path()).Output()
	exit, is := errors.AsType[*exec.ExitError](err)
	want := "AgentRun Tray is not in " + filepath.Dir(relay) + " any more. Install it again, "
	if !is || exit.ExitCode() != 1 || len(out) > 0 || !strings.HasPrefix(string(exit.Stderr), want) || strings.Count(string(exit.Stderr), "\n") != 1 {
		t.Errorf("without its program the shim says %q on standard output and ends with %v; want one line on standard error that begins with %q", out, err, want)
	}
	if target, err := s.Target(); err == nil {
		t.Errorf("the shim leads to %s", target)
	}
	// The program is back, elsewhere, and starts.
	if err := s.Point(newRelay(t, filepath.Join(home, "app2"), "2")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.Path(), 0o600); err != nil {
		t.Fatal(err)
	}
	if target, err := s.Target(); err == nil {
		t.Errorf("a shim that cannot be started leads to %s", target)
	}
	if err := s.Point(filepath.Join(home, "app2", Relay)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), s.Path()).Output(); err != nil || string(out) != "2\n" {
		t.Errorf("installed again, the shim starts %q (%v)", out, err)
	}
}

// TestALinkIsReplaced: versions before this had a link, which led to the relay itself.
func TestALinkIsReplaced(t *testing.T) {
	home := t.TempDir()
	s := Find(paths.Dirs{Bin: filepath.Join(home, "bin")})
	relay := newRelay(t, filepath.Join(home, "app"), "1")
	before, err := os.ReadFile(relay)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(filepath.Dir(s.Path()), 0o700), os.Symlink(relay, s.Path())); err != nil {
		t.Fatal(err)
	}
	if target, err := s.Target(); err != nil || !SameFile(target, relay) {
		t.Errorf("the link leads to %q (%v)", target, err)
	}
	if err := s.Point(relay); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(s.Path()); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the shim is %v (%v), want a script", info, err)
	}
	if after, err := os.ReadFile(relay); err != nil || string(after) != string(before) {
		t.Errorf("the relay itself became %q (%v)", after, err)
	}
}

func TestWhatIsNotOursLeadsNowhere(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":            "",
		"another program":    "#!/bin/sh\nexec true\n",
		"no end":             "#!/bin/sh\nrelay='/bin/sh",
		"something very big": strings.Repeat("x", 2*maxScript) + "\nrelay='/bin/sh'\n",
	} {
		s := Find(paths.Dirs{Bin: t.TempDir()})
		if err := os.WriteFile(s.Path(), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		if target, err := s.Target(); err == nil {
			t.Errorf("%s leads to %q", name, target)
		}
	}
}

func TestTheShimIsThereWhileItIsMadeAnew(t *testing.T) {
	home := t.TempDir()
	s := Find(paths.Dirs{Bin: filepath.Join(home, "bin")})
	relays := []string{newRelay(t, filepath.Join(home, "a"), "a"), newRelay(t, filepath.Join(home, "b"), "b")}
	if err := s.Point(relays[1]); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range 200 {
			if err := s.Point(relays[n%2]); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2000 {
		if target, err := s.Target(); err != nil || filepath.Base(target) != Relay {
			t.Fatalf("the shim leads to %q (%v)", target, err)
		}
	}
	wg.Wait()
}

// TestTheShimNeverStartsItself: the folder of the shim looks like one to install into, and a link to it like a relay.
func TestTheShimNeverStartsItself(t *testing.T) {
	home := t.TempDir()
	s := Find(paths.Dirs{Bin: filepath.Join(home, "bin")})
	for name, relay := range map[string]string{
		"installed in its place": newRelay(t, filepath.Dir(s.Path()), "1"),
		"linked to it":           filepath.Join(home, Relay),
	} {
		before, err := os.ReadFile(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(s.Path(), filepath.Join(home, Relay)); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
		if err := s.Point(relay); err == nil || !strings.Contains(err.Error(), "in another folder") {
			t.Errorf("%s: Point = %v, want what to do", name, err)
		}
		if after, err := os.ReadFile(s.Path()); err != nil || string(after) != string(before) {
			t.Errorf("%s: the relay became %q (%v)", name, after, err)
		}
	}
}

func TestWhatAKillHasLeftIsTakenAway(t *testing.T) {
	home := t.TempDir()
	s := Find(paths.Dirs{Bin: filepath.Join(home, "bin")})
	relay := newRelay(t, filepath.Join(home, "app"), "1")
	if err := s.Point(relay); err != nil {
		t.Fatal(err)
	}
	old, young := filepath.Join(home, "bin", unfinished+"OLD"), filepath.Join(home, "bin", unfinished+"YOUNG")
	for name, age := range map[string]time.Duration{old: time.Hour, young: 0} {
		at := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(name, nil, 0o700), os.Chtimes(name, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Point(relay); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(old); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", old, err)
	}
	if _, err := os.Lstat(young); err != nil {
		t.Errorf("%s, which another process may be about to put in place, is gone (%v)", young, err)
	}
}
