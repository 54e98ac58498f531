//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// home is one user's computer as far as the programs can see it: every folder of theirs below one, and the few variables that
// editors pass on.
type home struct {
	dir  string
	env  []string
	dirs paths.Dirs
}

// quiet are settings for homes that need no address: tests beside each other would fight over the port.
const quiet = `{"http": {"enabled": false}}`

// mocked are quiet settings for tests of everything but code that runs. They need no engine.
const mocked = `{"backend": "mock", "http": {"enabled": false}}`

// newHome makes a home with the settings, if they are not empty, and an engine that some earlier host has compiled.
func newHome(t *testing.T, settings string) *home {
	t.Helper()
	h := coldHome(t, settings)
	if err := engine.install(h.dirs.Cache); err != nil {
		t.Fatalf("warm the engine's cache: %v", err)
	}
	return h
}

// coldHome makes a home on which no host ever ran.
func coldHome(t *testing.T, settings string) *home {
	t.Helper()
	h, err := openHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return h.settle(t, settings)
}

// settle writes the settings, if they are not empty, and sees to the end.
func (h *home) settle(t *testing.T, settings string) *home {
	t.Helper()
	t.Cleanup(func() { h.abandon(t) })
	if settings != "" {
		h.configure(t, settings)
	}
	return h
}

func openHome(dir string) (*home, error) {
	return openHomeWith(dir, paths.HomeVariable+"="+dir)
}

// openHomeWith makes a home whose folders are said in another way.
func openHomeWith(dir string, more ...string) (*home, error) {
	h := &home{dir: dir, env: append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, more...)}
	var err error
	h.dirs, err = paths.FromEnv(func(name string) string {
		for _, entry := range h.env {
			if value, found := strings.CutPrefix(entry, name+"="); found {
				return value
			}
		}
		return ""
	}, runtime.GOOS)
	return h, err
}

// configure writes the settings file.
func (h *home) configure(t *testing.T, settings string) {
	t.Helper()
	if err := os.MkdirAll(h.dirs.Config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.settingsFile(), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h *home) settingsFile() string { return filepath.Join(h.dirs.Config, "settings.json") }
func (h *home) socket() string       { return filepath.Join(h.dirs.Runtime, "host.sock") }
func (h *home) infoFile() string     { return filepath.Join(h.dirs.Runtime, "host.json") }
func (h *home) scratch() string      { return filepath.Join(h.dirs.Data, "scratch") }

// abandon ends the hosts that relays have started here, and shows the log of a test that failed.
func (h *home) abandon(t *testing.T) {
	t.Helper()
	pids, err := h.hosts()
	if err != nil {
		t.Error(err)
	}
	for _, pid := range pids {
		if err := endProcess(pid, 15*time.Second); err != nil {
			t.Errorf("host %d: %v", pid, err)
		}
	}
	if !strings.HasPrefix(h.dirs.Runtime, h.dir) { // the path of the home is too long to have a socket in it
		if err := os.RemoveAll(h.dirs.Runtime); err != nil {
			t.Error(err)
		}
	}
	if !t.Failed() {
		return
	}
	log, err := os.ReadFile(h.logFile())
	if err != nil {
		t.Log(err)
		return
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	t.Logf("the host's log ends with:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
}

func (h *home) logFile() string { return filepath.Join(h.dirs.Log, "host.log") }

// log reads the host's log once there is an event of the given name in it.
func (h *home) log(t *testing.T, name string) string {
	t.Helper()
	var text []byte
	var err error
	if !eventually(patience, func() bool {
		text, err = os.ReadFile(h.logFile())
		return err == nil && bytes.Contains(text, []byte(`"msg":`+strconv.Quote(name)))
	}) {
		t.Fatalf("the log does not report %q: %v\n%s", name, err, text)
	}
	return string(text)
}

// hosts lists the processes that are hosts of this home, whoever has started them.
func (h *home) hosts() ([]int, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		if err != nil || !bytes.HasPrefix(line, []byte(controlProgram()+"\x00serve")) {
			continue
		}
		env, err := os.ReadFile(filepath.Join(folder, "environ"))
		if err != nil || !bytes.Contains(append([]byte("\x00"), env...), []byte("\x00HOME="+h.dir+"\x00")) {
			continue
		}
		if alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// alive reports whether a process runs or still holds anything open. One that has ended and that nobody has asked about yet
// does not; but its first thread may have ended before the others have.
func alive(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return false
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			continue
		}
		_, rest, _ := bytes.Cut(stat, []byte(") "))
		if len(rest) > 0 && rest[0] != 'Z' && rest[0] != 'X' {
			return true
		}
	}
	return false
}

// endProcess asks a process to end, and insists after a while.
func endProcess(pid int, grace time.Duration) error {
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	if eventually(grace, func() bool { return !alive(pid) }) {
		return nil
	}
	err := syscall.Kill(pid, syscall.SIGKILL)
	eventually(grace, func() bool { return !alive(pid) })
	return errors.Join(fmt.Errorf("it ran on %v after SIGTERM and was killed", grace), err)
}

// eventually asks the world outside, which sends no events, until it is as it should be.
func eventually(within time.Duration, so func() bool) bool {
	deadline := time.Now().Add(within)
	for !so() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
	return true
}

// outcome is what came of a command.
type outcome struct {
	code           int
	stdout, stderr string
}

// ctl runs agentrunctl to its end.
func (h *home) ctl(args ...string) (outcome, error) { return h.ctlReading("", args...) }

// ctlReading is ctl with something on the standard input, which is no terminal.
func (h *home) ctlReading(stdin string, args ...string) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, controlProgram(), args...)
	cmd.Env, cmd.Dir = h.env, h.dir
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); failed && ctx.Err() == nil {
		err = nil
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, err
}

