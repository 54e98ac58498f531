package local

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/filelock"
)

// The scratch root holds, for every running backend, a folder and beside it a file of the same name with ".lock" at its end,
// which that backend keeps locked for as long as it lives. The lock is made before the folder and removed after it, and the
// system lets go of it when the process ends in any way. So a folder whose lock can be had, or has no lock at all, was left
// behind by a crash, and anything whose name is not of this form is not ours.
var homeName = regexp.MustCompile(`^local-[0-9a-f]{16}$`)

const lockSuffix = ".lock"

// home is the scratch folder of one backend.
type home struct {
	dir  string
	lock *os.File
	once sync.Once
	err  error
}

// newHome makes a home below root, and root itself where it is missing.
func newHome(root string) (*home, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("make the scratch root: %w", err)
	}
	for range 10 {
		dir := filepath.Join(root, "local-"+randomHex())
		lock, err := filelock.Take(dir + lockSuffix)
		if errors.Is(err, filelock.ErrHeld) {
			continue // somebody who clears up was quicker
		}
		if err != nil {
			return nil, err
		}
		h := &home{dir: dir, lock: lock}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("make the scratch folder: %w", err), h.remove())
		}
		return h, nil
	}
	return nil, fmt.Errorf("make a scratch folder in %s: %w", root, filelock.ErrHeld)
}

// remove removes the folder with all that is in it, then the lock, which is closed first because Windows removes no open file.
// Somebody who clears up may be quicker there.
func (h *home) remove() error {
	h.once.Do(func() {
		h.err = errors.Join(os.RemoveAll(h.dir), h.lock.Close())
		if err := os.Remove(h.lock.Name()); !errors.Is(err, fs.ErrNotExist) {
			h.err = errors.Join(h.err, err)
		}
	})
	return h.err
}

// Sweep removes what backends that ended without closing have left below the scratch root. It touches nothing that belongs to
// a running backend and nothing that is not named as ours. A root that is not there is clean.
func Sweep(root string) error {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for abandoned scratch folders: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		base, isLock := strings.CutSuffix(entry.Name(), lockSuffix)
		ours := homeName.MatchString(base) && (isLock && entry.Type().IsRegular() || !isLock && entry.IsDir())
		if ours {
			errs = append(errs, sweepOne(filepath.Join(root, base)))
		}
	}
	return errors.Join(errs...)
}

// sweepOne removes one folder and its lock, unless the lock is held.
func sweepOne(dir string) error {
	lock, err := filelock.Take(dir + lockSuffix)
	if errors.Is(err, filelock.ErrHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := (&home{dir: dir, lock: lock}).remove(); err != nil {
		return fmt.Errorf("remove the abandoned scratch folder %s: %w", dir, err)
	}
	return nil
}

func randomHex() string {
	var b [8]byte
	rand.Read(b[:]) // it never fails: the program ends if the system has no randomness
	return hex.EncodeToString(b[:])
}
