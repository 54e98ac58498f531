package instance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// hostVariable, when set, makes this test binary a host of the folder it names: it says "host" or
// "loser" and then lives until its standard input ends.
const hostVariable = "INSTANCE_TEST_HOST"

func TestMain(m *testing.M) {
	if runtimeDir := os.Getenv(hostVariable); runtimeDir != "" {
		os.Exit(beHost(runtimeDir))
	}
	goleak.VerifyTestMain(m)
}

func beHost(runtimeDir string) int {
	i, err := Acquire(context.Background(), paths.Dirs{Runtime: runtimeDir})
	if e, ok := errors.AsType[*RunningError](err); ok {
		fmt.Println("loser", e.Info.PID)
		return 0
	}
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	ln, err := i.Listen(context.Background())
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	if err := i.Publish(Info{Address: Address{HTTP: "http://127.0.0.1:7411"}}); err != nil {
		fmt.Println("failed", err)
		return 1
	}
	fmt.Println("host", os.Getpid())
	io.Copy(io.Discard, os.Stdin)
	if err := errors.Join(ln.Close(), i.Close()); err != nil {
		fmt.Println("failed", err)
		return 1
	}
	return 0
}

type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

func start(t *testing.T, dirs paths.Dirs) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.CommandContext(t.Context(), exe)}
	p.cmd.Env = append(os.Environ(), hostVariable+"="+dirs.Runtime)
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(stdout)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) says(t *testing.T) (word string, pid int) {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the other process said nothing: %v", err)
	}
	if _, err := fmt.Sscan(line, &word, &pid); err != nil {
		t.Fatalf("the other process said %q", line)
	}
	return word, pid
}

func (p *process) end(t *testing.T) {
	t.Helper()
	p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the other process: %v", err)
	}
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.cmd.Wait() // says that it was killed
}

func folders(t *testing.T) paths.Dirs {
	t.Helper()
	dir, err := os.MkdirTemp("", "inst") //nolint:usetesting // t.TempDir is too long for a socket on macOS
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return paths.Dirs{Runtime: filepath.Join(dir, "run")}
}

