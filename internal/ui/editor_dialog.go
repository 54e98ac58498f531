package ui

import (
	"context"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// editorDialog shows what a change of an editor's settings would do, before it is done or instead.
type editorDialog struct {
	r       *editorRow
	row     Editor // as it was when it was asked for
	wish    EditorChange
	ways    *kit.Segments // nil: there is one alone
	note    *kit.Para
	body    *fyne.Container
	file    *kit.Para
	do      *kit.Button
	dialog  *kit.Dialog
	preview Preview
}

// takeOut is the way that is no form.
const takeOut = "out"

// show opens the dialog: with what the switch would do, or, if the question is whether to put our entry in, with that.
func (r *editorRow) show(on bool) {
	if r.asking { // as after a double click: one dialog is enough
		return
	}
	row := r.row
	wish := EditorChange{ID: row.ID, On: on || !row.there() || row.State == EditorStale, Force: row.State == EditorEdited || row.State == EditorElsewhere}
	if row.State == EditorStale && slices.Contains(row.Forms, row.Form) {
		wish.Form = row.Form
	}
	r.ask(wish, func(p Preview) { newEditorDialog(r, row, wish, p) })
}

// ask has the host say what a change would do.
func (r *editorRow) ask(wish EditorChange, done func(Preview)) {
	var p Preview
	r.asking = true
	r.d.errands.run(func(ctx context.Context) (err error) {
		p, err = r.list.host.PreviewEditor(ctx, wish)
		return err
	}, func(err error) {
		r.asking = false
		if err != nil {
			r.refused(r.d.Say("fail.preview"), err)
			return
		}
		done(p)
	})
}

func newEditorDialog(r *editorRow, row Editor, wish EditorChange, p Preview) {
	d := r.d
	e := &editorDialog{
		r: r, row: row, wish: wish, note: kit.NewPara("", kit.Small, kit.Muted), body: kit.Col(8), file: kit.NewPara("", kit.Small, kit.Muted),
		do: kit.NewButton("", kit.Primary, nil),
	}
	content := kit.Col(10, e.note)
	if ways := e.options(); len(ways) > 1 {
		e.ways = kit.NewSegments(d.Say("editors.ways"), ways, e.way(), e.choose)
		content.Add(kit.Row(0, e.ways, kit.Spring()))
	}
	content.Add(e.body)
	content.Add(e.file)
	e.do.OnTap(e.apply)
	e.fill(p)
	title := d.Say("editors.changes", "name", row.Name)
	if row.Route == RouteCard {
		title = d.Say("editors.paste", "name", row.Name)
	}
	cancel := kit.NewButton(d.Say("close"), kit.Plain, nil)
	e.dialog = kit.NewDialog(d.window.Canvas(), 660, title, content, cancel, e.do)
	cancel.OnTap(e.dialog.Close)
	d.asked = asked{e.dialog, e.again}
	if e.ways != nil {
		e.ways.OnEscape(e.dialog.Close)
	}
}

// again opens the dialog in another language.
func (e *editorDialog) again() {
	r, row := e.r.newest(), e.row
	row.Name = r.row.Name
	newEditorDialog(r, row, e.wish, e.preview)
}

// options are the ways there are to change the editor.
func (e *editorDialog) options() []kit.Option {
	if e.row.Route != RouteFile {
		return nil
	}
	var all []kit.Option
	for _, form := range e.row.Forms {
		all = append(all, kit.Option{Value: string(form), Label: e.r.d.Say("editors.way." + string(form))})
	}
	if e.row.there() {
		all = append(all, kit.Option{Value: takeOut, Label: e.r.d.Say("editors.way.out")})
	}
	return all
}

// way is the one that is shown.
func (e *editorDialog) way() string {
	switch {
	case !e.wish.On:
		return takeOut
	case e.wish.Form == "" && len(e.row.Forms) > 0:
		return string(e.row.Forms[0])
	}
	return string(e.wish.Form)
}

// choose shows what another way would do.
func (e *editorDialog) choose(way string) {
	wish := e.wish
	wish.On, wish.Form = way != takeOut, EditorForm(way)
	if way == takeOut {
		wish.Form = ""
	}
	e.r.ask(wish, func(p Preview) {
		e.wish = wish
		e.ways.Set(way)
		e.fill(p)
		e.dialog.Reflow()
	})
}

// fill shows a preview.
func (e *editorDialog) fill(p Preview) {
	d := e.r.d
	e.preview = p
	e.body.Objects = nil
	for _, text := range []string{p.Link, p.Card, strings.Join(p.Commands, "\n")} {
		if text != "" {
			e.code(kit.Plainly(text, kit.Foreground))
		}
	}
	for _, f := range p.Files {
		e.code(kit.Differences(f.Diff))
		e.body.Add(kit.NewPara(f.Path, kit.Mono, kit.Muted))
	}
	note := e.explain(p)
	switch said := d.remarks(e.row.Name, p.Remarks); {
	case said == "":
	case len(p.Files) == 0:
		note = said
	default:
		note = strings.TrimSpace(note + "\n" + said)
	}
	e.note.Set(note)
	e.note.Hidden = note == ""
	below := ""
	switch {
	case p.Card != "":
		below = e.r.after()
	case len(p.Files) > 0:
		below = d.Say("editors.undo.note")
	}
	e.file.Set(below)
	e.file.Hidden = below == ""
	e.do.Set(e.verb(p))
	e.do.Hidden = e.verb(p) == ""
	e.body.Refresh()
}

func (e *editorDialog) code(lines [][]kit.Span) {
	view := kit.NewCodeView()
	view.Set(lines)
	e.body.Add(kit.InCode(view))
}

// explain says what is to be known before.
func (e *editorDialog) explain(p Preview) string {
	d := e.r.d
	switch {
	case p.Card != "":
		return d.Say("editors.paste.note")
	case p.Link != "":
		return d.Say("editors.link.note", "name", e.row.Name)
	case len(p.Files) == 0:
		return d.Say("editors.same")
	case e.row.State == EditorEdited:
		return d.Say("editors.note.edited", "why", d.why(e.row))
	case e.row.State == EditorElsewhere:
		return d.Say("reason.editor-elsewhere")
	case len(p.Commands) > 0:
		return d.Say("editors.commands", "name", e.row.Name)
	}
	return ""
}

// verb is the word of the button that does it; empty: there is nothing to do.
func (e *editorDialog) verb(p Preview) string {
	d := e.r.d
	switch {
	case p.Card != "":
		return d.Say("copy")
	case p.Link != "":
		return d.Say("editors.link")
	case len(p.Files) == 0:
		return ""
	case !e.wish.On:
		return d.Say("editors.disconnect")
	case e.row.State == EditorEdited:
		return d.Say("editors.replace")
	case e.row.State == EditorStale:
		return d.Say("editors.mend")
	case e.row.there():
		return d.Say("editors.apply")
	}
	return d.Say("editors.connect")
}

func (e *editorDialog) apply() {
	e.dialog.Close()
	if e.preview.Card != "" {
		e.r.d.copy(e.preview.Card)
		return
	}
	e.r.change(e.wish)
}
