package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// TestNoFaultOfARunRepeatsIt lets a run fail in every way, before and after it was carried out, and looks at what is told, what was
// run, and whether the context can be used then.
func TestNoFaultOfARunRepeatsIt(t *testing.T) {
	for _, failure := range failures() {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/after %t", failure, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, agentruntest.Options{}, cloud.Options{})
					s := w.open(t)
					cc := w.context(t, s)
					w.Inject(agentruntest.Fault{Operation: "Execute", Failure: failure, After: after})
					const code = "the code"
					result, err := s.Run(t.Context(), cc, sandbox.Run{Code: code})
					if err != nil {
						told(t, "Run", err, "")
					}
					if n := w.ran(code); n > 1 {
						t.Errorf("the code ran %d times", n)
					}
					if w.ClearFaults() != 0 {
						t.Error("the run did not meet the fault")
					}
					if errors.Is(err, sandbox.ErrSessionLost) {
						if failure.String() != "sandbox gone" {
							t.Errorf("Run = %v, but the sandbox is there", err)
						}
						return
					}
					lost := result.StateLost
					result, err = s.Run(t.Context(), cc, sandbox.Run{Code: "next"})
					if err != nil || result.Failure != nil || result.Stdout != "ran next\n" || w.ran("next") != 1 {
						t.Errorf("the next run gave %+v, %v (state lost before: %t)", result, err, lost)
					}
				})
			})
		}
	}
}

func TestWhatTheUserIsToldWhenARunFails(t *testing.T) {
	tests := []struct {
		failure agentruntest.Failure
		code    sandbox.Code
		words   []string
	}{
		{agentruntest.GatewayTimeout(), sandbox.CodeTimeout, []string{"gateway gave up", "not sent again", "30 s"}},
		{agentruntest.Hang(time.Hour), sandbox.CodeTimeout, []string{"did not answer within 45s", "not sent again"}},
		{agentruntest.Cut(), sandbox.CodeExecutionFailed, []string{"broke", "Whether the code ran", "not sent again"}},
		{agentruntest.Internal(), sandbox.CodeExecutionFailed, []string{"status 500", "not sent again"}},
		{agentruntest.Empty(200), sandbox.CodeExecutionFailed, []string{"cannot be understood", "not sent again"}},
		{agentruntest.Throttled(0), sandbox.CodeServerNotReady, []string{"too many requests"}},
		{agentruntest.SandboxGone(), sandbox.CodeSessionLost, []string{"has ended"}},
		{agentruntest.ClockOff(time.Hour), sandbox.CodeCredentialsRejected, []string{"clock is 60 minutes behind"}},
		{agentruntest.StorageFull(), sandbox.CodeQuotaExceeded, []string{"disk is full"}},
	}
	for _, test := range tests {
		t.Run(test.failure.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				s := w.open(t)
				cc := w.context(t, s)
				w.Inject(agentruntest.Fault{Operation: "Execute", Failure: test.failure})
				_, err := s.Run(t.Context(), cc, sandbox.Run{Code: "the code"})
				told(t, "Run", err, test.code, test.words...)
			})
		})
	}
}

// TestALostResultIsNotALostContext has the interpreter still there after a run whose answer did not come.
func TestALostResultIsNotALostContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "Execute", Failure: agentruntest.Cut(), After: true})
		if _, err := s.Run(t.Context(), cc, sandbox.Run{Code: "a = 1"}); err == nil {
			t.Fatal("Run succeeded")
		}
		result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "a"})
		if err != nil || result.StateLost || w.Count("CreateContext") != 1 {
			t.Errorf("the next run gave %+v, %v after %d contexts were made", result, err, w.Count("CreateContext"))
		}
	})
}

// TestNothingIsRunInAnInterpreterThatForgotSilently: code that counts on variables which are gone does not begin.
func TestNothingIsRunInAnInterpreterThatForgotSilently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "Execute", Failure: agentruntest.Cut()})
		if _, err := s.Run(t.Context(), cc, sandbox.Run{Code: "a = 1"}); err == nil {
			t.Fatal("Run succeeded")
		}
		w.mu.Lock()
		w.fresh = true
		w.mu.Unlock()
		result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "remove(a)"})
		if err != nil || !result.StateLost || result.Failure == nil || !strings.Contains(result.Failure.Message, "Nothing of this code was run") || w.ran("remove(a)") != 0 {
			t.Errorf("the next run gave %+v, %v and ran %d times", result, err, w.ran("remove(a)"))
		}
		if result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "a = 2"}); err != nil || result.StateLost || result.Failure != nil {
			t.Errorf("the run after gave %+v, %v", result, err)
		}
		if w.Count("CreateContext") != 2 || w.Count("DeleteContext") != 1 {
			t.Errorf("%d contexts were made and %d deleted, want one replaced", w.Count("CreateContext"), w.Count("DeleteContext"))
		}
	})
}

