package configedit

import (
	"bytes"
	"slices"
)

// Blank says that there is nothing in a file.
func Blank(text []byte) bool { return blank(bytes.TrimPrefix(text, bom)) }

// blank says that nothing is set in a text.
func blank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// newline is how lines end in a text.
func newline(text []byte) string {
	if bytes.Contains(text, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// splice is a part of a text and what comes in its place.
type splice struct {
	from, to int
	with     string
}

// apply carries out splices, which must not overlap.
func apply(text []byte, splices ...splice) []byte {
	slices.SortStableFunc(splices, func(a, b splice) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, s := range splices {
		out = append(out, text[at:s.from]...)
		out = append(out, s.with...)
		at = s.to
	}
	return append(out, text[at:]...)
}
