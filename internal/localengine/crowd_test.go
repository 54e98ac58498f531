package localengine

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// crowd lets endless loops compute beside each other until stop is called, which returns how far each of them has come.
func crowd(t *testing.T, e *Engine, n int) (stop func() []int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var benches []*bench
	for range n {
		b := newBench(t, e, Python)
		benches = append(benches, b)
		began := make(chan struct{})
		tell := sync.OnceFunc(func() { close(began) })
		wg.Go(func() {
			_, _ = e.Run(ctx, b.id, "n = 0\nprint('begun', flush=True)\nwhile True: n += 1", func(Event) { tell() }) // judged by what it leaves
		})
		<-began
	}
	stopped := sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(stopped)
	return func() []int {
		stopped()
		var turns []int
		for _, b := range benches {
			r := b.run("print(n)")
			count, err := strconv.Atoi(r.stdout[:max(len(r.stdout)-1, 0)])
			if err != nil {
				t.Fatalf("a loop that was interrupted lost its variables: %v", r)
			}
			turns = append(turns, count)
		}
		return turns
	}
}

// TestEndlessLoopsShareTheProcessorsFairly: what a loop gets does not depend on when it came.
func TestEndlessLoopsShareTheProcessorsFairly(t *testing.T) {
	stop := crowd(t, newEngine(t, Options{Parallel: 1}), 8)
	time.Sleep(2 * time.Second) // of processor time, which no bubble has
	turns := stop()
	if least, most := slices.Min(turns), slices.Max(turns); least < most/3 { // the first began a little before the last
		t.Errorf("eight endless loops came to %v, want about as far each", turns)
	}
}

// TestACellThatWaitsForItsTurnCanBeInterrupted: the grace for reacting does not pass while a guest has had no chance to.
func TestACellThatWaitsForItsTurnCanBeInterrupted(t *testing.T) {
	e := newEngine(t, Options{Parallel: 1, Grace: 200 * time.Millisecond})
	stop := crowd(t, e, 64) // a turn of all is longer than the grace
	b := newBench(t, e, Python)
	for range 5 {
		r := b.runFor(100*time.Millisecond, "kept = 42\nwhile True: pass")
		if r.err != nil || r.Outcome != Interrupted {
			t.Errorf("an endless loop among 64 ended with %v, want it interrupted and its variables kept", r)
		}
	}
	b.run("kept").wants(t, "kept", "= 42")
	stop()
}

// TestManyThatAreInterruptedAtOnceKeepTheirVariables: the last of them gets a place on the processor long after its grace.
func TestManyThatAreInterruptedAtOnceKeepTheirVariables(t *testing.T) {
	crowd(t, newEngine(t, Options{Parallel: 1, Grace: 100 * time.Millisecond}), 64)()
}
