// Package ui is the window and the tray: panels that draw a [View] and send commands to a [Host].
//
// State flows one way. Whoever owns the state hands a whole View to [Window.Render] on the UI goroutine; a panel compares what it
// draws with what it is told to draw and changes the difference. A tap starts a command on a goroutine of the window and shows what
// came of it; what changed by it comes back in the next View.
//
// Nothing here starts a driver: a command brings fyne.io/fyne/v2/app and hands its App and a Window in, so that the package builds
// and tests without cgo and without a display.
package ui

import (
	"slices"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// View is all that is drawn at one moment: the host's snapshot and what is kept beside it. Nothing in it changes after it was
// handed over; what is behind a pointer is replaced when it changes.
type View struct {
	status.Snapshot
	Now      time.Time
	Figures  *Figures           // nil: nothing was measured yet
	Notebook *notebook.Notebook // of the context asked for with WatchContext; nil: none
	Calls    []Call             // oldest first; the newest tells whether there are others
	Editors  *Editors           // nil: not looked for yet
	Settings *Settings          // nil: not read yet
	Account  Account
}

// Figures are measured by the host.
type Figures struct {
	RunsToday    int
	FailedToday  int
	RunsPer      []int           // by stretches of equal length, oldest first
	RunTimes     []time.Duration // of the last runs, oldest first
	RunP50       time.Duration
	RunP99       time.Duration
	AcquireTimes []time.Duration // waiting for a session, oldest first
	AcquireP50   time.Duration
	AcquireP99   time.Duration
	UsualStart   time.Duration            // of making a session
	UsualLoad    time.Duration            // of what Backend.Loading names
	LastRun      map[string]time.Duration // by the id of the sandbox
}

// Call is a tool call that was answered.
type Call struct {
	ID        string
	At        time.Time
	Client    string
	Tool      string
	ContextID string // empty: it was about none
	Context   string // its name
	Took      time.Duration
	Outcome   string // "ok" or a code such as TIMEOUT
	Raised    string // the type of the exception that the code has raised; empty: none
	Detail    string // a few lines for who wants to know more; no code and no output
}

// Settings are the values of the settings file by their names, such as pool.warm, and what the operating system says of us.
type Settings struct {
	Values    map[string]any
	Restart   []string // of these, those that hold from the next start on
	File      string
	Language  string // that of texts, en or zh
	Autostart bool
	LogFolder string
}

// Theme is who chooses between light and dark.
func (s *Settings) Theme() string {
	text, _ := s.value("theme").(string)
	return text
}

// value is one value, or nil.
func (s *Settings) value(name string) any {
	if s == nil {
		return nil
	}
	return s.Values[name]
}

// Account says where the credentials are. The secret is nowhere in a View.
type Account struct {
	AccessKeyID string // shortened
	AccountID   string
	Region      string
	Source      secrets.Source // empty: there are none
	Keychain    secrets.State  // empty: not known
	Hint        string         // what to do about a keychain that is of no use, or about credentials that cannot be right, in English
	Faulty      string         // the parts of the credentials that cannot be right; empty: none
}

// same reports that two views look the same. It is asked at every change of anything, so it compares what is shared first.
func same(a, b *View) bool {
	return a.Now.Unix() == b.Now.Unix() && a.Version == b.Version && a.PID == b.PID && a.Phase == b.Phase && a.StartedAt.Equal(b.StartedAt) &&
		a.Addresses == b.Addresses && sameBackend(a.Backend, b.Backend) && samePool(a.Pool, b.Pool) &&
		(a.Cost == b.Cost || a.Cost != nil && b.Cost != nil && *a.Cost == *b.Cost) && a.Account == b.Account && a.Figures == b.Figures && a.Notebook == b.Notebook && a.Editors == b.Editors && a.Settings == b.Settings &&
		sameCalls(a.Calls, b.Calls) && slices.Equal(a.Problems, b.Problems) &&
		slices.EqualFunc(a.Sessions, b.Sessions, sameSession) &&
		sameContexts(a.Contexts, b.Contexts) && sameRuns(a.Runs, b.Runs) &&
		slices.EqualFunc(a.Clients, b.Clients, sameClient) && slices.EqualFunc(a.Tokens, b.Tokens, sameToken)
}

// sameCalls looks first whether it is one and the same list, as nothing in it changes.
func sameCalls(a, b []Call) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

func sameTime(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

func sameBackend(a, b status.Backend) bool {
	if (a.Loading == nil) != (b.Loading == nil) || a.Loading != nil && *a.Loading != *b.Loading {
		return false
	}
	a.Loading, b.Loading = nil, nil
	return a == b
}

func samePool(a, b status.Pool) bool {
	if !sameTime(a.NextAttempt, b.NextAttempt) {
		return false
	}
	a.NextAttempt, b.NextAttempt = nil, nil
	return a == b
}

func sameSession(a, b status.Session) bool {
	if !sameTime(a.ReadyAt, b.ReadyAt) || !sameTime(a.ExpiresAt, b.ExpiresAt) || !sameTime(a.EndsAt, b.EndsAt) {
		return false
	}
	a.ReadyAt, a.ExpiresAt, a.EndsAt = nil, nil, nil
	b.ReadyAt, b.ExpiresAt, b.EndsAt = nil, nil, nil
	return a == b
}

func sameContexts(a, b []status.Context) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	for n := range a {
		x, y := &a[n], &b[n]
		// a context's name, language and maker go with its id for as long as it lives
		if x.Runs != y.Runs || x.Status != y.Status || x.LastUsed != y.LastUsed || x.ID != y.ID || x.SandboxID != y.SandboxID || x.Backend != y.Backend || x.RunID != y.RunID || x.Instead != y.Instead {
			return false
		}
	}
	return true
}

func sameRuns(a, b []status.Run) bool { return slices.EqualFunc(a, b, sameRun) }

func sameRun(a, b status.Run) bool {
	return a.ID == b.ID && a.Context == b.Context && sameTime(a.StartedAt, b.StartedAt) // the rest goes with the id
}

func sameClient(a, b status.Client) bool {
	return a.Name == b.Name && a.Version == b.Version && a.Via == b.Via && a.Token == b.Token && a.Since.Equal(b.Since) && a.LastSeen.Equal(b.LastSeen) &&
		a.Calls == b.Calls && a.Errors == b.Errors && a.InFlight == b.InFlight && slices.Equal(a.AllowedTools, b.AllowedTools)
}

func sameToken(a, b status.Token) bool {
	return a.Client == b.Client && a.CreatedAt.Equal(b.CreatedAt) && a.Connected == b.Connected && a.LastSeen.Equal(b.LastSeen) &&
		a.Calls == b.Calls && a.Errors == b.Errors && slices.Equal(a.AllowedTools, b.AllowedTools)
}
