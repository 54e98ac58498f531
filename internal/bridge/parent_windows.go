package bridge

import (
	"context"
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// awaitExit returns true when the process has ended and false when ctx has. Its handle also keeps
// the number from being given to another process.
func awaitExit(ctx context.Context, pid int, gone func() bool) bool {
	process, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid)) //nolint:gosec // process numbers have 32 bits
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return true // there is no such process any more
	}
	if err != nil {
		<-ctx.Done()
		return false
	}
	defer func() { _ = windows.CloseHandle(process) }()
	ended, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		<-ctx.Done()
		return false
	}
	// SetEvent must not meet a closed handle, so the function is waited for if it has begun.
	set := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(set)
		_ = windows.SetEvent(ended)
	})
	defer func() {
		if !stop() {
			<-set
		}
		_ = windows.CloseHandle(ended)
	}()
	if gone() {
		return true
	}
	which, err := windows.WaitForMultipleObjects([]windows.Handle{process, ended}, false, windows.INFINITE)
	if err != nil {
		<-ctx.Done()
		return false
	}
	return which == windows.WAIT_OBJECT_0
}

func processName(pid int) string {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = windows.CloseHandle(all) }()
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(all, &entry); err == nil; err = windows.Process32Next(all, &entry) {
		if entry.ProcessID == uint32(pid) { //nolint:gosec // process numbers have 32 bits
			return windows.UTF16ToString(entry.ExeFile[:])
		}
	}
	return ""
}
