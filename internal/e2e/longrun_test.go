//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// impatient are settings for an editor that gives up on a call after a few seconds.
const impatient = `{"http": {"enabled": false}, "runs": {"answer_within_seconds": 2}}`

// handle runs code that outlives its call and returns the answer with the handle.
func (c *client) handle(t *testing.T, contextID, code string) reply {
	t.Helper()
	r := c.run(t, contextID, code)
	if r.took < 1900*time.Millisecond || r.took > 5*time.Second {
		t.Errorf("run_code(%q) answered after %v, want a handle after 2 s", code, r.took)
	}
	if !strings.HasPrefix(r.text("run_id"), "run-") || r.text("context_id") != contextID || r.success() || r.get("error") != nil {
		t.Fatalf("run_code(%q) = %v, want a run_id, no success yet and no error", code, r)
	}
	return r
}

// collect asks for the result of a run until there is one.
func (c *client) collect(t *testing.T, id string) reply {
	t.Helper()
	var r reply
	if !eventually(patience, func() bool {
		r = c.do(t, "get_result", args{"run_id": id})
		return r.text("status") == "finished"
	}) {
		t.Fatalf("get_result of %s stays %v", id, r)
	}
	return r
}

// TestALongRunNeverTimesOutInTheEditor: the editor's own limit is shorter than the code, and nothing is lost.
func TestALongRunNeverTimesOutInTheEditor(t *testing.T) {
	t.Parallel()
	h := newHome(t, impatient)
	inBothEras(t, func(t *testing.T, era string) {
		t.Parallel()
		c := h.connect(t, era)
		for language, program := range map[string]struct{ code, early, all, value string }{
			"python": {
				"import sys, time\nprint('one', flush=True)\nprint('careful', file=sys.stderr, flush=True)\ntime.sleep(8)\nprint('two')\nkept = 6 * 7\nkept",
				"one\n", "one\ntwo\n", "42",
			},
			"javascript": {
				"console.log('one'); const end = Date.now() + 8000; while (Date.now() < end); console.log('two'); 6 * 7",
				"one\n", "one\ntwo\n", "42",
			},
		} {
			t.Run(language, func(t *testing.T) {
				id := c.create(t, "long-"+language, language)
				began := time.Now()
				r := c.handle(t, id, program.code)
				if r.text("status") != "running" || r.text("stdout") != program.early || !strings.Contains(r.notices(), "get_result") || !strings.Contains(r.notices(), "cancel_run") {
					t.Errorf("the handle is %v, want what was printed so far and what to do", r)
				}
				run := r.text("run_id")
				if got := c.contexts(t)[id]; got["run_id"] != run || got["status"] != "running" {
					t.Errorf("list_contexts shows %v, want run %s in progress", got, run)
				}
				if now := c.do(t, "get_result", args{"run_id": run, "wait_seconds": 0}); now.took > time.Second || now.text("status") != "running" {
					t.Errorf("get_result without waiting = %v after %v", now, now.took)
				}
				for range 2 {
					r := c.collect(t, run)
					if !r.success() || r.text("stdout") != program.all || r.text("result", "text") != program.value || r.text("run_id") != run || r.took > 4*time.Second {
						t.Errorf("get_result = %v after %v, want the whole result", r, r.took)
					}
				}
				if took := time.Since(began); took > patience {
					t.Errorf("8 s of code were collected after %v", took)
				}
				if got := c.do(t, "cancel_run", args{"run_id": run}); got.text("status") != "finished" {
					t.Errorf("cancel_run of a run that has ended = %v", got)
				}
			})
		}
	})
}

// TestALongRunIsEndedFromElsewhere: the editor that has the handle is not the only one who can.
func TestALongRunIsEndedFromElsewhere(t *testing.T) {
	t.Parallel()
	h := newHome(t, impatient)
	inBothEras(t, func(t *testing.T, era string) {
		t.Parallel()
		c, other := h.connect(t, era), h.connect(t, era)
		id := c.create(t, "endless", "python")
		c.value(t, id, "kept = 'kept'")
		r := c.handle(t, id, "print('begun', flush=True)\nwhile True: pass")
		waits := c.handle(t, id, "kept + ' and had its turn'")
		if waits.text("status") != "waiting" || !strings.Contains(waits.notices(), "waiting for the run before it") {
			t.Errorf("a run behind another one = %v", waits)
		}
		if got := other.do(t, "cancel_run", args{"run_id": r.text("run_id")}); got.text("status") != "cancelled" || got.took > 5*time.Second {
			t.Errorf("cancel_run = %v after %v", got, got.took)
		}
		if got := c.collect(t, r.text("run_id")); got.code() != "CANCELLED" || got.text("stdout") != "begun\n" {
			t.Errorf("the result of the cancelled run = %v", got)
		}
		if got := c.collect(t, waits.text("run_id")); got.text("result", "text") != "'kept and had its turn'" {
			t.Errorf("the run that waited = %v, want it to have had its turn with the variables kept", got)
		}

		r = c.handle(t, id, "import time\ntime.sleep(300)")
		other.do(t, "stop_context", args{"context_id": id, "force": true})
		if got := c.collect(t, r.text("run_id")); got.code() != "CANCELLED" || !strings.Contains(got.text("error", "message"), "stopped") {
			t.Errorf("the result of a run whose context was stopped = %v", got)
		}
		if got := c.call(t, "get_result", args{"run_id": "run-nope"}); !got.isError || got.code() != "INVALID_PARAMS" {
			t.Errorf("get_result of a run there is not = %v", got)
		}
	})
}

// TestALongRunOutlivesTheEditorThatHasItsHandle: it was answered, so its leaving means nothing.
func TestALongRunOutlivesTheEditorThatHasItsHandle(t *testing.T) {
	t.Parallel()
	h := newHome(t, impatient)
	stays := h.connect(t, modern)
	leaves := h.relay(t)
	leaves.hello(t, "leaves")
	id := stays.create(t, "handed-over", "python")
	leaves.send(t, toolCall(modern, `1`, "run_code", args{"context_id": id, "code": "import time\ntime.sleep(6)\n'done all the same'"}))
	stays.awaitRunning(t, id)
	run, _ := stays.contexts(t)[id]["run_id"].(string)
	if r := stays.do(t, "get_result", args{"run_id": run}); r.text("status") != "running" { // 2 s later the other one has its answer too
		t.Fatalf("get_result = %v", r)
	}
	if m := leaves.answer(t, `1`); !strings.Contains(string(m.Result), run) {
		t.Fatalf("run_code = %s, want the handle %s", m.Result, run)
	}
	if err := leaves.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	leaves.ended(t, 3*time.Second, "SIGKILL")
	if r := stays.collect(t, run); r.text("result", "text") != "'done all the same'" {
		t.Errorf("the result of the run whose editor has left = %v", r)
	}
}

// TestAProgressTokenKeepsALongCallOpen: a client that hears of progress waits for as long as it takes.
func TestAProgressTokenKeepsALongCallOpen(t *testing.T) {
	t.Parallel()
	h := newHome(t, impatient)
	c := h.connect(t, legacy)
	id := c.create(t, "told", "python")
	run := c.begin(t, "run_code", args{"context_id": id, "code": "import time\ntime.sleep(8)\n'in one piece'"}, "token")
	if r, err := run.wait(t); err != nil || r.text("result", "text") != "'in one piece'" || r.text("run_id") != "" {
		t.Errorf("run_code with a progress token = %v, %v, want the result and no handle", r, err)
	}
}
