package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"syscall"
)

const (
	headerHost      = "Agentrun-Host"
	headerSession   = "Mcp-Session-Id"
	headerProtocol  = "Mcp-Protocol-Version"
	headerReconnect = "Agentrun-Reconnected"
)

// send makes one HTTP request to the host. The trip, which may be nil, learns what became of it.
func (r *Relay) send(ctx context.Context, t *trip, method string, body []byte, header [][2]string, s *session) (*http.Response, error) {
	if t != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: t.gotConn})
	}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, mcpURL, content)
	if err != nil {
		return nil, fmt.Errorf("make a request for the host: %w", err)
	}
	h := req.Header
	h.Set("Agentrun-Relay", r.id)
	h.Set("Agentrun-Relay-Version", r.opt.Version)
	if r.opt.Parent.Name != "" {
		h.Set("Agentrun-Parent", r.opt.Parent.Name)
	}
	switch method {
	case http.MethodPost:
		h.Set("Content-Type", "application/json")
		h.Set("Accept", "application/json, text/event-stream")
	case http.MethodGet:
		h.Set("Accept", "text/event-stream")
	}
	if s != nil {
		if s.id != "" {
			h.Set(headerSession, s.id)
		}
		if s.protocol != "" {
			h.Set(headerProtocol, s.protocol)
		}
	}
	for _, kv := range header {
		h.Set(kv[0], kv[1])
	}
	if t != nil {
		t.header = h
	}
	return r.http.RoundTrip(req)
}

// trip is what one request met on its way.
type trip struct {
	relay  *Relay
	isTool bool
	header http.Header

	conn  *hostConn
	start int64 // what conn had written before
	wrote bool  // on an earlier connection
}

// gotConn is called by net/http, on the goroutine of the request, when it has a connection and
// before it writes. That is the last moment in which we can tell the host that it is a new one for
// us, and the first in which we know.
func (t *trip) gotConn(info httptrace.GotConnInfo) {
	t.wrote = t.sent()
	conn, ok := info.Conn.(*hostConn)
	if !ok {
		return
	}
	t.conn, t.start = conn, conn.written.Load()
	if t.relay.meet(conn.host) && t.isTool {
		t.header.Set(headerReconnect, "1")
	}
}

// sent reports whether a byte of the request has left. net/http repeats a request by itself only
// if none has.
func (t *trip) sent() bool {
	return t.wrote || t.conn != nil && t.conn.written.Load() > t.start
}

// unread reports whether an error proves that the host has not read the request to its end, which
// it does before it acts on it. Linux resets the connection on a unix socket exactly when its other
// end is closed with something unread in it, or before it was accepted: what happens to requests
// that meet a host in the moment of its death. Elsewhere a reset may mean other things.
func unread(err error) bool {
	return runtime.GOOS == "linux" && errors.Is(err, syscall.ECONNRESET)
}

// meet notes which host answers and reports whether there ever was another one before it. Every
// tools/call says so from then on: which of them has an answer in which the model can be told, and
// whether it has been told, only the host knows.
func (r *Relay) meet(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if host != "" {
		r.changed = r.changed || r.host != "" && r.host != host
		r.host = host
	}
	return r.changed
}
