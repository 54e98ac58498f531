package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// errNoHost is what commands say that need a running host.
var errNoHost = errors.New("no host is running; an editor starts one when it connects, or start one with: agentrunctl serve")

// ask sends a request to the running host's socket and returns the status and the body of its answer. Without a host the error is
// errNoHost.
func ask(ctx context.Context, dirs paths.Dirs, method, path string) (code int, body []byte, err error) {
	return askWithin(ctx, 5*time.Second, dirs, method, path)
}

// askWithin is ask for answers that take their time.
func askWithin(ctx context.Context, patience time.Duration, dirs paths.Dirs, method, path string) (code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return instance.Dial(ctx, dirs) },
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://agentrun"+path, nil) //nolint:gosec // whatever the path, it goes to the user's own socket
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(req) //nolint:gosec // as above
	if errors.Is(err, instance.ErrNoHost) {
		return 0, nil, errNoHost
	}
	if err != nil {
		return 0, nil, fmt.Errorf("ask the host: %w", err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, fmt.Errorf("read the host's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest && !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return 0, nil, fmt.Errorf("the host answered %s; it may be of another version", resp.Status)
	}
	return resp.StatusCode, body, nil
}

// askFor is ask for answers in JSON.
func askFor(ctx context.Context, dirs paths.Dirs, method, path string, into any) error {
	_, body, err := ask(ctx, dirs, method, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read the host's answer: %w", err)
	}
	return nil
}
