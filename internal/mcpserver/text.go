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
	// maxResultText is how much of what code printed goes into a result. More costs a model its attention; the whole is a
	// resource.
	maxResultText = 96 << 10
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

// cut shortens a text to about keep bytes: its beginning and its end, with a line between them that says what is missing.
// It cuts between lines where that is near.
func cut(text string, keep int, whole string) string {
	if len(text) <= keep {
		return text
	}
	head, tail := keep/2, len(text)-keep/2
	for head > 0 && !utf8.RuneStart(text[head]) {
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
		where = "; the whole is at " + whole
	}
	return fmt.Sprintf("%s\n[… %s left out%s …]\n%s", strings.TrimSuffix(text[:head], "\n"), phrase.Size(int64(tail-head)), where, text[tail:])
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
