package ui

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// contexts lists the code contexts, and shows one of them as a notebook to which something can be added by hand.
type contexts struct {
	d    *desk
	host contextsHost

	all      *fyne.Container
	table    *kit.Rows[status.Context]
	filter   *kit.Field
	fresh    *kit.Button
	title    *kit.Text
	about    *kit.Text
	save     *kit.Button
	stop     *kit.Button
	heading  *fyne.Container
	notebook *notebookView
	page     *kit.Page
	try      *tryPane

	items  []status.Context
	chosen status.Context
	ended  string    // the name of the one that was chosen when it ended, if none is in its place
	wanted string    // chosen when it is there
	made   string    // the same, of one that was made by hand
	making bool      // one is being made by hand, and nobody has chosen another one since
	heir   *contexts // has taken its place, and with it what is being started; nil: none
	view   *View     // drawn last
	follow bool      // the newest cell is to be in sight
	now    time.Time
	begun  map[running]time.Time // when it was first seen
}

// running is a run in progress.
type running struct{ contextID, runID string }

func runningIn(s status.Context) running { return running{s.ID, s.RunID} }

func newContexts(d *desk, host contextsHost) *contexts {
	c := &contexts{d: d, host: host, begun: map[running]time.Time{}}
	c.table = kit.NewRows(func(s status.Context) string { return s.ID }, d.Say("contexts.none"), d.Say("filter.none"), c.columns()...)
	c.table.Selected = c.turnTo
	c.table.SortBy(6, true)
	c.filter = kit.NewSearch(d.Say("filter", "keys", keysOf("filter")), 120)
	c.filter.Changed = func(s string) {
		c.table.Filter(s)
		c.all.Refresh()
	}
	c.fresh = kit.NewButton(d.Say("contexts.new"), kit.Primary, func() {
		kit.Menu(c.fresh, fyne.NewMenuItem(d.Say("language.python"), func() { c.create("python") }), fyne.NewMenuItem(d.Say("language.javascript"), func() { c.create("javascript") }))
	})
	c.title = kit.NewText("", kit.Strong, kit.Foreground).Trim()
	c.about = kit.NewText("", kit.Small, kit.Muted).Trim()
	c.save = kit.NewButton(d.Say("contexts.save"), kit.Plain, c.saveNotebook)
	c.stop = kit.NewButton(d.Say("contexts.stop"), kit.Danger, c.askStop)
	c.heading = kit.Row(12, kit.Grow(kit.Lead(14, c.title, c.about)), c.save, c.stop)
	c.notebook = newNotebook(d, notebookMenu{interrupt: c.interrupt, again: c.run, reflow: c.redraw})
	c.try = newTryPane(d, c.run)
	c.try.entry.OnChanged = func(string) {
		if c.d.window.Canvas().Focused() == c.try.entry {
			c.page.Reveal(c.try.root)
		}
	}
	c.page = kit.NewPage(kit.Pad(4, 4, 6, 4, kit.Col(10, c.notebook.root, c.try.root)))
	top := kit.Row(14, kit.NewText(d.Say("place.contexts"), kit.Title, kit.Foreground), kit.SpringBy(5), kit.Grow(c.filter), c.fresh)
	inset := func(o fyne.CanvasObject) fyne.CanvasObject { return kit.Pad(0, 4, 0, 4, o) } // what scrolls has room for its shadows
	c.all = kit.Pad(20, 20, 14, 20, kit.Stacked(kit.Gap, c.share, inset(top), inset(c.table.Root), inset(c.heading), c.page))
	return c
}

func (c *contexts) root() fyne.CanvasObject { return c.all }

// share is how tall the table may be in a height: its rows, but not more than two fifths.
func (c *contexts) share(height float32) float32 {
	return min(c.table.Height(), max(118, height*0.36))
}

func (c *contexts) columns() []kit.Column[status.Context] {
	d := c.d
	return []kit.Column[status.Context]{
		{
			Title: d.Say("column.name"), Width: 110, Grow: 3,
			Cell: func(s status.Context) kit.Cell { return kit.Cell{Text: s.Name, Bold: s.ID == c.table.Chosen()} },
			Compare: func(a, b status.Context) int {
				return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
			},
		},
		{
			Title: d.Say("column.language"), Width: 78, Grow: 0.5, Drop: 3,
			Cell:    func(s status.Context) kit.Cell { return kit.Cell{Text: c.language(s.Language)} },
			Compare: func(a, b status.Context) int { return strings.Compare(a.Language, b.Language) },
		},
		{
			Title: d.Say("column.backend"), Width: 92, Grow: 0.5, Drop: 5,
			Cell:    func(s status.Context) kit.Cell { return kit.Cell{Text: d.backend(s.Backend), Tone: kit.Muted} },
			Compare: func(a, b status.Context) int { return strings.Compare(a.Backend, b.Backend) },
		},
		{
			Title: d.Say("column.session"), Width: 54, Grow: 0.5, Drop: 4,
			Cell:    func(s status.Context) kit.Cell { return kit.Cell{Text: lastFour(s.SandboxID), Mono: true} },
			Compare: func(a, b status.Context) int { return strings.Compare(a.SandboxID, b.SandboxID) },
		},
		{
			Title: d.Say("column.state"), Width: 112, Grow: 0.5,
			Cell:    c.state,
			Compare: func(a, b status.Context) int { return strings.Compare(b.Status, a.Status) },
		},
		{
			Title: d.Say("column.runs"), Width: 38, Grow: 0.3, Drop: 2,
			Cell:    func(s status.Context) kit.Cell { return kit.Cell{Text: strconv.Itoa(s.Runs)} },
			Compare: func(a, b status.Context) int { return cmp.Compare(a.Runs, b.Runs) },
		},
		{
			Title: d.Say("column.used"), Width: 132, Grow: 3, Drop: 1,
			Cell: func(s status.Context) kit.Cell {
				return kit.Cell{Text: d.Say("contexts.used", "when", d.Ago(s.LastUsed, c.now), "client", d.client(s.Client)), Tone: kit.Muted}
			},
			Compare: func(a, b status.Context) int { return a.LastUsed.Compare(b.LastUsed) },
		},
	}
}

