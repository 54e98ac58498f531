package agentrun

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

const (
	controlAlgorithm = "ACS3-HMAC-SHA256"
	controlVersion   = "2025-09-10"
	jsonUTF8         = "application/json; charset=utf-8"
)

// signControl signs a request of the control plane with its body and returns the signature. A nonce serves once: a request that
// is sent again is signed again.
func signControl(req *http.Request, body []byte, action string, creds Credentials, now time.Time, nonce string) string {
	signed := controlHeaders(req.URL.Host, action, body, creds, now, nonce)
	names, text := canonicalControl(req.Method, req.URL.EscapedPath(), req.URL.RawQuery, signed)
	signature := hex.EncodeToString(mac([]byte(creds.AccessKeySecret), stringToSign(controlAlgorithm, text)))
	setSigned(req, signed)
	req.Header.Set("Authorization", controlAlgorithm+" Credential="+creds.AccessKeyID+",SignedHeaders="+names+",Signature="+signature)
	return signature
}

// controlHeaders are the headers that are sent and signed.
func controlHeaders(host, action string, body []byte, creds Credentials, now time.Time, nonce string) map[string]string {
	sum := sha256.Sum256(body)
	signed := map[string]string{
		"host":                  host,
		"x-acs-version":         controlVersion,
		"x-acs-action":          action,
		"x-acs-date":            now.UTC().Format(signedDate),
		"x-acs-signature-nonce": nonce,
		"x-acs-content-sha256":  hex.EncodeToString(sum[:]),
	}
	if len(body) > 0 {
		signed["content-type"] = jsonUTF8
	}
	if creds.SecurityToken != "" {
		signed["x-acs-accesskey-id"] = creds.AccessKeyID
		signed["x-acs-security-token"] = creds.SecurityToken
	}
	return signed
}

// canonicalControl writes the canonical request. The content hash stands at its end once more.
func canonicalControl(method, escapedPath, rawQuery string, signed map[string]string) (names, text string) {
	names, headers := canonicalHeaders(signed)
	return names, strings.Join([]string{method, escapedPath, canonicalQuery(rawQuery), headers, names, signed["x-acs-content-sha256"]}, "\n")
}

// newNonce gives 32 random hexadecimal digits, as the official client sends them.
func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
