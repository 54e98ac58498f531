package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// lineCount counts the lines of a file that commands add to.
func lineCount(t *testing.T, sh sandbox.Shell, cc, file string) string {
	t.Helper()
	result, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: "touch " + file + "; wc -l <" + file})
	if err != nil || result.ExitCode != 0 {
		t.Fatalf("RunCommand = %+v, %v", result, err)
	}
	return strings.TrimSpace(result.Stdout)
}

// TestNoFaultOfACommandRepeatsIt lets a command fail in every way, before and after it was carried out, and looks at what is told, what
// was run, and whether the next one can be.
func TestNoFaultOfACommandRepeatsIt(t *testing.T) {
	for _, failure := range failures() {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/after %t", failure, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, agentruntest.Options{}, cloud.Options{})
					s := w.open(t)
					cc := w.context(t, s)
					sh := s.(sandbox.Shell)
					w.Inject(agentruntest.Fault{Operation: "RunCommand", Failure: failure, After: after})
					result, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: "echo ran >>ran"})
					if w.ClearFaults() != 0 {
						t.Error("the command did not meet the fault")
					}
					if errors.Is(err, sandbox.ErrSessionLost) {
						if failure.String() != "sandbox gone" {
							t.Errorf("RunCommand = %v, but the sandbox is there", err)
						}
						return
					}
					if err != nil {
						told(t, "RunCommand", err, "")
					} else if result.ExitCode != 0 || result.Failure != nil {
						t.Errorf("RunCommand = %+v", result)
					}
					// what was carried out, and whose answer is lost and not a refusal, is found again
					found := after && !refusals[failure.String()] && failure.String() != "failed with 200" && failure.String() != "status 409"
					if ran := lineCount(t, sh, cc, "ran"); ran != "0" && ran != "1" || found && (err != nil || ran != "1") || !after && err == nil && ran != "1" {
						t.Errorf("the command ran %s times, and gave %v", ran, err)
					}
				})
			})
		}
	}
}

// TestNoFaultOfAProcessStartsItTwice is the same for processes.
func TestNoFaultOfAProcessStartsItTwice(t *testing.T) {
	for _, failure := range failures() {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/after %t", failure, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, agentruntest.Options{}, cloud.Options{})
					s := w.open(t)
					cc := w.context(t, s)
					sh := s.(sandbox.Shell)
					w.Inject(agentruntest.Fault{Operation: "RunCommand", Failure: failure, After: after})
					p, err := sh.StartProcess(t.Context(), cc, sandbox.Command{Line: "echo ran >>ran; sleep 3; echo ended >>ended"})
					if errors.Is(err, sandbox.ErrSessionLost) {
						return
					}
					if err == nil {
						if p, err = sh.LookAtProcess(t.Context(), cc, p.ID, time.Minute); err != nil || p.Status != sandbox.ProcessExited || p.ExitCode != 0 {
							t.Errorf("LookAtProcess = %+v, %v", p, err)
						}
					} else {
						told(t, "StartProcess", err, "")
						time.Sleep(time.Minute)
						if list, err := sh.ListProcesses(t.Context(), cc); err != nil || len(list) != 0 {
							t.Errorf("ListProcesses = %+v, %v after a process that was not started", list, err)
						}
					}
					ran, ended := lineCount(t, sh, cc, "ran"), lineCount(t, sh, cc, "ended")
					if err == nil && (ran != "1" || ended != "1") || err != nil && ran != "0" && ran != "1" {
						t.Errorf("it began %s and ended %s times, after %v", ran, ended, err)
					}
				})
			})
		}
	}
}

// TestACommandThatAnswersWithNothingIsFoundAgain has the first command in a young sandbox print nothing, as was reported.
func TestACommandThatAnswersWithNothingIsFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "RunCommand", Failure: agentruntest.Silent()})
		result, err := s.(sandbox.Shell).RunCommand(t.Context(), cc, sandbox.Command{Line: "echo hello; exit 2"})
		if err != nil || result.Stdout != "hello\n" || result.ExitCode != 2 || w.Count("RunCommand") != 2 {
			t.Errorf("RunCommand = %+v, %v after %d requests, want what the command printed", result, err, w.Count("RunCommand"))
		}
	})
}

// TestTheTimeOfACommandIsItsOwn: the service does not keep to it, and its gateway has no patience.
func TestTheTimeOfACommandIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		sh := s.(sandbox.Shell)
		for _, timeout := range []time.Duration{0, time.Second, 24*time.Second + 1} {
			began := time.Now()
			result, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: "echo begun; sleep 100", Timeout: timeout})
			if err != nil || result.Failure == nil || result.Failure.Code != sandbox.CodeTimeout || result.Stdout != "begun\n" || !strings.Contains(result.Failure.Message, "background: true") {
				t.Errorf("RunCommand = %+v, %v, want that its time was up", result, err)
			}
			if took := time.Since(began); took > 26*time.Second || took < timeout {
				t.Errorf("it took %s", took)
			}
		}
		_, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: "true", Timeout: 26 * time.Second})
		told(t, "RunCommand", err, sandbox.CodeInvalidParams, "at most 25 s", "background: true", "get_process")
	})
}

// TestTheEndOfAContextEndsItsProcesses looks at the sandbox by another context's command.
func TestTheEndOfAContextEndsItsProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc, other := w.context(t, s), w.context(t, s)
		sh := s.(sandbox.Shell)
		for _, line := range []string{"echo $$ >>../pids; sleep 10000", "sleep 10000 & echo $! >>../pids; sleep 10000"} {
			if _, err := sh.StartProcess(t.Context(), cc, sandbox.Command{Line: line}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: "sleep 10000 & echo $! >>../pids"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		const count = "n=; for p in $(cat ../pids); do kill -0 $p 2>/dev/null && n=x$n; done; echo $n"
		if result, err := sh.RunCommand(t.Context(), other, sandbox.Command{Line: count}); err != nil || result.Stdout != "xxx\n" {
			t.Errorf("before the end of the context there are %+v, %v, want three", result, err)
		}
		if err := s.StopContext(t.Context(), cc); err != nil {
			t.Fatal(err)
		}
		if result, err := sh.RunCommand(t.Context(), other, sandbox.Command{Line: count}); err != nil || result.Stdout != "\n" {
			t.Errorf("after the end of the context there are %+v, %v, want none", result, err)
		}
	})
}

// TestACancelledCommandTellsWhatItPrinted also where ending it takes more than kindness.
func TestACancelledCommandTellsWhatItPrinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		cc := w.context(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		result, err := s.(sandbox.Shell).RunCommand(ctx, cc, sandbox.Command{Line: "echo begun; sleep 20; echo ended"})
		if err != nil || result.Failure == nil || result.Failure.Code != sandbox.CodeCancelled || result.Stdout != "begun\n" || result.Duration > 5*time.Second {
			t.Errorf("RunCommand = %+v, %v", result, err)
		}
	})
}
