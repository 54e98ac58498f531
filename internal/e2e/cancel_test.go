//go:build e2e

package e2e

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"
)

// TestACancelledRunStops: the user presses stop in the editor.
func TestACancelledRunStops(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	endless := map[string]struct{ set, loop, get, want string }{
		"python":     {"kept = 'kept'; turns = 0", "while True:\n    turns += 1", "[kept, turns > 0]", "['kept', True]"},
		"sleeping":   {"import time\nkept = 'kept'", "time.sleep(60)", "kept", "'kept'"},
		"javascript": {"let kept = 'kept', turns = 0", "while (true) turns++", "kept.length + (turns > 0 ? 1 : 0)", "5"},
	}
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		for name, program := range endless {
			t.Run(name, func(t *testing.T) {
				language := name
				if name == "sleeping" {
					language = "python"
				}
				id := c.create(t, "stopped-"+name, language)
				c.value(t, id, program.set)
				run := c.begin(t, "run_code", args{"context_id": id, "code": program.loop}, "")
				c.awaitRunning(t, id)
				run.stop()
				cancelled := time.Now()
				if r, err := run.wait(t); !errors.Is(err, context.Canceled) {
					t.Errorf("the cancelled run_code(%q) = %v, %v, want %v", program.loop, r, err, context.Canceled)
				}
				r := c.run(t, id, program.get)
				if took := time.Since(cancelled); took > 3*time.Second {
					t.Errorf("the next run in the context was done %v after the cancelling, want at once", took)
				}
				if got := r.text("result", "text"); got != program.want || r.notices() != "" {
					t.Errorf("after the cancelling run_code(%q) = %v, want %s and no notice: variables are kept", program.get, r, program.want)
				}
			})
		}
		ids, n := c.relay.wire.cancelledAndAnswered()
		if n != len(endless) || len(ids) > 0 {
			t.Errorf("%d calls were cancelled and %v of them answered, want %d and none", n, ids, len(endless))
		}
	})
}

// TestACancelledRunThatWaitsNeverRuns: it has not had its turn yet.
func TestACancelledRunThatWaitsNeverRuns(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		id := c.create(t, "queue", "python")
		c.value(t, id, "import time\nran = []")
		first := c.begin(t, "run_code", args{"context_id": id, "code": "time.sleep(1.5); ran.append('first')"}, "")
		c.awaitRunning(t, id)
		asked := c.relay.wire.requests()
		second := c.begin(t, "run_code", args{"context_id": id, "code": "ran.append('second')"}, "")
		third := c.begin(t, "run_code", args{"context_id": id, "code": "ran.append('third')"}, "")
		if !eventually(patience, func() bool { return c.relay.wire.requests() == asked+2 }) {
			t.Fatal("the client did not send two calls while one was in progress")
		}
		second.stop()
		for name, run := range map[string]*began{"first": first, "third": third} {
			if r, err := run.wait(t); err != nil || !r.success() {
				t.Errorf("the %s run = %v, %v, want success", name, r, err)
			}
		}
		c.wants(t, id, "ran", "['first', 'third']")
	})
}

func TestAContextCanBeStoppedWhileItRuns(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, legacy)
	for _, test := range []struct {
		name, code string
		force      bool
		want       string // the code of the run in progress
	}{
		{"by force", "while True: pass", true, "CANCELLED"},
		{"with patience", "import time; time.sleep(1.5); 'finished'", false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			id := c.create(t, "stopped", "python")
			run := c.begin(t, "run_code", args{"context_id": id, "code": test.code}, "")
			c.awaitRunning(t, id)
			asked := c.relay.wire.requests()
			waits := c.begin(t, "run_code", args{"context_id": id, "code": "'never'"}, "")
			if !eventually(patience, func() bool { return c.relay.wire.requests() == asked+1 }) {
				t.Fatal("the client did not send a call while one was in progress")
			}
			c.do(t, "list_contexts", nil) // gives it time to be waiting
			if r := c.do(t, "stop_context", args{"context_id": id, "force": test.force}); r.took > 5*time.Second || r.text("status") != "stopped" {
				t.Errorf("stop_context = %v after %v, want stopped soon", r, r.took)
			}
			if r, err := run.wait(t); err != nil || r.code() != test.want {
				t.Errorf("the run in progress = %v, %v, want the code %q", r, err, test.want)
			}
			if r, err := waits.wait(t); err != nil || !r.isError || r.code() != "CONTEXT_NOT_FOUND" {
				t.Errorf("the run that waited = %v, %v, want CONTEXT_NOT_FOUND", r, err)
			}
			if cc := c.contexts(t)[id]; cc != nil {
				t.Errorf("list_contexts still shows %v", cc)
			}
		})
	}
}

// TestALeavingEditorStopsItsRun: closing the editor's window is a cancel too, and so is its crash.
func TestALeavingEditorStopsItsRun(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	stays := h.connect(t, legacy)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run("its relay is "+signal.String(), func(t *testing.T) {
			id := stays.create(t, "left-alone", "python")
			stays.value(t, id, "n = 0")
			leaves := h.relay(t)
			leaves.send(t, toolCall(modern, `1`, "run_code", args{"context_id": id, "code": "while True:\n    n += 1"}))
			stays.awaitRunning(t, id)
			if err := leaves.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			leaves.ended(t, 3*time.Second, signal.String())
			stays.wants(t, id, "n > 0", "True")
		})
	}
	for _, era := range []string{legacy, modern} {
		t.Run(era, func(t *testing.T) {
			id := stays.create(t, "left-alone", "python")
			stays.value(t, id, "n = 0")
			leaves := h.relay(t)
			if era == legacy {
				leaves.hello(t, "leaves")
			}
			leaves.send(t, toolCall(era, `1`, "run_code", args{"context_id": id, "code": "while True:\n    n += 1"}))
			stays.awaitRunning(t, id)
			closed := time.Now()
			if err := leaves.stdin.Close(); err != nil {
				t.Fatal(err)
			}
			if err := leaves.stdout.Close(); err != nil { // with standard input alone it might be a script that reads on
				t.Fatal(err)
			}
			leaves.ended(t, 5*time.Second, "both its pipes were closed with a run in progress")
			stays.wants(t, id, "n > 0", "True")
			if took := time.Since(closed); took > 8*time.Second {
				t.Errorf("the run of an editor that has left went on for %v", took)
			}
		})
	}
}
