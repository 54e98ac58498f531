package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/mark3labs/mcp-go/mcp"    //nolint:depguard // a peer to be measured
	"github.com/mark3labs/mcp-go/server" //nolint:depguard // a peer to be measured
)

// The hidden first words with which this program plays a peer.
const (
	peerStdio = "peer-stdio"
	peerHTTP  = "peer-http"
)

// peers maps the hidden words to what they do until their input ends.
func peers() map[string]func(ctx context.Context, in io.Reader, out io.Writer) error {
	return map[string]func(context.Context, io.Reader, io.Writer) error{peerStdio: serveStdio, peerHTTP: serveHTTP}
}

// bareServer is mcp-go as its own first example has it: one tool that says back what it was told.
func bareServer() *server.MCPServer {
	s := server.NewMCPServer("echo", "1")
	s.AddTool(mcp.NewTool("echo", mcp.WithString("text", mcp.Required())), func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		text, err := r.RequireString("text")
		if err != nil {
			return nil, err
		}
		return mcp.NewToolResultText(text), nil
	})
	return s
}

// serveStdio is a bare mcp-go server on standard input and output.
func serveStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	err := server.NewStdioServer(bareServer()).Listen(ctx, in, out)
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// serveHTTP is a bare mcp-go server on a free port, whose address it prints.
func serveHTTP(ctx context.Context, in io.Reader, out io.Writer) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: server.NewStreamableHTTPServer(bareServer()), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(ln) }()
	if _, err := fmt.Fprintf(out, "http://%s/mcp\n", ln.Addr()); err != nil {
		return errors.Join(err, web.Close(), <-ended)
	}
	_, err = io.Copy(io.Discard, in) // until whoever started us goes away
	err = errors.Join(err, web.Close())
	if stopped := <-ended; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, stopped)
	}
	return err
}

// webPeer is the HTTP peer in a process of its own.
type webPeer struct {
	process *process
	address string
}

func (b *bench) webPeer(ctx context.Context) (*webPeer, error) {
	p, err := b.start(ctx, "", b.self, peerHTTP)
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(p.stdout).ReadString('\n')
	if err != nil {
		return nil, p.explain(errors.Join(fmt.Errorf("the HTTP peer: %w", err), p.stop(nil)))
	}
	return &webPeer{p, line[:len(line)-1]}, nil
}

func (w *webPeer) close() error { return w.process.stop(nil) }