// mustCtl runs agentrunctl and wants it to succeed.
func (h *home) mustCtl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.ctl(args...)
	if err != nil || out.code != 0 {
		t.Fatalf("agentrunctl %s = exit code %d, %v, want 0; it said:\n%s%s", strings.Join(args, " "), out.code, err, out.stdout, out.stderr)
	}
	return out.stdout
}

// look asks the running host for its snapshot.
func (h *home) look() (status.Snapshot, error) {
	var s status.Snapshot
	out, err := h.ctl("status", "--json")
	if err != nil {
		return s, err
	}
	if out.code != 0 {
		return s, fmt.Errorf("agentrunctl status: exit code %d: %s", out.code, strings.TrimSpace(out.stderr))
	}
	return s, json.Unmarshal([]byte(out.stdout), &s)
}

// sees waits until the host's snapshot is as wanted.
func (h *home) sees(t *testing.T, wanted string, so func(status.Snapshot) bool) status.Snapshot {
	t.Helper()
	s, err := h.watch(patience, so)
	if err != nil {
		t.Fatalf("agentrunctl status, waiting for %s: %v", wanted, err)
	}
	return s
}

func (h *home) watch(within time.Duration, so func(status.Snapshot) bool) (s status.Snapshot, err error) {
	found := eventually(within, func() bool {
		s, err = h.look()
		return err == nil && so(s)
	})
	if found || err != nil {
		return s, err
	}
	text, err := json.Marshal(s)
	return s, errors.Join(fmt.Errorf("not within %v; it is %s", within, clip(string(text), 3000)), err)
}

func poolIsFull(s status.Snapshot) bool { return s.Pool.Ready > 0 && s.Pool.Ready == s.Pool.Warm }

// host is an agentrunctl serve that the test has started itself.
type host struct {
	home   *home
	cmd    *exec.Cmd
	said   *transcript // standard error: the log
	stdout *transcript
	done   chan struct{}
}

// serve starts a host in the foreground.
func (h *home) serve(t *testing.T, args ...string) *host {
	t.Helper()
	s, err := h.start(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(20 * time.Second):
			t.Errorf("the host (process %d) ran on 20 s after SIGTERM and is killed", s.cmd.Process.Pid)
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	})
	return s
}

func (h *home) start(args ...string) (*host, error) {
	return h.startBy(exec.Command(controlProgram(), append([]string{"serve"}, args...)...))
}

// startBy starts a host by a command that becomes it.
func (h *home) startBy(cmd *exec.Cmd) (*host, error) {
	s := &host{home: h, cmd: cmd, said: newTranscript(), stdout: newTranscript(), done: make(chan struct{})}
	s.cmd.Env, s.cmd.Dir = h.env, h.dir
	s.cmd.Stdout, s.cmd.Stderr = s.stdout, s.said
	s.cmd.WaitDelay = 5 * time.Second
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the host: %w", err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // ProcessState says how it ended
		s.said.end()
		s.stdout.end()
	}()
	return s, nil
}

// ready waits until the pool is full.
func (s *host) ready(t *testing.T) *host {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := s.said.await(ctx, isEvent("serving")); err != nil {
		t.Fatalf("the host did not report that it serves: %v", err)
	}
	return s
}

// isEvent matches the log line with a message.
func isEvent(name string) func(line string) bool {
	plain, quoted := "msg="+name+" ", "msg="+strconv.Quote(name)
	return func(line string) bool { return strings.Contains(line+" ", plain) || strings.Contains(line, quoted) }
}

// ended waits for the end and returns the exit code, or -1.
func (s *host) ended(t *testing.T, within time.Duration, why string) int {
	t.Helper()
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		t.Errorf("the host (process %d) did not end within %v after %s; it said:\n%s", s.cmd.Process.Pid, within, why, s.said)
		return -1
	}
}

// engine is set before any test runs.
var engine *engineCache

// engineCache is what a host has compiled on its first start, to be handed to homes whose test is about something else.
type engineCache struct {
	folder string
	once   sync.Once
	err    error
}

func (e *engineCache) install(cache string) error {
	e.once.Do(func() { e.err = e.compile() })
	if e.err != nil {
		return e.err
	}
	return os.CopyFS(cache, os.DirFS(filepath.Join(e.folder, "cache")))
}

// compile lets a host start and end in a home of its own.
func (e *engineCache) compile() error {
	if err := os.Mkdir(e.folder, 0o700); err != nil {
		return err
	}
	h, err := openHome(e.folder)
	if err != nil {
		return err
	}
	s, err := h.start("--listen", "off")
	if err != nil {
		return err
	}
	_, err = h.watch(10*time.Minute, poolIsFull)
	if err != nil {
		err = fmt.Errorf("the first start: %w; the host said:\n%s", err, s.said)
	}
	return errors.Join(err, s.cmd.Process.Signal(syscall.SIGTERM), s.wait(20*time.Second))
}

func (s *host) wait(within time.Duration) error {
	select {
	case <-s.done:
		return nil
	case <-time.After(within):
		return errors.Join(errors.New("the host did not end on SIGTERM"), s.cmd.Process.Kill())
	}
}
