package corefile

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Disable sees that this process, if it crashes, leaves no image of its memory, in which secrets would be: neither as a file nor
// in the hands of a program that collects such images. Processes that it starts inherit that. It is for the beginning of a program.
//
// A limit of 0 would stop files only. With 1, which is too little for any file, the kernel calls no collector either. Closing the
// process to debuggers of the same user (PR_SET_DUMPABLE) is not part of it: they could ask the keychain as well, and it would
// also close /proc/self/pagemap, by which the host measures itself.
func Disable() error {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_CORE, &limit)
	if err == nil {
		most := min(1, limit.Max) // an own limit can be lowered only
		err = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: most, Max: most})
	}
	if err != nil {
		return fmt.Errorf("keep core files from being written: %w", err)
	}
	return nil
}
