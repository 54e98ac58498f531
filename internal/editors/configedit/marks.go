package configedit

import (
	"bytes"
	"strings"
)

// Marks are the lines, comments in their format, that stand around an entry in formats that are edited as text. They are for people;
// programs that write their files anew lose them, and an entry is found without.
type Marks struct {
	Begin, End string
	// Like is what the first line begins with, however it goes on: that of an earlier version may have gone on in another way.
	Like string
}

// cut carries out cuts, and takes out the marks around them, which have nothing between them any more, with the empty line that was put
// before them. The nearest are meant: a text of the user's may have such lines too.
func (m Marks) cut(text []byte, cuts ...splice) []byte {
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
		case m.Like != "" && strings.HasPrefix(said, m.Like) && here.to <= first:
			begin = here
		case said == m.End && here.from >= last && end.to == 0:
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
