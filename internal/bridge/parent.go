package bridge

import (
	"context"
	"os"
)

// Parent is the program which started us. An editor that is killed does not always close our
// standard input (another child may hold it open), so the relay watches the process too.
type Parent struct {
	PID  int    // 0: nobody is watched
	Name string // as its system calls it; a hint for people, "node" as often as not

	ours bool // and so is what Getppid says for as long as it lives
}

// FindParent returns the parent of this process, or nobody if it is gone already: an orphan's
// parent is process 1, which never ends.
func FindParent() Parent {
	pid := os.Getppid()
	if pid <= 1 {
		return Parent{}
	}
	return Parent{PID: pid, Name: processName(pid), ours: true}
}

// watch returns true when the parent has ended and false when ctx has.
func (p Parent) watch(ctx context.Context) bool {
	if p.PID == 0 {
		<-ctx.Done()
		return false
	}
	return awaitExit(ctx, p.PID, p.gone)
}

// gone reports whether the parent ended before the watch over its number began; the number may
// belong to somebody else by then.
func (p Parent) gone() bool { return p.ours && os.Getppid() != p.PID }
