package editors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors/configedit"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
)

// Wish is how a change is to be made.
type Wish struct {
	// Form is how to connect; empty means Stdio.
	Form Form
	// Force also changes an entry that somebody has changed by hand.
	Force bool
	// DryRun changes nothing, and says what would be.
	DryRun bool
}

// Outcome is what came of a change, or would.
type Outcome struct {
	ID   ID     `json:"id"`
	Name string `json:"name"`
	// Files are those that were changed; none: everything was so already.
	Files []FileChange `json:"files"`
	// Commands are those of the editor that were used instead of writing its file.
	Commands []string `json:"commands,omitempty"`
	// Link is to be opened by the user, Card to be pasted, where there is no file to be written.
	Link string `json:"link,omitempty"`
	Card string `json:"card,omitempty"`
	// Remarks say what went another way than usual.
	Remarks []Remark `json:"remarks,omitempty"`
	// After is what the user does in the editor for the change to be seen.
	After string `json:"after,omitempty"`
}

// FileChange is one file of a change.
type FileChange struct {
	Path string `json:"path"`
	// Diff shows the change, for the user who wants to see it. Tokens of ours are blotted out; lines around it are whatever stands in
	// the file, so it does not belong in a log.
	Diff string `json:"diff"`
	// Copy is where the file is kept as it was; empty if it was not there, or if nothing was done yet.
	Copy string `json:"copy,omitempty"`
}

// Connect writes our entry into the editor's settings. What is so already is left alone.
func (s *Set) Connect(ctx context.Context, id ID, wish Wish) (Outcome, error) {
	r, err := rowOf(id)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{ID: r.id, Name: r.name, Files: []FileChange{}, After: r.after}
	if !s.found(r) && s.route(r) != ByCard { // a text to paste may also be for an editor that is elsewhere
		return out, fmt.Errorf("%s: %w; install it first, or start it once", r.name, ErrNotFound)
	}
	if r.hinders != nil {
		if why := r.hinders(s.sys); why != "" {
			return out, fmt.Errorf("%s: %w: %s", r.name, ErrForm, why)
		}
	}
	if wish.Form == "" {
		wish.Form = Stdio
	}
	e, err := s.forWish(r, wish)
	if err != nil {
		return out, err
	}
	switch route := s.route(r); {
	case route == ByCard:
		out.Card = pasteCard(e)
		return out, nil
	case route == ByLink && wish.Form != Stdio: // a link passes through too many hands for a token
		return out, fmt.Errorf("%s: %w: by a link, and a token does not belong in one; leave out --http", r.name, ErrForm)
	case route == ByLink:
		out.Link = r.link(e)
		return out, nil
	case route == ByCLI && wish.Form == Stdio:
		return s.connectByCLI(ctx, r, e, wish, out)
	}
	return s.change(ctx, r, purpose{Connecting, wish.Form}, wish, out, func(_ *journal, img image) (edited, error) { return s.connected(r, e, wish, img) })
}

// forWish is wanted without making a token for a dry run.
func (s *Set) forWish(r row, wish Wish) (entry, error) {
	if wish.DryRun && s.opt.Token != nil {
		dry := *s
		dry.opt.Token = func(string) (string, error) { return s.tokenNow(r), nil }
		return dry.wanted(r, wish.Form)
	}
	return s.wanted(r, wish.Form)
}

// tokenNow is the token that an editor has, if it lets in: it would get the same again. Else it is the likeness of one.
func (s *Set) tokenNow(r row) string {
	if l, err := s.Launch(r.id); err == nil && s.opt.KnowsToken(l.Token) {
		return l.Token
	}
	return "art_new"
}

// Disconnect takes our entry out of the editor's settings. If nothing else was changed since it came in, the file is what it was
// before, byte for byte.
func (s *Set) Disconnect(ctx context.Context, id ID, wish Wish) (Outcome, error) {
	r, err := rowOf(id)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{ID: r.id, Name: r.name, Files: []FileChange{}}
	switch files := s.files(r); {
	case r.card, r.link != nil && len(files) == 0:
		out.Remarks = []Remark{byHand(r.name)}
		return out, nil
	case s.route(r) == ByCLI:
		return s.disconnectByCLI(ctx, r, wish, out)
	}
	return s.change(ctx, r, toDisconnect, wish, out, func(j *journal, img image) (edited, error) { return s.disconnected(j, r, wish, img) })
}

