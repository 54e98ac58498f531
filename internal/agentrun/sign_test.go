package agentrun

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// readJSON reads a file of testdata.
func readJSON[T any](t testing.TB, name string) []T {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var items []T
	if err := json.Unmarshal(b, &items); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return items
}

// dataVector is a request that the service's official Python client signed.
type dataVector struct {
	Name, Method, URL, Region, Key, Secret, Token, Canonical, Authorization string

	Time         time.Time
	ContentType  string `json:"content_type"`
	SigningKey   string `json:"signing_key"`
	StringToSign string `json:"string_to_sign"`
}

func TestDataSignaturesAreThoseOfTheOfficialClient(t *testing.T) {
	vectors := readJSON[dataVector](t, "data_signatures.json")
	if len(vectors) != 32 {
		t.Fatalf("there are %d vectors, want 32", len(vectors))
	}
	signed := 0
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			u, err := url.Parse(v.URL)
			if err != nil {
				t.Fatal(err)
			}
			headers := map[string]string{"host": u.Host, "x-acs-date": v.Time.Format(signedDate), "x-acs-content-sha256": unsignedPayload}
			if v.Token != "" {
				headers["x-acs-security-token"] = v.Token
			}
			if v.ContentType != "" {
				headers["content-type"] = v.ContentType
			}
			names, canonical := canonicalData(v.Method, u.EscapedPath(), u.RawQuery, headers)
			if canonical != v.Canonical {
				t.Errorf("the canonical request is\n%s\nwant\n%s", canonical, v.Canonical)
			}
			if got := stringToSign(dataAlgorithm, canonical); got != v.StringToSign {
				t.Errorf("the string to sign is %q, want %q", got, v.StringToSign)
			}
			if got := hex.EncodeToString(dataKey(v.Secret, v.Region, v.Time)); got != v.SigningKey {
				t.Errorf("the key is %s, want %s", got, v.SigningKey)
			}
			signature := dataSignature(v.Secret, v.Region, v.Time, canonical)
			want := dataAlgorithm + " Credential=" + v.Key + "/" + dataScope(v.Region, v.Time) + ",SignedHeaders=" + names + ",Signature=" + signature
			if want != v.Authorization {
				t.Errorf("the authorization is %s, want %s", want, v.Authorization)
			}
			if v.ContentType != "" {
				return // which the client does not sign
			}
			signed++
			req, err := http.NewRequest(v.Method, v.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			signData(req, Credentials{AccessKeyID: v.Key, AccessKeySecret: v.Secret, SecurityToken: v.Token}, v.Region, v.Time)
			if got := req.Header.Get(dataHeader); got != v.Authorization {
				t.Errorf("signData made %s, want %s", got, v.Authorization)
			}
			if got := req.Header.Get("x-acs-security-token"); got != v.Token {
				t.Errorf("the token sent is %q, want %q", got, v.Token)
			}
		})
	}
	if signed < 27 {
		t.Errorf("only %d of the vectors went through signData", signed)
	}
}

// controlVector is a request that the service's official Go client sent.
type controlVector struct {
	Name, Method, Host, URI, Action, Key, Secret, Token, Date, Nonce, Provider, Body, Canonical, Authorization string

	ContentType     string `json:"content_type"`
	StringToSign    string `json:"string_to_sign"`
	WithoutProvider string `json:"authorization_without_provider"`
}

func TestControlSignaturesAreThoseOfTheOfficialClient(t *testing.T) {
	vectors := readJSON[controlVector](t, "control_signatures.json")
	if len(vectors) != 21 {
		t.Fatalf("there are %d vectors, want 21", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			at, err := time.Parse(signedDate, v.Date)
			if err != nil {
				t.Fatal(err)
			}
			creds := Credentials{AccessKeyID: v.Key, AccessKeySecret: v.Secret, SecurityToken: v.Token}
			req, err := http.NewRequest(v.Method, "http://"+v.Host+v.URI, bytes.NewReader([]byte(v.Body)))
			if err != nil {
				t.Fatal(err)
			}
			signature := signControl(req, []byte(v.Body), v.Action, creds, at, v.Nonce)
			if got := req.Header.Get("Authorization"); got != v.WithoutProvider {
				t.Errorf("signControl made %s, want %s", got, v.WithoutProvider)
			}
			if !strings.HasSuffix(v.WithoutProvider, signature) {
				t.Errorf("signControl returned %s, which is not the signature it set", signature)
			}
			if got := req.Header.Get("Content-Type"); got != v.ContentType {
				t.Errorf("the content type is %q, want %q", got, v.ContentType)
			}

			// The official client signs one header more.
			headers := controlHeaders(v.Host, v.Action, []byte(v.Body), creds, at, v.Nonce)
			headers["x-acs-credentials-provider"] = v.Provider
			names, canonical := canonicalControl(v.Method, req.URL.EscapedPath(), req.URL.RawQuery, headers)
			if canonical != v.Canonical {
				t.Errorf("the canonical request is\n%s\nwant\n%s", canonical, v.Canonical)
			}
			text := stringToSign(controlAlgorithm, canonical)
			if text != v.StringToSign {
				t.Errorf("the string to sign is %q, want %q", text, v.StringToSign)
			}
			got := controlAlgorithm + " Credential=" + v.Key + ",SignedHeaders=" + names + ",Signature=" + hex.EncodeToString(mac([]byte(v.Secret), text))
			if got != v.Authorization {
				t.Errorf("the authorization is %s, want %s", got, v.Authorization)
			}
		})
	}
}

func TestPathsAreSentAsTheyAreSigned(t *testing.T) {
	const name = "a b+c~d/é*"
	const want = "/2025-09-10/templates/a%20b%2Bc~d%2F%C3%A9%2A"
	c := testClient(t, Config{}, func(req *http.Request) (*http.Response, error) {
		if got := req.URL.RequestURI(); got != want {
			t.Errorf("the request goes to %s, want %s", got, want)
		}
		return reply(200, `{"code":"SUCCESS","data":{"templateName":"x"}}`), nil
	})
	if _, err := c.GetTemplate(t.Context(), name); err != nil {
		t.Error(err)
	}
}

func TestNoncesAreNotUsedTwice(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		n := newNonce()
		if len(n) != 32 || seen[n] {
			t.Fatalf("newNonce() = %q, want 32 digits that were not there before", n)
		}
		seen[n] = true
	}
}

// The helpers of the tests that let the client speak to a function.

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper]. It reads the body, as a connection would.
func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return f(req)
}

var testCredentials = Credentials{AccessKeyID: "LTAIexampleKeyId0001", AccessKeySecret: "exampleSecret0123456789abcdefABCD"}

func testClient(t testing.TB, config Config, answer roundTrip) *Client {
	t.Helper()
	config.Transport = answer
	if config.AccountID == "" {
		config.AccountID = "1234567890123456"
	}
	if config.Credentials == nil {
		config.Credentials = Static(testCredentials)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func reply(status int, body string, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}
