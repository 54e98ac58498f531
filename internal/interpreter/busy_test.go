package interpreter_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// isBusy fails the test if the context is shown otherwise.
func (b *bench) isBusy(t *testing.T, id string, want bool, when string) {
	t.Helper()
	synctest.Wait()
	if c, ok := b.Context(id); !ok || c.Busy != want {
		t.Errorf("%s the context is shown as %+v, %t, want busy %t", when, c, ok, want)
	}
}

func TestAContextIsBusyWhileAnythingRunsInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		id := b.create(t, "a").ID
		b.isBusy(t, id, false, "before anything")

		run, err := b.Begin(t.Context(), ann, interpreter.RunRequest{ContextID: id, Code: "sleep 2s"})
		if err != nil {
			t.Fatal(err)
		}
		b.isBusy(t, id, true, "while code runs")
		<-run.Done()
		b.isBusy(t, id, false, "after code")

		done := make(chan struct{})
		go func() {
			defer close(done)
			b.command(t, id, "sleep 2s")
		}()
		b.isBusy(t, id, true, "during a command")
		<-done
		b.isBusy(t, id, false, "after a command")

		p := b.process(t, id, "sleep 1h")
		b.isBusy(t, id, true, "with a process in the background")
		if _, err := b.StopProcess(t.Context(), ann, p.ID); err != nil {
			t.Fatal(err)
		}
		b.isBusy(t, id, false, "after the process was stopped")

		p = b.process(t, id, "sleep 5s")
		time.Sleep(6 * time.Second)
		b.isBusy(t, id, true, "with a process of which nobody knows that it has ended")
		if _, err := b.LookAtProcess(t.Context(), ann, p.ID, 0); err != nil {
			t.Fatal(err)
		}
		b.isBusy(t, id, false, "after the end was seen")

		limit := 10 * time.Second
		if _, err := b.StartProcess(t.Context(), ann, interpreter.CommandRequest{ContextID: id, Line: "sleep 1h", Timeout: &limit}); err != nil {
			t.Fatal(err)
		}
		b.isBusy(t, id, true, "with a process that has ten seconds")
		time.Sleep(limit)
		b.isBusy(t, id, false, "after them")
	})
}

func TestTheBeginningOfACommandIsToldAsAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		id := b.create(t, "a").ID
		synctest.Wait()
		for changed := true; changed; {
			select {
			case <-b.Changed():
			default:
				changed = false
			}
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.command(t, id, "sleep 2s")
		}()
		synctest.Wait()
		select {
		case <-b.Changed():
		default:
			t.Error("nobody is told that a command has begun")
		}
		<-done
	})
}

func TestALostContextIsNotBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		id := b.create(t, "a").ID
		b.process(t, id, "sleep 1h")
		b.isBusy(t, id, true, "with a process in the background")
		for _, row := range b.pool.Stats().Rows {
			b.pool.Evict(row.ID, sandbox.ErrSessionLost)
		}
		b.isBusy(t, id, false, "after its sandbox was lost")
		b.command(t, id, "print x")
		b.isBusy(t, id, false, "on another sandbox")
	})
}
