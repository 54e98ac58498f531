package app

import (
	"context"
	"errors"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
)

// vacant stands for the agentrun backend while it cannot be had for want of an account: it makes no sandbox and says why.
type vacant struct{ why *sandbox.Error }

func newVacant(cause error) *backend {
	_, isKeychain := errors.AsType[*secrets.KeychainError](cause)
	why := sandbox.Errorf(sandbox.CodeCredentialsRejected, "the agentrun backend cannot be used: %w; put the credentials right with agentrunctl login, or choose where code runs with agentrunctl backend local", cause)
	switch {
	case errors.Is(cause, secrets.ErrNone):
		why = sandbox.Errorf(sandbox.CodeCredentialsRejected, "%w, or choose where code runs with agentrunctl backend local", cause)
	case isKeychain:
		why = sandbox.Errorf(sandbox.CodeCredentialsRejected, "%w; or choose where code runs with agentrunctl backend local", cause)
	}
	return &backend{Backend: vacant{why}, identity: cloud.Name + ": " + why.Message, permanent: cloud.Permanent, fleeting: true}
}

// Name implements [sandbox.Backend].
func (vacant) Name() string { return cloud.Name }

// Traits implements [sandbox.Backend].
func (vacant) Traits() sandbox.Traits { return cloud.DefaultTraits() }

// Open implements [sandbox.Backend].
func (v vacant) Open(context.Context) (sandbox.Session, error) { return nil, v.why }
