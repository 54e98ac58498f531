// Command agentrun-mcp is what editors start: it relays MCP between its standard input and output
// and the host of this user, and starts the host when none runs. It takes no arguments.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/agentrun-tray/agentrun-tray/internal/bridge"
	"github.com/agentrun-tray/agentrun-tray/internal/corefile"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

const help = `agentrun-mcp runs code for an AI editor through AgentRun Tray.

It speaks the Model Context Protocol on standard input and output and takes no arguments.
Put its full path into your editor's list of MCP servers:

  {"mcpServers": {"agentrun": {"command": "/full/path/to/agentrun-mcp", "args": []}}}

  --help       print this
  --version    print the version
`

// errUsage is for arguments which mean nothing to us.
var errUsage = errors.New("unknown argument")

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	// An editor that closes our output is told goodbye by the failing write, not by a signal.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	stdin, restore := bridge.Wakeable(os.Stdin, os.Stdout, os.Stderr)
	err := run(ctx, os.Args[1:], stdin, os.Stdout, os.Stderr)
	restore()
	switch {
	case err == nil || errors.Is(err, context.Canceled):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "agentrun-mcp:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "agentrun-mcp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "--help", "-h":
			_, err := io.WriteString(stdout, help)
			return err
		case "--version":
			_, err := fmt.Fprintln(stdout, "agentrun-mcp", version.String())
			return err
		default:
			return fmt.Errorf("%w %q: editors start this program without any; see agentrun-mcp --help", errUsage, args[0])
		}
	}
	if err := corefile.Disable(); err != nil { // the account may be in the environment, for the host
		return err
	}
	if err := paths.AdoptHome(); err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	starter, err := bridge.FindStarter(dirs)
	if err != nil {
		return err
	}
	relay := bridge.New(bridge.Options{Dirs: dirs, Starter: starter, Parent: bridge.FindParent()})
	return relay.Run(ctx, stdin, stdout, stderr)
}
