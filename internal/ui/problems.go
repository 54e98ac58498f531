package ui

import (
	"context"
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// notice is a banner: what is wrong or will happen soon, the one button that helps, and perhaps one that lets it be.
type notice struct {
	tone            fyne.ThemeColorName
	what, why, help string
	do              func()
	leave           string
	no              func()
	busy            bool // one of the two goes on
}

// mild are the problems with which code runs all the same.
var mild = map[status.ProblemCode]bool{status.Ledger: true, status.CostUnknown: true, status.PortTaken: true, status.Settings: true, status.LeftBehind: true}

// notices are all banners of a view, the gravest first.
func (o *overview) notices(v *View) []notice {
	var all []notice
	for _, p := range v.Problems {
		if isLost(p) {
			continue
		}
		n := notice{tone: kit.Problem}
		if mild[p.Code] {
			n.tone = kit.Warming
		}
		n.what, n.why = o.d.problem(p)
		n.help, n.do = o.mend(p, v)
		n.busy = o.going[string(p.Code)]
		all = append(all, n)
	}
	all = append(all, o.lostEditors(v)...)
	if l := v.Backend.Loading; l != nil {
		doing := l.What
		if o.d.Has("loading." + string(l.Stage)) {
			doing = o.d.Say("loading." + string(l.Stage))
		}
		n := notice{tone: kit.Accent, what: o.d.Say("notice.loading", "what", doing), why: o.d.Say("notice.loading.for", "time", o.d.Short(v.Now.Sub(l.Since)))}
		if v.Figures != nil && v.Figures.UsualLoad > 0 {
			n.why = o.d.Say("notice.loading.usual", "time", o.d.Short(v.Now.Sub(l.Since)), "usual", o.d.Took(v.Figures.UsualLoad))
		}
		all = append(all, n)
	}
	for _, s := range v.Sessions {
		if s.ExpiresAt == nil || s.Contexts == 0 || s.ExpiresAt.Sub(v.Now) > endsSoon || !s.ExpiresAt.After(v.Now) {
			continue
		}
		why := o.d.Count("notice.ends.why", s.Contexts)
		if v.Settings.value("carry_over") == "off" {
			why = o.d.Count("notice.ends.stay", s.Contexts)
		}
		all = append(all, notice{
			tone: kit.Warming,
			what: o.d.Say("notice.ends", "session", lastFour(s.SandboxID), "time", o.d.Short(s.ExpiresAt.Sub(v.Now))),
			why:  why,
			help: o.d.Say("notice.details"),
			do:   func() { o.d.open(PlaceContexts) },
		})
	}
	return all
}

// endsSoon is how long before a session's end it is announced.
const endsSoon = 5 * time.Minute

// mend is the one button for a problem.
func (o *overview) mend(p status.Problem, v *View) (label string, do func()) {
	switch p.Code {
	case status.NoSandbox, status.Unreachable:
		return o.d.Say("mend.retry"), func() { o.begin(string(p.Code), o.d.Say("fail.retry"), o.host.RetryPool) }
	case status.Settings:
		if isShown(p.Args.Setting) {
			return o.d.Say("notice.settings"), func() { o.d.setting(p.Args.Setting) }
		}
		return o.d.Say("mend.file"), func() { o.d.do(nil, o.d.Say("fail.folder"), o.host.OpenSettingsFolder) }
	case status.PortTaken:
		return o.d.Say("mend.port"), func() { o.d.setting("http.port") }
	case status.DailyCap:
		return o.d.Say("notice.settings"), func() { o.d.setting("agentrun.daily_cap") }
	case status.Credentials:
		if v.shut() {
			return o.d.Say("mend.keychain"), o.d.unlock
		}
		return o.d.Say("notice.settings"), func() { o.d.open(PlaceSettings) }
	case status.LeftBehind, status.Ledger, status.CostUnknown, status.Tokens:
	case status.EditorLost, status.EditorStale, status.EditorChanged: // see lostEditors
	}
	return o.d.Say("mend.log"), func() {
		o.d.do(nil, o.d.Say("fail.logfolder"), func(ctx context.Context) error { return o.logs.OpenLogFolder(ctx) })
	}
}

// begin does what a button of a banner is for. The banner shows that it goes on.
func (o *overview) begin(key, failed string, work func(ctx context.Context) error) {
	redraw := func() {
		if o.view != nil && o.renderBanners(o.view) {
			o.page.Reflow()
		}
	}
	o.going[key] = true
	redraw()
	o.d.errands.run(work, func(err error) {
		delete(o.going, key)
		redraw()
		if err != nil {
			o.d.fail(failed, err)
		}
	})
}

// shut reports whether there may be credentials in a keychain that is of no use.
func (v *View) shut() bool {
	switch v.Account.Keychain {
	case secrets.Locked, secrets.Waiting, secrets.Failing, secrets.Absent:
		return v.Account.Source == ""
	case secrets.Available:
	}
	return false
}

// lastFour is how a session is called for short.
func lastFour(id string) string {
	if r := []rune(id); len(r) > 4 {
		return string(r[len(r)-4:])
	}
	return id
}

// shortID is an id with its middle left out.
func shortID(id string) string {
	r := []rune(id)
	if len(r) <= 12 {
		return id
	}
	return string(r[:5]) + "…" + string(r[len(r)-4:])
}
