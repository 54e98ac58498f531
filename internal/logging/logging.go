// Package logging makes the host's logger: readable lines on standard error, JSON lines in a file that is rotated by size.
// What is logged with a context of [With] says which request it belongs to. Nothing secret and no user's code is ever handed to
// it; that is the duty of those who log.
package logging

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

const (
	fileName = "host.log"
	maxSize  = 10 << 20 // bytes; then the file becomes host.log.1 and a new one begins
)

// ParseLevel reads debug, info, warn or error.
func ParseLevel(s string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s)); err != nil {
		return 0, fmt.Errorf("log level %q: use debug, info, warn or error", s)
	}
	return level, nil
}

// New returns a logger that writes to stderr, if that is not nil, and to host.log in folder, if that is not empty. The level
// may be changed while it is used. Close the returned closer last.
func New(stderr io.Writer, folder string, level slog.Leveler) (*slog.Logger, io.Closer, error) {
	var handlers []slog.Handler
	if stderr != nil {
		handlers = append(handlers, slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	}
	var closer io.Closer = io.NopCloser(nil)
	if folder != "" {
		file, err := openFile(filepath.Join(folder, fileName), maxSize)
		if err != nil {
			return nil, nil, err
		}
		handlers = append(handlers, slog.NewJSONHandler(file, &slog.HandlerOptions{Level: level}))
		closer = file
	}
	return slog.New(Handler(slog.NewMultiHandler(handlers...))), closer, nil
}

// file is a log file that starts anew when it has grown to its limit, keeping one generation.
type file struct {
	path  string
	limit int64

	mu   sync.Mutex
	f    *os.File
	size int64
}

func openFile(path string, limit int64) (*file, error) {
	l := &file{path: path, limit: limit}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *file) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log file: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open the log file: %w", err), f.Close())
	}
	l.f, l.size = f, info.Size()
	return nil
}

// Write appends one line. When the file cannot be renamed it goes on growing: a log that is too long beats a lost one.
func (l *file) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return 0, os.ErrClosed
	}
	if l.size > 0 && l.size+int64(len(p)) > l.limit {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(p)
	l.size += int64(n)
	return n, err
}

func (l *file) rotate() error {
	err := l.f.Close() // Windows does not rename open files
	l.f = nil
	if err != nil {
		return err
	}
	renamed := os.Rename(l.path, l.path+".1")
	if err := l.open(); err != nil {
		return err
	}
	if renamed != nil {
		l.size = 0 // try again after another limit's worth
	}
	return nil
}

// Close ends the file. Lines written afterwards are lost.
func (l *file) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
