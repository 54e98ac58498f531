package sandbox_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestCleanFolderKeepsPathsInside(t *testing.T) {
	for given, want := range map[string]string{
		"": ".", ".": ".", "./": ".", "a": "a", "a/": "a", "./a//b/./c": "a/b/c", "a/../b": "b", "..a/b..": "..a/b..", "数据/é.txt": "数据/é.txt",
	} {
		if got, err := sandbox.CleanFolder(given); err != nil || got != want {
			t.Errorf("CleanFolder(%q) = %q, %v, want %q", given, got, err, want)
		}
	}
}

func TestPathsThatLeadOutsideAreInvalidParams(t *testing.T) {
	for _, given := range []string{"..", "../", "../a", "a/../..", "a/../../b", "/", "/etc/passwd", "//host/share", `C:\x`, "c:x", `a\b`, `..\a`, "a\x00b", "a\xffb"} {
		if got, err := sandbox.CleanFolder(given); got != "" || sandbox.CodeOf(err, "") != sandbox.CodeInvalidParams {
			t.Errorf("CleanFolder(%q) = %q, %v, want %s", given, got, err, sandbox.CodeInvalidParams)
		}
		if got, err := sandbox.CleanFile(given); got != "" || sandbox.CodeOf(err, "") != sandbox.CodeInvalidParams {
			t.Errorf("CleanFile(%q) = %q, %v, want %s", given, got, err, sandbox.CodeInvalidParams)
		}
	}
}

func TestCleanFileWantsAFile(t *testing.T) {
	if got, err := sandbox.CleanFile("./a//b"); err != nil || got != "a/b" {
		t.Errorf(`CleanFile("./a//b") = %q, %v, want "a/b"`, got, err)
	}
	for _, given := range []string{"", ".", "./", "a/..", "a/", "a/b/"} {
		if _, err := sandbox.CleanFile(given); sandbox.CodeOf(err, "") != sandbox.CodeInvalidParams {
			t.Errorf("CleanFile(%q) = %v, want %s", given, err, sandbox.CodeInvalidParams)
		}
	}
}

func TestCheckRunHoldsTheLimits(t *testing.T) {
	traits := sandbox.Traits{MaxCodeSize: 10, MaxRunTime: time.Minute}
	tests := []struct {
		name string
		run  sandbox.Run
		want sandbox.Code
	}{
		{"code of the greatest length", sandbox.Run{Code: strings.Repeat("x", 10)}, ""},
		{"code one byte longer", sandbox.Run{Code: strings.Repeat("x", 11)}, sandbox.CodeTooLarge},
		{"the longest timeout", sandbox.Run{Timeout: time.Minute}, ""},
		{"a longer timeout", sandbox.Run{Timeout: time.Minute + 1}, sandbox.CodeInvalidParams},
		{"a negative timeout", sandbox.Run{Timeout: -1}, sandbox.CodeInvalidParams},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := sandbox.CodeOf(traits.CheckRun(test.run), ""); got != test.want {
				t.Errorf("CheckRun gave code %q, want %q", got, test.want)
			}
		})
	}
	if got := traits.RunTime(sandbox.Run{}); got != time.Minute {
		t.Errorf("RunTime without a timeout = %s, want the limit of a minute", got)
	}
	if got := traits.RunTime(sandbox.Run{Timeout: time.Second}); got != time.Second {
		t.Errorf("RunTime = %s, want the second that was asked for", got)
	}
}

func TestErrorfKeepsTheCause(t *testing.T) {
	cause := errors.New("connection reset")
	err := sandbox.Errorf(sandbox.CodeSessionLost, "the sandbox is gone: %w", cause)
	if !errors.Is(err, cause) || !errors.Is(err, sandbox.ErrSessionLost) || errors.Is(err, sandbox.ErrContextNotFound) {
		t.Errorf("Errorf(...) = %#v, want one that is its cause and ErrSessionLost and nothing else", err)
	}
}
