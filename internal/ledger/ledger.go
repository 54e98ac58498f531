// Package ledger keeps on disk which sandboxes in the cloud this installation may have to pay for, so that a host which starts
// after a crash finds what the one before it left running.
//
// A sandbox is entered before the service is asked for it, under the id that is chosen for it, and its entry is on the disk before
// the asking begins: whatever moment a host is killed at, a sandbox that was made has an entry. The entry is removed once the
// service has confirmed the end, or when no sandbox can live that long. An entry without a sandbox costs one question at the next
// start; a sandbox without an entry costs money. Every error here errs to the first side.
//
// An entry is somebody's in this process, who will see to its end, or nobody's: then it was found in the file, or whoever had it
// gave it up. What is nobody's is there to be claimed, by one at a time, so that no two look after one sandbox.
//
// The file holds no secrets, and is written for this user alone. One process uses it at a time: the host holds a lock.
package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
)

// FileName is the name of the ledger in the data folder.
const FileName = "cloud-sandboxes.json"

// Entry is one sandbox that there may be.
type Entry struct {
	SandboxID string `json:"sandbox_id"`
	Template  string `json:"template"`
	AccountID string `json:"account_id,omitempty"` // empty where a data endpoint names the account
	Region    string `json:"region"`
	// ControlEndpoint and DataEndpoint are empty for the service's own.
	ControlEndpoint string `json:"control_endpoint,omitempty"`
	DataEndpoint    string `json:"data_endpoint,omitempty"`
	// CreatedAt is when the sandbox was asked for, by this computer's clock.
	CreatedAt time.Time `json:"created_at"`
}

// Ledger is the list. Methods are safe for concurrent use.
type Ledger struct {
	path string

	mu      sync.Mutex // guards below, and the file: a change is on the disk before the next one begins
	loaded  bool
	entries []Entry         // oldest first; also those that could not be written
	owned   map[string]bool // the ids of entries that are somebody's
	stale   bool            // the file does not hold what entries does
	damage  error           // the file could not be understood; for as long as the program runs
	failure error           // the last read or write failed
}

// New returns the ledger of a data folder. The file is read when it is first needed.
func New(folder string) *Ledger {
	return &Ledger{path: filepath.Join(folder, FileName), owned: map[string]bool{}}
}

// Add enters a sandbox, in place of the entry it has, for a caller who has it from then on. When Add returns without an error the entry will outlive a crash. After an
// error, which Problem also tells, it is known to this process only, until a later change is written.
func (l *Ledger) Add(e Entry) error {
	if err := e.check(); err != nil {
		return fmt.Errorf("enter a sandbox in the ledger: %w", err)
	}
	e.CreatedAt = e.CreatedAt.UTC().Round(0)
	return l.change(func() bool {
		l.owned[e.SandboxID] = true
		at := slices.IndexFunc(l.entries, func(o Entry) bool { return o.SandboxID == e.SandboxID })
		switch {
		case at < 0:
			l.entries = append(l.entries, e)
		case l.entries[at] == e:
			return false
		default:
			l.entries[at] = e
		}
		return true
	})
}

// Remove strikes sandboxes out. Those that have no entry are none to strike out. After an error they are gone for this process,
// and may be back at the next start.
func (l *Ledger) Remove(ids ...string) error {
	return l.change(func() bool {
		for _, id := range ids {
			delete(l.owned, id)
		}
		before := len(l.entries)
		l.entries = slices.DeleteFunc(l.entries, func(e Entry) bool { return slices.Contains(ids, e.SandboxID) })
		return len(l.entries) != before
	})
}

// Entries returns all entries, oldest first. With an error it returns those that it knows of.
func (l *Ledger) Entries() ([]Entry, error) {
	err := l.change(func() bool { return false })
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries), err
}

