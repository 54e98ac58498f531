package agentruntest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	dataHeader    = "Agentrun-Authorization"
	dataScheme    = "AGENTRUN4-HMAC-SHA256"
	controlScheme = "ACS3-HMAC-SHA256"
	version       = "2025-09-10"
	dateForm      = "2006-01-02T15:04:05Z"
	dateWindow    = 15 * time.Minute
)

// secretsNow are the credentials of the moment.
func (x *exchange) secretsNow() (keyID, secret, token string) {
	x.e.mu.Lock()
	defer x.e.mu.Unlock()
	return x.e.options.AccessKeyID, x.e.options.AccessKeySecret, x.e.options.SecurityToken
}

// verify holds the request against its signature. It gives the refusal that the plane has for what is wrong.
func (x *exchange) verify() (answer, bool) {
	if x.plane == "control" {
		return x.verifyControl()
	}
	return x.verifyData()
}

// claim is an authorization header, taken apart.
type claim struct {
	credential, signature string
	names                 []string
}

func parseClaim(header, scheme string) (claim, bool) {
	rest, ok := strings.CutPrefix(header, scheme+" ")
	if !ok {
		return claim{}, false
	}
	var c claim
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "Credential":
			c.credential = value
		case "SignedHeaders":
			c.names = strings.Split(value, ";")
		case "Signature":
			c.signature = value
		default:
			return claim{}, false
		}
	}
	return c, c.credential != "" && len(c.names) > 0 && c.signature != "" && slices.IsSorted(c.names)
}

// canonical writes the canonical request of what came: the path as it stood on the wire, the query decoded and encoded again,
// and the headers that the client says it has signed.
func (x *exchange) canonical(names []string, last string) string {
	path, query, _ := strings.Cut(x.r.RequestURI, "?")
	if path == "" {
		path = "/"
	}
	var b strings.Builder
	b.WriteString(x.r.Method + "\n" + path + "\n" + sortedQuery(query) + "\n")
	for _, name := range names {
		value := strings.Join(x.r.Header.Values(name), ",")
		if name == "host" {
			value = x.r.Host
		}
		b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + last)
	return b.String()
}

// sortedQuery is a query in the form that is signed: decoded, the last of equal keys, sorted, and encoded with nothing left bare
// but letters, digits and -_.~.
func sortedQuery(raw string) string {
	values := map[string]string{}
	var keys []string
	for piece := range strings.SplitSeq(raw, "&") {
		key, value, pair := strings.Cut(piece, "=")
		if !pair {
			continue
		}
		key, value = decodeQuery(key), decodeQuery(value)
		if _, there := values[key]; !there {
			keys = append(keys, key)
		}
		values[key] = value
	}
	slices.Sort(keys)
	for i, key := range keys {
		keys[i] = encodeQuery(key) + "=" + encodeQuery(values[key])
	}
	return strings.Join(keys, "&")
}

func decodeQuery(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return strings.ReplaceAll(s, "+", " ")
}

// encodeQuery corrects url.QueryEscape, which is for forms.
func encodeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func unescape(s string) (string, error) { return url.PathUnescape(s) }

// covers reports whether everything is signed that must be: the host, and all headers of the service's own.
func (x *exchange) covers(names []string, also ...string) bool {
	must := append([]string{"host"}, also...)
	for name := range x.r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") {
			must = append(must, lower)
		}
	}
	return !slices.ContainsFunc(must, func(name string) bool { return !slices.Contains(names, name) })
}

// inTime reads the date of a request.
func (x *exchange) inTime() (time.Time, bool) {
	at, err := time.Parse(dateForm, x.r.Header.Get("x-acs-date"))
	return at, err == nil && x.now().Sub(at).Abs() <= dateWindow
}

