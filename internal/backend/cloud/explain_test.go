package cloud

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// TestEveryKindOfFailureHasASentence that says what to do, and a code where the kind decides it.
func TestEveryKindOfFailureHasASentence(t *testing.T) {
	client, err := agentrun.New(agentrun.Config{AccountID: "1", Credentials: agentrun.Static(agentrun.Credentials{})})
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(Options{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	defer b.cancel()
	const fallback = sandbox.CodeStopFailed
	rejected, unready := sandbox.CodeCredentialsRejected, sandbox.CodeServerNotReady
	for _, test := range []struct {
		kind  agentrun.Kind
		code  sandbox.Code
		words string
	}{
		{agentrun.KindNoCredentials, rejected, "put them in with agentrunctl login, or set AGENTRUN_ACCESS_KEY_ID"},
		{agentrun.KindKeyRejected, rejected, "does not exist or is disabled"},
		{agentrun.KindSignatureRejected, rejected, "secret is wrong"},
		{agentrun.KindOtherAccount, rejected, "not that of the key's account"},
		{agentrun.KindClockSkew, rejected, "set it right"},
		{agentrun.KindTokenExpired, rejected, "get new ones"},
		{agentrun.KindTokenRejected, rejected, "get new temporary credentials"},
		{agentrun.KindUnauthorized, rejected, "check the access key"},
		{agentrun.KindNoPermission, rejected, "AliyunAgentRunFullAccess"},
		{agentrun.KindNoServiceRole, rejected, "console once"},
		{agentrun.KindNonceUsed, fallback, "refused: the service's words"},
		{agentrun.KindTemplateNotFound, unready, "no template agentrun-tray in the region cn-hangzhou"},
		{agentrun.KindSandboxGone, fallback, "has ended"},
		{agentrun.KindContextNotFound, fallback, "the service's words"},
		{agentrun.KindFileNotFound, sandbox.CodeFileNotFound, "no such file"},
		{agentrun.KindProcessNotFound, fallback, "the service's words"},
		{agentrun.KindNotFound, fallback, "the service's words"},
		{agentrun.KindExists, fallback, "the service's words"},
		{agentrun.KindConflict, fallback, "the service's words"},
		{agentrun.KindInvalid, fallback, "the service's words"},
		{agentrun.KindTooLarge, sandbox.CodeTooLarge, "larger than"},
		{agentrun.KindStorageFull, sandbox.CodeQuotaExceeded, "remove files"},
		{agentrun.KindThrottled, unready, "a pause of 7s; try again"},
		{agentrun.KindQuota, sandbox.CodeQuotaExceeded, "quota centre"},
		{agentrun.KindStarting, fallback, "try again in 7s"},
		{agentrun.KindUnavailable, fallback, "try again in 7s"},
		{agentrun.KindGatewayTimeout, fallback, "gave up waiting"},
		{agentrun.KindServer, fallback, "try again in 7s"},
		{agentrun.KindNoSuchHost, unready, "no host example.com"},
		{agentrun.KindUnreachable, unready, "check the network"},
		{agentrun.KindNotTrusted, unready, "reads encrypted connections"},
		{agentrun.KindTimeout, fallback, "slow"},
		{agentrun.KindNetwork, fallback, "connection to example.com broke"},
		{agentrun.KindFailed, fallback, "the service's words"},
		{agentrun.KindBadAnswer, fallback, "cannot be understood"},
	} {
		failed := &agentrun.APIError{Kind: test.kind, Message: "the service's words", Host: "example.com", RequestID: "REQ-1", RetryAfter: 7 * time.Second}
		got := b.explain("do a thing", fallback, failed)
		if sandbox.CodeOf(got, "") != test.code || !strings.HasPrefix(got.Error(), "could not do a thing: ") || !strings.Contains(got.Error(), test.words) ||
			!strings.HasSuffix(got.Error(), " (request REQ-1)") || !errors.Is(got, failed) {
			t.Errorf("explain(%s) = %q with code %s, want code %s and %q", test.kind, got, sandbox.CodeOf(got, ""), test.code, test.words)
		}
		if e, _ := errors.AsType[*sandbox.Error](got); e == nil || strings.Contains(e.Why, "try again") || !strings.HasSuffix(e.Why, " (request REQ-1)") ||
			!strings.HasPrefix(e.Message, strings.TrimSuffix(e.Why, " (request REQ-1)")) {
			t.Errorf("explain(%s) = %q, because of which %q, want the same without the advice to try again", test.kind, got, e.Why)
		}
		hopeless := []agentrun.Kind{agentrun.KindNotTrusted, agentrun.KindNoSuchHost, agentrun.KindUnreachable, agentrun.KindQuota}
		if want := test.code == rejected || slices.Contains(hopeless, test.kind); Permanent(got) != want {
			t.Errorf("Permanent(%v) = %t, want %t", got, !want, want)
		}
	}
	cause := errors.New("enough")
	if got := b.explain("do a thing", fallback, &agentrun.APIError{Kind: agentrun.KindCanceled, Err: cause}); !errors.Is(got, cause) || sandbox.CodeOf(got, "") != "" {
		t.Errorf("explain of what was given up = %v", got)
	}
}
