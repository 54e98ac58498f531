package ui

import "github.com/agentrun-tray/agentrun-tray/internal/ui/kit"

// keeper is a panel in which somebody may have begun something. Another language makes all widgets anew; what was begun goes over to
// them.
type keeper interface {
	// keep takes over from the panel whose place it takes, before it is drawn first.
	keep(before panel)
}

// keep makes the panels that were there before, and has them take over. What somebody types stays in the fields alone.
func (w *Window) keep(before map[Place]panel, first *firstRun) {
	if first != nil {
		w.first.keep(first)
	}
	for _, p := range Places() {
		old := before[p]
		if old == nil {
			continue
		}
		if k, ok := w.panel(p).(keeper); ok {
			k.keep(old)
		}
	}
	w.Open(w.at)
}

func (f *firstRun) keep(old *firstRun) {
	f.asked, f.known = old.asked, old.known
	f.list.keep(old.list)
	f.choose(old.backend)
	f.withKey = old.withKey
	f.form.keep(old.form)
	f.account.keep(old.account)
	f.show(old.step)
}

// keep takes over what was typed, and the check that is going on: what comes of it is told here.
func (f *credentialForm) keep(old *credentialForm) {
	for n, field := range f.fields() {
		field.Entry.SetText(old.fields()[n].Text())
	}
	f.region.Set(old.region.Chosen())
	if old.cancel == nil {
		return
	}
	old.heir, f.cancel, f.keeping = f, old.cancel, old.keeping
	text := f.d.Say("credentials.checking")
	if f.keeping {
		text = f.d.Say("credentials.keeping")
	}
	f.say(text, kit.Muted)
	f.busy(true)
}

// keep takes over the wait that is going on.
func (k *keychainNote) keep(old *keychainNote) {
	if old.cancel != nil {
		old.heir, k.cancel = k, old.cancel
		k.show()
	}
}

func (c *contexts) keep(before panel) {
	old, ok := before.(*contexts)
	if !ok {
		return
	}
	c.chosen, c.ended, c.wanted, c.made, c.making, c.begun = old.chosen, old.ended, old.wanted, old.made, old.making, old.begun
	c.fresh.SetEnabled(!old.fresh.Disabled())
	c.table.Keep(old.table)
	c.filter.Entry.SetText(old.filter.Text())
	c.try.keep(old.try)
	old.heir = c
}

func (t *tryPane) keep(old *tryPane) {
	t.entry.SetText(old.entry.Text)
	t.entry.CursorRow, t.entry.CursorColumn = old.entry.CursorRow, old.entry.CursorColumn
	t.at, t.drafts = old.at, old.drafts
	t.language.Set(old.chosen())
	t.run.SetEnabled(!old.run.Disabled())
}

// keep takes over what was typed, and a token that is shown this once.
func (t *tokenBox) keep(old *tokenBox) {
	t.name.Entry.SetText(old.name.Text())
	t.owner, t.fresh.Hidden = old.owner, old.fresh.Hidden
	t.token.Set(old.token.Text())
}

func (a *activity) keep(before panel) {
	old, ok := before.(*activity)
	if !ok {
		return
	}
	a.table.Keep(old.table)
	a.filter.Entry.SetText(old.filter.Text())
	if old.detail.root.Visible() {
		a.detail.show(old.detail.shown)
	}
}

func (e *editors) keep(before panel) {
	if old, ok := before.(*editors); ok {
		e.list.keep(old.list)
	}
}

func (p *settings) keep(before panel) {
	old, ok := before.(*settings)
	if !ok {
		return
	}
	p.account.form.root.Hidden = old.account.form.root.Hidden
	p.account.form.keep(old.account.form)
	p.account.note.keep(old.account.note)
	p.tokens.keep(old.tokens)
	p.page.Keep(old.page)
}
