package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// How long the service itself takes, as users of it report.
const (
	realTemplate    = 10 * time.Second
	realSandbox     = 5 * time.Second
	realSandboxMost = 20 * time.Second
)

// emulatorPatience is how long an emulator may take to end what runs in it.
const emulatorPatience = 10 * time.Second

// emulator serves an emulator of AgentRun on this computer until a signal, or steers one that runs.
func emulator(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return steerEmulator(ctx, args, stdout, stderr)
	}
	fs := newFlags("emulator", stderr)
	listen := fs.String("listen", "127.0.0.1:0", "address of this computer to listen on; port 0 takes a free one")
	realistic := fs.Bool("realistic", false, "take as long as the service: 10s for a template, 5s-20s for each sandbox")
	templateDelay := fs.Duration("template-delay", 0, "how long a template takes to be ready")
	var sandboxDelay span
	fs.Var(&sandboxDelay, "sandbox-delay", "how long a sandbox takes to be ready, such as 8s, or 5s-20s to spread them")
	shape := fs.String("shape", "as-seen", "how answers look where sources of the service's behaviour differ: "+strings.Join(shapeNames(), ", "))
	quota := fs.Int("quota", 100, "how many sandboxes may live at once")
	echo := fs.Bool("echo", false, "run no code: each run prints its own text. It needs no memory, for rehearsals with very many contexts")
	verbose := fs.Bool("verbose", false, "print a line for each request on standard error")
	usage := fs.Usage
	fs.Usage = func() { usage(); emulatorUsage(stderr) }
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	options := agentruntest.Options{
		TemplateDelay: *templateDelay, SandboxDelay: sandboxDelay.least, SandboxDelayMost: sandboxDelay.most, MaxSandboxes: *quota,
		CacheDir: filepath.Join(dirs.Cache, "engine"), // the host's own, which has it compiled already
	}
	if *realistic && *templateDelay == 0 {
		options.TemplateDelay = realTemplate
	}
	if *realistic && sandboxDelay == (span{}) {
		options.SandboxDelay, options.SandboxDelayMost = realSandbox, realSandboxMost
	}
	var ok bool
	switch options.Shape, ok = shapeNamed(*shape); {
	case !ok:
		return misused("there is no shape %q; there are: %s", *shape, strings.Join(shapeNames(), ", "))
	case *templateDelay < 0:
		return misused("--template-delay %v: a time cannot be negative", *templateDelay)
	case *quota < 1:
		return misused("--quota %d: without a sandbox nothing can be rehearsed", *quota)
	}
	if *echo {
		options.Script = func(_, code string) agentruntest.Scripted { return agentruntest.Scripted{Stdout: code} }
	}
	if *verbose {
		options.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	}
	return serveEmulator(ctx, *listen, options, stdout, stderr)
}

// serveEmulator serves until ctx ends. Others may wait for what it prints, so it prints when code can run.
func serveEmulator(ctx context.Context, listen string, options agentruntest.Options, stdout, stderr io.Writer) (err error) {
	s, err := agentruntest.Listen(ctx, listen, options)
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), emulatorPatience)
		defer cancel()
		err = errors.Join(err, s.Close(ending))
	}()
	if options.Script == nil {
		fmt.Fprintln(stderr, "Preparing Python and JavaScript, which takes some seconds the first time...")
	}
	switch err := s.Load(ctx); {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	if _, err := io.WriteString(stdout, environment(s.Environment(), runtime.GOOS)); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// environment is what to paste into a terminal, and what to do there then.
func environment(variables []agentruntest.Variable, goos string) string {
	form, prompt := "export %s=%s\n", ownName()
	if goos == "windows" {
		form, prompt = "$env:%s = '%s'\n", "& '"+ownName()+"'"
	}
	var b strings.Builder
	for _, v := range variables {
		fmt.Fprintf(&b, form, v.Name, v.Value)
	}
	fmt.Fprintf(&b, "# Paste these lines into another terminal and start the host there, where it will take this emulator for AgentRun: %s serve\n", prompt)
	return b.String()
}

func shapeNames() []string {
	var names []string
	for _, shape := range agentruntest.Shapes() {
		names = append(names, dashed(shape.Name))
	}
	return names
}

func shapeNamed(name string) (agentruntest.Shape, bool) {
	for _, shape := range agentruntest.Shapes() {
		if dashed(shape.Name) == dashed(name) {
			return shape.Shape, true
		}
	}
	return agentruntest.Shape{}, false
}

// dashed is a name that needs no quotes on a command line.
func dashed(name string) string { return strings.ReplaceAll(name, " ", "-") }

// span is one time, or all between two.
type span struct{ least, most time.Duration }

// String implements [flag.Value].
func (s *span) String() string {
	if s.most == s.least {
		return s.least.String()
	}
	return s.least.String() + "-" + s.most.String()
}

// Set implements [flag.Value].
func (s *span) Set(text string) (err error) {
	first, last, between := strings.Cut(text, "-")
	if s.least, err = time.ParseDuration(first); err != nil {
		return errors.New("want a time such as 8s, or two such as 5s-20s")
	}
	s.most = s.least
	if between {
		if s.most, err = time.ParseDuration(last); err != nil || s.most < s.least {
			return errors.New("want a time such as 8s, or two such as 5s-20s, the shorter first")
		}
	}
	return nil
}