// TestAContextWhoseInterpreterIsGoneGetsAnother has somebody delete it behind our back.
func TestAContextWhoseInterpreterIsGoneGetsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		inside, err := w.client.ListContexts(t.Context(), s.SandboxID())
		if err != nil || len(inside) != 1 || !strings.HasPrefix(inside[0].Cwd, "/home/user/context-") {
			t.Fatalf("ListContexts = %+v, %v", inside, err)
		}
		if err := w.client.DeleteContext(t.Context(), s.SandboxID(), inside[0].ID); err != nil {
			t.Fatal(err)
		}
		result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "a"})
		if err != nil || !result.StateLost || result.Failure == nil || result.Failure.Code != sandbox.CodeExecutionFailed || w.ran("a") != 0 {
			t.Errorf("Run = %+v, %v", result, err)
		}
		if result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "b"}); err != nil || result.Failure != nil {
			t.Errorf("the next run gave %+v, %v", result, err)
		}
	})
}

// TestACancelledRunIsAnsweredAtOnce and its interpreter replaced, for which the next run waits.
func TestACancelledRunIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		result, err := s.Run(ctx, cc, sandbox.Run{Code: "sleep 25"})
		if err != nil || result.Failure == nil || result.Failure.Code != sandbox.CodeCancelled || !result.StateLost || result.Duration != 3*time.Second || time.Since(began) != 3*time.Second {
			t.Errorf("Run = %+v, %v after %s", result, err, time.Since(began))
		}
		if result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "next"}); err != nil || result.Failure != nil || result.StateLost {
			t.Errorf("the next run gave %+v, %v", result, err)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("the next run was over after %s: it waited for the code", took)
		}
		if w.Count("DeleteContext") != 1 || w.Count("CreateContext") != 2 {
			t.Errorf("%d contexts were made and %d deleted", w.Count("CreateContext"), w.Count("DeleteContext"))
		}
	})
}

// TestAnInterpreterThatCannotBeReplacedIsTriedAgain has the service away after a cancelled run.
func TestAnInterpreterThatCannotBeReplacedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "CreateContext", Failure: agentruntest.Internal(), Times: 2})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if result, err := s.Run(ctx, cc, sandbox.Run{Code: "sleep 25"}); err != nil || !result.StateLost {
			t.Errorf("Run = %+v, %v", result, err)
		}
		_, err := s.Run(t.Context(), cc, sandbox.Run{Code: "one"})
		told(t, "Run", err, sandbox.CodeExecutionFailed, "Nothing of this code was run")
		if result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "two"}); err != nil || result.Failure != nil {
			t.Errorf("Run = %+v, %v", result, err)
		}
		if w.ran("one") != 0 || w.ran("two") != 1 {
			t.Errorf("the first ran %d times and the second %d", w.ran("one"), w.ran("two"))
		}
	})
}

// TestATimeoutSaysWhatBecameOfTheVariables in each of the ways the service may have with interpreters.
func TestATimeoutSaysWhatBecameOfTheVariables(t *testing.T) {
	for _, test := range []struct {
		name  string
		shape agentruntest.Shape
		fresh bool
		lost  bool
		words string
	}{
		{"the interpreter lives", agentruntest.Shape{}, false, false, "stopped after 2s, the time it was given; its variables are kept"},
		{"the interpreter is deleted", agentruntest.Shape{TimeoutEndsContext: true}, false, true, "variables are gone"},
		{"the interpreter is another", agentruntest.Shape{EndItem: true}, true, true, "variables are gone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{Shape: test.shape}, cloud.Options{})
				s := w.open(t)
				cc := w.context(t, s)
				w.fresh = test.fresh
				result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "sleep 9", Timeout: 1500 * time.Millisecond})
				if err != nil || result.Failure == nil || result.Failure.Code != sandbox.CodeTimeout || result.StateLost != test.lost || !strings.Contains(result.Failure.Message, test.words) || result.Duration != 2*time.Second {
					t.Errorf("Run = %+v (%+v), %v", result, result.Failure, err)
				}
				if result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "next"}); err != nil || result.Failure != nil || result.StateLost {
					t.Errorf("the next run gave %+v, %v", result, err)
				}
			})
		})
	}
}

