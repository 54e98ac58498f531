package main

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// cli runs the command line in a home of its own.
func cli(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), err
}

func TestMisuseIsToldInOneSentence(t *testing.T) {
	t.Setenv("AGENTRUN_TRAY_HOME", t.TempDir())
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "say what to do"},
		{"an unknown command", []string{"dance"}, `no command "dance"`},
		{"a word too many", []string{"status", "now"}, `"now" is one word too many`},
		{"an unknown flag", []string{"serve", "--fast"}, "-fast"},
		{"an unknown backend", []string{"serve", "--backend", "moon"}, "auto, agentrun, local, mock"},
		{"an unknown log level", []string{"serve", "--log-level", "loud"}, "debug, info, warn or error"},
		{"an address for everybody", []string{"serve", "--listen", "0.0.0.0:7411"}, "own; use 127.0.0.1:7411"},
		{"a name as the address", []string{"serve", "--listen", "example.com:80"}, "own; use"},
		{"an address without a port", []string{"serve", "--listen", "127.0.0.1"}, "HOST:PORT"},
		{"a negative time", []string{"serve", "--idle-exit", "-1m"}, "negative"},
		{"revoking nobody", []string{"token", "--revoke"}, "needs the client's name"},
		{"interrupting nothing", []string{"interrupt"}, "say which context or run"},
		{"an unknown shape", []string{"emulator", "--shape", "round"}, "as-seen, as-documented"},
		{"a delay that ends before it begins", []string{"emulator", "--sandbox-delay", "20s-5s"}, "the shorter first"},
		{"a delay without a unit", []string{"emulator", "--sandbox-delay", "5"}, "such as 8s"},
		{"a negative delay", []string{"emulator", "--template-delay", "-5s"}, "negative"},
		{"a quota of nothing", []string{"emulator", "--quota", "0"}, "nothing can be rehearsed"},
		{"an unknown thing to do to an emulator", []string{"emulator", "tickle"}, "emulator --help"},
		{"failing nothing", []string{"emulator", "fail"}, "want: agentrunctl emulator fail FAILURE"},
		{"no emulator to steer", []string{"emulator", "list", "--at", ""}, "say which emulator"},
		{"steering the service itself", []string{"emulator", "list", "--at", "https://agentrun.cn-hangzhou.aliyuncs.com"}, "not the address of an emulator"},
		{"an unknown failure", []string{"emulator", "fail", "flood", "--at", "http://127.0.0.1:1"}, `no failure "flood"`},
		{"an unknown operation", []string{"emulator", "fail", "cut", "--operation", "Dance", "--at", "http://127.0.0.1:1"}, "CreateSandbox"},
		{"turning the clock back", []string{"emulator", "advance", "--at", "http://127.0.0.1:1", "--", "-1h"}, "such as 90m"},
		{"a backend there is not", []string{"backend", "moon"}, "choose one of auto, agentrun, local, mock"},
		{"nothing to do with the pool", []string{"pool"}, "pause, resume"},
		{"a pool action there is not", []string{"pool", "drain"}, "no pool drain"},
		{"warming nothing", []string{"pool", "warm"}, "say how many"},
		{"pausing something", []string{"pool", "pause", "now"}, "one word too many"},
		{"a secret on the command line", []string{"login", "fake-secret-of-nobody"}, `"fake…" is one word too many: nothing secret belongs on a command line`},
		{"a check that stores", []string{"login", "--check", "--replace"}, "goes with nothing else"},
		{"two places", []string{"login", "--import", "--from-env"}, "choose one"},
		{"scrubbing what was typed", []string{"login", "--scrub"}, "go with --import"},
		{"endpoints for a file", []string{"login", "--import", "--data-endpoint", "https://example.com"}, "have their own"},
		{"logging out somebody", []string{"logout", "me"}, "one word too many"},
		{"interrupting two", []string{"interrupt", "a", "b"}, "one word too many"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, printed, err := cli(t, tc.args...)
			if _, ok := errors.AsType[*usageError](err); !ok || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("agentrunctl %v = %v, want a usage error with %q", tc.args, err, tc.want)
			}
			if printed != "" && tc.args != nil {
				t.Errorf("agentrunctl %v says beside its sentence %q", tc.args, printed)
			}
		})
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	out, _, err := cli(t, "help")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands(nil) {
		if !strings.Contains(out, "agentrunctl "+c.usage) {
			t.Errorf("help does not show %q:\n%s", c.usage, out)
		}
		_, told, err := cli(t, c.name, "--help")
		if want := "agentrunctl " + c.usage + ": " + c.about + "\n"; !errors.Is(err, flag.ErrHelp) || !strings.HasPrefix(told, want) {
			t.Errorf("agentrunctl %s --help = %v, and %q, want help that begins with %q", c.name, err, told, want)
		}
	}
}

func TestStatusWithoutAHostSaysWhatToDo(t *testing.T) {
	t.Setenv("AGENTRUN_TRAY_HOME", t.TempDir())
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"status", "--goroutines"}, {"interrupt", "ctx-1"}} {
		if out, _, err := cli(t, args...); err == nil || !strings.Contains(err.Error(), "agentrunctl serve") || out != "" {
			t.Errorf("agentrunctl %v without a host = %q, %v", args, out, err)
		}
	}
}

