//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// TestALongRunReportsProgress: editors give up on a call they hear nothing of.
func TestALongRunReportsProgress(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		t.Parallel()
		c := h.connect(t, era)
		runs, started := map[string]*began{}, map[string]time.Time{}
		for _, name := range []string{"alpha", "beta"} {
			id := c.create(t, name, "python")
			code := "import time\nprint('" + name + " one', flush=True)\ntime.sleep(3)\nprint('" + name + " two', flush=True)\ntime.sleep(8.5)\n'" + name + " done'"
			started[name] = time.Now()
			runs[name] = c.begin(t, "run_code", args{"context_id": id, "code": code}, name)
		}
		for name, run := range runs {
			r, err := run.wait(t)
			if err != nil || r.text("result", "text") != "'"+name+" done'" {
				t.Fatalf("the run of %s = %v, %v", name, r, err)
			}
			ended := time.Now()
			notes := c.heard(name)
			if len(notes) == 0 {
				t.Errorf("no progress of %s in a run of %v", name, r.took)
				continue
			}
			last := started[name]
			for _, n := range append(notes, note{at: ended}) {
				if gap := n.at.Sub(last); gap > 5500*time.Millisecond {
					t.Errorf("nothing was heard of %s for %v; all: %v", name, gap, notes)
				}
				last = n.at
			}
			if got := notes[len(notes)-1].text; got != name+" two" {
				t.Errorf("the last progress of %s says %q, want its newest line; all: %v", name, got, notes)
			}
		}
	})
}

// TestNobodyIsToldWhoDidNotAsk: progress goes to calls that carried a token.
func TestNobodyIsToldWhoDidNotAsk(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, legacy)
	run := c.begin(t, "run_code", args{"code": "import time\nfor n in range(4):\n    print(n, flush=True)\n    time.sleep(1.5)"}, "")
	if r, err := run.wait(t); err != nil || !r.success() {
		t.Fatalf("run_code = %v, %v", r, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.notes) > 0 {
		t.Errorf("a call without a progress token had the progress %v, want none", c.notes)
	}
}
