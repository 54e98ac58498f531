package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// endsInTime fails the test if a host takes longer to end than the 10 s that it may. What it would wait for lasts a minute.
func (h *host) endsInTime(t *testing.T) error {
	t.Helper()
	const limit = 10 * time.Second
	began := time.Now()
	err := h.stop()
	if took := time.Since(began); took > limit {
		t.Errorf("the host took %v to end, want at most %v", took, limit)
	}
	return err
}

func TestAHostEndsInTimeWhileCodeRunsThatDoesNotReact(t *testing.T) {
	t.Parallel()
	opt := onThisComputer(t)
	h := start(t, opt)
	h.loads(t)
	for _, code := range []string{"print('alive')\nwhile True:\n  try:\n    while True: pass\n  except BaseException: pass", "import time\nprint('alive')\nwhile True: time.sleep(0.01)"} {
		id, err := h.RunCode(t.Context(), "", "python", code)
		if err != nil {
			t.Fatal(err)
		}
		h.WatchContext(id)
		h.see(t, "what the code prints, while it runs", func(d app.Desk) bool {
			n := d.Notebook
			return n != nil && n.ContextID == id && len(n.Cells) == 1 && n.Cells[0].State == notebook.CellRunning && n.Cells[0].Result.Stdout == "alive\n"
		})
	}
	if err := h.endsInTime(t); err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestAHostEndsInTimeWhenTheServiceHangs(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		name := "ending its sandboxes"
		if keep {
			name = "keeping them"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, opt := cloud(t)
			opt.Config.Pool.KeepOnQuit, opt.Config.Pool.Warm, opt.Config.Pool.Ceiling = keep, 2, 4
			h := start(t, opt)
			h.wait(t, "the pool", ready)
			id, err := h.NewContext(t.Context(), "python")
			if err != nil {
				t.Fatal(err)
			}
			service.Inject(agentruntest.Fault{Failure: agentruntest.Hang(time.Minute), Times: -1})
			if _, err := h.RunCode(t.Context(), id, "", "never answered"); err != nil {
				t.Fatal(err)
			}
			h.wait(t, "the run", func(s status.Snapshot) bool {
				return slices.ContainsFunc(s.Contexts, func(c status.Context) bool { return c.ID == id && c.RunID != "" })
			})
			if err := h.SetWarm(t.Context(), 4); err != nil { // two more are being made, and hang
				t.Fatal(err)
			}
			h.wait(t, "more sandboxes being made", func(s status.Snapshot) bool { return s.Pool.Starting == 2 })
			if err := h.endsInTime(t); err == nil || !strings.Contains(err.Error(), "sandbox") {
				t.Errorf("Run = %v, want that sandboxes could not be ended", err)
			}
			service.ClearFaults()
		})
	}
}

func TestSandboxesAreKeptOnQuitAlsoWhileCodeRuns(t *testing.T) {
	t.Parallel()
	service, opt := cloud(t)
	opt.Config.Pool.KeepOnQuit, opt.Config.Pool.Warm = true, 2
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	id, err := h.NewContext(t.Context(), "python")
	if err != nil {
		t.Fatal(err)
	}
	service.Inject(agentruntest.Fault{Failure: agentruntest.Slow(time.Minute), Operation: "Execute"})
	if _, err := h.RunCode(t.Context(), id, "", "slow"); err != nil {
		t.Fatal(err)
	}
	h.wait(t, "the run", func(s status.Snapshot) bool { return s.Phase == status.Working })
	if err := h.endsInTime(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	kept := alive(t, service, 2)
	service.ClearFaults()
	s := start(t, opt).wait(t, "the pool", ready)
	for _, x := range s.Sessions {
		if !slices.Contains(kept, x.SandboxID) {
			t.Errorf("the next host has the sandbox %s, want one of %q", x.SandboxID, kept)
		}
	}
}
