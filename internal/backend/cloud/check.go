package cloud

import (
	"context"
	"errors"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
)

const attemptCheck = "use the AgentRun account"

// checkLimit is how long CheckAccount takes at the most, repetitions included.
const checkLimit = 90 * time.Second

// CheckAccount is [Backend.Check] for credentials that nobody uses yet.
func CheckAccount(ctx context.Context, c secrets.Credentials) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	config, err := ClientConfig(c, func(context.Context) (secrets.Credentials, error) { return c, nil })
	if err != nil {
		return err
	}
	client, err := agentrun.New(config)
	if err != nil {
		return err
	}
	defer client.Close()
	b, err := New(Options{Client: client})
	if err != nil {
		return err
	}
	return errors.Join(b.Check(ctx), b.Close(ctx))
}

// Check asks the service whether the account can be used, in two calls that change nothing and cost nothing: for the template on
// the control plane, and for a sandbox that does not exist on the data plane, whose hosts, signatures and clocks are different. Not
// to find them is success. The error is a sentence that says what is wrong and what to do.
func (b *Backend) Check(ctx context.Context) error {
	if _, err := b.client.GetTemplate(ctx, b.options.Template); err != nil && agentrun.KindOf(err) != agentrun.KindTemplateNotFound {
		return b.explain(attemptCheck, sandbox.CodeServerNotReady, err)
	}
	_, err := b.client.Health(ctx, "tray-check-"+newToken())
	failed, _ := errors.AsType[*agentrun.APIError](err)
	switch {
	case err == nil, failed != nil && failed.Kind == agentrun.KindSandboxGone:
		return nil
	case failed != nil && blamesAccount(failed.Kind):
		// The other plane took the same key and the same clock a moment ago.
		other := *failed
		other.Kind, other.Err = agentrun.KindOtherAccount, failed
		return b.explain(attemptCheck, sandbox.CodeCredentialsRejected, &other)
	default:
		return b.explain(attemptCheck, sandbox.CodeServerNotReady, err)
	}
}

// blamesAccount reports whether a failure that only the data plane has is about the account, which it alone has in its host name.
func blamesAccount(kind agentrun.Kind) bool {
	switch kind {
	case agentrun.KindSignatureRejected, agentrun.KindUnauthorized, agentrun.KindKeyRejected, agentrun.KindNoSuchHost:
		return true
	default:
		return false
	}
}
