package shim

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// shortName is a folder by the name without spaces that old programs know it by. Where the disk has no such names, or the folder is not
// there yet and cannot be made, it is the folder as it is.
func shortName(dir string) string {
	if !strings.Contains(dir, " ") || os.MkdirAll(dir, 0o700) != nil {
		return dir
	}
	long, err := syscall.UTF16PtrFromString(dir)
	if err != nil {
		return dir
	}
	short := make([]uint16, 1024)
	n, err := syscall.GetShortPathName(long, &short[0], uint32(len(short))) //nolint:gosec // 1024
	if err != nil || n == 0 || int(n) > len(short) {
		return dir
	}
	if name := syscall.UTF16ToString(short[:n]); !strings.Contains(name, " ") {
		return name
	}
	return dir
}

// target is the relay in the folder that the junction leads to. The standard library's EvalSymlinks fails on junctions.
func (s Shim) target() (string, error) {
	relay := s.path
	if folder, err := os.Readlink(filepath.Dir(s.path)); err == nil {
		relay = filepath.Join(folder, filepath.Base(s.path))
	}
	_, err := os.Stat(relay)
	return relay, err
}

// point makes the folder of the shim lead to the folder of the relay, unless it does. A host that a relay has started knows its own
// folder by the name of the junction, which must not be made to lead to itself.
func (s Shim) point(relay string) error {
	folder := filepath.Dir(s.path)
	if err := paths.EnsurePrivate(filepath.Dir(folder)); err != nil {
		return err
	}
	if SameFile(s.path, relay) {
		return nil
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return setJunction(folder, filepath.Dir(relay))
}

// setJunction turns an empty folder, or another junction, into a junction.
func setJunction(folder, target string) error {
	const setReparsePoint = 0x900A4 // FSCTL_SET_REPARSE_POINT
	name, err := syscall.UTF16PtrFromString(folder)
	if err != nil {
		return err
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ|syscall.FILE_SHARE_WRITE, nil, syscall.OPEN_EXISTING,
		syscall.FILE_FLAG_OPEN_REPARSE_POINT|syscall.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return err
	}
	buffer := junction(target)
	var returned uint32
	err = syscall.DeviceIoControl(handle, setReparsePoint, &buffer[0], uint32(len(buffer)), nil, 0, &returned, nil) //nolint:gosec // some hundred bytes
	return errors.Join(err, syscall.CloseHandle(handle))
}
