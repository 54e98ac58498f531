// Command bench measures the built programs and, in the same run on the same machine, peers that do the same thing: a bare
// mcp-go server, starting python3 or node, their speed at the same source text, the pool of jackc/puddle. It prints one table.
//
// Absolute times of a machine that others use as well mean little; so every figure with a peer is taken in turns, ours and the
// peer's, round by round, and the ratio in the table is the median of the rounds' ratios (for computing: the ratio of the best
// times). The load comes from a JSON-RPC client of this package's own, without any SDK. Programs run in a home of their own
// below the system's folder for temporary files, which is removed at the end.
//
// `make bench` runs it on bin/. By meaning: bench.go holds what all measurements share, case_*.go is one measurement each,
// peers.go the peers this program itself plays when it is started with a hidden first word, window/ those that need a window,
// process.go, stdio.go, http.go and desk.go reach the programs under test, rounds.go and table.go make the figures. Nothing imports
// this package.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		if play, ok := peers()[args[0]]; ok {
			return play(ctx, stdin, stdout)
		}
	}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	bin := fs.String("bin", "bin", "folder of the built programs")
	only := fs.String("only", "", "measure only what this regular expression matches: "+names(cases()))
	nodeModules := fs.String("node-modules", "", "folder with the packages of the TypeScript SDK, for its rows")
	idle := fs.Duration("idle", time.Minute, "how long the desktop program is left alone in the tray before its processor time and memory are read")
	quick := fs.Bool("quick", false, "fewer rounds: a first look, not figures to quote")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%q is one word too many; see -help", fs.Arg(0))
	}
	if *idle < time.Second {
		return fmt.Errorf("-idle %v is too short to see anything; name a second at least", *idle)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	b, err := newBench(*bin, *quick, stderr)
	if err != nil {
		return err
	}
	b.nodeModules, b.idle = *nodeModules, *idle
	err = b.measure(ctx, wanted, stdout)
	return errors.Join(err, b.close())
}
