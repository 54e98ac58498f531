package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"syscall"

	"github.com/agentrun-tray/agentrun-tray/internal/link"
)

const (
	headerHost      = "Agentrun-Host"
	headerSession   = "Mcp-Session-Id"
	headerProtocol  = "Mcp-Protocol-Version"
	headerReconnect = "Agentrun-Reconnected"
)

// contentTypes are values of headers, made once.
var (
	contentJSON  = []string{"application/json"}
	acceptAll    = []string{"application/json, text/event-stream"}
	acceptEvents = []string{"text/event-stream"}
)

// send makes one HTTP request to the host. The trip, which may be nil, learns what became of it.
func (r *Relay) send(ctx context.Context, t *trip, method string, body []byte, header [][2]string, s *session) (*http.Response, error) {
	l, err := r.linked(ctx)
	if err != nil {
		return nil, err
	}
	h := r.header(method, header, s)
	if l != nil {
		t.takes(l, h)
		return l.client.RoundTrip(ctx, method, hostName, mcpPath, h, body)
	}
	if t != nil {
		t.header = h
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
	req.Header = h
	return r.http.RoundTrip(req)
}

// header makes the header of a request.
func (r *Relay) header(method string, more [][2]string, s *session) http.Header {
	h := make(http.Header, 8)
	maps.Copy(h, r.about)
	switch method {
	case http.MethodPost:
		h["Content-Type"], h["Accept"] = contentJSON, acceptAll
	case http.MethodGet:
		h["Accept"] = acceptEvents
	}
	if s != nil {
		if s.id != "" {
			h[headerSession] = []string{s.id}
		}
		if s.protocol != "" {
			h[headerProtocol] = []string{s.protocol}
		}
	}
	for _, kv := range more {
		h[kv[0]] = []string{kv[1]}
	}
	return h
}

// trip is what one request met on its way.
type trip struct {
	relay  *Relay
	isTool bool
	header http.Header

	met  bool   // a connection to a host
	host string // which one, if known

	// In a connection of HTTP/1.1:
	conn  *hostConn
	start int64 // what conn had written before
	wrote bool  // on an earlier connection
}

// takes notes that the request goes over a link.
func (t *trip) takes(l *hostLink, header http.Header) {
	if t != nil {
		t.header = header
		t.meets(l.host)
	}
}

// meets notes at which host the request will arrive, and tells that host if it is a new one for us.
func (t *trip) meets(host string) {
	t.met, t.host = true, host
	if t.relay.meet(host) && t.isTool {
		t.header.Set(headerReconnect, "1")
	}
}

// mayHaveRun reports whether the host may have acted on a request which ended with this error
// before there was a response.
func (t *trip) mayHaveRun(err error) bool {
	if lost, ok := errors.AsType[*link.LostError](err); ok {
		return lost.Sent
	}
	return t.sent() && !unread(err)
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
	t.meets(conn.host)
}

// sent reports whether a byte of the request has left in a connection of HTTP/1.1. net/http repeats a request by itself only
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
