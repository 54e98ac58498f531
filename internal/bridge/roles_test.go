package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// roleVariable makes this test binary play another program, homeVariable says for which home.
const (
	roleVariable = "BRIDGE_TEST_ROLE"
	homeVariable = "BRIDGE_TEST_HOME"
)

// playing installs this test binary as agentrunctl, in the given role, and returns a starter which
// finds it.
func playing(t *testing.T, dirs paths.Dirs, role string) *Starter {
	t.Helper()
	folder := t.TempDir()
	install(t, folder, "agentrunctl")
	t.Setenv(roleVariable, role)
	t.Setenv(homeVariable, dirs.Runtime)
	s := &Starter{Folders: []string{folder}, Log: dirs.Log}
	t.Cleanup(func() {
		os.WriteFile(stopFile(dirs), nil, 0o600)
		s.children.Wait()
	})
	return s
}

// stopFile is what ends processes that play a role.
func stopFile(dirs paths.Dirs) string { return filepath.Join(filepath.Dir(dirs.Runtime), "stop") }

func awaitStop(dirs paths.Dirs) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(stopFile(dirs)); err == nil {
			return
		}
	}
}

func install(t *testing.T, folder, name string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Link(exe, filepath.Join(folder, name)); err != nil {
		data, err := os.ReadFile(exe)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// play is the main function of the role.
func play(role string) int {
	dirs := paths.Dirs{Runtime: os.Getenv(homeVariable)}
	fmt.Fprintf(os.Stderr, "%s %q in %s\n", filepath.Base(os.Args[0]), os.Args[1:], role)
	switch role {
	case "crash":
		return 1
	case "tray cannot":
		if filepath.Base(os.Args[0]) == "agentrun-tray" {
			return 127
		}
	case "loser":
		// As a host does that finds the lock taken; the second one gets it.
		mark := filepath.Join(filepath.Dir(dirs.Runtime), "second")
		if _, err := os.Stat(mark); err != nil {
			os.WriteFile(mark, nil, 0o600)
			return 0
		}
	case "mute":
		awaitStop(dirs)
		return 0
	case "editor":
		// Starts a relay on its own streams, says so, and waits to be killed.
		relay := exec.Command(os.Args[0])
		relay.Env = append(os.Environ(), roleVariable+"=relay")
		relay.Stdin, relay.Stdout, relay.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := relay.Start(); err != nil {
			return 1
		}
		relay.Wait()
		return 0
	case "relay":
		r := New(Options{Dirs: dirs, Parent: FindParent()})
		r.times.farewell = 10 * time.Second // so that a busy computer hears it
		if err := r.Run(context.Background(), os.Stdin, os.Stdout, os.Stderr); err != nil {
			return 1
		}
		return 0
	}
	return host(dirs)
}

// host serves until it is told to stop, or for a minute.
func host(dirs paths.Dirs) int {
	t := &processTB{}
	h := func() (h *testHost) {
		defer func() { recover() }()
		return startHost(t, dirs)
	}()
	if h == nil {
		if errors.Is(t.err, instance.ErrRunning) {
			return 0
		}
		return 1
	}
	awaitStop(dirs)
	h.kill()
	return 0
}

// processTB lets a process which is no test use what tests use.
type processTB struct {
	testing.TB

	err error
}

func (p *processTB) Helper()        {}
func (p *processTB) Cleanup(func()) {}

func (p *processTB) Fatalf(_ string, args ...any) {
	p.err, _ = args[0].(error)
	panic(p.err)
}

func (p *processTB) Fatal(args ...any) { p.Fatalf("", args...) }
