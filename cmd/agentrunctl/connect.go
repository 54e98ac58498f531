package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/computer"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// changeFlags are those of connect and disconnect.
type changeFlags struct {
	all, dry, force *bool
}

// names parses the flags, and says which editors are meant.
func names(args []string, stderr io.Writer, name string, more func(fs flagSet)) ([]editors.ID, changeFlags, error) {
	fs := newFlags(name, stderr)
	f := changeFlags{
		all:   fs.Bool("all", false, "all editors that are on this computer"),
		dry:   fs.Bool("dry-run", false, "change nothing, and show what would be changed"),
		force: fs.Bool("force", false, "also where our entry was changed by hand"),
	}
	more(fs)
	words, err := parse(fs, args, len(editors.IDs()))
	if err != nil {
		return nil, f, err
	}
	switch {
	case len(words) == 0 && !*f.all:
		return nil, f, misused("say which editor; agentrunctl editors lists them, and --all means all of them")
	case len(words) > 0 && *f.all:
		return nil, f, misused("say which editors, or --all, and not both")
	}
	var ids []editors.ID
	for _, word := range words {
		id := editors.ID(word)
		if !slices.Contains(editors.IDs(), id) {
			return nil, f, misused("there is no editor %q; agentrunctl editors lists them", word)
		}
		ids = append(ids, id)
	}
	return ids, f, nil
}

// flagSet is the part of flag.FlagSet that commands add their own flags with.
type flagSet interface {
	Bool(name string, value bool, usage string) *bool
}

// connectEditors writes our entry into the settings of editors.
func connectEditors(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var byURL *bool
	ids, f, err := names(args, stderr, "connect", func(fs flagSet) {
		byURL = fs.Bool("http", false, "connect by URL, with a token of its own, or by the host's socket where the editor can (VS Code)")
	})
	if err != nil {
		return err
	}
	c, _, err := thisComputer(ctx, stderr)
	if err != nil {
		return err
	}
	if *f.all {
		var words string
		if ids, words = everyEditor(c.List()); words != "" {
			if _, err := io.WriteString(stdout, words); err != nil || len(ids) == 0 {
				return err
			}
		}
	}
	if os.Getenv(paths.HomeVariable) != "" && !*byURL {
		fmt.Fprintf(stderr, "%s is set here. Editors do not pass it on: what they start uses the usual folders, unless you add it to their entry.\n", paths.HomeVariable)
	}
	return each(ids, stderr, "connected", func(id editors.ID) error {
		wish := editors.Wish{Form: editors.Stdio, Force: *f.force, DryRun: *f.dry}
		if *byURL {
			st, err := c.Look(id)
			if err != nil {
				return err
			}
			wish.Form = computer.WithoutRelay(st)
		}
		out, err := c.Connect(ctx, id, wish)
		if err != nil {
			return err
		}
		return printOutcome(stdout, out, *f.dry, "connected")
	})
}

// everyEditor says which editors are meant by all of them, and of others that are there why they are not.
func everyEditor(list []editors.Status) (ids []editors.ID, words string) {
	var elsewhere, off, others []string
	found := 0
	for _, st := range list {
		if st.State == editors.NotFound || st.Route == editors.RemoveOnly {
			continue
		}
		found++
		switch {
		case st.Route != editors.ByFile && st.Route != editors.ByCLI:
			others = append(others, string(st.ID))
		case st.Off:
			off = append(off, st.Name)
		case st.State == editors.Elsewhere: // which works, and would list every tool twice
			elsewhere = append(elsewhere, st.Name)
		case st.State != editors.Connected:
			ids = append(ids, st.ID)
		}
	}
	if found == 0 {
		return nil, "No editor that AgentRun Tray knows was found on this computer; agentrunctl editors lists their names.\n"
	}
	if len(elsewhere) > 0 {
		words += "Left as it is, because it is connected under another name: " + strings.Join(elsewhere, ", ") + ".\n"
	}
	if len(off) > 0 {
		words += "Left as it is, because you have switched agentrun off there: " + strings.Join(off, ", ") + ".\n"
	}
	if len(others) > 0 {
		words += "Found too, and to be connected by you, as no program can change what they keep: agentrunctl connect " + strings.Join(others, " ") + "\n"
	}
	switch left := len(off) + len(others); {
	case len(ids) > 0 || found == left:
	case left > 0:
		words += "Every other editor that was found is connected.\n"
	default:
		words += "Every editor that was found is connected.\n"
	}
	return ids, words
}

