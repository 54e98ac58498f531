//go:build unix

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// living starts the program and returns when it reads.
func living(t *testing.T) (cmd *exec.Cmd, stdin io.WriteCloser, stdout io.ReadCloser, stderr *strings.Builder) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), mainVariable+"=1", "AGENTRUN_TRAY_HOME="+filepath.Join(t.TempDir(), "home"))
	stderr = &strings.Builder{}
	cmd.Stderr = stderr
	if stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if stdout, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(stdin, `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n")
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.Contains(line, `"result":{}`) {
		t.Fatalf("ping was answered %q, %v", line, err)
	}
	return cmd, stdin, stdout, stderr
}

// heedSignals lets the programs that a test starts heed signals which whoever runs the tests ignores, as nohup does: what is ignored is
// inherited, what is handled is not.
func heedSignals(t *testing.T) {
	t.Helper()
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(ch) })
}

func TestASignalIsAUsualEnd(t *testing.T) {
	heedSignals(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		cmd, _, _, stderr := living(t)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil || stderr.String() != "" {
			t.Errorf("after %v: %v, stderr %q; want success and silence", sig, err, stderr)
		}
	}
}

// A script's input is that of the programs it starts: what a signal leaves of it, the script reads on.
func TestInputIsLeftAsItWasWhenASignalEndsIt(t *testing.T) {
	heedSignals(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		in, input, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer input.Close()
		fd := in.Fd() // and it blocks from here on
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), mainVariable+"=1", "AGENTRUN_TRAY_HOME="+filepath.Join(t.TempDir(), "home"))
		cmd.Stdin = in
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		io.WriteString(input, `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n")
		if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if !nonblocking(t, fd) {
			t.Fatal("the input blocks while the program reads it: there is nothing to be tested")
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // how it ends is another test's
		if nonblocking(t, fd) {
			t.Errorf("after %v the input does not block", sig)
		}
		in.Close()
	}
}

func nonblocking(t *testing.T, fd uintptr) bool {
	t.Helper()
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_NONBLOCK != 0
}

func TestAClosedOutputIsSaidInOneLine(t *testing.T) {
	cmd, stdin, stdout, stderr := living(t)
	stdout.Close()
	io.WriteString(stdin, `{"jsonrpc":"2.0","id":2,"method":"ping"}`+"\n")
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != 1 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), "write to the editor") {
		t.Errorf("ended with %v, stderr %q; want exit 1 and one line", err, stderr)
	}
}
