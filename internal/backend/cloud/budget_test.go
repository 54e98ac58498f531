package cloud_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// silence has no command answered any more.
func (w *world) silence() {
	w.Inject(agentruntest.Fault{Operation: "RunCommand", Failure: agentruntest.Hang(time.Hour), Times: -1})
}

// TestNoCallOfTheShellWaitsLongWhereNothingAnswers: the whole of a call, with every look that it takes, stays below the minute after
// which editors give up.
func TestNoCallOfTheShellWaitsLongWhereNothingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		sh := s.(sandbox.Shell)
		p, err := sh.StartProcess(t.Context(), cc, sandbox.Command{Line: "sleep 1000"})
		if err != nil {
			t.Fatal(err)
		}
		w.silence()
		for _, call := range []struct {
			name string
			most time.Duration
			do   func() error
		}{
			{"RunCommand", 36 * time.Second, func() error {
				_, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: "true", Timeout: 5 * time.Second})
				return err
			}},
			{"StartProcess", 31 * time.Second, func() error {
				_, err := sh.StartProcess(t.Context(), cc, sandbox.Command{Line: "true"})
				return err
			}},
			{"LookAtProcess", 21 * time.Second, func() error {
				_, err := sh.LookAtProcess(t.Context(), cc, p.ID, 0)
				return err
			}},
			{"StopProcess", 16 * time.Second, func() error {
				_, err := sh.StopProcess(t.Context(), cc, p.ID)
				return err
			}},
		} {
			began := time.Now()
			err := call.do()
			told(t, call.name, err, sandbox.CodeExecutionFailed, "did not answer within")
			if took := time.Since(began); took > call.most {
				t.Errorf("%s took %s, want %s at most", call.name, took, call.most)
			}
		}
		w.ClearFaults()
	})
}

// TestACommandWhoseCallerHasNoTimeLeftIsNotWaitedFor: it is ended beside its caller, who is told that this is not certain.
func TestACommandWhoseCallerHasNoTimeLeftIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.silence()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		result, err := s.(sandbox.Shell).RunCommand(ctx, cc, sandbox.Command{Line: "true"})
		if err != nil || result.Failure == nil || result.Failure.Message != "the command was cancelled, and whether it has ended could not be learned" {
			t.Errorf("RunCommand = %+v, %v", result, err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it took %s for a caller who had 10 s", took)
		}
		w.ClearFaults()
	})
}

// TestStoppingAContextDoesNotWaitForItsInterpreterToBeReplaced when its caller has no time for that. What the replacement brings is
// ended all the same.
func TestStoppingAContextDoesNotWaitForItsInterpreterToBeReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "DeleteContext", Failure: agentruntest.Hang(25 * time.Second), After: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if result, err := s.Run(ctx, cc, sandbox.Run{Code: "sleep 10"}); err != nil || !result.StateLost {
			t.Fatalf("Run = %+v, %v, want that the interpreter is being replaced", result, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		told(t, "StopContext", s.StopContext(ctx, cc), sandbox.CodeStopFailed, "is being replaced")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("StopContext took %s, want the 2s of its caller", took)
		}
		time.Sleep(time.Minute)
		left, err := w.client.ListContexts(t.Context(), s.SandboxID())
		if err != nil || len(left) != 0 {
			t.Errorf("ListContexts = %+v, %v, want that nothing stays", left, err)
		}
	})
}
