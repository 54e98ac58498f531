package interpreter

import (
	"slices"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// busy reports whether anything runs in a context: code, a command, or a process in its background, as far as that is known. The caller
// holds Interpreter.mu.
func (cc *codeContext) busy(now time.Time) bool {
	if lost, _ := cc.lost(); lost {
		return false
	}
	return cc.current != nil || cc.commands > 0 ||
		slices.ContainsFunc(cc.processes, func(p *process) bool { return p.lease == cc.lease && p.goesOn(now) })
}

// goesOn reports whether a process is believed to. One that ended by itself is believed to until somebody looks at it or its time is
// up: nobody is asked for the sake of this. The caller holds Interpreter.mu.
func (p *process) goesOn(now time.Time) bool {
	return !p.exited && (p.until.IsZero() || now.Before(p.until))
}

// noteState keeps what was seen of a process.
func (i *Interpreter) noteState(p *process, seen sandbox.Process) {
	i.mu.Lock()
	defer i.mu.Unlock()
	p.exited = p.exited || seen.Status == sandbox.ProcessExited
}
