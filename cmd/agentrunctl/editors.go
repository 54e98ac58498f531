package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

// computer is what the commands about editors work on.
type computer struct {
	dirs paths.Dirs
	sys  editors.System
	shim shim.Shim
	set  *editors.Set
	port int // of the settings; 0: no address is served
}

// thisComputer looks for the editors of this computer, and for the address that the host has or would have.
func thisComputer(ctx context.Context, stderr io.Writer) (*computer, error) {
	dirs, err := paths.Find()
	if err != nil {
		return nil, err
	}
	c := &computer{dirs: dirs, sys: editors.System{GOOS: runtime.GOOS, Getenv: os.Getenv}}
	c.shim = shim.Find(dirs)
	cfg, faults, err := config.Load(dirs.Config)
	if err != nil {
		return nil, err
	}
	for _, f := range faults {
		fmt.Fprintf(stderr, "Settings in %s: %s\n", dirs.Config, strings.TrimPrefix(f.Field+": "+f.Text+".", ": "))
	}
	address := ""
	if cfg.HTTP.Enabled {
		c.port = cfg.HTTP.Port
		address = fmt.Sprintf("http://127.0.0.1:%d/mcp", cfg.HTTP.Port)
	}
	if snap, running, err := c.status(ctx); err == nil && running {
		address = snap.Addresses.HTTP
	}
	store := tokens.Open(dirs.Data)
	c.set, err = editors.New(editors.Options{
		System: c.sys, Folder: filepath.Join(dirs.Data, "editors"), Command: c.shim.Path(),
		URL: address, Socket: instance.SocketPath(dirs), Environ: os.Environ(),
		Token: func(client string) (string, error) {
			if err := paths.EnsurePrivate(dirs.Data); err != nil {
				return "", err
			}
			t, err := store.Get(client)
			return t.Secret, err
		},
		KnowsToken: func(secret string) bool { _, ok := store.Lookup(secret); return ok },
	})
	return c, err
}

// status asks the host how it is; ok is false if none runs.
func (c *computer) status(ctx context.Context) (snap status.Snapshot, ok bool, err error) {
	err = control.AskFor(ctx, c.dirs, http.MethodGet, "/status", &snap)
	if errors.Is(err, control.ErrNoHost) {
		return snap, false, nil
	}
	return snap, err == nil, err
}

// listEditors prints the editors and how they are connected.
func listEditors(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("editors", stderr)
	asJSON := fs.Bool("json", false, "print all that is known, as JSON with stable names")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	c, err := thisComputer(ctx, stderr)
	if err != nil {
		return err
	}
	list := c.set.List()
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(list)
	}
	return printEditors(stdout, list)
}

// printEditors writes editors for people: those that are there first.
func printEditors(w io.Writer, list []editors.Status) error {
	var missing, lost []string
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
		if st.Lost {
			lost = append(lost, string(st.ID))
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
