package editors

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/editors/configedit"
)

// Form is how an editor reaches us.
type Form string

// The forms of an entry.
const (
	Stdio  Form = "stdio"  // the editor starts the relay
	HTTP   Form = "http"   // the editor connects by URL, with a token of its own
	Socket Form = "socket" // the editor connects to the host's unix socket, without a token
)

// Options are what a Set needs to know. System, Folder and Command must be there.
type Options struct {
	System System
	// Folder is where files are kept as they were before a change; it is made when it is needed, for this user alone.
	Folder string
	// Command is what editors start: the path of the shim.
	Command string
	// URL and Socket are where the host listens; empty: it does not.
	URL, Socket string
	// Token returns the token of a client for URL and makes it if there is none; KnowsToken says whether one lets in.
	Token      func(client string) (string, error)
	KnowsToken func(token string) bool
	// Environ is the environment for the command lines of editors, as in os.Environ.
	Environ []string
}

// Set is the editors of one computer. It keeps nothing in memory: what is so is in the files. Methods are safe for concurrent use,
// by several processes too.
type Set struct {
	opt Options
	sys System
}

// Errors that callers tell apart. The sentence around them says which editor or file it is about, and what to do.
var (
	ErrUnknown    = errors.New("there is no such editor")
	ErrNotFound   = errors.New("it was not found on this computer")
	ErrUnreadable = errors.New("its settings file cannot be read")
	ErrShape      = configedit.ErrShape
	ErrHandEdited = errors.New("its entry was changed by hand")
	ErrElsewhere  = errors.New("it is connected under another name")
	ErrForm       = errors.New("it cannot be connected in this way")
	ErrNoUndo     = errors.New("there is no change to undo")
	ErrChanged    = errors.New("the file was changed since")
)

// New returns the editors of a computer. It looks at nothing yet.
func New(opt Options) (*Set, error) {
	sys, err := opt.System.complete()
	if err != nil {
		return nil, err
	}
	if opt.Folder == "" || !sys.absolute(opt.Command) {
		return nil, fmt.Errorf("editors need a folder for copies and an absolute command, got %q and %q", opt.Folder, opt.Command)
	}
	if opt.KnowsToken == nil {
		opt.KnowsToken = func(string) bool { return false }
	}
	return &Set{opt: opt, sys: sys}, nil
}

// IDs are all editors that there are, in the order in which they are shown.
func IDs() []ID {
	ids := make([]ID, 0, len(table))
	for _, r := range table {
		ids = append(ids, r.id)
	}
	return ids
}

func rowOf(id ID) (row, error) {
	if n := slices.IndexFunc(table, func(r row) bool { return r.id == id }); n >= 0 {
		return table[n], nil
	}
	var names []string
	for _, id := range IDs() {
		names = append(names, string(id))
	}
	return row{}, fmt.Errorf("%q: %w; there are %s", id, ErrUnknown, strings.Join(names, ", "))
}

// found says whether an editor is on this computer.
func (s *Set) found(r row) bool {
	return slices.ContainsFunc(r.signs(s.sys), s.sys.Exists) ||
		slices.ContainsFunc(r.programs, func(name string) bool { return s.sys.program(name) != "" })
}

// files are the settings files of an editor that was found.
func (s *Set) files(r row) []string {
	if r.files == nil {
		return nil
	}
	return r.files(s.sys)
}

func (r row) at() configedit.Place { return configedit.Place{Section: r.section, Name: Name} }

// forms are those that an editor can be connected in, best first.
func (s *Set) forms(r row) []Form {
	var all []Form
	if r.stdio != nil && !r.retired {
		all = append(all, Stdio)
	}
	if r.socket != nil && s.sys.GOOS != "windows" { // VS Code wants a named pipe there, and the host has a unix socket everywhere
		all = append(all, Socket)
	}
	if r.http != nil && !r.retired {
		all = append(all, HTTP)
	}
	return all
}

// wanted is the entry that an editor gets.
func (s *Set) wanted(r row, form Form) (entry, error) {
	refuse := func(why string) (entry, error) { return nil, fmt.Errorf("%s: %w: %s", r.name, ErrForm, why) }
	if !slices.Contains(s.forms(r), form) {
		if form == Stdio {
			return refuse("it can only be disconnected")
		}
		return refuse("it does not connect by URL; leave out --http")
	}
	switch form {
	case Stdio:
	case Socket:
		if s.opt.Socket == "" {
			return refuse("the host's socket is not known")
		}
		return r.socket(s.opt.Socket), nil
	case HTTP:
		if s.opt.URL == "" || s.opt.Token == nil {
			return refuse("the host does not listen on an address; switch http on in the settings")
		}
		token, err := s.opt.Token(string(r.id))
		if err != nil {
			return nil, fmt.Errorf("%s: make a token: %w", r.name, err)
		}
		return r.http(s.opt.URL, token), nil
	}
	if r.spaceless && strings.Contains(s.opt.Command, " ") {
		return refuse("it cannot start a program whose path has a space in it, such as " + s.opt.Command + "; connect it by URL, with --http")
	}
	if r.expands && strings.ContainsAny(s.opt.Command, "$`") {
		return refuse("it takes a dollar sign in a path for a variable, and " + s.opt.Command + " has one; connect it by URL, with --http")
	}
	return r.stdio(s.opt.Command), nil
}

// fixedNames are those of members that the editor does not let its user change.
func fixedNames(e entry) []string {
	var names []string
	for _, m := range e {
		if !m.Loose {
			names = append(names, m.Name)
		}
	}
	return names
}

// dropped are the members of all forms that e does not have: what another form may have left.
func (r row) dropped(e entry) []string {
	var all []string
	if r.stdio != nil {
		all = append(all, fixedNames(r.stdio("x"))...)
	}
	if r.http != nil {
		all = append(all, fixedNames(r.http("x", "x"))...)
	}
	if r.socket != nil {
		all = append(all, fixedNames(r.socket("x"))...)
	}
	keep := fixedNames(e)
	return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(keep, name) })
}
