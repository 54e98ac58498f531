package secrets

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// NoCoreFiles sees that this process, if it crashes, leaves no image of its memory, in which secrets would be: neither as a file nor
// for a program that collects such images. Nor can other programs of the user read its memory from then on. Processes that it
// starts inherit the first.
//
// It is for the beginning of a program. Files below /proc/self that only their owner may read cannot be opened any more
// afterwards, except by root.
func NoCoreFiles() error {
	limit := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	dumpable := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	if err := errors.Join(limit, dumpable); err != nil {
		return fmt.Errorf("keep core files from being written: %w", err)
	}
	return nil
}