// TestATimeoutWhoseCallerLeavesIsNotSaidToHaveKeptAnything: the look at the interpreter was given up.
func TestATimeoutWhoseCallerLeavesIsNotSaidToHaveKeptAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "Execute", Failure: agentruntest.Slow(5 * time.Second), Skip: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		result, err := s.Run(ctx, cc, sandbox.Run{Code: "sleep 9", Timeout: 2 * time.Second})
		if err != nil || result.Failure == nil || result.Failure.Code != sandbox.CodeTimeout || !strings.Contains(result.Failure.Message, "the next run tells") {
			t.Errorf("Run = %+v (%+v), %v", result, result.Failure, err)
		}
		if result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "next"}); err != nil || result.Failure != nil || result.StateLost {
			t.Errorf("the next run gave %+v, %v", result, err)
		}
	})
}

// TestCodeThatEndsItsInterpreterIsToldSo in a real one, which the service replaces by itself.
func TestCodeThatEndsItsInterpreterIsToldSo(t *testing.T) {
	e := start(t, agentruntest.Options{})
	s, err := newBackend(t, cloud.Options{Client: clientOf(t, e, nil)}).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer shut(t, s)
	cc, err := s.CreateContext(t.Context(), sandbox.Python)
	if err != nil {
		t.Fatal(err)
	}
	result, err := s.Run(t.Context(), cc.ID, sandbox.Run{Code: "x = 1\nopen('kept.txt', 'w').write('kept')\nimport os; os._exit(3)"})
	if err != nil || result.Failure == nil || result.Failure.Code != sandbox.CodeExecutionFailed || !result.StateLost {
		t.Errorf("Run = %+v (%+v), %v", result, result.Failure, err)
	}
	result, err = s.Run(t.Context(), cc.ID, sandbox.Run{Code: "open('after.txt', 'w').close(); x"})
	if err != nil || result.Failure == nil || result.Failure.Name != "NameError" || result.StateLost {
		t.Errorf("the next run gave %+v (%+v), %v", result, result.Failure, err)
	}
	if result, err := s.Run(t.Context(), cc.ID, sandbox.Run{Code: "import os; sorted(os.listdir('.'))"}); err != nil || result.Value == nil || !strings.Contains(result.Value.Text, "after.txt") {
		t.Errorf("the files are %+v, %v", result.Value, err)
	}
}

// TestASandboxThatEndsByItselfIsLost by its idle timeout and by its age.
func TestASandboxThatEndsByItselfIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		idle, used := w.open(t), w.open(t)
		cc := w.context(t, idle)
		for range 11 {
			time.Sleep(30 * time.Minute)
			if err := used.Check(t.Context()); err != nil {
				t.Errorf("Check = %v", err)
			}
		}
		if _, err := idle.Run(t.Context(), cc, sandbox.Run{Code: "a"}); !errors.Is(err, sandbox.ErrSessionLost) || w.ran("a") != 0 {
			t.Errorf("Run in a sandbox that nobody used = %v", err)
		}
		time.Sleep(31 * time.Minute)
		if err := used.Check(t.Context()); !errors.Is(err, sandbox.ErrSessionLost) {
			t.Errorf("Check after six hours = %v", err)
		}
		shut(t, idle) // what is gone is closed
	})
}

