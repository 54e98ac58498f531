package editors

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/editors/configedit"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
)

// State is how an editor stands to us.
type State string

// The states of an editor, or of one of its files.
const (
	NotFound   State = "not-found"   // the editor is not on this computer
	Found      State = "found"       // it is, and does not know us
	Connected  State = "connected"   // its entry is what we would write
	Stale      State = "stale"       // its entry was ours, and leads where nothing of ours is any more
	HandEdited State = "hand-edited" // its entry was changed by somebody
	Unreadable State = "unreadable"  // its file cannot be parsed, and will not be touched
	Elsewhere  State = "elsewhere"   // it knows us under another name
)

// Route is how an editor is connected.
type Route string

// The routes.
const (
	ByFile     Route = "file"   // we write its settings file
	ByCLI      Route = "cli"    // its own command line writes it
	ByLink     Route = "link"   // the user opens a link, and the editor asks
	ByCard     Route = "card"   // the user pastes a text
	RemoveOnly Route = "remove" // it is only disconnected
)

// Status is one editor as it is now. The JSON names are a promise to scripts that read `agentrunctl editors --json`.
type Status struct {
	ID    ID     `json:"id"`
	Name  string `json:"name"`
	State State  `json:"state"`
	// Form is how it is connected, if it is.
	Form Form `json:"form,omitempty"`
	// Detail says more in a clause: what differs, what cannot be read.
	Detail string `json:"detail,omitempty"`
	// Why and What are the same for who has words of their own for it; empty where only who reads the file can say it.
	Why  Why    `json:"-"`
	What string `json:"-"`
	// Off says that our entry is there and the user has switched it off in the editor.
	Off bool `json:"off,omitempty"`
	// Lost says that we have connected it, and that it is not as we left it: offer to mend it.
	Lost bool `json:"lost"`
	// Was is the form in which we have connected an editor that has lost us.
	Was Form `json:"was,omitempty"`
	// Undo says that the last change that we have made to its settings can be taken back.
	Undo bool `json:"undo"`
	// Route and Forms are how it can be connected.
	Route Route  `json:"route"`
	Forms []Form `json:"forms"`
	// Files are its settings files.
	Files []FileStatus `json:"files"`
	// After is what the user does in the editor for a change to be seen.
	After string `json:"after"`
}

// FileStatus is one settings file as it is now.
type FileStatus struct {
	Path   string `json:"path"`
	State  State  `json:"state"`
	Form   Form   `json:"form,omitempty"`
	Detail string `json:"detail,omitempty"`
	Why    Why    `json:"-"`
	What   string `json:"-"`
	Off    bool   `json:"off,omitempty"`
}

// LastForm is how an editor is connected, or was before it lost us; empty if that is not known.
func (st Status) LastForm() Form {
	if st.Form != "" {
		return st.Form
	}
	return st.Was
}

// Ours says that an entry of ours is in some file, whatever may be the matter with it or with the other files.
func (st Status) Ours() bool {
	return slices.ContainsFunc(st.Files, func(f FileStatus) bool {
		return f.State == Connected || f.State == Stale || f.State == HandEdited
	})
}

// List looks at all editors. It only reads.
func (s *Set) List() []Status {
	all := make([]Status, 0, len(table))
	for _, r := range table {
		all = append(all, s.status(r))
	}
	return all
}

// Look is List for one editor.
func (s *Set) Look(id ID) (Status, error) {
	r, err := rowOf(id)
	if err != nil {
		return Status{}, err
	}
	return s.status(r), nil
}

func (s *Set) status(r row) Status {
	st := Status{ID: r.id, Name: r.name, State: NotFound, Route: s.route(r), Forms: s.forms(r), Files: []FileStatus{}, After: r.after}
	if !s.found(r) {
		return st
	}
	st.State = Found
	for _, path := range s.files(r) {
		st.Files = append(st.Files, s.fileStatus(r, path))
	}
	s.sum(&st)
	j := s.journal(r.id)
	st.Undo = j.err == nil && r.undoable(j)
	st.Lost = j.wants() && !st.Off && (st.State == Found || st.State == Stale || st.State == HandEdited || st.State == Unreadable)
	if st.Lost {
		st.Was = j.form()
	}
	return st
}

func (s *Set) route(r row) Route {
	switch {
	case r.retired:
		return RemoveOnly
	case r.card:
		return ByCard
	case r.link != nil && len(s.files(r)) == 0:
		return ByLink
	case r.cli != nil && r.cli.program(s.sys) != "":
		return ByCLI
	}
	return ByFile
}

// worst is the order in which the state of one file speaks for the editor.
var worst = []State{Unreadable, HandEdited, Stale, Elsewhere, Connected, Found}

// sum folds the states of files into that of the editor.
func (s *Set) sum(st *Status) {
	if len(st.Files) == 0 {
		return
	}
	for _, state := range worst {
		n := slices.IndexFunc(st.Files, func(f FileStatus) bool { return f.State == state })
		if n < 0 {
			continue
		}
		f := st.Files[n]
		st.State, st.Form, st.Detail, st.Why, st.What, st.Off = f.State, f.Form, f.Detail, f.Why, f.What, f.Off
		break
	}
	if st.State != Connected {
		return
	}
	// All places that an editor may read have to know us, or it depends on how it was started whether it does.
	if n := slices.IndexFunc(st.Files, func(f FileStatus) bool { return f.State == Found }); n >= 0 {
		f := wrong(Stale, "", WhyPlace, st.Files[n].Path)
		st.State, st.Form, st.Detail, st.Why, st.What = f.State, f.Form, f.Detail, f.Why, f.What
	}
}

