package desktop

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// Run looks at the editors of this computer until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	err := d.editors.Editors.Watch(ctx, editors.WatchEvery, d.showEditors)
	if err != nil && ctx.Err() == nil {
		d.log.Warn("editors are not watched", "error", err)
	}
}

func (d *Desk) showEditors(list []editors.Status) {
	shown := editorsOf(list)
	d.mu.Lock()
	d.found = shown
	d.mu.Unlock()
	d.poke()
}

func editorsOf(list []editors.Status) *ui.Editors {
	all := &ui.Editors{}
	for _, st := range list {
		if st.State == editors.NotFound {
			all.NotFound = append(all.NotFound, st.Name)
			continue
		}
		all.Found = append(all.Found, ui.Editor{ID: string(st.ID), Name: st.Name, State: stateOf(st.State), Note: st.Detail})
	}
	return all
}

func stateOf(s editors.State) ui.EditorState {
	switch s {
	case editors.Connected:
		return ui.EditorConnected
	case editors.Stale:
		return ui.EditorStale
	case editors.HandEdited:
		return ui.EditorEdited
	case editors.Unreadable:
		return ui.EditorUnread
	case editors.NotFound, editors.Found, editors.Elsewhere:
	}
	return ui.EditorOff
}

// PreviewEditor implements ui.Host.
func (d *Desk) PreviewEditor(ctx context.Context, id string) (ui.Preview, error) {
	out, err := d.change(ctx, editors.ID(id), true)
	if err != nil {
		return ui.Preview{}, err
	}
	p := ui.Preview{EditorID: id, Diff: strings.Join(append(slices.Clone(out.Commands), out.Link, out.Card), "\n")}
	if len(out.Files) > 0 {
		p.File, p.Diff = out.Files[0].Path, linesOf(out.Files[0].Diff)
	}
	return p, nil
}

func (d *Desk) change(ctx context.Context, id editors.ID, dry bool) (editors.Outcome, error) {
	return d.editors.Editors.Connect(ctx, id, editors.Wish{DryRun: dry})
}

// linesOf leaves out of a difference what tells of files and places, which the window says elsewhere.
func linesOf(diff string) string {
	lines := strings.Split(strings.TrimSuffix(diff, "\n"), "\n")
	if len(lines) > 2 && strings.HasPrefix(lines[0], "--- ") && strings.HasPrefix(lines[1], "+++ ") {
		lines = lines[2:]
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "@@ ") }), "\n")
}

// SetEditor implements ui.Host.
func (d *Desk) SetEditor(ctx context.Context, id string, on bool) error {
	defer func() { d.showEditors(d.editors.Editors.List()) }() // at once
	if !on {
		_, err := d.editors.Editors.Disconnect(ctx, editors.ID(id), editors.Wish{})
		return err
	}
	if err := d.editors.Shim.Point(d.editors.Relay); err != nil {
		return err
	}
	out, err := d.change(ctx, editors.ID(id), false)
	if err == nil && out.Card != "" {
		return errors.New(out.Name + " has no settings file that can be written; paste this there: " + out.Card)
	}
	return err
}

// TestEditor implements ui.Host: it does what the editor would do to run code.
func (d *Desk) TestEditor(ctx context.Context, id string) (outcome string, err error) {
	opt := d.editors
	opt.Editor = editors.ID(id)
	var last string
	var failed string // the check that did first
	var wrong []string
	doctor.Run(ctx, opt, func(f doctor.Finding) {
		switch f.Verdict {
		case doctor.Bad:
			failed = cmp.Or(failed, f.Check)
			wrong = append(wrong, strings.TrimSpace(f.What+" "+f.Todo))
		case doctor.Good:
			last = f.What
		case doctor.Warning, doctor.Skipped:
		}
	})
	if len(wrong) > 0 {
		return "", reason.Doctor(failed, strings.Join(wrong, " "))
	}
	return last, ctx.Err()
}
