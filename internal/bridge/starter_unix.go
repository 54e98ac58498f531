//go:build unix

package bridge

import "syscall"

// detached returns the ways to start a process that is not ours to end: a session of its own keeps
// the signals away which the editor or its terminal sends to our group.
func detached() []*syscall.SysProcAttr {
	return []*syscall.SysProcAttr{{Setsid: true}}
}
