package agentrun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// rawBody is a body that is not JSON. It can be sent once.
type rawBody struct {
	content     io.Reader
	size        int64 // -1: not known
	contentType string
}

// send sends one attempt of a call and returns the answer's head. The request lives as long as ctx, which the caller has made of
// its own caller's outer.
func (c *Client) send(ctx, outer context.Context, cl call) (*http.Response, *try, *APIError) {
	t := &try{c: c, cl: cl, began: time.Now()}
	creds, err := c.credentials(ctx)
	t.secrets = creds.secrets()
	if err != nil {
		if outer.Err() != nil {
			return nil, t, t.broken(outer, err)
		}
		return nil, t, t.failure(nil, KindNoCredentials, "the credentials could not be read: "+err.Error(), err)
	}
	if refused := t.check(creds); refused != nil {
		return nil, t, refused
	}
	endpoint := c.endpoint(cl.plane, creds)
	t.host = endpoint.Host()
	req, body, failed := t.request(ctx, endpoint)
	if failed != nil {
		return nil, t, failed
	}
	switch {
	case cl.plane == Control:
		t.secrets = append(t.secrets, signControl(req, body, cl.op, creds, t.began, newNonce()))
	case creds.signs():
		t.secrets = append(t.secrets, signData(req, creds, c.region, t.began))
	default:
		req.Header.Set("X-API-Key", creds.APIKey)
		if c.account != "" { // unsigned calls name the account; in signed ones a header that is not signed could be refused
			req.Header.Set("X-Acs-Parent-Id", c.account)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		failed = t.broken(outer, err)
		t.log(outer, 0, "", failed.Kind)
		return nil, t, failed
	}
	t.left()
	t.log(outer, resp.StatusCode, requestID(resp.Header), "")
	return resp, t, nil
}

// left notes that at least the head of the request has left.
func (t *try) left() {
	if !t.sent.Swap(true) {
		t.c.onSent()
	}
}

func (t *try) log(ctx context.Context, status int, id string, kind Kind) {
	t.c.log.DebugContext(ctx, "agentrun request", "operation", t.cl.op, "plane", string(t.cl.plane), "status", status, "request_id", id, "kind", string(kind), "took", time.Since(t.began))
}

// check refuses what cannot succeed, before anything is sent.
func (t *try) check(creds Credentials) *APIError {
	for segment := range strings.SplitSeq(strings.TrimPrefix(t.cl.path, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return t.failure(nil, KindInvalid, "a name in the request is empty or a dot", nil)
		}
	}
	switch {
	case creds.signs():
	case t.cl.plane == Data && creds.APIKey != "":
	case creds.APIKey != "":
		return t.failure(nil, KindNoCredentials, "an API key opens sandboxes only; this call needs an access key", nil)
	default:
		return t.failure(nil, KindNoCredentials, "there is no access key", nil)
	}
	return nil
}

func (c *Client) endpoint(plane Plane, creds Credentials) Endpoint {
	switch {
	case plane == Control:
		return c.control
	case creds.signs():
		return c.data.signed()
	default:
		return c.data
	}
}

// request makes the request, not signed yet, and gives its body if that is in memory.
func (t *try) request(ctx context.Context, endpoint Endpoint) (*http.Request, []byte, *APIError) {
	target := endpoint.String()
	if t.cl.plane == Control {
		target += "/" + controlVersion
	}
	target += t.cl.path
	if len(t.cl.query) > 0 {
		target += "?" + t.cl.query.Encode()
	}
	var (
		body    []byte
		content io.Reader
	)
	contentType := "application/json"
	switch {
	case t.cl.raw != nil:
		content, contentType = t.cl.raw.content, t.cl.raw.contentType
	case t.cl.body != nil:
		var err error
		if body, err = encode(t.cl.body); err != nil {
			return nil, nil, t.failure(nil, KindInvalid, "the request cannot be written: "+err.Error(), err)
		}
		content = bytes.NewReader(body)
	}
	trace := &httptrace.ClientTrace{WroteHeaders: t.left}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), t.cl.method, target, content)
	if err != nil {
		err = withoutURL(err)
		return nil, nil, t.failure(nil, KindInvalid, "the request cannot be made: "+err.Error(), err)
	}
	if t.cl.raw != nil {
		req.ContentLength = t.cl.raw.size
	}
	maps.Copy(req.Header, t.cl.header)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", t.c.userAgent)
	if t.cl.plane == Data { // also without a body, as the official client does
		req.Header.Set("Content-Type", contentType)
	}
	return req, body, nil
}

// encode writes JSON without turning <, > and & into escapes, which code is full of.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// mostAnswer is the longest answer that is read into memory, in bytes. Files of up to 100 MB come as a stream instead.
const mostAnswer = 32 << 20

var errTooLong = errors.New("the answer is longer than 32 MiB")

// readAll reads an answer to its end, so that the connection can serve again.
func readAll(body io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, mostAnswer+1))
	if err == nil && len(b) > mostAnswer {
		return nil, errTooLong
	}
	return b, err
}
