//go:build unix

package editors

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// shortName is for Windows only.
func shortName(dir string) string { return dir }

// point puts a link in the place of whatever is there, in one step.
func (s Shim) point(relay string) error {
	folder := filepath.Dir(s.path)
	if err := paths.EnsurePrivate(folder); err != nil { // who can write there could have editors start anything
		return err
	}
	if now, err := os.Readlink(s.path); err == nil && now == relay {
		return nil
	}
	fresh := filepath.Join(folder, "."+relayName+"-"+rand.Text())
	if err := os.Symlink(relay, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, s.path); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return nil
}