// TestASandboxThatIsOverIsLostInEveryWayOfSayingSo makes every call to one that ended without a word.
func TestASandboxThatIsOverIsLostInEveryWayOfSayingSo(t *testing.T) {
	for _, gone := range []agentruntest.Gone{agentruntest.GoneNotFound, agentruntest.GoneStatus, agentruntest.GonePlain, agentruntest.GoneIn200, agentruntest.GoneBadAnswer} {
		calls := map[string]func(ctx context.Context, s sandbox.Session, cc string) error{
			"CreateContext": func(ctx context.Context, s sandbox.Session, _ string) error {
				_, err := s.CreateContext(ctx, sandbox.JavaScript)
				return err
			},
			"Run": func(ctx context.Context, s sandbox.Session, cc string) error {
				_, err := s.Run(ctx, cc, sandbox.Run{Code: "a"})
				return err
			},
			"StopContext": func(ctx context.Context, s sandbox.Session, cc string) error { return s.StopContext(ctx, cc) },
			"ListFiles": func(ctx context.Context, s sandbox.Session, cc string) error {
				_, err := s.ListFiles(ctx, cc, "", 1)
				return err
			},
			"ReadFile": func(ctx context.Context, s sandbox.Session, cc string) error {
				_, _, err := s.ReadFile(ctx, cc, "file")
				return err
			},
			"WriteFile": func(ctx context.Context, s sandbox.Session, cc string) error {
				_, err := s.WriteFile(ctx, cc, "file", strings.NewReader("text"))
				return err
			},
			"Check": func(ctx context.Context, s sandbox.Session, _ string) error { return s.Check(ctx) },
		}
		for name, call := range calls {
			t.Run(fmt.Sprintf("%q/%s", gone, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, agentruntest.Options{Shape: agentruntest.Shape{Gone: gone}}, cloud.Options{})
					s := w.open(t)
					cc := w.context(t, s)
					w.EndSandbox(s.SandboxID())
					told(t, name, call(t.Context(), s, cc), sandbox.CodeSessionLost, "has ended")
				})
			})
		}
	}
}

// TestACheckThatCannotAskDoesNotCondemn tells a service that is away from a sandbox that is.
func TestACheckThatCannotAskDoesNotCondemn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		for _, failure := range failures() {
			w.Inject(agentruntest.Fault{Operation: "Health", Failure: failure, Times: -1})
			err := s.Check(t.Context())
			w.ClearFaults()
			switch failure.String() {
			case "sandbox gone", "empty 404": // said as it is
				if !errors.Is(err, sandbox.ErrSessionLost) {
					t.Errorf("Check with %s = %v", failure, err)
				}
				s = w.open(t)
			default:
				if err == nil && (failure.String() == "slow" || failure.String() == "hang") {
					continue
				}
				told(t, "Check with "+failure.String(), err, "")
				if errors.Is(err, sandbox.ErrSessionLost) {
					t.Errorf("Check with %s = %v, but the sandbox is there", failure, err)
				}
			}
		}
	})
}

func TestContextsThatCannotBeMadeLeaveNothing(t *testing.T) {
	for _, operation := range []string{"MakeFolder", "CreateContext", "Execute"} {
		t.Run(operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{MaxContexts: 1})
				s := w.open(t)
				w.Inject(agentruntest.Fault{Operation: operation, Failure: agentruntest.GatewayTimeout()})
				_, err := s.CreateContext(t.Context(), sandbox.Python)
				told(t, "CreateContext", err, sandbox.CodeContextCreationFailed)
				synctest.Wait()
				inside, err := w.client.ListContexts(t.Context(), s.SandboxID())
				folder, failed := w.client.ListFolder(t.Context(), s.SandboxID(), "/home/user", 1)
				if err := errors.Join(err, failed); err != nil || len(inside) != 0 || len(folder.Entries) != 0 {
					t.Errorf("there are the contexts %+v and the files %+v, %v", inside, folder.Entries, err)
				}
				w.context(t, s) // its place is free
			})
		})
	}
}

func TestAStopThatFailsSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "DeleteContext", Failure: agentruntest.Unavailable(0), Times: -1})
		told(t, "StopContext", s.StopContext(t.Context(), cc), sandbox.CodeStopFailed, "status 503")
		w.ClearFaults()
		told(t, "StopContext", s.StopContext(t.Context(), cc), sandbox.CodeContextNotFound)
	})
}

// TestAStopDoesNotWaitForAReplacementThatHangs: the interpreter of a cancelled run is replaced, and whoever stops the context meanwhile
// has no longer patience for that than for anything else.
func TestAStopDoesNotWaitForAReplacementThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "DeleteContext", Failure: agentruntest.Hang(20 * time.Second)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if res, err := s.Run(ctx, cc, sandbox.Run{Code: "sleep 25"}); err != nil || res.Failure == nil {
			t.Errorf("a run that was cancelled = %+v, %v", res, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := s.StopContext(ctx, cc); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("StopContext = %v, want that its time is up", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("StopContext took %v, want the second that it had", took)
		}
		time.Sleep(time.Minute)
		w.isEmpty(t, s.SandboxID())
	})
}

