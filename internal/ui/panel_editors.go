package ui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// editors connects the editors found on this computer.
type editors struct {
	d    *desk
	host editorsHost
	page *kit.Page
	list *editorList
	note *kit.Text
	all  *kit.Button
	last *Editors
}

func newEditors(d *desk, host editorsHost) *editors {
	e := &editors{d: d, host: host, note: kit.NewText("", kit.Small, kit.Muted).Trim()}
	e.list = newEditorList(d, host, func() { e.page.Reflow() })
	e.all = kit.NewButton(d.Say("editors.all"), kit.Plain, func() { e.list.connectAll(e.all) })
	top := kit.BaseRow(14, kit.NewText(d.Say("place.editors"), kit.Title, kit.Foreground), kit.Grow(e.note), e.all)
	e.page = kit.NewPage(kit.Pad(20, 24, 20, 24, kit.Col(kit.Gap, top, e.list.root)))
	return e
}

func (e *editors) root() fyne.CanvasObject { return e.page }

func (e *editors) render(v *View) {
	if v.Editors == e.last && e.last != nil {
		return
	}
	e.last = v.Editors
	e.list.render(v.Editors)
	off := 0
	text := e.d.Say("editors.looking")
	if v.Editors != nil {
		text = e.d.Count("editors.found", len(v.Editors.Found))
		for _, row := range v.Editors.Found {
			if row.State == EditorOff {
				off++
			}
		}
	}
	e.note.Set(text)
	e.all.Hidden = off < 2
	e.page.Reflow()
}

// editorList is the rows of editors with a switch each, and what a change would do to a file. The first steps show it too.
type editorList struct {
	root    *fyne.Container
	d       *desk
	host    editorsHost
	reflow  func()
	rows    *fyne.Container
	card    *fyne.Container
	views   map[string]*editorRow
	found   []Editor
	absent  *kit.Para
	empty   *kit.Para
	diff    *fyne.Container
	title   *kit.Text
	file    *kit.Text
	lines   *kit.CodeView
	connect *kit.Button
	preview Preview
}

func newEditorList(d *desk, host editorsHost, reflow func()) *editorList {
	e := &editorList{d: d, host: host, reflow: reflow, rows: kit.Col(0), views: map[string]*editorRow{}}
	e.absent, e.empty = kit.NewPara("", kit.Small, kit.Muted), kit.NewPara("", kit.Small, kit.Muted)
	e.title, e.file, e.lines = kit.NewText("", kit.SmallStrong, kit.Muted).Trim(), kit.NewText("", kit.Mono, kit.Muted).Trim(), kit.NewCodeView()
	e.connect = kit.NewButton(d.Say("editors.connect"), kit.Primary, func() { e.apply(e.preview.EditorID) })
	e.diff = kit.InCard(kit.Col(9, e.title, kit.InCode(e.lines), e.file,
		kit.Row(10, kit.Grow(kit.NewPara(d.Say("editors.undo"), kit.Small, kit.Muted)), kit.NewButton(d.Say("cancel"), kit.Plain, e.hide), e.connect)))
	e.diff.Hide()
	e.card = kit.Layer(kit.NewCard(), kit.Pad(4, 12, 4, 12, kit.Col(0, e.rows, e.empty)))
	e.root = kit.Col(kit.Gap, e.card, e.diff, e.absent)
	return e
}

func (e *editorList) hide() {
	e.diff.Hide()
	e.preview = Preview{}
	e.reflow()
}

func (e *editorList) render(all *Editors) {
	text, absent := "", ""
	if all == nil {
		all = &Editors{}
		text = e.d.Say("editors.looking")
	} else if len(all.Found) == 0 {
		text = e.d.Say("editors.none")
	}
	if len(all.NotFound) > 0 {
		absent = e.d.Say("editors.absent", "names", strings.Join(all.NotFound, e.d.Say("list.comma")))
	}
	e.empty.Set(text)
	e.empty.Hidden = text == ""
	e.absent.Set(absent)
	e.found = all.Found
	e.rows.Objects = nil
	for n, row := range all.Found {
		view := e.views[row.ID]
		if view == nil {
			view = newEditorRow(e, row)
			e.views[row.ID] = view
		}
		view.render(row)
		view.rule.Hidden = n == 0
		e.rows.Objects = append(e.rows.Objects, view.root)
	}
	e.rows.Refresh()
	e.card.Refresh()
}

