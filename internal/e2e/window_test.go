//go:build e2e && window

package e2e

import (
	"encoding/json"
	"errors"
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

	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

func windowProgram() string { return filepath.Join(programs, "agentrun-tray") }

// computer is a home with a display, a session bus, and a keyring that is open.
type computer struct {
	*home
	screen  *screen
	bus     *secretstest.Bus
	account *account // of its user; nil: none
}

func newComputer(t *testing.T, h *home) *computer {
	t.Helper()
	c := &computer{home: h, screen: newScreen(t), bus: secretstest.StartBus(t)}
	c.bus.Unlocked()
	c.env = append(c.env, c.bus.Environment()...)
	c.env = append(c.env, "DISPLAY="+c.screen.name, "LIBGL_ALWAYS_SOFTWARE=1", "LANG=C.UTF-8")
	return c
}

// desktopApp is a desktop program that runs.
type desktopApp struct {
	*computer
	cmd  *exec.Cmd
	said *transcript
	done chan struct{}
}

// launch starts the desktop program. What it says is looked through when the test ends.
func (c *computer) launch(t *testing.T, args ...string) *desktopApp {
	t.Helper()
	return c.launchBy(t, exec.Command(windowProgram(), args...))
}

// launchBy starts the desktop program by a command that becomes it.
func (c *computer) launchBy(t *testing.T, cmd *exec.Cmd) *desktopApp {
	t.Helper()
	a := &desktopApp{computer: c, cmd: cmd, said: newTranscript(), done: make(chan struct{})}
	a.cmd.Env, a.cmd.Dir = c.env, c.dir
	a.cmd.Stdout, a.cmd.Stderr = a.said, a.said
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(a.done)
		_ = a.cmd.Wait() // ProcessState says how it ended
		a.said.end()
	}()
	t.Cleanup(func() {
		_ = a.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-a.done:
		case <-time.After(20 * time.Second):
			t.Errorf("the program ran on 20 s after SIGTERM and is killed; it said:\n%s", a.said)
			_ = a.cmd.Process.Kill()
			<-a.done
		}
		c.keepsTheRules(t, a.said.String())
	})
	return a
}

// keepsTheRules looks for what the toolkit has to say of calls on the wrong goroutine, which it says on standard error and, once there
// is one, in the log.
func (c *computer) keepsTheRules(t *testing.T, said string) {
	t.Helper()
	log, err := os.ReadFile(c.logFile())
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	for _, text := range []string{said, string(log)} {
		if at := strings.Index(text, "Error in Fyne call thread"); at >= 0 {
			t.Errorf("the toolkit was called on the wrong goroutine:\n%s", clip(text[at:], 3000))
		}
		if at := strings.Index(text, "panic:"); at >= 0 {
			t.Errorf("the program panicked:\n%s", clip(text[at:], 3000))
		}
	}
}

// quitTime is after what time the program has ended, come what may.
const quitTime = 10 * time.Second

// ends waits for the end, and wants it to be a success.
func (a *desktopApp) ends(t *testing.T, within time.Duration, why string) {
	t.Helper()
	select {
	case <-a.done:
		if code := a.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("the program ended with exit code %d after %s, want 0; it said:\n%s", code, why, a.said)
		}
	case <-time.After(within):
		t.Fatalf("the program did not end within %v after %s; it said:\n%s", within, why, a.said)
	}
}

// question and sight are what the program that is built for tests takes and gives.
type question struct {
	Ask   string `json:"ask"`
	Label string `json:"label,omitempty"`
	Nth   int    `json:"nth,omitempty"`
	Place string `json:"place,omitempty"`
	Value any    `json:"value,omitempty"`
}

type sight struct {
	Error string   `json:"error"`
	Shown bool     `json:"shown"`
	Place string   `json:"place"`
	Texts []string `json:"texts"`
	X     int      `json:"x"`
	Y     int      `json:"y"`
}

