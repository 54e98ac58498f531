package desktop

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// editorsOf translates what the host has seen; byURL says whether it serves editors that connect by URL.
func (t *translator) editorsOf(e *app.Editors, byURL bool) *ui.Editors {
	if e == t.seen && byURL == t.byURL {
		return t.found
	}
	t.seen, t.byURL = e, byURL
	if e == nil {
		t.found = nil
		return nil
	}
	t.found = &ui.Editors{}
	for _, st := range e.List {
		if st.State == editors.NotFound {
			t.found.NotFound = append(t.found.NotFound, st.Name)
			continue
		}
		t.found.Found = append(t.found.Found, editorOf(st, byURL))
	}
	return t.found
}

func editorOf(st editors.Status, byURL bool) ui.Editor {
	e := ui.Editor{
		ID: string(st.ID), Name: st.Name, State: stateOf(st), Detail: st.Detail, Route: routeOf(st.Route), Form: ui.EditorForm(st.Form),
		Lost: st.Lost, Undo: st.Undo, Why: ui.EditorWhy(st.Why), What: st.What,
	}
	for _, form := range st.Forms {
		if byURL || form != editors.HTTP {
			e.Forms = append(e.Forms, ui.EditorForm(form))
		}
	}
	return e
}

func stateOf(st editors.Status) ui.EditorState {
	switch st.State {
	case editors.Connected:
		return ui.EditorConnected
	case editors.Stale:
		return ui.EditorStale
	case editors.HandEdited:
		if st.Off {
			return ui.EditorSilent
		}
		return ui.EditorEdited
	case editors.Unreadable:
		return ui.EditorUnread
	case editors.Elsewhere:
		return ui.EditorElsewhere
	case editors.NotFound, editors.Found:
	}
	return ui.EditorOff
}

func routeOf(r editors.Route) ui.EditorRoute {
	switch r {
	case editors.ByLink:
		return ui.RouteLink
	case editors.ByCard:
		return ui.RouteCard
	case editors.RemoveOnly:
		return ui.RouteRemove
	case editors.ByFile, editors.ByCLI:
	}
	return ui.RouteFile
}

// change carries a change out, or says what it would do.
func (d *Desk) change(ctx context.Context, c ui.EditorChange, dry bool) (editors.Outcome, error) {
	all, err := d.app.Computer()
	if err != nil {
		return editors.Outcome{}, err
	}
	id, wish := editors.ID(c.ID), editors.Wish{Form: editors.Form(c.Form), Force: c.Force, DryRun: dry}
	if !c.On {
		out, err := all.Disconnect(ctx, id, wish)
		return out, err
	}
	if wish.Form == "" {
		st, err := all.Look(id)
		if err != nil {
			return editors.Outcome{}, err
		}
		wish.Form = all.FormToMend(st)
	}
	out, err := all.Connect(ctx, id, wish)
	return out, err
}

// PreviewEditor implements ui.Host.
func (d *Desk) PreviewEditor(ctx context.Context, c ui.EditorChange) (ui.Preview, error) {
	out, err := d.change(ctx, c, true)
	if err != nil {
		return ui.Preview{}, err
	}
	p := ui.Preview{Commands: out.Commands, Link: out.Link, Card: out.Card, Remarks: remarksOf(out)}
	for _, f := range out.Files {
		p.Files = append(p.Files, ui.PreviewFile{Path: f.Path, Diff: linesOf(f.Diff)})
	}
	return p, nil
}

func remarksOf(out editors.Outcome) []ui.Remark {
	var all []ui.Remark
	for _, r := range out.Remarks {
		all = append(all, ui.Remark{Kind: ui.RemarkKind(r.Kind), What: r.What, Said: r.Said})
	}
	return all
}

// linesOf leaves out of a difference what tells of files and places, which the window says elsewhere.
func linesOf(diff string) string {
	lines := strings.Split(strings.TrimSuffix(diff, "\n"), "\n")
	if len(lines) > 2 && strings.HasPrefix(lines[0], "--- ") && strings.HasPrefix(lines[1], "+++ ") {
		lines = lines[2:]
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "@@ ") || strings.HasPrefix(line, `\ `) }), "\n")
}

// ChangeEditor implements ui.Host.
func (d *Desk) ChangeEditor(ctx context.Context, c ui.EditorChange) ([]ui.Remark, error) {
	defer d.app.LookAtEditors()
	out, err := d.change(ctx, c, false)
	remarks := remarksOf(out)
	if err != nil || out.Link == "" {
		return remarks, err
	}
	link, err := url.Parse(out.Link)
	if err != nil {
		return remarks, err
	}
	return remarks, d.openURL(link)
}

// MendEditor implements ui.Host.
func (d *Desk) MendEditor(ctx context.Context, id string) ([]ui.Remark, error) {
	return d.ChangeEditor(ctx, ui.EditorChange{ID: id, On: true})
}

// LeaveEditor implements ui.Host.
func (d *Desk) LeaveEditor(ctx context.Context, id string) error {
	all, err := d.app.Computer()
	if err != nil {
		return err
	}
	defer d.app.LookAtEditors()
	return all.Release(ctx, editors.ID(id))
}

// UndoEditor implements ui.Host.
func (d *Desk) UndoEditor(ctx context.Context, id string) error {
	all, err := d.app.Computer()
	if err != nil {
		return err
	}
	defer d.app.LookAtEditors()
	_, err = all.Undo(ctx, editors.ID(id))
	return err
}

// TestEditor implements ui.Host.
func (d *Desk) TestEditor(ctx context.Context, id string, found func(ui.Finding)) error {
	return d.app.ExamineEditor(ctx, editors.ID(id), func(f doctor.Finding) {
		found(ui.Finding{Check: f.Check, Title: f.Title, Verdict: ui.Verdict(f.Verdict), What: f.What, Todo: f.Todo})
	})
}
