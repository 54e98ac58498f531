package ui

import (
	"context"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// editorList is the rows of editors with a switch each. The first steps show it too.
type editorList struct {
	root   *fyne.Container
	d      *desk
	host   editorsHost
	reflow func()
	rows   *fyne.Container
	card   *fyne.Container // of rows
	vacant *fyne.Container // the card of empty
	views  map[string]*editorRow
	found  []Editor
	absent *kit.Para
	empty  *kit.Para
	going  map[string]bool // by the id of an editor: a change of before another language is being made; its row is not there yet
	heir   *editorList     // has taken its place; nil: none
}

func newEditorList(d *desk, host editorsHost, reflow func()) *editorList {
	e := &editorList{d: d, host: host, reflow: reflow, rows: kit.Col(0), views: map[string]*editorRow{}, going: map[string]bool{}}
	e.absent, e.empty = kit.NewPara("", kit.Small, kit.Muted), kit.NewPara("", kit.Small, kit.Muted)
	e.card = kit.Layer(kit.NewCard(), kit.Pad(4, 12, 4, 12, e.rows))
	e.vacant = kit.InCard(e.empty)
	e.root = kit.Col(kit.Gap, e.card, e.vacant, e.absent)
	return e
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
		names := make([]string, len(all.NotFound))
		for n, name := range all.NotFound {
			names[n] = e.d.Product(name)
		}
		absent = e.d.Say("editors.absent", "names", strings.Join(names, e.d.Say("list.comma")))
	}
	e.empty.Set(text)
	e.card.Hidden, e.vacant.Hidden = len(all.Found) == 0, text == ""
	e.absent.Set(absent)
	e.found = all.Found
	e.rows.Objects = nil
	for n, row := range all.Found {
		row.Name = e.d.Product(row.Name)
		view := e.row(row)
		view.render(row)
		view.rule.Hidden = n == 0
		e.rows.Objects = append(e.rows.Objects, view.root)
	}
	e.rows.Refresh()
	e.root.Refresh()
}

// row is what draws an editor.
func (e *editorList) row(row Editor) *editorRow {
	view := e.views[row.ID]
	if view == nil {
		view = newEditorRow(e, row)
		view.working = e.going[row.ID]
		e.views[row.ID] = view
	}
	return view
}

// newest is the list in sight: another language has one take the place of another.
func (e *editorList) newest() *editorList {
	for e.heir != nil {
		e = e.heir
	}
	return e
}

// keep takes over the changes that are being made.
func (e *editorList) keep(old *editorList) {
	old.heir = e
	for id, view := range old.views {
		if view.working {
			e.going[id] = true
		}
	}
}

// connectable are those that could be connected without a question, and are not.
func (e *editorList) connectable() []Editor {
	var all []Editor
	for _, row := range e.found {
		if row.State == EditorOff && row.Route == RouteFile {
			all = append(all, row)
		}
	}
	return all
}

// connectAll connects those that are not. One that fails says so in its row, and does not stop the others.
func (e *editorList) connectAll(b *kit.Button) {
	b.Disable()
	wanted := slices.DeleteFunc(e.connectable(), func(row Editor) bool { return e.row(row).working })
	for _, row := range wanted {
		e.row(row).busy(true)
	}
	e.d.errands.run(func(ctx context.Context) error {
		for _, row := range wanted {
			c := EditorChange{ID: row.ID, On: true}
			remarks, err := e.host.ChangeEditor(ctx, c)
			e.d.errands.post(func() {
				r := e.row(row).newest()
				r.busy(false)
				r.changed(c, remarks, err)
			})
		}
		return nil
	}, func(error) { b.Enable() })
}
