package agentrun

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// operations is every call of the client, with how often it may be sent when the service is busy.
var operations = map[string]struct {
	call     func(ctx context.Context, c *Client) error
	attempts int
}{
	"CreateTemplate": {func(ctx context.Context, c *Client) error {
		_, err := c.CreateTemplate(ctx, TemplateSpec{Name: "t"})
		return err
	}, 1},
	"GetTemplate": {func(ctx context.Context, c *Client) error { _, err := c.GetTemplate(ctx, "t"); return err }, 4},
	"UpdateTemplate": {func(ctx context.Context, c *Client) error {
		_, err := c.UpdateTemplate(ctx, "t", "", TemplateSpec{})
		return err
	}, 1},
	"DeleteTemplate": {func(ctx context.Context, c *Client) error { _, err := c.DeleteTemplate(ctx, "t"); return err }, 4},
	"ListTemplates": {func(ctx context.Context, c *Client) error {
		_, err := c.ListTemplates(ctx, TemplateQuery{})
		return err
	}, 4},
	"CreateSandbox": {func(ctx context.Context, c *Client) error {
		_, err := c.CreateSandbox(ctx, SandboxSpec{Template: "t"})
		return err
	}, 1},
	"GetSandbox":    {func(ctx context.Context, c *Client) error { _, err := c.GetSandbox(ctx, "s"); return err }, 4},
	"StopSandbox":   {func(ctx context.Context, c *Client) error { _, err := c.StopSandbox(ctx, "s"); return err }, 4},
	"DeleteSandbox": {func(ctx context.Context, c *Client) error { _, err := c.DeleteSandbox(ctx, "s"); return err }, 4},
	"PauseSandbox":  {func(ctx context.Context, c *Client) error { _, err := c.PauseSandbox(ctx, "s"); return err }, 1},
	"ResumeSandbox": {func(ctx context.Context, c *Client) error { _, err := c.ResumeSandbox(ctx, "s"); return err }, 1},
	"ListSandboxes": {func(ctx context.Context, c *Client) error { _, err := c.ListSandboxes(ctx, SandboxQuery{}); return err }, 4},
	"Health":        {func(ctx context.Context, c *Client) error { _, err := c.Health(ctx, "s"); return err }, 4},
	"CreateContext": {func(ctx context.Context, c *Client) error {
		_, err := c.CreateContext(ctx, "s", Python, "")
		return err
	}, 1},
	"GetContext":    {func(ctx context.Context, c *Client) error { _, err := c.GetContext(ctx, "s", "c"); return err }, 4},
	"ListContexts":  {func(ctx context.Context, c *Client) error { _, err := c.ListContexts(ctx, "s"); return err }, 4},
	"DeleteContext": {func(ctx context.Context, c *Client) error { return c.DeleteContext(ctx, "s", "c") }, 4},
	"Execute": {func(ctx context.Context, c *Client) error {
		_, err := c.Execute(ctx, "s", Execution{Code: "1"})
		return err
	}, 1},
	"ReadFile":   {func(ctx context.Context, c *Client) error { _, err := c.ReadFile(ctx, "s", "f"); return err }, 4},
	"WriteFile":  {func(ctx context.Context, c *Client) error { _, err := c.WriteFile(ctx, "s", "f", ""); return err }, 1},
	"ListFolder": {func(ctx context.Context, c *Client) error { _, err := c.ListFolder(ctx, "s", "", 1); return err }, 4},
	"Stat":       {func(ctx context.Context, c *Client) error { _, err := c.Stat(ctx, "s", "f"); return err }, 4},
	"MakeFolder": {func(ctx context.Context, c *Client) error { _, err := c.MakeFolder(ctx, "s", "f"); return err }, 4},
	"Move":       {func(ctx context.Context, c *Client) error { _, err := c.Move(ctx, "s", "f", "g"); return err }, 4},
	"Remove":     {func(ctx context.Context, c *Client) error { _, err := c.Remove(ctx, "s", "f"); return err }, 4},
	"Upload": {func(ctx context.Context, c *Client) error {
		_, err := c.Upload(ctx, "s", UploadSpec{Path: "f", Content: strings.NewReader("x"), Size: 1})
		return err
	}, 1},
	"Download": {func(ctx context.Context, c *Client) error {
		file, err := c.Download(ctx, "s", "f")
		if err == nil {
			err = file.Close()
		}
		return err
	}, 4},
	"RunCommand": {func(ctx context.Context, c *Client) error {
		_, err := c.RunCommand(ctx, "s", CommandSpec{Command: "ls"})
		return err
	}, 1},
	"ListProcesses": {func(ctx context.Context, c *Client) error { _, err := c.ListProcesses(ctx, "s"); return err }, 4},
	"GetProcess":    {func(ctx context.Context, c *Client) error { _, err := c.GetProcess(ctx, "s", "1"); return err }, 4},
	"KillProcess":   {func(ctx context.Context, c *Client) error { _, err := c.KillProcess(ctx, "s", "1"); return err }, 1},
}

