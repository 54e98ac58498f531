//go:build !unix

package bridge

import (
	"io"
	"os"
)

// Wakeable returns stdin as it is: there is no better way to wait for it here.
func Wakeable(stdin *os.File, _ ...*os.File) (r io.Reader, restore func()) {
	return stdin, func() {}
}
