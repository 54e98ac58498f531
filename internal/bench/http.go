package main

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
	"sync"
	"sync/atomic"
	"time"
)

// wire is one kept-alive connection to an MCP server over HTTP, with an MCP session of its own. It writes HTTP/1.1 itself,
// since on a small machine a heavy client would measure itself: what the client costs is taken from both sides alike, and
// hides a difference between them.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	head string // request line and headers, up to the length of the body
	last int
}

// newWire is a connection on which nothing has been said. The token may be empty.
func newWire(conn net.Conn, u *url.URL, token string) *wire {
	w := &wire{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	w.head = "POST " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
	if token != "" {
		w.head += "Authorization: Bearer " + token + "\r\n"
	}
	return w
}

// begin is how a client of the older era begins.
func (w *wire) begin() error {
	session, err := w.initialize()
	if err != nil {
		return err
	}
	w.head += "Mcp-Protocol-Version: " + protocol + "\r\n"
	if session != "" {
		w.head += "Mcp-Session-Id: " + session + "\r\n"
	}
	return w.notify("notifications/initialized")
}

// dialHTTP connects, and initializes. The token may be empty.
func dialHTTP(ctx context.Context, address, token string) (*wire, error) {
	return dialEra(ctx, door{address: address, token: token}, protocol, "")
}

func (w *wire) initialize() (session string, err error) {
	w.last++
	header, body, err := w.post(request(w.last, "initialize", initialize))
	if err != nil {
		return "", err
	}
	if _, err := pick(header, body, w.last); err != nil {
		return "", err
	}
	return header.Get("Mcp-Session-Id"), nil
}

func (w *wire) notify(method string) error {
	_, _, err := w.post(request(0, method, nil))
	return err
}

func (w *wire) call(method string, params json.RawMessage) (json.RawMessage, error) {
	w.last++
	header, body, err := w.post(request(w.last, method, params))
	if err != nil {
		return nil, err
	}
	return pick(header, body, w.last)
}

// post sends one body and reads the whole answer to it.
func (w *wire) post(body []byte) (http.Header, []byte, error) {
	message := make([]byte, 0, len(w.head)+len(body)+32)
	message = append(message, w.head...)
	message = append(message, "Content-Length: "...)
	message = strconv.AppendInt(message, int64(len(body)), 10)
	message = append(message, "\r\n\r\n"...)
	message = append(message, body...)
	if _, err := w.conn.Write(message); err != nil {
		return nil, nil, err
	}
	response, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, nil, fmt.Errorf("the server answered %s: %s", response.Status, answer)
	}
	return response.Header, answer, nil
}

// pick finds the answer to a request in the body of a response, which is a message or a stream of them.
func pick(header http.Header, body []byte, id int) (json.RawMessage, error) {
	if !strings.HasPrefix(header.Get("Content-Type"), "text/event-stream") {
		result, ours, err := answer(body, id)
		if err == nil && !ours {
			err = fmt.Errorf("this is no answer to request %d: %s", id, body)
		}
		return result, err
	}
	for line := range bytes.Lines(body) {
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		if result, ours, err := answer(bytes.TrimSpace(data), id); ours || err != nil {
			return result, err
		}
	}
	return nil, fmt.Errorf("no answer to request %d in the stream: %s", id, body)
}

func (w *wire) close() error { return w.conn.Close() }

// target is a server to be loaded, and the call to load it with.
type target struct {
	wires  []*wire
	params json.RawMessage
	want   string
}

// dialMany opens n connections.
func dialMany(ctx context.Context, n int, address, token string, params json.RawMessage, want string) (*target, error) {
	t := &target{params: params, want: want}
	for range n {
		w, err := dialHTTP(ctx, address, token)
		if err != nil {
			return nil, errors.Join(err, t.close())
		}
		t.wires = append(t.wires, w)
	}
	return t, nil
}

// rate loads the server over all connections for a while and returns how many calls it answered in a second.
func (t *target) rate(ctx context.Context, d time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var calls atomic.Int64
	failures := make(chan error, len(t.wires))
	var wg sync.WaitGroup
	began := time.Now()
	for _, w := range t.wires {
		wg.Go(func() {
			for ctx.Err() == nil {
				result, err := w.call("tools/call", t.params)
				if err == nil {
					err = checkTool(result, t.want)
				}
				if err != nil {
					failures <- err
					return
				}
				calls.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	select {
	case err := <-failures:
		return 0, err
	default:
		return float64(calls.Load()) / took.Seconds(), nil
	}
}

func (t *target) close() error {
	var err error
	for _, w := range t.wires {
		err = errors.Join(err, w.close())
	}
	return err
}