// failures are ways in which an attempt can fail.
var failures = []struct {
	name     string
	answer   func() (*http.Response, error)
	repeated bool // when the operation may be repeated at all
	kind     Kind // "": another for each operation
}{
	{"429", func() (*http.Response, error) {
		return reply(429, `{"Code":"Throttling.User","Message":"slow down"}`), nil
	}, true, KindThrottled},
	{"500", func() (*http.Response, error) { return reply(500, ``), nil }, true, KindServer},
	{"502", func() (*http.Response, error) { return reply(502, `<html><h1>502 Bad Gateway</h1></html>`), nil }, true, KindStarting},
	{"503", func() (*http.Response, error) { return reply(503, `{"code":"ERR","message":"unavailable"}`), nil }, true, KindUnavailable},
	{"504", func() (*http.Response, error) { return reply(504, ``), nil }, false, KindGatewayTimeout},
	{"507", func() (*http.Response, error) {
		return reply(507, `{"error":{"code":"INSUFFICIENT_STORAGE","message":"full"}}`), nil
	}, false, KindStorageFull},
	{"400", func() (*http.Response, error) {
		return reply(400, `{"error":{"code":"INVALID_REQUEST","message":"no"}}`), nil
	}, false, KindInvalid},
	{"401", func() (*http.Response, error) { return reply(401, ``), nil }, false, KindUnauthorized},
	{"403", func() (*http.Response, error) { return reply(403, `{"code":"ERR_FORBIDDEN","message":"no"}`), nil }, false, KindNoPermission},
	{"500 that exists", func() (*http.Response, error) { return reply(500, `{"message":"it already exists"}`), nil }, false, KindExists},
	{"refused connection", func() (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}, true, KindUnreachable},
	{"broken connection", func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, true, KindNetwork},
	{"broken answer", func() (*http.Response, error) {
		resp := reply(200, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"a":`), broken{}))
		return resp, nil
	}, true, KindNetwork},
	{"unknown host", func() (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
	}, false, KindNoSuchHost},
	{"foreign certificate", func() (*http.Response, error) { return nil, x509.UnknownAuthorityError{} }, false, KindNotTrusted},
	{"answer of another kind", func() (*http.Response, error) { return reply(200, `[1,`), nil }, false, KindBadAnswer},
	{"page for people", func() (*http.Response, error) { return reply(200, `<html>Log in to the hotel's network</html>`), nil }, false, KindBadAnswer},
	{"redirection", func() (*http.Response, error) { return reply(302, ``, "Location", "https://elsewhere.example"), nil }, false, KindBadAnswer},
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestOnlyWhatIsSafeIsSentAgain(t *testing.T) {
	for name, op := range operations {
		for _, failure := range failures {
			t.Run(name+" "+failure.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sent, asked := 0, 0
					nonces := map[string]bool{}
					credentials := func(context.Context) (Credentials, error) { asked++; return testCredentials, nil }
					c := testClient(t, Config{Credentials: credentials}, func(req *http.Request) (*http.Response, error) {
						sent++
						nonces[req.Header.Get("x-acs-signature-nonce")] = true
						return failure.answer()
					})
					err := op.call(t.Context(), c)
					want := 1
					if failure.repeated && (name != "Health" || failure.kind != KindStarting) {
						want = op.attempts
					}
					ignored := err == nil && (name == "DeleteContext" || name == "Download") && failure.kind == KindBadAnswer || err == nil && name == "Download" && failure.name == "broken answer"
					if ignored {
						return // there is no answer to understand, or it is read later
					}
					if sent != want || asked != sent {
						t.Errorf("it was sent %d times with credentials asked for %d times, want %d", sent, asked, want)
					}
					failed, ok := errors.AsType[*APIError](err)
					if !ok || failed.Kind != failure.kind || failed.Operation != name || failed.Message == "" {
						t.Fatalf("the error is %#v, want kind %s of %s", err, failure.kind, name)
					}
					if failed.Plane == Control && len(nonces) != sent {
						t.Errorf("%d attempts had %d nonces", sent, len(nonces))
					}
					changes := op.attempts == 1 || name == "DeleteTemplate" || name == "StopSandbox" || name == "DeleteSandbox" || name == "DeleteContext" || name == "MakeFolder" || name == "Move" || name == "Remove"
					open := map[string]bool{"500": true, "502": true, "503": true, "504": true, "broken answer": true, "answer of another kind": true, "page for people": true, "redirection": true}[failure.name]
					if failed.Uncertain != (changes && open) {
						t.Errorf("Uncertain = %t after %s of %s", failed.Uncertain, failure.name, name)
					}
				})
			})
		}
	}
}

func TestRepetitionsWaitAsLongAsTheyShould(t *testing.T) {
	tests := []struct {
		name        string
		header      string
		attempts    int
		least, most time.Duration
	}{
		{"longer each time, by a little chance", "", 4, 875 * time.Millisecond, 1750 * time.Millisecond},
		{"what the service asks for", "7", 4, 21 * time.Second, 21 * time.Second},
		{"until the moment the service names", "Sat, 01 Jan 2000 00:00:05 GMT", 4, 5 * time.Second, 7 * time.Second},
		{"no longer than is bearable", "11", 1, 0, 0},
		{"what makes sense", "-3 bananas", 4, 875 * time.Millisecond, 1750 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent, told := 0, 0
				c := testClient(t, Config{Sent: func() { told++ }}, func(*http.Request) (*http.Response, error) {
					sent++
					resp := reply(503, "")
					if test.header != "" {
						resp.Header.Set("Retry-After", test.header)
					}
					return resp, nil
				})
				began := time.Now()
				_, err := c.GetTemplate(t.Context(), "t")
				if took := time.Since(began); sent != test.attempts || took < test.least || took > test.most || KindOf(err) != KindUnavailable || told != sent {
					t.Errorf("%d attempts took %s and gave %v, want %d in %s to %s", sent, took, err, test.attempts, test.least, test.most)
				}
			})
		})
	}
}

func TestAFailureThatPassesIsNotSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) {
			if sent++; sent < 4 {
				return reply(503, ""), nil
			}
			return reply(200, `{"status":"ok"}`), nil
		})
		if health, err := c.Health(t.Context(), "s"); err != nil || !health.OK() || sent != 4 {
			t.Errorf("Health = %+v, %v after %d attempts, want it to be well after 4", health, err, sent)
		}
	})
}

func TestADeletionThatWorkedAtTheSecondAttemptIsASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return reply(404, `sandbox not found`), nil
		})
		if sandbox, err := c.DeleteSandbox(t.Context(), "s"); err != nil || sandbox.ID != "s" || !sandbox.Status.Ended() {
			t.Errorf("DeleteSandbox = %+v, %v, want one that has ended", sandbox, err)
		}
	})
}

func TestNobodyWaitsForACallerWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) { return reply(503, "", "Retry-After", "9"), nil })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		began := time.Now()
		_, err := c.GetTemplate(ctx, "t")
		if took := time.Since(began); took != 2*time.Second || !errors.Is(err, context.Canceled) || KindOf(err) != KindCanceled {
			t.Errorf("the call gave %v after %s, want it to be given up after 2 s", err, took)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began = time.Now()
		_, err = c.GetTemplate(ctx, "t")
		if took := time.Since(began); took != 0 || KindOf(err) != KindUnavailable {
			t.Errorf("with too little time the call gave %v after %s, want the failure at once", err, took)
		}
	})
}

// silence never answers.
func silence(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, context.Cause(req.Context())
}

func TestEveryOperationHasItsTimeLimit(t *testing.T) {
	limits := map[string]time.Duration{"Execute": 45 * time.Second, "RunCommand": 45 * time.Second}
	for name, op := range operations {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := testClient(t, Config{}, silence)
				began := time.Now()
				err := op.call(t.Context(), c)
				failed, ok := errors.AsType[*APIError](err)
				if !ok || failed.Kind != KindTimeout || !failed.Retryable() {
					t.Fatalf("the call gave %v, want a timeout", err)
				}
				want := limits[name]
				switch {
				case want != 0:
				case failed.Plane == Control:
					want = 30 * time.Second
				default:
					want = 60 * time.Second
				}
				if took := time.Since(began); took != want {
					t.Errorf("it took %s, want %s", took, want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := testClient(t, Config{}, silence)
		began := time.Now()
		_, err := c.Execute(t.Context(), "s", Execution{Code: "1", Timeout: 1200 * time.Millisecond})
		if took := time.Since(began); took != 16200*time.Millisecond || KindOf(err) != KindTimeout {
			t.Errorf("a run of 1.2 s gave %v after %s, want a timeout after 16.2 s", err, took)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("the cell was stopped"))
		defer cancel()
		_, err = c.Execute(ctx, "s", Execution{Code: "1"})
		if !errors.Is(err, context.DeadlineExceeded) || KindOf(err) != KindCanceled || !strings.Contains(err.Error(), "the cell was stopped") {
			t.Errorf("a run whose caller left gave %v, want its reason", err)
		}
	})
}

func TestRunsThatAreTooLongAreRefusedUnsent(t *testing.T) {
	c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) {
		t.Error("something was sent")
		return reply(200, ""), nil
	})
	for _, timeout := range []time.Duration{-1, MaxRunTime + 1} {
		if _, err := c.Execute(t.Context(), "s", Execution{Code: "1", Timeout: timeout}); KindOf(err) != KindInvalid {
			t.Errorf("Execute with %s gave %v, want a refusal", timeout, err)
		}
		if _, err := c.RunCommand(t.Context(), "s", CommandSpec{Command: "ls", Timeout: timeout}); KindOf(err) != KindInvalid {
			t.Errorf("RunCommand with %s gave %v, want a refusal", timeout, err)
		}
	}
	if _, err := c.Execute(t.Context(), "s", Execution{Code: "1", ContextID: "c", Language: Python}); KindOf(err) != KindInvalid {
		t.Errorf("Execute with context and language gave %v, want a refusal", err)
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.Health(t.Context(), id); KindOf(err) != KindInvalid {
			t.Errorf("Health of %q gave %v, want a refusal", id, err)
		}
	}
}

