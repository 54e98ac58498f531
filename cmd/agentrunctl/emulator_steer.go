package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// endpointVariable names the emulator in the terminal into which its lines were pasted.
const endpointVariable = "AGENTRUN_CONTROL_ENDPOINT"

// steering is one thing to do to a running emulator.
type steering struct {
	usage string
	about string
	words int // that must follow
	do    func(ctx context.Context, r *agentruntest.Remote, words []string, fault agentruntest.Fault, stdout io.Writer) error
}

func steerings() []steering {
	return []steering{
		{"fail FAILURE", "let the next requests fail; see below", 1, failEmulated},
		{"heal", "take back all failures that were not met yet", 0, healEmulated},
		{"list", "list the sandboxes that live: what somebody would be paying for", 0, listEmulated},
		{"end ID", "end a sandbox as the service does when one breaks", 1, endEmulated},
		{"advance TIME", "turn its clock on, such as 1h: sandboxes end by themselves", 1, advanceEmulated},
	}
}

// emulatorUsage tells how a failure is rehearsed.
func emulatorUsage(w io.Writer) {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "\nIn a terminal with its environment, an emulator that runs can be made to do what is hard to have otherwise:")
	for _, s := range steerings() {
		fmt.Fprintf(t, "  agentrunctl emulator %s\t%s\n", s.usage, s.about)
	}
	fmt.Fprintln(t, "\nA FAILURE is one of these, and --operation says which requests meet it (default: all), --times how many (1; -1: all that\ncome), --skip how many pass first, --after that they are carried out although they fail:")
	for _, kind := range agentruntest.FailureKinds() {
		fmt.Fprintf(t, "  %s\t%s\n", kind.Usage, kind.About)
	}
	fmt.Fprintln(t, "Operations: "+strings.Join(agentruntest.Operations(), " ")+".")
	fmt.Fprintln(t, "Such as: agentrunctl emulator fail \"throttled 7s\" --operation CreateSandbox --times 3")
	_ = t.Flush() // as all help
}

// steerEmulator does something to a running emulator.
func steerEmulator(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("emulator", stderr)
	fs.Usage = func() { emulatorUsage(stderr) }
	at := fs.String("at", os.Getenv(endpointVariable), "address of the emulator")
	var fault agentruntest.Fault
	fs.StringVar(&fault.Operation, "operation", "", "which requests fail")
	fs.StringVar(&fault.Plane, "plane", "", "on which plane: control or data (default: both)")
	fs.IntVar(&fault.Times, "times", 1, "how many requests fail; -1: all that come")
	fs.IntVar(&fault.Skip, "skip", 0, "how many pass first")
	fs.BoolVar(&fault.After, "after", false, "carry them out first")
	words, err := parse(fs, args, 2)
	if err != nil {
		return err
	}
	for _, s := range steerings() {
		name, _, _ := strings.Cut(s.usage, " ")
		if name != words[0] {
			continue
		}
		if len(words)-1 != s.words {
			return misused("want: agentrunctl emulator %s", s.usage)
		}
		if *at == "" {
			return misused("say which emulator: paste the lines that it printed into this terminal, or add --at URL")
		}
		r, err := agentruntest.Reach(*at)
		if err != nil {
			return misused("%v", err)
		}
		return s.do(ctx, r, words[1:], fault, stdout)
	}
	return misused("%q is nothing that an emulator does; see agentrunctl emulator --help", words[0])
}

func failEmulated(ctx context.Context, r *agentruntest.Remote, words []string, fault agentruntest.Fault, stdout io.Writer) (err error) {
	if fault.Failure, err = agentruntest.ParseFailure(words[0]); err != nil {
		return misused("%v; see agentrunctl emulator --help", err)
	}
	if err := fault.Check(); err != nil {
		return misused("%v", err)
	}
	if err := r.Inject(ctx, fault); err != nil {
		return err
	}
	whose := "requests"
	if fault.Operation != "" {
		whose = fault.Operation + " requests"
	}
	which := fmt.Sprintf("The next %d %s fail", fault.Times, whose)
	switch {
	case fault.Times < 0:
		which = "All " + whose + " fail from now on"
	case fault.Times <= 1:
		which = "The next of the " + whose + " fails"
	}
	_, err = fmt.Fprintf(stdout, "%s: %s.\n", which, words[0])
	return err
}

func healEmulated(ctx context.Context, r *agentruntest.Remote, _ []string, _ agentruntest.Fault, stdout io.Writer) error {
	left, err := r.ClearFaults(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "Nothing fails any more. Failures that were not met: %d.\n", left)
	return err
}

func listEmulated(ctx context.Context, r *agentruntest.Remote, _ []string, _ agentruntest.Fault, stdout io.Writer) error {
	ids, err := r.Sandboxes(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := fmt.Fprintln(stdout, id); err != nil {
			return err
		}
	}
	return nil
}

func endEmulated(ctx context.Context, r *agentruntest.Remote, words []string, _ agentruntest.Fault, stdout io.Writer) error {
	lived, err := r.EndSandbox(ctx, words[0])
	if err != nil {
		return err
	}
	if !lived {
		return fmt.Errorf("no sandbox %q lives; agentrunctl emulator list shows those that do", words[0])
	}
	_, err = fmt.Fprintf(stdout, "The sandbox %s has ended, and nobody was told.\n", words[0])
	return err
}

func advanceEmulated(ctx context.Context, r *agentruntest.Remote, words []string, _ agentruntest.Fault, stdout io.Writer) error {
	by, err := time.ParseDuration(words[0])
	if err != nil || by < 0 {
		return misused("%q is not a time such as 90m", words[0])
	}
	if err := r.Advance(ctx, by); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "The emulator's clock was turned on by %v.\n", by)
	return err
}
