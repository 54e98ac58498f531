//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const (
	longRuns = 64
	// turnOfAll is the time in which each of that many endless loops has computed for one time slice of the engine. A call whose
	// usual time is below it has not queued up behind them; on a machine that does nothing else it takes a hundredth of that.
	turnOfAll = longRuns * 5 * time.Millisecond
	// longestWait is for single calls: other tests and programs use the processors as well.
	longestWait = 5 * time.Second
)

// usually is the median.
func usually(took []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(took))[len(took)/2]
}

// TestToolCallsNeverStarve: whatever the runs of one editor do, calls of another that need no interpreter are answered as if
// nothing ran, short code has its turn among long code, and no run is lost over it.
func TestToolCallsNeverStarve(t *testing.T) {
	// not beside other tests: it would slow them down, and they would be measured with it
	for _, test := range []struct {
		name string
		code func(n int) (language, code string)
	}{
		{"beside endless loops in Python", func(int) (string, string) { return "python", "while True: pass" }},
		{"beside endless loops in JavaScript", func(int) (string, string) { return "javascript", "while (true) {}" }},
		{"beside a mix with sleepers", func(n int) (string, string) {
			switch n % 4 {
			case 0:
				return "python", "while True: pass"
			case 1:
				return "javascript", "while (true) {}"
			case 2:
				return "python", "import time\nwhile True: time.sleep(0.001)"
			}
			return "javascript", "await new Promise(() => setInterval(() => {}, 1))"
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHome(t, quiet)
			loader, caller := h.connect(t, legacy), h.connect(t, modern)
			var ids []string
			for n := range longRuns {
				language, code := test.code(n)
				id := loader.create(t, fmt.Sprintf("long-%d", n), language)
				ids = append(ids, id)
				loader.begin(t, "run_code", args{"context_id": id, "code": code, "timeout_seconds": 600}, "progress")
			}
			allRun(t, caller, ids)
			var lists, stops, hellos []time.Duration
			for range 50 {
				lists = append(lists, caller.do(t, "list_contexts", nil).took)
			}
			for n := range 5 {
				id := caller.create(t, fmt.Sprintf("short-%d", n), "python")
				for range 5 {
					r := caller.run(t, id, "print('hi')")
					if r.text("stdout") != "hi\n" {
						t.Errorf("print('hi') = %v", r)
					}
					hellos = append(hellos, r.took)
				}
				stops = append(stops, caller.do(t, "stop_context", args{"context_id": id, "force": true}).took)
			}
			for name, took := range map[string][]time.Duration{"list_contexts": lists, "stop_context": stops, "print('hi')": hellos} {
				t.Logf("%s: usually %v, at most %v", name, usually(took), slices.Max(took))
				if usually(took) > turnOfAll || slices.Max(took) > longestWait {
					t.Errorf("%s took usually %v and at most %v with %d runs in flight, want at most %v and %v", name, usually(took), slices.Max(took), longRuns, turnOfAll, longestWait)
				}
			}
			allRun(t, caller, ids)
			for _, id := range ids {
				if r := caller.do(t, "stop_context", args{"context_id": id, "force": true}); r.took > longestWait {
					t.Errorf("stop_context of a run among %d took %v, want at most %v", longRuns, r.took, longestWait)
				}
			}
			if left := caller.contexts(t); len(left) > 0 {
				t.Errorf("%d contexts are left after all were stopped", len(left))
			}
		})
	}
}

// allRun waits until code runs in every context.
func allRun(t *testing.T, c *client, ids []string) {
	t.Helper()
	var idle []string
	if !eventually(patience, func() bool {
		idle = nil
		contexts := c.contexts(t)
		for _, id := range ids {
			if contexts[id]["status"] != "running" {
				idle = append(idle, id)
			}
		}
		return len(idle) == 0
	}) {
		t.Fatalf("%d of %d contexts do not run their code: %v", len(idle), len(ids), idle)
	}
}

// TestRunsThatWaitDelayNobody: the queue of one context is no business of the others.
func TestRunsThatWaitDelayNobody(t *testing.T) {
	h := newHome(t, quiet)
	loader, caller := h.connect(t, modern), h.connect(t, legacy)
	id := loader.create(t, "queue", "python")
	first := loader.begin(t, "run_code", args{"context_id": id, "code": "while True: pass", "timeout_seconds": 600}, "progress")
	caller.awaitRunning(t, id)
	asked := loader.relay.wire.requests()
	var queue []*began
	for range longRuns {
		queue = append(queue, loader.begin(t, "run_code", args{"context_id": id, "code": "1"}, ""))
	}
	if !eventually(patience, func() bool { return loader.relay.wire.requests() == asked+longRuns }) {
		t.Fatal("the client did not send its calls while one was in progress")
	}
	for range 50 {
		if r := caller.do(t, "list_contexts", nil); r.took > longestWait {
			t.Errorf("list_contexts took %v with %d runs waiting for one context", r.took, longRuns)
		}
	}
	caller.wants(t, "", "40 + 2", "42")
	if r := caller.do(t, "stop_context", args{"context_id": id, "force": true}); r.took > longestWait {
		t.Errorf("stop_context took %v with %d runs waiting for the context", r.took, longRuns)
	}
	if r, err := first.wait(t); err != nil || r.code() != "CANCELLED" {
		t.Errorf("the run of a context that was stopped = %v, %v, want CANCELLED", r, err)
	}
	for _, call := range queue {
		if r, err := call.wait(t); err != nil || !r.isError || r.code() != "CONTEXT_NOT_FOUND" {
			t.Errorf("a run that waited for a context that was stopped = %v, %v, want CONTEXT_NOT_FOUND", r, err)
		}
	}
}