func TestTokensAreMadeListedAndRevoked(t *testing.T) {
	t.Setenv("AGENTRUN_TRAY_HOME", t.TempDir())
	first, _, err := cli(t, "token", "vscode")
	if err != nil || !strings.HasPrefix(first, "art_") {
		t.Fatalf("token vscode = %q, %v", first, err)
	}
	if again, _, err := cli(t, "token", "vscode"); err != nil || again != first {
		t.Errorf("asked again: %q, %v; want the same token", again, err)
	}
	if list, _, err := cli(t, "token"); err != nil || !strings.Contains(list, "vscode") || !strings.Contains(list, "never") || strings.Contains(list, strings.TrimSpace(first)) {
		t.Errorf("the list is %q (%v); want the name without the token", list, err)
	}
	if out, _, err := cli(t, "token", "vscode", "--revoke"); err != nil || out != "vscode can no longer connect.\n" {
		t.Fatalf("revoke = %q, %v", out, err)
	}
	if fresh, _, err := cli(t, "token", "vscode"); err != nil || fresh == first {
		t.Errorf("after revoking, token = %q, %v; want a new one", fresh, err)
	}
}

func TestStatusIsReadable(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	left := now.Add(42 * time.Minute)
	snap := status.Snapshot{
		Version: "1.2.3", PID: 77, StartedAt: now.Add(-3 * time.Hour), Phase: status.Working,
		Backend: status.Backend{
			Name: "agentrun", Setting: "auto", Fallback: "local", Region: "cn-hangzhou", Account: "1234567890123456", Template: "agentrun-tray", Credentials: "keychain",
			ControlEndpoint: "https://control.example", DataEndpoint: "https://data.example",
		},
		Cost:      &status.Cost{Currency: "CNY", Today: status.Spending{Estimate: 1.234}, Month: status.Spending{Estimate: 20}, DailyCap: 5},
		Addresses: status.Addresses{HTTP: "http://127.0.0.1:7411/mcp", Socket: "/run/user/1/agentrun-tray/host.sock"},
		Pool:      status.Pool{Warm: 3, Max: 20, Ready: 2, Starting: 1, Paused: true, Suspended: "the day has cost enough"},
		Sessions:  []status.Session{{ID: 1, Backend: "agentrun", SandboxID: "tray-1", State: "leased", CreatedAt: now.Add(-90 * time.Second), ExpiresAt: &left, Contexts: 1}, {ID: 2, Backend: "local", SandboxID: "local-2", State: "ready", CreatedAt: now}},
		Contexts:  []status.Context{{ID: "ctx-1", Name: "数据", Language: "python", Backend: "agentrun", Status: "running", RunID: "run-7", LastUsed: now.Add(-5 * time.Second), Runs: 9, Client: "editor 1"}},
		Clients: []status.Client{
			{Name: "editor", Version: "1", Via: "relay", Since: now.Add(-time.Minute), LastSeen: now, Calls: 12, Errors: 1, InFlight: 2},
			{Name: "bot", Via: "http", Token: "ci", Since: now, LastSeen: now, AllowedTools: []string{"list_contexts", "run_code"}},
		},
		Tokens: []status.Token{
			{Client: "ci", CreatedAt: now.Add(-time.Hour), Connected: true, LastSeen: now, Calls: 3, AllowedTools: []string{"list_contexts", "run_code"}},
			{Client: "zed", CreatedAt: now.Add(-time.Hour), AllowedTools: []string{}},
		},
		Problems: []status.Problem{{Code: "x", What: "Port 7411 is used.", Todo: "Choose another."}},
	}
	var b bytes.Buffer
	if err := printSnapshot(&b, snap, now); err != nil {
		t.Fatal(err)
	}
	made := now.Add(-time.Hour).Local().Format("2006-01-02 15:04")
	want := `AgentRun Tray 1.2.3, process 77, up 3h00m: working
backend   agentrun (setting: auto)
          template agentrun-tray, account 1234567890123456, region cn-hangzhou, credentials from the keychain
          https://control.example, https://data.example
          falls back on local for new contexts
pool      2/3 ready, 1 starting (at most 20)
          paused: the day has cost enough
cost      about 1.23 CNY today of at most 5.00, 20.00 this month (an estimate)
socket    /run/user/1/agentrun-tray/host.sock
http      http://127.0.0.1:7411/mcp

SESSION  BACKEND   SANDBOX  STATE   AGE    LEFT       CONTEXTS
1        agentrun  tray-1   leased  1m30s  42m00s     1
2        local     local-2  ready   0s     unlimited  0

CONTEXT  NAME  LANGUAGE  BACKEND   STATE          RUNS  USED    CLIENT
ctx-1    数据    python    agentrun  running run-7  9     5s ago  editor 1

CLIENT    VIA             CONNECTED  SEEN    CALLS  ERRORS  OPEN  TOOLS
editor 1  relay           1m00s      0s ago  12     1       2     all
bot       http, token ci  0s         0s ago  0      0       0     list_contexts run_code

TOKEN  MADE              CONNECTED  SEEN    CALLS  ERRORS  TOOLS
ci     ` + made + `  yes        0s ago  3      0       list_contexts run_code
zed    ` + made + `  no         never   0      0       none

! Port 7411 is used.
  Choose another.
`
	if got := b.String(); got != want {
		t.Errorf("status prints\n%s\nwant\n%s", got, want)
	}
}
