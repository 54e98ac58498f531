package ui

import (
	"context"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// editors connects the editors found on this computer.
type editors struct {
	d     *desk
	host  editorsHost
	page  *kit.Page
	list  *editorList
	note  *kit.Text
	check *kit.Button
	steps *steps
	all   *kit.Button
	last  *Editors
}

func newEditors(d *desk, host editorsHost) *editors {
	e := &editors{d: d, host: host, note: kit.NewText("", kit.Small, kit.Muted).Trim()}
	reflow := func() { e.page.Reflow() }
	e.list = newEditorList(d, host, reflow)
	e.steps = newSteps(d, reflow)
	card := kit.InCard(e.steps.root)
	card.Hide()
	e.check = kit.NewButton(d.Say("editors.check"), kit.Plain, func() {
		card.Show()
		e.steps.run(e.check, func(ctx context.Context, found func(Finding)) error { return e.host.TestEditor(ctx, "", found) })
	})
	e.check.OnEscape(e.steps.close)
	e.steps.closed = func() {
		card.Hide()
		reflow()
	}
	e.all = kit.NewButton(d.Say("editors.all"), kit.Plain, func() { e.list.connectAll(e.all) })
	top := kit.BaseRow(10, kit.NewText(d.Say("place.editors"), kit.Title, kit.Foreground), kit.Grow(e.note), e.check, e.all)
	e.page = kit.NewPage(kit.Pad(20, 24, 20, 24, kit.Col(kit.Gap, top, card, e.list.root)))
	return e
}

// escape closes what tests have found.
func (e *editors) escape() {
	e.steps.close()
	for _, row := range e.list.views {
		row.steps.close()
	}
}

func (e *editors) root() fyne.CanvasObject { return e.page }

func (e *editors) render(v *View) {
	if v.Editors == e.last && e.last != nil {
		return
	}
	e.last = v.Editors
	e.list.render(v.Editors)
	text := e.d.Say("editors.looking")
	if v.Editors != nil {
		text = e.d.Count("editors.found", len(v.Editors.Found))
	}
	e.note.Set(text)
	e.all.Hidden = len(e.list.connectable()) < 2
	e.page.Reflow()
}
