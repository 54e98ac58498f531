package interpreter

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// InProgress is code or a command that waits or goes on, as it was when it was looked at.
type InProgress struct {
	ID        string // of a run, or what InterruptByID knows a command by
	Command   bool   // for the shell; else it is code
	ContextID string
	Context   string // its name
	Client    string // the name of whoever it is done for
	Asked     time.Time
	Began     time.Time // zero: it waits for its turn or for a sandbox
	seq       int       // order in which they were begun, where clocks are too coarse
}

// awaited is a command whose caller waits for it. Interpreter.mu guards began.
type awaited struct {
	id     string
	caller Caller
	cc     *codeContext
	cancel context.CancelCauseFunc
	seq    int
	asked  time.Time
	began  time.Time
}

// awaitCommand notes a command that somebody waits for, until done is called.
func (i *Interpreter) awaitCommand(caller Caller, cc *codeContext, cancel context.CancelCauseFunc) (a *awaited, done func()) {
	a = &awaited{id: "command-" + uuid.NewString(), caller: caller, cc: cc, cancel: cancel, asked: time.Now()}
	i.mu.Lock()
	i.runs.begun++
	a.seq = i.runs.begun
	i.awaited = append(i.awaited, a)
	i.mu.Unlock()
	signal(i.changed)
	return a, func() {
		i.mu.Lock()
		i.awaited = slices.DeleteFunc(i.awaited, func(b *awaited) bool { return a == b })
		i.mu.Unlock()
		signal(i.changed)
	}
}

// InProgress lists the code and the commands that wait or go on, the one asked for first before the others. Processes in the background
// are not among them: nobody waits for those.
func (i *Interpreter) InProgress() []InProgress {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []InProgress
	for _, r := range i.runs.byID {
		if !r.ended.IsZero() {
			continue
		}
		r.mu.Lock()
		began, finished := r.began, r.state == RunFinished
		r.mu.Unlock()
		if !finished {
			all = append(all, InProgress{ID: r.id, ContextID: r.cc.id, Context: r.cc.name, Client: r.caller.Name, Asked: r.asked, Began: began, seq: r.seq})
		}
	}
	for _, a := range i.awaited {
		all = append(all, InProgress{ID: a.id, Command: true, ContextID: a.cc.id, Context: a.cc.name, Client: a.caller.Name, Asked: a.asked, Began: a.began, seq: a.seq})
	}
	slices.SortFunc(all, func(a, b InProgress) int { return a.seq - b.seq })
	return all
}

// InterruptByID ends code or a command that waits or goes on, and keeps its context. It reports whether there was something to end.
func (i *Interpreter) InterruptByID(id string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r := i.runs.byID[id]; r != nil {
		return r.stop(errInterrupted)
	}
	for _, a := range i.awaited {
		if a.id == id {
			a.cancel(errInterrupted)
			return true
		}
	}
	return false
}

// interruptedFromElsewhere reports whether something ended because somebody beside its caller wanted that.
func interruptedFromElsewhere(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errInterrupted)
}
