package filelock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Take makes the file if need be and opens it so that nobody else can open or remove it, until the result is closed or this
// process ends. ErrHeld says that somebody else has it.
func Take(name string) (*os.File, error) {
	const sharingViolation = syscall.Errno(32)
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	handle, err := syscall.CreateFile(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case errors.Is(err, sharingViolation), errors.Is(err, syscall.ERROR_ACCESS_DENIED): // the second while it is being removed
		return nil, fmt.Errorf("lock %s: %w", name, ErrHeld)
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return os.NewFile(uintptr(handle), name), nil
}
