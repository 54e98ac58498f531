package ui

import (
	"context"
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// notice is a banner: what is wrong or will happen soon, and the one button that helps.
type notice struct {
	tone            fyne.ThemeColorName
	what, why, help string
	do              func()
}

// problem puts one into words. The host's own words are English; those of problems we know are there in every language.
func (d *desk) problem(p status.Problem) (what, why string) {
	what, why = p.What, p.Why
	if key := "problem." + p.Code; d.Has(key) {
		what = d.Say("problem." + p.Code)
	}
	todo := p.Todo
	if key := "todo." + p.Code; d.Has(key) {
		todo = d.Say("todo." + p.Code)
	}
	if why != "" {
		why = asSentence(why)
	}
	if why != "" && todo != "" {
		return what, d.Say("problem.both", "why", why, "todo", todo)
	}
	return what, why + todo
}

// mild are the problems with which code runs all the same.
var mild = map[string]bool{"fallback": true, "ledger": true, "cost": true, "port-taken": true, "settings": true}

// notices are all banners of a view, the gravest first.
func (o *overview) notices(v *View) []notice {
	var all []notice
	for _, p := range v.Problems {
		n := notice{tone: kit.Problem}
		if mild[p.Code] {
			n.tone = kit.Warming
		}
		n.what, n.why = o.d.problem(p)
		n.help, n.do = o.mend(p.Code)
		all = append(all, n)
	}
	if l := v.Backend.Loading; l != nil {
		n := notice{tone: kit.Accent, what: o.d.Say("notice.loading", "what", l.What), why: o.d.Say("notice.loading.for", "time", o.d.Short(v.Now.Sub(l.Since)))}
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
func (o *overview) mend(code string) (label string, do func()) {
	switch code {
	case "no-sandbox", "unreachable":
		return o.d.Say("mend.retry"), func() { o.d.do(nil, o.d.Say("fail.retry"), o.host.RetryPool) }
	case "settings", "port-taken", "credentials", "daily-cap", "fallback":
		return o.d.Say("notice.settings"), func() { o.d.open(PlaceSettings) }
	}
	return o.d.Say("mend.log"), func() {
		o.d.do(nil, o.d.Say("fail.logfolder"), func(ctx context.Context) error { return o.logs.OpenLogFolder(ctx) })
	}
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
