package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestAHostThatIsStoppedBeforeItIsReadyDoesNotGreet: whoever stops it has no use for an address.
func TestAHostThatIsStoppedBeforeItIsReadyDoesNotGreet(t *testing.T) {
	for phase, want := range map[status.Phase]bool{status.Ready: true, status.Stopping: false} {
		hub := &status.Hub{}
		hub.Publish(status.Snapshot{Phase: phase, Addresses: status.Addresses{Socket: "/run/host.sock"}})
		var said bytes.Buffer
		greet(t.Context(), hub, &said)
		if got := strings.Contains(said.String(), "is ready"); got != want {
			t.Errorf("a host that is %s says %q", phase, said.String())
		}
	}
}
