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
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
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
	defer func() { _ = log.Close() }()
	if err != nil {
		return err
	}
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
	opt.Getenv, opt.Environ = os.Getenv, os.Environ()
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
		greeting.Go(func() { greet(ctx, host.Desk(), func() bool { return hasEditors(host) }, stdout) })
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
// Where editors are looked for it waits until they are found.
func greet(ctx context.Context, desks *status.Latest[app.Desk], withEditors func() bool, stdout io.Writer) {
	for d := range desks.Watch(ctx) {
		if d.Phase == status.Stopping { // before it was ready
			return
		}
		if d.Phase == status.Starting || d.Addresses.Socket == "" || d.Editors == nil && withEditors() {
			continue
		}
		var list []editors.Status
		if d.Editors != nil {
			list = d.Editors.List
		}
		self := ownName()
		fmt.Fprintf(stdout, `
AgentRun Tray is ready: Python and JavaScript run in a sandbox on this computer (after %s).

%s%s
See what runs: %s status        Stop: Ctrl+C

%s`, time.Since(d.StartedAt).Round(100*time.Millisecond), nextStep(list, self), httpHint(d.Addresses.HTTP, self), self, problems(d.Snapshot))
		return
	}
}

// hasEditors says whether editors are looked for.
func hasEditors(host *app.App) bool {
	_, err := host.Computer()
	return err == nil
}

// nextStep says how the editors that were found are connected, and what to do where there is none.
func nextStep(list []editors.Status, self string) string {
	var there, ids, by, amiss []string
	found := false
	for _, st := range list {
		found = found || st.State != editors.NotFound && st.Route != editors.RemoveOnly
		switch {
		case st.State == editors.Connected || st.State == editors.Elsewhere:
			there = append(there, st.Name)
		case (st.State == editors.Found || st.State == editors.Stale) && !st.Off && st.Route != editors.RemoveOnly: // connecting another would be refused
			ids = append(ids, string(st.ID))
			by = append(by, st.Name)
		case st.State == editors.HandEdited && !st.Off || st.State == editors.Unreadable:
			amiss = append(amiss, st.Name+" ("+stateWords(st)+")")
		}
	}
	var b strings.Builder
	if len(there) > 0 {
		fmt.Fprintf(&b, "Connected: %s.\n", strings.Join(there, ", "))
	}
	switch {
	case len(ids) > 0:
		fmt.Fprintf(&b, "Found on this computer, and not connected yet: %s. To connect:\n  %s connect %s\n", strings.Join(by, ", "), self, strings.Join(ids, " "))
		fmt.Fprintf(&b, "What that changes is shown before by --dry-run, and taken back by: %s undo NAME\n", self)
	case !found:
		relay := filepath.Join(filepath.Dir(self), "agentrun-mcp")
		fmt.Fprintf(&b, "No editor that AgentRun Tray knows was found on this computer. Once one is installed: %s connect NAME\n", self)
		fmt.Fprintf(&b, "Any other MCP client is to start this program, which takes no arguments:\n  %s\n", relay)
	}
	if len(amiss) > 0 {
		fmt.Fprintf(&b, "To be looked at first: %s. %s doctor NAME says more.\n", strings.Join(amiss, ", "), self)
	}
	return b.String()
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
	return "By URL: " + address + " with a token from: " + self + " token NAME\n"
}
