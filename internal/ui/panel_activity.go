package ui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// activity lists what goes on at the moment, and below that the tool calls that were answered, the newest first.
type activity struct {
	d      *desk
	host   activityHost
	show   func(contextID string) // its notebook
	all    *fyne.Container
	table  *kit.Rows[deed]
	filter *kit.Field
	runs   []status.Run // listed
	calls  []Call       // listed
	view   *View        // drawn last
	detail *callDetail
}

// deed is a line of the table: a call that was answered, or a run that goes on.
type deed struct {
	Call
	goesOn bool
	since  time.Time // when the code of a run began, or when it was asked for
}

// The outcomes of what has none yet.
const (
	goesOn = "now"
	waits  = "waiting"
)

// deedOf is the line of a run.
func deedOf(r status.Run) deed {
	x := deed{
		Call: Call{
			ID: r.ID, At: r.AskedAt, Client: r.Client, Tool: r.Tool, ContextID: r.ContextID, Context: r.Context, Outcome: waits,
			Detail: "run_id: " + r.ID + "\ncontext_id: " + r.ContextID + "\nclient: " + r.Client,
		},
		goesOn: true, since: r.AskedAt,
	}
	if r.StartedAt != nil {
		x.Outcome, x.since = goesOn, *r.StartedAt
	}
	return x
}

