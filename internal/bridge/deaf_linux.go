package bridge

import (
	"context"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// awaitDeaf returns true when the other end of an output was closed and false when ctx has ended.
// Where that cannot be seen, the next failing write tells.
func awaitDeaf(ctx context.Context, out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		<-ctx.Done()
		return false
	}
	woken, wake, err := os.Pipe()
	if err != nil {
		<-ctx.Done()
		return false
	}
	defer woken.Close()
	stop := context.AfterFunc(ctx, func() { _ = wake.Close() })
	defer func() {
		if stop() {
			_ = wake.Close()
		}
	}()
	var fds [2]pollFD
	raw, err := file.SyscallConn() // Fd would change how others write to it
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			fds = [...]pollFD{{fd: int32(fd)}, {fd: int32(woken.Fd())}} //nolint:gosec // descriptors are small
			pollClosed(&fds)
		})
	}
	if err != nil || fds[0].revents == 0 {
		<-ctx.Done()
		return false
	}
	return ctx.Err() == nil
}

// pollClosed returns when the other end of one of the two was closed: no other event is asked for.
func pollClosed(fds *[2]pollFD) {
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(fds)), uintptr(len(fds)), 0, 0, 0, 0) //nolint:gosec // the one way to call it
		if errno != syscall.EINTR {
			return
		}
	}
}

// pollFD is the struct pollfd of poll(2).
type pollFD struct {
	fd      int32
	_       int16 // events asked for
	revents int16
}
