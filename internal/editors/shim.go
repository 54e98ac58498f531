package editors

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// relayName is the program that editors start, without the ending it has on Windows.
const relayName = "agentrun-mcp"

// Shim is the path by which editors start the relay. It stays the same when a new version is installed somewhere else, so that no
// editor has to be told; it has no space in it wherever that can be had, because some editors cannot start such programs; and it leads
// to the relay in its own folder, where the relay finds the host that it starts.
//
// On unix it is a symbolic link to the relay. On Windows, where a link to a file takes a privilege and a copy would neither be renewed
// while it runs nor find the host beside it, the folder around it is a junction to the folder of the installation.
type Shim struct {
	path string
}

// FindShim says where the shim is, which Point makes. Folders are made only on Windows, to learn the short names of those with spaces.
func FindShim(dirs paths.Dirs, sys System) Shim {
	own := sys.join(dirs.Data, "bin")
	folder := own
	if strings.Contains(folder, " ") {
		switch sys.GOOS {
		case "windows":
			// The names of old, without spaces: most user names have none, and most disks know them for the others.
			folder = sys.join(shortName(dirs.Data), "bin")
		default:
			// On macOS our folder is in one whose name has a space. A home folder with a space leaves nothing better: outside of it,
			// no folder is safe from others for as long as an editor may remember it.
			if folder = sys.home(".agentrun-tray", "bin"); strings.Contains(folder, " ") {
				folder = own
			}
		}
	}
	name := relayName
	if sys.GOOS == "windows" {
		name += ".exe"
	}
	return Shim{path: sys.join(folder, name)}
}

// Path is what editors are given.
func (s Shim) Path() string { return s.path }

// Spaces says that the path has a space in it, which could not be helped.
func (s Shim) Spaces() bool { return strings.Contains(s.path, " ") }

// Target is the relay that the shim leads to.
func (s Shim) Target() (string, error) {
	target, err := filepath.EvalSymlinks(s.path)
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
	ending := ""
	if runtime.GOOS == "windows" {
		ending = ".exe"
	}
	var looked []string
	folders := []string{filepath.Dir(self)}
	if real, err := filepath.EvalSymlinks(self); err == nil && filepath.Dir(real) != folders[0] {
		folders = append(folders, filepath.Dir(real))
	}
	for _, folder := range folders {
		relay := filepath.Join(folder, relayName+ending)
		if info, err := os.Stat(relay); err == nil && info.Mode().IsRegular() {
			return relay, nil
		}
		looked = append(looked, relay)
	}
	return "", fmt.Errorf("the program that editors start is not beside this one (%s); install AgentRun Tray again", strings.Join(looked, ", "))
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
		return fmt.Errorf("make %s lead to %s: %w", s.path, relay, err)
	}
	if target, err := s.Target(); err != nil || !sameFile(target, relay) {
		return errors.Join(fmt.Errorf("%s does not lead to %s, though it was made to", s.path, relay), err)
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
