package bridge

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
)

// connectStarting runs a relay which starts hosts.
func connectStarting(t *testing.T, dirs paths.Dirs, s *Starter) *editor {
	t.Helper()
	return connect(t, dirs, func(r *Relay) { r.opt.Starter, r.times.startAgain = s, 200*time.Millisecond })
}

func logOf(t *testing.T, s *Starter) string {
	t.Helper()
	data, err := os.ReadFile(s.logName())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAHostIsStarted(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "host")
	e := connectStarting(t, dirs, s)
	start := time.Now()
	e.write(hello)
	if m := e.answer("0"); m.Error != nil {
		t.Fatalf("initialize = %+v", m.Error)
	}
	t.Logf("host started and handshake done in %v", time.Since(start))
	if text := logOf(t, s); !strings.Contains(text, `agentrunctl ["serve" "--idle-exit" "15m" "--quiet"] in host`) {
		t.Errorf("the log is %q, want the command and what it said", text)
	}
	info, err := os.Stat(s.logName())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log has mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestTenRelaysStartOneHost(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "host")
	var all []*editor
	for range 10 {
		all = append(all, connectStarting(t, dirs, s))
	}
	var wg sync.WaitGroup
	for _, e := range all {
		wg.Go(func() { e.write(hello) })
	}
	wg.Wait()
	for _, e := range all {
		if m := e.answer("0"); m.Error != nil {
			t.Errorf("initialize = %+v", m.Error)
		}
	}
}

func TestAHostWhichFindsTheLockTakenIsStartedAgain(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "loser")
	e := connectStarting(t, dirs, s)
	start := time.Now()
	e.write(hello)
	if m := e.answer("0"); m.Error != nil {
		t.Fatalf("initialize = %+v", m.Error)
	}
	if took := time.Since(start); took < e.relay.times.startAgain {
		t.Errorf("it was started again after %v, want %v", took, e.relay.times.startAgain)
	}
	if n := strings.Count(logOf(t, s), "in loser"); n != 2 {
		t.Errorf("%d starts, want 2", n)
	}
}

func TestATrayThatCannotRunIsReplacedByTheHeadlessHost(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "tray cannot")
	install(t, s.Folders[0], "agentrun-tray")
	s.Display = true
	e := connectStarting(t, dirs, s)
	e.write(hello)
	if m := e.answer("0"); m.Error != nil {
		t.Fatalf("initialize = %+v", m.Error)
	}
	if text := logOf(t, s); !strings.Contains(text, "agentrun-tray [\"--background\"] in") || !strings.Contains(text, "agentrunctl [") {
		t.Errorf("the log is %q, want both programs", text)
	}
}

func TestAHostThatCannotRunIsExplained(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "crash")
	e := connectStarting(t, dirs, s)
	start := time.Now()
	e.write(hello)
	m := e.answer("0")
	if m.Error == nil || !strings.Contains(m.Error.Message, "agentrunctl did not become the host: exit status 1; see "+s.logName()) {
		t.Errorf("initialize = %+v, want the exit status and the log", m.Error)
	}
	if took := time.Since(start); took >= e.relay.times.start {
		t.Errorf("it took %v to say so, as long as a host is waited for that starts", took)
	}
}

func TestAHostThatNeverListensIsGivenUp(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "mute")
	e := connect(t, dirs, func(r *Relay) {
		r.opt.Starter, r.times.start, r.times.startAgain = s, time.Second, 100*time.Millisecond
	})
	e.write(hello)
	if m := e.answer("0"); m.Error == nil || !strings.Contains(m.Error.Message, "was started but did not answer within 1s") {
		t.Errorf("initialize = %+v", m.Error)
	}
	starts := func() int { return strings.Count(logOf(t, s), "in mute") }
	eventually(t, "the word of what was started", func() bool { return starts() > 0 })
	if n := starts(); n != 1 {
		t.Errorf("%d starts while the first still ran, want 1", n)
	}
}

func TestNoProgramToStart(t *testing.T) {
	dirs := home(t)
	s := &Starter{Folders: []string{t.TempDir()}, Log: dirs.Log, Display: true}
	os.Mkdir(filepath.Join(s.Folders[0], "agentrunctl"), 0o700) // a folder is no program
	e := connectStarting(t, dirs, s)
	e.write(hello)
	if m := e.answer("0"); m.Error == nil || !strings.Contains(m.Error.Message, "neither agentrun-tray nor agentrunctl is in "+s.Folders[0]) {
		t.Errorf("initialize = %+v", m.Error)
	}
}

