package agentrun

import (
	"context"
	"fmt"
	"log/slog"
)

// Credentials prove who is calling. Fill either the key with its secret (and the token, if they are temporary), or the API key.
// They print as a mark, whichever way they are printed; the fields hold the real thing.
type Credentials struct {
	// AccessKeyID names the key; it is not secret.
	AccessKeyID string
	// AccessKeySecret signs requests and is never sent.
	AccessKeySecret string
	// SecurityToken belongs to temporary credentials (STS) and is sent and signed on both planes.
	SecurityToken string
	// APIKey is the secret of a credential that a template is bound to. It opens the sandboxes of such templates on the data plane,
	// without a signature, and nothing on the control plane.
	APIKey string
}

// CredentialsFunc gives the credentials for one request. It is asked anew for every request and for every repetition, so that
// credentials can be replaced at any time; the client keeps none. It may be called by several goroutines at once.
type CredentialsFunc func(ctx context.Context) (Credentials, error)

// Static gives the same credentials for every request.
func Static(creds Credentials) CredentialsFunc {
	return func(context.Context) (Credentials, error) { return creds, nil }
}

const redacted = "[redacted]"

// String hides everything but the key's name.
func (c Credentials) String() string {
	if c.AccessKeyID == "" {
		return redacted
	}
	return c.AccessKeyID + " " + redacted
}

// GoString hides what %#v would show.
func (c Credentials) GoString() string { return "agentrun.Credentials(" + c.String() + ")" }

// Format hides what any verb would show.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue hides what a log would show.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON hides what JSON would show.
func (c Credentials) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

func (c Credentials) signs() bool { return c.AccessKeyID != "" && c.AccessKeySecret != "" }

// secrets lists what must never appear in an error.
func (c Credentials) secrets() []string {
	return []string{c.AccessKeySecret, c.SecurityToken, c.APIKey}
}
