package bridge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
)

// maxLog is the size over which the hosts' log is begun anew.
const maxLog = 1 << 20

// Starter starts a host: the desktop program when it is installed beside us and there is a display
// to show it on, else the headless one.
type Starter struct {
	Folders []string // where our programs are looked for, in this order
	Log     string   // folder for what the host says on standard error
	Display bool     // whether a window can be shown

	shell    string         // what is between us and a host where there is such a thing; empty: the system's
	children sync.WaitGroup // the goroutines which wait for what was started
}

// FindStarter returns the starter for this program as it is installed. One that was copied away from the programs beside it, as into a
// bundle of Claude Desktop, looks for them where editors find the relay, and then where a terminal would.
func FindStarter(dirs paths.Dirs) (*Starter, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own folder: %w", err)
	}
	s := &Starter{Folders: []string{filepath.Dir(exe)}, Log: dirs.Log, Display: paths.HasDisplay()}
	// Package managers put links to programs into one folder and the programs into others.
	if real, err := filepath.EvalSymlinks(exe); err == nil && filepath.Dir(real) != s.Folders[0] {
		s.Folders = append(s.Folders, filepath.Dir(real))
	}
	if relay, err := shim.Find(dirs).Target(); err == nil {
		s.add(filepath.Dir(relay))
	}
	if headless, err := exec.LookPath("agentrunctl"); err == nil {
		s.add(filepath.Dir(headless))
	}
	return s, nil
}

// add has a folder looked at after the others.
func (s *Starter) add(folder string) {
	if !slices.Contains(s.Folders, folder) {
		s.Folders = append(s.Folders, folder)
	}
}

// command is a program that becomes a host, or ends with success if another already is.
type command struct {
	path string
	args []string
}

func (c command) name() string { return filepath.Base(c.path) }

// commands returns what to try, best first: the programs of the first installation there is, and none of another.
func (s *Starter) commands() ([]command, error) {
	for _, folder := range s.Folders {
		var all []command
		add := func(name string, args ...string) {
			if runtime.GOOS == "windows" {
				name += ".exe"
			}
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				all = append(all, command{path, args})
			}
		}
		if s.Display {
			add("agentrun-tray", "--background")
		}
		add("agentrunctl", "serve", "--idle-exit", "15m", "--quiet")
		if len(all) > 0 {
			return all, nil
		}
	}
	return nil, fmt.Errorf("no host is running, and neither agentrun-tray nor agentrunctl is in %s; install AgentRun Tray, or start it",
		strings.Join(s.Folders, " or "))
}

// start runs a command that outlives us: in a session of its own, with none of our streams, which
// belong to the editor. The channel gets how it ended, unless it was let go before, which whoever
// starts it has to do: until then it is our child, or that of a process of ours.
func (s *Starter) start(ctx context.Context, c command) (*started, error) {
	log, err := s.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	for _, w := range s.ways(context.WithoutCancel(ctx), c) {
		w.cmd.Stdout, w.cmd.Stderr = log, log
		w.cmd.Dir = s.Log // not the editor's project, which could then not be moved or unmounted
		if err = w.cmd.Start(); err == nil {
			exited := make(chan error, 1)
			s.children.Go(func() { exited <- w.cmd.Wait() })
			return &started{way: w, exited: exited}, nil
		}
	}
	return nil, fmt.Errorf("start %s: %w", c.path, err)
}

// way is how a command can be started.
type way struct {
	cmd     *exec.Cmd
	between bool // it is not the command, but ends as that does: a process of ours between us and it
}

// started is a command that runs.
type started struct {
	way
	exited <-chan error
}

func (s *Starter) logName() string { return filepath.Join(s.Log, "host-stderr.log") }

func (s *Starter) openLog() (*os.File, error) {
	if err := paths.EnsurePrivate(s.Log); err != nil {
		return nil, fmt.Errorf("open the host's log: %w", err)
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(s.logName()); err == nil && info.Size() > maxLog {
		flags |= os.O_TRUNC
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the host's log: %w", err)
	}
	f, err := os.OpenFile(s.logName(), flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the host's log: %w", err)
	}
	return f, nil
}

// launch is one attempt at having a host, with as many starts as it takes.
type launch struct {
	starter *Starter // nil: somebody else starts hosts
	times   timing
	left    []command
	began   time.Time // of the command started last
	running *started  // nil: it has ended, or none was started
	failure error     // why it ended, if it was not with success
}

// start starts a command if it is time to: at once at first, and again when the last one ended
// without a host being there. That is what happens while an old host is still ending: the new one
// finds its lock taken and leaves.
func (l *launch) start(ctx context.Context) error {
	if l.starter == nil || l.running != nil {
		return nil
	}
	if l.left == nil {
		all, err := l.starter.commands()
		if err != nil {
			return err
		}
		l.left = all
	} else if l.failure != nil {
		// A desktop program that cannot run here (no GL, a display we may not use) says so at once.
		if l.left = slices.Delete(l.left, 0, 1); len(l.left) == 0 {
			return l.failure
		}
	} else if time.Since(l.began) < l.times.startAgain {
		return nil
	}
	l.began = time.Now()
	l.running, l.failure = l.starter.start(ctx, l.left[0])
	return nil
}

// exited gives how the command ended that was started last, when it has.
func (l *launch) exited() <-chan error {
	if l.running == nil {
		return nil
	}
	return l.running.exited
}

// over lets the host go, if it runs.
func (l *launch) over() {
	if l.running != nil {
		l.running.letGo()
	}
}

// letGo ends what is between us and the command, which goes on. If it is gone, so is the command.
func (s *started) letGo() {
	if s.between {
		_ = s.cmd.Process.Kill()
	}
}

// ended notes that the command is over.
func (l *launch) ended(err error) {
	l.running = nil
	if err != nil {
		l.failure = fmt.Errorf("%s did not become the host: %w; see %s", l.left[0].name(), err, l.starter.logName())
	}
}

// gaveUp explains why there is no host.
func (l *launch) gaveUp(last error) error {
	if l.starter == nil || l.left == nil {
		return fmt.Errorf("no host was there within %v: %w", l.times.start, last)
	}
	return fmt.Errorf("%s was started but did not answer within %v; see %s: %w", l.left[0].name(), l.times.start, l.starter.logName(), last)
}
