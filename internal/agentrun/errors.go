package agentrun

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Kind is what a failure means, as far as it can be told. Few of the service's codes are documented, so it goes by status, code
// and the words of the message, as the official clients do (recorded).
type Kind string

// The kinds: what to do about the credentials, the account or the clock.
const (
	KindNoCredentials     Kind = "no_credentials"     // there are none, or not of the needed sort; nothing was sent
	KindKeyRejected       Kind = "key_rejected"       // the access key does not exist or is disabled
	KindSignatureRejected Kind = "signature_rejected" // wrong secret, or region or account of somebody else
	KindClockSkew         Kind = "clock_skew"         // this computer's clock is off by more than 15 minutes; see Skew
	KindTokenExpired      Kind = "token_expired"      // temporary credentials are over
	KindTokenRejected     Kind = "token_rejected"     // the security token is not that of the key
	KindUnauthorized      Kind = "unauthorized"       // no or bad credentials, in no further words
	KindNoPermission      Kind = "no_permission"      // a policy forbids it; AuthAction says what would have to be granted
	KindNoServiceRole     Kind = "no_service_role"    // the account was never opened in the AgentRun console
	KindOtherAccount      Kind = "other_account"      // one plane takes the key, the other one does not: for callers who have asked both
	KindNonceUsed         Kind = "nonce_used"         // the same request came twice
)

// The kinds: what is not there, or in the way.
const (
	KindTemplateNotFound Kind = "template_not_found" // in this region, under this account
	KindSandboxGone      Kind = "sandbox_gone"       // ended, idle for too long, or never was
	KindContextNotFound  Kind = "context_not_found"  // the sandbox answers, the context is not in it
	KindFileNotFound     Kind = "file_not_found"
	KindProcessNotFound  Kind = "process_not_found"
	KindNotFound         Kind = "not_found" // something; where it could be sandbox or context, ask for the sandbox's health
	KindExists           Kind = "already_exists"
	KindConflict         Kind = "conflict" // wrong state
	KindInvalid          Kind = "invalid"  // a field the service does not take
	KindTooLarge         Kind = "too_large"
	KindStorageFull      Kind = "storage_full" // the sandbox's disk
)

// The kinds: what may pass.
const (
	KindThrottled      Kind = "throttled"       // too many requests; RetryAfter may say how long
	KindQuota          Kind = "quota"           // the account's instances are used up
	KindStarting       Kind = "starting"        // 502: normal for a sandbox that is young (reported)
	KindUnavailable    Kind = "unavailable"     // 503
	KindGatewayTimeout Kind = "gateway_timeout" // 504: it took longer than the gateway's 30 s and may still be going on (reported)
	KindServer         Kind = "server"          // any other 5xx
	KindNoSuchHost     Kind = "no_such_host"    // account id or region wrong, or no network
	KindUnreachable    Kind = "unreachable"     // no connection
	KindNotTrusted     Kind = "not_trusted"     // the host's certificate is not its own: somebody reads along
	KindTimeout        Kind = "timeout"         // no answer within the client's limit
	KindNetwork        Kind = "network"         // the connection broke
)

// The kinds: the rest.
const (
	KindFailed    Kind = "failed"     // success by its status, failure by its code, in words that say no more
	KindBadAnswer Kind = "bad_answer" // not to be understood
	KindCanceled  Kind = "canceled"   // the caller's context ended; Err matches it
)

// skewLimit is how far clocks may be apart: documented for the control plane, assumed for the data plane.
const skewLimit = 15 * time.Minute

// APIError is a call that failed. Its text holds neither secrets nor signatures, whatever the service answered.
type APIError struct {
	Plane      Plane
	Operation  string        // such as "CreateSandbox"
	Kind       Kind          // what it means
	Status     int           // of HTTP; 0 if no answer came
	Code       string        // as the service wrote it; may be empty
	Message    string        // as the service wrote it, or the client; never empty, at most about 300 characters
	RequestID  string        // what the service's support asks for; may be empty
	AuthAction string        // the action that a policy forbids, such as "agentrun:CreateSandbox"; may be empty
	Skew       time.Duration // how far this computer's clock is ahead of the service's, if it is the clock
	RetryAfter time.Duration // how long the service wants to be left alone; 0 if it did not say
	Host       string        // whom was asked
	// Uncertain says that the operation may have been carried out all the same: no answer came after it was sent, or one that
	// does not tell.
	Uncertain bool
	Err       error // the cause, if it was on this side
}

