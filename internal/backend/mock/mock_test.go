package mock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/mock"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

func TestMockKeepsTheContract(t *testing.T) {
	sandboxtest.RunInBubble(t, func(*testing.T) sandboxtest.Harness {
		backend := mock.New()
		return sandboxtest.Harness{Backend: backend, Live: backend.Sessions, Programs: sandboxtest.RealPrograms(), Simulated: true}
	})
}

func TestEveryResultIsMarkedAndNothingRuns(t *testing.T) {
	s, err := mock.New().Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		language sandbox.Language
		code     string
		shown    string
	}{
		{"Python", sandbox.Python, "print('hi')\nprint('there')", "print('hi')"},
		{"JavaScript", sandbox.JavaScript, "console.log(1)", "console.log(1)"},
		{"code that never ends", sandbox.Python, "while True: pass", "while True: pass"},
		{"code that cannot be parsed", sandbox.Python, "def f(:", "def f(:"},
		{"code that begins with blank lines", sandbox.Python, "\n  \n  x = 1\n", "x = 1"},
		{"empty code", sandbox.Python, " \n", "(nothing)"},
		{"a long line", sandbox.Python, strings.Repeat("é", 200), strings.Repeat("é", 80) + "…"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cc, err := s.CreateContext(t.Context(), test.language)
			if err != nil {
				t.Fatal(err)
			}
			var emitted strings.Builder
			result, err := s.Run(t.Context(), cc.ID, sandbox.Run{
				Code: test.code, Timeout: time.Second, Emit: func(c sandbox.Chunk) { emitted.WriteString(c.Text) },
			})
			if err != nil || result.Failure != nil {
				t.Fatalf("Run = %+v, %v, want success", result, err)
			}
			want := "[MOCK] no " + string(test.language) + " code was executed; the context " + cc.ID + " was handed: " + test.shown + "\n"
			if result.Stdout != want || emitted.String() != want {
				t.Errorf("stdout is %q and %q was emitted, want %q", result.Stdout, emitted.String(), want)
			}
			if result.Value != nil || result.Displays != nil || result.Stderr != "" || result.Duration != 0 {
				t.Errorf("Run = %+v, want nothing beside the mark", result)
			}
		})
	}
}

func TestTheNoteSaysThatNoCodeRuns(t *testing.T) {
	if note := mock.New().Traits().Note; !strings.Contains(note, "no code runs") || !strings.Contains(note, mock.Mark) {
		t.Errorf("Note = %q, want it to say that no code runs and how results are marked", note)
	}
	if name := mock.New().Name(); name != "mock" {
		t.Errorf("Name = %q, want mock", name)
	}
}
