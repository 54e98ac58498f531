package agentruntest_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

func TestFailuresAreKnownByName(t *testing.T) {
	all := map[string]agentruntest.Failure{
		"forbidden": agentruntest.Forbidden(), "no service role": agentruntest.NoServiceRole(), "token expired": agentruntest.TokenExpired(),
		"throttled": agentruntest.Throttled(0), "throttled 7s": agentruntest.Throttled(7 * time.Second), "quota": agentruntest.Quota(),
		"internal": agentruntest.Internal(), "bad gateway": agentruntest.BadGateway(), "unavailable": agentruntest.Unavailable(0),
		"unavailable 1m0s": agentruntest.Unavailable(time.Minute), "gateway timeout": agentruntest.GatewayTimeout(), "storage full": agentruntest.StorageFull(),
		"sandbox gone": agentruntest.SandboxGone(), "failed with 200": agentruntest.Failed200(), "empty 503": agentruntest.Empty(503),
		"status 409 ERR_CONFLICT in the wrong state": agentruntest.Status(409, "ERR_CONFLICT", "in the wrong state"),
		"cut": agentruntest.Cut(), "cut in body": agentruntest.CutInBody(), "slow 2s": agentruntest.Slow(2 * time.Second),
		"hang 1h0m0s": agentruntest.Hang(time.Hour), "clock off -20m0s": agentruntest.ClockOff(-20 * time.Minute),
	}
	for spelled, failure := range all {
		text, err := failure.MarshalText()
		if err != nil || string(text) != spelled {
			t.Errorf("%s is written %q, %v, want %q", failure, text, err, spelled)
		}
		again, err := agentruntest.ParseFailure(spelled)
		if err != nil || again.String() != failure.String() {
			t.Errorf("ParseFailure(%q) = %s, %v, want %s", spelled, again, err, failure)
		}
		if text, err := again.MarshalText(); err != nil || string(text) != spelled {
			t.Errorf("read and written again %q is %q, %v", spelled, text, err)
		}
	}
	seen := map[string]bool{}
	for _, kind := range agentruntest.FailureKinds() {
		if name, _, _ := strings.Cut(strings.ReplaceAll(kind.Usage, "<", "["), " ["); seen[name] || kind.About == "" {
			t.Errorf("the failure %q is listed twice, or nothing is said of it", name)
		} else {
			seen[name] = true
		}
	}
	if made := constructors(t); made != len(agentruntest.FailureKinds()) {
		t.Errorf("%d functions make a failure and %d have a name", made, len(agentruntest.FailureKinds()))
	}
}

// constructors counts the functions that give a Failure and nothing else.
func constructors(t *testing.T) int {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !f.Name.IsExported() || f.Type.Results == nil || len(f.Type.Results.List) != 1 {
			continue
		}
		if result, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && result.Name == "Failure" {
			n++
		}
	}
	return n
}

func TestWhatIsNoFailureIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"": "no failure", "flood": "no failure", "cutting": "no failure",
		"cut twice": "says nothing", "throttled soon": "throttled [WAIT]", "slow": "slow <PAUSE>", "clock off": "clock off <TIME>",
		"empty": "status", "empty 99": "status", "empty many": "status", "status 409": "a code and a message", "status 409 ERR": "a code and a message",
	} {
		if f, err := agentruntest.ParseFailure(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseFailure(%q) = %s, %v, want an error with %q", text, f, err, want)
		}
	}
	if text, err := json.Marshal(agentruntest.Fault{}); err == nil {
		t.Errorf("a fault without a failure is written as %s", text)
	}
}
