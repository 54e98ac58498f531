package ui

import (
	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// cellsShown is how many of the last cells are there before somebody asks for more.
const cellsShown = 20

// notebookView shows the cells of a context, the newest at the bottom.
type notebookView struct {
	root    *fyne.Container
	d       *desk
	menu    notebookMenu
	earlier *kit.Button
	empty   *kit.Para
	views   []*cellView
	limit   int
	context string
	last    *notebook.Notebook
}

// notebookMenu is what can be done to a cell.
type notebookMenu struct {
	interrupt func(runID string)
	again     func(code string)
	reflow    func() // something was folded or unfolded
}

func newNotebook(d *desk, menu notebookMenu) *notebookView {
	n := &notebookView{d: d, menu: menu, limit: cellsShown, empty: kit.NewPara("", kit.Small, kit.Muted)}
	n.earlier = kit.NewButton("", kit.Ghost, func() {
		n.limit += 2 * cellsShown
		n.last = nil
		menu.reflow()
	})
	n.root = kit.Col(10, n.empty)
	return n
}

// render shows a context's cells, or that there is none, maybe as the one of a name has ended, and reports whether what is there is
// taller or lower now.
func (n *notebookView) render(v *View, cc status.Context, ended string) bool {
	if cc.ID != n.context {
		n.context, n.limit, n.last = cc.ID, cellsShown, nil
		n.views = nil
		n.show(nil, 0)
	}
	book := v.Notebook
	if book != nil && book.ContextID != cc.ID {
		book = nil // still that of the context before
	}
	var cells []*notebook.Cell
	if book != nil {
		cells = book.Cells
	}
	text := ""
	switch {
	case cc.ID == "" && ended != "":
		text = n.d.Say("notebook.ended", "name", ended)
	case cc.ID == "":
		text = n.d.Say("notebook.nocontext")
	case book == nil && cc.Runs > 0:
		text = n.d.Say("notebook.loading")
	case len(cells) == 0:
		text = n.d.Say("notebook.empty")
	}
	changed := n.empty.Set(text)
	if n.empty.Hidden != (text == "") {
		n.empty.Hidden = text == ""
		changed = true
	}
	if book == n.last && book != nil {
		for _, view := range n.views {
			changed = view.tick(v.Now) || changed
		}
		return changed
	}
	n.last = book
	first := max(0, len(cells)-n.limit)
	return n.update(cells[first:], first, v, cc) || changed
}

// update draws cells, with the views of before as far as they are of the same runs.
func (n *notebookView) update(cells []*notebook.Cell, hidden int, v *View, cc status.Context) bool {
	old := make(map[string]*cellView, len(n.views))
	for _, view := range n.views {
		old[view.cell.RunID] = view
	}
	same := len(cells) == len(n.views)
	views := make([]*cellView, len(cells))
	changed := false
	for at, cell := range cells {
		view := old[cell.RunID]
		if view == nil {
			view = newCellView(n.d, n.menu, cc.Language)
		}
		same = same && view == n.views[at]
		changed = view.render(cell, v.Now) || changed
		views[at] = view
	}
	if same {
		return changed
	}
	n.views = views
	n.show(views, hidden)
	return true
}

func (n *notebookView) show(views []*cellView, hidden int) {
	objects := []fyne.CanvasObject{n.empty}
	if hidden > 0 {
		n.earlier.Set(n.d.Count("notebook.earlier", hidden))
		objects = append(objects, kit.Row(0, kit.Spring(), n.earlier, kit.Spring()))
	}
	for _, view := range views {
		objects = append(objects, view.root)
	}
	n.root.Objects = objects
	n.root.Refresh()
}
