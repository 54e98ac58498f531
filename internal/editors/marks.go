package editors

import (
	"bytes"
	"strings"
)

// The comments around an entry of ours in formats that are edited as text. They are for people; editors that write their files
// anew lose them, and our entry is found without.
const (
	markBegin = "# >>> agentrun (written by AgentRun Tray; to take it out: agentrunctl disconnect)"
	markEnd   = "# <<< agentrun"
)

// withoutMarks takes out our comments, which have nothing between them any more, and the empty line that was put before them.
func withoutMarks(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		switch strings.TrimSpace(string(line)) {
		case markBegin:
			out = withoutEmptyLine(out)
		case markEnd:
		default:
			out = append(out, line...)
		}
	}
	return out
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
