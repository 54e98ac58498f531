package editors

import "strings"

// Why is what is the matter with an entry, for faces that have words of their own for it.
type Why string

// What can be the matter. Some name something beside it: a program, an address, a file, members or servers.
const (
	WhyProgram     Why = "program" // it starts the program named, which is not ours as it is now
	WhyProgramGone Why = "gone"    // the same, which is not there
	WhySocket      Why = "socket"  // it connects to another socket
	WhyAddress     Why = "address" // it connects to the address named, where the host does not listen
	WhyRevoked     Why = "revoked" // its token was revoked
	WhyPlace       Why = "place"   // it is not in the file named, which the editor may read as well
	WhyMembers     Why = "members" // those named were changed
	WhyDiffers     Why = "differs" // it was changed, and it is not known in what
	WhyTwice       Why = "twice"   // the servers named lead to us as well
)

// clause says it in English.
func (w Why) clause(what string) string {
	switch w {
	case WhyProgram:
		return "it starts " + what
	case WhyProgramGone:
		return "it starts " + what + ", which is not there"
	case WhySocket:
		return "it connects to another socket"
	case WhyAddress:
		return "it connects to " + what + ", and the host does not listen there"
	case WhyRevoked:
		return "its token was revoked"
	case WhyPlace:
		return "it is not in " + what
	case WhyMembers:
		return "it differs in " + what
	case WhyTwice:
		return "its servers " + what + " lead to us as well"
	default:
		return "it differs"
	}
}

// wrong is the state of a file with whose entry something is the matter.
func wrong(state State, form Form, why Why, what string) FileStatus {
	return FileStatus{State: state, Form: form, Why: why, What: what, Detail: why.clause(what)}
}

// RemarkKind is what a remark is about.
type RemarkKind string

// The kinds.
const (
	RemarkSplit  RemarkKind = "split"  // the file named had other names, which keep the text of before
	RemarkByFile RemarkKind = "byfile" // the editor's command line failed, with the words named, and its file was written instead
	RemarkByHand RemarkKind = "byhand" // it is for the user to do, in the editor
)

// Remark is what went another way than usual in a change, or would.
type Remark struct {
	Kind RemarkKind `json:"kind"`
	What string     `json:"what,omitempty"` // that the kind names
	Said string     `json:"said"`           // all of it in a sentence
}

// Note is all remarks of a change in a row.
func (o Outcome) Note() string {
	said := make([]string, len(o.Remarks))
	for n, r := range o.Remarks {
		said[n] = r.Said
	}
	return strings.Join(said, " ")
}

// byHand tells that only the user can take out what the editor keeps itself.
func byHand(editor string) Remark {
	return Remark{Kind: RemarkByHand, Said: "Take it out in " + editor + "'s own settings: it keeps them where no other program can change them."}
}

// byFile tells that the command line of an editor failed.
func byFile(editor string, failed error) Remark {
	return Remark{RemarkByFile, failed.Error(), "The command line of " + editor + " did not do it (" + failed.Error() + "), so its settings file was changed instead."}
}

// splits tells of files that are replaced and have other names. Written over in place they would keep those, and an editor, or a crash,
// could meet half of one.
func splits(list []alteration) []Remark {
	var all []Remark
	for _, a := range list {
		if path := a.before.path; a.before.linked {
			all = append(all, Remark{RemarkSplit, path, path + " has other names (hard links), which stay with the text of before: link them anew, or use symbolic links, which are followed."})
		}
	}
	return all
}
