package agentruntest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// vectors reads the signatures of the official clients.
func vectors[T any](t *testing.T, name string) []T {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// answered lets an emulator answer a request that was taken apart, at the time it was made.
func answered(t *testing.T, options agentruntest.Options, at time.Time, method, host, uri string, header map[string]string, body string) *httptest.ResponseRecorder {
	t.Helper()
	time.Sleep(time.Until(at)) // in a bubble
	options.Engine, options.ScratchDir = engine, t.TempDir()
	e, err := agentruntest.New(options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://placeholder"+uri, strings.NewReader(body))
	r.RequestURI, r.Host = uri, host
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// TestSignaturesOfTheOfficialClientsAreAccepted lets the verifier see every recorded signature, and every one of them spoilt.
func TestSignaturesOfTheOfficialClientsAreAccepted(t *testing.T) {
	type vector struct {
		Name, Method, URL, Region, Key, Secret, Token, Authorization string

		Time        time.Time
		ContentType string `json:"content_type"`
	}
	all := vectors[vector](t, "data_signatures.json")
	if len(all) != 32 {
		t.Fatalf("there are %d vectors, want 32", len(all))
	}
	for _, v := range all {
		t.Run("data "+v.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, err := url.Parse(v.URL)
				if err != nil {
					t.Fatal(err)
				}
				label, rest, _ := strings.Cut(u.Host, ".")
				belongs := !strings.HasPrefix(rest, "agentrun-data.") || strings.HasSuffix(label, "-ram") // the other host is for requests without a signature
				header := map[string]string{"x-acs-date": v.Time.Format("2006-01-02T15:04:05Z"), "x-acs-content-sha256": "UNSIGNED-PAYLOAD", "Agentrun-Authorization": v.Authorization}
				if v.Token != "" {
					header["x-acs-security-token"] = v.Token
				}
				if v.ContentType != "" {
					header["Content-Type"] = v.ContentType
				}
				options := agentruntest.Options{AccessKeyID: v.Key, AccessKeySecret: v.Secret, SecurityToken: v.Token, Region: v.Region}
				method := strings.ToUpper(v.Method)
				if w := answered(t, options, v.Time, method, u.Host, u.RequestURI(), header, ""); (w.Code == http.StatusForbidden || w.Code == http.StatusUnauthorized) == belongs {
					t.Errorf("the signature for %s is answered %d %s", u.Host, w.Code, w.Body)
				}
				options.AccessKeySecret += "x"
				if w := answered(t, options, v.Time, method, u.Host, u.RequestURI(), header, ""); w.Code != http.StatusForbidden {
					t.Errorf("with another secret the signature is answered %d %s", w.Code, w.Body)
				}
			})
		})
	}
	type controlVector struct {
		Name, Method, Host, URI, Action, Key, Secret, Token, Date, Nonce, Provider, Body, Authorization string

		ContentType     string `json:"content_type"`
		WithoutProvider string `json:"authorization_without_provider"`
	}
	control := vectors[controlVector](t, "control_signatures.json")
	if len(control) != 21 {
		t.Fatalf("there are %d vectors, want 21", len(control))
	}
	for _, v := range control {
		for _, provider := range []bool{true, false} {
			t.Run("control "+v.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					at, err := time.Parse("2006-01-02T15:04:05Z", v.Date)
					if err != nil {
						t.Fatal(err)
					}
					header := map[string]string{"x-acs-version": "2025-09-10", "x-acs-action": v.Action, "x-acs-date": v.Date, "x-acs-signature-nonce": v.Nonce, "x-acs-content-sha256": sha256Of(v.Body), "Authorization": v.WithoutProvider}
					if provider {
						header["x-acs-credentials-provider"], header["Authorization"] = v.Provider, v.Authorization
					}
					if v.ContentType != "" {
						header["Content-Type"] = v.ContentType
					}
					if v.Token != "" {
						header["x-acs-security-token"], header["x-acs-accesskey-id"] = v.Token, v.Key
					}
					options := agentruntest.Options{AccessKeyID: v.Key, AccessKeySecret: v.Secret, SecurityToken: v.Token}
					if w := answered(t, options, at, v.Method, v.Host, v.URI, header, v.Body); strings.Contains(w.Body.String(), "SignatureDoesNotMatch") || strings.Contains(w.Body.String(), "Invalid") {
						t.Errorf("the signature is refused: %d %s", w.Code, w.Body)
					}
					if w := answered(t, options, at, v.Method, v.Host, v.URI, header, v.Body+" "); !strings.Contains(w.Body.String(), "SignatureDoesNotMatch") {
						t.Errorf("with another body the signature is answered %d %s", w.Code, w.Body)
					}
					options.AccessKeySecret += "x"
					if w := answered(t, options, at, v.Method, v.Host, v.URI, header, v.Body); !strings.Contains(w.Body.String(), "SignatureDoesNotMatch") {
						t.Errorf("with another secret the signature is answered %d %s", w.Code, w.Body)
					}
				})
			})
		}
	}
}

