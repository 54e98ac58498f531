package link

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// BenchmarkEcho is one small request and its response over a unix socket, by way of a link and of
// net/http as it is.
func BenchmarkEcho(b *testing.B) {
	message := bytes.Repeat([]byte("x"), 300)
	header := http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"},
		"Mcp-Session-Id": {"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, "Mcp-Protocol-Version": {"2025-11-25"},
		"Agentrun-Relay": {"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, "Agentrun-Relay-Version": {"0.1.0"},
	}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})
	socket := serve(b, &Server{Handler: echo})
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", socket) }

	conn, err := dial(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	client, err := Open(b.Context(), conn, "host", "/link")
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	plainHTTP := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
	defer plainHTTP.CloseIdleConnections()

	for _, way := range []struct {
		name string
		trip func(ctx context.Context) (*http.Response, error)
	}{
		{"link", func(ctx context.Context) (*http.Response, error) {
			return client.RoundTrip(ctx, http.MethodPost, "host", "/echo", header, message)
		}},
		{"net-http", func(ctx context.Context) (*http.Response, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host/echo", bytes.NewReader(message))
			if err != nil {
				return nil, err
			}
			req.Header = header
			return plainHTTP.RoundTrip(req)
		}},
	} {
		for _, inFlight := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", way.name, inFlight), func(b *testing.B) {
				b.ReportAllocs()
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan error, inFlight)
				for range inFlight {
					go func() {
						for left.Add(-1) >= 0 {
							if err := trip(b.Context(), way.trip, len(message)); err != nil {
								done <- err
								return
							}
						}
						done <- nil
					}()
				}
				for range inFlight {
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
			})
		}
	}
}

func trip(ctx context.Context, by func(context.Context) (*http.Response, error), want int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := by(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && len(body) != want {
		err = fmt.Errorf("%d bytes came back, want %d", len(body), want)
	}
	return err
}
