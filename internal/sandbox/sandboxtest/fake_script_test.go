package sandboxtest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// open makes a session of the fake with one context.
func open(t *testing.T, fake *sandboxtest.Fake) (sandbox.Session, string) {
	t.Helper()
	s, err := fake.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cc, err := s.CreateContext(t.Context(), sandbox.Python)
	if err != nil {
		t.Fatal(err)
	}
	return s, cc.ID
}

func TestTheLanguage(t *testing.T) {
	tests := []struct {
		name, code                    string
		stdout, stderr, value, failed string
		displays                      int
	}{
		{name: "nothing", code: ""},
		{name: "comments and blank lines", code: "\n# nothing\n   \n"},
		{name: "text with spaces", code: "print a  b \nprint", stdout: "a  b\n\n"},
		{name: "both streams", code: "stderr oops\nprint fine", stdout: "fine\n", stderr: "oops\n"},
		{name: "a variable is the value of the last line", code: "set x two words\nget x", value: "two words"},
		{name: "a variable before the last line is no value", code: "set x 1\nget x\nprint 2", stdout: "2\n"},
		{name: "a missing variable", code: "print a\nget y\nprint b", stdout: "a\n", failed: "NameError: name 'y' is not defined"},
		{name: "a failure", code: "raise KeyError it is not there", failed: "KeyError: it is not there"},
		{name: "a failure without a message", code: "raise KeyError", failed: "KeyError: "},
		{name: "a display and no value", code: "show text/html PGI+", displays: 1},
		{name: "a rich value", code: "value text/html PGI+", value: "<text/html, 3 bytes>"},
		{name: "files", code: "write a/b some text\ncat a/b\nread a/b", stdout: "some text", value: "some text"},
		{name: "a missing file", code: "read a", failed: "FileNotFoundError: there is no a; list_files shows what there is"},
		{name: "a path outside", code: "write ../a text", failed: `OSError: the path "../a" leads out of the context's working folder`},
		{name: "a flood", code: "flood 5", stdout: "xxxxx"},
		{name: "sleep", code: "sleep 1h\nprint awake", failed: "TimeoutError: the run took longer than it was allowed to"},
		{name: "a file that is there", code: "write a text\nawait a\nprint go", stdout: "go\n"},
		{name: "a file that never comes", code: "await a\nprint go", failed: "TimeoutError: the run took longer than it was allowed to"},
		{name: "an unknown command", code: "print a\nprnt b", failed: `SyntaxError: there is no command "prnt"; the commands are await, cat, exit, flood, get, ignore, loop, lose, print, raise, read, set, show, sleep, stderr, value, write (line 2)`},
		{name: "a duration that is none", code: "sleep long", failed: `SyntaxError: time: invalid duration "long" (line 1)`},
		{name: "a count that is none", code: "flood -1", failed: `SyntaxError: strconv.ParseUint: parsing "-1": invalid syntax (line 1)`},
		{name: "base64 that is none", code: "show text/html !", failed: "SyntaxError: illegal base64 data at input byte 0 (line 1)"},
		{name: "a word too many", code: "loop forever", failed: `SyntaxError: "forever" is more than the command takes (line 1)`},
		{name: "a word too few", code: "set", failed: "SyntaxError: the command needs a word after it (line 1)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cc := open(t, sandboxtest.NewFake(sandboxtest.FakeOptions{}))
				got, err := s.Run(t.Context(), cc, sandbox.Run{Code: test.code, Timeout: time.Minute})
				if err != nil {
					t.Fatalf("Run = %v", err)
				}
				var value, failed string
				if got.Value != nil {
					value = got.Value.Text
				}
				if got.Failure != nil {
					failed = got.Failure.Name + ": " + got.Failure.Message
				}
				if got.Stdout != test.stdout || got.Stderr != test.stderr || value != test.value || failed != test.failed || len(got.Displays) != test.displays {
					t.Errorf("Run = %+v with value %q and failure %q, want %+v", got, value, failed, test)
				}
			})
		})
	}
}

func TestSleepTakesItsTimeAndIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cc := open(t, sandboxtest.NewFake(sandboxtest.FakeOptions{}))
		start := time.Now()
		result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "sleep 2s\nsleep 500ms\nprint awake"})
		if took := time.Since(start); err != nil || result.Duration != 2500*time.Millisecond || took != result.Duration || result.Stdout != "awake\n" {
			t.Errorf("Run = %+v, %v after %s, want 2.5 s", result, err, took)
		}
	})
}

func TestIgnoreCostsTheVariablesButNotTheFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cc := open(t, sandboxtest.NewFake(sandboxtest.FakeOptions{}))
		result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "set x 1\nwrite f text\nignore\nsleep 1h", Timeout: time.Second})
		if err != nil || !result.StateLost {
			t.Fatalf("Run = %+v, %v, want the state lost", result, err)
		}
		if result, err = s.Run(t.Context(), cc, sandbox.Run{Code: "read f"}); err != nil || result.Value == nil {
			t.Errorf("the file gave %+v, %v", result, err)
		}
		if result, err = s.Run(t.Context(), cc, sandbox.Run{Code: "get x"}); err != nil || result.Failure == nil {
			t.Errorf("the variable gave %+v, %v, want a failure", result, err)
		}
	})
}

func TestOpenFollowsTheScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("no capacity")
		fake := sandboxtest.NewFake(sandboxtest.FakeOptions{
			OpenDelay: func(n int) time.Duration { return time.Duration(n) * time.Second },
			OpenErr: func(n int) error {
				if n == 2 {
					return refused
				}
				return nil
			},
		})
		start := time.Now()
		for n := 1; n <= 3; n++ {
			_, err := fake.Open(t.Context())
			if want := n == 2; errors.Is(err, refused) != want {
				t.Errorf("Open number %d = %v", n, err)
			}
		}
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("three Opens took %s, want 6s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := fake.Open(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open for a caller with a second = %v, want %v", err, context.DeadlineExceeded)
		}
		if got, want := fake.Sessions(), []string{"fake-1", "fake-2"}; !slices.Equal(got, want) {
			t.Errorf("Sessions = %q, want %q", got, want)
		}
	})
}

func TestTheRestFollowsTheScript(t *testing.T) {
	ill, full := errors.New("it does not answer"), sandbox.Errorf(sandbox.CodeContextCreationFailed, "no memory")
	fake := sandboxtest.NewFake(sandboxtest.FakeOptions{
		Name:   "odd",
		Traits: func(traits *sandbox.Traits) { traits.MaxContexts = 1 },
		CreateErr: func(n int) error {
			if n == 2 {
				return full
			}
			return nil
		},
		CheckErr:    func(id string) error { return ill },
		OutputLimit: 10,
	})
	s, cc := open(t, fake)
	if fake.Name() != "odd" || fake.Traits().MaxContexts != 1 {
		t.Errorf("Name = %q, MaxContexts = %d, want as set", fake.Name(), fake.Traits().MaxContexts)
	}
	if _, err := s.CreateContext(t.Context(), sandbox.Python); !errors.Is(err, full) {
		t.Errorf("the second CreateContext = %v, want %v", err, full)
	}
	if err := s.Check(t.Context()); !errors.Is(err, ill) {
		t.Errorf("Check = %v, want %v", err, ill)
	}
	if result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "flood 1000"}); err != nil || result.Stdout != "xxxxxxxxxx" || result.Cut.Stdout != 990 {
		t.Errorf("Run = %+v, %v, want 10 bytes kept and 990 cut", result, err)
	}
	if sessions, contexts := fake.LiveSessions(), fake.LiveContexts(); sessions != 1 || contexts != 1 {
		t.Errorf("%d sessions and %d contexts, want 1 of each", sessions, contexts)
	}
	if !fake.KillSession(s.SandboxID()) || fake.KillSession(s.SandboxID()) || fake.LiveSessions() != 0 || fake.LiveContexts() != 0 {
		t.Errorf("%d sessions and %d contexts after KillSession, which is to work once", fake.LiveSessions(), fake.LiveContexts())
	}
}

func TestLoseTakesTheWholeSandbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := sandboxtest.NewFake(sandboxtest.FakeOptions{})
		s, cc := open(t, fake)
		other, err := s.CreateContext(t.Context(), sandbox.JavaScript)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := s.Run(t.Context(), other.ID, sandbox.Run{Code: "loop"})
			ended <- err
		}()
		synctest.Wait()
		if _, err := s.Run(t.Context(), cc, sandbox.Run{Code: "print a\nlose\nprint b"}); !errors.Is(err, sandbox.ErrSessionLost) {
			t.Errorf("the run that lost it = %v, want %v", err, sandbox.ErrSessionLost)
		}
		if err := <-ended; !errors.Is(err, sandbox.ErrSessionLost) {
			t.Errorf("the run beside it = %v, want %v", err, sandbox.ErrSessionLost)
		}
		if fake.LiveSessions() != 0 {
			t.Error("the sandbox is still there")
		}
	})
}

func TestTheJournalTellsEveryCall(t *testing.T) {
	fake := sandboxtest.NewFake(sandboxtest.FakeOptions{})
	s, cc := open(t, fake)
	ctx := t.Context()
	for _, err := range []error{
		second(s.Run(ctx, cc, sandbox.Run{Code: "print a"})),
		second(s.WriteFile(ctx, cc, "f", strings.NewReader(""))),
		second(s.ListFiles(ctx, cc, "", 1)),
		s.Check(ctx), s.StopContext(ctx, cc), s.Close(ctx),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, call := range fake.Journal() {
		got = append(got, call.String())
	}
	want := []string{
		"Open", "CreateContext fake-1 python", "Run fake-1 context-1 print a", "WriteFile fake-1 context-1 f", "ListFiles fake-1 context-1",
		"Check fake-1", "StopContext fake-1 context-1", "Close fake-1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("Journal = %q, want %q", got, want)
	}
}

func second[T any](_ T, err error) error { return err }
