//go:build unix

package bridge

import (
	"io"
	"os"
	"syscall"
	"time"
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
	if stdin.SetReadDeadline(time.Time{}) == nil {
		return stdin, unchanged // it is wakeable already
	}
	fd := int(stdin.Fd())
	if syscall.SetNonblock(fd, true) != nil {
		return stdin, unchanged
	}
	blocking := func() { _ = syscall.SetNonblock(fd, false) } // nobody is left to tell
	f, err := second(fd, stdin.Name())
	if err != nil {
		blocking()
		return stdin, unchanged
	}
	if f.SetReadDeadline(time.Time{}) != nil { // there is no waiting for it without a thread
		blocking()
		_ = f.Close() // nothing was written to it
		return stdin, unchanged
	}
	return f, func() {
		blocking()
		_ = f.Close() // as above
	}
}

// second opens a file once more, which is how the runtime learns that it is non-blocking now.
func second(fd int, name string) (*os.File, error) {
	syscall.ForkLock.RLock() // so that no program we start gets it, too
	again, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(again)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(again), name), nil
}
