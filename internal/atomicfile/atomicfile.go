// Package atomicfile replaces small files so that a reader, or a crash, sees the old bytes or the
// new ones and never half of each. Settings, the published address, the ledger and the editors'
// files are written with it.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Write replaces the file name with data and gives it the permission bits of mode. The folder must
// exist. A symbolic link stays a link: the file it leads to is replaced. On Linux, attributes that
// users set stay too, and access lists where the mode stays. On error the old file is untouched and
// nothing is left beside it.
func Write(name string, data []byte, mode fs.FileMode) (err error) {
	target, err := resolve(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	// In the same folder, because a rename across file systems is a copy.
	tmp, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", name, err), ignoreMissing(os.Remove(tmp.Name())))
		}
	}()
	if err := fill(tmp, data, mode); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	keepAttributes(target, tmp.Name())
	if err := os.Rename(tmp.Name(), target); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(target))
}

func fill(f *os.File, data []byte, mode fs.FileMode) error {
	// CreateTemp made it 0600, so nobody else can read it before this line.
	if err := f.Chmod(mode.Perm()); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// KeepAside renames a file which could not be understood to name.broken-<time> and returns the
// new name, so that its owner can still look at it and a fresh one can be written in its place.
func KeepAside(name string, now time.Time) (string, error) {
	stem := name + ".broken-" + now.UTC().Format("20060102-150405")
	kept := stem
	for n := 2; ; n++ {
		// Link fails where the new name is taken, which Rename would overwrite.
		err := os.Link(name, kept)
		if err == nil {
			if err := os.Remove(name); err != nil {
				return "", fmt.Errorf("keep %s aside: %w", name, err)
			}
			return kept, nil
		}
		if _, statErr := os.Lstat(kept); statErr != nil {
			// The name is free: this file system has no hard links, or the file is gone.
			if err := os.Rename(name, kept); err != nil {
				return "", fmt.Errorf("keep %s aside: %w", name, err)
			}
			return kept, nil
		}
		kept = fmt.Sprintf("%s-%d", stem, n)
	}
}

// resolve follows symbolic links to the file which holds the bytes; a link to a missing file
// leads to where that file would be.
func resolve(name string) (string, error) {
	for range 40 { // as deep as Linux follows
		to, err := os.Readlink(name)
		if err != nil {
			return name, nil //nolint:nilerr // not a link, or not there: this is the file itself
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(name) + string(filepath.Separator) + to
		}
		// Not cleaned: behind a link to a folder, ".." is not the way back.
		folder, file := filepath.Split(to)
		if folder, err = filepath.EvalSymlinks(folder); errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("it is a link to %s, whose folder is not there", to)
		} else if err != nil {
			return "", err
		}
		name = filepath.Join(folder, file)
	}
	return "", errors.New("too many levels of symbolic links")
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
