package shim

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// TestADiskThatStartsNoPrograms: homes are mounted so on guarded computers, and the relay is elsewhere.
func TestADiskThatStartsNoPrograms(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_NOEXEC, "size=1m"); err != nil {
		t.Skipf("this user cannot mount a disk: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	s := Find(paths.Dirs{Bin: filepath.Join(disk, "bin")})
	for _, version := range []string{"1", "2"} {
		if err := s.Point(newRelay(t, filepath.Join(t.TempDir(), "app"), version)); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), s.Path()).Output(); err != nil || string(out) != version+"\n" {
			t.Errorf("the shim starts %q (%v), want version %s", out, err, version)
		}
	}
}
