package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// EnsurePrivate makes the folder dir, with its parents, so that only this user can enter it (0700).
// A folder which is there already must be the user's own; if others may enter it, it is closed to
// them. A file, or somebody else's folder or link, is an error: what we write there could be read
// or replaced by its owner.
func EnsurePrivate(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	info, err := ownFolder(dir)
	if err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	if !closed(info) {
		if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs the x bit, and 0700 is the owner's alone
			return fmt.Errorf("close folder %s to others: %w", dir, err)
		}
	}
	return CheckPrivate(dir)
}

// CheckPrivate returns an error unless dir is a folder which belongs to this user and which nobody
// else can enter. Look before trusting what is found there, a socket above all. On Windows, where
// the folders we use are closed by inheritance, only the folder's presence is checked.
func CheckPrivate(dir string) error {
	info, err := ownFolder(dir)
	if err != nil {
		return fmt.Errorf("check folder %s: %w", dir, err)
	}
	if !closed(info) {
		return fmt.Errorf("check folder %s: others may enter it (%v), want -rwx------", dir, info.Mode().Perm())
	}
	return nil
}

// ownFolder describes the folder at dir. A link to a folder is followed if it, too, is the user's.
func ownFolder(dir string) (fs.FileInfo, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if err := owned(info); err != nil {
			return nil, err
		}
		if info, err = os.Stat(dir); err != nil {
			return nil, err
		}
	}
	if !info.IsDir() {
		return nil, errors.New("it is not a folder")
	}
	return info, owned(info)
}
