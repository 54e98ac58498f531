package editors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
	"github.com/agentrun-tray/agentrun-tray/internal/filelock"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

const journalName = "journal.json"

// keptChanges is how many changes of an editor can be undone, one after the other.
const keptChanges = 10

// Action is what a change was for.
type Action string

// The actions.
const (
	Connecting    Action = "connect"
	Disconnecting Action = "disconnect"
)

// purpose is what a change is for, and the form in which it connects.
type purpose struct {
	action Action
	form   Form
}

var toDisconnect = purpose{action: Disconnecting}

// record is one change of one editor.
type record struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	Action Action    `json:"action"`
	// Form is how the editor was connected by it.
	Form Form `json:"form,omitempty"`
	// Route is how it was made. What an editor's own command line has written is not undone by putting back the file, which holds
	// much else of that editor.
	Route Route        `json:"route"`
	Files []fileRecord `json:"files"`
}

// fileRecord is one file of a change. Sums are those of image.sum.
type fileRecord struct {
	Path    string      `json:"path"`
	Copy    string      `json:"copy,omitempty"` // of the file before, in our folder; empty: there was none
	Mode    fs.FileMode `json:"mode"`
	Before  string      `json:"before"`
	After   string      `json:"after"`
	Folders []string    `json:"folders,omitempty"` // that were made for it
}

// journal is what we have done to the files of one editor, with copies of them as they were before. It is kept in our own folder,
// which only this user can enter, because the copies hold whatever those files hold.
type journal struct {
	folder  string
	records []record
	err     error // it could not be read
}

// copies is our folder for one editor.
func (s *Set) copies(id ID) string { return filepath.Join(s.opt.Folder, string(id)) }

func (s *Set) journal(id ID) *journal {
	j := &journal{folder: s.copies(id)}
	text, err := os.ReadFile(j.file())
	if errors.Is(err, fs.ErrNotExist) {
		return j
	}
	if err == nil {
		err = json.Unmarshal(text, &j.records)
	}
	if err != nil {
		j.err = fmt.Errorf("what was changed before cannot be read in %s (%w); move that file elsewhere and try again", j.file(), err)
	}
	return j
}

func (j *journal) file() string { return filepath.Join(j.folder, journalName) }

// copyPath is where a copy is.
func (j *journal) copyPath(name string) string { return filepath.Join(j.folder, name) }

// wants says that the user has connected the editor and not taken it back.
func (j *journal) wants() bool {
	return len(j.records) > 0 && j.records[len(j.records)-1].Action == Connecting
}

// form is how the user wants the editor to be connected; empty: not at all, or that was not written down yet.
func (j *journal) form() Form {
	if !j.wants() {
		return ""
	}
	return j.records[len(j.records)-1].Form
}

// begin writes down a change that is about to be made, and keeps the files as they are.
func (j *journal) begin(to purpose, route Route, list []alteration) (*record, error) {
	if err := paths.EnsurePrivate(j.folder); err != nil {
		return nil, err
	}
	r := record{Number: 1, At: time.Now().UTC().Truncate(time.Second), Action: to.action, Form: to.form, Route: route, Files: []fileRecord{}}
	if n := len(j.records); n > 0 {
		r.Number = j.records[n-1].Number + 1
	}
	for n, a := range list {
		img := a.before
		f := fileRecord{Path: img.path, Mode: img.mode, Before: img.sum(), After: a.after.sum()}
		if img.exists {
			f.Copy = fmt.Sprintf("%04d-%d-%s", r.Number, n+1, filepath.Base(img.path))
			if err := atomicfile.Write(j.copyPath(f.Copy), img.text, newFile); err != nil {
				return nil, fmt.Errorf("keep a copy in %s: %w", j.folder, plainError(err))
			}
		}
		r.Files = append(r.Files, f)
	}
	j.records = append(j.records, r)
	err := j.save() // forgets the oldest
	return &j.records[len(j.records)-1], err
}

// dropLast takes the last change off, with its copies.
func (j *journal) dropLast() error { return j.drop(len(j.records) - 1) }

// drop takes a change off and those that came after it, with their copies.
func (j *journal) drop(from int) error {
	gone := slices.Clone(j.records[from:])
	j.records = j.records[:from]
	err := j.save()
	for _, r := range gone {
		j.forget(r)
	}
	return err
}

// save writes the journal; copies of changes that are too old go.
func (j *journal) save() error {
	var old []record
	if n := len(j.records) - keptChanges; n > 0 {
		old, j.records = j.records[:n], j.records[n:]
	}
	text, err := json.MarshalIndent(j.records, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(j.file(), append(text, '\n'), newFile); err != nil {
		return fmt.Errorf("write down the change: %w", err)
	}
	for _, r := range old {
		j.forget(r)
	}
	return nil
}

func (j *journal) forget(r record) {
	for _, f := range r.Files {
		if f.Copy != "" {
			_ = os.Remove(j.copyPath(f.Copy)) // a copy too many does no harm
		}
	}
}

// before is a file as it was before a change.
func (j *journal) before(f fileRecord) (image, error) {
	img := image{path: f.Path, mode: f.Mode}
	if f.Copy == "" {
		return img, nil
	}
	text, err := os.ReadFile(j.copyPath(f.Copy))
	if err != nil {
		return img, fmt.Errorf("read the copy of %s: %w", f.Path, err)
	}
	img.exists, img.text = true, text
	if img.sum() != f.Before {
		return img, fmt.Errorf("the copy of %s in %s is damaged", f.Path, j.folder)
	}
	return img, nil
}

// origin is a file as it was before we came into it, if what is in it now is what we have left there: it can be put back byte for byte.
func (j *journal) origin(now image, ours func(image) bool) (was image, made []string, ok bool) {
	sum := now.sum()
	for _, r := range slices.Backward(j.records) {
		for _, f := range r.Files {
			if f.Path != now.path || f.After != sum || r.Route != ByFile {
				continue
			}
			img, err := j.before(f)
			if err != nil {
				return image{}, nil, false
			}
			made = append(append([]string{}, f.Folders...), made...)
			if !ours(img) {
				return img, made, true
			}
			sum = f.Before
		}
	}
	return image{}, nil, false
}

// lockPatience is how long to wait for another process that changes settings files, which takes it milliseconds, or for an editor's
// command line, which takes seconds.
const lockPatience = 30 * time.Second

// begin keeps out other processes of ours that change settings files, and takes away what those have left beside the files of an editor
// that were killed in the middle of it.
func (s *Set) begin(ctx context.Context, r row) (*os.File, error) {
	lock, err := s.lock(ctx.Done())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	_ = atomicfile.SweepFolder(s.copies(r.id)) // what cannot be removed is in nobody's way
	for _, path := range s.files(r) {
		_ = atomicfile.Sweep(path)
	}
	return lock, nil
}

// lock keeps out other processes of ours.
func (s *Set) lock(done <-chan struct{}) (*os.File, error) {
	if err := paths.EnsurePrivate(s.opt.Folder); err != nil {
		return nil, err
	}
	deadline := time.NewTimer(lockPatience)
	defer deadline.Stop()
	for {
		lock, err := filelock.Take(filepath.Join(s.opt.Folder, "lock"))
		if err == nil || !errors.Is(err, filelock.ErrHeld) {
			return lock, err
		}
		again := time.NewTimer(10 * time.Millisecond) // the system has no event for a lock that is given back
		select {
		case <-again.C:
		case <-done:
			return nil, errors.New("given up waiting for another program that changes settings files")
		case <-deadline.C:
			return nil, errors.New("another program has been changing settings files for half a minute; try again")
		}
	}
}
