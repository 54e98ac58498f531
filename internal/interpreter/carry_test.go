package interpreter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// mortal is a setup whose sandboxes are renewed after half an hour and end after two hours.
func mortal() setup {
	return setup{
		fake: sandboxtest.FakeOptions{Traits: func(t *sandbox.Traits) { t.Lifetime, t.HardLimit = 30*time.Minute, 2*time.Hour }},
		pool: pool.Options[sandbox.Session]{Warm: 1, Lifetime: 30 * time.Minute, HardLimit: 2 * time.Hour},
		options: interpreter.Options{
			IdleTimeout: -1,
		},
	}
}

// at lets the bubble's time pass until so long after a moment.
func at(began time.Time, after time.Duration) {
	time.Sleep(time.Until(began.Add(after)))
	synctest.Wait()
}

func (b *bench) write(t *testing.T, id, path, text string) interpreter.Where {
	t.Helper()
	_, where, err := b.WriteFile(t.Context(), ann, interpreter.FileRef{ContextID: id, Path: path}, strings.NewReader(text))
	if err != nil {
		t.Fatalf("WriteFile(%s) = %v", path, err)
	}
	return where
}

func (b *bench) sandboxOf(t *testing.T, id string) string {
	t.Helper()
	c, ok := b.Context(id)
	if !ok {
		t.Fatalf("there is no context %s", id)
	}
	return c.SandboxID
}

func wantNotices(t *testing.T, got []string, want ...string) {
	t.Helper()
	ok := len(got) == len(want)
	for n := 0; ok && n < len(got); n++ {
		ok = strings.Contains(got[n], want[n])
	}
	if !ok {
		t.Errorf("notices\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

const hasMoved = "comes to the end of its time, so the context moved to a new one"

// The variables of the fake cannot be copied, as it speaks no Python. So files show here what moved; values do in package carry, which
// has real interpreters to test with.

func TestAContextMovesBeforeItsSandboxEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := mortal()
		var log bytes.Buffer
		s.options.Logger = slog.New(slog.NewTextHandler(&log, nil))
		b := start(t, s)
		c := b.create(t, "work")
		b.run(t, c.ID, "write a/f.txt hello")
		first := b.sandboxOf(t, c.ID)
		at(began, 109*time.Minute)
		if now := b.sandboxOf(t, c.ID); now != first {
			t.Errorf("the context is on %s eleven minutes before the end of %s", now, first)
		}
		at(began, 111*time.Minute)
		second := b.sandboxOf(t, c.ID)
		if second == first || slices.Contains(b.fake.Sessions(), first) {
			t.Errorf("nine minutes before the end of %s the context is on %s; sandboxes are %v", first, second, b.fake.Sessions())
		}
		line := "msg=\"context moved\" context_id=" + c.ID + " backend=fake from_sandbox_id=" + first
		sizes := "sandbox_id=" + second + " variables=0 variable_bytes=0 files=1 file_bytes=5 lost=1\n"
		if strings.Count(log.String(), "context moved") != 1 || !strings.Contains(log.String(), line) || !strings.Contains(log.String(), sizes) {
			t.Errorf("the log is\n%s\nwant one line with %q and %q", log.String(), line, sizes)
		}
		before, _ := b.Context(c.ID)
		if before.Runs != 1 || before.LastUsed.After(began.Add(time.Minute)) {
			t.Errorf("the move shows as use of the context: %+v", before)
		}
		if h, err := b.History(c.ID); err != nil || len(h) != 1 {
			t.Errorf("History = %d runs, %v, want the one of the user", len(h), err)
		}
		res := b.run(t, c.ID, "read a/f.txt")
		if res.Value == nil || res.Value.Text != "hello" || res.Number != 2 {
			t.Errorf("after the move the run gave %+v", res)
		}
		wantNotices(t, res.Notices, `The sandbox of context "work" `+hasMoved+" with 0 variables and 1 file. What could not move is gone: all variables (SyntaxError")
		wantNotices(t, b.run(t, c.ID, "print again").Notices)
		if n := b.fake.LiveContexts(); n != 1 {
			t.Errorf("%d contexts are alive, want 1", n)
		}
	})
}

func TestAContextMovesAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := start(t, mortal())
		c := b.create(t, "work")
		b.write(t, c.ID, "f", "x")
		seen := map[string]bool{}
		for at(began, 0); time.Since(began) < 24*time.Hour; at(time.Now(), time.Minute) {
			seen[b.sandboxOf(t, c.ID)] = true
			if now, _ := b.Context(c.ID); now.Status != interpreter.Active {
				t.Fatalf("after %s the context is %+v", time.Since(began), now)
			}
		}
		if len(seen) < 12 {
			t.Errorf("in a day the context was on %d sandboxes, want one for every two hours at least", len(seen))
		}
		if res := b.run(t, c.ID, "read f"); res.Value == nil || res.Value.Text != "x" {
			t.Errorf("after a day of moves the run gave %+v", res)
		}
	})
}

func TestARetiringSandboxKeepsItsContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := start(t, mortal())
		c := b.create(t, "work")
		first := b.sandboxOf(t, c.ID)
		at(began, time.Hour)
		if other := b.create(t, "other"); other.SandboxID == first || b.sandboxOf(t, c.ID) != first {
			t.Errorf("after its lifetime the sandbox %s got the new context (%s) or lost the old one (%s)", first, other.SandboxID, b.sandboxOf(t, c.ID))
		}
	})
}

func TestAContextLeavesASandboxThatIsReplaced(t *testing.T) {
	for _, aged := range []bool{false, true} {
		t.Run(fmt.Sprint("retiring already: ", aged), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, mortal())
				c := b.create(t, "work")
				b.write(t, c.ID, "f", "x")
				first := b.sandboxOf(t, c.ID)
				if aged {
					time.Sleep(time.Hour)
				}
				if !b.pool.Replace(1) {
					t.Fatal("there is no session 1")
				}
				synctest.Wait()
				if now := b.sandboxOf(t, c.ID); now == first || slices.Contains(b.fake.Sessions(), first) {
					t.Errorf("the context is on %s, the sandboxes are %v, want it gone from %s", now, b.fake.Sessions(), first)
				}
				wantNotices(t, b.run(t, c.ID, "read f").Notices, `The sandbox of context "work" is being replaced, so the context moved to a new one with 0 variables and 1 file.`)
			})
		})
	}
}

func TestEvictIsALossAndNoMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, mortal())
		c := b.create(t, "work")
		b.write(t, c.ID, "f", "x")
		b.pool.Evict(1, errors.New("ended by hand"))
		synctest.Wait()
		res := b.run(t, c.ID, "read f")
		wantNotices(t, res.Notices, "was lost (ended by hand). The context was recreated empty")
	})
}

func TestAMoveWaitsForTheCodeAndGoesBeforeWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := mortal()
		s.options.RunTimeout = 10 * time.Minute
		b := start(t, s)
		c := b.create(t, "work")
		at(began, 108*time.Minute)
		long := b.begin(t, c.ID, "sleep 4m\nwrite f x\nprint long")
		second, third := b.begin(t, c.ID, "sleep 1s\nprint second"), b.begin(t, c.ID, "read f")
		at(began, 111*time.Minute)
		if so := second.SoFar(); so.Ahead != 1 {
			t.Errorf("while the move waits too, %d calls are ahead of the second run, want 1", so.Ahead)
		}
		first := b.sandboxOf(t, c.ID)
		res := b.collect(t, long.ID())
		if res.Failure != nil || res.Stdout != "long\n" {
			t.Errorf("the run in progress gave %+v", res)
		}
		wantNotices(t, res.Notices)
		if res = b.collect(t, second.ID()); res.Number != 2 {
			t.Errorf("the second run has number %d", res.Number)
		}
		wantNotices(t, res.Notices, hasMoved)
		if res = b.collect(t, third.ID()); res.Number != 3 || res.Value == nil || res.Value.Text != "x" {
			t.Errorf("the third run gave %+v", res)
		}
		if b.sandboxOf(t, c.ID) == first {
			t.Error("the context did not move")
		}
	})
}

func TestCarryingOverIsSwitchedWhileContextsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, mortal())
		b.SetCarry(false)
		c := b.create(t, "work")
		b.write(t, c.ID, "f", "x")
		first := b.sandboxOf(t, c.ID)
		b.pool.Replace(1)
		time.Sleep(time.Minute)
		if got := b.sandboxOf(t, c.ID); got != first {
			t.Errorf("with carrying over off the context moved to %s", got)
		}
		b.SetCarry(true)
		time.Sleep(time.Minute)
		if got := b.sandboxOf(t, c.ID); got == first {
			t.Error("with carrying over on again the context did not move")
		}
	})
}

func TestWithCarryingOverOffTheEndIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := mortal()
		s.options.CarryOff = true
		b := start(t, s)
		c := b.create(t, "work")
		b.write(t, c.ID, "f", "x")
		b.pool.Replace(1)
		at(began, 109*time.Minute)
		wantNotices(t, b.run(t, c.ID, "read f").Notices)
		at(began, 111*time.Minute)
		ends := began.Add(2 * time.Hour).Local().Format("15:04")
		wantNotices(t, b.write(t, c.ID, "g", "y").Notices, `The sandbox of context "work" ends at `+ends+", and with it the context's variables and files. Save")
		wantNotices(t, b.run(t, c.ID, "read f").Notices)
		at(began, 121*time.Minute)
		wantNotices(t, b.run(t, c.ID, "print x").Notices, "was lost (the hard limit of its life was reached)")
	})
}

func TestWithoutAnotherSandboxTheEndIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := mortal()
		made := 0
		s.fake.OpenErr = func(n int) error {
			if made = n; n > 1 && time.Since(began) < 115*time.Minute {
				return errors.New("no more today")
			}
			return nil
		}
		b := start(t, s)
		c := b.create(t, "work")
		b.write(t, c.ID, "f", "x")
		at(began, 111*time.Minute)
		wantNotices(t, b.run(t, c.ID, "read f").Notices, "ends at ") // the same one, which no other has replaced
		at(began, 119*time.Minute)
		wantNotices(t, b.run(t, c.ID, "read f").Notices, hasMoved) // since there is one
		if made < 2 {
			t.Errorf("sandboxes were asked for %d times", made)
		}
	})
}

// slow is a session whose files take 40 s each to read.
type slow struct {
	sandbox.Session
	began chan string
}

func (s slow) ReadFile(ctx context.Context, id, path string) (io.ReadCloser, sandbox.File, error) {
	s.began <- path
	select {
	case <-time.After(40 * time.Second):
	case <-ctx.Done():
		return nil, sandbox.File{}, context.Cause(ctx)
	}
	return s.Session.ReadFile(ctx, id, path)
}

// startSlow makes a bench with a context that is on its way to another sandbox.
func startSlow(t *testing.T, options interpreter.Options) (*bench, interpreter.Context) {
	t.Helper()
	s := mortal()
	began := make(chan string, 100)
	options.IdleTimeout = s.options.IdleTimeout
	s.options = options
	s.wrap = func(session sandbox.Session) sandbox.Session { return slow{session, began} }
	b := start(t, s)
	c := b.create(t, "work")
	b.write(t, c.ID, "f", "x")
	b.pool.Replace(1)
	if path := <-began; path != "f" { // nothing of the variables: the fake did not pack them
		t.Fatalf("the move reads %s", path)
	}
	synctest.Wait()
	return b, c
}

func TestCallsWaitForAMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := startSlow(t, interpreter.Options{})
		began := time.Now()
		run := b.begin(t, c.ID, "read f")
		var calls sync.WaitGroup
		calls.Go(func() {
			b.write(t, c.ID, "g", "y")
			if waited := time.Since(began); waited < 40*time.Second {
				t.Errorf("a file was written %s after the move began", waited)
			}
		})
		at(began, 10*time.Second)
		if so := run.SoFar(); so.State != interpreter.RunWaiting || so.Ahead != 0 {
			t.Errorf("while the context moves its run is %+v, want it waiting for nobody", so)
		}
		now, _ := b.Context(c.ID)
		if now.Status != interpreter.Active || now.RunID != "" {
			t.Errorf("while it moves the context is %+v", now)
		}
		if res := b.collect(t, run.ID()); res.Value == nil || res.Value.Text != "x" {
			t.Errorf("the run that waited gave %+v", res)
		}
		calls.Wait()
		if res := b.run(t, c.ID, "read g"); res.Value == nil || res.Value.Text != "y" {
			t.Errorf("the file that was written meanwhile gave %+v", res)
		}
	})
}

func TestAMoveWaitsForFilesThatAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, mortal())
		c := b.create(t, "work")
		first := b.sandboxOf(t, c.ID)
		content, feed := io.Pipe()
		var writing sync.WaitGroup
		writing.Go(func() {
			if _, _, err := b.WriteFile(t.Context(), ann, interpreter.FileRef{ContextID: c.ID, Path: "f"}, content); err != nil {
				t.Errorf("WriteFile = %v", err)
			}
		})
		if _, err := feed.Write([]byte("be")); err != nil {
			t.Fatal(err)
		}
		b.pool.Replace(1)
		time.Sleep(time.Minute)
		if b.sandboxOf(t, c.ID) != first {
			t.Error("the context moved while a file was being written")
		}
		if _, err := feed.Write([]byte("gun")); err != nil {
			t.Fatal(err)
		}
		_ = feed.Close() // of a pipe: always nil
		writing.Wait()
		synctest.Wait()
		if res := b.run(t, c.ID, "read f"); b.sandboxOf(t, c.ID) == first || res.Value == nil || res.Value.Text != "begun" {
			t.Errorf("after the move from %s to %s the file is %+v", first, b.sandboxOf(t, c.ID), res)
		}
	})
}

func TestAMoveWaitsForCommandsInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := start(t, mortalWithShell())
		ends, stays := b.create(t, "ends"), b.create(t, "stays")
		for id, line := range map[string]string{ends.ID: "sleep 113m", stays.ID: "sleep 10h"} {
			if _, err := b.StartProcess(t.Context(), ann, interpreter.CommandRequest{ContextID: id, Line: line}); err != nil {
				t.Fatalf("StartProcess = %v", err)
			}
		}
		at(began, 113*time.Minute-time.Second)
		if b.sandboxOf(t, ends.ID) != ends.SandboxID || b.sandboxOf(t, stays.ID) != stays.SandboxID {
			t.Error("a context moved while a command ran in its background")
		}
		at(began, 115*time.Minute)
		if b.sandboxOf(t, ends.ID) == ends.SandboxID || b.sandboxOf(t, stays.ID) != stays.SandboxID {
			t.Error("a context did not move after its command in the background, or another did during it")
		}
		at(began, 117*time.Minute)
		if b.sandboxOf(t, stays.ID) == stays.SandboxID {
			t.Error("a context stayed to the end of its sandbox with a command in its background")
		}
		wantNotices(t, b.run(t, stays.ID, "print x").Notices, hasMoved+" with 0 variables and 0 files. What could not move is gone: 1 command in the background, all variables")
	})
}

// unlisted is a session that does not tell what runs in its background.
type unlisted struct {
	sandbox.Session
	sandbox.Shell
}

func (u unlisted) ListProcesses(context.Context, string) ([]sandbox.Process, error) {
	return nil, errors.New("no answer")
}

// mortalWithShell is mortal with a shell.
func mortalWithShell() setup {
	s := mortal()
	traits := s.fake.Traits
	s.fake.Traits = func(t *sandbox.Traits) { traits(t); t.Shell, t.MaxCommandTime = true, time.Minute }
	return s
}

func TestAMoveWaitsForACommandThatWasStartedWhileItWaitedItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := start(t, mortalWithShell())
		c := b.create(t, "work")
		at(began, 109*time.Minute)
		long := 3 * time.Minute
		run, err := b.Begin(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "sleep 2m", Timeout: &long})
		if err != nil {
			t.Fatal(err)
		}
		at(began, 110*time.Minute+30*time.Second) // the move has counted none, and waits for the code
		p := b.process(t, c.ID, "sleep 2m; print done")
		<-run.Done()
		synctest.Wait()
		if now := b.sandboxOf(t, c.ID); now != c.SandboxID {
			t.Fatalf("the context moved to %s while a command ran in its background", now)
		}
		if done, err := b.LookAtProcess(t.Context(), ann, p.ID, 3*time.Minute); err != nil || done.Status != sandbox.ProcessExited || done.Stdout != "done\n" {
			t.Errorf("LookAtProcess = %+v, %v, want that it came to its end", done, err)
		}
		at(began, 116*time.Minute)
		if b.sandboxOf(t, c.ID) == c.SandboxID {
			t.Error("the context did not move after that")
		}
		_, err = b.LookAtProcess(t.Context(), ann, p.ID, 0)
		wantCode(t, err, sandbox.CodeSessionLost, "was moved to another sandbox")
	})
}

func TestAMoveThatCannotLearnOfCommandsInTheBackgroundWaitsAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := mortalWithShell()
		s.wrap = func(inner sandbox.Session) sandbox.Session { return unlisted{inner, inner.(sandbox.Shell)} }
		b := start(t, s)
		c := b.create(t, "work")
		b.process(t, c.ID, "sleep 10h")
		at(began, 115*time.Minute)
		if now := b.sandboxOf(t, c.ID); now != c.SandboxID {
			t.Errorf("the context moved to %s although a command may run in its background", now)
		}
		at(began, 119*time.Minute)
		if b.sandboxOf(t, c.ID) == c.SandboxID {
			t.Error("the context stayed to the end of its sandbox")
		}
		wantNotices(t, b.run(t, c.ID, "print x").Notices, hasMoved+" with 0 variables and 0 files. What could not move is gone: commands in the background, if there still were any, all variables")
	})
}

