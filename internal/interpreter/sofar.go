package interpreter

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// RunState is how far a run has come.
type RunState string

// The states of a run in the tool contract.
const (
	RunWaiting  RunState = "waiting"  // for its turn, or for a sandbox
	RunGoing    RunState = "running"  // its code runs
	RunFinished RunState = "finished" // there is a result, or a reason why there is none
)

// SoFar is what there is to know of a run before its result.
type SoFar struct {
	ContextID string
	Backend   string
	State     RunState
	// Since is when the code began to run, or when the run was asked for while it waits.
	Since time.Time
	// Ahead is how many calls have their turn before a run that waits; none: it waits for a sandbox.
	Ahead int
	// Why says why there is no sandbox for a run that waits for one, if that is known.
	Why string
	// Warm says that the session was ready beforehand.
	Warm bool
	// Stdout and Stderr are what was printed until now.
	Stdout, Stderr Excerpt
}

// Excerpt is the beginning and the end of a text.
type Excerpt struct {
	Head, Tail string
	Omitted    int64 // bytes between them that are not kept
}

// excerptHalf is how much is kept of the beginning and of the end of what a run has printed so far. Together it is more than a
// result shows.
const excerptHalf = 64 << 10

// recorder keeps both ends of a text that comes in pieces.
type recorder struct {
	head, tail []byte
	total      int64
}

func (r *recorder) add(text string) {
	r.total += int64(len(text))
	if room := excerptHalf - len(r.head); room > 0 {
		n := min(room, len(text))
		r.head = append(r.head, text[:n]...)
		text = text[n:]
	}
	if over := len(text) - excerptHalf; over > 0 {
		text = text[over:]
	}
	if over := len(r.tail) - excerptHalf; over > 0 && len(r.tail)+len(text) > 2*excerptHalf { // not at every piece: it costs a copy
		n := copy(r.tail, r.tail[over:])
		r.tail = r.tail[:n]
	}
	r.tail = append(r.tail, text...)
}

// excerpt copies what is kept, without halves of characters where something is missing.
func (r *recorder) excerpt() Excerpt {
	head, tail := r.head, r.tail[max(0, len(r.tail)-excerptHalf):]
	if r.total > int64(len(head)+len(tail)) {
		for cut := 1; cut < utf8.UTFMax && cut <= len(head); cut++ {
			if at := len(head) - cut; utf8.RuneStart(head[at]) {
				if !utf8.FullRune(head[at:]) {
					head = head[:at]
				}
				break
			}
		}
		for cut := 0; cut < utf8.UTFMax && len(tail) > 0 && !utf8.RuneStart(tail[0]); cut++ {
			tail = tail[1:]
		}
	}
	return Excerpt{Head: string(head), Tail: string(tail), Omitted: r.total - int64(len(head)+len(tail))}
}

// lastPart is the end of what is kept, for whoever begins to listen.
func (r *recorder) lastPart() string {
	const most = 4 << 10
	if n := len(r.tail); n > 0 {
		return string(r.tail[max(0, n-most):])
	}
	return string(r.head[max(0, len(r.head)-most):])
}

// SoFar says how far the run has come and what it has printed. What a finished one has printed is in its result only.
func (r *Run) SoFar() SoFar {
	r.mu.Lock()
	s := SoFar{ContextID: r.cc.id, State: r.state, Since: r.asked, Warm: r.warm, Stdout: r.stdout.excerpt(), Stderr: r.stderr.excerpt()}
	if !r.began.IsZero() {
		s.Since = r.began
	}
	r.mu.Unlock()
	r.i.mu.Lock()
	defer r.i.mu.Unlock()
	s.Backend = r.cc.site.Name()
	if stats := r.cc.site.pool.Stats(); s.State == RunWaiting && stats.Failures > 0 {
		s.Why = strings.TrimSuffix(stats.LastFailure.Error(), ".")
	}
	if s.State == RunWaiting {
		s.Ahead = r.cc.queue.ahead(r.ticket)
	}
	return s
}

// Listen hands emit the end of what was printed until now, at once, and then what is printed, until stop is called or the run
// ends. Like sandbox.Run.Emit, it must not block, nor call the run.
func (r *Run) Listen(emit func(sandbox.Chunk)) (stop func()) {
	l := &listener{emit}
	r.mu.Lock()
	defer r.mu.Unlock()
	last := &r.stdout
	if r.newest == sandbox.Stderr {
		last = &r.stderr
	}
	if text := last.lastPart(); text != "" {
		emit(sandbox.Chunk{Stream: r.newest, Text: text})
	}
	if r.state != RunFinished {
		r.listeners = append(r.listeners, l)
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if at := slices.Index(r.listeners, l); at >= 0 {
			r.listeners = slices.Delete(r.listeners, at, at+1)
		}
	}
}

// listener is one who wants to hear what a run prints.
type listener struct {
	emit func(sandbox.Chunk)
}

// take keeps a piece of output and passes it on.
func (r *Run) take(c sandbox.Chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.newest = c.Stream
	if c.Stream == sandbox.Stderr {
		r.stderr.add(c.Text)
	} else {
		r.stdout.add(c.Text)
	}
	for _, l := range r.listeners {
		l.emit(c)
	}
}

// starts notes that the code runs from now on.
func (r *Run) starts(warm bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.began, r.warm = RunGoing, time.Now(), warm
}

// ends notes what came of the run, and frees what only a run in progress needs.
func (r *Run) ends(res RunResult, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.result, r.err = RunFinished, res, err
	r.bytes = resultSize(res.Result)
	// a result is kept for long; what else hangs on the run is not, least of all what the context carries
	r.cancel, r.listeners = nil, nil
	r.stdout, r.stderr = recorder{}, recorder{}
}
