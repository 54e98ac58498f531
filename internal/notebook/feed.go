package notebook

import (
	"slices"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Feed follows one context: it gives the context's notebook whenever it is asked, and tells when there is something new in the
// output of running code. That runs come and go is told by the interpreter itself (Changed). Methods are safe for concurrent use.
type Feed struct {
	from    *interpreter.Interpreter
	changed chan struct{} // capacity 1

	mu        sync.Mutex // guards below
	contextID string     // empty: none
	last      *Notebook
	listening map[string]func() // by run: ends the listening
}

// NewFeed makes a feed that follows nothing yet.
func NewFeed(from *interpreter.Interpreter) *Feed {
	return &Feed{from: from, changed: make(chan struct{}, 1), listening: make(map[string]func())}
}

// Follow turns to another context; an empty id means none.
func (f *Feed) Follow(contextID string) {
	f.mu.Lock()
	if f.contextID != contextID {
		f.contextID, f.last = contextID, nil
		f.listen(nil)
	}
	f.mu.Unlock()
	f.tell()
}

// Current is the notebook of the context that is followed, or nil if there is none. As long as nothing has changed it is the same
// pointer.
func (f *Feed) Current() *Notebook {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.contextID == "" {
		return nil
	}
	book, err := f.from.Book(f.contextID)
	f.listen(book.Others) // before what they have printed is read, so that nothing that comes between the two goes by untold
	if err != nil {       // the context has ended
		f.last = nil
		return nil
	}
	n := read(book, f.last)
	if f.last == nil || n.Name != f.last.Name || !slices.Equal(n.Cells, f.last.Cells) {
		f.last = n
	}
	return f.last
}

// Changed is signalled, at most once until it is read, when running code has printed something, or another context is followed. There
// is one channel, for one watcher.
func (f *Feed) Changed() <-chan struct{} { return f.changed }

func (f *Feed) tell() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// listen listens to these runs and no others. The caller holds mu.
func (f *Feed) listen(runs []*interpreter.Run) {
	for id, stop := range f.listening {
		if !slices.ContainsFunc(runs, func(r *interpreter.Run) bool { return r.ID() == id }) {
			stop()
			delete(f.listening, id)
		}
	}
	for _, r := range runs {
		if f.listening[r.ID()] == nil {
			f.listening[r.ID()] = r.Listen(func(sandbox.Chunk) { f.tell() })
		}
	}
}
