package sandbox_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestOnlyALostSandboxIsGivenUp(t *testing.T) {
	lost := fmt.Errorf("check: %w", sandbox.ErrSessionLost)
	if got := sandbox.IfLost(lost); got != lost { //nolint:errorlint // the same error is wanted
		t.Errorf("IfLost(%v) = %v", lost, got)
	}
	for _, err := range []error{nil, errors.New("no network"), sandbox.ErrContextNotFound, sandbox.Errorf(sandbox.CodeServerNotReady, "later")} {
		if got := sandbox.IfLost(err); got != nil {
			t.Errorf("IfLost(%v) = %v, want nil", err, got)
		}
	}
}
