package mcpserver

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	// progressEvery is the longest silence of a call that takes long. The contract says 5 s; this leaves room for a busy
	// machine.
	progressEvery = 4 * time.Second
	// progressGap keeps a chatty program from flooding its client.
	progressGap = 250 * time.Millisecond
	// progressWidth is how much of a line is shown, in characters.
	progressWidth = 200
)

// progress tells the client of one call how it goes, on the call's own stream. It keeps only the newest line: a client that
// does not read holds up its own notes and nothing else. A nil progress does nothing.
type progress struct {
	reply   *reply
	token   json.RawMessage
	every   time.Duration
	started time.Time
	doing   func() string // what is done until there is a line to show

	poke chan struct{} // capacity 1: there is a new line
	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex // guards below
	lines lastLine   // what the code has printed
}

// startProgress begins to tell the client, if it asked to be told, what the call is doing. The caller must end it before the
// call is answered.
func startProgress(ctx context.Context, x *exchange, every time.Duration, doing func() string) *progress {
	token := x.message.Params.Meta.ProgressToken
	if len(token) == 0 || !x.reply.CanStream() {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	p := &progress{reply: x.reply, token: token, every: every, started: time.Now(), poke: make(chan struct{}, 1), stop: stop, doing: doing}
	p.done.Go(func() { p.pump(ctx) })
	return p
}

// says is what a call does that does one thing only.
func says(what string) func() string { return func() string { return what } }

// end stops telling and waits until nothing more is written.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.stop()
	p.done.Wait()
}

// emit takes output as the code prints it. It never blocks.
func (p *progress) emit(c sandbox.Chunk) {
	p.mu.Lock()
	p.lines.add(c.Text)
	p.mu.Unlock()
	signal(p.poke)
}

func (p *progress) pump(ctx context.Context) {
	silence := time.NewTimer(p.every)
	defer silence.Stop()
	gap := time.NewTimer(0)
	defer gap.Stop()
	for {
		select {
		case <-gap.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-p.poke:
		case <-silence.C:
		case <-ctx.Done():
			return
		}
		if p.tell() != nil {
			return // the connection is broken, which ends the request by itself
		}
		silence.Reset(p.every)
		gap.Reset(min(progressGap, p.every))
	}
}

// tell sends one note.
func (p *progress) tell() error {
	took := time.Since(p.started)
	p.mu.Lock()
	line := p.lines.text()
	p.mu.Unlock()
	if line == "" {
		line = p.doing()
	}
	type note struct {
		Token    json.RawMessage `json:"progressToken"`
		Progress float64         `json:"progress"` // seconds; there is no knowing the total
		Message  string          `json:"message"`
	}
	return p.reply.notify("notifications/progress", note{p.token, float64(took.Milliseconds()) / 1000, line})
}

// lastLine finds the newest line of text that comes in pieces.
type lastLine struct {
	tail string // the end of what has come, at most lastLineMemory bytes
}

const lastLineMemory = 4 << 10

// colours are what programs print to colour a terminal.
var colours = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

func (l *lastLine) add(text string) {
	if len(text) < lastLineMemory {
		text = l.tail + text
	}
	if over := len(text) - lastLineMemory; over > 0 {
		text = text[over:]
	}
	l.tail = strings.Clone(text) // do not keep a large chunk alive for its end
}

// text returns the newest line that is not blank, finished or not. A carriage return starts a new line, as progress bars mean it.
func (l *lastLine) text() string {
	lines := strings.FieldsFunc(l.tail, func(r rune) bool { return r == '\n' || r == '\r' })
	for _, line := range slices.Backward(lines) {
		if line = clean(colours.ReplaceAllString(strings.ToValidUTF8(line, ""), ""), progressWidth); line != "" {
			return line
		}
	}
	return ""
}
