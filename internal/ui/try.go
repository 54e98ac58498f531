package ui

import (
	"maps"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// tryPane is a cell to write in.
type tryPane struct {
	root     *fyne.Container
	entry    *kit.CodeEntry
	run      *kit.Button
	language *kit.Segments
	where    *kit.Text
	at       string            // the context that what is written is for; empty: a new one
	drafts   map[string]string // what was written for others, and not run
}

func newTryPane(d *desk, run func(code string)) *tryPane {
	t := &tryPane{entry: kit.NewCodeEntry(d.Say("try.hint"), 3), where: kit.NewText("", kit.Small, kit.Muted).Trim(), drafts: map[string]string{}}
	t.entry.Run = func() { run(t.entry.Text) }
	t.run = kit.NewLeadButton("play", d.Say("try.run"), kit.Primary, t.entry.Run)
	t.language = kit.NewSegments(d.Say("column.language"), []kit.Option{{Value: "python", Label: d.Say("language.python")}, {Value: "javascript", Label: d.Say("language.javascript")}},
		"python", func(s string) { t.language.Set(s) })
	t.root = kit.Layer(kit.NewBox(kit.Card, 10).Outline(kit.Line), kit.Col(0,
		kit.Pad(4, 8, 4, 6, t.entry),
		kit.NewRule(),
		kit.Pad(8, 10, 8, 13, kit.Row(10, t.language, kit.Grow(t.where), t.run)),
	))
	return t
}

// chosen is the language of new contexts.
func (t *tryPane) chosen() string { return t.language.Chosen() }

// empty reports that there is no code in the pane.
func (t *tryPane) empty() bool { return strings.TrimSpace(t.entry.Text) == "" }

// describe says where the code would run.
func (t *tryPane) describe(d *desk, s status.Context, language string) {
	text := d.Say("try.new", "keys", keysOf("run"))
	if s.ID != "" {
		text = d.Say("try.here", "language", language, "keys", keysOf("run"))
	}
	t.where.Set(text)
	if settled := s.ID != ""; t.language.Hidden != settled { // the language is that of the context
		t.language.Hidden = settled
		t.root.Refresh()
	}
}

// turn goes over to another context and what was written for it. What is written for none goes along to one that has nothing.
func (t *tryPane) turn(to string) {
	if to == t.at || t.at == "" && t.drafts[to] == "" {
		t.take(to)
		return
	}
	t.drafts[t.at] = t.entry.Text
	t.entry.SetText(t.drafts[to])
	t.take(to)
}

// take goes over to another context with what is written.
func (t *tryPane) take(to string) {
	t.at = to
	delete(t.drafts, to)
}

// forget drops what was written for contexts that are gone.
func (t *tryPane) forget(there func(id string) bool) {
	maps.DeleteFunc(t.drafts, func(id, _ string) bool { return id != "" && !there(id) })
}

// clear empties the pane of what was run in a context, if nobody wrote on meanwhile.
func (t *tryPane) clear(in, code string) {
	switch {
	case in == t.at && t.entry.Text == code:
		t.entry.SetText("")
	case in != t.at && t.drafts[in] == code:
		delete(t.drafts, in)
	}
}