// trickle gives a piece every so often.
type trickle struct {
	pieces int
	every  time.Duration
}

func (r *trickle) Read(p []byte) (int, error) {
	if r.pieces == 0 {
		return 0, io.EOF
	}
	r.pieces--
	<-time.After(r.every)
	return copy(p, "piece"), nil
}

func (r *trickle) Close() error { return nil }

// stuck gives nothing until the request ends.
type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, context.Cause(s.ctx)
}

func (s stuck) Close() error { return nil }

func TestTransfersMayTakeLongAsLongAsSomethingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testClient(t, Config{}, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/upload") {
				return reply(200, `{"path":"/home/user/f","size":50}`), nil
			}
			resp := reply(200, "")
			resp.Body, resp.ContentLength = &trickle{10, 59 * time.Second}, -1
			return resp, nil
		})
		began := time.Now()
		written, err := c.Upload(t.Context(), "s", UploadSpec{Path: "f", Content: &trickle{10, 59 * time.Second}, Size: -1})
		if err != nil || written.Size != 50 || time.Since(began) != 590*time.Second {
			t.Errorf("Upload = %+v, %v after %s, want it to end well after ten minutes", written, err, time.Since(began))
		}
		file, err := c.Download(t.Context(), "s", "f")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if content, err := io.ReadAll(file); err != nil || len(content) != 50 || file.Size != -1 {
			t.Errorf("the download gave %q, %v of %d, want fifty bytes of an unknown number", content, err, file.Size)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := testClient(t, Config{}, func(req *http.Request) (*http.Response, error) {
			resp := reply(200, "")
			resp.Body, resp.ContentLength = stuck{req.Context()}, 10
			return resp, nil
		})
		file, err := c.Download(t.Context(), "s", "f")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		began := time.Now()
		if _, err := io.ReadAll(file); KindOf(err) != KindTimeout || time.Since(began) != time.Minute {
			t.Errorf("a stuck download gave %v after %s, want a timeout after a minute", err, time.Since(began))
		}
		began = time.Now()
		_, err = c.Upload(t.Context(), "s", UploadSpec{Path: "f", Content: strings.NewReader("x"), Size: 1})
		if KindOf(err) != KindTimeout || time.Since(began) != time.Minute {
			t.Errorf("a stuck upload gave %v after %s, want a timeout after a minute", err, time.Since(began))
		}
	})
}

func TestUploadsHaveASizeLimit(t *testing.T) {
	c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) { return reply(200, `{}`), nil })
	for _, size := range []int64{MaxUpload + 1, -1} {
		_, err := c.Upload(t.Context(), "s", UploadSpec{Path: "f", Content: io.LimitReader(zeros{}, MaxUpload+1), Size: size})
		if KindOf(err) != KindTooLarge {
			t.Errorf("Upload of a byte too many, announced as %d, gave %v, want %s", size, err, KindTooLarge)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAnswersHaveASizeLimit(t *testing.T) {
	c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) {
		resp := reply(200, "")
		resp.Body = io.NopCloser(io.LimitReader(zeros{}, 1<<40))
		return resp, nil
	})
	if _, err := c.Execute(t.Context(), "s", Execution{Code: "1"}); KindOf(err) != KindBadAnswer {
		t.Errorf("an endless answer gave %v, want %s", err, KindBadAnswer)
	}
}