// connectAll connects those that are not.
func (e *editorList) connectAll(b *kit.Button) {
	var ids []string
	for _, row := range e.found {
		if row.State == EditorOff {
			ids = append(ids, row.ID)
		}
	}
	e.d.do(b, e.d.Say("fail.connect"), func(ctx context.Context) error {
		for _, id := range ids {
			if err := e.host.SetEditor(ctx, id, true); err != nil {
				return err
			}
		}
		return nil
	})
}

// look shows what connecting an editor would change.
func (e *editorList) look(row Editor) {
	var p Preview
	e.d.errands.run(func(ctx context.Context) (err error) {
		p, err = e.host.PreviewEditor(ctx, row.ID)
		return err
	}, func(err error) {
		if err != nil {
			e.d.fail(e.d.Say("fail.preview"), err)
			return
		}
		e.preview = p
		e.title.Set(e.d.Say("editors.changes", "name", row.Name))
		e.file.Set(p.File)
		e.lines.Set(kit.Differences(p.Diff))
		e.connect.Hidden = row.State == EditorConnected || row.State == EditorUnread
		e.diff.Show()
		e.diff.Refresh()
		e.reflow()
	})
}

func (e *editorList) apply(id string) {
	e.d.do(e.connect, e.d.Say("fail.connect"), func(ctx context.Context) error { return e.host.SetEditor(ctx, id, true) })
	e.hide()
}

// editorRow is one editor.
type editorRow struct {
	root   *fyne.Container
	d      *desk
	name   *kit.Text
	pill   *kit.Pill
	note   *kit.Text
	rule   *kit.Box
	toggle *kit.Switch
	slot   *fyne.Container
	row    Editor
}

func newEditorRow(list *editorList, row Editor) *editorRow {
	d := list.d
	r := &editorRow{d: d, name: kit.NewText(row.Name, kit.Strong, kit.Foreground).Trim(), pill: kit.NewPill("", kit.Muted), note: kit.NewText("", kit.Small, kit.Muted).Trim(), rule: kit.NewRule()}
	test := kit.NewButton(d.Say("editors.test"), kit.Ghost, nil)
	test.OnTap(func() {
		var outcome string
		d.errands.run(func(ctx context.Context) (err error) {
			outcome, err = list.host.TestEditor(ctx, r.row.ID)
			return err
		}, func(err error) {
			if err != nil {
				d.fail(d.Say("fail.test"), err)
				return
			}
			d.toasts.Show(outcome, kit.Ready)
		})
	})
	preview := kit.NewButton(d.Say("editors.preview"), kit.Ghost, func() { list.look(r.row) })
	r.toggle = kit.NewSwitch(row.Name, row.State == EditorConnected, func(on bool) {
		if on {
			list.look(r.row) // what will change is shown before it is written
			return
		}
		id := r.row.ID
		d.do(nil, d.Say("fail.disconnect"), func(ctx context.Context) error { return list.host.SetEditor(ctx, id, false) })
	})
	r.slot = kit.Fix(140, 0, kit.Row(0, r.pill, kit.Spring()))
	r.root = kit.Col(0, r.rule, kit.Pad(7, 6, 7, 4, kit.Row(8, kit.Fix(114, 0, r.name), r.slot, kit.Grow(r.note), test, preview, kit.Pad(0, 0, 0, 6, r.toggle))))
	return r
}

func (r *editorRow) render(row Editor) {
	r.row = row
	tone := kit.Muted
	switch row.State {
	case EditorConnected:
		tone = kit.Ready
	case EditorStale, EditorEdited:
		tone = kit.Warming
	case EditorUnread:
		tone = kit.Problem
	case EditorOff:
	}
	if r.pill.Set(r.d.Say("editors.state."+string(row.State)), tone) {
		r.slot.Refresh()
	}
	r.note.Set(row.Note)
	r.toggle.Set(row.State == EditorConnected || row.State == EditorEdited || row.State == EditorStale)
}