func acquired(t *testing.T, dirs paths.Dirs) *Instance {
	t.Helper()
	i, err := Acquire(t.Context(), dirs)
	if err != nil {
		t.Fatalf("Acquire = %v", err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

func TestTheSecondIsToldAboutTheFirst(t *testing.T) {
	dirs := folders(t)
	first := acquired(t, dirs)
	if err := first.Publish(Info{PID: 1, Version: "9.8.7", Address: Address{Socket: "elsewhere", HTTP: "http://127.0.0.1:1"}}); err != nil {
		t.Fatal(err)
	}
	_, err := Acquire(t.Context(), dirs)
	e, ok := errors.AsType[*RunningError](err)
	if !ok || !errors.Is(err, ErrRunning) {
		t.Fatalf("Acquire beside a running host = %v, want a RunningError", err)
	}
	want := Info{PID: os.Getpid(), Version: "9.8.7", StartedAt: first.Info().StartedAt, Address: Address{Socket: SocketPath(dirs), HTTP: "http://127.0.0.1:1"}}
	if e.Info != want {
		t.Errorf("the loser knows %+v, want %+v", e.Info, want)
	}
	if !strings.Contains(err.Error(), "9.8.7") {
		t.Errorf("Error() = %q, want it to name the version", err)
	}
	if err := first.Close(); err != nil {
		t.Fatalf("Close = %v", err)
	}
	acquired(t, dirs)
}

func TestTwoProcessesRaceForTheLock(t *testing.T) {
	dirs := folders(t)
	const contenders = 8
	all := make([]*process, contenders)
	var wg sync.WaitGroup
	for n := range all {
		wg.Go(func() { all[n] = start(t, dirs) })
	}
	wg.Wait()
	winners := 0
	for _, p := range all {
		if word, _ := p.says(t); word == "host" {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d of %d processes became the host, want 1", winners, contenders)
	}
	for _, p := range all {
		p.end(t)
	}
	if entries, err := os.ReadDir(dirs.Runtime); err != nil || len(entries) != 1 || entries[0].Name() != "host.lock" {
		t.Errorf("after the end the folder holds %v (%v), want only host.lock", entries, err)
	}
}

func TestAKilledHostIsTakenOver(t *testing.T) {
	dirs := folders(t)
	for range 3 {
		p := start(t, dirs)
		if word, _ := p.says(t); word != "host" {
			t.Fatalf("the other process said %q, want host", word)
		}
		conn, err := Dial(t.Context(), dirs)
		if err != nil {
			t.Fatalf("Dial = %v", err)
		}
		conn.Close()
		p.kill(t)
		if _, err := os.Lstat(SocketPath(dirs)); err != nil {
			t.Fatalf("a killed host leaves its socket behind; here %v", err)
		}
		if _, err := Dial(t.Context(), dirs); !errors.Is(err, ErrNoHost) {
			t.Errorf("Dial to a killed host = %v, want ErrNoHost", err)
		}
		if info, err := Read(dirs); err != nil || info.Address.HTTP != "http://127.0.0.1:7411" {
			t.Errorf("Read = %+v, %v; want what the killed host had published", info, err)
		}
	}
	i := acquired(t, dirs)
	if info, err := Read(dirs); err != nil || info.PID != os.Getpid() || info.Address.HTTP != "" {
		t.Errorf("Read after the takeover = %+v, %v; want ours and no HTTP address of the dead", info, err)
	}
	ln, err := i.Listen(t.Context())
	if err != nil {
		t.Fatalf("Listen where the dead had listened = %v", err)
	}
	ln.Close()
}

func TestALoserNeverTouchesTheSocket(t *testing.T) {
	dirs := folders(t)
	p := start(t, dirs)
	if word, _ := p.says(t); word != "host" {
		t.Fatalf("the other process said %q, want host", word)
	}
	defer p.end(t)
	if _, err := Acquire(t.Context(), dirs); !errors.Is(err, ErrRunning) {
		t.Fatalf("Acquire = %v, want ErrRunning", err)
	}
	conn, err := Dial(t.Context(), dirs)
	if err != nil {
		t.Fatalf("Dial after a loser = %v", err)
	}
	conn.Close()
}

// Cleaners of /tmp remove files which look old, also a lock that is held.
func TestALivingHostWhoseLockFileWasRemovedKeepsItsSocket(t *testing.T) {
	dirs := folders(t)
	first := acquired(t, dirs)
	ln, err := first.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Remove(filepath.Join(dirs.Runtime, "host.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(t.Context(), dirs); !errors.Is(err, ErrRunning) {
		t.Errorf("Acquire = %v, want ErrRunning", err)
	}
	conn, err := Dial(t.Context(), dirs)
	if err != nil {
		t.Fatalf("Dial = %v", err)
	}
	conn.Close()
}

func TestAcquireAloneTellsWhoIsComing(t *testing.T) {
	dirs := folders(t)
	i := acquired(t, dirs)
	info, err := Read(dirs)
	if err != nil || info != i.Info() || info.PID != os.Getpid() || info.StartedAt.IsZero() {
		t.Errorf("Read before Listen = %+v, %v; want %+v", info, err, i.Info())
	}
	if _, err := Dial(t.Context(), dirs); !errors.Is(err, ErrNoHost) {
		t.Errorf("Dial before Listen = %v, want ErrNoHost", err)
	}
}

func TestFilesAreClosedToOthers(t *testing.T) {
	dirs := folders(t)
	i := acquired(t, dirs)
	ln, err := i.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for name, want := range map[string]fs.FileMode{"": 0o700, "host.sock": 0o600, "host.json": 0o600, "host.lock": 0o600} {
		info, err := os.Stat(filepath.Join(dirs.Runtime, name))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("run/%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}
}

func TestTheSocketCarriesBytes(t *testing.T) {
	dirs := folders(t)
	i := acquired(t, dirs)
	ln, err := i.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			t.Errorf("Accept = %v", err)
			return
		}
		io.Copy(conn, conn)
		conn.Close()
	})
	conn, err := Dial(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "ping")
	if c, ok := conn.(*net.UnixConn); ok {
		c.CloseWrite()
	}
	if back, err := io.ReadAll(conn); err != nil || string(back) != "ping" {
		t.Errorf("read %q, %v; want ping", back, err)
	}
	conn.Close()
	wg.Wait()
	if err := errors.Join(ln.Close(), i.Close()); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestNothingIsThere(t *testing.T) {
	dirs := folders(t)
	if _, err := Read(dirs); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read = %v, want fs.ErrNotExist", err)
	}
	if _, err := Dial(t.Context(), dirs); !errors.Is(err, ErrNoHost) {
		t.Errorf("Dial = %v, want ErrNoHost", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Acquire(ctx, dirs); !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire with an ended context = %v, want context.Canceled", err)
	}
}

func TestDialRefusesAnOpenFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // folders are closed by inheritance there, and modes are made up
	}
	dirs := folders(t)
	i := acquired(t, dirs)
	ln, err := i.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Chmod(dirs.Runtime, 0o755); err != nil {
		t.Fatal(err)
	}
	if conn, err := Dial(t.Context(), dirs); err == nil || errors.Is(err, ErrNoHost) {
		t.Errorf("Dial through an open folder = %v, %v; want a refusal which starts no host", conn, err)
	}
}

func TestAClosedInstanceRefuses(t *testing.T) {
	i := acquired(t, folders(t))
	for range 2 {
		if err := i.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if _, err := i.Listen(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen after Close = %v, want net.ErrClosed", err)
	}
	if err := i.Publish(Info{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Publish after Close = %v, want net.ErrClosed", err)
	}
}

func TestTheFileHasStableNames(t *testing.T) {
	dirs := folders(t)
	i := acquired(t, dirs)
	if err := i.Publish(Info{Version: "1.0.0", Address: Address{HTTP: "http://127.0.0.1:7411"}}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dirs.Runtime, "host.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		PID       int    `json:"pid"`
		Version   string `json:"version"`
		StartedAt string `json:"started_at"`
		Address   struct {
			Socket string `json:"socket"`
			HTTP   string `json:"http"`
		} `json:"address"`
	}
	if err := json.Unmarshal(data, &got); err != nil || got.PID == 0 || got.Version != "1.0.0" || !strings.HasSuffix(got.StartedAt, "Z") ||
		got.Address.Socket != SocketPath(dirs) || got.Address.HTTP != "http://127.0.0.1:7411" {
		t.Errorf("host.json = %s (%v)", data, err)
	}
	if err := os.WriteFile(filepath.Join(dirs.Runtime, "host.json"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dirs); err == nil || !strings.Contains(err.Error(), "host.json") {
		t.Errorf("Read of half a file = %v, want an error which names it", err)
	}
}