func TestNoErrorShowsASecret(t *testing.T) {
	creds := Credentials{AccessKeyID: "LTAIkey", AccessKeySecret: "s3cret/with+marks==", SecurityToken: "t0ken/with+marks==", APIKey: "ap1key"}
	for _, shape := range []string{`{"Code":%q,"Message":%q,"RequestId":%q}`, `{"error":{"code":%q,"message":%q,"details":%q}}`, `{"code":%q,"message":%q,"AccessDeniedDetail":{"AuthAction":%q}}`} {
		for _, status := range []int{200, 400, 403, 500} {
			var signature string
			var log bytes.Buffer
			config := Config{Credentials: Static(creds), Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			c := testClient(t, config, func(req *http.Request) (*http.Response, error) {
				_, signature, _ = strings.Cut(req.Header.Get("Authorization")+req.Header.Get(dataHeader), "Signature=")
				told := fmt.Sprint(req.Header, creds.AccessKeySecret, escape(creds.AccessKeySecret), escape(creds.SecurityToken), creds.APIKey, strings.Repeat("x", 250), creds.AccessKeySecret)
				return reply(status, fmt.Sprintf(shape, told, told[:len(told)-5]+creds.AccessKeySecret, told)), nil
			})
			for name, op := range operations {
				if name != "CreateSandbox" && name != "Execute" && name != "Upload" {
					continue
				}
				err := op.call(t.Context(), c)
				if err == nil {
					t.Fatalf("%s succeeded on %d", name, status)
				}
				shown := fmt.Sprintf("%v %+v %#v %s %s", err, err, err, log.String(), fmt.Sprint(errors.Unwrap(err)))
				for _, secret := range []string{creds.AccessKeySecret, creds.SecurityToken, creds.APIKey, signature, escape(creds.AccessKeySecret), creds.AccessKeySecret[:12]} {
					if strings.Contains(shown, secret) {
						t.Errorf("%s on %d shows %q:\n%s", name, status, secret, shown)
					}
				}
			}
		}
	}
	if _, err := New(Config{Credentials: Static(creds), AccountID: "user:s3cret@host"}); err == nil {
		t.Error("an account that is no number was taken")
	}
	if _, err := ParseEndpoint("https://user:s3cret@host"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("ParseEndpoint = %v, want a refusal without the password", err)
	}
	if _, err := ParseEndpoint("https://user:s3cret@ho st"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("ParseEndpoint = %v, want a refusal without the password", err)
	}
}

func TestCredentialsPrintAsAMark(t *testing.T) {
	creds := Credentials{AccessKeyID: "LTAIkey", AccessKeySecret: "s3cret", SecurityToken: "t0ken", APIKey: "ap1key"}
	encoded, err := json.Marshal(map[string]any{"value": creds, "pointer": &creds})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "creds", creds, "pointer", &creds)
	shown := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %#v", creds, creds, creds, creds, creds, creds, creds, &creds, []Credentials{creds}, struct{ C Credentials }{creds}) + string(encoded) + log.String()
	for _, secret := range []string{"s3cret", "t0ken", "ap1key", fmt.Sprintf("%x", "s3cret")} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is in %s", secret, shown)
		}
	}
	if !strings.Contains(creds.String(), "LTAIkey") || (Credentials{APIKey: "x"}).String() != redacted {
		t.Errorf("String() = %q, want the key's name and the mark", creds)
	}
}

func TestClocksThatAreApartAreFoundOut(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		date time.Time
		want Kind
	}{
		"same": {now, KindSignatureRejected}, "a little off": {now.Add(14 * time.Minute), KindSignatureRejected},
		"behind": {now.Add(20 * time.Minute), KindClockSkew}, "ahead": {now.Add(-20 * time.Minute), KindClockSkew},
	} {
		t.Run(name, func(t *testing.T) {
			c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) {
				return reply(403, `{"code":"ERR_FORBIDDEN","message":"Signature verification failed"}`, "Date", test.date.UTC().Format(http.TimeFormat)), nil
			})
			_, err := c.Health(t.Context(), "s")
			failed, ok := errors.AsType[*APIError](err)
			if !ok || failed.Kind != test.want {
				t.Fatalf("the error is %v, want %s", err, test.want)
			}
			if off := now.Sub(test.date) - failed.Skew; test.want == KindClockSkew && off.Abs() > 5*time.Second {
				t.Errorf("the skew is %s, want %s", failed.Skew, now.Sub(test.date))
			}
		})
	}
}

