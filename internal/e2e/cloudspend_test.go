//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestADayThatHasCostItsCap makes no more sandboxes, says what can be done about that, and goes on when that was done.
func TestADayThatHasCostItsCap(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	h := a.newHome(t, `{"backend": "agentrun", "fallback": "off", "agentrun": {"daily_cap": 0.001}, "http": {"enabled": false}}`) // some seconds of three sandboxes
	c := h.connect(t, legacy)
	cc := c.create(t, "there", "python")
	c.do(t, "run_command", args{"context_id": cc, "command": "sleep 10000", "background": true}) // which costs most of it
	var s status.Snapshot
	if !eventually(patience, func() bool {
		c.run(t, cc, "one more") // while nothing happens, what was spent is looked at once a minute only
		var err error
		s, err = h.look()
		return err == nil && s.Pool.Suspended != ""
	}) {
		t.Fatalf("agentrunctl status shows %+v with %+v, want the pool suspended", s.Pool, s.Cost)
	}
	if s.Cost == nil || s.Cost.DailyCap != 0.001 || s.Cost.Today.Estimate < 0.001 || s.Cost.Today.Calls == 0 || s.Cost.Today.BusySeconds == 0 || s.Cost.Today.Estimate > 0.1 {
		t.Errorf("agentrunctl status shows what was spent as %+v", s.Cost)
	}
	if !eventually(patience, func() bool { return len(a.living(t)) == 1 }) {
		t.Errorf("in the account are %v, want only the sandbox that a context is on", a.living(t))
	}
	if r := c.run(t, cc, "still there"); !r.success() || r.text("stdout") != "still there\n" {
		t.Errorf("run_code in a context that was there = %v, want its own text", r)
	}
	r := c.call(t, "create_context", args{"name": "in vain", "language": "python"})
	if !r.isError || r.code() != "QUOTA_EXCEEDED" {
		t.Errorf("create_context past the cap = %v, want QUOTA_EXCEEDED", r)
	}
	for place, said := range map[string]string{"create_context": r.text("error"), "agentrunctl status": h.mustCtl(t, "status")} {
		for _, word := range []string{"daily cap", "until midnight", "raise agentrun.daily_cap", "agentrunctl stop", "agentrunctl backend local"} {
			if !strings.Contains(said, word) {
				t.Errorf("%s past the cap does not say %q; it says %s", place, word, said)
			}
		}
	}

	h.mustCtl(t, "backend", "local")
	if r := c.do(t, "create_context", args{"name": "here", "language": "python"}); r.text("backend") != "local" {
		t.Errorf("create_context on the local backend = %v", r)
	}

	h.configure(t, `{"backend": "agentrun", "fallback": "off", "agentrun": {"daily_cap": 100}, "http": {"enabled": false}}`)
	h.mustCtl(t, "stop")
	if r := c.do(t, "create_context", args{"name": "at last", "language": "python"}); r.text("backend") != "agentrun" {
		t.Errorf("create_context below a raised cap = %v, want it in the cloud", r)
	}
	if s := h.sees(t, "a full pool", poolIsFull); s.Cost == nil || s.Cost.Today.Estimate < 0.001 {
		t.Errorf("the next host shows what was spent as %+v, want what the one before has spent in it", s.Cost)
	}
}

// TestAnUnusedPoolIsEmptied when the last editor has left for the time set, and filled for the next one.
func TestAnUnusedPoolIsEmptied(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	h := a.newHome(t, `{"backend": "agentrun", "fallback": "off", "pool": {"idle_pause_minutes": 0.02}, "http": {"enabled": false}}`)
	h.serve(t)
	for range 2 {
		c := h.connect(t, legacy)
		id := c.create(t, "used", "python")
		if ids := h.sandboxesOf(t); len(ids) != 3 {
			t.Errorf("with an editor there are the sandboxes %v, want three", ids)
		}
		c.do(t, "stop_context", args{"context_id": id})
		c.close(t)
		h.sees(t, "the pause", func(s status.Snapshot) bool {
			return s.Phase == status.Paused && s.Pool.Suspended == "" && len(s.Problems) == 0 && len(s.Clients) == 0
		})
		if !eventually(patience, func() bool { return len(a.living(t)) == 0 }) {
			t.Errorf("without an editor there are %v, want none", a.living(t))
		}
	}
}
