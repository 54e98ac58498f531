package link

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve serves on a unix socket until the test ends, and returns the socket's name.
func serve(t testing.TB, s *Server) string {
	t.Helper()
	socket := socketName(t)
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: s}
	var wg sync.WaitGroup
	wg.Go(func() { srv.Serve(ln) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		srv.Close()
		wg.Wait()
	})
	return socket
}

func socketName(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "lk") //nolint:usetesting // t.TempDir is too long for a socket on macOS
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return filepath.Join(folder, "s")
}

func dial(t testing.TB, socket string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// open serves a handler and returns a link to it, both of which the end of the test ends.
func open(t testing.TB, s *Server) *Client {
	t.Helper()
	client, err := Open(t.Context(), dial(t, serve(t, s)), "host", "/link")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// rawLink returns a connection that has been upgraded, and no client on it.
func rawLink(t testing.TB, socket string) net.Conn {
	t.Helper()
	conn := dial(t, socket)
	t.Cleanup(func() { conn.Close() })
	if _, err := upgrade(conn, "host", "/link"); err != nil {
		t.Fatal(err)
	}
	return conn
}

func requestFrame(stream uint32, end bool, uri, body string) []byte {
	q := requestHead{method: http.MethodPost, uri: uri, host: "host", length: -1}
	head := q.append(nil)
	return appendFrame(nil, kindRequest, end, stream, appendLength(nil, len(head)), head, []byte(body))
}

func responseFrame(stream uint32, end bool, body string) []byte {
	head := appendResponseHead(nil, http.StatusOK, nil)
	return appendFrame(nil, kindResponse, end, stream, appendLength(nil, len(head)), head, []byte(body))
}

func echo(t testing.TB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	})
}

// post sends a body and returns the body that comes back.
func post(ctx context.Context, c *Client, body []byte) ([]byte, error) {
	resp, err := c.RoundTrip(ctx, http.MethodPost, "host", "/", nil, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// lostError wants a request to be lost.
func lostError(t testing.TB, s *Stream) *LostError {
	t.Helper()
	resp, err := s.Response()
	if err == nil {
		resp.Body.Close()
		t.Fatalf("the request was answered with %s, want it to be lost", resp.Status)
	}
	lost, ok := errors.AsType[*LostError](err)
	if !ok {
		t.Fatalf("Response = %v, want a LostError", err)
	}
	return lost
}

// countingConn counts, and hides that its connection can be written to without waiting.
type countingConn struct {
	net.Conn

	reads, writes atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.reads.Add(1)
	return n, err
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}