func TestACallThatDoesNotOutlastAMoveIsToldOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := startSlow(t, interpreter.Options{ReadyTimeout: 30 * time.Second})
		_, _, err := b.ListFiles(t.Context(), ann, interpreter.FileRef{ContextID: c.ID}, 1)
		wantCode(t, err, sandbox.CodeServerNotReady, "is being moved to another sandbox")
	})
}

// sluggish is a session that takes its time to end a context.
type sluggish struct{ sandbox.Session }

func (s sluggish) StopContext(ctx context.Context, id string) error {
	select {
	case <-time.After(9 * time.Second):
	case <-ctx.Done():
	}
	return s.Session.StopContext(context.WithoutCancel(ctx), id)
}

func TestIdleContextsEndBesideEachOtherAndKeepNoneFromMoving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := mortal()
		s.options.IdleTimeout = 10 * time.Minute
		s.wrap = func(inner sandbox.Session) sandbox.Session { return sluggish{inner} }
		b := start(t, s)
		for n := range 6 {
			b.create(t, fmt.Sprint("idle ", n))
		}
		at(began, 5*time.Minute)
		used := b.create(t, "used")
		at(began, 10*time.Minute+time.Second)
		b.pool.Replace(1)
		at(began, 10*time.Minute+2*time.Second)
		if now := b.sandboxOf(t, used.ID); now == used.SandboxID {
			t.Error("a context did not leave a sandbox that is replaced while others end there")
		}
		at(began, 10*time.Minute+10*time.Second)
		if all := b.Contexts(); len(all) != 1 || all[0].ID != used.ID {
			t.Errorf("ten seconds after the others were due there are %d contexts, want the used one", len(all))
		}
	})
}

func TestAContextCanBeStoppedWhileItMoves(t *testing.T) {
	for _, force := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b, c := startSlow(t, interpreter.Options{})
			began := time.Now()
			if err := b.StopContext(t.Context(), c.ID, force); err != nil {
				t.Errorf("StopContext = %v", err)
			}
			if took := time.Since(began); force && took > 0 || took > 31*time.Second {
				t.Errorf("StopContext took %s with force %v", took, force)
			}
			synctest.Wait()
			if n := b.fake.LiveContexts(); n != 0 {
				t.Errorf("%d contexts are alive", n)
			}
			for _, row := range b.pool.Stats().Rows {
				if row.Leases != 0 {
					t.Errorf("session %d has %d leases", row.ID, row.Leases)
				}
			}
		})
	}
}

func TestShuttingDownEndsAMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := startSlow(t, interpreter.Options{})
		began := time.Now()
		b.stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("shutting down took %s", took)
		}
		if n := b.fake.LiveSessions(); n != 0 {
			t.Errorf("%d sessions are alive", n)
		}
	})
}

func TestASandboxLostInTheMiddleOfAMove(t *testing.T) {
	for side, want := range map[string]string{"old": "was lost", "new": ""} {
		t.Run(side, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, c := startSlow(t, interpreter.Options{})
				old, victim := b.sandboxOf(t, c.ID), ""
				for _, id := range b.fake.Sessions() {
					if (id == old) == (side == "old") {
						victim = id
					}
				}
				b.fake.KillSession(victim)
				res, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "read f"})
				if side == "old" {
					// the fake is asked again only now, so the run itself finds it dead
					wantCode(t, err, sandbox.CodeSessionLost, "the sandbox was lost")
					res = b.run(t, c.ID, "print x")
					wantNotices(t, res.Notices, want)
					return
				}
				if err != nil || res.Value == nil || res.Value.Text != "x" || b.sandboxOf(t, c.ID) != old {
					t.Errorf("after the new sandbox was lost the run gave %+v, %v on %s, want it to go on on %s", res, err, b.sandboxOf(t, c.ID), old)
				}
				wantNotices(t, res.Notices)
			})
		})
	}
}

func TestManyLossesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mortal()
		s.options.Carry.FileCount = 1
		b := start(t, s)
		c := b.create(t, "work")
		for n := range 14 {
			b.write(t, c.ID, fmt.Sprintf("f%02d", n), strings.Repeat("x", n))
		}
		b.pool.Replace(1)
		synctest.Wait()
		notices := b.run(t, c.ID, "print x").Notices
		wantNotices(t, notices, "with 0 variables and 1 file. What could not move is gone: all variables")
		if !strings.HasSuffix(notices[0], "the file f05 (more files than may be moved) and 4 more.") {
			t.Errorf("the notice is %q, want ten names and 4 more", notices[0])
		}
	})
}
