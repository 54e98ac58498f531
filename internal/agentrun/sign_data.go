package agentrun

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	dataAlgorithm   = "AGENTRUN4-HMAC-SHA256"
	dataHeader      = "Agentrun-Authorization" // not Authorization
	unsignedPayload = "UNSIGNED-PAYLOAD"
	product         = "agentrun"
	signedDate      = "2006-01-02T15:04:05Z" // of both planes; the time is in UTC
)

// signData signs a request of the data plane and returns the signature. The body is not part of it, so it can be streamed; the
// content type is sent but not signed, as the official client does it.
func signData(req *http.Request, creds Credentials, region string, now time.Time) string {
	now = now.UTC()
	signed := map[string]string{
		"host":                 req.URL.Host,
		"x-acs-date":           now.Format(signedDate),
		"x-acs-content-sha256": unsignedPayload,
	}
	if creds.SecurityToken != "" {
		signed["x-acs-security-token"] = creds.SecurityToken
	}
	names, text := canonicalData(req.Method, req.URL.EscapedPath(), req.URL.RawQuery, signed)
	signature := dataSignature(creds.AccessKeySecret, region, now, text)
	setSigned(req, signed)
	req.Header.Set(dataHeader, dataAlgorithm+" Credential="+creds.AccessKeyID+"/"+dataScope(region, now)+",SignedHeaders="+names+",Signature="+signature)
	return signature
}

// setSigned puts what was signed into the request, except the host, which the URL brings.
func setSigned(req *http.Request, signed map[string]string) {
	for name, value := range signed {
		if name != "host" {
			req.Header.Set(name, value)
		}
	}
}

func dataScope(region string, now time.Time) string {
	return now.Format("20060102") + "/" + region + "/" + product + "/aliyun_v4_request"
}

// canonicalData writes the canonical request: the path as it stands in the URL, the query in its canonical form, and the
// headers, given with lower-case names.
func canonicalData(method, escapedPath, rawQuery string, signed map[string]string) (names, text string) {
	if escapedPath == "" {
		escapedPath = "/"
	}
	names, headers := canonicalHeaders(signed)
	return names, strings.Join([]string{strings.ToUpper(method), escapedPath, canonicalQuery(rawQuery), headers, names, unsignedPayload}, "\n")
}

// canonicalHeaders gives the sorted names, joined, and a line for each.
func canonicalHeaders(signed map[string]string) (names, lines string) {
	sorted := slices.Sorted(maps.Keys(signed))
	var b strings.Builder
	for _, name := range sorted {
		b.WriteString(name + ":" + strings.TrimSpace(signed[name]) + "\n")
	}
	return strings.Join(sorted, ";"), b.String()
}

// canonicalQuery decodes the pairs of a raw query and encodes them again, sorted by the decoded key. A piece without an equals
// sign is left out, and of two pairs with one key the last counts. Not by way of url.ParseQuery, which refuses semicolons.
func canonicalQuery(raw string) string {
	pairs := map[string]string{}
	for piece := range strings.SplitSeq(raw, "&") {
		if key, value, ok := strings.Cut(piece, "="); ok {
			pairs[unescapeQuery(key)] = unescapeQuery(value)
		}
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escape(key) + "=" + escape(pairs[key]))
	}
	return b.String()
}

// unescapeQuery decodes what it can: a stray percent sign stands for itself.
func unescapeQuery(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return strings.ReplaceAll(s, "+", " ")
}

// escape percent-encodes everything but the unreserved characters of RFC 3986, which net/url has no function for.
func escape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

// dataSignature derives the key of the day, region and product, and signs the canonical request with it. The string to sign has
// neither time nor scope: the derived key carries both.
func dataSignature(secret, region string, now time.Time, canonical string) string {
	key := dataKey(secret, region, now)
	return hex.EncodeToString(mac(key, stringToSign(dataAlgorithm, canonical)))
}

func dataKey(secret, region string, now time.Time) []byte {
	key := []byte("aliyun_v4" + secret)
	for _, part := range []string{now.UTC().Format("20060102"), region, product, "aliyun_v4_request"} {
		key = mac(key, part)
	}
	return key
}

func stringToSign(algorithm, canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return algorithm + "\n" + hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
