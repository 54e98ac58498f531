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

func TestOneByOneTakesTheTimeOfEach(t *testing.T) {
	const delay = 100 * time.Millisecond
	took, err := oneByOne(t.Context(), echoing(delay))
	if err != nil || took.first < 2*delay || took.all < 4*delay {
		t.Errorf("one by one = %+v, %v; want the time of a template and a sandbox, and of three", took, err)
	}
}

func TestGoroutinesAreCounted(t *testing.T) {
	if n, err := total("goroutine profile: total 42\n1 @ 0x1\n"); err != nil || n != 42 {
		t.Errorf("total = %d, %v, want 42", n, err)
	}
	if n, err := total("42"); err == nil {
		t.Errorf("total of no profile = %d", n)
	}
}

func TestWhatIsAddedIsTheDifferenceOfTheMedians(t *testing.T) {
	ours := []series{{3 * time.Millisecond}, {30 * time.Millisecond}, {2 * time.Millisecond}}
	bare := []series{{2 * time.Millisecond}, {28 * time.Millisecond}, {1 * time.Millisecond}}
	if r := added("a run", ours, bare); r.aim != "p50 adds 1.00 ms, ≤ 1.00 ms" || r.met != "yes" || r.ratio != "1.50x" {
		t.Errorf("added = %+v, want 1 ms more and 1.5 times as much", r)
	}
}
