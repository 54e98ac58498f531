package interpreter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// goingOn is what goes on or waits, in one line each.
func (b *bench) goingOn() []string {
	var lines []string
	for _, p := range b.InProgress() {
		kind, since := "code", "waits"
		if p.Command {
			kind = "command"
		}
		if !p.Began.IsZero() {
			since = time.Since(p.Began).String()
		}
		lines = append(lines, fmt.Sprintf("%s in %s for %s: %s", kind, p.Context, p.Client, since))
	}
	return lines
}

func (b *bench) wantGoingOn(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := b.goingOn(); !slices.Equal(got, want) {
		t.Errorf("%s there goes on %q, want %q", when, got, want)
	}
}

func TestWhatGoesOnIsListedInTheOrderInWhichItWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		cc := b.create(t, "sales")
		b.wantGoingOn(t, "before anything")
		first := b.begin(t, cc.ID, "sleep 10s")
		time.Sleep(time.Second)
		second := b.begin(t, cc.ID, "sleep 10s")
		time.Sleep(time.Second)
		commanded := make(chan error, 1)
		go func() {
			_, err := b.RunCommand(t.Context(), ann, interpreter.CommandRequest{ContextID: cc.ID, Line: "sleep 20s"})
			commanded <- err
		}()
		b.wantGoingOn(t, "after 2 s", "code in sales for editor-a 1.0: 2s", "code in sales for editor-a 1.0: waits", "command in sales for editor-a 1.0: 0s")
		<-first.Done()
		b.wantGoingOn(t, "after the first run", "code in sales for editor-a 1.0: 0s", "command in sales for editor-a 1.0: 8s")
		<-second.Done()
		if err := <-commanded; err != nil {
			t.Errorf("RunCommand = %v", err)
		}
		b.wantGoingOn(t, "at the end")
	})
}

func TestOneOfThoseThatGoOnIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		cc := b.create(t, "sales")
		first, second, third := b.begin(t, cc.ID, "set x 1\nsleep 10s"), b.begin(t, cc.ID, "set x 2"), b.begin(t, cc.ID, "get x")
		type ended struct {
			res interpreter.CommandResult
			err error
		}
		commanded := make(chan ended, 1)
		go func() {
			res, err := b.RunCommand(t.Context(), ann, interpreter.CommandRequest{ContextID: cc.ID, Line: "sleep 20s"})
			commanded <- ended{res, err}
		}()
		synctest.Wait()
		all := b.InProgress()
		if len(all) != 4 || all[0].ID != first.ID() || all[1].ID != second.ID() {
			t.Fatalf("there goes on %+v", all)
		}
		for _, n := range []int{1, 0, 3} { // one that waits, the one whose code runs, and the command
			if !b.InterruptByID(all[n].ID) {
				t.Errorf("InterruptByID(%d) found nothing", n)
			}
		}
		<-third.Done()
		if res, err := third.Result(); err != nil || res.Value.Text != "1" {
			t.Errorf("what comes after the two that were interrupted = %+v, %v, want the x of the first", res, err)
		}
		if res, err := first.Result(); err != nil || res.Failure == nil || res.Failure.Code != sandbox.CodeCancelled || !strings.Contains(res.Failure.Message, "from elsewhere") {
			t.Errorf("the run that was interrupted = %+v, %v", res, err)
		}
		_, err := second.Result()
		wantCode(t, err, sandbox.CodeCancelled, "interrupted from elsewhere, before it ran")
		if e := <-commanded; e.err != nil || e.res.Failure == nil || e.res.Failure.Code != sandbox.CodeCancelled || !strings.Contains(e.res.Failure.Message, "interrupted from elsewhere") {
			t.Errorf("the command that was interrupted = %+v, %v", e.res, e.err)
		}
		for _, id := range []string{all[0].ID, all[3].ID, "run-none"} {
			if b.InterruptByID(id) {
				t.Errorf("InterruptByID(%q) found something, which has ended", id)
			}
		}
		b.wantGoingOn(t, "at the end")
	})
}

// TestWhatWaitsForASandboxIsInterrupted, and says so.
func TestWhatWaitsForASandboxIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withShell()
		s.fake.OpenDelay = func(int) time.Duration { return time.Hour }
		s.pool.Warm = 0
		b := start(t, s)
		errs := make(chan error, 2)
		go func() {
			_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{Code: "print 1"})
			errs <- err
		}()
		go func() {
			_, err := b.RunCommand(t.Context(), interpreter.Caller{Key: "bob"}, interpreter.CommandRequest{Line: "echo 1"})
			errs <- err
		}()
		synctest.Wait()
		all := b.InProgress()
		if len(all) != 2 {
			t.Fatalf("there goes on %+v, want code and a command", all)
		}
		for _, p := range all {
			if !p.Began.IsZero() || !b.InterruptByID(p.ID) {
				t.Errorf("%+v is interrupted while it waits for a sandbox", p)
			}
		}
		for range all {
			wantCode(t, <-errs, sandbox.CodeCancelled, "interrupted from elsewhere, before it ran")
		}
		b.wantGoingOn(t, "at the end")
	})
}
