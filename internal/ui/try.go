package ui

import (
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
}

func newTryPane(d *desk, run func(code string)) *tryPane {
	t := &tryPane{entry: kit.NewCodeEntry(d.Say("try.hint"), 3), where: kit.NewText("", kit.Small, kit.Muted).Trim()}
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

// clear empties the pane, if nobody wrote on meanwhile.
func (t *tryPane) clear(code string) {
	if t.entry.Text == code {
		t.entry.SetText("")
	}
}
