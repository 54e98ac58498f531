// Package agentrun is a client of AgentRun, Alibaba Cloud's service of sandboxes that run code (Code Interpreter).
//
// The service has two planes with a host and a signature each. The control plane keeps templates (recipes) and the list of
// sandboxes made from them; the data plane passes calls on into one sandbox: contexts (interpreters), runs, files, commands.
// A [Client] speaks both. A template must be READY before a sandbox can be made from it, and the sandbox healthy before code
// can run in it; waiting is the caller's.
//
// Facts about the wire come from four sources, and comments say which where it matters: "documented" is what the service's own
// pages say, "recorded" what its official clients were seen to send or to take, "reported" what others tell who use it, and
// "assumed" what nobody has shown. Nothing of it was held against the service itself. Where sources differ, decoding takes
// what any of them takes. Sizes are bytes and times on the wire whole seconds unless a comment says otherwise.
//
// Every failure is an *[APIError], whose Kind says what it means. Calls that only look, and those that come to the same when done
// twice, are repeated by the client when the service says "later"; a run, a command or a creation is sent once and never again.
//
// The package needs nothing but the standard library and keeps nothing on disk. Credentials are asked for with each request.
package agentrun

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Plane is one of the two halves of the service.
type Plane string

// The planes.
const (
	Control Plane = "control" // agentrun.{region}.aliyuncs.com (documented)
	Data    Plane = "data"    // {account}.agentrun-data.{region}.aliyuncs.com (documented)
)

// What a request may take, connecting included. That the service cuts a run or a command after 30 s is documented; how long its
// other answers take is stated nowhere, so these are assumed.
const (
	connectLimit = 10 * time.Second
	controlLimit = 30 * time.Second
	dataLimit    = 60 * time.Second
	runMargin    = 15 * time.Second // what an execution or command takes beyond the time its code may take
	idleLimit    = 60 * time.Second // of an upload or download, which have no limit for the whole: as long as nothing moves
)

// keepIdle is how long an unused connection is kept (assumed). A gateway may close it at any time, and a run that is just then sent on it
// is lost without an answer; so it is short.
const keepIdle = 30 * time.Second

// Config says whom to call and how. Credentials are required; AccountID is, unless DataEndpoint is given.
type Config struct {
	// Credentials is asked for the credentials of each request.
	Credentials CredentialsFunc
	// AccountID is the number of the main account, which the data plane has in its host name.
	AccountID string
	// Region is part of both host names and of the data plane's signature. Default: [DefaultRegion].
	Region string
	// ControlEndpoint and DataEndpoint replace the hosts made from account and region. See [ParseEndpoint].
	ControlEndpoint, DataEndpoint Endpoint
	// Lifecycle is the plane on which sandboxes are created, looked at, stopped and deleted: both have these calls. Default:
	// [Control], which is documented and authorised by action; the official Python client takes [Data] (recorded), which may
	// answer 403 unless the template allows it.
	Lifecycle Plane
	// UserAgent names the program. Default: "agentrun-go".
	UserAgent string
	// Transport replaces the client's own, which connects within 10 s and honours the system's proxy settings.
	Transport http.RoundTripper
	// Sent is called when a request has gone out, also one that is not answered, from any goroutine. It must not block.
	Sent func()
	// Logger gets a line per request at level debug, without bodies, headers or anything secret. Default: discarded.
	Logger *slog.Logger
}

// Client calls the service. Methods are safe for concurrent use.
type Client struct {
	credentials   CredentialsFunc
	account       string
	region        string
	control, data Endpoint
	lifecycle     Plane
	userAgent     string
	http          *http.Client
	own           *http.Transport // nil when the caller brought one
	onSent        func()
	log           *slog.Logger
}

