// Package autostart has the operating system start a program when its user logs in.
//
// Nothing is remembered here: whether it does is read from where the system looks, each time, as people switch such things off in the
// settings of their desktop too. That is an entry in the autostart folder on Linux (the XDG autostart specification), a launch agent
// on macOS, and a value in the registry on Windows.
package autostart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
)

// Options say which program is to be started. All but Args are required.
type Options struct {
	// ID is the program's, in the reverse domain notation, such as io.github.agentruntray.AgentRunTray.
	ID string
	// Name is for people.
	Name string
	// Program is the absolute path of the program.
	Program string
	// Args are its words.
	Args []string
	// Getenv reads the environment, which says where the folders of the user are: os.Getenv. Windows does not ask it.
	Getenv func(name string) string
}

// Entry is where the system looks for one program. Methods are safe for concurrent use.
type Entry struct {
	options Options
	system  system
}

// system is one operating system's way.
type system interface {
	// read gives the command that is started at login; nil: none is.
	read() ([]string, error)
	write(command []string) error
	remove() error // what is not there is removed
	where() string
}

var validID = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)

// New checks the options and returns the entry of this operating system. It reads nothing.
func New(opt Options) (*Entry, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	s, err := newSystem(opt)
	if err != nil {
		return nil, fmt.Errorf("start at login: %w", err)
	}
	return &Entry{opt, s}, nil
}

func (o Options) check() error {
	switch {
	case !validID.MatchString(o.ID):
		return fmt.Errorf("start at login: %q is not the id of a program", o.ID)
	case o.Name == "" || strings.ContainsFunc(o.Name, func(r rune) bool { return r < ' ' }):
		return fmt.Errorf("start at login: %q is not the name of a program", o.Name)
	case !filepath.IsAbs(o.Program):
		return fmt.Errorf("start at login: %q is not the absolute path of a program", o.Program)
	case o.Getenv == nil:
		return errors.New("start at login: Getenv is missing")
	}
	for _, word := range o.command() {
		if strings.ContainsAny(word, "\x00\n\r") {
			return fmt.Errorf("start at login: %q cannot be part of a command", word)
		}
	}
	return nil
}

func (o Options) command() []string { return append([]string{o.Program}, o.Args...) }

// On reports whether the system starts this program at login. An entry that starts another program, such as the one that was in another
// folder before it was moved, does not count; Set mends it.
func (e *Entry) On() (bool, error) {
	command, err := e.system.read()
	if err != nil {
		return false, fmt.Errorf("read whether it is started at login, in %s: %w", e.system.where(), err)
	}
	return len(command) > 0 && command[0] == e.options.Program, nil
}

// Set has the system start the program at login, or not.
func (e *Entry) Set(on bool) error {
	if !on {
		if err := e.system.remove(); err != nil {
			return fmt.Errorf("no longer start at login: %w", err)
		}
		return nil
	}
	if err := e.system.write(e.options.command()); err != nil {
		return fmt.Errorf("start at login: %w", err)
	}
	return nil
}

// Where names the file or the value that the system looks at, for people.
func (e *Entry) Where() string { return e.system.where() }

// file is a system that looks into a file, written and read by a codec.
type file struct {
	path   string
	encode func(command []string) []byte
	decode func(text []byte) (command []string)
}

func (f file) where() string { return f.path }

func (f file) read() ([]string, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f.decode(text), nil
}

func (f file) write(command []string) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil { // the system's own folder, made with the mode that its specification asks for
		return err
	}
	return atomicfile.Write(f.path, f.encode(command), 0o600)
}

func (f file) remove() error {
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
