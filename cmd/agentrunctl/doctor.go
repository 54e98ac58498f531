package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
)

// examine does what an editor would do to run code, and says what fails on the way.
func examine(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("doctor", stderr)
	asJSON := fs.Bool("json", false, "print the findings as JSON with stable names")
	words, err := parse(fs, args, 1)
	if err != nil {
		return err
	}
	var id editors.ID
	if len(words) > 0 {
		if id = editors.ID(words[0]); !slices.Contains(editors.IDs(), id) {
			return misused("there is no editor %q; agentrunctl editors lists them", words[0])
		}
	}
	c, err := thisComputer(ctx, stderr)
	if err != nil {
		return err
	}
	relay, err := shim.InstalledRelay()
	if err != nil {
		relay = "" // the first finding says so
	}
	findings := []doctor.Finding{}
	doctor.Run(ctx, doctor.Options{
		Dirs: c.dirs, System: c.sys, Editors: c.set, Shim: c.shim, Relay: relay, Editor: id, Port: c.port, Status: c.status, Account: askAccount,
	}, func(f doctor.Finding) {
		findings = append(findings, f)
		if !*asJSON {
			printFinding(stdout, f)
		}
	})
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(findings); err != nil {
			return err
		}
	}
	return verdict(findings)
}

// askAccount asks AgentRun whether it takes the credentials that the host would use.
func askAccount(ctx context.Context) (secrets.Source, error) {
	c, err := openStore(false).Find(ctx)
	if err != nil {
		return "", err
	}
	return c.Source, cloud.CheckAccount(ctx, c)
}

// printFinding writes a finding for people, as soon as it is there: some take seconds.
func printFinding(w io.Writer, f doctor.Finding) {
	mark := map[doctor.Verdict]string{doctor.Good: "ok", doctor.Warning: "!", doctor.Bad: "FAILED", doctor.Skipped: "-"}[f.Verdict]
	fmt.Fprintf(w, "%-6s  %-12s  %s\n", mark, f.Title, f.What)
	if f.Todo != "" {
		fmt.Fprintf(w, "%22s→ %s\n", "", f.Todo)
	}
}

// verdict is an error if something does not work.
func verdict(findings []doctor.Finding) error {
	bad := 0
	for _, f := range findings {
		if f.Verdict == doctor.Bad {
			bad++
		}
	}
	switch bad {
	case 0:
		return nil
	case 1:
		return errors.New("one thing does not work; what to do stands behind the arrow")
	}
	return fmt.Errorf("%d things do not work; what to do stands behind the arrows", bad)
}
