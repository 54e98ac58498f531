package secretstest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// TB is what a Bus needs of a test; every *testing.T has it.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	TempDir() string
}

// Bus is a session bus that nobody else uses, on which no program offers a keychain before it is started there.
type Bus struct {
	t       TB
	dir     string
	address string
	keyring *program // nil: none runs
}

// busConfig lets programs of the test alone come, and starts none by itself.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
`

// StartBus starts a bus, which ends with the test. A machine without the programs fails the test: packaging/deps.sh installs them.
func StartBus(t TB) *Bus {
	t.Helper()
	for _, name := range []string{"dbus-daemon", "gnome-keyring-daemon", "secret-tool"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is not installed; `sh packaging/deps.sh test` installs what the tests need", name)
		}
	}
	dir, err := os.MkdirTemp("", "bus") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatalf("make a folder for a bus: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &Bus{t: t, dir: dir, address: "unix:path=" + filepath.Join(dir, "bus")}
	for _, sub := range []string{"home", "run"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatalf("make a folder for a bus: %v", err)
		}
	}
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, busConfig, filepath.Join(dir, "bus")), 0o600); err != nil {
		t.Fatalf("configure a bus: %v", err)
	}
	p := b.start("", "dbus-daemon", "--config-file="+config, "--nofork", "--print-address")
	t.Cleanup(p.end)
	if line, err := p.line(); err != nil || !strings.HasPrefix(line, "unix:") {
		t.Fatalf("start a bus: it says %q, %v", line, err)
	}
	return b
}

// Environment is what a program must find in its environment to use the bus.
func (b *Bus) Environment() []string {
	return []string{"DBUS_SESSION_BUS_ADDRESS=" + b.address, "XDG_RUNTIME_DIR=" + filepath.Join(b.dir, "run")}
}

// Address is that of the bus.
func (b *Bus) Address() string { return b.address }

// password opens the keyrings of all tests.
const password = "keyring-password-of-a-test"

// Unlocked starts a keyring that is open; there was none, or it is what Locked had.
func (b *Bus) Unlocked() {
	b.t.Helper()
	b.run(password, "--unlock")
}

// Locked starts a keyring that nobody has unlocked since the last one ended, on a computer that cannot ask.
func (b *Bus) Locked() {
	b.t.Helper()
	b.run("", "--start")
}

func (b *Bus) run(stdin string, mode string) {
	b.t.Helper()
	b.End()
	b.keyring = b.start(stdin, "gnome-keyring-daemon", mode, "--foreground", "--components=secrets")
	keyring := b.keyring
	b.t.Cleanup(keyring.end)
	// It is there when it answers; there is no other sign.
	for deadline := time.Now().Add(30 * time.Second); ; {
		if _, err := b.Tool("search", "--all", "nothing", "nothing"); err == nil {
			return
		} else if time.Now().After(deadline) {
			b.t.Fatalf("the keyring does not answer: %v\n%s", err, keyring.said())
		}
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // see above
	}
}

// End ends the keyring.
func (b *Bus) End() {
	if b.keyring != nil {
		b.keyring.end()
		b.keyring = nil
	}
}

// Pause lets the keyring stop answering, as one that asks its user something.
func (b *Bus) Pause() (resume func()) {
	b.t.Helper()
	process := b.keyring.cmd.Process
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		b.t.Fatalf("pause the keyring: %v", err)
	}
	return func() {
		if err := process.Signal(syscall.SIGCONT); err != nil {
			b.t.Errorf("resume the keyring: %v", err)
		}
	}
}

// Tool runs secret-tool, which is another program that uses the keyring, and gives what it prints.
func (b *Bus) Tool(args ...string) (string, error) {
	cmd := exec.CommandContext(b.t.Context(), "secret-tool", args...) //nolint:gosec // the test's own words
	cmd.Env = b.environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && stderr.Len() > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return string(out), err
}

// Folder holds all that the keyring writes.
func (b *Bus) Folder() string { return b.dir }

func (b *Bus) environment() []string {
	return append(b.Environment(), "PATH="+os.Getenv("PATH"), "HOME="+filepath.Join(b.dir, "home")) //nolint:forbidigo // of the test
}

// program is a daemon of a test.
type program struct {
	cmd  *exec.Cmd
	out  *bufio.Reader
	mu   sync.Mutex // guards errs
	errs bytes.Buffer
	once sync.Once
}

func (b *Bus) start(stdin, name string, args ...string) *program {
	b.t.Helper()
	p := &program{cmd: exec.Command(name, args...)} //nolint:gosec,noctx // the test's own words; end ends it
	p.cmd.Env = b.environment()
	p.cmd.Stdin = strings.NewReader(stdin)
	p.cmd.Stderr = p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatalf("start %s: %v", name, err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		b.t.Fatalf("start %s: %v", name, err)
	}
	return p
}

// line reads what the program says first.
func (p *program) line() (string, error) { return p.out.ReadString('\n') }

// Write takes what the program says on its standard error.
func (p *program) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.errs.Write(text)
}

func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.errs.String()
}

// end ends the program and waits for it. One that is stopped has to go on for that.
func (p *program) end() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, p.out)
		_ = p.cmd.Wait() // ended by the signal
	})
}
