package bridge

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// pidfdOpen is the same number on all of Linux's architectures; the syscall package is older.
const pidfdOpen = 434

// awaitExit returns true when the process has ended and false when ctx has. It does not use
// PR_SET_PDEATHSIG, which fires when the thread that started us ends.
func awaitExit(ctx context.Context, pid int, gone func() bool) bool {
	fd, _, errno := syscall.Syscall(pidfdOpen, uintptr(pid), 0, 0)
	if errno == syscall.ESRCH {
		return true
	}
	if errno != 0 { // before Linux 5.3, or forbidden by a sandbox
		return pollParent(ctx, pid)
	}
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		_ = syscall.Close(int(fd))
		return pollParent(ctx, pid)
	}
	process := os.NewFile(fd, "parent") // not blocking, so the runtime waits for it without a thread
	stop := context.AfterFunc(ctx, func() { _ = process.Close() })
	defer func() {
		if stop() {
			_ = process.Close()
		}
	}()
	raw, err := process.SyscallConn()
	if err != nil {
		return ctx.Err() == nil && pollParent(ctx, pid)
	}
	if gone() {
		return true
	}
	if err := raw.Read(hasEnded); err != nil {
		return ctx.Err() == nil && pollParent(ctx, pid)
	}
	return true
}

// hasEnded asks, without waiting, whether the process behind a pidfd has ended.
func hasEnded(fd uintptr) bool {
	poll := struct {
		fd      int32
		events  int16
		revents int16
	}{fd: int32(fd), events: 1} //nolint:gosec // descriptors are small; 1 is POLLIN
	var now syscall.Timespec
	n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0) //nolint:gosec // the one way to call it
	return errno == 0 && n == 1
}

func processName(pid int) string {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}