// Error says what was attempted and what came of it.
func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString(e.Operation + ": ")
	if e.Status != 0 {
		fmt.Fprintf(&b, "the %s plane answered %d", e.Plane, e.Status)
		if e.Code != "" {
			b.WriteString(" " + e.Code)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *APIError) Unwrap() error { return e.Err }

// Retryable reports whether the obstacle is one that passes by itself. Whether it is safe to do the operation again is another
// question: see Uncertain.
func (e *APIError) Retryable() bool {
	switch e.Kind {
	case KindThrottled, KindQuota, KindStarting, KindUnavailable, KindGatewayTimeout, KindServer, KindNoSuchHost, KindUnreachable, KindTimeout, KindNetwork, KindNonceUsed:
		return true
	default:
		return false
	}
}

// KindOf finds the kind of an error, or "" if it is not from this client.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*APIError](err); ok {
		return e.Kind
	}
	return ""
}

// failure makes the error of an attempt. resp is nil if there was no answer.
func (t *try) failure(resp *http.Response, kind Kind, message string, cause error) *APIError {
	e := &APIError{Plane: t.cl.plane, Operation: t.cl.op, Kind: kind, Message: cut(t.scrub(message)), Host: t.host, Err: scrubbed(cause, t.secrets)}
	if resp != nil {
		e.Status, e.RequestID = resp.StatusCode, requestID(resp.Header)
		e.Uncertain = t.uncertain(kind)
		e.RetryAfter = retryAfter(resp.Header, time.Now())
	}
	return e
}

// broken makes the error of an attempt that came to no answer, or not to the end of it.
func (t *try) broken(outer context.Context, err error) *APIError {
	err = withoutURL(err)
	kind, message := KindNetwork, "the connection to "+t.host+" broke: "+err.Error()
	op, _ := errors.AsType[*net.OpError](err)
	_, noHost := errors.AsType[*net.DNSError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case outer.Err() != nil:
		kind, message = KindCanceled, "given up: "+context.Cause(outer).Error()
		err = outer.Err()
	case errors.Is(err, errLimit), errors.Is(err, context.DeadlineExceeded):
		kind, message = KindTimeout, fmt.Sprintf("%s did not answer within %s", t.host, t.cl.timeLimit())
	case errors.Is(err, errIdle), errors.Is(err, context.Canceled):
		kind, message = KindTimeout, fmt.Sprintf("nothing came from or went to %s for %s", t.host, idleLimit)
	case errors.Is(err, errTooLong):
		kind, message = KindBadAnswer, err.Error()
	case errors.Is(err, errTooLarge):
		kind, message = KindTooLarge, err.Error()
	case noHost:
		kind, message = KindNoSuchHost, "there is no host "+t.host+": "+err.Error()
	case certificate, authority, errors.Is(err, http.ErrSchemeMismatch):
		kind, message = KindNotTrusted, t.host+" does not prove to be itself: "+err.Error()
	case op != nil && op.Op == "dial":
		kind, message = KindUnreachable, "no connection to "+t.host+": "+err.Error()
	}
	e := t.failure(nil, kind, message, err)
	e.Uncertain = t.sent.Load() && t.changes()
	return e
}

// changes reports whether the operation does more than look.
func (t *try) changes() bool { return t.cl.repeat == never || t.cl.repeat == repeating }

// uncertain reports whether an answer leaves open if the operation was carried out.
func (t *try) uncertain(kind Kind) bool {
	switch kind {
	case KindBadAnswer, KindServer, KindStarting, KindUnavailable, KindGatewayTimeout:
		return t.changes()
	default:
		return false
	}
}

// requestID looks where the service puts it.
func requestID(header http.Header) string {
	return cmp.Or(header.Get("x-acs-request-id"), header.Get("x-agentrun-request-id"), header.Get("x-request-id"), header.Get("x-fc-request-id"))
}

// refused makes the error of an answer that is one, by its status or by its code.
func (t *try) refused(resp *http.Response, said answer) *APIError {
	e := t.failure(resp, "", cmp.Or(said.message, http.StatusText(resp.StatusCode), "no reason given"), nil)
	e.Code, e.RequestID, e.AuthAction = cut(t.scrub(said.code)), cut(t.scrub(cmp.Or(said.requestID, e.RequestID))), cut(t.scrub(said.authAction))
	e.Kind = classify(t.cl.op, resp.StatusCode, said)
	e.Uncertain = t.uncertain(e.Kind)
	if e.Kind == KindSignatureRejected || e.Kind == KindClockSkew {
		// The data plane has one sentence for a wrong secret and a wrong clock. The answer's own date tells them apart.
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			if skew := t.began.Sub(at); skew.Abs() > skewLimit {
				e.Kind, e.Skew = KindClockSkew, skew
			}
		}
	}
	return e
}

// scrub takes out of a text what must not be shown: gateways repeat what was signed when they do not like it.
func (t *try) scrub(text string) string { return scrub(text, t.secrets) }

func scrub(text string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, redacted)
			text = strings.ReplaceAll(text, escape(secret), redacted)
		}
	}
	return text
}

