package cloud

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Permanent reports whether an error of Open will not mend while somebody waits for it: something has to be done about the
// credentials, the account and its quota, the computer's clock, the template, the network, or what reads encrypted connections.
func Permanent(err error) bool {
	switch agentrun.KindOf(err) {
	case agentrun.KindNotTrusted, agentrun.KindNoSuchHost, agentrun.KindUnreachable, agentrun.KindQuota:
		return true
	default:
		return sandbox.CodeOf(err, "") == sandbox.CodeCredentialsRejected || errors.Is(err, errUnusable)
	}
}

// explain words a failed call for the person who will read it. Where the service says nothing better the code is fallback. An
// attempt that was given up keeps its cause.
func (b *Backend) explain(attempt string, fallback sandbox.Code, err error) error {
	failed, ok := errors.AsType[*agentrun.APIError](err)
	if !ok || failed.Kind == agentrun.KindCanceled {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	code, why, again := b.meaning(failed)
	why = "could not " + attempt + ": " + why
	message := why + again
	if failed.RequestID != "" {
		request := " (request " + failed.RequestID + ")"
		message, why = message+request, why+request
	}
	return &sandbox.Error{Code: cmp.Or(code, fallback), Message: message, Why: why, Err: err}
}

// meaning turns what a failure is into what to do about it, and into the advice to try again that ends the sentence where nobody does
// that by itself. The code is empty where it depends on what was attempted.
func (b *Backend) meaning(e *agentrun.APIError) (code sandbox.Code, why, again string) {
	if why := b.rejected(e); why != "" {
		return sandbox.CodeCredentialsRejected, why, ""
	}
	switch e.Kind {
	case agentrun.KindThrottled:
		return sandbox.CodeServerNotReady, "AgentRun gets too many requests from this account and wants a pause" + waitFor(e.RetryAfter), "; try again then"
	case agentrun.KindStarting, agentrun.KindUnavailable, agentrun.KindServer:
		again := "a minute"
		if e.RetryAfter > 0 {
			again = e.RetryAfter.Round(time.Second).String()
		}
		return "", fmt.Sprintf("AgentRun is in trouble (status %d: %s)", e.Status, e.Message), "; try again in " + again
	case agentrun.KindNetwork:
		return "", "the connection to " + cmp.Or(e.Host, "AgentRun") + " broke; check the network", " and try again"
	default:
		code, why := b.lasting(e)
		return code, why, ""
	}
}

// lasting is meaning for what to try again is no help against, or nobody knows whether it is.
func (b *Backend) lasting(e *agentrun.APIError) (code sandbox.Code, why string) {
	switch e.Kind {
	case agentrun.KindTemplateNotFound:
		return sandbox.CodeServerNotReady, fmt.Sprintf("there is no template %s in the region %s under this account", b.options.Template, b.client.Region())
	case agentrun.KindSandboxGone:
		return "", "the sandbox has ended"
	case agentrun.KindFileNotFound:
		return sandbox.CodeFileNotFound, "there is no such file"
	case agentrun.KindTooLarge:
		return sandbox.CodeTooLarge, "it is larger than AgentRun takes in one piece: " + e.Message
	case agentrun.KindStorageFull:
		return sandbox.CodeQuotaExceeded, "the sandbox's disk is full; let code remove files that are not needed"
	case agentrun.KindQuota:
		return sandbox.CodeQuotaExceeded, "the account's AgentRun instances are used up (" + e.Message + "); end sandboxes that are not needed, or have the quota raised in Alibaba Cloud's quota centre"
	case agentrun.KindGatewayTimeout:
		return "", "AgentRun's gateway gave up waiting (status 504)"
	case agentrun.KindTimeout:
		return "", e.Message + "; the network or AgentRun is slow"
	case agentrun.KindNoSuchHost:
		return sandbox.CodeServerNotReady, fmt.Sprintf("there is no host %s: this computer has no network, or the account id or the region %s is wrong", e.Host, b.client.Region())
	case agentrun.KindUnreachable:
		return sandbox.CodeServerNotReady, "there is no connection to " + e.Host + "; check the network, the proxy settings and the endpoint"
	case agentrun.KindNotTrusted:
		return sandbox.CodeServerNotReady, e.Host + " does not prove to be itself; a proxy or a program on this computer reads encrypted connections, and nothing is sent through it"
	case agentrun.KindBadAnswer:
		return "", "AgentRun's answer cannot be understood: " + e.Message
	default:
		return "", "AgentRun refused: " + e.Message
	}
}

// rejected words what is wrong with the credentials, the account or the clock; "" if nothing is.
func (b *Backend) rejected(e *agentrun.APIError) string {
	switch e.Kind {
	case agentrun.KindNoCredentials:
		return "there are no AgentRun credentials to use (" + e.Message + "); put them in with agentrunctl login, or set AGENTRUN_ACCESS_KEY_ID, AGENTRUN_ACCESS_KEY_SECRET and AGENTRUN_ACCOUNT_ID"
	case agentrun.KindKeyRejected:
		return "the access key id does not exist or is disabled; look at it in the RAM console and put in one that is valid"
	case agentrun.KindSignatureRejected:
		return fmt.Sprintf("the access key secret is wrong, or the account id or the region %s belongs to another account", b.client.Region())
	case agentrun.KindClockSkew:
		if e.Skew == 0 {
			return "this computer's clock is off by more than 15 minutes, which AgentRun refuses; set it right"
		}
		direction := "ahead of"
		if e.Skew < 0 {
			direction = "behind"
		}
		return fmt.Sprintf("this computer's clock is %s %s AgentRun's, and more than 15 minutes are refused; set it right", phrase.Duration(e.Skew.Abs().Round(time.Minute)), direction)
	case agentrun.KindOtherAccount:
		return "the access key is right, but " + e.Host + " does not take it: the account id is not that of the key's account, or wrong for the region " + b.client.Region()
	case agentrun.KindTokenExpired:
		return "the temporary credentials have expired; get new ones"
	case agentrun.KindTokenRejected:
		return "the security token does not belong to the access key; get new temporary credentials"
	case agentrun.KindUnauthorized:
		return "AgentRun does not accept the credentials (" + e.Message + "); check the access key, its secret and the account id"
	case agentrun.KindNoPermission:
		if e.AuthAction != "" {
			return "the RAM user of the access key may not do " + e.AuthAction + "; grant it that action, or the policy AliyunAgentRunFullAccess"
		}
		return "the RAM user of the access key may not do this (" + e.Message + "); grant it the policy AliyunAgentRunFullAccess"
	case agentrun.KindNoServiceRole:
		return "AgentRun lacks its service role in this account; open the AgentRun console once and let it create the role (and AliyunServiceRoleForFC)"
	default:
		return ""
	}
}

func waitFor(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " of " + d.Round(time.Second).String()
}