// fileStatus looks at one settings file.
func (s *Set) fileStatus(r row, path string) FileStatus {
	unreadable := func(err error) FileStatus { return FileStatus{Path: path, State: Unreadable, Detail: err.Error()} }
	img, err := look(path)
	if err != nil {
		return unreadable(err)
	}
	tree, err := r.format.Parse(img.text)
	if err != nil {
		return unreadable(err)
	}
	found, there, err := tree.Find(r.at())
	if err != nil {
		return unreadable(err)
	}
	if there {
		st := s.judge(r, found)
		st.Path = path
		return st
	}
	if others := s.others(tree, r); len(others) > 0 {
		st := wrong(Elsewhere, "", WhyTwice, strings.Join(others, ", "))
		st.Path = path
		return st
	}
	return FileStatus{Path: path, State: Found}
}

// judge compares an entry of our name with what we would write.
func (s *Set) judge(r row, found map[string]any) FileStatus {
	if r.off != nil && r.off(found) {
		return FileStatus{State: HandEdited, Off: true, Detail: "it is switched off in " + r.name}
	}
	command, address, token := commandOf(found), addressOf(found), tokenOf(found)
	switch {
	case r.stdio != nil && r.stdio(s.opt.Command).In(found):
		return FileStatus{State: Connected, Form: Stdio}
	case r.socket != nil && s.opt.Socket != "" && r.socket(s.opt.Socket).In(found):
		return FileStatus{State: Connected, Form: Socket}
	case r.http != nil && s.opt.URL != "" && r.http(s.opt.URL, token).In(found):
		if s.opt.KnowsToken(token) {
			return FileStatus{State: Connected, Form: HTTP}
		}
		return wrong(Stale, HTTP, WhyRevoked, "")
	}
	var was FileStatus
	var e entry
	switch {
	case r.stdio != nil && shim.IsRelay(command) && r.stdio(command).In(found):
		e = r.stdio(command)
		was = wrong(Stale, Stdio, WhyProgram, command)
		if s.sys.absolute(command) && !s.sys.Exists(command) {
			was = wrong(Stale, Stdio, WhyProgramGone, command)
		}
	case r.socket != nil && strings.HasPrefix(address, "unix://"):
		e = r.socket(strings.TrimSuffix(strings.TrimPrefix(address, "unix://"), "#/mcp"))
		was = wrong(Stale, Socket, WhySocket, "")
	case r.http != nil && isOurs(address) && r.http(address, token).In(found):
		e = r.http(address, token)
		was = wrong(Stale, HTTP, WhyAddress, address)
	}
	if e != nil && e.In(found) {
		return was
	}
	if changed := s.difference(r, found); len(changed) > 0 {
		return wrong(HandEdited, "", WhyMembers, strings.Join(changed, ", "))
	}
	return wrong(HandEdited, "", WhyDiffers, "")
}

// difference names what was changed of an entry, without values: those may be secrets.
func (s *Set) difference(r row, found map[string]any) []string {
	var near entry
	switch {
	case r.http != nil && addressOf(found) != "":
		near = r.http(s.opt.URL, tokenOf(found))
	case r.stdio != nil:
		near = r.stdio(s.opt.Command)
	}
	return near.Differences(found)
}

// others are the servers of a file that lead to us under other names.
func (s *Set) others(tree configedit.Tree, r row) []string {
	all, err := tree.Entries(r.at())
	if err != nil {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		found, ok := all[name].(map[string]any)
		if ok && name != Name && (shim.IsRelay(commandOf(found)) || s.opt.URL != "" && addressOf(found) == s.opt.URL) {
			names = append(names, fmt.Sprintf("%q", name))
		}
	}
	return names
}

// commandOf is the program that an entry starts, in any editor's words.
func commandOf(found map[string]any) string {
	for _, name := range []string{"command", "cmd"} {
		switch value := found[name].(type) {
		case string:
			return value
		case []any:
			if len(value) > 0 {
				first, _ := value[0].(string)
				return first
			}
		}
	}
	return ""
}

// addressOf is the URL that an entry connects to, in any editor's words.
func addressOf(found map[string]any) string {
	for _, name := range []string{"url", "httpUrl", "serverUrl", "uri"} {
		if value, ok := found[name].(string); ok && value != "" {
			return value
		}
	}
	return ""
}

// tokenOf is the bearer token of an entry, wherever its headers are.
func tokenOf(found map[string]any) string {
	if options, ok := found["requestOptions"].(map[string]any); ok {
		found = options
	}
	for _, name := range []string{"headers", "http_headers"} {
		if headers, ok := found[name].(map[string]any); ok {
			value, _ := headers["Authorization"].(string)
			return strings.TrimPrefix(value, "Bearer ")
		}
	}
	return ""
}

// isOurs says that a URL can only have been ours: on this computer, with our path.
func isOurs(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost") && u.Path == "/mcp"
}

func trimmed(text []byte) string { return strings.TrimSpace(string(text)) }