func TestWhatGatewaysSayIsUnderstood(t *testing.T) {
	tests := []struct {
		op     string
		status int
		body   string
		want   Kind
	}{
		{"GetTemplate", 404, `{"Code":"InvalidAccessKeyId.NotFound","Message":"Specified access key is not found."}`, KindKeyRejected},
		{"GetTemplate", 403, `{"Code":"InvalidAccessKeyId.Inactive","Message":"Specified access key is disabled."}`, KindKeyRejected},
		{"GetTemplate", 400, `{"Code":"InvalidTimeStamp.Expired","Message":"Specified time stamp or date value is expired."}`, KindClockSkew},
		{"GetTemplate", 400, `{"Code":"SignatureNonceUsed","Message":"Specified signature nonce was used already."}`, KindNonceUsed},
		{"GetTemplate", 400, `{"Code":"InvalidSecurityToken.Expired","Message":"Specified SecurityToken is expired."}`, KindTokenExpired},
		{"GetTemplate", 400, `{"Code":"InvalidSecurityToken.MismatchWithAccessKey","Message":"no"}`, KindTokenRejected},
		{"GetTemplate", 403, `{"Code":"Forbidden.RAM","Message":"User not authorized to operate on the specified resource."}`, KindNoPermission},
		{"CreateTemplate", 400, `{"code":"ERR","message":"Template x already exists"}`, KindExists},
		{"CreateTemplate", 500, `{"code":"ERR","message":"Template x already exists"}`, KindExists},
		{"CreateTemplate", 409, `{"code":"ERR","message":"wrong state"}`, KindConflict},
		{"CreateSandbox", 404, `{"code":"ERR_NOT_FOUND","message":"nothing here"}`, KindTemplateNotFound},
		{"CreateSandbox", 400, `{"code":"ERR","message":"template t does not exist"}`, KindTemplateNotFound},
		{"CreateSandbox", 403, `{"code":"QuotaExceeded","message":"too many instances"}`, KindQuota},
		{"GetSandbox", 404, `{"code":"ERR_NOT_FOUND"}`, KindSandboxGone},
		{"DeleteSandbox", 404, ``, KindSandboxGone},
		{"Health", 404, ``, KindSandboxGone},
		{"Health", 410, ``, KindSandboxGone},
		{"Execute", 410, `{"code":"ERR_GONE","message":"over"}`, KindSandboxGone},
		{"Execute", 404, `sandbox not found`, KindSandboxGone},
		{"Execute", 404, `{"code":"ERR_NOT_FOUND","message":"context 5 not found"}`, KindContextNotFound},
		{"Execute", 404, `{"error":{"code":"NOT_FOUND","message":"gone"}}`, KindContextNotFound},
		{"Execute", 404, `{"code":"ERR_NOT_FOUND","message":"context 5 not found in sandbox 01KA"}`, KindContextNotFound},
		{"Execute", 404, `{"code":"ERR_NOT_FOUND","message":"sandbox not found, and its contexts with it"}`, KindSandboxGone},
		{"ReadFile", 404, `{"code":"ERR_NOT_FOUND","message":"file /home/user/sandbox not found"}`, KindFileNotFound},
		{"GetTemplate", 404, `{"code":"ERR_NOT_FOUND","message":"template my-sandbox not found"}`, KindTemplateNotFound},
		{"CreateSandbox", 404, `{"code":"ERR_NOT_FOUND","message":"template not found for the sandbox"}`, KindTemplateNotFound},
		{"ReadFile", 404, `{"error":{"code":"NOT_FOUND","message":"no file quota.txt"}}`, KindFileNotFound},
		{"CreateSandbox", 400, `{"code":"ERR","message":"instance quota exceeded"}`, KindQuota},
		{"WriteFile", 507, `{"error":{"code":"X","message":"disk quota exceeded"}}`, KindStorageFull},
		{"GetSandbox", 403, `{"code":"ERR_FORBIDDEN","message":"the user does not exist"}`, KindNoPermission},
		{"Execute", 404, `{"code":"ERR_NOT_FOUND","message":"gone"}`, KindNotFound},
		{"ReadFile", 404, `{"error":{"code":"NOT_FOUND","message":"no /home/user/sandbox.txt"}}`, KindFileNotFound},
		{"ReadFile", 404, `{"error":"file not found"}`, KindFileNotFound},
		{"Stat", 404, `{"error":{"code":"NOT_FOUND","message":"file /home/user/context-1/template.txt not found"}}`, KindFileNotFound},
		{"Stat", 404, `{"code":"ERR_NOT_FOUND","message":"file /home/user/kernel.log not found"}`, KindFileNotFound},
		{"ReadFile", 404, `not here`, KindNotFound},
		{"KillProcess", 404, `{"error":{"code":"NOT_FOUND","message":"no"}}`, KindProcessNotFound},
		{"ListContexts", 200, `{"code":"FAILED","message":"sandbox not found"}`, KindSandboxGone},
		{"ListContexts", 200, `sandbox not found`, KindSandboxGone},
		{"Health", 200, `{"error":{"code":"NOT_READY","message":"starting"}}`, KindFailed},
		{"Health", 200, `{"code":"ERR_NOT_READY","message":"starting"}`, KindFailed},
		{"Health", 418, `short and stout`, KindInvalid},
		{"Health", 599, ``, KindServer},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) { return reply(test.status, test.body), nil })
			err := operations[test.op].call(t.Context(), c)
			got := KindOf(err)
			if test.op == "DeleteSandbox" && err == nil {
				got = KindSandboxGone
			}
			if got != test.want {
				t.Errorf("%s answered %d %s, which gave %s (%v), want %s", test.op, test.status, test.body, got, err, test.want)
			}
		})
	}
}

