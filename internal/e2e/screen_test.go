//go:build e2e && window

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// screen is a display that nobody sees, with a window manager, a keyboard and a mouse.
type screen struct{ name string }

func newScreen(t *testing.T) *screen {
	t.Helper()
	for _, name := range []string{"Xvfb", "openbox", "xdotool", "xrandr", "import"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is not installed; `sh packaging/deps.sh test` installs what the tests need", name)
		}
	}
	number, told, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer number.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{told}
	runFor(t, x)
	told.Close()
	line, err := bufio.NewReader(number).ReadString('\n')
	if err != nil {
		t.Fatalf("start Xvfb: %v", err)
	}
	s := &screen{":" + strings.TrimSpace(line)}
	wm := exec.Command("openbox")
	wm.Env = s.env(t.TempDir())
	runFor(t, wm)
	if !eventually(patience, func() bool { _, err := s.do("get_desktop"); return err == nil }) {
		t.Fatal("openbox does not manage the display")
	}
	return s
}

// runFor runs a program until the test ends.
func runFor(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // ended by the signal
	})
}

func (s *screen) env(home string) []string {
	return []string{"DISPLAY=" + s.name, "LIBGL_ALWAYS_SOFTWARE=1", "PATH=" + os.Getenv("PATH"), "HOME=" + home}
}

// do has xdotool do something, and gives what it says.
func (s *screen) do(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = s.env(os.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("xdotool %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), err
}

func (s *screen) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.do(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// window is the number of the program's window if it can be seen, or "".
func (s *screen) window() string {
	out, err := s.do("search", "--onlyvisible", "--name", "^AgentRun Tray$")
	if err != nil { // xdotool's way to say that there is none
		return ""
	}
	first, _, _ := strings.Cut(out, "\n")
	return first
}

// picture takes one of the whole screen.
func (s *screen) picture(t *testing.T, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("import", "-window", "root", file)
	cmd.Env = s.env(t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}