// TestWrongCredentialsAreRefusedInTheServicesWords has a client with one thing wrong.
func TestWrongCredentialsAreRefusedInTheServicesWords(t *testing.T) {
	const token = "theRightToken"
	s := start(t, agentruntest.Options{SecurityToken: token})
	right := agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: agentruntest.AccessKeySecret, SecurityToken: token}
	with := func(change func(*agentrun.Credentials)) func(*agentrun.Config) {
		creds := right
		change(&creds)
		return func(c *agentrun.Config) { c.Credentials = agentrun.Static(creds) }
	}
	tests := []struct {
		name          string
		change        func(*agentrun.Config)
		control, data agentrun.Kind
	}{
		{"nothing", with(func(*agentrun.Credentials) {}), agentrun.KindTemplateNotFound, agentrun.KindSandboxGone},
		{"the key", with(func(c *agentrun.Credentials) { c.AccessKeyID = "LTAIother" }), agentrun.KindKeyRejected, agentrun.KindSignatureRejected},
		{"the secret", with(func(c *agentrun.Credentials) { c.AccessKeySecret = "other" }), agentrun.KindSignatureRejected, agentrun.KindSignatureRejected},
		{"the token", with(func(c *agentrun.Credentials) { c.SecurityToken = "other" }), agentrun.KindTokenRejected, agentrun.KindSignatureRejected},
		{"no token", with(func(c *agentrun.Credentials) { c.SecurityToken = "" }), agentrun.KindTokenRejected, agentrun.KindSignatureRejected},
		{"the region", func(c *agentrun.Config) { with(func(*agentrun.Credentials) {})(c); c.Region = "cn-shanghai" }, agentrun.KindTemplateNotFound, agentrun.KindSignatureRejected},
		{"an API key", func(c *agentrun.Config) { c.Credentials = agentrun.Static(agentrun.Credentials{APIKey: "x"}) }, agentrun.KindNoCredentials, agentrun.KindUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := clientOf(t, s, test.change)
			if _, err := c.GetTemplate(t.Context(), "t"); agentrun.KindOf(err) != test.control {
				t.Errorf("the control plane answers %v, want %s", err, test.control)
			}
			if _, err := c.Health(t.Context(), "s"); agentrun.KindOf(err) != test.data {
				t.Errorf("the data plane answers %v, want %s", err, test.data)
			}
		})
	}
	s.SetCredentials("LTAInew", "newSecret", "")
	c := clientOf(t, s, func(c *agentrun.Config) {
		c.Credentials = agentrun.Static(agentrun.Credentials{AccessKeyID: "LTAInew", AccessKeySecret: "newSecret"})
	})
	if _, err := c.GetTemplate(t.Context(), "t"); agentrun.KindOf(err) != agentrun.KindTemplateNotFound {
		t.Errorf("after the key was replaced the control plane answers %v", err)
	}
}

// toEmulator sends requests for the service's own hosts to an emulator.
type toEmulator struct{ target *url.URL }

func (d toEmulator) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = d.target.Scheme, d.target.Host
	return http.DefaultTransport.RoundTrip(r)
}

func TestHostsOfTheService(t *testing.T) {
	s := start(t, agentruntest.Options{APIKey: "k"})
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for account, want := range map[string]agentrun.Kind{agentruntest.AccountID: agentrun.KindSandboxGone, "9999999999999999": agentrun.KindSignatureRejected} {
		c := clientOf(t, s, func(c *agentrun.Config) {
			c.ControlEndpoint, c.DataEndpoint, c.AccountID, c.Transport = agentrun.Endpoint{}, agentrun.Endpoint{}, account, toEmulator{target}
		})
		if _, err := c.Health(t.Context(), "s"); agentrun.KindOf(err) != want {
			t.Errorf("the account %s gets %v, want %s", account, err, want)
		}
		if _, err := c.GetTemplate(t.Context(), "t"); agentrun.KindOf(err) != agentrun.KindTemplateNotFound {
			t.Errorf("the account %s gets %v from the control plane", account, err)
		}
		byKey := clientOf(t, s, func(c *agentrun.Config) {
			c.ControlEndpoint, c.DataEndpoint, c.AccountID, c.Transport = agentrun.Endpoint{}, agentrun.Endpoint{}, account, toEmulator{target}
			c.Credentials = agentrun.Static(agentrun.Credentials{APIKey: "k"})
		})
		want := map[agentrun.Kind]agentrun.Kind{agentrun.KindSandboxGone: agentrun.KindSandboxGone, agentrun.KindSignatureRejected: agentrun.KindUnauthorized}[want]
		if _, err := byKey.Health(t.Context(), "s"); agentrun.KindOf(err) != want {
			t.Errorf("the account %s gets %v by API key, want %s", account, err, want)
		}
	}
}