func TestCredentialsAreNeededAndMayFail(t *testing.T) {
	unsent := func(*http.Request) (*http.Response, error) {
		t.Error("something was sent")
		return reply(200, `{}`), nil
	}
	locked := errors.New("the keychain is locked")
	for name, test := range map[string]struct {
		credentials CredentialsFunc
		op          string
	}{
		"none":                          {Static(Credentials{}), "Health"},
		"a key without its secret":      {Static(Credentials{AccessKeyID: "LTAI"}), "Health"},
		"an API key on the other plane": {Static(Credentials{APIKey: "x"}), "GetTemplate"},
		"not to be had": {func(context.Context) (Credentials, error) {
			return Credentials{}, locked
		}, "Health"},
	} {
		t.Run(name, func(t *testing.T) {
			err := operations[test.op].call(t.Context(), testClient(t, Config{Credentials: test.credentials}, unsent))
			if KindOf(err) != KindNoCredentials {
				t.Errorf("the call gave %v, want %s", err, KindNoCredentials)
			}
			if name == "not to be had" && !errors.Is(err, locked) {
				t.Errorf("the error %v does not match its cause", err)
			}
		})
	}
}

func TestTheLifecycleGoesByTheChosenPlane(t *testing.T) {
	for plane, path := range map[Plane]string{Control: "/2025-09-10/sandboxes", Data: "/sandboxes"} {
		c := testClient(t, Config{Lifecycle: plane}, func(req *http.Request) (*http.Response, error) {
			if !strings.HasPrefix(req.URL.Path, path) {
				t.Errorf("the request goes to %s, want %s", req.URL.Path, path)
			}
			return reply(200, `{"sandboxId":"s"}`), nil
		})
		for _, op := range []string{"CreateSandbox", "GetSandbox", "StopSandbox", "DeleteSandbox"} {
			if err := operations[op].call(t.Context(), c); err != nil {
				t.Errorf("%s on the %s plane: %v", op, plane, err)
			}
		}
	}
}

