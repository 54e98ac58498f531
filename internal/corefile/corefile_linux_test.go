package corefile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// crashVariable turns this test program into one that crashes: with core files, or without.
const crashVariable = "COREFILE_TEST_CRASH"

func TestMain(m *testing.M) {
	if how := os.Getenv(crashVariable); how != "" {
		crash(how)
	}
	os.Exit(m.Run())
}

func crash(how string) {
	if how == "without" {
		if err := Disable(); err != nil {
			os.Exit(3)
		}
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Max > 1 {
			os.Exit(4)
		}
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGABRT) // with GOTRACEBACK=crash the kernel is left to do what it does
	select {}
}

// TestACrashLeavesNoCoreFile lets a program crash that has a secret in its memory.
func TestACrashLeavesNoCoreFile(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max != 0 {
		if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: limit.Max, Max: limit.Max}); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := unix.Setrlimit(unix.RLIMIT_CORE, &limit); err != nil {
				t.Error(err)
			}
		}()
		if dumped, _ := runCrash(t, "with"); !dumped {
			t.Error("a crash with core files left none: the test sees nothing")
		}
	}
	if dumped, left := runCrash(t, "without"); dumped || len(left) != 0 {
		t.Errorf("a crash after Disable: core dumped %t, files %q", dumped, left)
	}
}

// runCrash runs this program in a folder of its own until it crashes.
func runCrash(t *testing.T, how string) (dumped bool, left []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), crashVariable+"="+how, "GOTRACEBACK=crash")
	failed, ok := errors.AsType[*exec.ExitError](cmd.Run())
	if !ok {
		t.Fatal("the program did not crash")
	}
	status, ok := failed.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGABRT {
		t.Fatalf("the program ended otherwise: %v", failed)
	}
	left, err = filepath.Glob(filepath.Join(cmd.Dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return status.CoreDump(), left
}