// Unclaimed returns the entries that are nobody's, oldest first. An error is as of Entries.
func (l *Ledger) Unclaimed() ([]Entry, error) {
	entries, err := l.Entries()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(entries, func(e Entry) bool { return l.owned[e.SandboxID] }), err
}

// Claim gives the caller an entry that is nobody's. It reports whether there is one: somebody may have been quicker.
func (l *Ledger) Claim(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owned[id] || !slices.ContainsFunc(l.entries, func(e Entry) bool { return e.SandboxID == id }) {
		return false
	}
	l.owned[id] = true
	return true
}

// GiveUp leaves an entry to whoever claims it.
func (l *Ledger) GiveUp(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.owned, id)
}

// Problem says what is wrong with the file, or nil: that it was damaged and is kept aside, which holds until the program ends, or
// that it cannot be read or written at the moment.
func (l *Ledger) Problem() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.damage, l.failure)
}

// change lets edit change the entries, and writes them if it did or if the file is behind.
func (l *Ledger) change(edit func() bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.load(time.Now())
	if edit() {
		l.stale = true
	}
	if err != nil || !l.stale { // a file that was not read may hold sandboxes: it is not written over
		return err
	}
	return l.write()
}

// load reads the file, unless that was done. What was entered before it could be read stays.
func (l *Ledger) load(now time.Time) error {
	if l.loaded {
		return nil
	}
	text, err := os.ReadFile(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.failure = fmt.Errorf("the ledger of cloud sandboxes cannot be read: %w", err)
		return l.failure
	}
	var found []Entry
	if err == nil {
		var damage error
		if found, damage = parse(text); damage != nil {
			kept, err := atomicfile.KeepAside(l.path, now)
			if err != nil {
				l.failure = fmt.Errorf("the ledger of cloud sandboxes in %s is damaged (%w), and could not be kept aside: %w", l.path, damage, err)
				return l.failure
			}
			l.damage = fmt.Errorf("the ledger of cloud sandboxes was damaged (%w) and is kept as %s; sandboxes that only it names end by themselves within six hours, or sooner in the AgentRun console", damage, kept)
			l.stale = true // what could be read of it
		}
	}
	for i := range found {
		if found[i].CreatedAt.After(now) { // a clock was set back; it was not asked for later than now
			found[i].CreatedAt, l.stale = now.UTC().Round(0), true
		}
	}
	for _, e := range l.entries {
		found = slices.DeleteFunc(found, func(o Entry) bool { return o.SandboxID == e.SandboxID })
	}
	l.entries = append(found, l.entries...)
	slices.SortStableFunc(l.entries, func(a, b Entry) int { return a.CreatedAt.Compare(b.CreatedAt) })
	l.loaded, l.failure = true, nil
	return nil
}

// write puts the entries on the disk.
func (l *Ledger) write() error {
	text, err := format(l.entries)
	if err == nil {
		err = atomicfile.Write(l.path, text, 0o600)
	}
	l.failure = nil
	if err != nil {
		l.failure = fmt.Errorf("the ledger of cloud sandboxes cannot be kept, so after a crash some may stay until their idle timeout; make room for it: %w", err)
		return l.failure
	}
	l.stale = false
	return nil
}

// check says what is wrong with an entry.
func (e Entry) check() error {
	switch {
	case !isID(e.SandboxID):
		return fmt.Errorf("%.200q is not the id of a sandbox", e.SandboxID)
	case e.Template == "" || e.Region == "":
		return fmt.Errorf("the sandbox %s has no template or no region", e.SandboxID)
	case e.CreatedAt.UTC().Year() < 2 || e.CreatedAt.UTC().Year() > 9999: // what JSON has no form for, and none at all
		return fmt.Errorf("the sandbox %s has no time of creation", e.SandboxID)
	}
	return nil
}

// isID reports whether a text is an id as the service takes them.
func isID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, r := range id {
		letter := 'a' <= r|0x20 && r|0x20 <= 'z'
		if !letter && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}
