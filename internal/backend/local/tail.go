package local

import (
	"strings"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// maxTail is how much is kept of the end of a stream that printed more than the engine's limit, in bytes. The error that ended a
// chatty program stands there.
const maxTail = 512 << 10

// keep puts printed text where it belongs.
func keep(event localengine.Event, head *strings.Builder, late *tail) {
	if event.Beyond {
		late.add(event.Text)
		return
	}
	head.WriteString(event.Text)
}

// tail keeps the end of a text that comes in pieces.
type tail struct {
	pieces []string
	size   int
	lost   bool // something was dropped
}

func (t *tail) add(text string) {
	t.pieces = append(t.pieces, text)
	t.size += len(text)
	for t.size-len(t.pieces[0]) >= maxTail {
		t.size -= len(t.pieces[0])
		t.pieces[0] = "" // free now, not when the slice is copied
		t.pieces = t.pieces[1:]
		t.lost = true
	}
}

// join puts the end of a text behind its beginning, and says how many of the bytes that were cut are missing between them, and where.
func (t *tail) join(head string, cut int64) (text string, missing int64, at int) {
	end := strings.Join(t.pieces, "")
	if over := len(end) - maxTail; over > 0 {
		for over < len(end) && !utf8.RuneStart(end[over]) {
			over++
		}
		end, t.lost = end[over:], true
	}
	if t.lost || end == "" && cut > 0 {
		missing = max(cut-int64(len(end)), 1) // replaced bytes count as more than they were
	}
	return head + end, missing, len(head)
}
