package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/computer"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// thisComputer looks for the editors of this computer, and for the address that the host has or would have. The port is that of the
// settings; 0: no address is served.
func thisComputer(ctx context.Context, stderr io.Writer) (c *computer.Computer, port int, err error) {
	dirs, err := paths.Find()
	if err != nil {
		return nil, 0, err
	}
	cfg, faults, err := config.Load(dirs.Config)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range faults {
		fmt.Fprintf(stderr, "Settings in %s: %s.\n", dirs.Config, f)
	}
	opt := computer.Options{Dirs: dirs, Getenv: os.Getenv, Environ: os.Environ()}
	if cfg.HTTP.Enabled {
		port = cfg.HTTP.Port
		opt.URL = fmt.Sprintf("http://127.0.0.1:%d/mcp", port)
	}
	var snap status.Snapshot
	if err := control.AskFor(ctx, dirs, http.MethodGet, "/status", &snap); err == nil {
		opt.URL = snap.Addresses.HTTP
	}
	c, err = computer.New(opt)
	return c, port, err
}

// listEditors prints the editors and how they are connected.
func listEditors(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("editors", stderr)
	asJSON := fs.Bool("json", false, "print all that is known, as JSON with stable names")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	c, _, err := thisComputer(ctx, stderr)
	if err != nil {
		return err
	}
	list := c.List()
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	}
	return printEditors(stdout, list)
}

// printEditors writes editors for people: those that are there first.
func printEditors(w io.Writer, list []editors.Status) error {
	var missing, lost, lostByURL []string
	var others []editors.Status // lost as well, but not to be mended so
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tEDITOR\tSTATE\tSETTINGS")
	found := 0
	for _, st := range list {
		if st.State == editors.NotFound {
			missing = append(missing, string(st.ID))
			continue
		}
		found++
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", st.ID, st.Name, stateWords(st), whereWords(st))
		for n, f := range st.Files {
			if n > 0 {
				fmt.Fprintf(t, "\t\t\t%s\n", f.Path)
			}
		}
		switch {
		case !st.Lost:
		case st.State == editors.HandEdited || st.State == editors.Unreadable:
			others = append(others, st)
		case st.LastForm() == editors.Stdio || st.LastForm() == "":
			lost = append(lost, string(st.ID))
		default:
			lostByURL = append(lostByURL, string(st.ID))
		}
	}
	if found > 0 {
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(w)
	} else {
		fmt.Fprintln(w, "No editor was found on this computer.")
	}
	if len(lost) > 0 {
		fmt.Fprintf(w, "! These were connected and are not any more; mend them with: agentrunctl connect %s\n", strings.Join(lost, " "))
	}
	if len(lostByURL) > 0 {
		fmt.Fprintf(w, "! These were connected by URL and are not any more; mend them with: agentrunctl connect --http %s\n", strings.Join(lostByURL, " "))
	}
	for _, st := range others {
		if st.State == editors.Unreadable {
			fmt.Fprintf(w, "! Whether %s is still connected cannot be said; what to do about it: agentrunctl doctor %s\n", st.Name, st.ID)
			continue
		}
		flags := "--force"
		if form := st.LastForm(); form != editors.Stdio && form != "" {
			flags += " --http"
		}
		fmt.Fprintf(w, "! The entry in %s was changed by hand; to put ours in its place: agentrunctl connect %s %s; to leave it so: agentrunctl disconnect %s --keep\n", st.Name, st.ID, flags, st.ID)
	}
	if len(missing) > 0 {
		fmt.Fprintf(w, "Not found: %s\n", strings.Join(missing, " "))
	}
	return nil
}

// stateWords says how an editor stands to us.
func stateWords(st editors.Status) string {
	words := map[editors.State]string{
		editors.Found: "not connected", editors.Connected: "connected", editors.Stale: "out of date", editors.HandEdited: "changed by hand",
		editors.Unreadable: "unreadable", editors.Elsewhere: "connected under another name",
	}[st.State]
	switch {
	case st.State == editors.Connected && st.Form != editors.Stdio:
		words += " by " + map[editors.Form]string{editors.HTTP: "URL", editors.Socket: "socket"}[st.Form]
	case st.State == editors.Found && (st.Route == editors.ByLink || st.Route == editors.ByCard):
		words = "found"
	}
	if st.Detail != "" {
		words += ": " + st.Detail
	}
	return words
}

func whereWords(st editors.Status) string {
	if len(st.Files) == 0 {
		return map[editors.Route]string{editors.ByLink: "(by a link)", editors.ByCard: "(to be pasted)"}[st.Route]
	}
	return st.Files[0].Path
}
