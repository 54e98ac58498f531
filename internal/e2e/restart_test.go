//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestAKilledHostIsReplacedUnderTheRelay: the editor goes on as if nothing had happened, and is told what has.
func TestAKilledHostIsReplacedUnderTheRelay(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, era string) {
		h := newHome(t, quiet)
		c := h.connect(t, era)
		id := c.create(t, "doomed", "python")
		c.value(t, id, "x = 1")
		c.value(t, "", "y = 1\nopen('left.txt', 'w').write('left')")
		before := h.kill(t)
		if _, err := os.Stat(h.socket()); err != nil {
			t.Fatalf("the socket of a killed host: %v; the test wants it to be left behind", err)
		}
		left := scratchFolders(t, h)
		if len(left) == 0 {
			t.Fatalf("no scratch folder is left in %s by a killed host; the test wants some", h.scratch())
		}

		r := c.run(t, "", "'y' in globals()")
		if !r.success() || r.text("result", "text") != "False" {
			t.Errorf("the first run after the host was killed = %v, want a fresh context", r)
		}
		if !strings.Contains(r.notices(), "restarted") {
			t.Errorf("the first run after the host was killed has the notices %q, want one that says that it was restarted", r.notices())
		}
		if r := c.run(t, "", "1"); r.notices() != "" {
			t.Errorf("the second run has the notices %q, want none: it was said", r.notices())
		}
		if r := c.call(t, "run_code", args{"context_id": id, "code": "x"}); !r.isError || r.code() != "CONTEXT_NOT_FOUND" {
			t.Errorf("run_code in a context of the killed host = %v, want CONTEXT_NOT_FOUND", r)
		}
		s := h.sees(t, "another host", func(s status.Snapshot) bool { return s.PID != before.PID })
		if pids, err := h.hosts(); err != nil || len(pids) != 1 || pids[0] != s.PID {
			t.Errorf("the hosts are %v, %v, want process %d alone", pids, err, s.PID)
		}
		for _, folder := range left {
			if _, err := os.Stat(folder); err == nil {
				t.Errorf("%s of the killed host is still there, want its successor to have removed it", folder)
			}
		}
	})
}

// TestARestartIsToldWhateverIsCalledFirst: a call whose result has no place for the news must not use it up.
func TestARestartIsToldWhateverIsCalledFirst(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		for _, first := range []struct {
			tool string
			args args
		}{
			{"list_contexts", nil},
			{"create_context", args{"name": "another"}},
			{"upload_file", args{"path": "a.txt", "content": "a"}},
			{"list_files", nil},
		} {
			t.Run(first.tool, func(t *testing.T) {
				c := h.connect(t, era)
				c.value(t, "", "x = 5")
				h.kill(t)
				told := c.do(t, first.tool, first.args).notices()
				r := c.run(t, "", "print(x)")
				if r.success() || r.text("error", "name") != "NameError" {
					t.Errorf("print(x) after the host was killed = %v, want a NameError", r)
				}
				if n := strings.Count(told+"\n"+r.notices(), "restarted"); n != 1 {
					t.Errorf("%s has the notices %q and the run after it %q, want one of them to say once that AgentRun was restarted", first.tool, told, r.notices())
				}
				if r := c.run(t, "", "1"); r.notices() != "" {
					t.Errorf("the next run has the notices %q, want none: it was said", r.notices())
				}
			})
		}
	})
}

// TestARunInAKilledHostIsAnsweredOnce: nobody knows what it has done, so it is not run again.
func TestARunInAKilledHostIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, era string) {
		h := newHome(t, quiet)
		c := h.connect(t, era)
		id := c.create(t, "doomed", "python")
		run := c.begin(t, "run_code", args{"context_id": id, "code": "while True: pass"}, "")
		c.awaitRunning(t, id)
		h.kill(t)
		r, err := run.wait(t)
		if err != nil || !r.isError || r.code() != "SESSION_LOST" || len(r.text("error")) < 20 {
			t.Errorf("the run in progress = %v, %v, want isError with SESSION_LOST and a sentence", r, err)
		}
		// the wire is judged at the end: one answer to each request
		r = c.run(t, "", "2 + 2")
		if r.text("result", "text") != "4" || !strings.Contains(r.notices(), "restarted") {
			t.Errorf("the next run = %v, want 4 and the notice that the host was restarted", r)
		}
	})
}

// TestAContextOfAKilledHostIsExplained: the model that still has its id must learn why it is gone.
func TestAContextOfAKilledHostIsExplained(t *testing.T) {
	t.Parallel()
	h := coldHome(t, mocked)
	c := h.connect(t, legacy)
	id := c.create(t, "doomed", "python")
	h.kill(t)
	r := c.call(t, "run_code", args{"context_id": id, "code": "x"})
	if !r.isError || r.code() != "CONTEXT_NOT_FOUND" || !strings.Contains(r.text("error"), "restarted") {
		t.Errorf("run_code in a context of the killed host = %v, want CONTEXT_NOT_FOUND and that it was restarted", r)
	}
}

// TestHostsMayDieAgainAndAgain: whatever moment a host dies in, each call has one answer and the relay lives.
func TestHostsMayDieAgainAndAgain(t *testing.T) {
	t.Parallel()
	h := coldHome(t, mocked)
	c := h.connect(t, legacy)
	lost, longest := 0, time.Duration(0)
	for round := range 6 {
		calls := make([]*began, 10)
		for n := range calls {
			calls[n] = c.begin(t, "run_code", args{"code": "1"}, "")
		}
		if round > 0 {
			<-calls[round].done // the later, the more of them come through
		}
		h.kill(t)
		for _, call := range calls {
			r, err := call.wait(t)
			longest = max(longest, r.took)
			switch {
			case err != nil:
				t.Errorf("run_code while the host was killed: %v, want a result", err)
			case r.code() == "SESSION_LOST":
				lost++
			case !r.success():
				t.Errorf("run_code while the host was killed = %v, want success or SESSION_LOST", r)
			}
		}
		longest = max(longest, c.run(t, "", "1").took) // there is a host to kill again
	}
	t.Logf("of 60 calls %d were lost; the longest call took %v", lost, longest)
}

// kill ends the host as a crash does, and waits until it is gone.
func (h *home) kill(t *testing.T) (was struct{ PID int }) {
	t.Helper()
	text, err := os.ReadFile(h.infoFile())
	if err != nil {
		t.Fatalf("read the published host: %v", err)
	}
	if err := json.Unmarshal(text, &was); err != nil || was.PID <= 0 {
		t.Fatalf("%s holds %s (%v), want the host's pid", h.infoFile(), text, err)
	}
	if pids, err := h.hosts(); err != nil || len(pids) != 1 || pids[0] != was.PID {
		t.Fatalf("the hosts of this home are %v, %v, and %d is published", pids, err, was.PID)
	}
	if err := syscall.Kill(was.PID, syscall.SIGKILL); err != nil {
		t.Fatalf("kill -9 %d: %v", was.PID, err)
	}
	if !eventually(patience, func() bool { return !alive(was.PID) }) {
		t.Fatalf("process %d lives after kill -9", was.PID)
	}
	return was
}

// scratchFolders lists what contexts have on disk.
func scratchFolders(t *testing.T, h *home) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(h.scratch(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