func hmacOf(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// verifyData has one sentence for all that can be wrong with a signature, as the service.
func (x *exchange) verifyData() (answer, bool) {
	denied := problem(http.StatusForbidden, "ERR_FORBIDDEN", "Signature verification failed")
	header := x.r.Header.Get(dataHeader)
	if header == "" {
		if key := x.r.Header.Get("X-Api-Key"); key != "" && x.e.options.APIKey != "" && same(key, x.e.options.APIKey) && x.ownHost(x.e.options.AccountID) {
			return answer{}, true
		}
		return problem(http.StatusUnauthorized, "ERR_UNAUTHORIZED", "missing credentials"), false
	}
	c, ok := parseClaim(header, dataScheme)
	if !ok {
		return denied, false
	}
	keyID, secret, token := x.secretsNow()
	at, inTime := x.inTime()
	scope := at.Format("20060102") + "/" + x.e.options.Region + "/agentrun/aliyun_v4_request"
	switch {
	case !inTime, c.credential != keyID+"/"+scope, !x.ownHost(x.e.options.AccountID + "-ram"):
		return denied, false
	case x.r.Header.Get("x-acs-content-sha256") != "UNSIGNED-PAYLOAD", !x.covers(c.names, "x-acs-date", "x-acs-content-sha256"):
		return denied, false
	case !same(x.r.Header.Get("x-acs-security-token"), token):
		return denied, false
	}
	key := []byte("aliyun_v4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = hmacOf(key, part)
	}
	text := x.canonical(c.names, "UNSIGNED-PAYLOAD")
	if !same(c.signature, hex.EncodeToString(hmacOf(key, dataScheme+"\n"+hashOf([]byte(text))))) {
		return denied, false
	}
	return answer{}, true
}

// ownHost reports whether the request came to the host that such requests belong to, if it came by a name of the service's.
func (x *exchange) ownHost(label string) bool {
	first, rest, _ := strings.Cut(x.r.Host, ".")
	return !strings.HasPrefix(rest, "agentrun-data.") || first == label
}

func gateway(status int, code, message string) (answer, bool) {
	return answer{status: status, body: object{"Code": code, "Message": message, "RequestId": requestIDHere, "HostId": "agentrun." + Region + ".aliyuncs.com"}}, false
}

// verifyControl refuses in the words of the gateway that the control plane is behind.
func (x *exchange) verifyControl() (answer, bool) {
	header := x.r.Header.Get("Authorization")
	c, ok := parseClaim(header, controlScheme)
	if !ok {
		return gateway(http.StatusUnauthorized, "MissingAuthorization", "The request is not signed.")
	}
	keyID, secret, token := x.secretsNow()
	if c.credential != keyID {
		return gateway(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}
	if _, ok := x.inTime(); !ok {
		return gateway(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	nonce := x.r.Header.Get("x-acs-signature-nonce")
	hash := x.r.Header.Get("x-acs-content-sha256")
	must := []string{"x-acs-version", "x-acs-action", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"}
	if x.r.Header.Get("Content-Type") != "" {
		must = append(must, "content-type")
	}
	text := controlScheme + "\n" + hashOf([]byte(x.canonical(c.names, hash)))
	switch {
	case !x.covers(c.names, must...), hash != hashOf(x.body), nonce == "", !same(c.signature, hex.EncodeToString(hmacOf([]byte(secret), text))):
		return gateway(http.StatusBadRequest, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation. server string to sign is:"+text)
	case !same(x.r.Header.Get("x-acs-security-token"), token):
		return gateway(http.StatusBadRequest, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.")
	case token != "" && x.r.Header.Get("x-acs-accesskey-id") != keyID:
		return gateway(http.StatusBadRequest, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.")
	case x.r.Header.Get("x-acs-version") != version, x.op.name != "" && x.r.Header.Get("x-acs-action") != x.op.name:
		return gateway(http.StatusBadRequest, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	case !x.e.firstUse(nonce, x.now()):
		return gateway(http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	return answer{}, true
}

// firstUse remembers a nonce for as long as its date could pass.
func (e *Emulator) firstUse(nonce string, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, used := e.nonces[nonce]; used {
		return false
	}
	if len(e.nonces) > 4096 {
		for old, at := range e.nonces {
			if now.Sub(at) > 2*dateWindow {
				delete(e.nonces, old)
			}
		}
	}
	e.nonces[nonce] = now
	return true
}
