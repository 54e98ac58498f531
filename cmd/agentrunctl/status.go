package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// showStatus asks the running host for its snapshot and prints it.
func showStatus(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("status", stderr)
	asJSON := fs.Bool("json", false, "print the snapshot as JSON with stable names")
	goroutines := fs.Bool("goroutines", false, "print what every part of the host does at this moment, for the report of a hang")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	if *goroutines {
		_, text, err := ask(ctx, dirs, http.MethodGet, "/debug/goroutines")
		if err != nil {
			return err
		}
		_, err = stdout.Write(text)
		return err
	}
	var snap status.Snapshot
	if err := askFor(ctx, dirs, http.MethodGet, "/status", &snap); err != nil {
		return err
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(snap)
	}
	return printSnapshot(stdout, snap, time.Now())
}

// printSnapshot writes a snapshot for people.
func printSnapshot(w io.Writer, s status.Snapshot, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "AgentRun Tray %s, process %d, up %s: %s\n", s.Version, s.PID, since(now, s.StartedAt), s.Phase)
	fmt.Fprintf(&b, "backend   %s (setting: %s)\n", s.Backend.Name, s.Backend.Setting)
	for _, line := range backendLines(s.Backend) {
		fmt.Fprintf(&b, "          %s\n", line)
	}
	if l := s.Backend.Loading; l != nil {
		fmt.Fprintf(&b, "          %s, for %s\n", l.What, since(now, l.Since))
	}
	fmt.Fprintf(&b, "pool      %d/%d ready", s.Pool.Ready, s.Pool.Warm)
	for _, extra := range []struct {
		n    int
		name string
	}{{s.Pool.Starting, "starting"}, {s.Pool.Closing, "closing"}, {s.Pool.Waiting, "callers waiting"}} {
		if extra.n > 0 {
			fmt.Fprintf(&b, ", %d %s", extra.n, extra.name)
		}
	}
	fmt.Fprintf(&b, " (at most %d)\n", s.Pool.Max)
	switch {
	case s.Pool.Suspended != "":
		fmt.Fprintf(&b, "          paused: %s\n", s.Pool.Suspended)
	case s.Pool.Paused:
		fmt.Fprintln(&b, "          paused until a client connects")
	}
	if c := s.Cost; c != nil {
		fmt.Fprintf(&b, "cost      about %.2f %s today%s, %.2f this month (an estimate)\n", c.Today.Estimate, c.Currency, capped(*c), c.Month.Estimate)
	}
	fmt.Fprintf(&b, "socket    %s\n", s.Addresses.Socket)
	if s.Addresses.HTTP != "" {
		fmt.Fprintf(&b, "http      %s\n", s.Addresses.HTTP)
	}
	t := tabwriter.NewWriter(&b, 2, 8, 2, ' ', 0)
	if len(s.Sessions) > 0 {
		fmt.Fprintln(t, "\nSESSION\tBACKEND\tSANDBOX\tSTATE\tAGE\tLEFT\tCONTEXTS")
	}
	for _, x := range s.Sessions {
		left := "unlimited"
		switch {
		case x.ExpiresAt != nil:
			left = since(*x.ExpiresAt, now)
		case x.ReadyAt == nil && x.Backend == "agentrun":
			left = "" // it has not begun
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%d\n", x.ID, x.Backend, x.SandboxID, x.State, since(now, x.CreatedAt), left, x.Contexts)
	}
	if len(s.Contexts) > 0 {
		fmt.Fprintln(t, "\nCONTEXT\tNAME\tLANGUAGE\tBACKEND\tSTATE\tRUNS\tUSED\tCLIENT")
	}
	for _, x := range s.Contexts {
		state := strings.TrimSpace(x.Status + " " + x.RunID)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", x.ID, x.Name, x.Language, x.Backend, state, x.Runs, ago(now, x.LastUsed), x.Client)
	}
	if len(s.Clients) > 0 {
		fmt.Fprintln(t, "\nCLIENT\tVIA\tCONNECTED\tSEEN\tCALLS\tERRORS\tOPEN\tTOOLS")
	}
	for _, x := range s.Clients {
		via := x.Via
		if x.Token != "" {
			via += ", token " + x.Token
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", strings.TrimSpace(x.Name+" "+x.Version), via, since(now, x.Since), ago(now, x.LastSeen),
			x.Calls, x.Errors, x.InFlight, toolList(x.AllowedTools))
	}
	if len(s.Tokens) > 0 {
		fmt.Fprintln(t)
		printTokens(t, s.Tokens, now)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "\n! %s\n", p.What)
		for _, line := range []string{p.Why, p.Todo} {
			if line != "" {
				fmt.Fprintf(&b, "  %s\n", line)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// backendLines are what there is to know of a backend in the cloud.
func backendLines(b status.Backend) []string {
	var lines []string
	if b.Template != "" {
		lines = append(lines, fmt.Sprintf("template %s, account %s, region %s, credentials from the %s", b.Template, b.Account, b.Region, b.Credentials))
		lines = append(lines, fmt.Sprintf("%s, %s", b.ControlEndpoint, b.DataEndpoint))
	}
	if b.Fallback != "" {
		lines = append(lines, "falls back on "+b.Fallback+" for new contexts")
	}
	return lines
}

// capped says what a day may cost, if there is a limit.
func capped(c status.Cost) string {
	if c.DailyCap == 0 {
		return ""
	}
	return fmt.Sprintf(" of at most %.2f", c.DailyCap)
}

// since writes the time from then to now without fractions that nobody reads.
func since(now, then time.Time) string {
	d := max(now.Sub(then), 0).Round(time.Second)
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// ago is since for a moment in the past, which may never have been.
func ago(now, then time.Time) string {
	if then.IsZero() {
		return "never"
	}
	return since(now, then) + " ago"
}

// toolList says which tools a client may use.
func toolList(tools []string) string {
	switch {
	case tools == nil:
		return "all"
	case len(tools) == 0:
		return "none"
	}
	return strings.Join(tools, " ")
}

// printTokens writes the clients that have a token, whether they are connected or not.
func printTokens(w io.Writer, tokens []status.Token, now time.Time) {
	fmt.Fprintln(w, "TOKEN\tMADE\tCONNECTED\tSEEN\tCALLS\tERRORS\tTOOLS")
	for _, x := range tokens {
		connected := "no"
		if x.Connected {
			connected = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", x.Client, x.CreatedAt.Local().Format("2006-01-02 15:04"), connected, ago(now, x.LastSeen),
			x.Calls, x.Errors, toolList(x.AllowedTools))
	}
}
