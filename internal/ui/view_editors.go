package ui

import "slices"

// Editors is what was found on this computer.
type Editors struct {
	Found    []Editor
	NotFound []string // names
}

// byID returns one of those that were found.
func (e *Editors) byID(id string) (Editor, bool) {
	if e != nil {
		for _, row := range e.Found {
			if row.ID == id {
				return row, true
			}
		}
	}
	return Editor{}, false
}

// anyConnected reports whether there is an editor that knows us as it should.
func (e *Editors) anyConnected() bool {
	return e != nil && slices.ContainsFunc(e.Found, func(row Editor) bool { return row.State == EditorConnected })
}

// EditorState is how an editor stands to us.
type EditorState string

// The states of an editor.
const (
	EditorConnected EditorState = "connected"
	EditorOff       EditorState = "off"        // it does not know us
	EditorStale     EditorState = "stale"      // our entry leads where nothing of ours is
	EditorEdited    EditorState = "edited"     // our entry was changed by hand
	EditorSilent    EditorState = "silent"     // our entry is there, and switched off in the editor
	EditorUnread    EditorState = "unreadable" // its settings file does not parse
	EditorElsewhere EditorState = "elsewhere"  // it knows us under another name
)

// EditorRoute is how an editor is connected.
type EditorRoute string

// The routes.
const (
	RouteFile   EditorRoute = "file"   // its settings are changed
	RouteLink   EditorRoute = "link"   // a link makes it ask its user
	RouteCard   EditorRoute = "card"   // its user pastes a text
	RouteRemove EditorRoute = "remove" // it is only disconnected
)

// EditorForm is how an editor reaches us.
type EditorForm string

// The forms.
const (
	FormProgram EditorForm = "stdio"  // it starts a program
	FormURL     EditorForm = "http"   // it connects by URL, with a token of its own
	FormSocket  EditorForm = "socket" // it connects to a socket that only its user can open
)

// EditorWhy is what is the matter with our entry in an editor's settings.
type EditorWhy string

// What can be. The editor has What:
const (
	WhyProgram     EditorWhy = "program" // which it starts
	WhyProgramGone EditorWhy = "gone"    // the same, which is not there
	WhySocket      EditorWhy = "socket"
	WhyAddress     EditorWhy = "address" // to which it connects
	WhyRevoked     EditorWhy = "revoked"
	WhyPlace       EditorWhy = "place"   // the file where our entry is not
	WhyMembers     EditorWhy = "members" // of our entry that were changed
	WhyDiffers     EditorWhy = "differs"
	WhyTwice       EditorWhy = "twice" // other entries that lead to us
)

// Editor is one row.
type Editor struct {
	ID     string
	Name   string
	State  EditorState
	Detail string    // what differs, what cannot be read: a clause in the host's words
	Why    EditorWhy // the same for who has words of their own for it; empty: nobody has
	What   string    // that Why names
	Route  EditorRoute
	Form   EditorForm   // of its entry; empty: none, or not known
	Forms  []EditorForm // those it can have, the usual one first
	Lost   bool         // we have connected it, and it is not as we left it
	Undo   bool         // our last change can be taken back
}

// there reports whether an entry of ours is in the editor's settings.
func (e Editor) there() bool {
	switch e.State {
	case EditorConnected, EditorStale, EditorEdited, EditorSilent:
		return true
	case EditorOff, EditorUnread, EditorElsewhere:
	}
	return false
}

// troubled reports whether there is more to say of it than a few words.
func (e Editor) troubled() bool {
	switch e.State {
	case EditorStale, EditorEdited, EditorSilent, EditorUnread, EditorElsewhere:
		return true
	case EditorConnected, EditorOff:
	}
	return e.Lost
}

// mendable reports whether one click makes it what it was, with nothing of the user's own in the way.
func (e Editor) mendable() bool {
	return e.Route == RouteFile && (e.State == EditorStale || e.State == EditorOff && e.Lost)
}

// EditorChange is a wish for one editor.
type EditorChange struct {
	ID string
	On bool // connect; else disconnect
	// Form is how to connect. Empty: as it was, or as is usual.
	Form EditorForm
	// Force also changes what somebody has changed by hand.
	Force bool
}

// Remark is what goes another way than usual when the settings of an editor are changed.
type Remark struct {
	Kind RemarkKind // empty: nobody has words of their own for it
	What string     // that Kind names
	Said string     // the same in the host's words
}

// RemarkKind is what a remark is about.
type RemarkKind string

// The kinds. The remark has What:
const (
	RemarkSplit  RemarkKind = "split"  // the file, whose other names keep the text of before
	RemarkByFile RemarkKind = "byfile" // what the command line of the editor said, which was to make the change
	RemarkByHand RemarkKind = "byhand" // nothing: the user makes the change in the editor
)

// Preview is what a change would do.
type Preview struct {
	Files    []PreviewFile
	Commands []string // of the editor, which change its file for us
	Link     string   // to be opened
	Card     string   // to be pasted
	Remarks  []Remark
}

// PreviewFile is one settings file.
type PreviewFile struct {
	Path string
	Diff string // lines that begin with +, - or a space
}

// Verdict is what came of one step of a check.
type Verdict string

// The verdicts.
const (
	VerdictGood    Verdict = "good"
	VerdictWarning Verdict = "warning"
	VerdictBad     Verdict = "bad"
	VerdictSkipped Verdict = "skipped"
)

// Finding is what came of one step of a check.
type Finding struct {
	Check   string // of a text that begins with doctor.
	Title   string // for a check that we have no text of
	Verdict Verdict
	What    string // a sentence in the host's words
	Todo    string
}
