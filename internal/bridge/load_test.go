package bridge

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

func TestAtMost4096RequestsInFlight(t *testing.T) {
	release := make(chan struct{})
	h := startHost(t, home(t), hook("initialize", func(_ http.ResponseWriter, req *http.Request, _ message) bool {
		select {
		case <-release:
		case <-req.Context().Done():
		}
		return false
	}))
	e := connect(t, h.dirs)
	e.write(hello)
	for n := range maxCalls {
		e.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`, n+1))
	}
	id := fmt.Sprint(maxCalls)
	if m := e.answer(id); m.Error == nil || m.Error.Code != -32000 {
		t.Errorf("request %s = %+v, want -32000", id, m)
	}
	close(release)
	for n := range maxCalls {
		e.answer(fmt.Sprint(n))
	}
}

func TestAThousandCallsAtOnce(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	start := time.Now()
	for n := range 1000 {
		e.write(callLine(n+1, "sleep", `{"ms":200,"key":"k"}`, n%2 == 0))
	}
	for n := range 1000 {
		if m := e.answer(fmt.Sprint(n + 1)); m.Error != nil {
			t.Fatalf("call %d = %+v", n+1, m.Error)
		}
	}
	t.Logf("1,000 calls of 0.2 s took %v", time.Since(start))
	if got := h.runs("k"); got != 1000 {
		t.Errorf("%d runs, want 1000", got)
	}
}

func TestAStormOfCancels(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	for n := range 500 {
		e.write(callLine(n+1, "hang", `{}`, n%2 == 0))
		if n%3 == 0 {
			e.write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, n+1))
		}
	}
	for n := range 500 {
		e.write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, n+1))
	}
	eventually(t, "the end of all runs", func() bool { return h.runningNow("hang") == 0 })
	e.write(`{"jsonrpc":"2.0","id":"end","method":"tools/list"}`)
	e.answer(`"end"`)
	if n := len(e.answers()); n != 2 {
		t.Errorf("%d calls were answered, want only initialize and the last", n-2)
	}
}

// An editor which stops reading blocks itself, not its cancels and not other relays.
func TestAnEditorThatStopsReading(t *testing.T) {
	h := startHost(t, home(t))
	stdin, in := io.Pipe()
	out, stdout := io.Pipe() // nobody reads
	defer out.Close()
	ended := make(chan error, 1)
	r := New(Options{Dirs: h.dirs})
	r.times.linger = time.Second // for the answers that cannot be written
	go func() { ended <- r.Run(t.Context(), stdin, stdout, io.Discard) }()
	io.WriteString(in, modernLine("0", "server/discover", "")+"\n")
	for n := range 10 {
		io.WriteString(in, callLine(n+1, "big", `{"size":100000}`, true)+"\n")
	}
	io.WriteString(in, callLine(50, "hang", `{}`, true)+"\n")
	eventually(t, "the run", func() bool { return h.runningNow("hang") == 1 })
	io.WriteString(in, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":50}}`+"\n")
	eventually(t, "the end of the run", func() bool { return h.runningNow("hang") == 0 })

	other := connect(t, h.dirs)
	other.initialize(h)
	other.call(1, "echo", `{}`)
	other.answer("1")

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
