//go:build unix

package bridge

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
)

// TestTheHostIsNobodysChild: an editor that ends what it has started, with the children of that and theirs, must not end the host.
func TestTheHostIsNobodysChild(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "host")
	e := connectStarting(t, dirs, s)
	e.write(hello)
	if m := e.answer("0"); m.Error != nil {
		t.Fatalf("initialize = %+v", m.Error)
	}
	s.children.Wait() // what is between us and the host has ended
	info, err := instance.Read(dirs)
	if err != nil {
		t.Fatal(err)
	}
	for pid := info.PID; pid > 1; {
		out, err := exec.CommandContext(t.Context(), "ps", "-o", "ppid=", "-p", strconv.Itoa(pid)).Output()
		if err != nil {
			t.Fatalf("ps of process %d: %v", pid, err)
		}
		if pid, err = strconv.Atoi(strings.TrimSpace(string(out))); err != nil {
			t.Fatal(err)
		}
		if pid == os.Getpid() {
			t.Fatalf("the host, process %d, descends from this one", info.PID)
		}
	}
}

// TestAHostIsStartedWithoutAShell, as there is none in a container with nothing but programs; it goes on when its starter lets it go.
func TestAHostIsStartedWithoutAShell(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "host")
	s.shell = filepath.Join(t.TempDir(), "sh")
	e := connectStarting(t, dirs, s)
	e.write(hello)
	if m := e.answer("0"); m.Error != nil {
		t.Fatalf("initialize = %+v", m.Error)
	}
	info, err := instance.Read(dirs)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(info.PID, 0); err != nil {
		t.Errorf("the host, process %d, was ended by who started it: %v", info.PID, err)
	}
	e.write(strings.Replace(hello, `"id":0`, `"id":1`, 1))
	if m := e.answer("1"); m.Error != nil {
		t.Errorf("initialize again = %+v", m.Error)
	}
}
