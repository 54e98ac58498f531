//go:build e2e

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// TestAKilledHostLeavesNoSandboxBehind, whatever it was about: what the next host does not take over, it ends.
func TestAKilledHostLeavesNoSandboxBehind(t *testing.T) {
	t.Parallel()
	for _, moment := range []struct {
		name  string
		args  []string
		reach func(t *testing.T, a *account, h *home)
	}{
		{"while sandboxes are made", []string{"--sandbox-delay", "2s"}, func(t *testing.T, a *account, _ *home) {
			a.awaits(t, "CreateSandbox", 3)
		}},
		{"before it knows that they are made", nil, func(t *testing.T, a *account, _ *home) {
			a.inject(t, agentruntest.Fault{Failure: agentruntest.Hang(time.Minute), Operation: "CreateSandbox", Times: -1, After: true})
			a.awaits(t, "CreateSandbox", 3)
			if !eventually(patience, func() bool { return len(a.living(t)) == 3 }) {
				t.Errorf("%v live, want three of which nobody knows", a.living(t))
			}
		}},
		{"while code runs", nil, func(t *testing.T, a *account, h *home) {
			c := h.connect(t, legacy)
			id := c.create(t, "busy", "python")
			a.inject(t, agentruntest.Fault{Failure: agentruntest.Hang(time.Minute), Operation: "Execute", Times: -1})
			c.begin(t, "run_code", args{"context_id": id, "code": "1"}, "")
			c.awaitRunning(t, id)
		}},
		{"while nothing happens", nil, func(t *testing.T, _ *account, h *home) { h.sandboxesOf(t) }},
	} {
		t.Run(moment.name, func(t *testing.T) {
			t.Parallel()
			a := openAccount(t, append([]string{"--echo"}, moment.args...)...)
			h := a.newHome(t, inCloud)
			s := h.serve(t)
			moment.reach(t, a, h)
			if err := s.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-s.done
			a.heal(t)
			if left := a.living(t); len(left) == 0 {
				t.Error("the killed host has left nothing behind, so that nothing is shown by this test")
			}
			next := h.serve(t)
			if !eventually(patience, func() bool {
				return slices.Equal(h.sandboxesOf(t), slices.Sorted(slices.Values(a.living(t))))
			}) {
				t.Errorf("the next host has the sandboxes %v and in the account are %v, want the same", h.sandboxesOf(t), a.living(t))
			}
			h.mustCtl(t, "stop")
			next.ended(t, patience, "agentrunctl stop")
		})
	}
}
