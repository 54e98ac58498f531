//go:build unix

package bridge

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// detached returns the ways to start a process that is not ours to end: a session of its own keeps
// the signals away which the editor or its terminal sends to our group.
func detached() []*syscall.SysProcAttr {
	return []*syscall.SysProcAttr{{Setsid: true}}
}

// launcher is a shell between us and the host, which ends as the host does. Some editors, such as
// opencode, do not signal a group but end what they have started, its children, and theirs; the
// host of all editors must not be among them. Without the shell it is nobody's child any more.
const launcher = `"$@" & wait "$!"`

// process is the command, to be started.
func (c command) process(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", launcher, c.name(), c.path}, c.args...)...) //nolint:gosec // a program of ours, from our own folder
}

// letGo ends the shell between us and the host, which goes on. If it is gone, so is the host.
func letGo(shell *os.Process) { _ = shell.Kill() }
