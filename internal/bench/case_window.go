package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// errNoWindow says that the machine has not what the window program is measured with.
var errNoWindow = errors.New("needs agentrun-tray, Xvfb, xdotool and dbus-daemon")

// What is aimed at.
const (
	windowWithin = 600 * time.Millisecond
	trayWithin   = 400 * time.Millisecond
	busyVisible  = 0.05 // of a processor
)

// idleFor is how long the window program is looked at while it has nothing to do.
const idleFor = 15 * time.Second

// desk is a display that nobody sees and a session bus with a tray.
type desk struct {
	display, bus string
	items        chan struct{} // somebody has registered a tray item
	programs     []*exec.Cmd
	conn         *dbus.Conn
}

func (b *bench) openDesk(ctx context.Context) (d *desk, err error) {
	if _, err := os.Stat(filepath.Join(b.bin, "agentrun-tray")); err != nil {
		return nil, errNoWindow
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

// measureWindow is how soon the desktop program can be seen, and what it costs while nobody uses it. Software paints here, so that
// times with a graphics card are shorter.
func measureWindow(ctx context.Context, b *bench) ([]row, error) {
	d, err := b.openDesk(ctx)
	if errors.Is(err, errNoWindow) {
		return []row{{what: "desktop program", ours: errNoWindow.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	home := b.home()
	if err := b.furnish(home); err != nil {
		return nil, err
	}
	var visible, tray []float64
	for n := range b.rounds(5) + 1 {
		window, err := d.shown(ctx, b, home)
		if err != nil {
			return nil, err
		}
		item, err := d.registered(ctx, b, home)
		if err != nil {
			return nil, err
		}
		if n > 0 { // the first finds fonts and fills caches
			visible, tray = append(visible, window.Seconds()), append(tray, item.Seconds())
		}
	}
	rows := []row{
		row{what: "desktop program started → window visible (median)", ours: short(seconds(median(visible)))}.aimed("≤ "+short(windowWithin), median(visible) <= windowWithin.Seconds()),
		row{what: "desktop program started in the tray → tray item registered (median)", ours: short(seconds(median(tray)))}.aimed("≤ "+short(trayWithin), median(tray) <= trayWithin.Seconds()),
	}
	idle, err := d.idle(ctx, b, home)
	return append(rows, idle...), err
}

// furnish is the home of somebody who has used the program before, and whose code runs nowhere.
func (b *bench) furnish(home string) error {
	files := map[string]string{filepath.Join("config", "settings.json"): `{"backend": "mock", "http": {"enabled": false}}`, filepath.Join("data", "setup-done"): ""}
	for name, text := range files {
		name = filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			return err
		}
	}
	return nil
}

func (d *desk) start(ctx context.Context, b *bench, home string, args ...string) (*process, error) {
	env := []string{"DISPLAY=" + d.display, "DBUS_SESSION_BUS_ADDRESS=" + d.bus, "HOME=" + home, "LIBGL_ALWAYS_SOFTWARE=1", "WAYLAND_DISPLAY="}
	return b.startIn(ctx, home, env, filepath.Join(b.bin, "agentrun-tray"), args...)
}

// shown is how long it takes from a start until the window can be seen.
func (d *desk) shown(ctx context.Context, b *bench, home string) (time.Duration, error) {
	p, err := d.start(ctx, b, home)
	if err != nil {
		return 0, err
	}
	for !d.seen(ctx) {
		if time.Since(p.began) > time.Minute || ctx.Err() != nil {
			return 0, errors.Join(p.explain(errors.New("the program showed no window")), p.stop(syscall.SIGTERM))
		}
		time.Sleep(5 * time.Millisecond) // the display tells nobody
	}
	took := time.Since(p.began)
	return took, errors.Join(d.listed(ctx, p), p.stop(syscall.SIGTERM))
}

// registered is how long it takes from a start in the tray until its item is there.
func (d *desk) registered(ctx context.Context, b *bench, home string) (time.Duration, error) {
	p, err := d.start(ctx, b, home, "--background")
	if err != nil {
		return 0, err
	}
	err = d.listed(ctx, p)
	took := time.Since(p.began)
	return took, errors.Join(err, p.stop(syscall.SIGTERM))
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

func (d *desk) seen(ctx context.Context) bool {
	cmd := exec.CommandContext(ctx, "xdotool", "search", "--onlyvisible", "--name", "^AgentRun Tray$")
	cmd.Env = append(os.Environ(), "DISPLAY="+d.display)
	return cmd.Run() == nil
}

// idle looks at the program while nobody uses it: in the tray alone, and with its window in sight.
func (d *desk) idle(ctx context.Context, b *bench, home string) ([]row, error) {
	p, err := d.start(ctx, b, home, "--background")
	if err != nil {
		return nil, err
	}
	if err := d.listed(ctx, p); err != nil {
		return nil, errors.Join(err, p.stop(syscall.SIGTERM))
	}
	hidden, err := share(ctx, p)
	if err != nil {
		return nil, errors.Join(err, p.stop(syscall.SIGTERM))
	}
	memory, err := resident(p.cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(err, p.stop(syscall.SIGTERM))
	}
	again, err := d.start(ctx, b, home)
	if err == nil {
		_, err = io.Copy(io.Discard, again.stdout)
		err = errors.Join(err, again.stop(nil))
	}
	if err != nil {
		return nil, errors.Join(err, p.stop(syscall.SIGTERM))
	}
	visible, err := share(ctx, p)
	if err = errors.Join(err, p.stop(syscall.SIGTERM)); err != nil {
		return nil, err
	}
	return []row{
		{what: "desktop program in the tray, nothing to do: of one processor", ours: percent(hidden)},
		row{what: "the same with the window in sight, painted by software", ours: percent(visible)}.aimed("≤ "+percent(busyVisible), visible <= busyVisible),
		{what: "memory of the desktop program in the tray", ours: megabytes(memory)},
	}, nil
}

func percent(part float64) string { return strconv.FormatFloat(100*part, 'f', 1, 64) + " %" }

// share is the part of one processor that a process uses while it is looked at.
func share(ctx context.Context, p *process) (float64, error) {
	settle, length := 3*time.Second, idleFor
	if err := pause(ctx, settle); err != nil {
		return 0, err
	}
	before, err := ticks(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := pause(ctx, length); err != nil {
		return 0, err
	}
	after, err := ticks(p.cmd.Process.Pid)
	const perSecond = 100 // as the kernel says it to programs, whatever it is inside
	return float64(after-before) / perSecond / time.Since(began).Seconds(), err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ticks is what a process has used of processors since its start.
func ticks(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is %q", pid, text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return user + system, errors.Join(err1, err2)
}
