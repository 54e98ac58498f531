//go:build !darwin && !windows

package bridge

import (
	"context"
	"os"
	"testing"
)

func TestPollingForOldKernels(t *testing.T) {
	if !pollParent(t.Context(), os.Getpid()) {
		t.Error("pollParent of somebody who is not our parent = false, want true")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if pollParent(ctx, os.Getppid()) {
		t.Error("pollParent of our parent with an ended context = true, want false")
	}
}