// New checks the configuration. It calls nobody.
func New(config Config) (*Client, error) {
	c := &Client{
		credentials: config.Credentials, account: config.AccountID, region: cmp.Or(config.Region, DefaultRegion),
		control: config.ControlEndpoint, data: config.DataEndpoint,
		lifecycle: cmp.Or(config.Lifecycle, Control), userAgent: cmp.Or(config.UserAgent, "agentrun-go"), onSent: config.Sent, log: config.Logger,
	}
	if c.onSent == nil {
		c.onSent = func() {}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	var err error
	switch {
	case c.credentials == nil:
		err = errors.New("no credentials are configured")
	case c.lifecycle != Control && c.lifecycle != Data:
		err = fmt.Errorf("there is no plane %q", c.lifecycle)
	case !regionName.MatchString(c.region):
		err = fmt.Errorf("%q is not the name of a region; one is %s", c.region, DefaultRegion)
	}
	if err == nil && c.control == (Endpoint{}) {
		c.control, err = ControlEndpoint(c.region)
	}
	if err == nil && c.data == (Endpoint{}) {
		c.data, err = DataEndpoint(c.region, c.account)
	}
	if err != nil {
		return nil, fmt.Errorf("make an AgentRun client: %w", err)
	}
	transport := config.Transport
	if transport == nil {
		c.own = newTransport()
		transport = c.own
	}
	c.http = &http.Client{
		Transport: transport,
		// Another host must not get what was signed for this one.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectLimit, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   connectLimit,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   32, // one or two for each sandbox of a full pool
		IdleConnTimeout:       keepIdle,
		ExpectContinueTimeout: time.Second,
	}
}

// Close closes the connections that are idle. The client can still be used.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// Endpoints tells where requests go, for people who look for a wrong setting. With an API key they go to the data host as
// configured; with a signature the account's own host has "-ram" after its first label.
func (c *Client) Endpoints() (control, data Endpoint) { return c.control, c.data.signed() }

// Region is the region requests are signed for.
func (c *Client) Region() string { return c.region }

// Account says whose templates and sandboxes a client sees: two clients with the same Account see the same ones, whatever their
// credentials. The endpoints are empty where they are those of region and account.
type Account struct {
	ID, Region                    string
	ControlEndpoint, DataEndpoint string
}

// Account is what the client's requests are about.
func (c *Client) Account() Account {
	account := Account{ID: c.account, Region: c.region}
	if own, err := ControlEndpoint(c.region); err != nil || own != c.control {
		account.ControlEndpoint = c.control.String()
	}
	if own, err := DataEndpoint(c.region, c.account); err != nil || own.signed() != c.data.signed() {
		account.DataEndpoint = c.data.String()
	}
	return account
}

// call describes one operation.
type call struct {
	op     string // its name; on the control plane it is also sent
	plane  Plane
	method string
	path   string // escaped, without the version that control paths begin with
	query  url.Values
	body   any // sent as JSON; nil: no body
	repeat repetition
	limit  time.Duration // for one attempt; zero: what the plane has
	header http.Header   // sent besides

	raw *rawBody // sent instead of body
}

func (cl call) timeLimit() time.Duration {
	switch {
	case cl.limit != 0:
		return cl.limit
	case cl.plane == Control:
		return controlLimit
	default:
		return dataLimit
	}
}

// errLimit and errIdle are the causes with which the client itself ends a request.
var (
	errLimit = errors.New("the time for the answer is up")
	errIdle  = errors.New("nothing was transferred for too long")
)

// do carries out a call, repeating it where that is allowed, and decodes the answer into what into points to; nil if the answer
// is of no interest.
func (c *Client) do(ctx context.Context, cl call, into any) error {
	return c.repeatedly(ctx, cl, func() *APIError { return c.once(ctx, cl, into) })
}

// once is one attempt.
func (c *Client) once(ctx context.Context, cl call, into any) *APIError {
	attempt, cancel := context.WithTimeoutCause(ctx, cl.timeLimit(), errLimit)
	defer cancel()
	resp, t, failed := c.send(attempt, ctx, cl)
	if failed != nil {
		return failed
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body)
	if err != nil {
		return t.broken(ctx, err)
	}
	return t.take(resp, body, into)
}

// take judges an answer and decodes it into what into points to; nil if it is of no interest.
func (t *try) take(resp *http.Response, body []byte, into any) *APIError {
	payload, failed := t.open(resp, body)
	if failed != nil || into == nil {
		return failed
	}
	if len(payload) == 0 || isNull(payload) {
		return t.failure(resp, KindBadAnswer, "the answer is empty", nil)
	}
	if !json.Valid(payload) { // a page of something in between, or the bare words "sandbox not found"
		e := t.refused(resp, readError(body))
		if e.Kind == KindFailed {
			e.Kind, e.Uncertain = KindBadAnswer, t.uncertain(KindBadAnswer)
		}
		return e
	}
	if err := decode(payload, into); err != nil {
		return t.failure(resp, KindBadAnswer, "the answer is not what was asked for: "+err.Error(), err)
	}
	return nil
}

// try is what is known of one attempt, until its answer is read.
type try struct {
	c       *Client
	cl      call
	host    string
	secrets []string
	sent    atomic.Bool // at least the head of the request has left
	began   time.Time
}

// path makes an escaped path of segments.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + escape(s))
	}
	return b.String()
}