// ask asks the program about its window.
func (c *computer) ask(q question) (s sight, err error) {
	conn, err := net.Dial("unix", filepath.Join(c.dirs.Runtime, "window.sock"))
	if err != nil {
		return s, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err := json.NewEncoder(conn).Encode(q); err != nil {
		return s, err
	}
	if err := json.NewDecoder(conn).Decode(&s); err != nil {
		return s, err
	}
	if s.Error != "" {
		err = errors.New(s.Error)
	}
	return s, err
}

// reads waits until all texts can be read in the window, each alone or in a longer one.
func (c *computer) reads(t *testing.T, texts ...string) {
	t.Helper()
	var s sight
	var err error
	missing := ""
	if !eventually(patience, func() bool {
		s, err = c.ask(question{Ask: "texts"})
		missing = ""
		for _, text := range texts {
			if !slices.ContainsFunc(s.Texts, func(there string) bool { return strings.Contains(there, text) }) {
				missing = text
			}
		}
		return err == nil && s.Shown && missing == ""
	}) {
		c.screen.picture(t, filepath.Join(artifacts(t), "missing.png"))
		t.Fatalf("%q cannot be read in the window, %v; it is shown: %v, at %s, with %q", missing, err, s.Shown, s.Place, s.Texts)
	}
}

// shows waits until the window is in sight, or is not.
func (c *computer) shows(t *testing.T, wanted bool) {
	t.Helper()
	if !eventually(patience, func() bool { return (c.screen.window() != "") == wanted }) {
		c.screen.picture(t, filepath.Join(artifacts(t), "window.png"))
		t.Fatalf("the window is in sight: %v, want %v", !wanted, wanted)
	}
}

// close has the window manager close the window, as its button does. Keys go to the window that has the keyboard, which a new one gets
// some time after it is seen.
func (c *computer) close(t *testing.T) {
	t.Helper()
	if !eventually(patience, func() bool {
		window := c.screen.window()
		if window == "" {
			return true
		}
		_, err := c.screen.do("windowactivate", window, "sleep", "0.1", "key", "alt+F4")
		return err == nil && eventually(2*time.Second, func() bool { return c.screen.window() == "" })
	}) {
		t.Fatal("the window cannot be closed")
	}
}

// click moves the mouse to a text in the window, the nth of its kind, and clicks.
func (c *computer) click(t *testing.T, label string, nth int) {
	t.Helper()
	var s sight
	var err error
	if !eventually(patience, func() bool {
		s, err = c.ask(question{Ask: "find", Label: label, Nth: nth})
		return err == nil
	}) {
		c.screen.picture(t, filepath.Join(artifacts(t), "missing.png"))
		all, _ := c.ask(question{Ask: "texts"})
		t.Fatalf("click %q: %v; there are %q", label, err, all.Texts)
	}
	// The toolkit takes the mouse to be where it was at the last frame it has drawn.
	c.screen.must(t, "mousemove", "--window", c.screen.window(), strconv.Itoa(s.X), strconv.Itoa(s.Y), "sleep", "0.25", "click", "1", "sleep", "0.1")
}

// types presses keys.
func (c *computer) types(t *testing.T, text string) {
	t.Helper()
	c.screen.must(t, "type", "--delay", "12", text)
}

func (c *computer) press(t *testing.T, keys ...string) {
	t.Helper()
	c.screen.must(t, append([]string{"key", "--delay", "40"}, keys...)...)
}

// artifacts is the folder for what a test leaves to be looked at.
func artifacts(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("AGENTRUN_TEST_ARTIFACTS")
	if folder == "" {
		folder = filepath.Join(os.TempDir(), "agentrun-tray-artifacts")
	}
	return filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "-"))
}

