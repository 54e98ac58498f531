//go:build e2e

package e2e

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// TestAKilledHostLeavesNoSandboxBehind, whatever it was about: what the next host does not take over, it ends.
func TestAKilledHostLeavesNoSandboxBehind(t *testing.T) {
	t.Parallel()
	for _, moment := range []struct {
		name  string
		args  []string
		reach func(t *testing.T, a *account, h *home)
	}{
		{"while sandboxes are made", []string{"--sandbox-delay", "2s"}, func(t *testing.T, a *account, _ *home) {
			a.awaits(t, "CreateSandbox", 3)
		}},
		{"before it knows that they are made", nil, func(t *testing.T, a *account, _ *home) {
			a.inject(t, agentruntest.Fault{Failure: agentruntest.Hang(time.Minute), Operation: "CreateSandbox", Times: -1, After: true})
			a.awaits(t, "CreateSandbox", 3)
			if !eventually(patience, func() bool { return len(a.living(t)) == 3 }) {
				t.Errorf("%v live, want three of which nobody knows", a.living(t))
			}
		}},
		{"while code runs", nil, func(t *testing.T, a *account, h *home) {
			h.sandboxesOf(t) // there is the host that is to be killed, and the relay starts no other
			c := h.connect(t, legacy)
			id := c.create(t, "busy", "python")
			a.inject(t, agentruntest.Fault{Failure: agentruntest.Hang(time.Minute), Operation: "Execute", Times: -1})
			c.begin(t, "run_code", args{"context_id": id, "code": "1"}, "")
			c.awaitRunning(t, id)
		}},
		{"while nothing happens", nil, func(t *testing.T, _ *account, h *home) { h.sandboxesOf(t) }},
	} {
		t.Run(moment.name, func(t *testing.T) {
			t.Parallel()
			a := openAccount(t, append([]string{"--echo"}, moment.args...)...)
			h := a.newHome(t, inCloud)
			s := h.serve(t)
			moment.reach(t, a, h)
			if err := s.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-s.done
			a.heal(t)
			if left := a.living(t); len(left) == 0 {
				t.Error("the killed host has left nothing behind, so that nothing is shown by this test")
			}
			next := h.serve(t)
			if !eventually(patience, func() bool {
				return slices.Equal(h.sandboxesOf(t), slices.Sorted(slices.Values(a.living(t))))
			}) {
				t.Errorf("the next host has the sandboxes %v and in the account are %v, want the same", h.sandboxesOf(t), a.living(t))
			}
			h.mustCtl(t, "stop")
			next.ended(t, patience, "agentrunctl stop")
		})
	}
}

// wantingCores is a shell's way to let the system write core files, as far as it may.
const wantingCores = `ulimit -S -c "$(ulimit -H -c)" && `

// TestACrashOfTheHostLeavesNoCoreFile although the system would write one, with the secret from the host's environment in it.
func TestACrashOfTheHostLeavesNoCoreFile(t *testing.T) {
	t.Parallel()
	dumped := func(state interface{ Sys() any }) bool {
		ended, ok := state.Sys().(syscall.WaitStatus)
		if !ok || ended.Signal() != syscall.SIGABRT {
			t.Errorf("the program ended with %v, want SIGABRT", state)
		}
		return ended.CoreDump()
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max != 0 {
		other := exec.CommandContext(t.Context(), "sh", "-c", wantingCores+"kill -ABRT $$")
		other.Dir = t.TempDir()
		failed, ok := errors.AsType[*exec.ExitError](other.Run())
		if !ok || !dumped(failed) {
			t.Error("the crash of another program leaves no core: the test sees nothing")
		}
	}

	a := openAccount(t, "--echo")
	h := a.newHome(t, inCloud, "GOTRACEBACK=crash")
	s, err := h.startBy(exec.Command("sh", "-c", wantingCores+`exec "$0" serve`, controlProgram()))
	if err != nil {
		t.Fatal(err)
	}
	h.sees(t, "a full pool", poolIsFull)
	if err := s.cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	s.ended(t, patience, "SIGABRT")
	if dumped(s.cmd.ProcessState) {
		t.Error("the host has left a core")
	}
	if err := filepath.WalkDir(h.dir, func(name string, _ fs.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(name), "core") {
			t.Errorf("the host has left %s", name)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if found := leaks(t, testSecret, h.dir); len(found) != 0 || showsSecret(s.said.String()+s.stdout.String(), testSecret) {
		t.Errorf("the secret can be read in %q or in what the host said", found)
	}
	h.serve(t) // to end the sandboxes of the other
	h.sees(t, "a full pool", poolIsFull)
}
