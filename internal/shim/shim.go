// Package shim gives editors one path by which they start the relay, wherever the version is that is installed.
//
// The path stays the same when a new version is installed somewhere else, so that no editor has to be told; it has no space in it
// wherever that can be had (paths.Dirs.Bin), because some editors cannot start such programs; and it leads to the relay in its own
// folder, where the relay finds the host that it starts. A relay that was copied elsewhere, as into a bundle of Claude Desktop, finds
// the installation by it.
//
// On unix it is a script of a few lines that becomes the relay, and says what has happened when that is gone: a link would have the
// editor say that a file is missing which is there. Where nothing in the data folder can be started it is a link all the same. On
// Windows, where editors start programs only and a copy would neither be renewed while it runs nor find the host beside it, the folder
// around it is a junction to the folder of the installation.
package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// Relay is the program that editors start, without the ending it has on Windows.
const Relay = "agentrun-mcp"

// Shim is the path that editors are given.
type Shim struct {
	path string
}

// Find says where the shim is, which Point makes. Folders are made only on Windows, to learn the short names of those with spaces.
func Find(dirs paths.Dirs) Shim {
	return Shim{path: filepath.Join(shortName(filepath.Dir(dirs.Bin)), filepath.Base(dirs.Bin), Relay+ending())}
}

// ending is that of programs' names.
func ending() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// Path is what editors are given.
func (s Shim) Path() string { return s.path }

// Spaces says that the path has a space in it, which could not be helped.
func (s Shim) Spaces() bool { return strings.Contains(s.path, " ") }

// Target is the relay that the shim leads to.
func (s Shim) Target() (string, error) {
	target, err := s.target()
	if err != nil {
		return "", fmt.Errorf("%s leads to no program; it is made anew by: agentrunctl connect", s.path)
	}
	return target, nil
}

// InstalledRelay is the relay beside the program that runs.
func InstalledRelay() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find our own folder: %w", err)
	}
	var looked []string
	folders := []string{filepath.Dir(self)}
	if real, err := filepath.EvalSymlinks(self); err == nil && filepath.Dir(real) != folders[0] {
		folders = append(folders, filepath.Dir(real))
	}
	for _, folder := range folders {
		relay := filepath.Join(folder, Relay+ending())
		if info, err := os.Stat(relay); err == nil && info.Mode().IsRegular() {
			return relay, nil
		}
		looked = append(looked, relay)
	}
	return "", fmt.Errorf("the program that editors start is not beside this one (%s); install AgentRun Tray again", strings.Join(looked, ", "))
}

// IsRelay says that a command is the relay by its name, wherever it is: settings files are carried from one system to another.
func IsRelay(command string) bool {
	name := command[strings.LastIndexAny(command, `/\`)+1:]
	return name == Relay || name == Relay+".exe"
}

// Keep has the shim lead to the relay beside the program that runs, which may be a newer one than before, or elsewhere. A program that
// has none beside it, such as one that tests something else, leaves the shim alone.
func (s Shim) Keep() error {
	relay, err := InstalledRelay()
	if err != nil {
		return nil //nolint:nilerr // as said
	}
	return s.Point(relay)
}

// Point makes the shim lead to a relay. Editors that start it in the meantime get the old one or the new one.
func (s Shim) Point(relay string) error {
	if info, err := os.Stat(relay); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a program", relay)
	}
	relay, err := filepath.Abs(relay)
	if err != nil {
		return err
	}
	if err := s.point(relay); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w; see whom the folder belongs to", err)
		}
		return fmt.Errorf("make %s lead to %s: %w", s.path, relay, err)
	}
	if target, err := s.Target(); err != nil || !SameFile(target, relay) {
		return errors.Join(fmt.Errorf("%s does not lead to %s, though it was made to", s.path, relay), err)
	}
	return nil
}

// SameFile reports whether two paths lead to one file that is there.
func SameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
