package ui

import (
	"context"
	"strconv"
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

const clientsShown = 6

// overview draws the pool, what it costs and takes, who is connected, and where.
type overview struct {
	d    *desk
	host overviewHost
	logs activityHost

	page     *kit.Page
	phase    *kit.Pill
	pause    *kit.Button
	try      *kit.Button
	banners  *fyne.Container
	shown    []*kit.Banner
	summary  *kit.Para
	warm     *kit.Stepper
	sessions *fyne.Container
	cards    []*sessionCard
	empty    *kit.Para
	vacant   *fyne.Container // the card of empty
	runs     *statCard
	times    *statCard
	waits    *statCard
	cost     *statCard
	clients  *fyne.Container
	lines    []*clientLine
	nobody   *fyne.Container
	silence  *kit.Para       // why there is nobody
	connect  *fyne.Container // the button to connect one
	more     *kit.Text
	address  *kit.Text
	note     *kit.Para
	top      *fyne.Container
	paused   bool
	asking   bool // for the number to keep ready
	view     *View
	going    map[string]bool // what buttons of banners have begun
}

func newOverview(d *desk, host overviewHost, logs activityHost, try func()) *overview {
	o := &overview{d: d, host: host, logs: logs, going: map[string]bool{}}
	o.phase = kit.NewPill("", kit.Muted)
	o.pause = kit.NewButton(d.Say("pool.pause"), kit.Plain, o.togglePause)
	o.try = kit.NewButton(d.Say("try"), kit.Primary, try)
	o.top = kit.Row(14, kit.NewText(d.Say("place.overview"), kit.Title, kit.Foreground), o.phase, kit.Spring(), o.pause, o.try)
	o.banners = kit.Col(8)
	o.summary = kit.NewPara("", kit.Small, kit.Muted)
	o.warm = kit.NewStepper(d.Say("pool.fewer"), d.Say("pool.more"), func(int) { o.keepWarm() })
	o.sessions = kit.Grid(190, kit.Gap)
	o.empty = kit.NewPara("", kit.Small, kit.Muted)
	o.vacant = kit.InCard(o.empty)
	o.runs, o.times, o.waits, o.cost = newStatCard(kit.Accent), newStatCard(kit.Ready), newStatCard(kit.Warming), newStatCard(kit.Accent)
	o.clients = kit.Col(0)
	o.more = kit.NewText("", kit.Small, kit.Muted)
	o.silence = kit.NewPara("", kit.Small, kit.Muted)
	o.connect = kit.Row(0, kit.NewButton(d.Say("clients.connect"), kit.Plain, func() { d.open(PlaceEditors) }))
	o.nobody = kit.Col(10, o.silence, o.connect)
	o.address = kit.NewText("", kit.Mono, kit.Foreground).Trim()
	o.note = kit.NewPara("", kit.Small, kit.Muted)
	copyAddress := kit.NewButton(d.Say("copy"), kit.Ghost, func() { d.copy(o.address.Text()) })

	content := kit.Col(kit.Gap,
		o.top,
		o.banners,
		kit.Row(10, kit.Grow(o.summary), kit.NewText(d.Say("pool.keep"), kit.Small, kit.Muted), o.warm.Root),
		o.sessions,
		o.vacant,
		kit.Even(156, kit.Gap, o.runs.root, o.times.root, o.waits.root, o.cost.root),
		kit.Split(560, kit.Gap,
			kit.GrowBy(3, kit.InCard(kit.Col(10, kit.NewText(d.Say("clients.title"), kit.SmallStrong, kit.Muted), o.clients, o.nobody, o.more))),
			kit.GrowBy(2, kit.InCard(kit.Col(9, kit.NewText(d.Say("address.title"), kit.SmallStrong, kit.Muted),
				kit.InCode(kit.Row(8, kit.Grow(o.address), copyAddress)), o.note)))),
	)
	o.page = kit.NewPage(kit.Pad(20, 24, 20, 24, content))
	return o
}

func (o *overview) root() fyne.CanvasObject { return o.page }

// keepWarm asks for the number that is wanted, and again if that is another one by then: of two that are on their way the first could
// come last.
func (o *overview) keepWarm() {
	if o.asking {
		return
	}
	o.asking = true
	n := o.warm.Wanted()
	o.d.errands.run(func(ctx context.Context) error { return o.host.SetWarm(ctx, n) }, func(err error) {
		o.asking = false
		switch {
		case err != nil:
			o.warm.Reset()
			o.d.fail(o.d.Say("fail.warm"), err)
		case o.warm.Wanted() != n:
			o.keepWarm()
		}
	})
}

func (o *overview) togglePause() {
	if o.paused {
		o.d.do(o.pause, o.d.Say("fail.resume"), o.host.ResumePool)
		return
	}
	o.d.do(o.pause, o.d.Say("fail.pause"), o.host.PausePool)
}

func (o *overview) render(v *View) {
	o.view = v
	changed := o.renderTop(v)
	changed = o.renderBanners(v) || changed
	changed = o.renderSessions(v) || changed
	o.renderFigures(v)
	changed = o.renderCost(v.Cost, v.Settings) || changed
	changed = o.renderClients(v) || changed
	address, note := v.Addresses.HTTP, o.d.Say("address.note")
	if address == "" {
		address, note = v.Addresses.Socket, o.d.Say("address.socket")
	}
	o.address.Set(address)
	changed = o.note.Set(note) || changed
	if changed {
		o.page.Reflow()
	}
}

// phaseLook is the colour and the word of what the host is doing.
func (d *desk) phaseLook(p status.Phase) (fyne.ThemeColorName, string) {
	tone := kit.Muted
	switch p {
	case status.Ready:
		tone = kit.Ready
	case status.Working:
		tone = kit.Accent
	case status.Starting, status.Stopping:
		tone = kit.Warming
	case status.Troubled:
		tone = kit.Problem
	case status.Paused:
	}
	if p == "" {
		p = status.Starting
	}
	return tone, d.Say("phase." + string(p))
}

func (o *overview) renderTop(v *View) bool {
	tone, word := o.d.phaseLook(v.Phase)
	relaid := o.phase.Set(word, tone)
	o.paused = v.Pool.Paused
	label := o.d.Say("pool.pause")
	if o.paused {
		label = o.d.Say("pool.resume")
	}
	relaid = o.pause.Set(label) || relaid
	if relaid {
		o.top.Refresh()
	}
	if !o.asking { // or it is a number on the way to the one that is wanted
		o.warm.Set(v.Pool.Warm, 0, v.Pool.Max)
	}
	return o.summary.Set(o.summarize(v.Pool))
}

// summarize says how the pool is.
func (o *overview) summarize(p status.Pool) string {
	switch {
	case p.Paused:
		return o.d.Say("pool.summary.paused")
	case p.Starting > 0:
		return o.d.Say("pool.summary.starting", "ready", p.Ready, "starting", p.Starting, "max", p.Max)
	case p.Ready == 0 && p.Warm > 0:
		return o.d.Say("pool.summary.none", "warm", p.Warm, "max", p.Max)
	}
	return o.d.Say("pool.summary", "ready", p.Ready, "warm", p.Warm, "max", p.Max)
}

func (o *overview) renderBanners(v *View) bool {
	notices := o.notices(v)
	changed := len(notices) != len(o.banners.Objects)
	for len(o.shown) < len(notices) {
		o.shown = append(o.shown, kit.NewBanner())
	}
	if changed {
		o.banners.Objects = o.banners.Objects[:0]
		for _, b := range o.shown[:len(notices)] {
			o.banners.Objects = append(o.banners.Objects, b.Root)
		}
	}
	for n, notice := range notices {
		changed = o.shown[n].Set(notice.tone, notice.what, notice.why, notice.help, notice.do) || changed
		changed = o.shown[n].SetLeave(notice.leave, notice.no) || changed
		o.shown[n].SetBusy(notice.busy)
	}
	o.banners.Hidden = len(notices) == 0
	if changed {
		o.banners.Refresh()
	}
	return changed
}

func (o *overview) renderSessions(v *View) bool {
	changed := len(v.Sessions) != len(o.sessions.Objects)
	for len(o.cards) < len(v.Sessions) {
		o.cards = append(o.cards, newSessionCard(o.d, sessionMenu{o.replace, o.end}))
	}
	for n, s := range v.Sessions {
		o.cards[n].render(s, v)
	}
	if changed {
		o.sessions.Objects = nil
		for _, c := range o.cards[:len(v.Sessions)] {
			o.sessions.Objects = append(o.sessions.Objects, c.root)
		}
		o.sessions.Refresh()
	}
	text := ""
	if len(v.Sessions) == 0 {
		text = o.d.Say("sessions.none")
		switch {
		case v.Pool.Paused:
			text = o.d.Say("sessions.paused")
		case v.Pool.Warm > 0:
			text = o.d.Say("sessions.coming")
		}
	}
	o.sessions.Hidden, o.vacant.Hidden = len(v.Sessions) == 0, text == ""
	return o.empty.Set(text) || changed
}

func (o *overview) replace(s status.Session) {
	o.d.do(nil, o.d.Say("fail.replace"), func(ctx context.Context) error { return o.host.ReplaceSession(ctx, s.Backend, s.ID) })
}

// end asks first where something would be lost.
func (o *overview) end(s status.Session) {
	do := func() {
		o.d.do(nil, o.d.Say("fail.end"), func(ctx context.Context) error { return o.host.EndSession(ctx, s.Backend, s.ID) })
	}
	if s.Contexts == 0 {
		do()
		return
	}
	o.d.question(func() (question, detail, yes string) {
		return o.d.Say("session.end.ask", "session", lastFour(s.SandboxID)), o.d.Count("session.end.detail", s.Contexts), o.d.Say("session.end")
	}, do)
}

func seconds(times []time.Duration) []float64 {
	out := make([]float64, len(times))
	for n, t := range times {
		out[n] = t.Seconds()
	}
	return out
}

func (o *overview) renderFigures(v *View) {
	f := v.Figures
	if f == nil {
		f = &Figures{}
	}
	runs := make([]float64, len(f.RunsPer))
	for n, r := range f.RunsPer {
		runs[n] = float64(r)
	}
	note := o.d.Say("runs.note")
	if f.FailedToday > 0 {
		note = o.d.Count("runs.failed", f.FailedToday)
	}
	o.runs.curve(o.d.Say("runs.title"), strconv.Itoa(f.RunsToday), note, runs)
	figure, note := "–", o.d.Say("runtime.none")
	if len(f.RunTimes) > 0 {
		figure, note = o.d.Took(f.RunP50), o.d.Say("runtime.note", "time", o.d.Took(f.RunP99))
	}
	o.times.curve(o.d.Say("runtime.title"), figure, note, seconds(f.RunTimes))
	figure, note = "–", o.d.Say("acquire.none")
	if len(f.AcquireTimes) > 0 {
		figure, note = o.d.Took(f.AcquireP50), o.d.Say("runtime.note", "time", o.d.Took(f.AcquireP99))
	}
	o.waits.curve(o.d.Say("acquire.title"), figure, note, seconds(f.AcquireTimes))
}

// renderCost draws what today has cost, where anything can, and reports whether that has come or gone.
func (o *overview) renderCost(c *status.Cost, s *Settings) (changed bool) {
	changed = o.cost.root.Hidden != (c == nil)
	o.cost.root.Hidden = c == nil
	if c == nil {
		return changed
	}
	note, part, tone := o.d.Say("cost.today", "cost", o.d.Money(c.Today.Estimate)), 0.0, kit.Accent
	if c.DailyCap > 0 {
		note = o.d.Say("cost.capped", "cost", o.d.Money(c.Today.Estimate), "cap", o.d.Money(c.DailyCap))
		part = c.Today.Estimate / c.DailyCap
		if part > 0.8 {
			tone = kit.Warming
		}
	}
	foot := o.d.Say("cost.month", "cost", o.d.Money(c.Month.Estimate))
	if minutes, _ := s.value("pool.idle_pause_minutes").(float64); minutes > 0 {
		foot = o.d.Say("cost.pause", "time", o.d.Short(time.Duration(minutes*float64(time.Minute))))
	}
	o.cost.share(o.d.Say("cost.title"), o.d.Spent(time.Duration(c.Today.SandboxSeconds)*time.Second), note, foot, part, tone)
	return changed
}

// clientLine is one connected program.
type clientLine struct {
	root                   *fyne.Container
	name, via, calls, when *kit.Text
}

func newClientLine(first bool) *clientLine {
	l := &clientLine{
		name: kit.NewText("", kit.Small, kit.Foreground).Trim(), via: kit.NewText("", kit.Small, kit.Muted).Trim(),
		calls: kit.NewText("", kit.Small, kit.Foreground).Trim(), when: kit.NewText("", kit.Small, kit.Muted).Trim(),
	}
	row := kit.Pad(7, 8, 7, 8, kit.Shares(10, kit.GrowBy(4, l.name), kit.GrowBy(1.6, l.via), kit.GrowBy(2.2, l.calls), kit.GrowBy(2.6, l.when)))
	if first {
		l.root = row
	} else {
		l.root = kit.Col(0, kit.NewRule(), row)
	}
	return l
}

func (o *overview) renderClients(v *View) bool {
	shown := min(len(v.Clients), clientsShown)
	changed := shown != len(o.clients.Objects)
	for len(o.lines) < shown {
		o.lines = append(o.lines, newClientLine(len(o.lines) == 0))
	}
	for n, c := range v.Clients[:shown] {
		l := o.lines[n]
		l.name.Set(o.d.client(c.Name))
		via := c.Via
		if o.d.Has("via." + c.Via) {
			via = o.d.Say("via." + c.Via)
		}
		l.via.Set(via)
		l.calls.Set(o.d.Count("clients.calls", c.Calls))
		l.when.Set(o.d.Ago(c.LastSeen, v.Now))
	}
	if changed {
		o.clients.Objects = nil
		for _, l := range o.lines[:shown] {
			o.clients.Objects = append(o.clients.Objects, l.root)
		}
		o.clients.Refresh()
	}
	text := ""
	if rest := len(v.Clients) - shown; rest > 0 {
		text = o.d.Count("clients.more", rest)
	}
	o.clients.Hidden, o.nobody.Hidden, o.more.Hidden = shown == 0, shown != 0, text == ""
	why, settled := o.d.Say("clients.none"), v.Editors.anyConnected()
	if settled {
		why = o.d.Say("clients.silent")
	}
	changed = o.silence.Set(why) || o.connect.Hidden != settled || changed
	o.connect.Hidden = settled
	return o.more.Set(text) || changed
}

// client is what people call a program that is connected, by the name it gives itself.
func (d *desk) client(name string) string {
	if name == "" {
		return d.Say("client.unnamed")
	}
	if known, ok := clientNames[name]; ok {
		return known
	}
	return name
}

// clientNames are the names of products, which are the same in every language.
var clientNames = map[string]string{
	"claude-ai": "Claude Desktop", "claude-code": "Claude Code", "cursor-vscode": "Cursor", "Visual Studio Code": "VS Code",
	"Visual-Studio-Code": "VS Code", "codex-mcp-client": "Codex", "gemini-cli-mcp-client": "Gemini CLI", "zed": "Zed",
}
