package interpreter_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// withShell has sessions with a shell.
func withShell() setup {
	return setup{
		fake: sandboxtest.FakeOptions{Traits: func(traits *sandbox.Traits) { traits.Shell, traits.MaxCommandTime = true, 25*time.Second }},
		pool: pool.Options[sandbox.Session]{Warm: 1},
	}
}

// command runs a command and fails the test if it could not be carried out.
func (b *bench) command(t *testing.T, id, line string) interpreter.CommandResult {
	t.Helper()
	res, err := b.RunCommand(t.Context(), ann, interpreter.CommandRequest{ContextID: id, Line: line})
	if err != nil {
		t.Fatalf("RunCommand(%q) = %v", line, err)
	}
	return res
}

func (b *bench) process(t *testing.T, id, line string) interpreter.Process {
	t.Helper()
	p, err := b.StartProcess(t.Context(), ann, interpreter.CommandRequest{ContextID: id, Line: line})
	if err != nil {
		t.Fatalf("StartProcess(%q) = %v", line, err)
	}
	return p
}

func TestCommandsTakeNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		cc := b.create(t, "a")
		run, err := b.Begin(t.Context(), ann, interpreter.RunRequest{ContextID: cc.ID, Code: "write f text\nsleep 20s"})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		if res := b.command(t, cc.ID, "cat f; sleep 1s; exit 2"); res.Stdout != "text" || res.ExitCode != 2 || res.Failure != nil || res.ContextID != cc.ID || res.Backend != "fake" {
			t.Errorf("RunCommand = %+v", res)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("a command beside code took %s, want its own second", took)
		}
		<-run.Done()
	})
}

func TestACommandWithoutAContextIsInTheDefaultOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		b.run(t, "", "write f text")
		if res := b.command(t, "", "cat f"); res.Stdout != "text" || len(b.Contexts()) != 1 {
			t.Errorf("RunCommand = %+v in one of %d contexts", res, len(b.Contexts()))
		}
	})
}

func TestCommandsThatCannotBeRunAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		cc := b.create(t, "a")
		second := func(d time.Duration) *time.Duration { return &d }
		for _, test := range []struct {
			name  string
			req   interpreter.CommandRequest
			code  sandbox.Code
			words string
		}{
			{"no command", interpreter.CommandRequest{ContextID: cc.ID}, sandbox.CodeInvalidParams, "empty"},
			{"no time", interpreter.CommandRequest{ContextID: cc.ID, Line: "print x", Timeout: second(0)}, sandbox.CodeInvalidParams, "more than 0"},
			{"too much time", interpreter.CommandRequest{ContextID: cc.ID, Line: "print x", Timeout: second(26 * time.Second)}, sandbox.CodeInvalidParams, "background: true"},
			{"a folder outside", interpreter.CommandRequest{ContextID: cc.ID, Line: "print x", Folder: "/tmp"}, sandbox.CodeInvalidParams, "absolute"},
			{"no such context", interpreter.CommandRequest{ContextID: "ctx-x", Line: "print x"}, sandbox.CodeContextNotFound, "ctx-x"},
		} {
			_, err := b.RunCommand(t.Context(), ann, test.req)
			wantCode(t, err, test.code, test.words, test.name)
		}
		if calls := b.fake.Journal(); strings.Contains(calls[len(calls)-1].String(), "RunCommand") {
			t.Errorf("the session was asked: %s", calls[len(calls)-1])
		}
		plain := start(t, setup{})
		_, err := plain.RunCommand(t.Context(), ann, interpreter.CommandRequest{Line: "print x"})
		wantCode(t, err, sandbox.CodeNotSupported, "no shell")
		if len(plain.Contexts()) != 0 {
			t.Error("a context was made for a command that nobody can run")
		}
	})
}

func TestACommandOnAFallbackWithoutAShellIsNotSupported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withShell()
		s.fake.OpenErr = func(int) error { return sandbox.Errorf(sandbox.CodeCredentialsRejected, "no") }
		s.pool.Permanent = func(error) bool { return true }
		b, local := start(t, s), start(t, setup{})
		b.Use(b.Site(), local.Site())
		_, err := b.RunCommand(t.Context(), ann, interpreter.CommandRequest{Line: "print x"})
		wantCode(t, err, sandbox.CodeNotSupported, "no shell")
	})
}

func TestAPatienceThatIsShortGivesACommandLessTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withShell()
		s.pool.Warm = 0
		s.fake.OpenDelay = func(int) time.Duration { return 10 * time.Second }
		b := start(t, s)
		began := time.Now()
		res, err := b.RunCommand(t.Context(), ann, interpreter.CommandRequest{Line: "print begun; sleep 1h", Patience: 30 * time.Second})
		if err != nil || res.Failure == nil || res.Failure.Code != sandbox.CodeTimeout || res.Stdout != "begun\n" {
			t.Errorf("RunCommand = %+v, %v", res, err)
		}
		if took := time.Since(began); took != 27*time.Second {
			t.Errorf("it took %s, want less than the patience of its caller", took)
		}
		s.fake.OpenDelay = func(int) time.Duration { return time.Minute }
		b = start(t, s)
		began = time.Now()
		_, err = b.RunCommand(t.Context(), ann, interpreter.CommandRequest{Line: "print x", Patience: 30 * time.Second})
		wantCode(t, err, sandbox.CodeServerNotReady, "15 s")
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestStoppingAContextWaitsForItsCommands(t *testing.T) {
	for _, force := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, withShell())
			cc := b.create(t, "a")
			p := b.process(t, cc.ID, "sleep 1h")
			done := make(chan interpreter.CommandResult, 1)
			go func() {
				res, err := b.RunCommand(context.WithoutCancel(t.Context()), ann, interpreter.CommandRequest{ContextID: cc.ID, Line: "sleep 5s; print ended"})
				if err != nil {
					t.Errorf("RunCommand = %v", err)
				}
				done <- res
			}()
			synctest.Wait()
			began := time.Now()
			if err := b.StopContext(t.Context(), cc.ID, force); err != nil {
				t.Errorf("StopContext = %v", err)
			}
			res := <-done
			if !force && (res.Failure != nil || res.Stdout != "ended\n" || time.Since(began) != 5*time.Second) {
				t.Errorf("the command gave %+v after %s, want that it could end", res, time.Since(began))
			}
			if force && (res.Failure == nil || res.Failure.Code != sandbox.CodeCancelled || !strings.Contains(res.Failure.Message, "context was stopped")) {
				t.Errorf("the command gave %+v, want that it was stopped", res)
			}
			_, err := b.LookAtProcess(t.Context(), ann, p.ID, 0)
			wantCode(t, err, sandbox.CodeInvalidParams, "ends with its context")
		})
	}
}

func TestALostSandboxTakesItsCommandsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		cc := b.create(t, "a")
		p := b.process(t, cc.ID, "sleep 1h")
		failed := make(chan error, 2)
		go func() {
			_, err := b.RunCommand(context.WithoutCancel(t.Context()), ann, interpreter.CommandRequest{ContextID: cc.ID, Line: "sleep 20s"})
			failed <- err
		}()
		go func() {
			_, err := b.LookAtProcess(context.WithoutCancel(t.Context()), ann, p.ID, time.Minute)
			failed <- err
		}()
		synctest.Wait()
		b.fake.KillSession("fake-1")
		for range 2 {
			wantCode(t, <-failed, sandbox.CodeSessionLost, "not run again")
		}
		_, err := b.StopProcess(t.Context(), ann, p.ID)
		wantCode(t, err, sandbox.CodeSessionLost, "ended with the sandbox")
		res := b.command(t, cc.ID, "print anew")
		if res.Stdout != "anew\n" || len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "recreated empty") {
			t.Errorf("the next command gave %+v, want a notice", res)
		}
		_, err = b.LookAtProcess(t.Context(), ann, p.ID, 0)
		wantCode(t, err, sandbox.CodeSessionLost, "ended with the sandbox")
	})
}

func TestProcessesAreFoundByTheirIDsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		one, two := b.process(t, b.create(t, "a").ID, "print one; sleep 10s; exit 1"), b.process(t, b.create(t, "b").ID, "print two; sleep 1h")
		if one.ID == two.ID || one.Status != sandbox.ProcessRunning || b.ContextOfProcess(two.ID) != two.ContextID || b.ContextOfProcess("x") != "" {
			t.Errorf("StartProcess = %+v and %+v", one, two)
		}
		began := time.Now()
		done, err := b.LookAtProcess(t.Context(), ann, one.ID, time.Minute)
		if err != nil || done.Status != sandbox.ProcessExited || done.ExitCode != 1 || done.Stdout != "one\n" || done.ID != one.ID || time.Since(began) != 10*time.Second {
			t.Errorf("LookAtProcess = %+v, %v after %s", done, err, time.Since(began))
		}
		if stopped, err := b.StopProcess(t.Context(), ann, two.ID); err != nil || stopped.Status != sandbox.ProcessExited || stopped.Stdout != "two\n" {
			t.Errorf("StopProcess = %+v, %v", stopped, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		three := b.process(t, "", "sleep 1h")
		_, err = b.LookAtProcess(ctx, ann, three.ID, time.Minute)
		wantCode(t, err, sandbox.CodeCancelled, "not concerned")
	})
}

// TestOnlyLookingAtAProcessIsUse: a process that nobody looks at any more does not keep its context for ever.
func TestOnlyLookingAtAProcessIsUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withShell()
		s.options.IdleTimeout = time.Hour
		b := start(t, s)
		p := b.process(t, b.create(t, "a").ID, "sleep 100h")
		for range 3 {
			time.Sleep(40 * time.Minute)
			if now, err := b.LookAtProcess(t.Context(), ann, p.ID, 0); err != nil || now.Status != sandbox.ProcessRunning {
				t.Fatalf("LookAtProcess = %+v, %v", now, err)
			}
		}
		time.Sleep(61 * time.Minute)
		synctest.Wait()
		if left := b.Contexts(); len(left) != 0 {
			t.Errorf("the contexts %+v are kept", left)
		}
	})
}

func TestShuttingDownEndsCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, withShell())
		cc := b.create(t, "a")
		b.process(t, cc.ID, "sleep 1h")
		done := make(chan interpreter.CommandResult, 1)
		go func() {
			res, err := b.RunCommand(context.WithoutCancel(t.Context()), ann, interpreter.CommandRequest{ContextID: cc.ID, Line: "sleep 20s"})
			if err != nil {
				t.Errorf("RunCommand = %v", err)
			}
			done <- res
		}()
		synctest.Wait()
		began := time.Now()
		b.stop()
		if res := <-done; res.Failure == nil || !strings.Contains(res.Failure.Message, "shut down") || time.Since(began) > time.Second {
			t.Errorf("the command gave %+v after %s", res, time.Since(began))
		}
		_, err := b.RunCommand(t.Context(), ann, interpreter.CommandRequest{Line: "print x"})
		wantCode(t, err, sandbox.CodeServerNotReady, "shutting down")
	})
}