func TestCommands(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	install(t, second, "agentrunctl")
	install(t, second, "agentrun-tray")
	names := func(s *Starter) (all string) {
		commands, err := s.commands()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands {
			all += strings.TrimSuffix(c.name(), ".exe") + " " + strings.Join(c.args, " ") + ";"
		}
		return all
	}
	if got, want := names(&Starter{Folders: []string{first, second}}), "agentrunctl serve --idle-exit 15m --quiet;"; got != want {
		t.Errorf("without a display: %q, want %q", got, want)
	}
	if got, want := names(&Starter{Folders: []string{first, second}, Display: true}), "agentrun-tray --background;agentrunctl serve --idle-exit 15m --quiet;"; got != want {
		t.Errorf("with a display: %q, want %q", got, want)
	}
	install(t, first, "agentrunctl")
	if got, want := names(&Starter{Folders: []string{first, second}, Display: true}), "agentrunctl serve --idle-exit 15m --quiet;"; got != want {
		t.Errorf("with two installations: %q, want %q, and nothing of the second", got, want)
	}
}

func TestTheLogIsBegunAnewWhenItIsLong(t *testing.T) {
	s := &Starter{Log: filepath.Join(t.TempDir(), "log")}
	size := func() int64 {
		info, err := os.Stat(s.logName())
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	add := func(n int) {
		f, err := s.openLog()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Write(make([]byte, n))
	}
	add(maxLog)
	add(1)
	if got := size(); got != maxLog+1 {
		t.Errorf("size is %d, want %d: a log of 1 MiB is continued", got, maxLog+1)
	}
	add(10)
	if got := size(); got != 10 {
		t.Errorf("size is %d, want 10", got)
	}
}

func TestFindStarterLooksBesideThisProgram(t *testing.T) {
	s, err := FindStarter(paths.Dirs{Log: "/log"})
	if err != nil {
		t.Fatal(err)
	}
	exe, _ := os.Executable()
	if s.Folders[0] != filepath.Dir(exe) || s.Log != "/log" || s.Display != paths.HasDisplay() {
		t.Errorf("FindStarter = %+v", s)
	}
}

// A host lives on when the relay which started it is gone.
func TestAStartedHostOutlivesItsRelay(t *testing.T) {
	dirs := home(t)
	s := playing(t, dirs, "host")
	first := connectStarting(t, dirs, s)
	first.write(hello)
	first.answer("0")
	first.in.Close()
	if err := first.wait(); err != nil {
		t.Errorf("Run = %v", err)
	}
	conn, err := instance.Dial(t.Context(), dirs)
	if err != nil {
		t.Fatalf("the host went with its relay: %v", err)
	}
	conn.Close()
}

// TestACopyOfTheRelayFindsTheInstallation: a bundle of Claude Desktop has the relay alone in it.
func TestACopyOfTheRelayFindsTheInstallation(t *testing.T) {
	path := t.TempDir()
	installed, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	install(t, installed, shim.Relay)
	install(t, installed, "agentrunctl")
	install(t, path, "agentrunctl")
	ending := ""
	if runtime.GOOS == "windows" {
		ending = ".exe"
	}
	dirs := paths.Dirs{Log: t.TempDir(), Bin: filepath.Join(t.TempDir(), "bin")}
	t.Setenv("PATH", path)
	folders := func() []string {
		s, err := FindStarter(dirs)
		if err != nil {
			t.Fatal(err)
		}
		return s.Folders[1:] // after that of this test
	}
	if got := folders(); !slices.Equal(got, []string{path}) {
		t.Errorf("before the first start of a host, programs are looked for in %q, want those of the PATH, %q", got, path)
	}
	if err := shim.Find(dirs).Point(filepath.Join(installed, shim.Relay+ending)); err != nil {
		t.Fatal(err)
	}
	if got := folders(); !slices.Equal(got, []string{installed, path}) {
		t.Errorf("programs are looked for in %q, want where editors find the relay first: %q, %q", got, installed, path)
	}
}
