//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a program that runs on a terminal, as seen by who sits in front of it.
type terminal struct {
	keys *os.File // what is typed, and what is shown
	cmd  *exec.Cmd

	mu     sync.Mutex // guards below
	screen strings.Builder
	news   chan struct{} // closed and replaced when something is shown
	over   bool          // the program has ended, and all is shown
}

// onTerminal starts agentrunctl on a terminal of its own.
func (h *home) onTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw := int(keys.Fd())
	if err := unix.IoctlSetPointerInt(raw, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(raw, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{keys: keys, news: make(chan struct{})}
	x.cmd = exec.Command(controlProgram(), args...)
	x.cmd.Env, x.cmd.Dir = h.env, h.dir
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = tty, tty, tty
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = x.cmd.Start()
	_ = tty.Close()
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b := make([]byte, 4096)
		for {
			n, err := keys.Read(b)
			x.mu.Lock()
			x.screen.Write(b[:n])
			x.over = err != nil
			close(x.news)
			x.news = make(chan struct{})
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = x.cmd.Process.Kill()
		_ = x.cmd.Wait()
		<-read // all writers are gone
		_ = keys.Close()
	})
	return x
}

// sees waits until a text is shown behind what was seen before, and returns all up to then.
func (x *terminal) sees(t *testing.T, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		x.mu.Lock()
		shown, news, over := x.screen.String(), x.news, x.over
		x.mu.Unlock()
		if strings.Contains(shown, text) {
			return shown
		}
		if over {
			t.Fatalf("the terminal does not show %q but\n%s", text, shown)
		}
		select {
		case <-news:
		case <-ctx.Done():
			t.Fatalf("the terminal does not show %q within %s but\n%s", text, patience, shown)
		}
	}
}

// types presses keys.
func (x *terminal) types(t *testing.T, text string) {
	t.Helper()
	if _, err := x.keys.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// echoes reports whether the terminal shows what is typed.
func (x *terminal) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(x.keys.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// ends waits for the end and returns the exit code with all that was shown.
func (x *terminal) ends(t *testing.T) (code int, shown string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		x.mu.Lock()
		shown, news, over := x.screen.String(), x.news, x.over
		x.mu.Unlock()
		if over {
			_ = x.cmd.Wait()
			return x.cmd.ProcessState.ExitCode(), shown
		}
		select {
		case <-news:
		case <-ctx.Done():
			t.Fatalf("agentrunctl does not end on its terminal, which shows\n%s", shown)
		}
	}
}
