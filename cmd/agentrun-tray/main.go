// Command agentrun-tray is the desktop app: the host that agentrunctl serve runs without a window, with one, and with an icon in the
// tray. It is the only program that links a window system.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// exit codes
const (
	failed = 1
	misuse = 2 // also: there is no display
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch wrong, isUsage := errors.AsType[*usageError](err); {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case isUsage:
		fmt.Fprintln(os.Stderr, "agentrun-tray:", wrong)
		os.Exit(misuse)
	default:
		fmt.Fprintln(os.Stderr, "agentrun-tray:", err)
		os.Exit(failed)
	}
}

// usageError says that the program cannot do what it was called for, here or with these words.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func misused(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("agentrun-tray", flag.ContinueOnError)
	fs.SetOutput(stderr)
	background := fs.Bool("background", false, "start without the window, in the tray; it is shown when the program is started again")
	showVersion := fs.Bool("version", false, "print the version")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return misused("%v", err)
	case fs.NArg() > 0:
		return misused("%q is one word too many; see agentrun-tray --help", fs.Arg(0))
	}
	if *showVersion {
		_, err := fmt.Fprintln(stdout, version.String())
		return err
	}
	if err := findDisplay(ctx, os.Getenv); err != nil {
		return misused("%v; without one, run the host with: agentrunctl serve", err)
	}
	return start(ctx, *background)
}
