//go:build unix

package bridge

import (
	"cmp"
	"context"
	"os/exec"
	"syscall"
)

// ways returns the ways to start a process that is not ours to end, best first: a session of its own
// keeps the signals away which the editor or its terminal sends to our group. Where there is no
// shell, as in a container with nothing but programs, a host that is our child is better than none.
func (s *Starter) ways(ctx context.Context, c command) []way {
	detached := &syscall.SysProcAttr{Setsid: true}
	shell := exec.CommandContext(ctx, cmp.Or(s.shell, "/bin/sh"), append([]string{"-c", launcher, c.name(), c.path}, c.args...)...) //nolint:gosec // a program of ours, from our own folder
	alone := exec.CommandContext(ctx, c.path, c.args...)                                                                            //nolint:gosec // likewise
	shell.SysProcAttr, alone.SysProcAttr = detached, detached
	return []way{{shell, true}, {alone, false}}
}

// launcher is a shell between us and the host, which ends as the host does. Some editors, such as
// opencode, do not signal a group but end what they have started, its children, and theirs; the
// host of all editors must not be among them. Without the shell it is nobody's child any more.
const launcher = `"$@" & wait "$!"`
