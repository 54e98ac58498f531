package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// stdio speaks JSON-RPC in lines with a program, one request at a time.
type stdio struct {
	in   io.Writer
	out  *bufio.Reader
	last int // id of the last request
}

func newStdio(in io.Writer, out io.Reader) *stdio {
	return &stdio{in: in, out: bufio.NewReaderSize(out, 64<<10)}
}

// send writes a request, or a notification, and returns its id without waiting for an answer.
func (s *stdio) send(method string, params json.RawMessage) (int, error) {
	s.last++
	_, err := s.in.Write(request(s.last, method, params))
	return s.last, err
}

// notify writes a notification.
func (s *stdio) notify(method string, params json.RawMessage) error {
	_, err := s.in.Write(request(0, method, params))
	return err
}

// wait reads until the answer to a request is there. What else the server says is skipped.
func (s *stdio) wait(id int) (json.RawMessage, error) {
	for {
		line, err := s.out.ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("waiting for an answer: %w", err)
		}
		if result, ours, err := answer(line, id); ours || err != nil {
			return result, err
		}
	}
}

func (s *stdio) call(method string, params json.RawMessage) (json.RawMessage, error) {
	id, err := s.send(method, params)
	if err != nil {
		return nil, err
	}
	return s.wait(id)
}

// handshake is how a client of this era begins.
func (s *stdio) handshake() error {
	if _, err := s.call("initialize", initialize); err != nil {
		return fmt.Errorf("initialize: %w", err)
	}
	return s.notify("notifications/initialized", nil)
}

// batch calls a tool n times, one after the other, and returns how long each call took.
func (s *stdio) batch(ctx context.Context, n int, params json.RawMessage, want string) (series, error) {
	took := make(series, 0, n)
	for range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		began := time.Now()
		result, err := s.call("tools/call", params)
		took = append(took, time.Since(began))
		if err == nil {
			err = checkTool(result, want)
		}
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}

// client is a program that serves MCP on its standard input and output, with the handshake done.
type client struct {
	*stdio
	process *process
}

func (b *bench) connect(ctx context.Context, home, program string, args ...string) (*client, error) {
	p, err := b.start(ctx, home, program, args...)
	if err != nil {
		return nil, err
	}
	c := &client{newStdio(p.stdin, p.stdout), p}
	if err := c.handshake(); err != nil {
		_ = p.stop(nil) // the first error says more
		return nil, p.explain(fmt.Errorf("%s: %w", program, err))
	}
	return c, nil
}

// relay connects to a host through a relay of its own.
func (b *bench) relay(ctx context.Context, h *host) (*client, error) {
	return b.connect(ctx, h.home, b.program("agentrun-mcp"))
}

// echo connects to a bare mcp-go server over stdio.
func (b *bench) echo(ctx context.Context) (*client, error) {
	return b.connect(ctx, "", b.self, peerStdio)
}

// newContext makes a context and returns its id.
func (c *client) newContext(name, language string) (string, error) {
	params, err := tool("create_context", map[string]string{"name": name, "language": language})
	if err != nil {
		return "", err
	}
	result, err := c.call("tools/call", params)
	if err == nil {
		err = checkTool(result, "")
	}
	if err != nil {
		return "", fmt.Errorf("create_context: %w", err)
	}
	var made struct {
		ID string `json:"context_id"`
	}
	if err := structured(result, &made); err != nil || made.ID == "" {
		return "", fmt.Errorf("create_context: no context_id in %s (%w)", result, err)
	}
	return made.ID, nil
}

func (c *client) stopContext(id string) error {
	params, err := tool("stop_context", map[string]string{"context_id": id})
	if err != nil {
		return err
	}
	result, err := c.call("tools/call", params)
	if err == nil {
		err = checkTool(result, "")
	}
	if err != nil {
		return fmt.Errorf("stop_context: %w", err)
	}
	return nil
}

// runCode runs code in a context and returns what it printed.
func (c *client) runCode(id, code string, seconds int) (string, error) {
	params, err := tool("run_code", map[string]any{"context_id": id, "code": code, "timeout_seconds": seconds})
	if err != nil {
		return "", err
	}
	result, err := c.call("tools/call", params)
	if err == nil {
		err = checkTool(result, "")
	}
	if err != nil {
		return "", fmt.Errorf("run_code: %w", err)
	}
	var ran struct {
		Success bool   `json:"success"`
		Stdout  string `json:"stdout"`
		Stderr  string `json:"stderr"`
	}
	if err := structured(result, &ran); err != nil {
		return "", fmt.Errorf("run_code: %w", err)
	}
	if !ran.Success {
		return "", fmt.Errorf("run_code: the code failed: %s", ran.Stderr)
	}
	return ran.Stdout, nil
}

// close ends the program.
func (c *client) close() error { return c.process.stop(nil) }
