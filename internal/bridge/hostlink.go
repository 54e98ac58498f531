package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/link"
)

const (
	hostName = "agentrun" // made up: the connection is the unix socket
	mcpPath  = "/mcp"     // where the host serves MCP
	linkPath = "/link"    // where it makes links
)

// hostLink is a link to one host. All requests travel on one link for as long as the host lives; to a
// host which is older than links they travel in connections of HTTP/1.1.
type hostLink struct {
	client *link.Client
	host   string // process and start of the host at the other end, if known
}

// linked returns the link to the host, which it opens if need be, or nil if the host knows none. An
// error means that there is no host to be had, and that nothing was sent to one.
func (r *Relay) linked(ctx context.Context) (*hostLink, error) {
	r.mu.Lock()
	l, f := r.usableLink(), (*flight)(nil)
	if l == nil && r.plain == nil {
		f = r.join(&r.linking, r.openLink)
	}
	r.mu.Unlock()
	if f == nil {
		return l, nil
	}
	if err := f.wait(ctx); err != nil && !errors.Is(err, link.ErrNotSpoken) {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.plain != nil {
		return nil, nil //nolint:nilnil // it is what nil says
	}
	return r.link, nil // if it is over by now, it says so when it is used
}

// usableLink returns the link if requests can be made on it. It needs mu.
func (r *Relay) usableLink() *hostLink {
	if r.link == nil || !r.link.client.Usable() {
		return nil
	}
	return r.link
}

// linkAhead opens the link while the editor makes up its first request, if there is a host.
func (r *Relay) linkAhead() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.join(&r.linking, r.openLink)
}

func (r *Relay) openLink(ctx context.Context) error {
	conn, host, err := r.connect(ctx)
	if err != nil {
		return err
	}
	client, err := link.Open(ctx, conn, hostName, linkPath)
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, link.ErrNotSpoken) {
		r.plain = &host
		return err
	}
	if err != nil {
		return err
	}
	r.links = slices.DeleteFunc(r.links, func(old *hostLink) bool {
		select {
		case <-old.client.Done():
			return true
		default:
			return false // a host which is ending still serves what it has begun
		}
	})
	r.link = &hostLink{client, host}
	r.links = append(r.links, r.link)
	return nil
}

// hangUp closes all connections.
func (r *Relay) hangUp() {
	r.mu.Lock()
	links := r.links
	r.links = nil
	r.mu.Unlock()
	for _, l := range links {
		l.client.Close()
	}
	r.http.CloseIdleConnections()
}

// connect dials the host and learns which one it is.
func (r *Relay) connect(ctx context.Context) (conn net.Conn, host string, err error) {
	conn, err = instance.Dial(ctx, r.opt.Dirs)
	if err != nil {
		return nil, "", err
	}
	// The host wrote its name down before it began to listen.
	if info, err := instance.Read(r.opt.Dirs); err == nil {
		host = fmt.Sprintf("%d@%d", info.PID, info.StartedAt.UnixNano())
	}
	r.seen()
	return conn, host, nil
}

// dial connects to a host for HTTP/1.1. One which is not the host that knew no links may know them.
func (r *Relay) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, host, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	if r.plain != nil && *r.plain != host {
		r.plain = nil
	}
	r.mu.Unlock()
	return &hostConn{Conn: conn, host: host}, nil
}

// hostConn counts what was written, to tell a request that was sent from one that never left.
type hostConn struct {
	net.Conn

	host    string // process and start of the host at the other end, if known
	written atomic.Int64
}

// Write counts.
func (c *hostConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}
