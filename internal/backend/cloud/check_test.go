package cloud_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
)

// account is that of an emulator.
func account(change func(*secrets.Credentials)) secrets.Credentials {
	c := secrets.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: secrets.NewValue(agentruntest.AccessKeySecret), AccountID: agentruntest.AccountID, Region: agentruntest.Region}
	if change != nil {
		change(&c)
	}
	return c
}

// checkAccount makes a backend of an account and checks it.
func checkAccount(t *testing.T, c secrets.Credentials, transport http.RoundTripper) error {
	t.Helper()
	config, err := cloud.ClientConfig(c, func(context.Context) (secrets.Credentials, error) { return c, nil })
	if err != nil {
		return err
	}
	config.Transport = transport
	client, err := agentrun.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return newBackend(t, cloud.Options{Client: client}).Check(t.Context())
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	rejected, unready, quota := sandbox.CodeCredentialsRejected, sandbox.CodeServerNotReady, sandbox.CodeQuotaExceeded
	for _, tc := range []struct {
		name    string
		account func(*secrets.Credentials)
		fault   agentruntest.Failure
		plane   string // of the fault
		code    sandbox.Code
		want    []string
	}{
		{name: "a wrong key id", account: func(c *secrets.Credentials) { c.AccessKeyID = "LTAIsomebodyElse" }, code: rejected, want: []string{"access key id does not exist or is disabled", "RAM console"}},
		{name: "a wrong secret", account: func(c *secrets.Credentials) { c.AccessKeySecret = secrets.NewValue("wrong-secret") }, code: rejected, want: []string{"access key secret is wrong"}},
		{name: "a wrong account id", account: func(c *secrets.Credentials) { c.AccountID = "1234567890123457" }, code: rejected, want: []string{"access key is right", "1234567890123457-ram.agentrun-data.cn-hangzhou.aliyuncs.com", "account id is not that of the key's account"}},
		{name: "a wrong region", account: func(c *secrets.Credentials) { c.Region = "cn-beijing" }, code: rejected, want: []string{"wrong for the region cn-beijing"}},
		{name: "a clock 20 minutes slow", fault: agentruntest.ClockOff(20 * time.Minute), code: rejected, want: []string{"clock is 20 minutes behind AgentRun's", "set it right"}},
		{name: "a clock 20 minutes fast for the data plane", fault: agentruntest.ClockOff(-20 * time.Minute), plane: "data", code: rejected, want: []string{"clock is 20 minutes ahead of AgentRun's"}},
		{name: "no service role", fault: agentruntest.NoServiceRole(), code: rejected, want: []string{"open the AgentRun console once"}},
		{name: "no permission", fault: agentruntest.Forbidden(), code: rejected, want: []string{"may not do agentrun:GetTemplate", "AliyunAgentRunFullAccess"}},
		{name: "a token that has expired", fault: agentruntest.TokenExpired(), code: rejected, want: []string{"temporary credentials have expired; get new ones"}},
		{name: "a token that is missing", account: func(c *secrets.Credentials) { c.SecurityToken = secrets.NewValue("token-of-nobody") }, code: rejected, want: []string{"security token does not belong to the access key"}},
		{name: "a quota that is used up", fault: agentruntest.Quota(), code: quota, want: []string{"instances are used up", "quota centre"}},
		{name: "too many requests", fault: agentruntest.Throttled(0), code: unready, want: []string{"too many requests"}},
		{name: "a gateway in trouble", fault: agentruntest.Unavailable(0), code: unready, want: []string{"in trouble (status 503", "try again in a minute"}},
		{name: "a broken connection", fault: agentruntest.Cut(), code: unready, want: []string{"broke; check the network"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				if tc.fault.String() != "" {
					w.Inject(agentruntest.Fault{Failure: tc.fault, Plane: tc.plane, Times: -1})
				}
				c := account(tc.account)
				err := checkAccount(t, c, w.Transport())
				if sandbox.CodeOf(err, "") != tc.code {
					t.Errorf("Check = %v with code %s, want %s", err, sandbox.CodeOf(err, ""), tc.code)
				}
				for _, want := range append(tc.want, "could not use the AgentRun account: ") {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("Check = %v, want %q", err, want)
					}
				}
				if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), c.AccessKeySecret.Reveal())) {
					t.Errorf("Check = %q, want one line without the secret", err)
				}
				if tc.code == rejected && !cloud.Permanent(err) {
					t.Errorf("Permanent(%v) = false", err)
				}
			})
		})
	}
}

