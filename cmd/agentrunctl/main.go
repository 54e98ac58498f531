// Command agentrunctl is the headless host of AgentRun Tray and its command line.
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
	misuse = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	switch wrong, isUsage := errors.AsType[*usageError](err); {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case isUsage:
		fmt.Fprintln(os.Stderr, "agentrunctl:", wrong)
		os.Exit(misuse)
	default:
		fmt.Fprintln(os.Stderr, "agentrunctl:", err)
		os.Exit(failed)
	}
}

// command is one word after agentrunctl.
type command struct {
	name  string
	usage string
	about string
	run   func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

// commands lists them all. Only those about credentials read the standard input.
func commands(stdin io.Reader) []command {
	return []command{
		{"serve", "serve [flags]", "run the host in the foreground", serve},
		{"status", "status [--json]", "show what the running host is doing", showStatus},
		{"interrupt", "interrupt ID", "stop the code that runs in a context, or one run; the context stays", interrupt},
		{"stop", "stop", "end the running host and what runs in it", stopHost},
		{"token", "token [NAME [--revoke]]", "print a client's token for the HTTP address, making it if there is none", token},
		{"editors", "editors [--json]", "list the AI editors on this computer and how they are connected", listEditors},
		{"connect", "connect NAME... [flags]", "write AgentRun into the settings of editors", connectEditors},
		{"disconnect", "disconnect NAME... [flags]", "take AgentRun out of the settings of editors", disconnectEditors},
		{"undo", "undo NAME", "take back the last change to an editor's settings", undoEditor},
		{"doctor", "doctor [EDITOR] [--json]", "find out why an editor cannot run code", examine},
		{"backend", "backend [NAME]", "show or choose where code runs: auto, agentrun, local or mock", backend},
		{"pool", "pool ACTION", "pause, resume, warm N, replace SANDBOX or end SANDBOX", poolByHand},
		{"login", "login [flags]", "put the AgentRun account's access key into the keychain, or check it", reading(stdin, login)},
		{"logout", "logout", "take the access key out of the keychain", reading(stdin, logout)},
		{"emulator", "emulator [flags]", "emulate AgentRun on this computer, to rehearse the cloud mode without an account", emulator},
		{"version", "version", "print the version", showVersion},
	}
}

// reading gives a command the standard input.
func reading(stdin io.Reader, run func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error) func(context.Context, []string, io.Writer, io.Writer) error {
	return func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
		return run(ctx, args, stdin, stdout, stderr)
	}
}

// usageError says that the words on the command line were not understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func misused(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		help(stderr)
		return misused("say what to do")
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		help(stdout)
		return nil
	case "--version", "-version":
		args[0] = "version"
	}
	for _, c := range commands(stdin) {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	return misused("there is no command %q; see agentrunctl help", args[0])
}

func help(w io.Writer) {
	fmt.Fprintln(w, "AgentRun Tray runs code for AI editors, safely. Commands:")
	for _, c := range commands(nil) {
		fmt.Fprintf(w, "  agentrunctl %-26s %s\n", c.usage, c.about)
	}
	fmt.Fprintln(w, "agentrunctl COMMAND --help lists the flags of a command.")
}

// newFlags makes a flag set whose mistakes become a usageError, and whose help begins with what the command is for.
func newFlags(name string, stderr io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("agentrunctl "+name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		for _, c := range commands(nil) {
			if c.name == name {
				fmt.Fprintf(stderr, "agentrunctl %s: %s\n", c.usage, c.about)
			}
		}
		fs.PrintDefaults()
	}
	return fs
}

// parse reads the flags and refuses words behind them, of which at most the given number may be there. Flags may also stand
// behind the words.
func parse(fs *flag.FlagSet, args []string, words int) ([]string, error) {
	var rest []string
	for {
		if err := quietly(fs, args); errors.Is(err, flag.ErrHelp) {
			fs.Usage()
			return nil, err
		} else if err != nil {
			return nil, misused("%v; see %s --help", err, fs.Name())
		}
		if fs.NArg() == 0 {
			break
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
	if len(rest) > words {
		return nil, misused("%q is one word too many; see %s --help", rest[words], fs.Name())
	}
	return rest, nil
}

// quietly reads flags and prints nothing. By itself a flag set prints a mistake and all of its help, beside the sentence that is said
// about it in the end.
func quietly(fs *flag.FlagSet, args []string) error {
	usage, out := fs.Usage, fs.Output()
	fs.Usage = func() {}
	fs.SetOutput(io.Discard)
	defer func() {
		fs.Usage = usage
		fs.SetOutput(out)
	}()
	return fs.Parse(args)
}

func showVersion(_ context.Context, args []string, stdout, stderr io.Writer) error {
	if _, err := parse(newFlags("version", stderr), args, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, version.String())
	return err
}