// TestWindowFirstRun is what somebody does who starts the program for the first time and has no account.
func TestWindowFirstRun(t *testing.T) {
	c := newComputer(t, newHome(t, quiet))
	cursor := newEditor(t, c.home)
	panel := newPanel(t, c.bus)
	a := c.launch(t)
	item := panel.registered(t)
	c.shows(t, true)
	c.reads(t, "Where should code run?", "This computer")
	c.click(t, "Continue", 0)
	c.reads(t, "Step 2 of 2", "Cursor")
	c.click(t, "Preview: Cursor", 0)
	c.reads(t, `+    "agentrun": {`)
	c.screen.picture(t, filepath.Join(artifacts(t), "preview.png"))
	c.press(t, "Escape")
	cursor.knowsUs(t, false)
	c.click(t, "Cursor", 2) // its switch, behind its name and the text of that
	c.reads(t, "Connected")
	cursor.knowsUs(t, true)
	c.click(t, "Undo: Cursor", 0)
	c.reads(t, "The file is what it was before, to the byte.")
	cursor.isUntouched(t)
	c.click(t, "Cursor", 2)
	c.reads(t, "Connected")
	c.click(t, "Try it", 0)
	c.sees(t, "a full pool", poolIsFull)
	c.types(t, "print(6*7, 'from the window')")
	c.press(t, "ctrl+Return")
	c.reads(t, "42 from the window")
	c.press(t, "ctrl+3") // while the keyboard is in the pane
	c.reads(t, "run_code", "Ctrl+F")
	c.press(t, "ctrl+2")
	c.reads(t, "42 from the window")
	s, err := c.look()
	if err != nil || len(s.Contexts) != 1 || s.Contexts[0].Runs != 1 || len(s.Runs) != 0 {
		t.Errorf("the host has the contexts %+v, %v, want one with one run", s.Contexts, err)
	}

	c.interruptsInTheActivity(t)

	if id, title := item.property(t, "Id"), item.property(t, "Title"); id != "AgentRun Tray" || title != id {
		t.Errorf("the tray item is %v with the title %v", id, title)
	}
	for _, label := range []string{"Pool 3/3 ready", "Contexts 1", "Open AgentRun Tray", "Pause pool", "Start at login", "Quit"} {
		item.await(t, label, nil)
	}
	item.await(t, "This computer", func(l menuLine) bool { return l.checked }) // it was chosen in the first step
	item.choose(t, "Start at login", func() bool { l, ok := find(item.menu(t), "Start at login"); return ok && l.checked })
	if entry, err := os.ReadFile(filepath.Join(c.dir, ".config", "autostart", "io.github.agentruntray.AgentRunTray.desktop")); err != nil || !strings.Contains(string(entry), windowProgram()) {
		t.Errorf("the entry of programs that are started at login is %q, %v", entry, err)
	}
	c.mendsEditors(t, item, cursor)
	item.choose(t, "Quit", func() bool { return !alive(a.cmd.Process.Pid) })
	a.ends(t, quitTime, "Quit in the tray's menu")
	if s, err := c.look(); err == nil {
		t.Errorf("a host runs on: %+v", s)
	}
}

// interruptsInTheActivity runs code that does not end, and code that fails, and finds both in the activity.
func (c *computer) interruptsInTheActivity(t *testing.T) {
	t.Helper()
	c.press(t, "ctrl+t")
	c.types(t, "while True: pass")
	c.press(t, "ctrl+Return")
	s := c.sees(t, "a run", func(s status.Snapshot) bool { return len(s.Runs) == 1 && s.Runs[0].StartedAt != nil })
	if r := s.Runs[0]; r.Tool != "run_code" || r.ContextID != s.Contexts[0].ID || r.Client != "AgentRun Tray" || r.ID != s.Contexts[0].RunID {
		t.Errorf("what goes on is %+v in %+v", r, s.Contexts)
	}
	c.press(t, "ctrl+3")
	c.reads(t, "Running")
	c.screen.picture(t, filepath.Join(artifacts(t), "running.png"))
	c.click(t, "Interrupt: Try it", 0)
	c.sees(t, "the end of the run", func(s status.Snapshot) bool { return len(s.Runs) == 0 })
	c.reads(t, "Cancelled")
	c.press(t, "ctrl+t")
	c.types(t, "nowhere")
	c.press(t, "ctrl+Return")
	c.press(t, "ctrl+3")
	c.reads(t, "NameError")
}

// TestWindowComesAndGoes closes the window and shows it again in all ways there are.
func TestWindowComesAndGoes(t *testing.T) {
	c := newComputer(t, newHome(t, quiet))
	c.setUp(t)
	panel := newPanel(t, c.bus)
	a := c.launch(t, "--background")
	item := panel.registered(t)
	c.sees(t, "a full pool, for which the engine is loaded once the item is there", poolIsFull)
	c.shows(t, false)
	ways := map[string]func(){
		"Open in the tray's menu": func() { item.choose(t, "Open AgentRun Tray", func() bool { return c.screen.window() != "" }) },
		"a click on the tray":     func() { item.activate(t) },
		"a second start":          func() { c.again(t) },
	}
	for name, show := range ways {
		show()
		c.shows(t, true)
		c.reads(t, "Overview")
		c.close(t)
		if s, err := c.ask(question{Ask: "texts"}); err != nil || s.Shown {
			t.Errorf("after closing what %s showed, the window takes itself to be shown: %v, %v", name, s.Shown, err)
		}
	}
	c.again(t, "--background")
	c.shows(t, false)

	item.choose(t, "Pause pool", func() bool { s, err := c.look(); return err == nil && s.Pool.Paused })
	item.await(t, "Resume pool", nil)
	item.choose(t, "Resume pool", func() bool { s, err := c.look(); return err == nil && !s.Pool.Paused })
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.ends(t, quitTime, "SIGTERM")
}

