package mcpserver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// poster sends the same raw tool call again and again.
type poster struct {
	c    *http.Client
	url  string
	body string // with %d for the id
	hs   headers
	next atomic.Int64
}

func (p *poster) post(t testing.TB, body string) http.Header {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil
	}
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("Accept", "application/json, text/event-stream")
	for name, value := range p.hs {
		req.Header.Set(name, value)
	}
	resp, err := p.c.Do(req)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%d %s %v", resp.StatusCode, data, err)
	}
	return resp.Header
}

// batch makes a number of calls, so many at a time, and says how long that took.
func (p *poster) batch(t testing.TB, calls, atATime int) time.Duration {
	started := time.Now()
	var wg sync.WaitGroup
	for range atATime {
		wg.Go(func() {
			for range calls / atATime {
				p.post(t, fmt.Sprintf(p.body, p.next.Add(1)))
			}
		})
	}
	wg.Wait()
	return time.Since(started)
}

// setUp starts an MCP session in the older era, or takes the newer one's headers.
func (p *poster) setUp(t testing.TB, era, tool, args string, hs headers) *poster {
	p.hs = hs
	if era == legacy {
		p.body = legacyCall("%d", tool, args)
		p.hs["Mcp-Session-Id"] = p.post(t, initializeBody).Get("Mcp-Session-Id")
		return p
	}
	var more headers
	p.body, more = modernCall("%d", tool, args)
	maps.Copy(p.hs, more)
	return p
}

// startBare serves mcp-go as it comes, with one tool, echo.
func startBare(b *testing.B) (*http.Client, string) {
	b.Helper()
	bare := server.NewMCPServer("bare", "1", server.WithToolCapabilities(true))
	bare.AddTool(mcp.NewTool("echo", mcp.WithString("text")), func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(req.GetString("text", "")), nil
	})
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: server.NewStreamableHTTPServer(bare)}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	b.Cleanup(func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
		<-done
	})
	return &http.Client{Transport: tr}, "http://" + l.Addr().String() + "/mcp"
}

// BenchmarkListContextsAgainstBareEcho measures list_contexts over HTTP, with token and all, against mcp-go as it comes. The two
// take turns, so that a busy machine slows both; x-bare is requests per second in relation to the bare echo's.
func BenchmarkListContextsAgainstBareEcho(b *testing.B) {
	r := startRig(b, rigSetup{options: Options{Logger: slog.New(slog.DiscardHandler)}})
	for _, era := range []string{legacy, modern} {
		for _, atATime := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s %d at a time", era, atATime), func(b *testing.B) {
				bc, burl := startBare(b)
				bare := (&poster{c: bc, url: burl}).setUp(b, era, "echo", `{"text":"hi"}`, headers{})
				oc, ourl := r.client(b, TCP)
				ours := (&poster{c: oc, url: ourl}).setUp(b, era, "list_contexts", "{}", headers{"Authorization": "Bearer " + token})
				const calls = 80
				var ratios, took []float64
				for b.Loop() {
					one := ours.batch(b, calls, atATime)
					two := bare.batch(b, calls, atATime)
					ratios = append(ratios, two.Seconds()/one.Seconds())
					took = append(took, one.Seconds()/calls*1e6)
				}
				slices.Sort(ratios)
				slices.Sort(took)
				b.ReportMetric(ratios[len(ratios)/2], "x-bare")
				b.ReportMetric(took[len(took)/2], "µs/call")
			})
		}
	}
}
