//go:build unix && !linux

package corefile

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Disable sees that this process, if it crashes, leaves no image of its memory, in which secrets would be. Processes that it
// starts inherit that.
func Disable() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("keep core files from being written: %w", err)
	}
	return nil
}
