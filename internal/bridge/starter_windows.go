package bridge

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// detached returns the ways to start a process that is not ours to end, best first. Editors put
// what they start into a job and end the whole job; leaving it is not always allowed, and a host
// that ends with its editor is better than none.
func detached() []*syscall.SysProcAttr {
	const flags = windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP
	return []*syscall.SysProcAttr{
		{CreationFlags: flags | windows.CREATE_BREAKAWAY_FROM_JOB, HideWindow: true},
		{CreationFlags: flags, HideWindow: true},
	}
}