// catcher keeps the last request, to be sent again.
type catcher struct{ last *http.Request }

func (c *catcher) RoundTrip(r *http.Request) (*http.Response, error) {
	c.last = r.Clone(r.Context())
	return http.DefaultTransport.RoundTrip(r)
}

func TestARequestIsTakenOnceAndAsItWasSigned(t *testing.T) {
	s := start(t, agentruntest.Options{})
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	caught := &catcher{}
	c := clientOf(t, s, func(c *agentrun.Config) { c.Transport = caught })
	if _, err := c.GetTemplate(t.Context(), "t"); agentrun.KindOf(err) != agentrun.KindTemplateNotFound {
		t.Fatal(err)
	}
	send := func(change func(r *http.Request)) string {
		r := caught.last.Clone(t.Context())
		change(r)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for name, test := range map[string]struct {
		change func(r *http.Request)
		want   string
	}{
		"again":                   {func(*http.Request) {}, "SignatureNonceUsed"},
		"by another method":       {func(r *http.Request) { r.Method = "DELETE" }, "SignatureDoesNotMatch"},
		"to another path":         {func(r *http.Request) { r.URL.Path += "x" }, "SignatureDoesNotMatch"},
		"with a query":            {func(r *http.Request) { r.URL.RawQuery = "a=b" }, "SignatureDoesNotMatch"},
		"with a header more":      {func(r *http.Request) { r.Header.Set("x-acs-extra", "1") }, "SignatureDoesNotMatch"},
		"with another nonce":      {func(r *http.Request) { r.Header.Set("x-acs-signature-nonce", "1") }, "SignatureDoesNotMatch"},
		"with another action":     {func(r *http.Request) { r.Header.Set("x-acs-action", "DeleteTemplate") }, "SignatureDoesNotMatch"},
		"with an old date":        {func(r *http.Request) { r.Header.Set("x-acs-date", "2020-01-01T00:00:00Z") }, "InvalidTimeStamp.Expired"},
		"without a signature":     {func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthorization"},
		"with something for that": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, "MissingAuthorization"},
	} {
		if got := send(test.change); !strings.Contains(got, test.want) {
			t.Errorf("sent %s the request gets %s, want %s", name, got, test.want)
		}
	}
	if _, err := c.Health(t.Context(), "s"); agentrun.KindOf(err) != agentrun.KindSandboxGone {
		t.Fatal(err)
	}
	for name, change := range map[string]func(r *http.Request){
		"by another method": func(r *http.Request) { r.Method = "DELETE" }, "to another path": func(r *http.Request) { r.URL.Path = "/sandboxes/other/health" },
		"with a query": func(r *http.Request) { r.URL.RawQuery = "a=b" }, "with a header more": func(r *http.Request) { r.Header.Set("x-acs-parent-id", "1") },
		"with another hash": func(r *http.Request) { r.Header.Set("x-acs-content-sha256", "x") }, "with an old date": func(r *http.Request) { r.Header.Set("x-acs-date", "2020-01-01T00:00:00Z") },
	} {
		if got := send(change); !strings.Contains(got, "Signature verification failed") {
			t.Errorf("sent %s the request gets %s, want a refusal", name, got)
		}
	}
	if got := send(func(r *http.Request) { r.Header.Del("Agentrun-Authorization") }); !strings.Contains(got, "missing credentials") {
		t.Errorf("without a signature the request gets %s", got)
	}
	if got := send(func(*http.Request) {}); !strings.Contains(got, "sandbox not found") {
		t.Errorf("sent again the request gets %s, want what it got: the data plane has no nonces", got)
	}
}

func TestFailuresNameTheRequest(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	_, err := c.GetTemplate(t.Context(), "nothing")
	failed, ok := errors.AsType[*agentrun.APIError](err)
	if !ok || len(failed.RequestID) != 36 {
		t.Errorf("the error is %#v, want one with the request's id", err)
	}
}

func sha256Of(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
