// Package atomicfile replaces small files so that a reader, or a crash, sees the old bytes or the
// new ones and never half of each. Settings, the published address, the ledger and the editors'
// files are written with it.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Write replaces the file name with data and gives it the permission bits of mode. The folder must
// exist. A symbolic link stays a link: the file it leads to is replaced. On Linux, attributes that
// users set stay too, and access lists where the mode stays. On error the old file is untouched and
// nothing is left beside it.
func Write(name string, data []byte, mode fs.FileMode) error {
	return WriteIf(name, data, mode, func() error { return nil })
}

// WriteIf is Write, which asks last of all whether the file may still be replaced: when the new bytes are on the disk, which takes
// a while in which somebody else may have written the old file. An error from still ends it, and is in that of WriteIf.
func WriteIf(name string, data []byte, mode fs.FileMode, still func() error) (err error) {
	target, err := resolve(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	// In the same folder, because a rename across file systems is a copy.
	tmp, err := os.OpenFile(freshName(target), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
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
	if err := still(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), target); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(target))
}

func fill(f *os.File, data []byte, mode fs.FileMode) error {
	// It was made 0600, so nobody else can read it before this line.
	if err := f.Chmod(mode.Perm()); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// The new bytes stand under a name of this form until they are whole. No other program makes such
// names, so what a crash has left can be told from other programs' temporary files.
var unfinished = regexp.MustCompile(`^\.(.+)\.unfinished-[A-Z2-7]{26}$`)

func freshName(target string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".unfinished-"+rand.Text())
}

// abandonedAfter is how long nobody has written to the new bytes of a call of Write that was killed.
// Not all who write a file share a lock: installations with folders of their own do not, nor do users.
const abandonedAfter = time.Minute

// Sweep removes what calls of Write for the file name have left beside it whose process was killed,
// a minute ago or more: what is younger may be that of a call which goes on.
func Sweep(name string) error {
	target, err := resolve(name)
	if err != nil {
		return fmt.Errorf("sweep beside %s: %w", name, err)
	}
	return sweep(filepath.Dir(target), func(of string) bool { return of == filepath.Base(target) })
}

// SweepFolder is Sweep for every file in a folder.
func SweepFolder(dir string) error { return sweep(dir, func(string) bool { return true }) }

// sweep removes unfinished files of those that are meant. A folder that is not there has none.
func sweep(dir string, meant func(of string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ignoreMissing(err)
	}
	var failed []error
	for _, e := range entries {
		parts := unfinished.FindStringSubmatch(e.Name())
		if parts == nil || !meant(parts[1]) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) >= abandonedAfter {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		failed = append(failed, ignoreMissing(err))
	}
	return errors.Join(failed...)
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
