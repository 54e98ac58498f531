package reason_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestWhatIsKnownBestComesFirst: an error that has several reasons in it is told by the one that helps most.
func TestWhatIsKnownBestComesFirst(t *testing.T) {
	refused := &agentrun.APIError{Kind: agentrun.KindNoPermission, Message: "no", Host: "h", AuthAction: "agentrun:CreateSandbox"}
	for _, tc := range []struct {
		name string
		err  error
		want reason.Reason
	}{
		{"nothing", nil, reason.Reason{}},
		{"nothing that is known", errors.New("x"), reason.Reason{}},
		{"the service below a code", &sandbox.Error{Code: sandbox.CodeCredentialsRejected, Message: "m", Err: refused}, reason.Reason{Code: "cloud-no_permission", Args: status.Args{Detail: "no", Host: "h", Action: "agentrun:CreateSandbox"}}},
		{"an attempt that was given up", &sandbox.Error{Code: sandbox.CodeCancelled, Message: "m", Err: &agentrun.APIError{Kind: agentrun.KindCanceled}}, reason.Reason{Code: "tool-CANCELLED", Args: status.Args{Detail: "m"}}},
		{"a full disk below a code", &sandbox.Error{Code: sandbox.CodeExecutionFailed, Message: "m", Err: syscall.ENOSPC}, reason.Reason{Code: reason.DiskFull}},
		{"the keychain below an attempt", fmt.Errorf("keep: %w", &secrets.KeychainError{State: secrets.Waiting}), reason.Reason{Code: "keychain-waiting"}},
		{"its own reason below a code", sandbox.Errorf(sandbox.CodeServerNotReady, "%w", reason.New(reason.Paused, status.Args{}, "paused")), reason.Reason{Code: reason.Paused}},
		{
			"an entry changed by hand, without what to type", fmt.Errorf("Cursor: /f: %w: it differs in args; to put ours in its place, use --force", editors.ErrHandEdited),
			reason.Reason{Code: reason.EditorEdited, Args: status.Args{Detail: "Cursor: /f: its entry was changed by hand: it differs in args"}},
		},
	} {
		if got := reason.Of(tc.err); got != tc.want {
			t.Errorf("the reason of %s is %+v, want %+v", tc.name, got, tc.want)
		}
	}
	if got := reason.Keychain(secrets.Available); got != (reason.Reason{}) {
		t.Errorf("a keychain that is open is a reason: %+v", got)
	}
}
