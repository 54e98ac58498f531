package mcpserver

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
)

const (
	// maxResult is what a result may have on the wire, all in all. Several clients refuse more than 1 MiB.
	maxResult = 1<<20 - 8<<10
	// maxWireText bounds the text of a result as it is on the wire, where it is twice and some characters take six bytes, so
	// that there is room for pictures beside it.
	maxWireText = 640 << 10
)

// shares divides a budget among wants: small ones are met, and the others get equal parts of what is left.
func shares(wants []int, budget int) []int {
	order := make([]int, len(wants))
	for n := range order {
		order[n] = n
	}
	slices.SortFunc(order, func(a, b int) int { return wants[a] - wants[b] })
	got := make([]int, len(wants))
	for n, which := range order {
		got[which] = min(wants[which], budget/(len(order)-n))
		budget -= got[which]
	}
	return got
}

// How much of a model's attention a text takes is estimated, in quarters of a token, as every model counts in its own way: four
// letters of English or of code make about one token, and a character of another script makes about one by itself, which is the rule
// of thumb that makers of models give; two digits or signs make about one, as tables of numbers show with common tokenizers. Text
// such as base64 makes up to twice as many tokens.
const perToken = 4

// weight is what a text takes, in quarters of a token, as a string in JSON, which is what models read.
func weight(text string) int {
	n := 0
	for at := range len(text) {
		n += byteWeight(text[at])
	}
	return n
}

// byteWeight gives the whole weight of a character to its first byte.
func byteWeight(c byte) int {
	switch {
	case c >= utf8.RuneSelf && !utf8.RuneStart(c):
		return 0
	case c >= utf8.RuneSelf:
		return perToken
	case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
		return len(`\n`)
	case c < ' ':
		return len(`\u0000`)
	case c == ' ', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return 1
	}
	return 2
}

// wholeAt says where the whole of a text is, or, where some of it was lost before, the rest of it. Without a URI it says nothing.
func wholeAt(uri string, lost int64) string {
	switch {
	case uri == "":
		return ""
	case lost > 0:
		return "what was kept is at " + uri
	}
	return "the whole is at " + uri
}

// cut shortens a text to about a weight of keep: its beginning and its end, with a line between them that says what is missing and
// where the whole is; see wholeAt. It cuts between lines where that is near. A gap is what is missing already, in bytes, somewhere in the middle.
// The second result is how many bytes are kept.
func cut(text string, keep int, whole string, gap int64) (string, int) {
	if gap == 0 && weight(text) <= keep {
		return text, len(text)
	}
	head, tail := 0, len(text)
	for left := keep / 2; head < len(text); head++ {
		if left -= byteWeight(text[head]); left < 0 {
			break
		}
	}
	for left := keep / 2; tail > head; tail-- {
		if left -= byteWeight(text[tail-1]); left < 0 {
			break
		}
	}
	for head > 0 && head < len(text) && !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	if at := strings.LastIndexByte(text[:head], '\n'); at >= 0 && head-at <= keep/8 {
		head = at + 1
	}
	if at := strings.IndexByte(text[tail:], '\n'); at >= 0 && at <= keep/8 {
		tail += at + 1
	}
	where := ""
	if whole != "" {
		where = "; " + whole
	}
	missing := phrase.Size(int64(tail-head) + gap)
	return fmt.Sprintf("%s\n[… %s left out%s …]\n%s", strings.TrimSuffix(text[:head], "\n"), missing, where, text[tail:]), head + len(text) - tail
}

// wireSize is what the text of a result takes on the wire: once as structured content, once as a string. In both, mcp-go writes
// <, > and & in six bytes.
func wireSize(text json.RawMessage) int {
	n := 0
	for _, c := range text {
		switch c {
		case '<', '>', '&':
			n += 12
		case '"', '\\':
			n += 3
		default:
			n += 2
		}
	}
	return n
}
