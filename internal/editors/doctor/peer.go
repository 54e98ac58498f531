package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

// The revisions of MCP that are tried, newest first.
const (
	newVersion = "2026-07-28"
	oldVersion = "2025-11-25"
)

// peer is the other end of an MCP connection, as an editor has it. It is used by one goroutine.
type peer struct {
	carrier
	old  bool // it did not understand the newer revision
	next int
}

// carrier carries messages: over the streams of a program, or by HTTP.
type carrier interface {
	// exchange sends a request and returns the answer with its id.
	exchange(ctx context.Context, r request) (response, error)
	// send sends a notification.
	send(ctx context.Context, r request) error
	verb() string
	lastWords() string
	close()
}

// request is a JSON-RPC message from us.
type request struct {
	JSONRPC string         `json:"jsonrpc"`
	ID      int            `json:"id,omitempty"`
	Method  string         `json:"method"`
	Params  map[string]any `json:"params,omitempty"`

	old bool
}

// response is one to us.
type response struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  *refusal        `json:"error"`
}

// refusal is an error that the other end has sent.
type refusal struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string {
	return fmt.Sprintf("it answered with error %d: %s", r.Code, r.Message)
}

// errNotLetIn says that a token was not accepted.
var errNotLetIn = errors.New("the token is not accepted")

func open(ctx context.Context, l editors.Launch, env []string) (*peer, error) {
	var c carrier
	var err error
	if l.URL != "" {
		c, err = dial(l)
	} else {
		c, err = start(ctx, l, env)
	}
	if err != nil {
		return nil, err
	}
	return &peer{carrier: c}, nil
}

func (p *peer) self() map[string]any {
	return map[string]any{"name": "agentrun-doctor", "version": versionOf()}
}

// call asks and waits for the answer.
func (p *peer) call(ctx context.Context, method string, params map[string]any, into any) error {
	p.next++
	if !p.old {
		params["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    newVersion,
			"io.modelcontextprotocol/clientInfo":         p.self(),
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		}
	}
	answer, err := p.exchange(ctx, request{JSONRPC: "2.0", ID: p.next, Method: method, Params: params, old: p.old})
	if err != nil {
		return err
	}
	if answer.Error != nil {
		return answer.Error
	}
	if err := json.Unmarshal(answer.Result, into); err != nil {
		return fmt.Errorf("its answer to %s is not understood: %w", method, err)
	}
	return nil
}

func (p *peer) notify(ctx context.Context, method string) error {
	return p.send(ctx, request{JSONRPC: "2.0", Method: method, old: p.old})
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex // guards below
	text []byte
}

const tailSize = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(p), nil
}

// last is the line that tells most.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return telling(t.text)
}

// telling is the last line of what a program has said, or that which says why it has ended, behind which it has told where it was.
func telling(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
