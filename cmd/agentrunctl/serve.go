package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// serve runs the host until a signal, or until it was idle for too long.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("serve", stderr)
	backend := fs.String("backend", "", "where code runs: auto, agentrun, local or mock (default: the setting)")
	listen := fs.String("listen", "", "address for editors that connect by URL, or off (default: 127.0.0.1 and the port of the settings)")
	idleExit := fs.Duration("idle-exit", 0, "end when for this long no program was connected and no context lived, such as 15m (default: never)")
	level := fs.String("log-level", "", "debug, info, warn or error (default: the setting)")
	welcome := fs.Bool("welcome", false, "print what to do next when the host is ready")
	quiet := fs.Bool("quiet", false, "log to the log file only")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}

	if *level != "" {
		if _, err := logging.ParseLevel(*level); err != nil {
			return misused("%v", err)
		}
	}
	if *idleExit < 0 {
		return misused("--idle-exit %v: a time cannot be negative", *idleExit)
	}
	logTo := stderr
	if *quiet {
		logTo = nil
	}
	opt, log, err := app.Prepare(logTo, *level)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if *backend != "" {
		opt.Config.Backend = *backend
	}
	switch *listen {
	case "":
	case "off":
		opt.Listen = ""
	default:
		opt.Listen = *listen
	}
	opt.IdleExit, opt.Secrets = *idleExit, secrets.Open(secrets.Options{Getenv: os.Getenv})
	host, err := app.New(ctx, opt)
	if err != nil {
		return misused("%v", err)
	}
	var greeting sync.WaitGroup
	if *welcome {
		ctx, cancel := context.WithCancel(ctx)
		defer greeting.Wait()
		defer cancel()
		greeting.Go(func() { greet(ctx, host.Hub(), stdout) })
	}
	if err := shim.Find(opt.Dirs).Keep(); err != nil {
		opt.Logger.Warn("editors may start an older version", "error", err)
	}
	err = host.Run(ctx)
	if running, ok := errors.AsType[*instance.RunningError](err); ok {
		return alreadyRunning(running, stdout, opt.Logger)
	}
	return err
}

// alreadyRunning is a success: whoever starts a host wants one to be there.
func alreadyRunning(running *instance.RunningError, stdout io.Writer, log *slog.Logger) error {
	log.Info("not needed", "reason", running.Error())
	self := ownName()
	_, err := fmt.Fprintf(stdout, "AgentRun Tray is running already (process %d, version %s). See it with: %s status. To start it anew, end it first: %s stop\n",
		running.Info.PID, running.Info.Version, self, self)
	return err
}

// ownName is how this program can be called again.
func ownName() string {
	self, err := os.Executable()
	if err != nil {
		return "agentrunctl"
	}
	return self
}

// greet prints once, when code can run, what a newcomer should do next.
func greet(ctx context.Context, hub *status.Hub, stdout io.Writer) {
	for s := range hub.Watch(ctx) {
		if s.Phase == status.Stopping { // before it was ready
			return
		}
		if s.Phase == status.Starting || s.Addresses.Socket == "" {
			continue
		}
		self := ownName()
		relay := filepath.Join(filepath.Dir(self), "agentrun-mcp")
		fmt.Fprintf(stdout, `
AgentRun Tray is ready: Python and JavaScript run in a sandbox on this computer (after %s).

Point your editor at the relay; it needs no arguments:
  Claude Desktop, Cursor (claude_desktop_config.json, ~/.cursor/mcp.json):
    {"mcpServers": {"agentrun": {"command": %q}}}
  Claude Code:
    claude mcp add --scope user agentrun -- %s
  VS Code (.vscode/mcp.json):
    {"servers": {"agentrun": {"type": "stdio", "command": %q}}}
%s
See what runs: %s status        Stop: Ctrl+C

%s`, time.Since(s.StartedAt).Round(100*time.Millisecond), relay, relay, relay, httpHint(s.Addresses.HTTP, self), self, problems(s))
		return
	}
}

// problems lists what the user can mend.
func problems(s status.Snapshot) string {
	var b strings.Builder
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "! %s\n", strings.Join(nonEmpty(p.What, p.Todo), "\n  "))
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(t string) bool { return t == "" })
}

func httpHint(address, self string) string {
	if address == "" {
		return ""
	}
	return "  By URL: " + address + " with a token from: " + self + " token NAME\n"
}
