package localengine

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	batchSize  = 8 << 10               // output is handed on when this much is there,
	batchDelay = 20 * time.Millisecond // or when the first of it has waited this long, or when the guest sleeps or ends
	replyLimit = 8 << 20               // the longest reply or display that is read at all
)

// Bundle holds the forms of one value by their MIME type: "text/plain" always, others as the value offers them. Binary forms
// are in base64.
type Bundle map[string]string

// EventKind says what an event carries.
type EventKind int

// The kinds of events.
const (
	Stdout  EventKind = iota + 1 // Text, as printed
	Stderr                       // Text, as printed
	Display                      // Bundle, of one displayed value
)

// Event is a piece of output while a cell runs. Text is valid UTF-8 and never cut within a character.
type Event struct {
	Kind   EventKind
	Text   string
	Bundle Bundle
	Beyond bool // the text is over OutputLimit.Stream and counted as cut: to be looked at, and not all of it to be kept
}

// OutputLimit bounds what one cell may hand out. What goes beyond is dropped and counted. Zero means the default.
type OutputLimit struct {
	Stream   int64 // bytes of stdout and, separately, of stderr, after which events are marked as Beyond; 1 MiB
	Text     int   // bytes of each textual form of a result or display; 64 KiB
	Media    int   // bytes of each other form, in base64; 4 MiB
	Displays int   // displayed values, and all of them together have at most four times Media; 100
}

func (l OutputLimit) withDefaults() OutputLimit {
	if l.Stream <= 0 {
		l.Stream = 1 << 20
	}
	if l.Text <= 0 {
		l.Text = 64 << 10
	}
	if l.Media <= 0 {
		l.Media = 4 << 20
	}
	if l.Displays <= 0 {
		l.Displays = 100
	}
	return l
}

// Cut counts what was dropped because of an OutputLimit.
type Cut struct {
	Stdout, Stderr int64 // bytes
	Displays       int   // displayed values
	Forms          int   // forms shortened or left out, of the result and of displays
}

// output takes what one cell hands out, keeps it within the limits, and passes it on in batches. It belongs to the goroutine
// that runs the guest.
type output struct {
	limit  OutputLimit
	events func(Event)
	cut    Cut
	reply  []byte // of the last emit of a reply; nil when there was none or it was too long
	long   bool   // the last reply was over replyLimit

	kind     EventKind // of what is in batch
	beyond   bool      // likewise
	batch    []byte
	since    time.Time // when the oldest byte of batch came; set at the first tick that sees it
	partial  [Stderr + 1][]byte
	taken    [Stderr + 1]int64
	over     [Stderr + 1]bool // the stream has gone beyond its limit
	displays int
	shown    int // bytes of displays
}

func newOutput(limit OutputLimit, events func(Event)) *output {
	return &output{limit: limit, events: events}
}

// stream takes bytes that the guest wrote to one of its streams.
func (o *output) stream(kind EventKind, b []byte) {
	within := b[:min(int64(len(b)), o.limit.Stream-o.taken[kind])]
	o.taken[kind] += int64(len(within))
	o.collect(kind, false, within)
	beyond := b[len(within):]
	if len(beyond) > 0 && !o.over[kind] {
		o.over[kind] = true
		o.flush()
		o.dropped(kind, int64(len(o.partial[kind]))) // the character goes on beyond the limit, where it is handed out whole
	}
	o.dropped(kind, int64(len(beyond)))
	o.collect(kind, true, beyond)
}

// collect adds bytes to the batch, and hands on what is full.
func (o *output) collect(kind EventKind, beyond bool, b []byte) {
	if len(b) == 0 {
		return
	}
	if o.kind != kind || o.beyond != beyond {
		o.flush()
		o.kind, o.beyond = kind, beyond
	}
	for len(b) > 0 {
		n := min(len(b), max(batchSize-len(o.batch), 1))
		o.batch = append(o.batch, b[:n]...)
		b = b[n:]
		if len(o.batch) >= batchSize {
			o.flush()
		}
	}
}

func (o *output) dropped(kind EventKind, n int64) {
	if kind == Stdout {
		o.cut.Stdout += n
	} else {
		o.cut.Stderr += n
	}
}

// flush hands the batch on, without the beginning of a character whose rest has yet to come.
func (o *output) flush() {
	if len(o.batch) == 0 {
		return
	}
	o.since = time.Time{}
	text := o.batch
	if held := o.partial[o.kind]; len(held) > 0 {
		text = append(held, text...)
	}
	whole := len(text) - unfinished(text)
	o.partial[o.kind] = append([]byte(nil), text[whole:]...)
	if whole > 0 && o.events != nil {
		o.events(Event{Kind: o.kind, Text: strings.ToValidUTF8(string(text[:whole]), "\uFFFD"), Beyond: o.beyond})
	}
	o.batch = o.batch[:0]
}

// unfinished is the number of bytes at the end of b that begin a character and do not end it.
func unfinished(b []byte) int {
	for back := 1; back <= min(utf8.UTFMax-1, len(b)); back++ {
		if c := b[len(b)-back]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-back:]) {
				return back
			}
			return 0
		}
	}
	return 0
}

// pulse hands the batch on when it is old enough. The guest's safepoints call it.
func (o *output) pulse(now time.Time) {
	switch {
	case len(o.batch) == 0:
	case o.since.IsZero():
		o.since = now
	case now.Sub(o.since) >= batchDelay:
		o.flush()
	}
}

// end hands on the rest. Half a character at the very end was either cut by us, and is counted, or printed so.
func (o *output) end() {
	o.flush()
	for _, kind := range []EventKind{Stdout, Stderr} {
		rest := o.partial[kind]
		if len(rest) == 0 {
			continue
		}
		o.partial[kind] = nil
		switch {
		case o.over[kind]: // counted before
		case o.taken[kind] == o.limit.Stream:
			o.dropped(kind, int64(len(rest)))
		case o.events != nil:
			o.events(Event{Kind: kind, Text: "\uFFFD"})
		}
	}
}

// display takes one displayed value, as JSON.
func (o *output) display(b []byte) {
	o.flush()
	o.displays++
	o.shown += len(b)
	if o.displays > o.limit.Displays || o.shown > 4*o.limit.Media || len(b) > replyLimit {
		o.cut.Displays++
		return
	}
	var bundle Bundle
	if json.Unmarshal(b, &bundle) != nil || len(bundle) == 0 {
		o.cut.Displays++ // made by the cell itself, past display()
		return
	}
	o.trim(bundle)
	if o.events != nil {
		o.events(Event{Kind: Display, Bundle: bundle})
	}
}

// setReply keeps the reply to the cell. The kernel's own comes last, whatever the cell sent before.
func (o *output) setReply(b []byte) {
	o.long = len(b) > replyLimit
	if o.long {
		o.reply = nil
		return
	}
	o.reply = append(o.reply[:0], b...)
}

// trim brings the forms of a bundle within the limits: text is shortened, anything else left out.
func (o *output) trim(bundle Bundle) {
	for form, data := range bundle {
		text := strings.HasPrefix(form, "text/")
		switch {
		case text && len(data) > o.limit.Text:
			bundle[form] = shorten(data, o.limit.Text)
			o.cut.Forms++
		case !text && len(data) > o.limit.Media:
			delete(bundle, form)
			o.cut.Forms++
		}
	}
}

// shorten cuts s to at most n bytes, between characters, and marks the cut.
func shorten(s string, n int) string {
	const mark = "…"
	n = max(n-len(mark), 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}
