//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// TestWhatBecomesOfARunThatTheServiceFailsIsTold in its result, whatever is wrong, and the context goes on with what it had.
func TestWhatBecomesOfARunThatTheServiceFailsIsTold(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--shape", "as-documented")
	h := a.newHome(t, inCloud)
	c := h.connect(t, legacy)
	c.value(t, "", "x = 41")
	h.sees(t, "a full pool, so that no run but ours is the next", poolIsFull)
	for _, tc := range []struct {
		name    string
		failure agentruntest.Failure
		code    string
		words   []string
	}{
		{"a service that fails", agentruntest.Internal(), "EXECUTION_FAILED", []string{"AgentRun is in trouble", "500", "not sent again"}},
		{"too many requests, for nobody says how long", agentruntest.Throttled(0), "SERVER_NOT_READY", []string{"too many requests", "wants a pause; try again"}},
		{"a gateway that reaches nothing", agentruntest.BadGateway(), "EXECUTION_FAILED", []string{"502", "not sent again"}},
		{"a connection that breaks", agentruntest.Cut(), "EXECUTION_FAILED", []string{"broke", "not sent again", "Whether the code ran"}},
		{"a connection that breaks in the answer", agentruntest.CutInBody(), "EXECUTION_FAILED", []string{"broke", "not sent again", "Whether the code ran"}},
		{"a failure that calls itself success", agentruntest.Failed200(), "EXECUTION_FAILED", []string{"the operation failed"}},
		{"an answer without a body", agentruntest.Empty(200), "EXECUTION_FAILED", []string{"answer cannot be understood", "not sent again"}},
	} {
		a.inject(t, agentruntest.Fault{Failure: tc.failure, Operation: "Execute"})
		r := c.call(t, "run_code", args{"code": "x"})
		if r.success() || r.code() != tc.code {
			t.Errorf("run_code with %s = %v, want %s", tc.name, r, tc.code)
		}
		for _, word := range tc.words {
			if said := r.text("error") + r.text("error", "message"); !strings.Contains(said, word) {
				t.Errorf("run_code with %s says %q, want %q in it", tc.name, said, word)
			}
		}
		if again := c.run(t, "", "x + 1"); again.text("result", "text") != "42" || again.text("context_id") != c.run(t, "", "x").text("context_id") {
			t.Errorf("the next run after %s = %v, want 42", tc.name, again)
		}
	}

	a.inject(t, agentruntest.Fault{Failure: agentruntest.Slow(time.Second), Operation: "Execute"})
	if r := c.run(t, "", "x + 1"); r.text("result", "text") != "42" || r.took < time.Second {
		t.Errorf("run_code whose answer stops for a second in the middle = %v after %s, want 42 once it is whole", r, r.took)
	}
}
