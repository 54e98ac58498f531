package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/computer"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
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
	c, port, err := thisComputer(ctx, stderr)
	if err != nil {
		return err
	}
	findings := []doctor.Finding{}
	c.Examine(ctx, computer.Examination{Editor: id, Port: port, Secrets: openStore(false)}, func(f doctor.Finding) {
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
