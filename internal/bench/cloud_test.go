package main

import (
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// echoing says back the code it is given, after some time.
func echoing(delay time.Duration) agentruntest.Options {
	return agentruntest.Options{
		TemplateDelay: delay, SandboxDelays: []time.Duration{delay},
		Script: func(_, code string) agentruntest.Scripted { return agentruntest.Scripted{Stdout: code} },
	}
}

func TestABareClientIsTakenForOneOfTheService(t *testing.T) {
	s := agentruntest.Start(t, echoing(0))
	f, err := launch(t.Context(), s.Environment())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.await(t.Context(), poolSize); err != nil {
		t.Fatal(err)
	}
	id := s.Sandboxes()[0]
	cc, err := f.client.CreateContext(t.Context(), id, agentrun.Python, "")
	if err != nil {
		t.Fatal(err)
	}
	for want, accepted := range map[string]bool{"hello": true, "something else": false} {
		c, err := newBare(s.Environment(), id, cc.ID, "hello", want)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.execute(t.Context()); (err == nil) != accepted {
			t.Errorf("execute, wanting %q, = %v, want it to be accepted: %t", want, err, accepted)
		}
		c.named["AGENTRUN_ACCESS_KEY_SECRET"] = "anotherSecret"
		if err := c.execute(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("execute with another secret = %v, want it to be refused", err)
		}
		c.close()
	}
	if err := f.close(t.Context()); err != nil {
		t.Error(err)
	}
	if left := s.Sandboxes(); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

func TestBothWaysOpenAllSessions(t *testing.T) {
	const delay = 100 * time.Millisecond
	ours, acquire, err := allAtOnce(t.Context(), newTestBench(t), echoing(delay))
	if err != nil || ours.first < 2*delay || ours.all < ours.first || acquire <= 0 {
		t.Errorf("all at once = %+v, %v, %v; want the time of a template and a sandbox at least", ours, acquire, err)
	}
	theirs, err := oneByOne(t.Context(), echoing(delay))
	if err != nil || theirs.first < 2*delay || theirs.all < 4*delay {
		t.Errorf("one by one = %+v, %v; want the time of a template and a sandbox, and of three", theirs, err)
	}
}

func TestWhatIsAddedIsTheDifferenceOfTheMedians(t *testing.T) {
	ours := []series{{3 * time.Millisecond}, {30 * time.Millisecond}, {2 * time.Millisecond}}
	bare := []series{{2 * time.Millisecond}, {28 * time.Millisecond}, {1 * time.Millisecond}}
	if r := added("a run", ours, bare); r.aim != "p50 adds 1.00 ms, ≤ 1.00 ms" || r.met != "yes" || r.ratio != "1.50x" {
		t.Errorf("added = %+v, want 1 ms more and 1.5 times as much", r)
	}
}