// setUp lets the first steps be done.
func (c *computer) setUp(t *testing.T) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(c.dirs.Data, 0o700), os.WriteFile(filepath.Join(c.dirs.Data, "setup-done"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// again starts the program a second time, which ends at once.
func (c *computer) again(t *testing.T, args ...string) {
	t.Helper()
	second := c.launch(t, args...)
	second.ends(t, patience, "a second start")
	if said := second.said.String(); said != "" {
		t.Errorf("a second start says %q, want nothing", said)
	}
}

// TestWindowWithoutATray starts where nothing shows tray items.
func TestWindowWithoutATray(t *testing.T) {
	c := newComputer(t, newHome(t, quiet))
	c.setUp(t)
	a := c.launch(t, "--background")
	c.shows(t, true)
	c.reads(t, "This desktop shows no tray icons")
	c.sees(t, "a full pool, for which the engine is loaded though no item comes", poolIsFull)
	c.close(t)
	c.again(t)
	c.shows(t, true)
	if err := a.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	a.ends(t, quitTime, "SIGINT")
}

// TestWindowIsNotShownWhereTheTrayComesLater, as at login, where the panel starts beside the program.
func TestWindowIsNotShownWhereTheTrayComesLater(t *testing.T) {
	c := newComputer(t, newHome(t, mocked))
	c.setUp(t)
	a := c.launch(t, "--background")
	c.sees(t, "a full pool", poolIsFull)
	newPanel(t, c.bus).registered(t)
	if eventually(8*time.Second, func() bool { return c.screen.window() != "" }) {
		t.Error("the window is shown though there is a tray")
	}
	c.again(t)
	c.shows(t, true)
	if err := a.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	a.ends(t, quitTime, "SIGINT")
}

// TestWindowWithoutADisplay wants a sentence and an exit code.
func TestWindowWithoutADisplay(t *testing.T) {
	for name, env := range map[string][]string{
		"none is named":           nil,
		"the one named is gone":   {"DISPLAY=:987"},
		"the one named hangs up":  {"DISPLAY=" + rudeDisplay(t), "XDG_RUNTIME_DIR=" + t.TempDir()}, // without one libwayland complains by itself
		"the one named is no one": {"DISPLAY=nonsense", "WAYLAND_DISPLAY=wayland-none", "XDG_RUNTIME_DIR=" + t.TempDir()},
	} {
		h := newHome(t, mocked)
		cmd := exec.Command(windowProgram())
		cmd.Env, cmd.Dir = append(slices.Clone(h.env), env...), h.dir
		out, _ := cmd.CombinedOutput()
		said := strings.TrimSpace(string(out))
		if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.HasPrefix(said, "agentrun-tray: ") || !strings.Contains(said, "display") || strings.Contains(said, "goroutine") {
			t.Errorf("where %s: exit code %d, %q, want 2 and a sentence about the display", name, code, said)
		}
	}
}

// rudeDisplay is one that takes connections and ends them, as a display does that is about to end itself.
func rudeDisplay(t *testing.T) string {
	t.Helper()
	const folder = "/tmp/.X11-unix" // where all programs look
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	number := strconv.Itoa(10000 + os.Getpid()%10000)
	l, err := net.Listen("unix", filepath.Join(folder, "X"+number))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return ":" + number
}

// TestWindowTakesOver starts where a host without a window runs, and goes on in its place.
func TestWindowTakesOver(t *testing.T) {
	c := newComputer(t, newHome(t, mocked))
	c.setUp(t)
	newPanel(t, c.bus)
	headless := c.serve(t).ready(t)
	c.again(t, "--background")
	a := c.launch(t)
	c.shows(t, true)
	c.picture(t, "takeover")
	c.click(t, "Go on here", 0)
	if code := headless.ended(t, 30*time.Second, "another took its place"); code != 0 {
		t.Errorf("the host without a window ended with %d", code)
	}
	c.reads(t, "Overview")
	s := c.sees(t, "a full pool", poolIsFull)
	if s.PID != a.cmd.Process.Pid {
		t.Errorf("the host is process %d, want the window's, %d", s.PID, a.cmd.Process.Pid)
	}
}
