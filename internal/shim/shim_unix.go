//go:build unix

package shim

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// script becomes the relay. What it says without one is all that an editor can show of why it has no server.
const script = `#!/bin/sh
# Editors start this. AgentRun Tray makes it anew whenever it starts, so that it leads to the version that is installed.
relay=%s
[ -x "$relay" ] && exec "$relay" "$@"
echo "AgentRun Tray is not in ${relay%%/*} any more. Install it again, or start it where it is now; or take the entry \"agentrun\" out of this editor's MCP settings." >&2
exit 1
`

// maxScript bounds what is read of a file that may not be ours.
const maxScript = 16 << 10

// executable is X_OK of unistd.h.
const executable = 1

// shortName is for Windows only.
func shortName(dir string) string { return dir }

// writeProgram makes a program of its owner, and has it on the disk when it returns: what takes the place of another must not turn out to
// be empty after a crash.
func writeProgram(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700) //nolint:gosec // it is to be started
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// target is what the script names, or what a link leads to.
func (s Shim) target() (string, error) {
	info, err := os.Lstat(s.path)
	if err != nil {
		return "", err
	}
	if err := syscall.Access(s.path, executable); err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return filepath.EvalSymlinks(s.path)
	}
	f, err := os.Open(s.path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxScript))
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(text), "\nrelay='")
	quoted, _, ok := strings.Cut(rest, "'\n")
	if !ok {
		return "", errors.New("it is not ours")
	}
	return filepath.EvalSymlinks(strings.ReplaceAll(quoted, `'\''`, "'"))
}

// unfinished is what the name of a shim begins with that is not in its place yet. In our folder nobody else makes such.
const unfinished = "." + Relay + "-"

// sweep removes what calls of point have left whose process was killed. What is younger may be that of another process.
func sweep(folder string, now time.Time) {
	entries, _ := os.ReadDir(folder) // Point tells of a folder that cannot be read
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), unfinished) {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > time.Minute {
			_ = os.Remove(filepath.Join(folder, e.Name())) // it is in nobody's way
		}
	}
}

// point puts a script in the place of whatever is there, in one step.
func (s Shim) point(relay string) error {
	folder := filepath.Dir(s.path)
	if err := paths.EnsurePrivate(folder); err != nil { // who can write there could have editors start anything
		return err
	}
	if info, err := os.Lstat(s.path); err == nil && info.Mode().IsRegular() && SameFile(s.path, relay) {
		// Somebody has installed us here, or has linked the relay to this: in its place, the script would start itself for ever.
		return errors.New("that is where editors look for it; install AgentRun Tray in another folder")
	}
	sweep(folder, time.Now())
	text := fmt.Appendf(nil, script, "'"+strings.ReplaceAll(relay, "'", `'\''`)+"'")
	if info, err := os.Lstat(s.path); err == nil && info.Mode().IsRegular() && info.Mode().Perm() == 0o700 {
		if now, err := os.ReadFile(s.path); err == nil && bytes.Equal(now, text) {
			return nil
		}
	}
	fresh := filepath.Join(folder, unfinished+rand.Text())
	if err := writeProgram(fresh, text); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if syscall.Access(fresh, executable) != nil {
		// The disk is mounted so that nothing on it is started; a link leads away from it.
		if err := errors.Join(os.Remove(fresh), os.Symlink(relay, fresh)); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, s.path); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return nil
}
