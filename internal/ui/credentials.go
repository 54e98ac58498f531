package ui

import (
	"context"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// regions are where sandboxes can be made; an account may not have all of them.
var regions = []string{
	"cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "cn-zhangjiakou", "cn-huhehaote", "cn-chengdu", "cn-hongkong", "ap-southeast-1", "ap-northeast-1",
	"us-west-1", "us-east-1", "eu-central-1",
}

// credentialForm takes the key of an AgentRun account, and has it checked before it is kept.
type credentialForm struct {
	root    *fyne.Container
	d       *desk
	host    credentialsHost
	id      *kit.Field
	secret  *kit.Field
	account *kit.Field
	region  *kit.Dropdown
	outcome *kit.Para
	save    *kit.Button
	stop    *kit.Button
	cancel  context.CancelFunc // of the check that is going on
	keeping bool               // the check has gone well
	heir    *credentialForm    // has taken its place while it checked; nil: none
	saved   func()
	reflow  func()
}

func newCredentialForm(d *desk, host credentialsHost, save string, saved, reflow func()) *credentialForm {
	f := &credentialForm{d: d, host: host, saved: saved, reflow: reflow, outcome: kit.NewPara("", kit.Small, kit.Muted)}
	f.id = kit.NewField(d.Say("credentials.id.hint"), 140)
	f.secret = kit.NewSecret(d.Say("credentials.secret.hint"), d.Say("credentials.show"), 140)
	f.account = kit.NewField(d.Say("credentials.account.hint"), 140)
	options := make([]kit.Option, len(regions))
	for n, id := range regions {
		options[n] = kit.Option{Value: id, Label: d.Say("credentials.region.option", "city", d.region(id), "id", id)}
	}
	f.region = kit.NewDropdown(d.Say("credentials.region"), options, regions[0], func(s string) { f.region.Set(s) })
	f.id.Check, f.secret.Check, f.account.Check = f.check(secrets.FieldAccessKeyID), f.check(secrets.FieldAccessKeySecret), f.check(secrets.FieldAccountID)
	for _, field := range f.fields() {
		field.Changed = func(string) {
			f.say("", kit.Muted)
			f.reflow()
		}
		field.Entry.OnSubmitted = func(string) {
			if !f.untouched() { // or Enter was meant for what was in sight before
				f.submit()
			}
		}
	}
	f.save = kit.NewButton(save, kit.Primary, f.submit)
	f.stop = kit.NewButton(d.Say("cancel"), kit.Plain, func() {
		if f.cancel != nil {
			f.cancel()
		}
	})
	f.stop.Hide()
	label := func(text string, o fyne.CanvasObject) fyne.CanvasObject {
		return kit.Col(5, kit.NewText(text, kit.SmallStrong, kit.Foreground), o)
	}
	console := kit.NewButton(d.Say("credentials.console"), kit.Ghost, func() { d.do(nil, d.Say("fail.console"), host.OpenConsole) })
	f.root = kit.Col(12,
		kit.Split(480, 14, label(d.Say("credentials.id"), f.id), label(d.Say("credentials.secret"), f.secret)),
		kit.Split(480, 14, label(d.Say("credentials.account"), f.account), label(d.Say("credentials.region"), f.region)),
		kit.Row(10, kit.Grow(kit.NewPara(d.Say("credentials.where"), kit.Small, kit.Muted)), console),
		kit.Row(10, kit.Grow(f.outcome), f.stop, f.save),
	)
	return f
}

func (f *credentialForm) fields() []*kit.Field { return []*kit.Field{f.id, f.secret, f.account} }

// check has a part looked at as somebody types it. What is said about it is ours, in the language of the window.
func (f *credentialForm) check(part secrets.Field) func(string) string {
	return func(text string) string {
		if secrets.CheckField(part, strings.TrimSpace(text)) == "" {
			return ""
		}
		return f.d.Say("credentials.fault." + string(part))
	}
}

func (f *credentialForm) say(text string, tone fyne.ThemeColorName) {
	f.outcome.SetTone(tone)
	if f.outcome.Set(text) {
		f.reflow()
	}
}

// submit has the key checked, and kept when it is right.
func (f *credentialForm) submit() {
	if f.cancel != nil { // it is being checked
		return
	}
	c := secrets.Credentials{
		AccessKeyID: strings.TrimSpace(f.id.Text()), AccessKeySecret: secrets.NewValue(strings.TrimSpace(f.secret.Text())),
		AccountID: strings.TrimSpace(f.account.Text()), Region: f.region.Chosen(), Source: secrets.FromUser,
	}
	missing := false
	for _, field := range f.fields() {
		if field.Text() == "" {
			field.SetFault(f.d.Say("credentials.missing"))
			missing = true
		}
	}
	for _, field := range f.fields() {
		missing = missing || field.Fault() != ""
	}
	if missing {
		f.reflow()
		return
	}
	f.say(f.d.Say("credentials.checking"), kit.Muted)
	f.busy(true)
	ctx, cancel := context.WithCancel(f.d.errands.ctx)
	f.cancel = cancel
	f.keeping = false
	f.d.errands.run(func(context.Context) error {
		if err := f.host.CheckCredentials(ctx, c); err != nil {
			return err
		}
		f.d.errands.post(func() {
			f := f.newest()
			f.keeping = true
			f.say(f.d.Say("credentials.keeping"), kit.Muted)
		})
		return f.host.SaveCredentials(ctx, c)
	}, func(err error) {
		f := f.newest()
		cancelled := ctx.Err() != nil
		cancel()
		f.cancel = nil
		f.busy(false)
		switch {
		case cancelled && f.keeping:
			f.say(f.d.Say("credentials.cancelled"), kit.Muted)
			return
		case cancelled:
			f.say("", kit.Muted)
			return
		case f.keeping && err != nil && isKeychain(err): // of which the note beside the form says why
			f.say(f.d.Say("credentials.unkept"), kit.Problem)
			return
		case err != nil:
			f.say(sentence(f.d.Words, err), kit.Problem)
			return
		}
		f.secret.Set("")
		f.say(f.d.Say("credentials.saved"), kit.Ready)
		f.saved()
	})
}

// untouched reports whether nobody has typed anything, so that nothing is lost with it.
func (f *credentialForm) untouched() bool {
	return f.cancel == nil && !slices.ContainsFunc(f.fields(), func(field *kit.Field) bool { return field.Text() != "" })
}

// newest is the form in sight: another language has one take the place of another.
func (f *credentialForm) newest() *credentialForm {
	for f.heir != nil {
		f = f.heir
	}
	return f
}

func (f *credentialForm) busy(on bool) {
	f.save.SetEnabled(!on)
	f.stop.Hidden = !on
	f.root.Refresh()
	f.reflow()
}
