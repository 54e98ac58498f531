package ui

import (
	"context"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// firstRun asks three questions, one at a time. Each can be skipped, and all of it.
type firstRun struct {
	all      *fyne.Container
	d        *desk
	host     firstRunHost
	page     *kit.Page
	title    *kit.Para
	subtitle *kit.Para
	body     *fyne.Container
	middle   *kit.Steady
	count    *kit.Text
	back     *kit.Button
	skip     *kit.Button
	next     *kit.Button
	foot     *fyne.Container
	step     int
	backend  string
	asked    bool // somebody has chosen backend
	known    bool // there are credentials already
	withKey  bool // one of the steps asks for them
	local    *kit.Choice
	cloud    *kit.Choice
	form     *credentialForm
	account  *keychainNote
	list     *editorList
	editors  *Editors
	readyNow *kit.Pill
	done     func(try bool)
}

const (
	stepWhere = iota
	stepAccount
	stepEditors
)

func newFirstRun(d *desk, host firstRunHost, done func(try bool)) *firstRun {
	f := &firstRun{d: d, host: host, done: done, backend: "local"}
	reflow := func() {
		if f.page != nil {
			f.page.Reflow()
		}
	}
	f.title = kit.NewPara("", kit.Headline, kit.Foreground).Centre()
	f.subtitle = kit.NewPara("", kit.Body, kit.Muted).Centre()
	f.readyNow = kit.NewPill(d.Say("first.ready"), kit.Ready)
	f.local = kit.NewChoice(d.Say("backend.local"), kit.Col(9,
		kit.Row(4, kit.Grow(kit.NewText(d.Say("backend.local"), kit.Heading, kit.Foreground).Trim()), f.readyNow),
		kit.NewPara(d.Say("first.local"), kit.Small, kit.Muted),
		kit.NewPara(d.Say("first.local.limits"), kit.Small, kit.Muted)), func() { f.ask("local") })
	f.cloud = kit.NewChoice(d.Say("backend.agentrun"), kit.Col(9,
		kit.Row(4, kit.Grow(kit.NewText(d.Say("backend.agentrun"), kit.Heading, kit.Foreground).Trim()), kit.Fix(0, 24, kit.NewText(d.Say("first.needs"), kit.Small, kit.Muted))),
		kit.NewPara(d.Say("first.cloud"), kit.Small, kit.Muted),
		kit.NewPara(d.Say("first.cloud.cost"), kit.Small, kit.Muted)), func() { f.ask("agentrun") })
	f.form = newCredentialForm(d, host, d.Say("first.check"), f.toCloud, reflow)
	f.account = newKeychainNote(d, host, reflow)
	f.list = newEditorList(d, host, reflow)
	f.body = kit.Col(12)
	f.count = kit.NewText("", kit.Small, kit.Muted)
	f.back = kit.NewButton(d.Say("first.back"), kit.Plain, func() { f.show(f.before()) })
	f.skip = kit.NewButton(d.Say("first.skipall"), kit.Plain, f.pass)
	f.next = kit.NewButton(d.Say("first.continue"), kit.Primary, f.forward)
	f.foot = kit.Row(12, kit.Grow(f.count), f.back, f.skip, f.next)
	f.middle = kit.NewSteady(kit.Col(0,
		kit.Row(0, kit.Spring(), kit.NewMark(56), kit.Spring()),
		kit.Pad(14, 0, 0, 0, f.title), f.subtitle,
		kit.Pad(16, 0, 18, 0, f.body), f.foot))
	f.page = kit.NewPage(kit.Pad(16, 16, 16, 16, kit.Cap(800, f.middle.Root)))
	f.all = kit.Layer(f.page)
	f.choose("local")
	f.show(stepWhere)
	return f
}

func (f *firstRun) root() fyne.CanvasObject { return f.all }

func (f *firstRun) render(v *View) {
	if v.Editors != f.editors || v.Editors == nil {
		f.editors = v.Editors
		rows := len(f.list.found)
		f.list.render(v.Editors)
		if len(f.list.found) != rows { // nobody has begun with them
			f.middle.Centre()
		}
		f.page.Reflow()
	}
	if f.account.render(v.Account) {
		f.page.Reflow()
	}
	if known := v.Account.Source != "" && v.Account.Faulty == ""; known != f.known {
		f.known = known
		if known && !f.asked && f.step == stepWhere { // who has credentials will want to use them
			f.choose("agentrun")
		}
		if known && f.step == stepAccount && f.form.untouched() { // such as those of a keychain that was opened here
			f.toCloud()
		}
		f.tally()
	}
}

// toCloud has code run in the cloud, for which there are credentials now, and goes on.
func (f *firstRun) toCloud() {
	f.d.do(nil, f.d.Say("fail.backend"), func(ctx context.Context) error { return f.host.ChooseBackend(ctx, "agentrun") })
	f.show(stepEditors)
}

// ask takes somebody's choice.
func (f *firstRun) ask(backend string) {
	f.asked = true
	f.choose(backend)
}

func (f *firstRun) choose(backend string) {
	f.backend = backend
	f.local.SetChosen(backend == "local")
	f.cloud.SetChosen(backend == "agentrun")
	f.tally()
}

// tally says which step this is. That of the account is left out for this computer, and where there is one already.
func (f *firstRun) tally() {
	if f.step == stepWhere {
		f.withKey = f.backend == "agentrun" && !f.known
	}
	all := stepEditors
	if f.withKey {
		all++
	}
	f.count.Set(f.d.Say("first.step", "n", min(f.step+1, all), "all", all))
}

func (f *firstRun) before() int {
	if f.step == stepEditors && f.withKey {
		return stepAccount
	}
	return stepWhere
}

// show draws a step.
func (f *firstRun) show(step int) {
	f.step = step
	switch step {
	case stepWhere:
		f.title.Set(f.d.Say("first.where"))
		f.subtitle.Set(f.d.Say("first.where.note"))
		f.body.Objects = []fyne.CanvasObject{kit.Split(520, kit.Gap, f.local, f.cloud)}
		f.skip.Set(f.d.Say("first.skipall"))
		f.next.Set(f.d.Say("first.continue"))
	case stepAccount:
		f.title.Set(f.d.Say("first.account"))
		f.subtitle.Set(f.d.Say("first.account.note"))
		f.body.Objects = []fyne.CanvasObject{kit.InCard(f.form.root), f.account.root}
		f.skip.Set(f.d.Say("first.later"))
	case stepEditors:
		f.title.Set(f.d.Say("first.editors"))
		f.subtitle.Set(f.d.Say("first.editors.note"))
		f.body.Objects = []fyne.CanvasObject{f.list.root}
		f.skip.Set(f.d.Say("first.finish"))
		f.next.Set(f.d.Say("first.try"))
	}
	f.tally()
	f.back.Hidden = step == stepWhere
	f.next.Hidden = step == stepAccount // the form has its own button
	f.body.Refresh()
	f.foot.Refresh()
	f.middle.Centre()
	f.page.Reflow()
	f.page.Top()
}

// forward is the blue button.
func (f *firstRun) forward() {
	switch f.step {
	case stepWhere:
		backend := f.backend
		if f.withKey {
			f.show(stepAccount)
			f.d.window.Canvas().Focus(f.form.id.Entry)
			return
		}
		f.d.do(f.next, f.d.Say("fail.backend"), func(ctx context.Context) error { return f.host.ChooseBackend(ctx, backend) })
		f.show(stepEditors)
	case stepEditors:
		f.finish(true)
	}
}

// pass is the button to go on without an answer.
func (f *firstRun) pass() {
	if f.step == stepAccount {
		f.show(stepEditors)
		return
	}
	f.finish(false)
}

func (f *firstRun) finish(try bool) {
	f.d.do(nil, f.d.Say("fail.setup"), f.host.FinishSetup)
	f.done(try)
}
