package ui

import (
	"context"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// settings shows what can be set, each with what it means and what is wrong with it beside it.
type settings struct {
	d       *desk
	host    settingsHost
	page    *kit.Page
	rows    []*settingRow
	last    *Settings
	account *accountBox
	tokens  *tokenBox
	start   *kit.Switch
	word    *kit.Text
	file    *kit.Text
	seen    Account
}

func newSettings(d *desk, host settingsHost) *settings {
	p := &settings{d: d, host: host}
	reflow := func() {
		if p.page != nil {
			p.page.Reflow()
		}
	}
	p.account, p.tokens = newAccountBox(d, host, reflow), newTokenBox(d, host, reflow)
	p.file = kit.NewText("", kit.Mono, kit.Muted).Trim()
	show := kit.NewLeadButton("folder", d.Say("mend.file"), kit.Plain, func() { d.do(nil, d.Say("fail.folder"), host.OpenSettingsFolder) })
	logs := kit.NewLeadButton("folder", d.Say("activity.logs"), kit.Plain, func() { d.do(nil, d.Say("fail.logfolder"), host.OpenLogFolder) })
	all := []fyne.CanvasObject{kit.BaseRow(14, kit.NewText(d.Say("place.settings"), kit.Title, kit.Foreground), kit.Spring())}
	for _, s := range sections {
		body := kit.Col(13, kit.NewText(d.Say("section."+s.key), kit.SmallStrong, kit.Muted))
		add := func(o fyne.CanvasObject) (rule *kit.Box) {
			if len(body.Objects) > 1 {
				rule = kit.NewRule()
				body.Add(rule)
			}
			body.Add(o)
			return rule
		}
		if s.key == "account" {
			add(p.account.root)
		}
		if s.key == "app" {
			add(p.startRow())
		}
		for _, one := range s.rows {
			row := newSettingRow(d, one, host, reflow)
			row.rule = add(row.root)
			p.rows = append(p.rows, row)
		}
		switch s.key {
		case "address":
			add(p.tokens.root)
		case "app":
			add(kit.Row(18, kit.Grow(kit.Col(3, kit.NewPara(d.Say("settings.file"), kit.Strong, kit.Foreground), p.file)), kit.Row(8, show, logs)))
		}
		all = append(all, kit.InCard(body))
	}
	all = append(all, p.shortcuts())
	p.page = kit.NewPage(kit.Pad(20, 24, 20, 24, kit.Cap(860, kit.Col(kit.Gap, all...))))
	return p
}

func (p *settings) root() fyne.CanvasObject { return p.page }

// reveal scrolls to the row of a setting, and puts the keyboard into its field.
func (p *settings) reveal(name string) {
	for _, r := range p.rows {
		if r.s.name != name {
			continue
		}
		p.page.Present(r.root)
		if r.field != nil {
			p.d.window.Canvas().Focus(r.field.Entry)
		}
	}
}

func (p *settings) startRow() fyne.CanvasObject {
	p.word = kit.NewText("", kit.Small, kit.Muted).Right()
	p.start = kit.NewSwitch(p.d.Say("setting.autostart"), false, func(on bool) {
		p.d.do(nil, p.d.Say("fail.autostart"), func(ctx context.Context) error { return p.host.SetAutostart(ctx, on) })
	})
	return kit.Row(18, kit.Grow(kit.Col(1, kit.NewPara(p.d.Say("setting.autostart"), kit.Strong, kit.Foreground), kit.NewPara(p.d.Say("setting.autostart.help"), kit.Small, kit.Muted))),
		kit.Row(9, kit.Fix(40, 0, p.word), p.start))
}

// shortcuts lists what the keyboard can do.
func (p *settings) shortcuts() fyne.CanvasObject {
	body := kit.Col(7, kit.NewText(p.d.Say("section.keyboard"), kit.SmallStrong, kit.Muted))
	for _, s := range shortcuts() {
		body.Add(kit.Row(12, kit.Fix(150, 0, kit.NewText(s.keys(), kit.Mono, kit.Foreground)), kit.Grow(kit.NewPara(p.d.Say("shortcut."+s.name), kit.Small, kit.Muted))))
	}
	return kit.InCard(body)
}

func (p *settings) render(v *View) {
	backend, _ := v.Settings.value("backend").(string)
	p.account.ends, p.account.unused = v.inCloud(), backend == "local" || backend == "mock"
	changed := p.tokens.render(v.Tokens, v)
	if v.Account != p.seen || !p.account.note.drawn {
		p.seen = v.Account
		p.account.render(v.Account)
		changed = true
	}
	if v.Settings != nil && v.Settings != p.last {
		p.last = v.Settings
		for _, r := range p.rows {
			r.render(v.Settings)
		}
		p.start.Set(v.Settings.Autostart)
		word := p.d.Say("off")
		if v.Settings.Autostart {
			word = p.d.Say("on")
		}
		p.word.Set(word)
		p.file.Set(v.Settings.File)
		changed = true
	}
	if changed {
		p.page.Reflow()
	}
}

// accountBox shows whose account is used, and takes another key.
type accountBox struct {
	root    *fyne.Container
	d       *desk
	host    settingsHost
	title   *kit.Para
	note    *keychainNote
	replace *kit.Button
	check   *kit.Button
	remove  *kit.Button
	form    *credentialForm
	account Account
	ends    int  // contexts that end with the key
	unused  bool // new contexts are made elsewhere, whatever key there is
	reflow  func()
}

// inCloud counts the contexts that live in the cloud.
func (v *View) inCloud() (n int) {
	for _, c := range v.Contexts {
		if c.Backend == "agentrun" && c.Status != "lost" {
			n++
		}
	}
	return n
}

func newAccountBox(d *desk, host settingsHost, reflow func()) *accountBox {
	a := &accountBox{d: d, host: host, reflow: reflow, title: kit.NewPara("", kit.Strong, kit.Foreground), note: newKeychainNote(d, host, reflow)}
	a.form = newCredentialForm(d, host, d.Say("first.check"), func() {
		a.show(false)
		if a.unused {
			d.toasts.Show(d.Say("account.unused"), kit.Muted)
		}
	}, reflow)
	a.form.root.Hide()
	a.replace = kit.NewButton("", kit.Plain, func() { a.show(a.form.root.Hidden) })
	a.check = kit.NewButton(d.Say("account.check"), kit.Plain, func() {
		a.check.Disable()
		d.errands.run(func(ctx context.Context) error { return host.CheckCredentials(ctx, secrets.Credentials{}) }, func(err error) {
			a.check.Enable()
			if err != nil {
				d.fail(d.Say("fail.check"), err)
				return
			}
			d.toasts.Show(d.Say("account.right"), kit.Ready)
		})
	})
	a.remove = kit.NewButton(d.Say("account.remove"), kit.Danger, func() {
		say := func() (question, detail, yes string) {
			detail = d.Say("account.remove.detail")
			if a.ends > 0 {
				detail = d.Count("account.remove.ends", a.ends)
			}
			return d.Say("account.remove.ask"), detail, d.Say("account.remove")
		}
		d.question(say, func() {
			d.do(a.remove, d.Say("fail.remove"), host.RemoveCredentials)
		})
	})
	a.root = kit.Col(12, kit.Split(620, 12, kit.GrowBy(3, kit.Col(2, a.title, a.note.root)), kit.GrowBy(2, kit.Row(8, kit.Spring(), a.check, a.replace, a.remove))), a.form.root)
	return a
}

func (a *accountBox) show(form bool) {
	if !form { // nobody keeps a secret in a field that is out of sight
		a.form.secret.Set("")
	}
	a.form.root.Hidden = !form
	a.render(a.account)
	a.root.Refresh()
	a.reflow()
}

func (a *accountBox) render(account Account) {
	a.account = account
	none := account.Source == ""
	title := a.d.Say("account.none")
	if !none {
		title = a.d.Say("account.is", "id", account.AccessKeyID, "account", account.AccountID, "region", a.d.region(account.Region))
	}
	a.title.Set(title)
	a.note.render(account)
	label := a.d.Say("account.replace")
	switch {
	case !a.form.root.Hidden:
		label = a.d.Say("cancel")
	case none:
		label = a.d.Say("account.enter")
	}
	a.replace.Set(label)
	a.check.Hidden = none
	a.remove.Hidden = account.Source != secrets.FromKeychain
	a.root.Refresh()
}

// tokenBox lists who may come in by URL.
type tokenBox struct {
	root   *fyne.Container
	d      *desk
	host   settingsHost
	list   *fyne.Container
	seen   []*kit.Text // of the list: when each was used
	name   *kit.Field
	make   *kit.Button
	fresh  *fyne.Container
	owner  string // of the token in fresh
	token  *kit.Text
	reflow func()
	last   []status.Token
	drawn  bool
}

func newTokenBox(d *desk, host settingsHost, reflow func()) *tokenBox {
	t := &tokenBox{d: d, host: host, reflow: reflow, list: kit.Col(6), token: kit.NewText("", kit.Mono, kit.Foreground).Trim()}
	t.name = kit.NewField(d.Say("tokens.name"), 120)
	t.name.Entry.OnSubmitted = func(string) { t.create() }
	t.make = kit.NewButton(d.Say("tokens.make"), kit.Plain, t.create)
	t.fresh = kit.InCode(kit.Row(8, kit.Grow(t.token), kit.NewButton(d.Say("copy"), kit.Ghost, func() { d.copy(t.token.Text()) })))
	t.fresh.Hide()
	t.root = kit.Col(9, kit.Col(1, kit.NewPara(d.Say("tokens.title"), kit.Strong, kit.Foreground), kit.NewPara(d.Say("tokens.help"), kit.Small, kit.Muted)),
		t.list, t.fresh, kit.Row(8, kit.Grow(t.name), t.make, kit.SpringBy(2)))
	return t
}

func (t *tokenBox) create() {
	name := t.name.Text()
	if name == "" {
		t.name.SetFault(t.d.Say("tokens.unnamed"))
		t.reflow()
		return
	}
	var token string
	t.make.Disable()
	t.d.errands.run(func(ctx context.Context) (err error) {
		token, err = t.host.MakeToken(ctx, name)
		return err
	}, func(err error) {
		t.make.Enable()
		if err != nil {
			t.name.SetFault(sentence(t.d.Words, err))
			t.reflow()
			return
		}
		t.name.Set("")
		t.token.Set(token)
		t.owner = name
		t.fresh.Show()
		t.root.Refresh()
		t.reflow()
	})
}

// copy puts a client's token on the clipboard. It is asked for then, and goes nowhere else.
func (t *tokenBox) copy(client string) {
	var token string
	t.d.errands.run(func(ctx context.Context) (err error) {
		token, err = t.host.MakeToken(ctx, client)
		return err
	}, func(err error) {
		if err != nil {
			t.d.fail(t.d.Say("fail.token"), err)
			return
		}
		t.d.copy(token)
	})
}

func (t *tokenBox) revoke(client string) {
	say := func() (question, detail, yes string) {
		return t.d.Say("tokens.revoke.ask", "name", client), t.d.Say("tokens.revoke.detail"), t.d.Say("tokens.revoke")
	}
	t.d.question(say, func() {
		t.d.do(nil, t.d.Say("fail.revoke"), func(ctx context.Context) error { return t.host.RevokeToken(ctx, client) })
		if client == t.owner { // it is good for nothing now
			t.token.Set("")
			t.fresh.Hide()
			t.reflow()
		}
	})
}

func (t *tokenBox) render(tokens []status.Token, v *View) bool {
	same := t.drawn && len(tokens) == len(t.last)
	for n := range tokens {
		same = same && sameToken(tokens[n], t.last[n])
	}
	if !same {
		t.show(tokens)
	}
	for n, token := range tokens {
		seen := t.d.Say("tokens.unused")
		if !token.LastSeen.IsZero() {
			seen = t.d.Say("tokens.seen", "when", t.d.Ago(token.LastSeen, v.Now))
		}
		t.seen[n].Set(seen)
	}
	return !same
}

// show makes the list anew.
func (t *tokenBox) show(tokens []status.Token) {
	t.last, t.drawn = tokens, true
	t.list.Objects, t.seen = nil, nil
	for _, token := range tokens {
		seen := kit.NewText("", kit.Small, kit.Muted).Trim()
		t.seen = append(t.seen, seen)
		button := func(label string, do func(client string)) *kit.Button {
			return kit.NewButton(label, kit.Quiet, func() { do(token.Client) }).ReadAs(t.d.Say("tokens.of", "what", label, "name", token.Client))
		}
		t.list.Add(kit.InCode(kit.Row(10, kit.NewIcon("key", 16, kit.Muted), kit.GrowBy(1, kit.NewText(token.Client, kit.Small, kit.Foreground).Trim()),
			kit.GrowBy(1, seen), button(t.d.Say("copy"), t.copy), button(t.d.Say("tokens.revoke"), t.revoke))))
	}
	t.list.Hidden = len(tokens) == 0
}