// TestCheckOfAGoodAccount changes nothing, whichever way the service says that there is no such sandbox, and whether or not the
// template is there.
func TestCheckOfAGoodAccount(t *testing.T) {
	for _, shape := range agentruntest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{Shape: shape.Shape}, cloud.Options{})
				for range 2 {
					if err := checkAccount(t, account(nil), w.Transport()); err != nil {
						t.Errorf("Check = %v", err)
					}
					if w.Count("CreateTemplate") == 0 {
						shut(t, w.open(t))
					}
				}
				for _, request := range w.Requests() {
					if request.Operation == "Health" && request.Plane == "data" {
						return
					}
				}
				t.Error("the data plane was not asked")
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{SecurityToken: "token-of-this-hour"}, cloud.Options{})
		if err := checkAccount(t, account(func(c *secrets.Credentials) { c.SecurityToken = secrets.NewValue("token-of-this-hour") }), w.Transport()); err != nil {
			t.Errorf("Check with temporary credentials = %v", err)
		}
		if n := len(w.Requests()); n != 2 {
			t.Errorf("Check sent %d requests, want 2", n)
		}
	})
}

// TestCheckWithoutAWayToTheService has real sockets: what a person sees whose network is off, or watched.
func TestCheckWithoutAWayToTheService(t *testing.T) {
	watched := httptest.NewUnstartedServer(http.NotFoundHandler())
	watched.Config.ErrorLog = log.New(io.Discard, "", 0)
	watched.StartTLS()
	defer watched.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name      string
		endpoint  string
		transport http.RoundTripper
		want      string
	}{
		{"a certificate that nobody trusts", watched.URL, nil, "does not prove to be itself; a proxy or a program on this computer reads encrypted connections"},
		{"nobody there", "https://" + refusing, nil, "there is no connection to " + refusing + "; check the network"},
		{"no such name", "", lostNames(t), "there is no host agentrun.cn-hangzhou.aliyuncs.com: this computer has no network, or"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := checkAccount(t, account(func(c *secrets.Credentials) { c.ControlEndpoint, c.DataEndpoint = tc.endpoint, tc.endpoint }), tc.transport)
			if sandbox.CodeOf(err, "") != sandbox.CodeServerNotReady || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Check = %v, want %q", err, tc.want)
			}
		})
	}
}

// lostNames finds names by a server of ours that knows none.
func lostNames(t *testing.T) http.RoundTripper {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return // closed
			}
			b[2], b[3] = b[2]|0x80, 3 // an answer: no such name
			if _, err := server.WriteTo(b[:n], from); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	return &http.Transport{DialContext: (&net.Dialer{Resolver: resolver}).DialContext}
}

func TestAClientGoesOnWithTheLastKeyOfItsAccount(t *testing.T) {
	was := account(nil)
	now := was
	config, err := cloud.ClientConfig(was, func(context.Context) (secrets.Credentials, error) { return now, nil })
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(config.UserAgent, "agentrun-tray/") {
		t.Errorf("the client calls itself %q", config.UserAgent)
	}
	now.AccessKeyID, now.AccessKeySecret = "LTAI-new", secrets.NewValue("new-secret")
	if got, err := config.Credentials(t.Context()); err != nil || got.AccessKeyID != "LTAI-new" || got.AccessKeySecret != "new-secret" {
		t.Errorf("after the key was replaced, Credentials = %v, %v, want the new one", got, err)
	}
	for _, change := range []func(*secrets.Credentials){
		func(c *secrets.Credentials) { c.AccountID = "1111111111111111" },
		func(c *secrets.Credentials) { c.Region = "cn-beijing" },
		func(c *secrets.Credentials) { c.DataEndpoint = "https://example.com" },
		func(c *secrets.Credentials) { c.ControlEndpoint = "https://example.com" },
	} {
		now = account(change)
		now.AccessKeyID = "LTAI-of-somebody-else"
		if got, err := config.Credentials(t.Context()); err != nil || got.AccessKeyID != "LTAI-new" {
			t.Errorf("for another account, Credentials = %v, %v, want the last of its own", got, err)
		}
	}
	now = account(func(c *secrets.Credentials) { c.Region = "" }) // which means the usual one: another spelling
	now.AccessKeyID = "LTAI-newest"
	if got, err := config.Credentials(t.Context()); err != nil || got.AccessKeyID != "LTAI-newest" {
		t.Errorf("for the same account in another spelling, Credentials = %v, %v, want its key", got, err)
	}
	config, err = cloud.ClientConfig(was, func(context.Context) (secrets.Credentials, error) { return secrets.Credentials{}, secrets.ErrNone })
	if err != nil {
		t.Fatal(err)
	}
	if got, err := config.Credentials(t.Context()); err != nil || got.AccessKeyID != was.AccessKeyID {
		t.Errorf("after a logout, Credentials = %v, %v, want the last, to end what was made with it", got, err)
	}
	gone := errors.New("gone")
	config, err = cloud.ClientConfig(was, func(context.Context) (secrets.Credentials, error) { return secrets.Credentials{}, gone })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Credentials(t.Context()); !errors.Is(err, gone) {
		t.Errorf("Credentials = %v, want what the source says", err)
	}
	for _, bad := range []func(*secrets.Credentials){
		func(c *secrets.Credentials) { c.AccountID = "" },
		func(c *secrets.Credentials) { c.DataEndpoint = "https://example.com?x=1" },
	} {
		if _, err := cloud.ClientConfig(account(bad), nil); err == nil {
			t.Errorf("ClientConfig of %v succeeded", account(bad))
		}
	}
}
