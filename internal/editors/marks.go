package editors

import (
	"bytes"
	"strings"
)

// The comments around an entry of ours in formats that are edited as text. They are for people; editors that write their files
// anew lose them, and our entry is found without.
const (
	markBegin = "# >>> agentrun (written by AgentRun Tray" // the first one begins with it, however it goes on
	markEnd   = "# <<< agentrun"
)

// markOf is the comment before the entry of an editor, which says how to take that out.
func markOf(id ID) string {
	return markBegin + "; to take it out: agentrunctl disconnect " + string(id) + ")"
}

// withoutMarks carries out cuts, and takes out the comments around them, which have nothing of ours between them any more, with the empty
// line that was put before them. The nearest are meant: a text of the user's may have such lines too.
func withoutMarks(text []byte, cuts ...splice) []byte {
	if len(cuts) == 0 {
		return text
	}
	first, last := cuts[0].from, cuts[len(cuts)-1].to
	var begin, end splice
	at := 0
	for line := range bytes.Lines(text) {
		here := splice{from: at, to: at + len(line)}
		at = here.to
		switch said := strings.TrimSpace(string(line)); {
		case strings.HasPrefix(said, markBegin) && here.to <= first:
			begin = here
		case said == markEnd && here.from >= last && end.to == 0:
			end = here
		}
	}
	begin.from = len(withoutEmptyLine(text[:begin.from]))
	for _, mark := range []splice{begin, end} {
		if mark.to > 0 {
			cuts = append(cuts, mark)
		}
	}
	return apply(text, cuts...)
}

// withoutEmptyLine takes an empty line off the end.
func withoutEmptyLine(text []byte) []byte {
	for _, nl := range []string{"\r\n", "\n"} {
		if rest, ok := bytes.CutSuffix(text, []byte(nl)); ok && (len(rest) == 0 || rest[len(rest)-1] == '\n') {
			return rest
		}
	}
	return text
}
