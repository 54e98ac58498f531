package editors

import (
	"context"
	"fmt"
	"reflect"
	"slices"
)

// Undo takes back the last change that we have made to an editor's settings: its files are what they were before, byte for byte. It is
// refused if they were changed since.
func (s *Set) Undo(ctx context.Context, id ID) (Outcome, error) {
	r, err := rowOf(id)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{ID: r.id, Name: r.name, Files: []FileChange{}, After: r.after}
	lock, err := s.begin(ctx, r)
	if err != nil {
		return out, err
	}
	defer func() { _ = lock.Close() }()
	j := s.journal(r.id)
	if j.err != nil {
		return out, fmt.Errorf("%s: %w", r.name, j.err)
	}
	for n, rec := range slices.Backward(j.records) {
		if rec.Route == ByCLI {
			err = s.undoByCLI(ctx, r, j, rec, &out)
		} else {
			err = s.undoFiles(j, rec, &out)
		}
		if err != nil {
			return out, fmt.Errorf("%s: %w", r.name, err) // what came after it is kept: that the user has let the editor be
		}
		if len(out.Files) == 0 && n > 0 {
			continue // it had changed nothing, or was cut short before it did: what is meant is the one before
		}
		if err := j.drop(n); err != nil {
			return out, fmt.Errorf("%s: %w", r.name, err)
		}
		if len(out.Files) > 0 {
			return out, nil
		}
	}
	return out, fmt.Errorf("%s: %w", r.name, ErrNoUndo)
}

// undoFiles puts back the files of a change.
func (s *Set) undoFiles(j *journal, rec record, out *Outcome) error {
	type step struct {
		now, was image
		folders  []string
	}
	var steps []step
	for _, f := range rec.Files {
		now, err := look(f.Path)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		switch now.sum() {
		case f.Before:
			continue
		case f.After:
		default:
			return fmt.Errorf("%s: %w; disconnect takes out our entry and leaves the rest%s", f.Path, ErrChanged, j.hint(f))
		}
		was, err := j.before(f)
		if err != nil {
			return err
		}
		if now.exists {
			was.mode = now.mode // who closed the file in the meantime does not want it open again
		}
		steps = append(steps, step{now, was, f.Folders})
	}
	for _, st := range steps {
		if _, err := st.was.write(st.now); err != nil {
			return leftAlone(st.now.path, err)
		}
		if !st.was.exists {
			removeFolders(st.folders)
		}
		out.Files = append(out.Files, FileChange{Path: st.now.path, Diff: difference(st.now, st.was)})
	}
	return nil
}

// hint is where the copy is.
func (j *journal) hint(f fileRecord) string {
	if f.Copy == "" {
		return ""
	}
	return "; as it was before our change, it is in " + j.copyPath(f.Copy)
}

// undoable says whether Undo would do something. It only reads.
func (r row) undoable(j *journal) bool {
	for _, rec := range slices.Backward(j.records) {
		some, all := undoableFiles(rec)
		if rec.Route == ByCLI {
			some, all = r.undoableByCLI(j, rec)
		}
		if some || !all {
			return some && all
		}
	}
	return false
}

// undoableFiles says whether some file of a change is as the change has left it, and whether all can be as they were before it.
func undoableFiles(rec record) (some, all bool) {
	for _, f := range rec.Files {
		now, err := look(f.Path)
		if err != nil {
			return false, false
		}
		switch now.sum() {
		case f.Before:
		case f.After:
			some = true
		default:
			return false, false
		}
	}
	return some, true
}

// undoableByCLI is the same for an editor whose file changes all the time: there our entry alone counts.
func (r row) undoableByCLI(j *journal, rec record) (some, all bool) {
	if len(rec.Files) == 0 {
		return false, true
	}
	was, err := j.before(rec.Files[0])
	if err != nil {
		return false, false
	}
	now, err := look(rec.Files[0].Path)
	if err != nil {
		return false, false
	}
	a, thereA, errA := r.entryIn(was)
	b, thereB, errB := r.entryIn(now)
	if errA != nil || errB != nil {
		return false, false
	}
	return thereA != thereB || !reflect.DeepEqual(a, b), true
}

// entryIn is our entry in a file.
func (r row) entryIn(img image) (found map[string]any, there bool, err error) {
	tree, err := r.format.Parse(img.text)
	if err != nil {
		return nil, false, err
	}
	return tree.Find(r.at())
}
