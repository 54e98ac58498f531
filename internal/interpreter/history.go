package interpreter

import (
	"slices"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	maxRunsKept  = 200      // per context
	maxBytesKept = 16 << 20 // per context: code and output of the runs kept
	maxAllKept   = 64 << 20 // of all contexts together
	maxEpitaphs  = 1000     // ended contexts whose end can still be explained
)

// RunRecord is a run that has ended, as the history keeps it.
type RunRecord struct {
	ID        string
	Number    int
	Code      string
	Caller    string
	StartedAt time.Time
	Result    sandbox.Result
	Notices   []string
}

// size estimates what a record keeps in memory, in bytes.
func (r *RunRecord) size() int {
	return len(r.Code) + resultSize(r.Result)
}

// resultSize estimates what a result keeps in memory, in bytes.
func resultSize(res sandbox.Result) int {
	n := len(res.Stdout) + len(res.Stderr)
	for _, o := range res.Displays {
		n += outputSize(o)
	}
	if res.Value != nil {
		n += outputSize(*res.Value)
	}
	if f := res.Failure; f != nil {
		n += len(f.Message) + len(f.Traceback)
	}
	return n
}

func outputSize(o sandbox.Output) int {
	n := len(o.Text)
	for _, data := range o.MIME {
		n += len(data)
	}
	return n
}

// history keeps the last runs of a context, bounded in number and bytes; the newest is always kept.
type history struct {
	runs  []RunRecord
	bytes int
}

func (h *history) add(r RunRecord) {
	h.runs = append(h.runs, r)
	h.bytes += r.size()
	for len(h.runs) > 1 && (len(h.runs) > maxRunsKept || h.bytes > maxBytesKept) {
		h.dropOldest()
	}
}

func (h *history) dropOldest() {
	h.bytes -= h.runs[0].size()
	h.runs[0] = RunRecord{} // what it held is free now, not when the slice is copied
	h.runs = h.runs[1:]
}

// record keeps a run in its context's history.
func (i *Interpreter) record(r *Run, code string, res RunResult) {
	cc := r.cc
	i.mu.Lock()
	defer i.mu.Unlock()
	r.kept = true
	before := cc.history.bytes
	cc.history.add(RunRecord{
		ID: r.id, Number: res.Number, Code: code, Caller: r.caller.Name, StartedAt: time.Now().UTC().Add(-res.Duration), Result: res.Result, Notices: res.Notices,
	})
	i.kept += cc.history.bytes - before
	for i.kept > maxAllKept {
		oldest := i.oldestHistory(cc)
		if oldest == nil {
			return
		}
		i.kept -= oldest.bytes
		oldest.dropOldest()
		i.kept += oldest.bytes
	}
}

// oldestHistory is the one whose first run began before all others; the newest run of the given context is not touched. The
// caller holds mu.
func (i *Interpreter) oldestHistory(newest *codeContext) *history {
	var oldest *history
	for _, cc := range i.contexts {
		if n := len(cc.history.runs); n == 0 || n == 1 && cc == newest {
			continue
		}
		if oldest == nil || cc.history.runs[0].StartedAt.Before(oldest.runs[0].StartedAt) {
			oldest = &cc.history
		}
	}
	return oldest
}

// History returns the last runs of a context, oldest first. The records are shared and must not be changed.
func (i *Interpreter) History(contextID string) ([]RunRecord, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	cc := i.contexts[contextID]
	if cc == nil || !cc.placed {
		return nil, i.notFound(contextID, false)
	}
	return append([]RunRecord(nil), cc.history.runs...), nil
}

// epitaphs remember why the last contexts ended, so that a caller who comes back is told.
type epitaphs struct {
	order []epitaph
}

type epitaph struct {
	id  string
	key *defaultKey
	why string
}

func (e *epitaphs) add(id string, key *defaultKey, why string) {
	if len(e.order) >= maxEpitaphs {
		e.order = append(e.order[:0], e.order[len(e.order)-maxEpitaphs/2:]...)
	}
	e.order = append(e.order, epitaph{id, key, why})
}

func (e *epitaphs) forID(id string) string {
	for _, end := range slices.Backward(e.order) {
		if end.id == id {
			return end.why
		}
	}
	return ""
}

// takeDefault says why the caller's last default context ended, once.
func (e *epitaphs) takeDefault(key defaultKey) string {
	for n, end := range slices.Backward(e.order) {
		if k := end.key; k != nil && *k == key {
			e.order[n].key = nil
			return end.why
		}
	}
	return ""
}
