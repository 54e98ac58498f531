// Package control asks the host that runs for this user, over its socket, which only the user can open. What it can be asked is
// listed where it is answered, in package app.
package control

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

// ErrNoHost is what those are told who need a running host.
var ErrNoHost = errors.New("no host is running; an editor starts one when it connects, or start one with: agentrunctl serve")

// Ask sends a request to the running host and returns the status and the body of its answer. Without a host the error is ErrNoHost.
func Ask(ctx context.Context, dirs paths.Dirs, method, path string) (code int, body []byte, err error) {
	return AskWithin(ctx, 5*time.Second, dirs, method, path)
}

// AskWithin is Ask for answers that take their time.
func AskWithin(ctx context.Context, patience time.Duration, dirs paths.Dirs, method, path string) (code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return instance.Dial(ctx, dirs) },
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://agentrun"+path, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(req)
	if errors.Is(err, instance.ErrNoHost) {
		return 0, nil, ErrNoHost
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

// AskFor is Ask for answers in JSON.
func AskFor(ctx context.Context, dirs paths.Dirs, method, path string, into any) error {
	_, body, err := Ask(ctx, dirs, method, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read the host's answer: %w", err)
	}
	return nil
}

// Stop ends the running host and waits until it has ended, for as long as a host may take: code gets a moment to end, and sandboxes
// are closed. Without a host the error is ErrNoHost.
func Stop(ctx context.Context, dirs paths.Dirs) error {
	_, _, err := AskWithin(ctx, stopPatience, dirs, http.MethodPost, "/stop")
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the host was told to stop, and still runs after %v; agentrunctl status shows what it does", stopPatience)
	}
	return err
}

const stopPatience = 30 * time.Second
