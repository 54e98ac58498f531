package cloud_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// TestCheckGivesUpOnlyWhatIsOver lets every request of it fail in every way, and the network, and the patience of its caller.
func TestCheckGivesUpOnlyWhatIsOver(t *testing.T) {
	for _, failure := range failures() {
		over := failure.String() == "sandbox gone" || failure.String() == "empty 404" // the service's word
		t.Run(failure.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				h := w.host(t, nil, cloud.Options{})
				s := h.open(t)
				w.Inject(agentruntest.Fault{Operation: "Health", Failure: failure, Times: -1})
				err := s.Check(t.Context())
				if lost := sandbox.IfLost(err); (lost != nil) != over {
					t.Errorf("IfLost(%v) = %v", err, lost)
				}
				w.ClearFaults()
				if err := s.Check(t.Context()); !over && err != nil {
					t.Errorf("afterwards Check = %v", err)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		s := h.open(t)
		h.line.isCut.Store(true)
		if err := s.Check(t.Context()); err == nil || sandbox.IfLost(err) != nil {
			t.Errorf("Check without a network = %v", err)
		}
		h.line.isCut.Store(false)
		w.Inject(agentruntest.Fault{Operation: "Health", Failure: agentruntest.Hang(time.Hour)})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.Check(ctx); !errors.Is(err, context.DeadlineExceeded) || sandbox.IfLost(err) != nil {
			t.Errorf("Check without an answer = %v", err)
		}
		w.EndSandbox(s.SandboxID())
		if err := s.Check(t.Context()); !errors.Is(sandbox.IfLost(err), sandbox.ErrSessionLost) {
			t.Errorf("Check of a sandbox that ended = %v", err)
		}
	})
}

// TestASandboxThatBrokeIsFoundOutBehindItsGateway which says of it what it says of a young one.
func TestASandboxThatBrokeIsFoundOutBehindItsGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		w.Inject(agentruntest.Fault{Operation: "Health", Failure: agentruntest.BadGateway(), Times: -1})
		told(t, "Check", s.Check(t.Context()), sandbox.CodeServerNotReady, "502")
		w.EndSandbox(s.SandboxID())
		told(t, "Check", s.Check(t.Context()), sandbox.CodeSessionLost, "has ended")
	})
}
