package ui

import (
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// Notification is what the desktop is asked to show.
type Notification struct{ Title, Text string }

// Notifications are those for what is new in a view compared to the one before: problems that somebody has to act on, and nothing
// else. Each is a banner in the window too.
func Notifications(w *words.Words, before, now *View) []Notification {
	d := &desk{Words: w}
	var all []Notification
	for _, p := range now.Problems {
		known := slices.ContainsFunc(before.Problems, func(old status.Problem) bool { return old.Code == p.Code })
		if known || mild[p.Code] || isLost(p) {
			continue
		}
		what, why := d.problem(p)
		if why != "" {
			what = w.Say("problem.both", "why", what, "todo", why)
		}
		all = append(all, Notification{Title: w.Say("notification.title"), Text: what})
	}
	return append(all, d.lostNotifications(before, now)...)
}