// edited is what a file shall be, and which folders shall go with it if it goes.
type edited struct {
	image
	folders []string
}

// alteration is a file that changes.
type alteration struct {
	before image
	after  edited
}

// connected is a file with our entry.
func (s *Set) connected(r row, e entry, wish Wish, img image) (edited, error) {
	drop, err := s.mayConnect(r, e, wish, img)
	if err != nil {
		return edited{}, err
	}
	if wish.Force {
		for n := range e {
			e[n].Loose = false
		}
	}
	text := img.text
	if r.fresh != "" && configedit.Blank(text) {
		text = []byte(r.fresh)
	}
	switch text, err = r.format.Put(text, r.at(), e, drop); {
	case errors.Is(err, ErrShape):
		return edited{}, fmt.Errorf("%w; add %s there by hand%s", err, Name, s.byHand(wish.Form))
	case err != nil:
		return edited{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	img.exists, img.text = true, text
	return edited{image: img}, nil
}

// byHand says what the user has to write, if that is no secret.
func (s *Set) byHand(form Form) string {
	if form != Stdio {
		return ""
	}
	return ", with the command " + s.opt.Command
}

// mayConnect says whether our entry may be written into a file, and which members of an old one go.
func (s *Set) mayConnect(r row, e entry, wish Wish, img image) (drop []string, err error) {
	tree, err := r.format.Parse(img.text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	found, there, err := tree.Find(r.at())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if !there {
		if others := s.others(tree, r); len(others) > 0 && !wish.Force {
			return nil, fmt.Errorf("%w, %s, and would list every tool twice; take that out first", ErrElsewhere, others[0])
		}
		return nil, nil
	}
	if st := s.judge(r, found); st.State == HandEdited && !wish.Force {
		return nil, fmt.Errorf("%w: %s; to put ours in its place, use --force", ErrHandEdited, st.Detail)
	}
	drop = r.dropped(e)
	if wish.Force {
		drop = append(drop, e.Extra(found)...)
	}
	return drop, nil
}

// disconnected is a file without our entry.
func (s *Set) disconnected(j *journal, r row, wish Wish, img image) (edited, error) {
	if err := s.mayDisconnect(r, wish, img); err != nil {
		return edited{}, err
	}
	ours := func(img image) bool { return s.has(r, img) }
	if !ours(img) {
		return edited{image: img}, nil
	}
	if was, folders, ok := j.origin(img, ours); ok {
		was.mode = img.mode
		return edited{was, folders}, nil
	}
	text, err := r.format.Remove(img.text, r.at())
	switch {
	case errors.Is(err, ErrShape):
		return edited{}, fmt.Errorf("%w; take %s out by hand", err, Name)
	case err != nil:
		return edited{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	img.text = text
	return edited{image: img}, nil
}

// has says whether an entry of our name is in a file.
func (s *Set) has(r row, img image) bool {
	tree, err := r.format.Parse(img.text)
	if err != nil {
		return false
	}
	_, there, err := tree.Find(r.at())
	return there && err == nil
}

// mayDisconnect refuses to take out what only has our name.
func (s *Set) mayDisconnect(r row, wish Wish, img image) error {
	tree, err := r.format.Parse(img.text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	found, there, err := tree.Find(r.at())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if !there || wish.Force || shim.IsRelay(commandOf(found)) || isOurs(addressOf(found)) {
		return nil
	}
	if st := s.judge(r, found); st.State != HandEdited {
		return nil
	}
	return fmt.Errorf("%w, and does not lead to us (%s); to take it out all the same, use --force", ErrHandEdited, s.difference(r, found))
}

// attempts is how often a change is made anew because its file was changed in the same moment.
const attempts = 5

// change makes a change to the files of an editor.
func (s *Set) change(ctx context.Context, r row, to purpose, wish Wish, out Outcome, edit func(*journal, image) (edited, error)) (Outcome, error) {
	if wish.DryRun {
		_, list, err := s.plan(r, edit)
		if err != nil {
			return out, err
		}
		out.Files, out.Remarks = differences(list), splits(list)
		return out, nil
	}
	lock, err := s.begin(ctx, r)
	if err != nil {
		return out, err
	}
	defer func() { _ = lock.Close() }()
	return s.changeLocked(ctx, r, to, ByFile, out, edit)
}

// changeLocked is change for who has the lock.
func (s *Set) changeLocked(ctx context.Context, r row, to purpose, route Route, out Outcome, edit func(*journal, image) (edited, error)) (Outcome, error) {
	for range attempts {
		j, list, err := s.plan(r, edit)
		if err != nil {
			return out, err
		}
		if len(list) == 0 {
			// Nothing to write; what the user wants is written down all the same.
			if j.wants() != (to.action == Connecting) || j.form() != to.form {
				_, err = j.begin(to, route, nil)
			}
			return out, err
		}
		changes, err := s.carryOut(ctx, j, to, list)
		out.Files = append(out.Files, changes...)
		if err == nil {
			out.Remarks = append(out.Remarks, splits(list)...)
		}
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", r.name, err)
		}
		return out, err
	}
	return out, fmt.Errorf("%s: its settings file changes all the time; close %s and try again", r.name, r.name)
}

// plan reads the files of an editor and says what they shall be, of those that change. All are read before any is written: a file
// that cannot be parsed stops the change of the others too.
func (s *Set) plan(r row, edit func(*journal, image) (edited, error)) (j *journal, list []alteration, err error) {
	j = s.journal(r.id)
	if j.err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r.name, j.err)
	}
	for _, path := range s.files(r) {
		now, err := look(path)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w: %s: %w", r.name, ErrUnreadable, path, err)
		}
		then, err := edit(j, now)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %s: %w", r.name, path, err)
		}
		if !then.is(now) {
			list = append(list, alteration{now, then})
		}
	}
	return j, list, nil
}

// emptyPatience is how long a file has to stay empty to be taken for one. Its editor may be about to write it, and what it then wrote
// would go into the file that we replace.
const emptyPatience = 150 * time.Millisecond

// awaitText gives the files that are empty time to be written.
func awaitText(ctx context.Context, list []alteration) error {
	if !slices.ContainsFunc(list, func(a alteration) bool { return a.before.exists && len(a.before.text) == 0 }) {
		return nil
	}
	timer := time.NewTimer(emptyPatience)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// carryOut writes down and writes.
func (s *Set) carryOut(ctx context.Context, j *journal, to purpose, list []alteration) ([]FileChange, error) {
	if err := awaitText(ctx, list); err != nil {
		return nil, err
	}
	rec, err := j.begin(to, ByFile, list)
	if err != nil {
		return nil, nothingChanged(err)
	}
	made := false
	for n, a := range list {
		folders, err := a.after.write(a.before)
		if err != nil {
			removeFolders(folders)
			err = leftAlone(a.before.path, err)
			if n == 0 {
				return nil, errors.Join(err, j.dropLast())
			}
			rec.Files = rec.Files[:n] // what was written can be undone
			return j.describe(rec, list[:n]), errors.Join(err, j.save())
		}
		rec.Files[n].Folders = folders
		made = made || len(folders) > 0
		removeFolders(a.after.folders)
	}
	if made {
		err = j.save()
	}
	return j.describe(rec, list), err
}

// leftAlone says that a file is what it was, and what can be done.
func leftAlone(path string, err error) error {
	return fmt.Errorf("%s was left as it was: %w%s", path, err, remedy(err))
}

// nothingChanged says that it was given up before anything was done.
func nothingChanged(err error) error {
	return fmt.Errorf("nothing was changed: %w%s", err, remedy(err))
}

// remedy is what a user can do about an error of the file system.
func remedy(err error) string {
	switch {
	case errors.Is(err, os.ErrPermission):
		return "; see whom it and its folder belong to"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "; make room on the disk and try again"
	}
	return ""
}

// describe shows what was changed, and where the copies are.
func (j *journal) describe(rec *record, list []alteration) []FileChange {
	changes := differences(list)
	for n, f := range rec.Files {
		if f.Copy != "" {
			changes[n].Copy = j.copyPath(f.Copy)
		}
	}
	return changes
}

// ourToken is a token of ours, which has no business on a screen or in a report.
var ourToken = regexp.MustCompile(`art_[A-Za-z0-9]+`)

// difference shows what becomes of a file.
func difference(before, after image) string {
	from, to := before.path, before.path
	if !before.exists {
		from = "/dev/null"
	}
	if !after.exists {
		to = "/dev/null"
	}
	return ourToken.ReplaceAllString(configedit.Unified(from, to, before.text, after.text), "art_…")
}

func differences(list []alteration) []FileChange {
	changes := make([]FileChange, 0, len(list))
	for _, a := range list {
		changes = append(changes, FileChange{Path: a.before.path, Diff: difference(a.before, a.after.image)})
	}
	return changes
}
