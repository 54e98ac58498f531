package main

import (
	"context"
	"errors"
	"io"

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
	return map[string]func(context.Context, io.Reader, io.Writer) error{
		peerStdio: serveStdio, peerHTTP: serveHTTP,
		peerSDKStdio: serveSDKStdio, peerSDKHTTP: serveSDKHTTP(false), peerSDKStateless: serveSDKHTTP(true),
	}
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
	return servePage(ctx, server.NewStreamableHTTPServer(bareServer()), in, out)
}

// webPeer is the HTTP peer in a process of its own.
type webPeer struct {
	process *process
	address string
}

func (b *bench) webPeer(ctx context.Context) (*webPeer, error) {
	return b.startPage(ctx, b.self, peerHTTP)
}

func (w *webPeer) close() error { return w.process.stop(nil) }
