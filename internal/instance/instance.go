// Package instance keeps the host single: one per user, found by everybody else.
//
// The host owns three files in the runtime folder: a lock, held by the operating system for as
// long as the process lives, so that a killed host never blocks the next; a socket, removed only
// by the holder of the lock; and host.json, which says who the host is and where it listens. The
// host calls Acquire; the relay and the command line call Dial and Read.
package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
	"github.com/agentrun-tray/agentrun-tray/internal/filelock"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// Address is where a host's MCP face listens.
type Address struct {
	Socket string `json:"socket"`         // path of the unix socket
	HTTP   string `json:"http,omitempty"` // http://127.0.0.1:port/mcp, when it listens there
}

// Info is what a host tells every process of its user about itself. It holds no secret.
type Info struct {
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	Address   Address   `json:"address"`
}

var (
	// ErrRunning is what every *RunningError is.
	ErrRunning = errors.New("another host is running")
	// ErrNoHost is in the error of Dial when nobody listens.
	ErrNoHost = errors.New("no host is running")
)

// RunningError is returned by Acquire to the loser.
type RunningError struct {
	// Info is what the running host has published; zero in the moment in which it starts.
	Info Info
}

// Error names the running host.
func (e *RunningError) Error() string {
	if e.Info.PID == 0 {
		return ErrRunning.Error()
	}
	return fmt.Sprintf("%v: version %s, process %d, since %s", ErrRunning, e.Info.Version, e.Info.PID, e.Info.StartedAt.Format(time.RFC3339))
}

// Is makes errors.Is(err, ErrRunning) true.
func (e *RunningError) Is(target error) bool { return target == ErrRunning }

// Instance is the right to be the host. Methods are safe for concurrent use.
type Instance struct {
	dirs paths.Dirs

	mu   sync.Mutex // guards below
	lock *os.File   // nil once closed
	info Info
}

// Acquire takes the right to be this user's host, or returns a *RunningError. What a killed host
// left behind is taken over: its lock ended with it, its socket is removed. From here on, before
// anybody can connect, host.json names this process.
func Acquire(ctx context.Context, dirs paths.Dirs) (*Instance, error) {
	i, err := acquire(ctx, dirs)
	if err != nil && !errors.Is(err, ErrRunning) {
		return nil, fmt.Errorf("become the host: %w", err)
	}
	return i, err
}

func acquire(ctx context.Context, dirs paths.Dirs) (*Instance, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := paths.EnsurePrivate(dirs.Runtime); err != nil {
		return nil, err
	}
	lock, err := filelock.Take(filepath.Join(dirs.Runtime, "host.lock"))
	if errors.Is(err, filelock.ErrHeld) {
		return nil, running(dirs)
	}
	if err != nil {
		return nil, err
	}
	i := &Instance{dirs: dirs, lock: lock, info: Info{
		PID:       os.Getpid(),
		Version:   version.String(),
		StartedAt: time.Now().UTC(),
		Address:   Address{Socket: SocketPath(dirs)},
	}}
	// Cleaners of temporary folders remove lock files which look old, and with the file goes the
	// lock. Then a host may live whose lock we did not meet; its socket still answers.
	if conn, err := Dial(ctx, dirs); err == nil {
		return nil, errors.Join(running(dirs), conn.Close(), lock.Close())
	}
	if err := i.takeOver(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return i, nil
}

func (i *Instance) takeOver() error {
	if err := remove(SocketPath(i.dirs)); err != nil {
		return fmt.Errorf("remove the socket of a host which is gone: %w", err)
	}
	return i.write()
}

func running(dirs paths.Dirs) error {
	// A host which has the lock but has not written yet has no name to give; that is no error.
	info, err := Read(dirs)
	if err != nil {
		return &RunningError{}
	}
	return &RunningError{Info: info}
}

// Listen opens the unix socket on which the host serves, closed to other users. Closing the
// listener removes the socket.
func (i *Instance) Listen(ctx context.Context) (net.Listener, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lock == nil {
		return nil, fmt.Errorf("listen for relays: %w", net.ErrClosed)
	}
	name := SocketPath(i.dirs)
	ln, err := new(net.ListenConfig).Listen(ctx, "unix", name)
	if err != nil {
		return nil, fmt.Errorf("listen for relays: %w", err)
	}
	// The socket is born with the mode the umask leaves; in between, the folder keeps others out.
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("close socket %s to others: %w", name, err), ln.Close())
	}
	return ln, nil
}

// Publish tells where the host listens besides the socket, and which version it is if that is not
// empty. Process, start and socket stay what they are.
func (i *Instance) Publish(info Info) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lock == nil {
		return fmt.Errorf("publish the host's address: %w", net.ErrClosed)
	}
	if info.Version != "" {
		i.info.Version = info.Version
	}
	i.info.Address.HTTP = info.Address.HTTP
	return i.write()
}

// Info returns what is published.
func (i *Instance) Info() Info {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.info
}

func (i *Instance) write() error {
	data, err := json.MarshalIndent(i.info, "", "  ")
	if err != nil {
		return fmt.Errorf("publish the host's address: %w", err)
	}
	if err := atomicfile.Write(infoPath(i.dirs), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("publish the host's address: %w", err)
	}
	return nil
}

// Close gives the right back: host.json and the socket go, then the lock, so that whoever takes it
// next finds the place empty. Closing twice is allowed. Close the listener first.
func (i *Instance) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lock == nil {
		return nil
	}
	err := errors.Join(remove(infoPath(i.dirs)), remove(SocketPath(i.dirs)), i.lock.Close())
	i.lock = nil
	if err != nil {
		return fmt.Errorf("give up being the host: %w", err)
	}
	return nil
}

// Read returns what the last host has published. It may be gone since, without a word if it was
// killed: only Dial tells. With nothing published the error is fs.ErrNotExist.
func Read(dirs paths.Dirs) (Info, error) {
	data, err := os.ReadFile(infoPath(dirs))
	if err != nil {
		return Info{}, fmt.Errorf("read the host's address: %w", err)
	}
	var info Info
	if err := json.Unmarshal(data, &info); err != nil {
		return Info{}, fmt.Errorf("read the host's address in %s: %w", infoPath(dirs), err)
	}
	return info, nil
}

// Dial connects to the running host, or returns an error which is ErrNoHost. It refuses a socket
// in a folder of somebody else, who would receive the user's code.
func Dial(ctx context.Context, dirs paths.Dirs) (net.Conn, error) {
	if err := paths.CheckPrivate(dirs.Runtime); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoHost
	} else if err != nil {
		return nil, fmt.Errorf("connect to the host: %w", err)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", SocketPath(dirs))
	if err != nil && ctx.Err() == nil && nobodyListens(err) {
		return nil, fmt.Errorf("%w: %w", ErrNoHost, err)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the host: %w", err)
	}
	return conn, nil
}

// SocketPath is where the host of these folders listens.
func SocketPath(dirs paths.Dirs) string { return filepath.Join(dirs.Runtime, "host.sock") }

func infoPath(dirs paths.Dirs) string { return filepath.Join(dirs.Runtime, "host.json") }

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
