package bridge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestTheEndOfStdin(t *testing.T) {
	h := startHost(t, home(t), hook("resources/read", func(_ http.ResponseWriter, req *http.Request, _ message) bool {
		<-req.Context().Done()
		return true
	}))
	e := connect(t, h.dirs, func(r *Relay) { r.times.linger, r.times.farewell = 300*time.Millisecond, 10*time.Second })
	e.initialize(h)
	e.call(1, "sleep", `{"ms":50,"key":"short"}`)
	e.call(2, "hang", `{}`)
	e.write(modernLine("3", "subscriptions/listen", `"notifications":{"toolsListChanged":true}`))
	e.note("notifications/subscriptions/acknowledged")
	e.write(`{"jsonrpc":"2.0","id":4,"method":"resources/read","params":{"uri":"stuck"}}`)
	eventually(t, "the reading", func() bool { return len(h.requests("resources/read")) == 1 })
	eventually(t, "both runs", func() bool { return h.runningNow("sleep") == 1 && h.runningNow("hang") == 1 })
	start := time.Now()
	e.in.Close()
	if err := e.wait(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the end took %v", took)
	}
	<-e.finished
	got := e.answers()
	if len(got["1"]) != 1 || len(got["2"]) != 1 || len(got["3"]) != 0 || len(got["4"]) != 1 || len(got["null"]) != 0 {
		t.Errorf("answers %v, want one to 1, 2 and 4", got)
	}
	if f := failureOf(t, e.answer("2")); f.code != "CANCELLED" || f.modern || !strings.Contains(f.sentence, "Standard input was closed") {
		t.Errorf("the call that was not done = %+v, want CANCELLED because standard input was closed", f)
	}
	if m := e.answer("4"); m.Error == nil || m.Error.Code != codeUnavailable {
		t.Errorf("the request that was not done = %+v, want an error", m)
	}
	eventually(t, "the end of the hanging run", func() bool { return h.runningNow("hang") == 0 })
	if n := len(h.requests(http.MethodDelete)); n != 1 {
		t.Errorf("%d DELETEs, want 1", n)
	}
	if text := e.log.String(); text != "" {
		t.Errorf("the log is %q, want nothing", text)
	}
}

// What a script pipes into a relay is answered, also if it takes longer than a goodbye.
func TestCallsInFlightAtTheEndOfStdinAreAnswered(t *testing.T) {
	h := startHost(t, home(t))
	for _, modern := range []bool{false, true} {
		t.Run(fmt.Sprintf("modern=%v", modern), func(t *testing.T) {
			e := connect(t, h.dirs, func(r *Relay) {
				r.times.linger = linger
				r.times.grace = 100 * time.Millisecond
			})
			if !modern {
				e.write(hello)
				e.write(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
			}
			e.write(callLine(1, "sleep", `{"ms":1500,"key":"long"}`, modern))
			e.in.Close()
			if err := e.wait(); err != nil {
				t.Errorf("Run = %v", err)
			}
			<-e.finished
			if got := e.answers()["1"]; len(got) != 1 || !strings.Contains(got[0], `"key":"long"`) {
				t.Errorf("answers %q, want one from the host", got)
			}
		})
	}
}

// atTheEnd leaves a hanging call in a relay whose standard input has ended, and wants it to end at
// once with what then happens.
func atTheEnd(t *testing.T, parent Parent, stdout io.WriteCloser, happens func()) {
	t.Helper()
	h := startHost(t, home(t))
	stdin, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- New(Options{Dirs: h.dirs, Parent: parent}).Run(t.Context(), stdin, stdout, io.Discard)
		stdout.Close()
	}()
	io.WriteString(in, callLine(1, "hang", `{}`, true)+"\n")
	eventually(t, "the run", func() bool { return h.runningNow("hang") == 1 })
	in.Close()
	select {
	case err := <-ended:
		t.Fatalf("Run = %v with a call in flight", err)
	case <-time.After(50 * time.Millisecond):
	}
	start := time.Now()
	happens()
	select {
	case err := <-ended:
		if took := time.Since(start); err != nil || took > linger/2 {
			t.Errorf("Run = %v after %v, want nil at once", err, took)
		}
	case <-time.After(patienceOfTests):
		t.Fatal("Run has not returned")
	}
	eventually(t, "the end of the run", func() bool { return h.runningNow("hang") == 0 })
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// A script that pipes requests in, and answers to a full disk, has to learn that they are not there.
func TestAnswersThatCannotBeWrittenAfterTheEndOfStdinAreAFailure(t *testing.T) {
	h := startHost(t, home(t))
	r := New(Options{Dirs: h.dirs})
	err := r.Run(t.Context(), strings.NewReader(callLine(1, "sleep", `{"ms":50,"key":"a"}`, true)+"\n"), fullDisk{}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Run = %v, want that there is no space left", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestNobodyWaitsForTheCallsOfAnEditorThatIsGone(t *testing.T) {
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), roleVariable+"=mute", homeVariable+"="+home(t).Runtime)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	atTheEnd(t, Parent{PID: other.Process.Pid}, discard{io.Discard}, func() {
		other.Process.Kill()
		other.Wait()
	})
}

func TestTheEndIsQuickWhenNothingIsInFlight(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs, func(r *Relay) { r.times.linger, r.times.grace = patienceOfTests, patienceOfTests })
	e.initialize(h)
	e.write(modernLine("3", "subscriptions/listen", `"notifications":{"toolsListChanged":true}`))
	e.note("notifications/subscriptions/acknowledged")
	start := time.Now()
	e.in.Close()
	e.wait()
	if took := time.Since(start); took > patienceOfTests/2 {
		t.Errorf("the end took %v, want it at once", took)
	}
}