// TestAnInterpreterWhoseCreationGotNoAnswerIsEnded by the folder it works in.
func TestAnInterpreterWhoseCreationGotNoAnswerIsEnded(t *testing.T) {
	for _, shape := range agentruntest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{Shape: shape.Shape}, cloud.Options{})
				s := w.open(t)
				w.context(t, s)
				w.Inject(agentruntest.Fault{Operation: "CreateContext", Failure: agentruntest.Cut(), After: true})
				if _, err := s.CreateContext(t.Context(), sandbox.Python); err == nil {
					t.Error("CreateContext succeeded")
				}
				synctest.Wait()
				if found, err := w.client.ListContexts(t.Context(), s.SandboxID()); err != nil || len(found) != 1 {
					t.Errorf("there are the contexts %v, %v, want the one that was answered", found, err)
				}
			})
		})
	}
}

// TestAStopThatFailedIsDoneAllTheSame when its caller lost patience, or the service had a bad moment.
func TestAStopThatFailedIsDoneAllTheSame(t *testing.T) {
	for name, tc := range map[string]struct {
		fault agentruntest.Fault
		limit time.Duration
	}{
		"no patience":  {agentruntest.Fault{Failure: agentruntest.Hang(time.Minute)}, time.Second},
		"a bad moment": {agentruntest.Fault{Failure: agentruntest.Unavailable(0), Times: 4}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				s := w.open(t)
				cc := w.context(t, s)
				tc.fault.Operation = "DeleteContext"
				w.Inject(tc.fault)
				ctx, cancel := context.WithTimeout(t.Context(), tc.limit)
				defer cancel()
				if err := s.StopContext(ctx, cc); err == nil {
					t.Error("StopContext = nil")
				}
				time.Sleep(time.Minute)
				w.isEmpty(t, s.SandboxID())
			})
		})
	}
}

// TestAFailureWithTheStatusOfSuccessIsNoFile that somebody would take for the one that was asked for.
func TestAFailureWithTheStatusOfSuccessIsNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		const content = `{"code":"FAILED","message":"is what the file says"}`
		if _, err := s.WriteFile(t.Context(), cc, "a.json", strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		w.Inject(agentruntest.Fault{Operation: "Download", Failure: agentruntest.Failed200()})
		_, _, err := s.ReadFile(t.Context(), cc, "a.json")
		told(t, "ReadFile", err, sandbox.CodeExecutionFailed, "the operation failed")
		file, _, err := s.ReadFile(t.Context(), cc, "a.json")
		if err != nil {
			t.Fatalf("ReadFile = %v", err)
		}
		if text, err := io.ReadAll(file); err != nil || string(text) != content {
			t.Errorf("the file is %q, %v", text, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestFaultsOfFilesAreSaid with their codes.
func TestFaultsOfFilesAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		write := func() error {
			_, err := s.WriteFile(t.Context(), cc, "a.txt", strings.NewReader("text"))
			return err
		}
		if err := write(); err != nil {
			t.Fatal(err)
		}
		read := func() error {
			r, _, err := s.ReadFile(t.Context(), cc, "a.txt")
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.ReadAll(r)
			return err
		}
		for _, test := range []struct {
			operation string
			failure   agentruntest.Failure
			do        func() error
			code      sandbox.Code
		}{
			{"Upload", agentruntest.StorageFull(), write, sandbox.CodeQuotaExceeded},
			{"Upload", agentruntest.Status(413, "PAYLOAD_TOO_LARGE", "file exceeds 32MB"), write, sandbox.CodeTooLarge},
			{"Upload", agentruntest.Cut(), write, sandbox.CodeExecutionFailed},
			{"Download", agentruntest.Unavailable(0), read, sandbox.CodeExecutionFailed},
			{"Download", agentruntest.Forbidden(), read, sandbox.CodeCredentialsRejected},
			{"Stat", agentruntest.Empty(500), write, sandbox.CodeExecutionFailed},
		} {
			w.Inject(agentruntest.Fault{Operation: test.operation, Failure: test.failure, Times: -1})
			told(t, test.operation+" with "+test.failure.String(), test.do(), test.code)
			w.ClearFaults()
		}
		if _, err := s.WriteFile(t.Context(), cc, "b.txt", iotest.ErrReader(errors.New("the sender went away"))); err == nil || w.Count("Upload") == 0 {
			t.Errorf("WriteFile from a sender that broke off = %v", err)
		}
		if err := errors.Join(write(), read()); err != nil {
			t.Error(err)
		}
		w.Inject(agentruntest.Fault{Operation: "Download", Failure: agentruntest.SandboxGone()})
		if err := read(); !errors.Is(err, sandbox.ErrSessionLost) {
			t.Errorf("reading from a sandbox that is gone = %v", err)
		}
	})
}