func (c *contexts) language(name string) string {
	if c.d.Has("language." + name) {
		return c.d.Say("language." + name)
	}
	return name
}

func (c *contexts) state(s status.Context) kit.Cell {
	switch s.Status {
	case "running":
		text := c.d.Say("contexts.running")
		if since, ok := c.begun[runningIn(s)]; ok && c.now.Sub(since) >= time.Second {
			text = c.d.Say("contexts.running.for", "time", c.d.Short(c.now.Sub(since)))
		}
		return kit.Cell{Text: text, Tone: kit.Accent, Pill: true}
	case "lost":
		return kit.Cell{Text: c.d.Say("contexts.lost"), Tone: kit.Problem, Pill: true}
	}
	return kit.Cell{Text: c.d.Say("contexts.idle"), Tone: kit.Ready, Pill: true}
}

// redraw draws the last view again, after somebody changed how it is shown.
func (c *contexts) redraw() {
	if c.view != nil {
		c.render(c.view)
	}
	c.page.Reflow()
}

func (c *contexts) render(v *View) {
	c.view, c.now = v, v.Now
	rows := len(c.items)
	if !sameContexts(c.items, v.Contexts) {
		c.items = v.Contexts
		c.noteRuns()
		c.table.Set(v.Contexts)
		c.find()
		c.try.forget(func(id string) bool { return c.index(id) >= 0 })
	} else {
		c.table.Touch()
	}
	if rows != len(c.items) {
		c.all.Refresh()
	}
	changed := c.notebook.render(v, c.chosen, c.ended)
	c.describe(v)
	if changed {
		follow := c.follow || c.page.EndsAt(c.end())
		c.page.Reflow()
		if follow {
			c.page.EndAt(c.end())
		}
		c.follow = false
	}
}

// end is what stays at the end of the page as cells come: the pane to try something in. Where there is hardly room for that, it is the
// last cell, unless somebody is writing in the pane.
func (c *contexts) end() fyne.CanvasObject {
	writing := !c.try.empty() && c.d.window.Canvas().Focused() == fyne.Focusable(c.try.entry)
	if n := len(c.notebook.views); n > 0 && !writing && c.page.Size().Height < c.try.root.MinSize().Height+cellRoom {
		return c.notebook.views[n-1].root
	}
	return c.try.root
}

// cellRoom is how much of the last cell is to be in sight above the pane.
const cellRoom = 60

// noteRuns remembers since when code runs.
func (c *contexts) noteRuns() {
	begun := make(map[running]time.Time)
	for _, s := range c.items {
		if s.Status != "running" {
			continue
		}
		since, ok := c.begun[runningIn(s)]
		if !ok {
			since = c.now
		}
		begun[runningIn(s)] = since
	}
	c.begun = begun
}

// find keeps the chosen context. When it is gone the one used last takes its place; but not while there is code in the pane, which
// would run where nobody meant it to, such as in an editor's context.
func (c *contexts) find() {
	if n := c.index(c.wanted); n >= 0 {
		c.try.take(c.wanted)
		c.choose(c.items[n])
		return
	}
	if n := c.index(c.made); n >= 0 {
		c.made = ""
		c.choose(c.items[n])
		return
	}
	if n := c.index(c.chosen.ID); n >= 0 {
		c.chosen = c.items[n]
		return
	}
	var next status.Context
	switch {
	case !c.try.empty() && c.chosen.ID != "":
		c.ended = c.chosen.Name
		c.try.take("")
		c.try.language.Set(c.chosen.Language)
	case c.try.empty() && c.wanted == "" && len(c.items) > 0:
		next = slices.MaxFunc(c.items, func(a, b status.Context) int { return a.LastUsed.Compare(b.LastUsed) })
	}
	c.choose(next)
}

// reveal shows a context that is there, and where it stands in the table.
func (c *contexts) reveal(id string) {
	n := c.index(id)
	if n < 0 {
		return
	}
	c.turnTo(c.items[n])
	if !c.table.Reveal() {
		c.filter.Entry.SetText("") // which leaves it out
		c.table.Reveal()
	}
}