func TestAllPagesAreRead(t *testing.T) {
	pages := map[string]string{"": `{"items":[{"sandboxId":"a"},{"sandboxId":"b"}],"nextToken":"2"}`, "2": `{"items":[{"sandboxId":"c"}],"nextToken":"3"}`, "3": `{"items":[],"nextToken":""}`}
	c := testClient(t, Config{}, func(req *http.Request) (*http.Response, error) {
		return reply(200, pages[req.URL.Query().Get("nextToken")]), nil
	})
	var got []string
	for sandbox, err := range c.Sandboxes(t.Context(), SandboxQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, sandbox.ID)
	}
	if strings.Join(got, "") != "abc" {
		t.Errorf("the sandboxes are %q, want a, b and c", got)
	}
	pages["3"] = `{"items":[{"sandboxId":"d"}],"nextToken":"3"}`
	var last error
	for _, err := range c.Sandboxes(t.Context(), SandboxQuery{}) {
		last = err
	}
	if !errors.Is(last, errSameToken) {
		t.Errorf("a list without an end ended with %v", last)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "missing") {
			http.Error(w, strings.Repeat("no ", 1000), http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	endpoint, err := ParseEndpoint(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var told atomic.Int64
	c, err := New(Config{Credentials: Static(testCredentials), ControlEndpoint: endpoint, DataEndpoint: endpoint, Sent: func() { told.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 20 {
		if _, err := c.Health(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetTemplate(t.Context(), "missing"); KindOf(err) != KindTemplateNotFound {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("forty calls opened %d connections, want 1", n)
	}
	if n := told.Load(); n != 40 {
		t.Errorf("of forty requests that went out %d were told of", n)
	}
}

func TestRealNetworkFailuresHaveAKind(t *testing.T) {
	stranger := httptest.NewTLSServer(http.NotFoundHandler())
	defer stranger.Close()
	stranger.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	plainServer := httptest.NewServer(http.NotFoundHandler())
	defer plainServer.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, test := range map[string]struct {
		url  string
		want Kind
	}{
		"a certificate of nobody's": {stranger.URL, KindNotTrusted},
		"no TLS at all":             {strings.Replace(plainServer.URL, "http:", "https:", 1), KindNotTrusted},
		"nobody listens":            {closed.URL, KindUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint, err := ParseEndpoint(test.url)
			if err != nil {
				t.Fatal(err)
			}
			c, err := New(Config{
				Credentials: Static(testCredentials), DataEndpoint: endpoint,
				Sent: func() { t.Error("a request that did not go out was told of") },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.Execute(t.Context(), "s", Execution{Code: "1"})
			failed, ok := errors.AsType[*APIError](err)
			if !ok || failed.Kind != test.want || failed.Uncertain {
				t.Errorf("the call gave %#v, want %s and nothing uncertain", err, test.want)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	for text, want := range map[string]string{
		"agentrun.cn-hangzhou.aliyuncs.com": "https://agentrun.cn-hangzhou.aliyuncs.com", " https://Host.example/ ": "https://host.example",
		"http://127.0.0.1:8080": "http://127.0.0.1:8080", "http://[::1]:8080/": "http://[::1]:8080", "http://localhost:1": "http://localhost:1", "https://host/prefix/": "https://host/prefix",
	} {
		if got, err := ParseEndpoint(text); err != nil || got.String() != want {
			t.Errorf("ParseEndpoint(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "https://", "http://example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "ftp://127.0.0.1", "https://user@host", "https://host?x=1", "https://host#x", "https:host", "https://host:port"} {
		if got, err := ParseEndpoint(text); err == nil {
			t.Errorf("ParseEndpoint(%q) = %v, want a refusal", text, got)
		}
	}
	for base, want := range map[string]string{
		"https://123.agentrun-data.cn-shanghai.aliyuncs.com":     "https://123-ram.agentrun-data.cn-shanghai.aliyuncs.com",
		"https://123-ram.agentrun-data.cn-shanghai.aliyuncs.com": "https://123-ram.agentrun-data.cn-shanghai.aliyuncs.com",
		"https://123.funagent-data-pre.cn-hangzhou.aliyuncs.com": "https://123-ram.funagent-data-pre.cn-hangzhou.aliyuncs.com",
		"https://123.agentrun-data.example:8443/x":               "https://123-ram.agentrun-data.example:8443/x",
		"https://data.example.com":                               "https://data.example.com",
		"http://127.0.0.1:8080":                                  "http://127.0.0.1:8080",
	} {
		if got := (Endpoint{base}).signed().String(); got != want {
			t.Errorf("requests with a signature for %s go to %s, want %s", base, got, want)
		}
	}
}

func TestNewChecksItsConfiguration(t *testing.T) {
	good := Config{Credentials: Static(testCredentials), AccountID: "1234567890123456"}
	c, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	control, data := c.Endpoints()
	if control.Host() != "agentrun.cn-hangzhou.aliyuncs.com" || data.Host() != "1234567890123456-ram.agentrun-data.cn-hangzhou.aliyuncs.com" || c.Region() != DefaultRegion {
		t.Errorf("the client calls %s and %s", control, data)
	}
	for name, spoil := range map[string]func(*Config){
		"no credentials": func(c *Config) { c.Credentials = nil }, "no account": func(c *Config) { c.AccountID = "" },
		"a name for an account": func(c *Config) { c.AccountID = "me" }, "a region that leads elsewhere": func(c *Config) { c.Region = "x.evil.example/" },
		"a plane that is none": func(c *Config) { c.Lifecycle = "air" },
	} {
		config := good
		spoil(&config)
		if _, err := New(config); err == nil {
			t.Errorf("New with %s succeeded", name)
		}
	}
	for _, region := range Regions() {
		if _, err := New(Config{Credentials: good.Credentials, AccountID: "1", Region: region}); err != nil {
			t.Errorf("New for %s: %v", region, err)
		}
	}
}

// TestClientsOfOneAccountAreToldFromOthers whatever their credentials, and however its own endpoints are written.
func TestClientsOfOneAccountAreToldFromOthers(t *testing.T) {
	account := func(change func(*Config)) Account {
		config := Config{AccountID: "123", Credentials: Static(Credentials{})}
		if change != nil {
			change(&config)
		}
		c, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		return c.Account()
	}
	endpoint := func(text string) Endpoint {
		e, err := ParseEndpoint(text)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	own := account(nil)
	if want := (Account{ID: "123", Region: "cn-hangzhou"}); own != want {
		t.Errorf("Account = %+v, want %+v", own, want)
	}
	for name, change := range map[string]func(*Config){
		"another key":  func(c *Config) { c.Credentials = Static(Credentials{AccessKeyID: "x"}) },
		"its endpoint": func(c *Config) { c.ControlEndpoint = endpoint("agentrun.cn-hangzhou.aliyuncs.com") },
		"its data endpoint, as for signed requests": func(c *Config) { c.DataEndpoint = endpoint("https://123-ram.agentrun-data.cn-hangzhou.aliyuncs.com/") },
	} {
		if got := account(change); got != own {
			t.Errorf("%s: Account = %+v, want %+v", name, got, own)
		}
	}
	for name, change := range map[string]func(*Config){
		"another account":       func(c *Config) { c.AccountID = "124" },
		"another region":        func(c *Config) { c.Region = "cn-beijing" },
		"another endpoint":      func(c *Config) { c.ControlEndpoint = endpoint("http://127.0.0.1:1") },
		"another data endpoint": func(c *Config) { c.DataEndpoint = endpoint("http://127.0.0.1:1") },
		"no account":            func(c *Config) { c.AccountID, c.DataEndpoint = "", endpoint("http://127.0.0.1:1") },
	} {
		if got := account(change); got == own {
			t.Errorf("%s: Account = %+v, the same", name, got)
		}
	}
}