// scrubbed keeps a cause for errors.Is and errors.As unless it shows a secret.
func scrubbed(cause error, secrets []string) error {
	if cause == nil {
		return nil
	}
	text := cause.Error()
	if clean := scrub(text, secrets); clean != text {
		return errors.New(clean)
	}
	return cause
}

// classify says what an answer means.
func classify(op string, status int, said answer) Kind {
	code, message := strings.ToLower(said.code), strings.ToLower(said.message)
	switch {
	case strings.HasPrefix(code, "invalidaccesskey"):
		return KindKeyRejected
	case strings.HasPrefix(code, "invalidtimestamp"), strings.HasPrefix(code, "illegaltimestamp"):
		return KindClockSkew
	case strings.HasPrefix(code, "signaturenonceused"):
		return KindNonceUsed
	case strings.HasPrefix(code, "signaturedoesnotmatch"), strings.Contains(message, "signature verification failed"):
		return KindSignatureRejected
	case strings.HasPrefix(code, "invalidsecuritytoken.expired"):
		return KindTokenExpired
	case strings.HasPrefix(code, "invalidsecuritytoken"):
		return KindTokenRejected
	case strings.HasPrefix(code, "entitynotexist.role"):
		return KindNoServiceRole
	case strings.HasPrefix(code, "nopermission"), strings.HasPrefix(code, "forbidden.ram"):
		return KindNoPermission
	case strings.Contains(message, "already exists"):
		return KindExists
	case status == http.StatusInsufficientStorage:
		return KindStorageFull // also when it speaks of a disk's quota
	case strings.Contains(code, "quota"), strings.Contains(code, "exhausted"), strings.Contains(message, "quota") && status != http.StatusNotFound:
		return KindQuota
	case strings.HasPrefix(code, "throttling"):
		return KindThrottled
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests, status >= 500:
		return byStatus(status)
	case status == http.StatusGone, status == http.StatusNotFound, isNotFound(message):
		return whatIsMissing(op, status, said.nested, message)
	}
	return byStatus(status)
}

func byStatus(status int) Kind {
	switch status {
	case http.StatusUnauthorized:
		return KindUnauthorized
	case http.StatusForbidden:
		return KindNoPermission
	case http.StatusConflict:
		return KindConflict
	case http.StatusRequestEntityTooLarge:
		return KindTooLarge
	case http.StatusTooManyRequests:
		return KindThrottled
	case http.StatusBadGateway:
		return KindStarting
	case http.StatusServiceUnavailable:
		return KindUnavailable
	case http.StatusGatewayTimeout:
		return KindGatewayTimeout
	}
	switch {
	case status >= 500:
		return KindServer
	case status >= 400:
		return KindInvalid
	case status >= 300:
		return KindBadAnswer
	default:
		return KindFailed
	}
}

func isNotFound(message string) bool {
	return strings.Contains(message, "not found") || strings.Contains(message, "does not exist") || strings.Contains(message, "no such file")
}

// whatIsMissing goes by the words of the message, and by the operation where these say nothing. An error that is nested was made
// inside the sandbox, which is therefore there.
func whatIsMissing(op string, status int, nested bool, message string) Kind {
	says := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(message, word) {
				return true
			}
		}
		return false
	}
	area := areaOf(op)
	// A name may hold any of the words, and a context is missing "in the sandbox": taking that for the sandbox itself would
	// throw away all that lives in it.
	sandbox := strings.HasPrefix(message, "sandbox") || strings.HasPrefix(message, "the sandbox") ||
		says("sandbox") && !says("context", "kernel", "process", "file", "directory")
	switch {
	case area == KindTemplateNotFound:
		return area
	case !nested && (status == http.StatusGone || sandbox):
		return KindSandboxGone
	case area == KindFileNotFound && (nested || says("file", "directory", "path")): // its name may hold any word
		return area
	case says("template"):
		return KindTemplateNotFound
	case says("context", "kernel"):
		return KindContextNotFound
	case says("process", "pid"):
		return KindProcessNotFound
	case says("file", "directory", "path"):
		return KindFileNotFound
	case nested, area == KindSandboxGone:
		return area
	default:
		return KindNotFound
	}
}

// areaOf says what an operation is about: what is missing if it is all that could be.
func areaOf(op string) Kind {
	switch op {
	case "CreateTemplate", "GetTemplate", "UpdateTemplate", "DeleteTemplate", "CreateSandbox":
		return KindTemplateNotFound
	case "GetSandbox", "StopSandbox", "DeleteSandbox", "PauseSandbox", "ResumeSandbox", "Health":
		return KindSandboxGone
	case "GetContext", "DeleteContext", "Execute":
		return KindContextNotFound
	case "ReadFile", "WriteFile", "ListFolder", "Stat", "MakeFolder", "Move", "Remove", "Upload", "Download":
		return KindFileNotFound
	case "GetProcess", "KillProcess":
		return KindProcessNotFound
	}
	return KindNotFound
}
