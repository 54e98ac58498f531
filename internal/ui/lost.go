package ui

import (
	"context"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// The codes of problems with editors that we have connected and that are not as we have left them, gravest first. There is one problem
// for each editor; they are told together.
var lostCodes = []status.ProblemCode{status.EditorLost, status.EditorStale, status.EditorChanged}

func isLost(p status.Problem) bool { return slices.Contains(lostCodes, p.Code) }

// lost is what is told of some editors with the same problem.
type lost struct {
	code status.ProblemCode
	ids  []string
	what string
	todo string
}

// lost puts such problems into words.
func (d *desk) lost(problems []status.Problem, v *View) []lost {
	var all []lost
	for _, code := range lostCodes {
		l := lost{code: code}
		var names []string
		for _, p := range problems {
			if p.Code != code {
				continue
			}
			name := p.Args.Editor
			if row, ok := v.Editors.byID(p.Args.Editor); ok {
				name = d.Product(row.Name)
			}
			l.ids, names = append(l.ids, p.Args.Editor), append(names, name)
		}
		if l.ids == nil {
			continue
		}
		l.what = d.Say("problem."+string(code), "editor", strings.Join(names, d.Say("list.comma")))
		l.todo = d.Say("todo." + string(code))
		all = append(all, l)
	}
	return all
}

// lostEditors are the banners of editors that have lost their connection.
func (o *overview) lostEditors(v *View) []notice {
	var all []notice
	for _, l := range o.d.lost(v.Problems, v) {
		n := notice{
			tone: kit.Warming, busy: o.going[string(l.code)], what: l.what, why: l.todo, help: o.d.Say("mend.editor"), leave: o.d.Say("editors.keep"),
			do: func() { o.forEach(l, o.d.Say("fail.connect"), o.mendEditor) },
			no: func() { o.forEach(l, o.d.Say("fail.leave"), o.host.LeaveEditor) },
		}
		if l.code == status.EditorChanged { // what would be changed is looked at first
			n.help, n.do = o.d.Say("notice.details"), func() { o.d.open(PlaceEditors) }
		}
		all = append(all, n)
	}
	return all
}

// forEach does something for each of some editors, and stops at the first failure.
func (o *overview) forEach(l lost, failed string, do func(ctx context.Context, id string) error) {
	o.begin(string(l.code), failed, func(ctx context.Context) error {
		for _, id := range l.ids {
			if err := do(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// lostNotifications are those for editors that have lost their connection since the view before. Of an entry that somebody has changed
// the window tells.
func (d *desk) lostNotifications(before, now *View) []Notification {
	fresh := slices.DeleteFunc(slices.Clone(now.Problems), func(p status.Problem) bool {
		return !isLost(p) || p.Code == status.EditorChanged ||
			slices.ContainsFunc(before.Problems, func(old status.Problem) bool { return isLost(old) && old.Args.Editor == p.Args.Editor })
	})
	var all []Notification
	for _, l := range d.lost(fresh, now) {
		all = append(all, Notification{Title: d.Say("notification.title"), Text: d.Say("problem.both", "why", l.what, "todo", l.todo)})
	}
	return all
}

// headline is the gravest problem in a line; empty: there is none that the tray has to tell.
func (d *desk) headline(v *View) string {
	for _, p := range v.Problems {
		if !isLost(p) {
			what, _ := d.problem(p)
			return what
		}
	}
	for _, l := range d.lost(v.Problems, v) {
		if l.code != status.EditorChanged {
			return l.what
		}
	}
	return ""
}

// mendEditor connects an editor again, and tells what went another way than usual: its row is elsewhere.
func (o *overview) mendEditor(ctx context.Context, id string) error {
	remarks, err := o.host.MendEditor(ctx, id)
	if err == nil && len(remarks) > 0 {
		o.d.errands.post(func() {
			row, _ := o.view.Editors.byID(id)
			o.d.toasts.Show(o.d.remarks(o.d.Product(row.Name), remarks), kit.Warming)
		})
	}
	return err
}
