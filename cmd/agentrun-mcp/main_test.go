package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mainVariable makes this test binary be the program.
const mainVariable = "AGENTRUN_MCP_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program runs agentrun-mcp in a home of its own, where no host is and none can be started.
func program(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), mainVariable+"=1", "AGENTRUN_TRAY_HOME="+filepath.Join(t.TempDir(), "home"))
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Fatal(err)
		}
		code = e.ExitCode()
	}
	return out.String(), errs.String(), code
}

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		arg, stdout, stderr string
		code                int
	}{
		{"--help", "takes no arguments", "", 0},
		{"-h", "agentrun-mcp", "", 0},
		{"--version", "agentrun-mcp ", "", 0},
		{"--port=1", "", `unknown argument "--port=1"`, 2},
		{"serve", "", `unknown argument "serve"`, 2},
	} {
		stdout, stderr, code := program(t, "", tt.arg)
		if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", tt.arg, code, stdout, stderr)
		}
		if tt.code == 2 && (stdout != "" || strings.Count(stderr, "\n") != 1) {
			t.Errorf("%s: stdout %q, stderr %q; want one sentence on stderr alone", tt.arg, stdout, stderr)
		}
		if tt.code == 0 && stderr != "" {
			t.Errorf("%s: stderr %q, want nothing", tt.arg, stderr)
		}
	}
}

func TestAnEmptyConversation(t *testing.T) {
	start := time.Now()
	stdout, stderr, code := program(t, "")
	if code != 0 || stdout != "" || stderr != "" {
		t.Errorf("exit %d, stdout %q, stderr %q; want silence", code, stdout, stderr)
	}
	t.Logf("took %v", time.Since(start))
}

func TestNothingButMessagesOnStdout(t *testing.T) {
	stdout, stderr, code := program(t, "garbage\n"+`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`+"\n")
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if code != 0 || len(lines) != 2 || !strings.Contains(lines[0], "-32700") ||
		!strings.Contains(lines[1], `"id":1,"error":{"code":-32000`) || !strings.Contains(lines[1], "neither agentrun-tray nor agentrunctl") {
		t.Errorf("exit %d, stdout %q", code, stdout)
	}
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "agentrun-mcp: ") {
		t.Errorf("stderr %q, want one line", stderr)
	}
}
