//go:build e2e && window

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestWindowInARoughPlace is one long visit to a computer on which much is not as it should be: a settings file that is broken, a port
// that is taken; and then, while the window is in sight, the desktop turns dark, the monitor is another, and the computer sleeps.
func TestWindowInARoughPlace(t *testing.T) {
	const broken = "{\n  \"theme\": \"system\",\n  \"pool\": {\"warm\": 2,\n"
	if l, err := net.Listen("tcp", "127.0.0.1:7411"); err == nil { // else it is taken already
		t.Cleanup(func() { _ = l.Close() })
	}
	c := newComputer(t, newHome(t, broken))
	c.setUp(t)
	opened := c.catchFolders(t)
	appearance := newAppearance(t, c.bus)
	newPanel(t, c.bus)
	a := c.launch(t)
	c.shows(t, true)
	c.sees(t, "a full pool", poolIsFull)

	c.reads(t, "The settings file cannot be read, so everything is as in a new installation.", "line 4", "Port 7411 is taken")
	c.picture(t, "banners")
	c.click(t, "Show the file", 0)
	if !eventually(patience, func() bool { return opened() == "file://"+c.dirs.Config }) {
		t.Errorf("the button opened %q, want the folder of the settings", opened())
	}
	c.click(t, "Choose a port", 0)
	c.reads(t, "Port")
	free := freePort(t)
	c.press(t, "ctrl+a")
	c.types(t, free)
	c.press(t, "Tab")
	c.reads(t, "Saved.")
	c.picture(t, "port")
	if text, err := os.ReadFile(c.settingsFile()); err != nil || !strings.Contains(string(text), free) {
		t.Errorf("the new settings are %q, %v, want the port %s", text, err, free)
	}
	if kept, err := filepath.Glob(c.settingsFile() + ".broken-*"); err != nil || len(kept) != 1 || !holds(kept[0], broken) {
		t.Errorf("the broken settings are kept as %q, %v, want them as they were", kept, err)
	}

	t.Run("theme", func(t *testing.T) { c.changesTheme(t, appearance) })
	t.Run("monitor", func(t *testing.T) { c.losesMonitor(t) })
	t.Run("sleep", func(t *testing.T) { c.sleeps(t, a) })
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.ends(t, quitTime, "SIGTERM")
}

func holds(name, text string) bool {
	found, err := os.ReadFile(name)
	return err == nil && string(found) == text
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	return port
}

