package bridge

import (
	"context"
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// awaitExit returns true when the process has ended and false when ctx has.
func awaitExit(ctx context.Context, pid int, gone func() bool) bool {
	queue, err := syscall.Kqueue()
	if err != nil {
		<-ctx.Done()
		return false
	}
	defer func() { _ = syscall.Close(queue) }()
	// The end of a pipe in the same queue is how ctx gets in.
	r, w, err := os.Pipe()
	if err != nil {
		<-ctx.Done()
		return false
	}
	defer func() { _ = r.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	defer func() {
		if stop() {
			_ = w.Close()
		}
	}()

	var changes [2]syscall.Kevent_t
	syscall.SetKevent(&changes[0], pid, syscall.EVFILT_PROC, syscall.EV_ADD|syscall.EV_ONESHOT)
	changes[0].Fflags = syscall.NOTE_EXIT
	syscall.SetKevent(&changes[1], int(r.Fd()), syscall.EVFILT_READ, syscall.EV_ADD|syscall.EV_ONESHOT)
	if _, err := syscall.Kevent(queue, changes[1:], nil, nil); err != nil {
		<-ctx.Done()
		return false
	}
	if _, err := syscall.Kevent(queue, changes[:1], nil, nil); errors.Is(err, syscall.ESRCH) {
		return true
	} else if err != nil {
		<-ctx.Done()
		return false
	}
	if gone() {
		return true
	}
	for {
		var events [1]syscall.Kevent_t
		n, err := syscall.Kevent(queue, nil, events[:], nil)
		switch {
		case errors.Is(err, syscall.EINTR) || err == nil && n == 0:
		case err != nil:
			<-ctx.Done()
			return false
		default:
			return events[0].Filter == syscall.EVFILT_PROC
		}
	}
}

func processName(pid int) string {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	return unix.ByteSliceToString(info.Proc.P_comm[:])
}
