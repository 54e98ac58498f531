//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// transcript is what a process has said so far, line by line. It is an io.Writer, so that it can be a process's output.
type transcript struct {
	mu    sync.Mutex
	lines []string
	part  []byte
	ended bool
	more  chan struct{} // closed and replaced with every line
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

// Write takes text in pieces of any size.
func (x *transcript) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.part = append(x.part, p...)
	for {
		line, rest, found := bytes.Cut(x.part, []byte("\n"))
		if !found {
			return len(p), nil
		}
		x.lines = append(x.lines, string(line))
		x.part = rest
		close(x.more)
		x.more = make(chan struct{})
	}
}

// end says that nothing more will come.
func (x *transcript) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.part) > 0 {
		x.lines = append(x.lines, string(x.part))
	}
	x.part, x.ended = nil, true
	close(x.more)
	x.more = make(chan struct{})
}

// await returns the first line that matches, now or later.
func (x *transcript) await(ctx context.Context, match func(line string) bool) (string, error) {
	for at := 0; ; {
		x.mu.Lock()
		lines, ended, more := x.lines[at:], x.ended, x.more
		at = len(x.lines)
		x.mu.Unlock()
		for _, line := range lines {
			if match(line) {
				return line, nil
			}
		}
		if ended {
			return "", fmt.Errorf("it ended before it said so; it said:\n%s", x)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", fmt.Errorf("%w; it said:\n%s", context.Cause(ctx), x)
		}
	}
}

// String is the end of what was said, for failure messages.
func (x *transcript) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	lines := x.lines[max(0, len(x.lines)-30):]
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "    %s\n", clip(line, 600))
	}
	return b.String()
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:n], ""), len(s))
}

// message is the little of a JSON-RPC message that every message can be judged by.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// wire keeps the books of one stdio connection: what was asked, what was answered, and what should never have been said.
type wire struct {
	mu        sync.Mutex
	asked     map[string]string // method by raw id
	cancelled map[string]bool
	answers   map[string]int
	faults    []string
}

func newWire() *wire {
	return &wire{asked: map[string]string{}, cancelled: map[string]bool{}, answers: map[string]int{}}
}

// sent books a line of the client. A client may say what it likes; what cannot be read is not booked.
func (w *wire) sent(line []byte) {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method json.RawMessage `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	if json.Unmarshal(line, &m) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if string(m.Method) == `"notifications/cancelled"` {
		var p struct {
			RequestID json.RawMessage `json:"requestId"`
		}
		if json.Unmarshal(m.Params, &p) == nil {
			w.cancelled[string(p.RequestID)] = true
		}
	}
	if m.Method != nil && m.ID != nil {
		w.asked[string(m.ID)] = string(m.Method)
	}
}

// heard judges a line of the relay.
func (w *wire) heard(line []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var m message
	dec := json.NewDecoder(bytes.NewReader(line))
	if err := dec.Decode(&m); err != nil || dec.More() || m.Version != "2.0" {
		w.faults = append(w.faults, fmt.Sprintf("a line on standard output that is not one JSON-RPC message: %s", clip(string(line), 300)))
		return
	}
	if bytes.Contains(line, []byte(agentruntest.AccessKeySecret)) {
		w.faults = append(w.faults, fmt.Sprintf("the account's secret: %s", clip(string(line), 300)))
	}
	if m.Method != "" {
		return
	}
	id := string(m.ID)
	w.answers[id]++
	switch _, asked := w.asked[id]; {
	case (m.Result == nil) == (m.Error == nil):
		w.faults = append(w.faults, fmt.Sprintf("an answer must have either a result or an error: %s", clip(string(line), 300)))
	case !asked && (id != "null" || m.Error == nil):
		w.faults = append(w.faults, fmt.Sprintf("an answer to a question nobody asked: %s", clip(string(line), 300)))
	case id != "null" && w.answers[id] > 1:
		w.faults = append(w.faults, fmt.Sprintf("answer number %d to %s %s: %s", w.answers[id], w.asked[id], id, clip(string(line), 300)))
	}
}

// check returns what was wrong. With complete, every request that was not cancelled must have been answered.
func (w *wire) check(complete bool) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	faults := slices.Clone(w.faults)
	if !complete {
		return faults
	}
	for _, id := range slices.Sorted(maps.Keys(w.asked)) {
		if w.answers[id] == 0 && !w.cancelled[id] {
			faults = append(faults, fmt.Sprintf("no answer to %s %s", w.asked[id], id))
		}
	}
	return faults
}

// requests counts what was asked.
func (w *wire) requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

// cancelledAndAnswered lists requests that were answered although they were cancelled.
func (w *wire) cancelledAndAnswered() (ids []string, cancelled int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.cancelled {
		if w.answers[id] > 0 {
			ids = append(ids, id)
		}
	}
	return ids, len(w.cancelled)
}
