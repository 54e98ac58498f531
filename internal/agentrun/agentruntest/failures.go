package agentruntest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// FailureKind tells people of a way to fail.
type FailureKind struct {
	// Usage is the name and the words that may or must follow it, such as "throttled [WAIT]".
	Usage string
	// About says what a request meets with.
	About string

	make func(details string) (Failure, error)
}

func (k FailureKind) name() string {
	name, _, _ := strings.Cut(k.Usage, " [")
	name, _, _ = strings.Cut(name, " <")
	return name
}

// FailureKinds lists all ways to fail.
func FailureKinds() []FailureKind {
	return []FailureKind{
		{"forbidden", "403: a policy does not allow the action", without(Forbidden)},
		{"no service role", "400: the account was never opened in the console", without(NoServiceRole)},
		{"token expired", "400 or 403: temporary credentials are over", without(TokenExpired)},
		{"throttled [WAIT]", "429: too many requests, with Retry-After if a time to wait such as 7s is given", maybe(Throttled)},
		{"quota", "429: the account's instances are used up", without(Quota)},
		{"internal", "500", without(Internal)},
		{"bad gateway", "502 with a page for people", without(BadGateway)},
		{"unavailable [WAIT]", "503, with Retry-After if a time to wait is given", maybe(Unavailable)},
		{"gateway timeout", "504 with a page for people", without(GatewayTimeout)},
		{"storage full", "507 from inside a sandbox", without(StorageFull)},
		{"sandbox gone", "the sandbox is over, in the words of the shape", without(SandboxGone)},
		{"failed with 200", "200 with a code that is not SUCCESS", without(Failed200)},
		{"empty <STATUS>", "a status without a body", numbered(func(status int, _ string) (Failure, error) { return Empty(status), nil })},
		{"status <STATUS> <CODE> <MESSAGE>", "any other answer", numbered(withMessage)},
		{"cut", "the connection breaks in place of an answer", without(Cut)},
		{"cut in body", "the connection breaks in the middle of the answer", without(CutInBody)},
		{"silent", "a command is carried out, and is said to have printed nothing", without(Silent)},
		{"slow <PAUSE>", "the answer stops for a while in its middle", always(Slow)},
		{"hang <PAUSE>", "after a while 504, as if nothing had been carried out", always(Hang)},
		{"clock off <TIME>", "the service's clock is off by so much, such as 20m or -20m", always(ClockOff)},
	}
}

// ParseFailure makes a failure of its name and what must be said besides: "quota", "throttled 7s", "clock off -20m".
func ParseFailure(text string) (Failure, error) {
	text = strings.Join(strings.Fields(text), " ")
	var found FailureKind
	var details string
	for _, kind := range FailureKinds() {
		rest, ok := strings.CutPrefix(text+" ", kind.name()+" ")
		if ok && len(kind.name()) > len(found.name()) {
			found, details = kind, strings.TrimSpace(rest)
		}
	}
	if found.make == nil {
		return Failure{}, fmt.Errorf("there is no failure %q", text)
	}
	f, err := found.make(details)
	if err != nil {
		return Failure{}, fmt.Errorf("the failure %q is not of the form %s: %w", text, found.Usage, err)
	}
	return f, nil
}

// MarshalText writes a failure so that ParseFailure reads it.
func (f Failure) MarshalText() ([]byte, error) {
	if f.name == "" {
		return nil, errors.New("this is no failure")
	}
	return []byte(strings.TrimSpace(f.name + " " + f.details)), nil
}

// UnmarshalText reads what MarshalText wrote.
func (f *Failure) UnmarshalText(text []byte) error {
	parsed, err := ParseFailure(string(text))
	if err == nil {
		*f = parsed
	}
	return err
}

// without makes failures that leave nothing open.
func without(make func() Failure) func(string) (Failure, error) {
	return func(details string) (Failure, error) {
		if details != "" {
			return Failure{}, fmt.Errorf("%q says nothing here", details)
		}
		return make(), nil
	}
}

// always makes failures that need a time.
func always(make func(time.Duration) Failure) func(string) (Failure, error) {
	return func(details string) (Failure, error) {
		d, err := time.ParseDuration(details)
		return make(d), err
	}
}

// maybe makes failures that may have a time.
func maybe(make func(time.Duration) Failure) func(string) (Failure, error) {
	return func(details string) (Failure, error) {
		if details == "" {
			return make(0), nil
		}
		return always(make)(details)
	}
}

// numbered makes failures that begin with a status.
func numbered(make func(status int, rest string) (Failure, error)) func(string) (Failure, error) {
	return func(details string) (Failure, error) {
		number, rest, _ := strings.Cut(details, " ")
		status, err := strconv.Atoi(number)
		if err != nil || status < http.StatusOK || status > 599 {
			return Failure{}, fmt.Errorf("%q is not a status between 200 and 599", number)
		}
		return make(status, rest)
	}
}

func withMessage(status int, rest string) (Failure, error) {
	code, message, ok := strings.Cut(rest, " ")
	if !ok {
		return Failure{}, errors.New("a code and a message must follow")
	}
	return Status(status, code, message), nil
}
