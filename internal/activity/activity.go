// Package activity remembers the last tool calls: who called what, how long it took and what came of it, for people who want to know
// what their editors do. It holds no code, no output and no argument; of code that failed, the type of the exception. The MCP face adds
// what it has answered, the host what its user does by hand; nothing of it is kept on disk, where the log is. What goes on at the moment
// is in the status of the host.
package activity

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// OK is the outcome of a call that did what it was to do.
const OK = "ok"

// Running is the outcome of a call whose code goes on after it.
const Running = "running"

// Call is a tool call that was answered.
type Call struct {
	ID        string    // names the request in the log
	At        time.Time // when it came
	Client    string
	Tool      string
	ContextID string // empty: it was about none
	Context   string // the name of that context
	Took      time.Duration
	Outcome   string // OK, Running, or a code of the tool contract such as TIMEOUT
	Raised    string // the type of the exception, where code has failed: see [NameOfError]
	Detail    string // a few lines for who wants to know more, none that quote code or output
}

// MarshalJSON writes a call with the names that the log has for the same things.
func (c Call) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Time      time.Time `json:"time"`
		RequestID string    `json:"request_id"`
		Client    string    `json:"client"`
		Tool      string    `json:"tool"`
		ContextID string    `json:"context_id,omitempty"`
		Context   string    `json:"context,omitempty"`
		Took      float64   `json:"took_seconds"`
		Outcome   string    `json:"outcome"`
		Raised    string    `json:"raised,omitempty"`
		Detail    string    `json:"detail,omitempty"`
	}{c.At.UTC(), c.ID, c.Client, c.Tool, c.ContextID, c.Context, c.Took.Seconds(), c.Outcome, c.Raised, c.Detail})
}

// longestName is how many letters the type of an exception may have.
const longestName = 60

// NameOfError is the type of an exception as far as it may be remembered: what no language would take for a name could be any text that
// code has put there.
func NameOfError(name string) string {
	if len(name) > longestName || strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return ""
	}
	return name
}

// kept is how many calls are remembered at least, once there were as many; at most it is twice that.
const kept = 1000

// Log is what is remembered. Methods are safe for concurrent use. Use New.
type Log struct {
	mu      sync.Mutex    // guards below
	calls   []Call        // only ever appended to, so that what was handed out stays as it is
	changed chan struct{} // capacity 1
}

// New returns an empty log.
func New() *Log { return &Log{changed: make(chan struct{}, 1)} }

// Add remembers a call, and forgets the oldest when there are too many. They go a thousand at a time: dropping one at each call would
// mean to copy all others each time.
func (l *Log) Add(c Call) {
	l.mu.Lock()
	if len(l.calls) >= 2*kept {
		l.calls = append(make([]Call, 0, 2*kept), l.calls[len(l.calls)-kept:]...)
	}
	l.calls = append(l.calls, c)
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Calls returns what is remembered, the oldest first. The slice is shared and must not be changed; nobody else changes it either.
func (l *Log) Calls() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.calls)
}

// Changed is signalled, at most once until it is read, when a call was added. There is one channel, for one watcher.
func (l *Log) Changed() <-chan struct{} { return l.changed }

// Export writes what is remembered as JSON lines, the oldest first.
func (l *Log) Export(to io.Writer) error {
	enc := json.NewEncoder(to)
	for _, c := range l.Calls() {
		if err := enc.Encode(c); err != nil {
			return fmt.Errorf("export the activity: %w", err)
		}
	}
	return nil
}
