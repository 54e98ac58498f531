// Command tick adds safepoints to a WebAssembly module: tick -every N [-interpreter EXPORT]... IN OUT
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest/tick"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "tick:", err)
		os.Exit(1)
	}
}

func run(args []string, report io.Writer) error {
	flags := flag.NewFlagSet("tick", flag.ContinueOnError)
	flags.SetOutput(report)
	every := flags.Int("every", 20000, "loop turns between two safepoints")
	var interpreters []string
	flags.Func("interpreter", "exported function whose loops around its dispatch get none (repeatable)", func(name string) error {
		interpreters = append(interpreters, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return fmt.Errorf("want an input and an output file, got %q", flags.Args())
	}
	in, out := flags.Arg(0), flags.Arg(1)
	module, err := os.ReadFile(in)
	if err != nil {
		return fmt.Errorf("read module: %w", err)
	}
	if *every > math.MaxInt32 {
		return fmt.Errorf("every %d loop turns is too rare", *every)
	}
	module, done, err := tick.Rewrite(module, tick.Options{Every: int32(*every), Interpreters: interpreters}) // #nosec G115 -- checked above
	if err != nil {
		return fmt.Errorf("rewrite %s: %w", in, err)
	}
	if err := os.WriteFile(out, module, 0o600); err != nil { //nolint:gosec // the file the caller names
		return fmt.Errorf("write module: %w", err)
	}
	fmt.Fprintf(report, "%s: %d loops with a countdown (%d asked for), %d without, %d bytes\n", out, done.Loops, done.Marked, done.Left, len(module))
	return nil
}
