package ui

import (
	"cmp"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// activity lists the tool calls, the newest first.
type activity struct {
	d      *desk
	host   activityHost
	all    *fyne.Container
	table  *kit.Rows[Call]
	filter *kit.Field
	calls  []Call // listed
	detail *callDetail
}

func newActivity(d *desk, host activityHost) *activity {
	a := &activity{d: d, host: host}
	a.detail = newCallDetail(d, func() { a.table.Choose("") }) // so that it can be chosen again
	a.table = kit.NewRows(func(c Call) string { return c.ID }, d.Say("activity.none"), d.Say("filter.none"),
		kit.Column[Call]{
			Title: d.Say("column.time"), Width: 62, Cell: func(c Call) kit.Cell { return kit.Cell{Text: c.At.Local().Format("15:04:05"), Tone: kit.Muted} },
			Compare: func(a, b Call) int { return a.At.Compare(b.At) },
		},
		kit.Column[Call]{
			Title: d.Say("column.client"), Width: 90, Grow: 2, Drop: 2, Cell: func(c Call) kit.Cell { return kit.Cell{Text: d.client(c.Client)} },
			Compare: func(a, b Call) int { return strings.Compare(a.Client, b.Client) },
		},
		kit.Column[Call]{
			Title: d.Say("column.tool"), Width: 104, Grow: 2, Cell: func(c Call) kit.Cell { return kit.Cell{Text: c.Tool, Mono: true} },
			Compare: func(a, b Call) int { return strings.Compare(a.Tool, b.Tool) },
		},
		kit.Column[Call]{
			Title: d.Say("column.context"), Width: 90, Grow: 3, Drop: 3, Cell: func(c Call) kit.Cell { return kit.Cell{Text: c.Context} },
			Compare: func(a, b Call) int { return strings.Compare(a.Context, b.Context) },
		},
		kit.Column[Call]{
			Title: d.Say("column.took"), Width: 56, Grow: 1, Drop: 1, Cell: func(c Call) kit.Cell { return kit.Cell{Text: d.Took(c.Took), Tone: kit.Muted} },
			Compare: func(a, b Call) int { return cmp.Compare(a.Took, b.Took) },
		},
		kit.Column[Call]{
			Title: d.Say("column.outcome"), Width: 128, Grow: 1, Cell: func(c Call) kit.Cell {
				tone, text := d.outcome(c.Outcome)
				return kit.Cell{Text: text, Tone: tone, Pill: true}
			},
			Compare: func(a, b Call) int { return strings.Compare(a.Outcome, b.Outcome) },
		})
	a.table.SortBy(0, true)
	a.table.Selected = func(c Call) {
		a.detail.show(c)
		a.all.Refresh()
	}
	a.filter = kit.NewSearch(d.Say("filter", "keys", keysOf("filter")), 110)
	a.filter.Changed = a.table.Filter
	export := kit.NewLeadButton("download", d.Say("activity.export"), kit.Plain, func() {
		d.save(exportName, d.Say("fail.export"), host.ExportCalls)
	})
	logs := kit.NewLeadButton("folder", d.Say("activity.logs"), kit.Plain, func() { d.do(nil, d.Say("fail.logfolder"), host.OpenLogFolder) })
	top := kit.Row(10, kit.NewText(d.Say("place.activity"), kit.Title, kit.Foreground), kit.SpringBy(5), kit.Grow(a.filter), export, logs)
	a.all = kit.Pad(20, 24, 20, 24, kit.Col(kit.Gap, top, kit.Grow(a.table.Root), a.detail.root))
	return a
}

const exportName = "agentrun-activity.jsonl"

func (a *activity) root() fyne.CanvasObject { return a.all }

func (a *activity) render(v *View) {
	if !sameCalls(a.calls, v.Calls) {
		a.calls = v.Calls
		a.table.Set(v.Calls)
	}
}

// outcome is the colour and the word of what came of a call.
func (d *desk) outcome(code string) (fyne.ThemeColorName, string) {
	tone := kit.Problem
	switch code {
	case "ok":
		tone = kit.Ready
	case "TIMEOUT", "CANCELLED", "running":
		tone = kit.Warming
	}
	if d.Has("outcome." + code) {
		return tone, d.Say("outcome." + code)
	}
	return tone, strings.ToLower(strings.ReplaceAll(code, "_", " "))
}

// callDetail is what more there is to say of a call.
type callDetail struct {
	root  *fyne.Container
	d     *desk
	title *kit.Text
	lines *kit.CodeView
	text  string
}

func newCallDetail(d *desk, shut func()) *callDetail {
	c := &callDetail{d: d, title: kit.NewText("", kit.SmallStrong, kit.Muted).Trim(), lines: kit.NewCodeView()}
	away := kit.NewIconButton("close", d.Say("close"), kit.Quiet, func() {
		c.root.Hide()
		shut()
	})
	copied := kit.NewButton(d.Say("copy"), kit.Ghost, nil)
	c.root = kit.InCard(kit.Col(8, kit.Row(8, kit.Grow(c.title), copied, away), kit.InCode(c.lines)))
	copied.OnTap(func() { d.copy(c.text) })
	c.root.Hide()
	return c
}

func (c *callDetail) show(call Call) {
	c.title.Set(c.d.Say("activity.detail", "tool", call.Tool, "client", c.d.client(call.Client), "when", call.At.Local().Format("15:04:05.000")))
	c.text = call.Detail
	if c.text == "" {
		c.text = c.d.Say("activity.nodetail")
	}
	c.lines.Set(kit.Plainly(c.text, kit.Foreground))
	c.root.Show()
	c.root.Refresh()
}
