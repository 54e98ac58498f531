package doctor

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

// address is a server that is reached by URL.
type address struct {
	url     string
	token   string
	client  *http.Client
	session string // of the older revision
}

// dial makes the client; nothing is connected yet.
func dial(l editors.Launch) (*address, error) {
	a := &address{url: l.URL, token: l.Token, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if rest, ok := strings.CutPrefix(l.URL, "unix://"); ok {
		socket, path, _ := strings.Cut(rest, "#")
		a.url = "http://localhost" + path
		a.client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}
	} else if u, err := url.Parse(l.URL); err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" {
		return nil, errors.New("it is not an address of this computer, and nothing is sent to others")
	}
	return a, nil
}

func (a *address) verb() string      { return "Connecting as the editor would" }
func (a *address) lastWords() string { return "" }
func (a *address) close()            {}

func (a *address) send(ctx context.Context, r request) error {
	body, err := a.post(ctx, r)
	if err != nil {
		return err
	}
	return body.Close()
}

func (a *address) exchange(ctx context.Context, r request) (response, error) {
	body, err := a.post(ctx, r)
	if err != nil {
		return response{}, err
	}
	defer body.Close()
	in := bufio.NewReader(body)
	for {
		line, err := in.ReadBytes('\n')
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("data:"))) // of an event stream; else the whole answer is one line
		var answer response
		if json.Unmarshal(line, &answer) == nil && answer.Method == "" && string(answer.ID) == strconv.Itoa(r.ID) {
			return answer, nil
		}
		if err != nil {
			return response{}, errors.New("it has answered with something that is not MCP")
		}
	}
}

// post sends a message. The caller closes the body of the answer.
func (a *address) post(ctx context.Context, r request) (io.ReadCloser, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("Content-Type", "application/json")
	h.Set("Accept", "application/json, text/event-stream")
	if a.token != "" {
		h.Set("Authorization", "Bearer "+a.token)
	}
	if !r.old {
		h.Set("MCP-Protocol-Version", newVersion)
		h.Set("Mcp-Method", r.Method)
		if name, ok := r.Params["name"].(string); ok {
			h.Set("Mcp-Name", name)
		}
	} else if a.session != "" {
		h.Set("MCP-Protocol-Version", oldVersion)
		h.Set("Mcp-Session-Id", a.session)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("nobody listens there: %w", plain(err))
	}
	if session := resp.Header.Get("Mcp-Session-Id"); session != "" {
		a.session = session
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		_ = resp.Body.Close()
		return nil, errNotLetIn
	case resp.StatusCode >= http.StatusBadRequest && !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json"):
		_ = resp.Body.Close()
		return nil, &refusal{Code: resp.StatusCode, Message: resp.Status}
	}
	return resp.Body, nil
}

// plain leaves out the address, which the sentence around has already.
func plain(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
