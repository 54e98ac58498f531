package bridge

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// of starts hosts of one kind for as long as a test lasts.
func of(t *testing.T, links bool) {
	before := hostsKnowLinks
	hostsKnowLinks = links
	t.Cleanup(func() { hostsKnowLinks = before })
}

// Relays and hosts are updated one after the other.
func TestHostsOfBothKindsTakeOverFromEachOther(t *testing.T) {
	of(t, hostsKnowLinks)
	for _, modern := range []bool{false, true} {
		dirs := home(t)
		id := 0
		var e *editor
		for round := range 4 {
			hostsKnowLinks = round%2 == 0
			h := startHost(t, dirs)
			if e == nil {
				e = connect(t, dirs)
				e.initialize(h)
			}
			for range 5 {
				id++
				e.write(callLine(id, "sleep", key(id), modern))
				if m := e.answer(fmt.Sprint(id)); m.Error != nil || strings.Contains(string(m.Result), "SESSION_LOST") || h.runs(fmt.Sprint(id)) != 1 {
					t.Errorf("links %v: call %d = %+v after %d runs", hostsKnowLinks, id, m, h.runs(fmt.Sprint(id)))
				}
			}
			e.relay.mu.Lock()
			linked := e.relay.usableLink() != nil
			e.relay.mu.Unlock()
			if linked != hostsKnowLinks {
				t.Errorf("links %v: the relay has one: %v", hostsKnowLinks, linked)
			}
			h.kill()
		}
	}
}

func TestAllRequestsTravelOnOneConnection(t *testing.T) {
	of(t, true)
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	for n := range 100 {
		e.write(callLine(n+1, "sleep", `{"ms":20,"key":"k"}`, n%2 == 0))
	}
	for n := range 100 {
		e.answer(fmt.Sprint(n + 1))
	}
	e.relay.mu.Lock()
	defer e.relay.mu.Unlock()
	if len(e.relay.links) != 1 || e.relay.plain != nil {
		t.Errorf("the relay has %d links", len(e.relay.links))
	}
}

// A host that shuts down refuses what it has not begun, which is then for the next host, and answers
// the rest.
func TestWhatAnEndingHostRefusesIsForTheNext(t *testing.T) {
	of(t, true)
	dirs := home(t)
	h := startHost(t, dirs)
	e := connect(t, dirs)
	e.initialize(h)
	e.call(1, "sleep", `{"ms":300,"key":"1"}`)
	eventually(t, "the run", func() bool { return h.runningNow("sleep") == 1 })
	h.links.Retire()
	e.call(2, "sleep", key(2))
	if m := e.answer("1"); !strings.Contains(string(m.Result), `"key":"1"`) {
		t.Errorf("the call in flight = %+v", m)
	}
	h.kill()
	next := startHost(t, dirs)
	if m := e.answer("2"); m.Error != nil || strings.Contains(string(m.Result), "SESSION_LOST") || next.runs("2") != 1 || h.runs("2") != 0 {
		t.Errorf("the refused call = %+v after %d runs", m, next.runs("2"))
	}
}

// An editor that stops reading with 50 MB to come: its cancels work, other editors notice nothing,
// the host's runs are not held up, and the end of its input ends the relay.
func TestAnEditorThatStopsReadingWith50MBToCome(t *testing.T) {
	wrote := make(chan error, 1)
	h := startHost(t, home(t), hook("pour", func(w http.ResponseWriter, req *http.Request, m message) bool {
		for n := range 50 {
			http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
			w.Header().Set("Content-Type", "text/event-stream")
			_, err := fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"n\":%d,\"data\":%q}}\n\n", n, strings.Repeat("x", 1<<20))
			if err != nil {
				wrote <- err
				return true
			}
		}
		wrote <- nil
		return true
	}))
	stdin, in := io.Pipe()
	out, stdout := io.Pipe() // nobody reads
	defer out.Close()
	ended := make(chan error, 1)
	r := New(Options{Dirs: h.dirs})
	r.times.linger = 200 * time.Millisecond
	go func() { ended <- r.Run(t.Context(), stdin, stdout, io.Discard) }()
	io.WriteString(in, callLine(1, "pour", `{}`, true)+"\n")
	if err := <-wrote; err == nil {
		t.Error("50 MB went to an editor that does not read")
	}
	io.WriteString(in, callLine(2, "hang", `{}`, true)+"\n")
	eventually(t, "the run", func() bool { return h.runningNow("hang") == 1 })
	io.WriteString(in, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}`+"\n")
	eventually(t, "the end of the run", func() bool { return h.runningNow("hang") == 0 })

	other := connect(t, h.dirs)
	other.initialize(h)
	start := time.Now()
	other.call(1, "echo", `{}`)
	other.answer("1")
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("another editor's call took %v", took)
	}
	in.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run = %v", err)
		}
	case <-time.After(patienceOfTests):
		t.Fatal("Run has not returned")
	}
}