func newActivity(d *desk, host activityHost, show func(contextID string)) *activity {
	a := &activity{d: d, host: host, show: show}
	a.detail = newCallDetail(d, a)
	a.table = kit.NewRows(func(x deed) string { return x.ID }, d.Say("activity.none"), d.Say("filter.none"), a.columns()...)
	a.table.Pinned = func(x deed) bool { return x.goesOn }
	a.table.Find = func(x deed) string { return x.Outcome + "\n" + x.Raised + "\n" + d.outcomeWord(x.Outcome) }
	a.table.Pressed = func(x deed) { d.interrupt(host, x.ID) }
	a.table.SortBy(0, true)
	a.table.Selected = func(x deed) {
		a.detail.show(x)
		a.detail.render(a.view)
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

func (a *activity) columns() []kit.Column[deed] {
	d := a.d
	return []kit.Column[deed]{
		{
			Title: d.Say("column.time"), Width: 62, Cell: func(x deed) kit.Cell { return kit.Cell{Text: x.At.Local().Format("15:04:05"), Tone: kit.Muted} },
			Compare: func(a, b deed) int { return a.At.Compare(b.At) },
		},
		{
			Title: d.Say("column.client"), Width: 90, Grow: 2, Drop: 2, Cell: func(x deed) kit.Cell { return kit.Cell{Text: d.client(x.Client)} },
			Compare: func(a, b deed) int { return strings.Compare(a.Client, b.Client) },
		},
		{
			Title: d.Say("column.tool"), Width: 104, Grow: 2, Cell: func(x deed) kit.Cell { return kit.Cell{Text: x.Tool, Mono: true} },
			Compare: func(a, b deed) int { return strings.Compare(a.Tool, b.Tool) },
		},
		{
			Title: d.Say("column.context"), Width: 90, Grow: 3, Drop: 3, Cell: func(x deed) kit.Cell { return kit.Cell{Text: x.Context} },
			Compare: func(a, b deed) int { return strings.Compare(a.Context, b.Context) },
		},
		{
			Title: d.Say("column.took"), Width: 56, Grow: 1, Drop: 1, Cell: a.took,
			Compare: func(a, b deed) int { return cmp.Or(cmp.Compare(a.Took, b.Took), b.since.Compare(a.since)) },
		},
		{
			Title: d.Say("column.outcome"), Width: 172, Grow: 1, Cell: a.outcome,
			Compare: func(a, b deed) int { return strings.Compare(a.Outcome+a.Raised, b.Outcome+b.Raised) },
		},
	}
}

// took is how long something took, or has taken so far.
func (a *activity) took(x deed) kit.Cell {
	if x.goesOn {
		return kit.Cell{Text: a.d.Short(a.view.Now.Sub(x.since)), Tone: toneOf(x.Outcome), Bold: true}
	}
	return kit.Cell{Text: a.d.Took(x.Took), Tone: kit.Muted}
}

// outcome is what came of something: of code that failed, with the type of the exception.
func (a *activity) outcome(x deed) kit.Cell {
	c := kit.Cell{Text: a.d.outcomeWord(x.Outcome), Tone: toneOf(x.Outcome), Pill: true}
	switch {
	case x.goesOn:
		c.Act, c.ActOf = a.d.Say("cell.interrupt"), a.d.Say("activity.interrupt", "context", x.Context)
	case x.Outcome == "EXECUTION_FAILED" && x.Raised != "":
		c.Text = x.Raised
	}
	return c
}

const exportName = "agentrun-activity.jsonl"

func (a *activity) root() fyne.CanvasObject { return a.all }

func (a *activity) render(v *View) {
	a.view = v
	if !sameCalls(a.calls, v.Calls) || !sameRuns(a.runs, v.Runs) {
		a.calls, a.runs = v.Calls, v.Runs
		all := make([]deed, 0, len(v.Runs)+len(v.Calls))
		for _, r := range v.Runs {
			all = append(all, deedOf(r))
		}
		for _, c := range v.Calls {
			all = append(all, deed{Call: c})
		}
		a.table.Set(all)
	} else if len(v.Runs) > 0 {
		a.table.Touch()
	}
	if a.detail.render(v) {
		a.all.Refresh()
	}
}

// toneOf is the colour of what came of a call.
func toneOf(outcome string) fyne.ThemeColorName {
	switch outcome {
	case "ok":
		return kit.Ready
	case goesOn:
		return kit.Accent
	case "TIMEOUT", "CANCELLED", "running", waits:
		return kit.Warming
	}
	return kit.Problem
}

// outcomeWord is the word for what came of a call.
func (d *desk) outcomeWord(code string) string {
	if d.Has("outcome." + code) {
		return d.Say("outcome." + code)
	}
	return strings.ToLower(strings.ReplaceAll(code, "_", " "))
}

// callDetail is what more there is to say of a call, and what can be done about one that goes on.
type callDetail struct {
	root  *fyne.Container
	d     *desk
	title *kit.Text
	head  *fyne.Container
	stop  *kit.Button
	open  *kit.Button
	lines *kit.CodeView
	shown deed
	text  string
}

func newCallDetail(d *desk, a *activity) *callDetail {
	c := &callDetail{d: d, title: kit.NewText("", kit.SmallStrong, kit.Muted).Trim(), lines: kit.NewCodeView()}
	away := kit.NewIconButton("close", d.Say("close"), kit.Quiet, func() {
		c.root.Hide()
		a.table.Choose("") // so that it can be chosen again
		a.all.Refresh()
	})
	c.stop = kit.NewButton(d.Say("cell.interrupt"), kit.Halt, func() { d.interrupt(a.host, c.shown.ID) })
	c.open = kit.NewButton(d.Say("activity.open"), kit.Ghost, func() { a.show(c.shown.ContextID) })
	copied := kit.NewButton(d.Say("copy"), kit.Ghost, func() { d.copy(c.text) })
	c.head = kit.Row(8, kit.Grow(c.title), c.stop, c.open, copied, away)
	c.root = kit.InCard(kit.Col(8, c.head, kit.InCode(c.lines)))
	c.root.Hide()
	return c
}

func (c *callDetail) show(x deed) {
	c.shown = x
	c.title.Set(c.d.Say("activity.detail", "tool", x.Tool, "client", c.d.client(x.Client), "when", x.At.Local().Format("15:04:05.000")))
	c.text = x.Detail
	if c.text == "" {
		c.text = c.d.Say("activity.nodetail")
	}
	c.lines.Set(kit.Plainly(c.text, kit.Foreground))
	c.root.Show()
	c.root.Refresh()
}

// render shows the buttons that are of use: a run ends, and so does a context. It reports whether that has changed anything.
func (c *callDetail) render(v *View) bool {
	if c.root.Hidden {
		return false
	}
	stop := slices.ContainsFunc(v.Runs, func(r status.Run) bool { return r.ID == c.shown.ID })
	open := slices.ContainsFunc(v.Contexts, func(cc status.Context) bool { return cc.ID == c.shown.ContextID })
	if c.stop.Hidden == !stop && c.open.Hidden == !open {
		return false
	}
	c.stop.Hidden, c.open.Hidden = !stop, !open
	c.head.Refresh()
	return true
}
