package bridge

import (
	"context"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// ways returns the ways to start a process that is not ours to end, best first. Editors put what they
// start into a job and end the whole job; leaving it is not always allowed, and a host that ends with
// its editor is better than none. Nothing is between us and it, as nobody goes by children there.
func (s *Starter) ways(ctx context.Context, c command) []way {
	const flags = windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP
	var all []way
	for _, more := range []uint32{windows.CREATE_BREAKAWAY_FROM_JOB, 0} {
		cmd := exec.CommandContext(ctx, c.path, c.args...) //nolint:gosec // a program of ours, from our own folder
		cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: flags | more, HideWindow: true}
		all = append(all, way{cmd, false})
	}
	return all
}
