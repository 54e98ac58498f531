package ui

import (
	"context"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// editorRow is one editor: its state, what can be done about it, and below that what came of the last thing that was.
type editorRow struct {
	root *fyne.Container
	list *editorList
	d    *desk
	row  Editor

	rule    *kit.Box
	pill    *kit.Pill
	slot    *fyne.Container
	note    *kit.Text // in a few words
	more    *kit.Para // what does not fit there
	toggle  *kit.Switch
	keep    *kit.Button // leave it as it is
	act     *kit.Button // what is next for an editor in its state
	undo    *kit.Button
	test    *kit.Button
	preview *kit.Button
	buttons *fyne.Container

	said    *fyne.Container
	outcome *kit.Para
	failed  bool // that is what is said
	working bool
	asking  bool // what a change would do
	steps   *steps
}

// nameWide has room for the longest name of an editor.
const nameWide = 184

// rowWide is from which width on all of a row is on one line.
const rowWide = 740

func newEditorRow(list *editorList, row Editor) *editorRow {
	d := list.d
	r := &editorRow{
		list: list, d: d, row: row, rule: kit.NewRule(), pill: kit.NewPill("", kit.Muted), note: kit.NewText("", kit.Small, kit.Muted).Trim(),
		more:    kit.NewPara("", kit.Small, kit.Muted),
		outcome: kit.NewPara("", kit.Small, kit.Foreground), steps: newSteps(d, list.reflow),
	}
	r.steps.about = func() Editor { return r.row }
	button := func(label string, kind kit.Kind, do func()) *kit.Button {
		b := kit.NewButton(label, kind, do).ReadAs(d.Say("editors.of", "what", label, "name", row.Name))
		b.OnEscape(r.steps.close)
		return b
	}
	r.keep = button(d.Say("editors.keep"), kit.Quiet, r.leave)
	r.act = button("", kit.Ghost, r.next)
	r.undo = button(d.Say("editors.undo"), kit.Ghost, r.takeBack)
	r.test = button(d.Say("editors.test"), kit.Ghost, func() {
		r.say("", kit.Muted)
		id := r.row.ID
		r.steps.run(r.test, func(ctx context.Context, found func(Finding)) error { return list.host.TestEditor(ctx, id, found) })
	})
	r.preview = button(d.Say("editors.preview"), kit.Ghost, func() { r.show(false) })
	r.toggle = kit.NewSwitch(row.Name, row.there(), r.flip)
	r.toggle.OnEscape(r.steps.close)
	r.slot = kit.Fix(150, 0, kit.Row(0, r.pill, kit.Spring()))
	r.buttons = kit.Row(4, r.keep, r.act, r.undo, r.test, r.preview, kit.Fix(40, 20, kit.Pad(0, 0, 0, 6, r.toggle)))
	line := kit.Along(rowWide, 8, kit.Row(8, kit.Fix(nameWide, 0, kit.NewText(row.Name, kit.Strong, kit.Foreground).Trim()), r.slot), r.note, r.buttons)
	r.said = kit.Row(8, kit.Grow(r.outcome), kit.NewIconButton("close", d.Say("close"), kit.Quiet, func() { r.say("", kit.Muted) }))
	r.said.Hide()
	r.root = kit.Col(0, r.rule, kit.Pad(7, 6, 7, 4, kit.Col(4, line, r.more, r.said, r.steps.root)))
	return r
}

// newest is the row of the same editor in the list in sight.
func (r *editorRow) newest() *editorRow { return r.list.newest().row(r.row) }

func (r *editorRow) render(row Editor) {
	if r.failed && (row.State != r.row.State || row.Form != r.row.Form) { // what could not be done is done
		r.say("", kit.Muted)
	}
	if row.State != r.row.State || row.Form != r.row.Form { // what was tested is not so any more
		r.steps.close()
	}
	r.row = row
	tone, word := kit.Muted, stateWord(row)
	switch row.State {
	case EditorConnected:
		tone = kit.Ready
	case EditorStale, EditorEdited, EditorElsewhere:
		tone = kit.Warming
	case EditorUnread:
		tone = kit.Problem
	case EditorOff, EditorSilent:
	}
	if r.pill.Set(r.d.Say("editors.state."+word), tone) {
		r.slot.Refresh()
	}
	note := r.noteOf(row)
	short, more := note, ""
	if row.troubled() {
		short, more = "", note
	}
	r.note.Set(short)
	r.more.Set(more)
	r.more.Hidden = more == ""
	byHand := row.Route == RouteLink || row.Route == RouteCard
	gone := row.Route == RouteRemove && !row.there()
	next := r.nextWord(row)
	r.act.Set(next)
	r.act.ReadAs(r.d.Say("editors.of", "what", next, "name", row.Name))
	r.act.Hidden = next == ""
	r.keep.Hidden = !row.Lost || row.State == EditorUnread
	r.undo.Hidden = !row.Undo
	r.test.Hidden = gone
	r.preview.Hidden = row.Route == RouteCard || row.State == EditorUnread || gone
	r.toggle.Hidden = byHand || gone
	r.busy(r.working)
	r.toggle.Set(row.there())
	r.buttons.Refresh()
}

// stateWord is the word for the state: of editors whose settings cannot be seen from outside, it is known only that they are there.
func stateWord(row Editor) string {
	if row.State == EditorOff && row.Route != RouteFile {
		return "found"
	}
	return string(row.State)
}

// noteOf says more of the state.
func (r *editorRow) noteOf(row Editor) string {
	switch row.State {
	case EditorConnected:
		return r.d.Say("editors.note.by." + string(row.Form))
	case EditorOff:
		switch {
		case row.Lost:
			return r.d.Say("editors.note.lost")
		case row.Route != RouteFile:
			return r.d.Say("editors.note.route." + string(row.Route))
		}
		return ""
	case EditorStale, EditorEdited, EditorSilent, EditorUnread, EditorElsewhere:
	}
	return r.d.Say("editors.note."+string(row.State), "why", r.d.why(row))
}

// why says what is the matter with our entry. What a parser says of a file stays as it is.
func (d *desk) why(row Editor) string {
	if row.Why == "" {
		return row.Detail
	}
	return d.Say("editors.why."+string(row.Why), "what", row.What)
}

// nextWord is what is next for an editor in its state, beside the switch.
func (r *editorRow) nextWord(row Editor) string {
	switch {
	case row.Route == RouteLink:
		return r.d.Say("editors.link")
	case row.Route == RouteCard:
		return r.d.Say("editors.card")
	case row.mendable():
		return r.d.Say("editors.mend")
	case row.State == EditorEdited:
		return r.d.Say("editors.replace")
	}
	return ""
}

// next does it.
func (r *editorRow) next() {
	switch {
	case r.row.Route == RouteCard, r.row.State == EditorEdited:
		r.show(true)
	default:
		r.change(EditorChange{ID: r.row.ID, On: true})
	}
}

// flip is the switch. It acts at once, unless something of somebody else's is in the way: then it shows what would be changed, and asks.
func (r *editorRow) flip(on bool) {
	if r.row.State == EditorEdited || r.row.State == EditorElsewhere {
		r.show(on)
		return
	}
	r.change(EditorChange{ID: r.row.ID, On: on})
}

// change carries a change out.
func (r *editorRow) change(c EditorChange) {
	r.busy(true)
	r.steps.close()
	r.say("", kit.Muted)
	var remarks []Remark
	r.d.errands.run(func(ctx context.Context) (err error) {
		remarks, err = r.list.host.ChangeEditor(ctx, c)
		return err
	}, func(err error) {
		r := r.newest()
		r.busy(false)
		r.changed(c, remarks, err)
	})
}

// changed tells what came of a change.
func (r *editorRow) changed(c EditorChange, remarks []Remark, err error) {
	var said []string
	switch {
	case err != nil && c.On:
		r.refused(r.d.Say("fail.connect"), err)
		return
	case err != nil:
		r.refused(r.d.Say("fail.disconnect"), err)
		return
	case slices.ContainsFunc(remarks, func(m Remark) bool { return m.Kind == RemarkByHand }): // nothing was changed
	case !c.On:
		said = append(said, r.d.Say("editors.out"))
	case r.row.Route == RouteLink:
		said = append(said, r.d.Say("editors.asked", "name", r.row.Name))
	default:
		said = append(said, r.after())
	}
	tone := kit.Muted
	if len(remarks) > 0 {
		said, tone = append(said, r.d.remarks(r.row.Name, remarks)), kit.Warming
	}
	r.say(strings.Join(said, "\n"), tone)
}

// remarks says what goes another way than usual when the settings of an editor are changed, a line each.
func (d *desk) remarks(name string, all []Remark) string {
	lines := make([]string, len(all))
	for n, m := range all {
		lines[n] = m.Said
		if m.Kind != "" {
			lines[n] = d.Say("editors.remark."+string(m.Kind), "name", name, "what", m.What)
		}
	}
	return strings.Join(lines, "\n")
}

// after is what the user does in the editor for a change to be seen.
func (r *editorRow) after() string { return r.d.Say("editors.after." + r.row.ID) }

// refused says why something was not done.
func (r *editorRow) refused(what string, err error) {
	r.say(r.d.Say("failed", "what", what, "why", sentence(r.d.Words, err)), kit.Problem)
}

// say tells something below the row, or nothing any more.
func (r *editorRow) say(text string, tone fyne.ThemeColorName) {
	r.failed = tone == kit.Problem
	r.outcome.SetTone(tone)
	r.outcome.Set(text)
	r.said.Hidden = text == ""
	r.list.reflow()
}

// busy says whether a change is being made, during which no other can be asked for.
func (r *editorRow) busy(on bool) {
	r.working = on
	delete(r.list.going, r.row.ID)
	for _, b := range []interface{ SetEnabled(bool) }{r.keep, r.act, r.undo, r.preview} {
		b.SetEnabled(!on)
	}
	if on || r.row.State == EditorUnread {
		r.toggle.Disable()
		return
	}
	r.toggle.Enable()
}

// takeBack undoes our last change.
func (r *editorRow) takeBack() {
	id := r.row.ID
	r.busy(true)
	r.steps.close()
	r.d.errands.run(func(ctx context.Context) error { return r.list.host.UndoEditor(ctx, id) }, func(err error) {
		r := r.newest()
		r.busy(false)
		if err != nil {
			r.refused(r.d.Say("fail.undo"), err)
			return
		}
		r.say(r.d.Say("editors.undone"), kit.Muted)
	})
}

// leave lets the editor be as it is.
func (r *editorRow) leave() {
	id := r.row.ID
	r.busy(true)
	r.d.errands.run(func(ctx context.Context) error { return r.list.host.LeaveEditor(ctx, id) }, func(err error) {
		r := r.newest()
		r.busy(false)
		if err != nil {
			r.refused(r.d.Say("fail.leave"), err)
		}
	})
}
