package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The hidden first words with which this program plays a server of go-sdk. The stateless one is what go-sdk serves the newer era
// with.
const (
	peerSDKStdio     = "peer-sdk-stdio"
	peerSDKHTTP      = "peer-sdk-http"
	peerSDKStateless = "peer-sdk-http-stateless"
)

// bareSDKServer is go-sdk as its own first example has it: one tool that says back what it was told.
func bareSDKServer() *mcp.Server {
	type said struct {
		Text string `json:"text"`
	}
	s := mcp.NewServer(&mcp.Implementation{Name: "echo", Version: "1"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "echo"}, func(_ context.Context, _ *mcp.CallToolRequest, in said) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: in.Text}}}, nil, nil
	})
	return s
}

// serveSDKStdio is a bare go-sdk server on standard input and output.
func serveSDKStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	err := bareSDKServer().Run(ctx, &mcp.IOTransport{Reader: io.NopCloser(in), Writer: unclosed{out}})
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// unclosed is a writer that somebody else closes.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// serveSDKHTTP is a bare go-sdk server on a free port, whose address it prints.
func serveSDKHTTP(stateless bool) func(ctx context.Context, in io.Reader, out io.Writer) error {
	return func(ctx context.Context, in io.Reader, out io.Writer) error {
		s := bareSDKServer()
		return servePage(ctx, mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{Stateless: stateless}), in, out)
	}
}

// servePage serves on a free port, whose address it prints, until in ends.
func servePage(ctx context.Context, handler http.Handler, in io.Reader, out io.Writer) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
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

// peerScript is a server of the TypeScript SDK.
//
//go:embed programs/peer.mjs
var peerScript string

// errNoTypeScript says why there is no server of the TypeScript SDK to compare with. It costs its rows and nothing else.
type errNoTypeScript struct{ why string }

func (e errNoTypeScript) Error() string { return e.why }

// typeScript returns the command line of a server of the TypeScript SDK. Its packages are where -node-modules says.
func (b *bench) typeScript() (node, script string, err error) {
	if b.nodeModules == "" {
		return "", "", errNoTypeScript{"not installed; run make suites first"}
	}
	if node, err = exec.LookPath("node"); err != nil {
		return "", "", errNoTypeScript{"node is not installed"}
	}
	folder := filepath.Join(b.folder, "typescript")
	script = filepath.Join(folder, "peer.mjs")
	if _, err := os.Stat(script); err == nil {
		return node, script, nil
	}
	packages, err := filepath.Abs(b.nodeModules)
	if err != nil {
		return "", "", err
	}
	if _, err := os.Stat(filepath.Join(packages, "@modelcontextprotocol", "sdk")); err != nil {
		return "", "", errNoTypeScript{"not in " + b.nodeModules + "; run make suites first"}
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", "", err
	}
	// node looks for packages beside the script
	return node, script, errors.Join(os.Symlink(packages, filepath.Join(folder, "node_modules")), os.WriteFile(script, []byte(peerScript), 0o600))
}

// startPage starts a peer that serves HTTP and prints where.
func (b *bench) startPage(ctx context.Context, program string, args ...string) (*webPeer, error) {
	p, err := b.start(ctx, "", program, args...)
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(p.stdout).ReadString('\n')
	if err != nil {
		return nil, p.explain(errors.Join(fmt.Errorf("the HTTP peer %s: %w", filepath.Base(program), err), p.stop(nil)))
	}
	return &webPeer{p, line[:len(line)-1]}, nil
}