// turnTo shows the context that somebody has chosen, whatever they had made before.
func (c *contexts) turnTo(s status.Context) {
	c.made, c.making = "", false
	c.choose(s)
	c.redraw()
}

// index is where a context is among those that are there; -1: nowhere.
func (c *contexts) index(id string) int {
	return slices.IndexFunc(c.items, func(s status.Context) bool { return s.ID == id })
}

func (c *contexts) choose(s status.Context) {
	if s.ID == c.chosen.ID {
		return
	}
	if s.ID != "" {
		c.ended, c.wanted = "", ""
	}
	c.chosen = s
	c.try.turn(s.ID)
	c.table.Choose(s.ID)
	c.follow = true
	c.host.WatchContext(s.ID)
}

func (c *contexts) describe(v *View) {
	s := c.chosen
	none := s.ID == ""
	c.try.describe(c.d, s, c.language(s.Language))
	if c.heading.Hidden != none {
		c.heading.Hidden = none
		c.all.Refresh()
	}
	if none {
		return
	}
	about := c.d.Say("contexts.about", "language", c.language(s.Language), "backend", c.d.backend(s.Backend), "session", lastFour(s.SandboxID))
	tone := kit.Muted
	if s.Instead != "" { // it is not where it was meant to be, which matters more
		about, tone = c.d.Say("contexts.instead", "language", c.language(s.Language)), kit.Warming
	}
	relaid := c.title.Set(s.Name)
	relaid = c.about.Set(about) || relaid
	c.about.SetTone(tone)
	if relaid {
		c.heading.Refresh()
	}
	c.save.SetEnabled(v.Notebook != nil && v.Notebook.ContextID == s.ID && len(v.Notebook.Cells) > 0)
}

func (c *contexts) create(language string) {
	var id string
	c.making = true
	c.fresh.Disable() // it may take its time, with a sandbox to be made first
	c.d.errands.run(func(ctx context.Context) (err error) {
		id, err = c.host.NewContext(ctx, language)
		return err
	}, func(err error) {
		c := c.newest()
		c.fresh.Enable()
		if err != nil {
			c.d.fail(c.d.Say("fail.create"), err)
			return
		}
		if !c.making {
			return
		}
		c.made, c.making = id, false
		c.find()
		c.redraw()
		at := c.d.window.Canvas().Focused()
		if c.all.Visible() && (at == nil || at == fyne.Focusable(c.fresh)) { // nobody is at another place, or writes elsewhere
			c.focusTry()
		}
	})
}

func (c *contexts) interrupt(runID string) { c.d.interrupt(c.host, runID) }

func (c *contexts) askStop() {
	id, name := c.chosen.ID, c.chosen.Name
	say := func() (question, detail, yes string) {
		return c.d.Say("contexts.stop.ask", "name", name), c.d.Say("contexts.stop.detail"), c.d.Say("contexts.stop")
	}
	c.d.question(say, func() {
		c.d.do(c.newest().stop, c.d.Say("fail.stop"), func(ctx context.Context) error { return c.host.StopContext(ctx, id) })
	})
}

func (c *contexts) saveNotebook() {
	id := c.chosen.ID
	c.d.save(fileName(c.chosen.Name)+".ipynb", c.d.Say("fail.save"), func(ctx context.Context, to io.Writer) error { return c.host.SaveNotebook(ctx, id, to) })
}

// fileName makes a name fit for a file.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '-'
		}
		return r
	}, name)
}

// run starts code in the chosen context; where there is none, in a new one.
func (c *contexts) run(code string) {
	if strings.TrimSpace(code) == "" || c.try.run.Disabled() { // the keyboard asks nobody whether the button can be pressed
		return
	}
	id, language := c.chosen.ID, c.try.chosen()
	c.try.run.Disable()
	var in string
	c.d.errands.run(func(ctx context.Context) (err error) {
		in, err = c.host.RunCode(ctx, id, language, code)
		return err
	}, func(err error) {
		c := c.newest()
		c.try.run.Enable()
		if err != nil {
			c.d.fail(c.d.Say("fail.run"), err)
			return
		}
		c.try.clear(id, code)
		if c.chosen.ID == "" {
			c.wanted = in
			c.find()
			c.redraw()
		}
		if c.chosen.ID == in { // else somebody reads another notebook
			c.page.EndAt(c.end())
		}
	})
}

// newest is the panel in sight: another language has one take the place of another.
func (c *contexts) newest() *contexts {
	for c.heir != nil {
		c = c.heir
	}
	return c
}

// focusTry puts the keyboard into the pane to try something in.
func (c *contexts) focusTry() {
	c.page.Reveal(c.try.root)
	c.d.window.Canvas().Focus(c.try.entry)
}

// offer puts an example into an empty pane, selected, so that what somebody types takes its place.
func (c *contexts) offer() {
	if !c.try.empty() || c.chosen.ID != "" && c.chosen.Language != "python" {
		return
	}
	c.try.entry.SetText(c.d.Say("try.example"))
	c.try.entry.TypedShortcut(&fyne.ShortcutSelectAll{})
}
