package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// The programs with a window that are measured.
const (
	trayProgram = "agentrun-tray"
	barePeer    = "bench-window" // window/main.go; make bench builds it, with the flags of the other
)

// errNoWindow says that the machine has not what the window program is measured with.
var errNoWindow = errors.New("needs agentrun-tray and bench-window, which make bench builds where the headers of the window system are, and Xvfb, xdotool and dbus-daemon")

// desk is a display that nobody sees and a session bus with a tray. Software paints there, so that times with a graphics card are
// shorter.
type desk struct {
	display, bus string
	items        chan struct{} // somebody has registered a tray item
	programs     []*exec.Cmd
	conn         *dbus.Conn
}

// onDesk measures at a desk. Where there can be none the only row says so.
func (b *bench) onDesk(ctx context.Context, what string, measure func(*desk) ([]row, error)) ([]row, error) {
	d, err := b.openDesk(ctx)
	if errors.Is(err, errNoWindow) {
		return []row{{what: what, ours: errNoWindow.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	return measure(d)
}

func (b *bench) openDesk(ctx context.Context) (d *desk, err error) {
	for _, name := range []string{trayProgram, barePeer} {
		if _, err := os.Stat(b.program(name)); err != nil {
			return nil, errNoWindow
		}
	}
	for _, name := range []string{"Xvfb", "xdotool", "dbus-daemon"} {
		if _, err := exec.LookPath(name); err != nil {
			return nil, errNoWindow
		}
	}
	d = &desk{items: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			d.close()
			d = nil
		}
	}()
	number, err := d.play(ctx, "Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")
	if err != nil {
		return d, err
	}
	d.display = ":" + number
	if d.bus, err = d.play(ctx, "dbus-daemon", "--session", "--nofork", "--print-address"); err != nil {
		return d, err
	}
	if d.conn, err = dbus.Connect(d.bus); err != nil {
		return d, err
	}
	const watcher, path = "org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher"
	_, err = prop.Export(d.conn, path, prop.Map{watcher: {"IsStatusNotifierHostRegistered": {Value: true}}})
	if err = errors.Join(err, d.conn.Export(d, path, watcher)); err != nil {
		return d, err
	}
	_, err = d.conn.RequestName(watcher, dbus.NameFlagDoNotQueue)
	return d, err
}

// RegisterStatusNotifierItem is called over the bus.
func (d *desk) RegisterStatusNotifierItem(string) *dbus.Error {
	select {
	case d.items <- struct{}{}:
	default:
	}
	return nil
}

// play runs a program until the desk is closed, and gives the first line it says.
func (d *desk) play(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	d.programs = append(d.programs, cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("start %s: %w", name, err)
	}
	return strings.TrimSpace(line), nil
}

func (d *desk) close() {
	if d.conn != nil {
		_ = d.conn.Close()
	}
	for _, cmd := range d.programs {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // ended by the signal
	}
}

// furnish is the home of somebody who has used the program before, and whose code runs on a backend.
func (b *bench) furnish(backend string) (home string, err error) {
	home = b.home()
	files := map[string]string{filepath.Join("config", "settings.json"): `{"backend": "` + backend + `", "http": {"enabled": false}}`, filepath.Join("data", "setup-done"): ""}
	for name, text := range files {
		name = filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			return "", err
		}
	}
	return home, nil
}

// start runs a program with a window at the desk.
func (d *desk) start(ctx context.Context, b *bench, home, program string, args ...string) (*process, error) {
	env := []string{"DISPLAY=" + d.display, "DBUS_SESSION_BUS_ADDRESS=" + d.bus, "HOME=" + home, "LIBGL_ALWAYS_SOFTWARE=1", "WAYLAND_DISPLAY="}
	return b.startIn(ctx, home, env, b.program(program), args...)
}

// listed waits for the tray item of a program.
func (d *desk) listed(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	select {
	case <-d.items:
		return nil
	case <-ctx.Done():
		return p.explain(errors.New("the program registered no tray item"))
	}
}

// seen reports whether the window of the desktop program can be seen.
func (d *desk) seen(ctx context.Context) bool {
	cmd := exec.CommandContext(ctx, "xdotool", "search", "--onlyvisible", "--name", "^AgentRun Tray$")
	cmd.Env = append(os.Environ(), "DISPLAY="+d.display)
	return cmd.Run() == nil
}
