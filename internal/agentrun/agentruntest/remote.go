package agentruntest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Remote is an emulator in another process of this computer. Its methods do what those of [Emulator] do, and are safe for concurrent
// use.
type Remote struct{ url string }

// Reach checks an endpoint, such as the one that the emulator gave for its control plane. It calls nobody.
func Reach(endpoint string) (*Remote, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || !isLoopback(u.Hostname()) || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%q is not the address of an emulator; one is like http://127.0.0.1:41234", endpoint)
	}
	return &Remote{"http://" + u.Host}, nil
}

// Inject adds a fault.
func (r *Remote) Inject(ctx context.Context, fault Fault) error {
	return r.ask(ctx, http.MethodPost, "/faults", fault, nil)
}

// ClearFaults takes back all faults, and says how many of them no request had met, or not as often as it should.
func (r *Remote) ClearFaults(ctx context.Context) (int, error) {
	var c cleared
	err := r.ask(ctx, http.MethodDelete, "/faults", nil, &c)
	return c.Left, err
}

// Sandboxes lists the ids of living sandboxes, oldest first.
func (r *Remote) Sandboxes(ctx context.Context) ([]string, error) {
	var ids []string
	err := r.ask(ctx, http.MethodGet, "/sandboxes", nil, &ids)
	return ids, err
}

// EndSandbox ends a sandbox without a word to anybody. It reports whether it lived.
func (r *Remote) EndSandbox(ctx context.Context, id string) (bool, error) {
	var e ending
	err := r.ask(ctx, http.MethodDelete, "/sandboxes/"+url.PathEscape(id), nil, &e)
	return e.Lived, err
}

// Advance turns the emulator's clock on.
func (r *Remote) Advance(ctx context.Context, by time.Duration) error {
	return r.ask(ctx, http.MethodPost, "/clock", turn{by.String()}, nil)
}

// FailNextTemplate lets the next template that is created come to nothing, for a reason.
func (r *Remote) FailNextTemplate(ctx context.Context, reason string) error {
	return r.ask(ctx, http.MethodPost, "/templates", failing{reason}, nil)
}

// Requests gives what came so far, oldest first.
func (r *Remote) Requests(ctx context.Context) ([]Request, error) {
	var list []Request
	err := r.ask(ctx, http.MethodGet, "/requests", nil, &list)
	return list, err
}

// Await waits until an operation was asked for so often.
func (r *Remote) Await(ctx context.Context, operation string, times int) error {
	query := url.Values{"operation": {operation}, "times": {strconv.Itoa(times)}}
	return r.ask(ctx, http.MethodGet, "/await?"+query.Encode(), nil, nil)
}

// ask sends a request and decodes the answer into what into points to; nil if it is of no interest.
func (r *Remote) ask(ctx context.Context, method, path string, say, into any) error {
	body, err := json.Marshal(say)
	if err != nil {
		return fmt.Errorf("steer the emulator: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+steering+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("steer the emulator: %w", err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // nothing stays open
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("steer the emulator: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := json.NewDecoder(resp.Body)
	if resp.StatusCode != http.StatusOK {
		var why objection
		if err := answer.Decode(&why); err != nil || why.Problem == "" {
			return fmt.Errorf("steer the emulator: %s answers %s; it may be something else", r.url, resp.Status)
		}
		return fmt.Errorf("steer the emulator: %s", why.Problem)
	}
	if into == nil {
		return nil
	}
	if err := answer.Decode(into); err != nil {
		return fmt.Errorf("steer the emulator: %s is not understood: %w", r.url, err)
	}
	return nil
}
