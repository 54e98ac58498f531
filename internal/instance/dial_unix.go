//go:build unix

package instance

import (
	"errors"
	"io/fs"
	"syscall"
)

// nobodyListens tells a dial error which means that there is no host (no socket, or one that was
// left behind) from one that means trouble.
func nobodyListens(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}
