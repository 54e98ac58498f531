package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// showStatus asks the running host for its snapshot and prints it.
func showStatus(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("status", stderr)
	asJSON := fs.Bool("json", false, "print the snapshot as JSON with stable names")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	snap, err := fetch(ctx, dirs)
	if errors.Is(err, instance.ErrNoHost) {
		return errors.New("no host is running; an editor starts one when it connects, or start one with: agentrunctl serve")
	}
	if err != nil {
		return err
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(snap)
	}
	return printSnapshot(stdout, snap, time.Now())
}

// fetch reads the snapshot from the host's socket.
func fetch(ctx context.Context, dirs paths.Dirs) (status.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return instance.Dial(ctx, dirs) },
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agentrun/status", nil)
	if err != nil {
		return status.Snapshot{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return status.Snapshot{}, fmt.Errorf("ask the host: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return status.Snapshot{}, fmt.Errorf("the host answered %s; it may be of another version", resp.Status)
	}
	var snap status.Snapshot
	if err := json.NewDecoder(resp.Body).Decode(&snap); err != nil {
		return status.Snapshot{}, fmt.Errorf("read the host's answer: %w", err)
	}
	return snap, nil
}

// printSnapshot writes a snapshot for people.
func printSnapshot(w io.Writer, s status.Snapshot, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "AgentRun Tray %s, process %d, up %s: %s\n", s.Version, s.PID, since(now, s.StartedAt), s.Phase)
	fmt.Fprintf(&b, "backend   %s (setting: %s)\n", s.Backend.Name, s.Backend.Setting)
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
	fmt.Fprintf(&b, "socket    %s\n", s.Addresses.Socket)
	if s.Addresses.HTTP != "" {
		fmt.Fprintf(&b, "http      %s\n", s.Addresses.HTTP)
	}
	t := tabwriter.NewWriter(&b, 2, 8, 2, ' ', 0)
	if len(s.Sessions) > 0 {
		fmt.Fprintln(t, "\nSESSION\tSANDBOX\tSTATE\tAGE\tLEFT\tCONTEXTS")
	}
	for _, x := range s.Sessions {
		left := "unlimited"
		if x.ExpiresAt != nil {
			left = since(*x.ExpiresAt, now)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\n", x.ID, x.SandboxID, x.State, since(now, x.CreatedAt), left, x.Contexts)
	}
	if len(s.Contexts) > 0 {
		fmt.Fprintln(t, "\nCONTEXT\tNAME\tLANGUAGE\tSTATE\tRUNS\tUSED\tCLIENT")
	}
	for _, x := range s.Contexts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s ago\t%s\n", x.ID, x.Name, x.Language, x.Status, x.Runs, since(now, x.LastUsed), x.Client)
	}
	if len(s.Clients) > 0 {
		fmt.Fprintln(t, "\nCLIENT\tVIA\tCONNECTED\tSEEN\tCALLS\tERRORS")
	}
	for _, x := range s.Clients {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s ago\t%d\t%d\n", strings.TrimSpace(x.Name+" "+x.Version), x.Via, since(now, x.Since), since(now, x.LastSeen), x.Calls, x.Errors)
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