// catchFolders puts a program in the place of the one that opens folders, and returns what it was given last.
func (c *computer) catchFolders(t *testing.T) (opened func() string) {
	t.Helper()
	folder := t.TempDir()
	told := filepath.Join(folder, "told")
	if err := os.WriteFile(filepath.Join(folder, "xdg-open"), []byte("#!/bin/sh\nprintf %s \"$1\" >'"+told+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for n, assignment := range c.env {
		if path, ok := strings.CutPrefix(assignment, "PATH="); ok {
			c.env[n] = "PATH=" + folder + ":" + path
		}
	}
	return func() string {
		text, _ := os.ReadFile(told)
		return string(text)
	}
}

// appearance is the part of a desktop that says whether it is light or dark.
type appearance struct {
	bus *dbus.Conn
}

const (
	portalName, portalPath = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
	portalSettings         = "org.freedesktop.portal.Settings"
	appearanceNamespace    = "org.freedesktop.appearance"
)

func newAppearance(t *testing.T, bus *secretstest.Bus) *appearance {
	t.Helper()
	conn, err := dbus.Connect(bus.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	a := &appearance{bus: conn}
	if err := conn.Export(a, portalPath, portalSettings); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(portalName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("own %s: %v, %v", portalName, reply, err)
	}
	return a
}

// The values of color-scheme.
const (
	prefersDark  uint32 = 1
	prefersLight uint32 = 2
)

// ReadOne is called by programs, when they start.
func (a *appearance) ReadOne(namespace, key string) (dbus.Variant, *dbus.Error) {
	if namespace != appearanceNamespace || key != "color-scheme" {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.portal.Error.NotFound", []any{"Requested setting not found"})
	}
	return dbus.MakeVariant(prefersLight), nil
}

// turn tells programs that the desktop is another.
func (a *appearance) turn(t *testing.T, scheme uint32) {
	t.Helper()
	if err := a.bus.Emit(portalPath, portalSettings+".SettingChanged", appearanceNamespace, "color-scheme", dbus.MakeVariant(scheme)); err != nil {
		t.Fatal(err)
	}
}

// Surfaces of the two themes: background, sidebar, lines, code. The cards' white is that of texts, too.
var (
	lightSurfaces = []color.RGBA{{0xF6, 0xF7, 0xF9, 0xFF}, {0xEE, 0xF0, 0xF4, 0xFF}, {0xE1, 0xE4, 0xEA, 0xFF}, {0xF3, 0xF5, 0xF9, 0xFF}}
	darkSurfaces  = []color.RGBA{{0x15, 0x17, 0x1C, 0xFF}, {0x11, 0x13, 0x18, 0xFF}, {0x2A, 0x2E, 0x37, 0xFF}, {0x14, 0x16, 0x1B, 0xFF}}
)

// strays is how many points at the edges of letters may be in any colour: fewer than of the thinnest line.
const strays = 50

// changesTheme turns the desktop dark and light again, and then has the window stay light in a dark desktop: each time every place is in
// the colours of its theme, and nothing in those of the other.
func (c *computer) changesTheme(t *testing.T, desktop *appearance) {
	t.Helper()
	turn := func(scheme uint32) func() { return func() { desktop.turn(t, scheme) } }
	set := func(theme string) func() {
		return func() {
			if _, err := c.ask(question{Ask: "change", Label: "theme", Value: theme}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		name   string
		do     func()
		is, no []color.RGBA
	}{
		{"as it began", func() {}, lightSurfaces, darkSurfaces},
		{"a desktop that turns dark", turn(prefersDark), darkSurfaces, lightSurfaces},
		{"the setting light in a dark desktop", set("light"), lightSurfaces, darkSurfaces},
		{"a desktop that turns light, followed again", func() { desktop.turn(t, prefersLight); set("system")() }, lightSurfaces, darkSurfaces},
	} {
		step.do()
		for n, place := range []string{"overview", "contexts", "activity", "editors", "settings"} {
			if _, err := c.ask(question{Ask: "open", Place: place}); err != nil {
				t.Fatal(err)
			}
			var is, no int
			var picture *image.RGBA
			if !eventually(patience, func() bool {
				picture = c.screen.look(t)
				is, no = count(picture, step.is), count(picture, step.no)
				return is > 100_000 && no < strays
			}) {
				save(t, picture, fmt.Sprintf("theme-%s-%d.png", place, n))
				t.Errorf("after %s, %s has %d points in the colours of its theme and %d in those of the other", step.name, place, is, no)
			}
		}
	}
}

// look is what can be seen of the window.
func (s *screen) look(t *testing.T) *image.RGBA {
	t.Helper()
	cmd := exec.Command("import", "-window", s.window(), "-depth", "8", "PNG24:-")
	cmd.Env = s.env(t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	decoded, err := png.Decode(bytes.NewReader(out))
	picture, ok := decoded.(*image.RGBA)
	if err != nil || !ok {
		t.Fatalf("the picture of the window is %T, %v", decoded, err)
	}
	return picture
}

// count is how many points have one of the colours.
func count(picture *image.RGBA, colors []color.RGBA) (n int) {
	for p := picture.Pix; len(p) >= 4; p = p[4:] {
		if slices.Contains(colors, color.RGBA{R: p[0], G: p[1], B: p[2], A: p[3]}) {
			n++
		}
	}
	return n
}

func save(t *testing.T, picture image.Image, name string) {
	t.Helper()
	var data bytes.Buffer
	err := errors.Join(os.MkdirAll(artifacts(t), 0o755), png.Encode(&data, picture))
	if err := errors.Join(err, os.WriteFile(filepath.Join(artifacts(t), name), data.Bytes(), 0o644)); err != nil {
		t.Error(err)
	}
}

// losesMonitor has the window at the far corner of a large monitor, of which a small one is left: it is in reach there, whether it was in
// sight or in the tray.
func (c *computer) losesMonitor(t *testing.T) {
	t.Helper()
	c.screen.must(t, "windowmove", "--sync", c.screen.window(), "900", "650")
	c.screen.resize(t, 800, 600)
	c.inReach(t, "that was in sight", 800, 600)
	c.picture(t, "small")
	c.screen.resize(t, 1280, 800)
	c.screen.must(t, "windowmove", "--sync", c.screen.window(), "900", "650")
	c.close(t)
	c.screen.resize(t, 800, 600)
	c.again(t)
	c.shows(t, true)
	c.inReach(t, "that was in the tray", 800, 600)
	c.picture(t, "small-again")
	c.screen.resize(t, 1280, 800)
	c.shows(t, true)
	c.reads(t, "Overview")
}

// grip is how much of a window's title one needs to drag it.
const grip = 50

// inReach waits until the window's upper left corner, with which it is moved, is on the screen.
func (c *computer) inReach(t *testing.T, which string, width, height int) {
	t.Helper()
	x, y := 0, 0
	if !eventually(patience, func() bool {
		for line := range strings.FieldsSeq(c.screen.must(t, "getwindowgeometry", "--shell", c.screen.window())) {
			if text, ok := strings.CutPrefix(line, "X="); ok {
				x, _ = strconv.Atoi(text)
			} else if text, ok := strings.CutPrefix(line, "Y="); ok {
				y, _ = strconv.Atoi(text)
			}
		}
		return x >= -20 && x < width-grip && y >= 0 && y < height-grip/2
	}) {
		c.screen.picture(t, filepath.Join(artifacts(t), "lost.png"))
		t.Errorf("on a monitor of %d×%d the window %s is at %d,%d", width, height, which, x, y)
	}
}

// resize gives the screen another size, as another monitor does.
func (s *screen) resize(t *testing.T, width, height int) {
	t.Helper()
	name := fmt.Sprintf("%dx%d", width, height)
	for _, args := range [][]string{
		{"--newmode", name, "40", strconv.Itoa(width), "0", "0", strconv.Itoa(width), strconv.Itoa(height), "0", "0", strconv.Itoa(height)}, {"--addmode", "screen", name}, {"--output", "screen", "--mode", name},
	} {
		cmd := exec.Command("xrandr", args...)
		cmd.Env = s.env(t.TempDir())
		out, err := cmd.CombinedOutput()
		if known := args[0] != "--output"; err != nil && !known { // a size that there was before has its mode
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
}

// sleeps stops the program for a while, as a computer that sleeps does. Its clocks cannot be stopped from here; what hangs on them is
// shown in a bubble, where the pool checks what is older than it seems.
func (c *computer) sleeps(t *testing.T, a *desktopApp) {
	t.Helper()
	editor := c.connect(t, legacy)
	id := editor.create(t, "before the sleep", "python")
	editor.wants(t, id, "x = 41\nx", "41")
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // it sleeps
	if err := a.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	editor.wants(t, id, "x + 1", "42")
	c.sees(t, "a full pool", poolIsFull)
	if _, err := c.ask(question{Ask: "open", Place: "contexts"}); err != nil {
		t.Fatal(err)
	}
	c.reads(t, "before the sleep", "42")
	c.sees(t, "one context", func(s status.Snapshot) bool { return len(s.Contexts) == 1 && s.Contexts[0].Runs == 2 })
	c.picture(t, "after-sleep")
}
