package ui

import (
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// sessionCard draws one session.
type sessionCard struct {
	root     *fyne.Container
	d        *desk
	ring     *kit.Ring
	pill     *kit.Pill
	id       *kit.Text
	contexts *kit.Text
	label    *kit.Text
	value    *kit.Text
	more     *kit.Button
	session  status.Session
}

// sessionMenu is what can be done to a session.
type sessionMenu struct{ replace, end func(status.Session) }

func newSessionCard(d *desk, menu sessionMenu) *sessionCard {
	c := &sessionCard{
		d: d, ring: kit.NewRing(), pill: kit.NewPill("", kit.Ready), id: kit.NewText("", kit.Mono, kit.Foreground).Trim(),
		contexts: kit.NewText("", kit.Small, kit.Muted).Trim(), label: kit.NewText("", kit.Small, kit.Muted).Trim(), value: kit.NewText("", kit.Small, kit.Muted),
	}
	c.more = kit.NewIconButton("more", d.Say("session.more"), kit.Quiet, func() {
		s := c.session // as it is now: the card may be that of another one when something is chosen
		replace := fyne.NewMenuItem(d.Say("session.replace"), func() { menu.replace(s) })
		end := fyne.NewMenuItem(d.Say("session.end"), func() { menu.end(s) })
		kit.Menu(c.more, replace, end)
	})
	c.root = kit.Layer(kit.NewCard(), kit.Pad(14, 10, 8, 16, kit.Col(8,
		kit.Row(13, c.ring, kit.Grow(kit.Col(1, c.pill, c.id, c.contexts))),
		kit.Fix(0, 26, kit.Row(6, kit.Grow(c.label), c.value, c.more)),
	)))
	return c
}

func (c *sessionCard) render(s status.Session, v *View) {
	c.session = s
	now := v.Now
	tone, word := c.state(s, now)
	c.pill.Set(word, tone)
	c.id.Set(shortID(s.SandboxID))
	c.more.Hidden = s.State == "closing" || s.State == "starting"
	var usual, last time.Duration
	if f := v.Figures; f != nil {
		usual, last = f.UsualStart, f.LastRun[s.SandboxID]
	}
	if s.State == "starting" {
		since := now.Sub(s.CreatedAt)
		part := 0.0
		if usual > 0 {
			part = min(0.97, float64(since)/float64(usual))
		}
		figure, unit := c.d.Parts(since)
		c.ring.Set(part, figure, unit, kit.Warming)
		if s.SandboxID == "" {
			c.id.Set(c.d.Say("session.new"))
		}
		text := c.d.Say("session.making")
		if usual > 0 {
			text = c.d.Say("session.usually", "time", c.d.Took(usual))
		}
		c.contexts.Set(text)
		c.label.Set(c.d.Say("session.check"))
		c.value.Set("")
		return
	}
	switch end := endOf(s); {
	case end != nil && s.ReadyAt != nil:
		whole := end.Sub(*s.ReadyAt)
		left := min(end.Sub(now), whole) // more is left when the clock was set back
		figure, unit := c.d.Parts(left)
		c.ring.Set(float64(left)/float64(max(1, whole)), figure, unit, tone)
	case s.ReadyAt != nil: // it does not age: how long it has been there
		figure, unit := c.d.Parts(now.Sub(*s.ReadyAt))
		c.ring.Set(1, figure, unit, tone)
	default: // it was never ready
		c.ring.Set(0, "–", "", tone)
	}
	if s.Contexts == 0 {
		c.contexts.Set(c.d.Say("session.empty"))
	} else {
		c.contexts.Set(c.d.Count("session.contexts", s.Contexts))
	}
	c.label.Set(c.d.Say("session.lastrun"))
	took := "–"
	if last > 0 {
		took = c.d.Took(last)
	}
	c.value.Set(took)
}

// endOf is when a session is renewed, or else ends; nil if nothing ends it.
func endOf(s status.Session) *time.Time {
	if s.ExpiresAt != nil {
		return s.ExpiresAt
	}
	return s.EndsAt
}

// state is the colour and the word of a session's state.
func (c *sessionCard) state(s status.Session, now time.Time) (fyne.ThemeColorName, string) {
	tone := kit.Muted
	switch s.State {
	case "ready":
		tone = kit.Ready
	case "leased":
		tone = kit.Accent
	case "starting", "retiring":
		tone = kit.Warming
	case "failed", "lost":
		tone = kit.Problem
	}
	if end := endOf(s); end != nil && end.Sub(now) < endsSoon && (tone == kit.Ready || tone == kit.Accent) {
		return kit.Warming, c.d.Say("session.state.soon")
	}
	if key := "session.state." + s.State; c.d.Has(key) {
		return tone, c.d.Say("session.state." + s.State)
	}
	return tone, s.State
}
