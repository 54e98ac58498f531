package interpreter

import (
	"slices"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	resultAge      = time.Hour // how long a result can be collected
	maxResults     = 200
	maxResultBytes = 64 << 20
)

// runs finds runs by their ids: those that wait or go on, and those that ended not long ago. Interpreter.mu guards it.
type runs struct {
	byID  map[string]*Run
	begun int    // and commands
	ended []*Run // in the order of their ends
	bytes int    // what the results of those keep in memory
}

func (b *runs) begin(r *Run) {
	if b.byID == nil {
		b.byID = make(map[string]*Run)
	}
	b.byID[r.id] = r
	b.begun++
	r.seq = b.begun
}

// end notes that a run has its result, and forgets others where they are too many or too large. The newest is kept whatever it
// takes, and results that nobody has had go last: a client that runs much must not push out what another has yet to collect.
func (b *runs) end(r *Run) {
	r.ended = time.Now()
	b.ended = append(b.ended, r)
	b.bytes += r.bytes
	for len(b.ended) > 1 && (len(b.ended) > maxResults || b.bytes > maxResultBytes) {
		at := slices.IndexFunc(b.ended[:len(b.ended)-1], func(r *Run) bool { return !r.wanted })
		b.drop(max(0, at))
	}
}

func (b *runs) drop(at int) {
	r := b.ended[at]
	b.bytes -= r.bytes
	delete(b.byID, r.id)
	if at == 0 {
		b.ended[0] = nil
		b.ended = b.ended[1:]
		return
	}
	b.ended = slices.Delete(b.ended, at, at+1)
}

// expire forgets results that are too old, except the newest, and says when the next one is due.
func (b *runs) expire(now time.Time) (next time.Time, ok bool) {
	for len(b.ended) > 1 {
		if next = b.ended[0].ended.Add(resultAge); next.After(now) {
			return next, true
		}
		b.drop(0)
	}
	return time.Time{}, false
}

// Book is what there is to know of the runs of one context.
type Book struct {
	Context Context
	// Ended are the runs that the history keeps, oldest first. The records are shared and must not be changed.
	Ended []RunRecord
	// Others are those that wait or go on, and those of the last hour whose code could not be run, in the order in which they were begun.
	Others []*Run
}

// Book opens the book of a context.
func (i *Interpreter) Book(contextID string) (Book, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	cc := i.contexts[contextID]
	if cc == nil || !cc.placed {
		return Book{}, i.notFound(contextID, false)
	}
	b := Book{Context: i.view(cc), Ended: slices.Clone(cc.history.runs)}
	for _, r := range i.runs.byID {
		if r.cc == cc && !r.kept {
			b.Others = append(b.Others, r)
		}
	}
	slices.SortFunc(b.Others, func(a, b *Run) int { return a.seq - b.seq })
	return b, nil
}

// RunByID finds a run that waits or goes on, or that ended not long ago: its result can be collected, more than once, also when
// its context is gone.
func (i *Interpreter) RunByID(id string) (*Run, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r := i.runs.byID[id]; r != nil {
		return r, nil
	}
	return nil, sandbox.Errorf(sandbox.CodeInvalidParams,
		"there is no run %q: a result can be collected for an hour after the run has ended, if not too many others ended meanwhile and AgentRun Tray was not restarted. "+
			"list_contexts shows the runs in progress. The code may have had its effects: look before you run it again", phrase.Clip(id, 100))
}
