package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestARefusedTimeoutSaysWhatToDo(t *testing.T) {
	plain := sandbox.Traits{MaxRunTime: 10 * time.Minute}
	shelled := sandbox.Traits{MaxRunTime: 30 * time.Second, Shell: true}
	tests := []struct {
		name   string
		traits sandbox.Traits
		asked  time.Duration
		words  []string // none: it is not refused
	}{
		{"the longest", plain, 10 * time.Minute, nil},
		{"none", plain, 0, []string{"more than 0", "600 s"}},
		{"too long without a shell", plain, 10*time.Minute + 1, []string{"at most 600 s", "Nothing was run", "split"}},
		{"too long with a shell", shelled, time.Minute, []string{"at most 30 s", "Nothing was run", "upload_file", `run_command {"command": "python job.py", "background": true}`, "get_process", "variables of the context are not visible"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.traits.CheckTimeout(test.asked)
			if test.words == nil {
				if err != nil {
					t.Errorf("CheckTimeout(%s) = %v", test.asked, err)
				}
				return
			}
			if sandbox.CodeOf(err, "") != sandbox.CodeInvalidParams {
				t.Fatalf("CheckTimeout(%s) = %v, want %s", test.asked, err, sandbox.CodeInvalidParams)
			}
			for _, word := range test.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("CheckTimeout(%s) = %q, want %q in it", test.asked, err, word)
				}
			}
			if test.traits.Shell && strings.Contains(err.Error(), "split") {
				t.Errorf("CheckTimeout(%s) = %q", test.asked, err)
			}
		})
	}
}

func TestCheckCommandHoldsTheLimits(t *testing.T) {
	traits := sandbox.Traits{Shell: true, MaxCommandTime: 25 * time.Second}
	tests := []struct {
		name       string
		command    sandbox.Command
		background bool
		want       sandbox.Code
	}{
		{"a command", sandbox.Command{Line: "ls", Folder: "a/b"}, false, ""},
		{"the longest command", sandbox.Command{Line: strings.Repeat("x", sandbox.MaxCommandSize)}, false, ""},
		{"one byte more", sandbox.Command{Line: strings.Repeat("x", sandbox.MaxCommandSize+1)}, true, sandbox.CodeTooLarge},
		{"nothing", sandbox.Command{Line: "\t\n"}, false, sandbox.CodeInvalidParams},
		{"a NUL", sandbox.Command{Line: "a\x00b"}, false, sandbox.CodeInvalidParams},
		{"no UTF-8", sandbox.Command{Line: "\xff"}, false, sandbox.CodeInvalidParams},
		{"a folder outside", sandbox.Command{Line: "ls", Folder: ".."}, false, sandbox.CodeInvalidParams},
		{"the longest time", sandbox.Command{Line: "ls", Timeout: 25 * time.Second}, false, ""},
		{"more time", sandbox.Command{Line: "ls", Timeout: 26 * time.Second}, false, sandbox.CodeInvalidParams},
		{"more time in the background", sandbox.Command{Line: "ls", Timeout: 26 * time.Hour}, true, ""},
		{"less than no time", sandbox.Command{Line: "ls", Timeout: -1}, true, sandbox.CodeInvalidParams},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := sandbox.CodeOf(traits.CheckCommand(test.command, test.background), ""); got != test.want {
				t.Errorf("CheckCommand gave code %q, want %q", got, test.want)
			}
		})
	}
	if a, b := traits.CommandTime(sandbox.Command{}), traits.CommandTime(sandbox.Command{Timeout: time.Second}); a != 25*time.Second || b != time.Second {
		t.Errorf("CommandTime = %s and %s", a, b)
	}
}
