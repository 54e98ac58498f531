//go:build unix

package bridge

import (
	"io"
	"os"
	"syscall"
)

// Wakeable returns a reader of stdin in which a goroutine waits without a thread: a thread that
// sleeps in a read keeps the goroutines it has just set to work from running until another thread
// has been woken, which costs an editor a seventh of the time a short call takes. The file is in
// non-blocking mode until restore is called.
//
// That mode belongs not to this process but to the open file, which others may share. So only a pipe
// or a socket is changed, as every server in Node does, and none that is an output as well, whose
// other users do not expect it. For all others stdin is returned as it is.
func Wakeable(stdin *os.File, outputs ...*os.File) (r io.Reader, restore func()) {
	unchanged := func() {}
	in, err := stdin.Stat()
	if err != nil || in.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return stdin, unchanged
	}
	for _, f := range outputs {
		if out, err := f.Stat(); err != nil || os.SameFile(in, out) {
			return stdin, unchanged
		}
	}
	fd := int(stdin.Fd()) //nolint:gosec // a file descriptor
	if syscall.SetNonblock(fd, true) != nil {
		return stdin, unchanged
	}
	return os.NewFile(uintptr(fd), stdin.Name()), func() { _ = syscall.SetNonblock(fd, false) } //nolint:gosec // as above
}