// disconnectEditors takes our entry out of the settings of editors.
func disconnectEditors(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var keep *bool
	ids, f, err := names(args, stderr, "disconnect", func(fs flagSet) {
		keep = fs.Bool("keep", false, "leave the settings as they are, and do not offer to mend our entry any more")
	})
	if err != nil {
		return err
	}
	if *keep && *f.dry {
		return misused("say --keep, which changes no settings, or --dry-run, and not both")
	}
	c, _, err := thisComputer(ctx, stderr)
	if err != nil {
		return err
	}
	forms := map[editors.ID]editors.Form{}
	for _, st := range c.List() {
		forms[st.ID] = st.LastForm()
		if *f.all && (st.Ours() || st.Lost) { // who has lost us would be told of, and offered to be connected again
			ids = append(ids, st.ID)
		}
	}
	if len(ids) == 0 {
		_, err := fmt.Fprintln(stdout, "No editor is connected.")
		return err
	}
	return each(ids, stderr, "disconnected", func(id editors.ID) error {
		if *keep {
			return leaveSo(ctx, c, id, stdout)
		}
		out, err := c.Disconnect(ctx, id, editors.Wish{Force: *f.force, DryRun: *f.dry})
		if err != nil {
			return err
		}
		if err := printOutcome(stdout, out, *f.dry, "disconnected"); err != nil {
			return err
		}
		if forms[id] == editors.HTTP && !*f.dry {
			return printTokenLeft(stdout, id)
		}
		return nil
	})
}

// leaveSo takes note that an editor is to be as it is.
func leaveSo(ctx context.Context, c *computer.Computer, id editors.ID, stdout io.Writer) error {
	if err := c.Release(ctx, id); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "%s is left as it is.\n", id)
	return err
}

// undoEditor takes back the last change to the settings of an editor.
func undoEditor(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	words, err := parse(newFlags("undo", stderr), args, 1)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return misused("say which editor; agentrunctl editors lists them")
	}
	c, _, err := thisComputer(ctx, stderr)
	if err != nil {
		return err
	}
	id := editors.ID(words[0])
	before := formNow(c, id)
	out, err := c.Undo(ctx, id)
	if err != nil {
		return err
	}
	for _, file := range out.Files {
		if _, err := fmt.Fprintf(stdout, "%s: %s is again as it was before the last change.\n%s", out.Name, file.Path, indented(file.Diff)); err != nil {
			return err
		}
	}
	if before == editors.HTTP && formNow(c, id) != editors.HTTP {
		return printTokenLeft(stdout, id)
	}
	return nil
}

// formNow is how an editor is connected; empty: it is not.
func formNow(c *computer.Computer, id editors.ID) editors.Form {
	st, _ := c.Look(id) // one that nobody knows is connected in no form
	return st.Form
}

// printTokenLeft says that the token of an editor which does not connect by URL any more is still there.
func printTokenLeft(w io.Writer, id editors.ID) error {
	_, err := fmt.Fprintf(w, "  Its token is still valid; to end that: agentrunctl token %s --revoke\n", id)
	return err
}

// each carries out a change for several editors. One that fails does not stop the others.
func each(ids []editors.ID, stderr io.Writer, done string, change func(editors.ID) error) error {
	var failed []error
	for _, id := range ids {
		if err := change(id); err != nil {
			failed = append(failed, err)
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(ids) == 1:
		return failed[0]
	}
	for _, err := range failed {
		fmt.Fprintln(stderr, "agentrunctl:", err)
	}
	return errors.New(fmt.Sprint(len(failed), " of ", len(ids), " editors were not ", done))
}

// printOutcome says what was changed, or would be, and what the user does next.
func printOutcome(w io.Writer, out editors.Outcome, dry bool, done string) error {
	var b strings.Builder
	switch {
	case out.Link != "":
		fmt.Fprintf(&b, "%s asks you to add it when you open this link:\n\n  %s\n\n", out.Name, out.Link)
	case out.Card != "":
		fmt.Fprintf(&b, "%s takes this text:\n\n%s\n", out.Name, indented(out.Card))
	case len(out.Files) == 0 && len(out.Remarks) == 0:
		fmt.Fprintf(&b, "%s is %s already.\n", out.Name, done)
	case dry:
		fmt.Fprintf(&b, "%s would be %s:\n", out.Name, done)
	case len(out.Files) > 0:
		fmt.Fprintf(&b, "%s is %s.\n", out.Name, done)
	default:
		fmt.Fprintf(&b, "%s: %s\n", out.Name, out.Note())
		out.Remarks = nil
	}
	for _, command := range out.Commands {
		fmt.Fprintf(&b, "  %s\n", command)
	}
	for _, file := range out.Files {
		if dry {
			b.WriteString(indented(file.Diff))
			continue
		}
		fmt.Fprintf(&b, "  changed %s\n", file.Path)
		if file.Copy != "" {
			fmt.Fprintf(&b, "  kept as it was in %s\n", file.Copy)
		}
	}
	if len(out.Remarks) > 0 {
		fmt.Fprintf(&b, "  %s\n", out.Note())
	}
	if out.After != "" && !dry && (len(out.Files) > 0 || out.Link != "" || out.Card != "") {
		fmt.Fprintf(&b, "  %s\n", out.After)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	if !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	return b.String()
}
