//go:build unix

package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Take makes the file if need be and locks it, without waiting, until the result is closed or this process ends. ErrHeld says
// that somebody else has it. A holder may remove the file before closing it.
func Take(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the lock: %w", err)
		}
		if err := flock(f); err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
		}
		same, err := stillThere(f, name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("check the lock: %w", err), f.Close())
		}
		if same {
			return f, nil
		}
		// Its holder removed the file between our open and our lock: what we hold is worth nothing.
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("close the lock: %w", err)
		}
	}
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
		default:
			return err
		}
	}
}

func stillThere(f *os.File, name string) (bool, error) {
	held, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(held, there), nil
}
