package bridge

import (
	"context"
	"os"
	"os/exec"
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

// process is the command, to be started.
func (c command) process(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, c.path, c.args...) //nolint:gosec // a program of ours, from our own folder
}

// letGo has nothing to do: who ends processes on Windows goes by jobs, which detached leaves.
func letGo(*os.Process) {}
