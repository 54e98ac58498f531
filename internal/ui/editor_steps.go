package ui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// steps shows a check as it goes on: each step with what came of it, and for the one that failed what to do.
type steps struct {
	root   *fyne.Container
	d      *desk
	reflow func()
	title  *kit.Para
	lines  *fyne.Container
	bad    string // the first step that failed
	turn   int    // of the check that is shown
	stop   context.CancelFunc
	closed func()
	about  func() Editor // the editor that is tested; nil: all are
}

func newSteps(d *desk, reflow func()) *steps {
	s := &steps{d: d, reflow: reflow, title: kit.NewPara("", kit.SmallStrong, kit.Foreground), lines: kit.Col(5), stop: func() {}}
	shut := kit.NewIconButton("close", d.Say("close"), kit.Quiet, s.close)
	shut.OnEscape(s.close)
	s.root = kit.Col(6, kit.Row(8, kit.Grow(s.title), shut), s.lines)
	s.root.Hide()
	return s
}

// close ends the check, if it still goes on.
func (s *steps) close() {
	if s.root.Hidden {
		return
	}
	s.stop()
	s.turn++
	s.root.Hide()
	s.reflow()
	if s.closed != nil {
		s.closed()
	}
}

// run begins a check, during which its button cannot be pressed again.
func (s *steps) run(b *kit.Button, check func(ctx context.Context, found func(Finding)) error) {
	b.Disable()
	s.turn++
	turn := s.turn
	s.bad, s.lines.Objects = "", nil
	s.title.SetTone(kit.Muted)
	s.title.Set(s.d.Say("doctor.running"))
	s.root.Show()
	s.lines.Refresh()
	s.reflow()
	closing, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.d.errands.run(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(closing, cancel)()
		return check(ctx, func(f Finding) {
			s.d.errands.post(func() {
				if turn == s.turn {
					s.add(f)
				}
			})
		})
	}, func(err error) {
		stop()
		b.Enable()
		if turn == s.turn {
			s.end(err)
		}
	})
}

// add shows what came of a step.
func (s *steps) add(f Finding) {
	title := f.Title
	if key := "doctor.step." + f.Check; s.d.Has(key) {
		title = s.d.Say("doctor.step." + f.Check)
	}
	icon, tone, todo := "check", kit.Ready, ""
	switch f.Verdict {
	case VerdictWarning, VerdictBad:
		icon, tone = "warning", kit.Warming
		todo = s.todo(f)
		if f.Verdict == VerdictBad {
			tone = kit.Problem
			if s.bad == "" {
				s.bad = title
			}
		}
	case VerdictSkipped:
		icon, tone = "minus", kit.Muted
	case VerdictGood:
	}
	said := kit.Col(0, kit.NewPara(asSentence(s.what(f)), kit.Small, kit.Muted))
	if todo != "" {
		said.Add(kit.NewPara(todo, kit.Small, kit.Foreground))
	}
	s.lines.Add(kit.Row(8, kit.NewIcon(icon, 16, tone), kit.Fix(104, 0, kit.NewText(title, kit.Small, kit.Foreground).Trim()), kit.Grow(said)))
	s.reflow()
}

// what says what was found in the language of the window. The check's own sentence is a detail of that.
func (s *steps) what(f Finding) string {
	detail := strings.TrimSuffix(f.What, ".")
	switch {
	case f.Verdict == VerdictGood && s.d.Has("doctor.good."+f.Check):
		return s.d.Say("doctor.good."+f.Check, "detail", detail)
	case f.Verdict == VerdictBad && s.d.Has("doctor.what."+f.Check):
		return s.d.Say("doctor.what."+f.Check, "detail", detail)
	case f.Verdict == VerdictWarning:
		return s.d.Say("doctor.warning", "detail", detail)
	case f.Verdict == VerdictSkipped:
		return s.d.Say("doctor.skipped", "detail", detail)
	}
	return f.What
}

// todo says what to do about what was found. For an editor's settings that is what its row has.
func (s *steps) todo(f Finding) string {
	switch {
	case !s.d.Has("doctor.todo." + f.Check):
		return f.Todo
	case f.Check != "editor" || s.about == nil || s.about().mendable():
		return s.d.Say("doctor.todo." + f.Check)
	case s.d.Has("doctor.todo.editor." + string(s.about().State)):
		return s.d.Say("doctor.todo.editor." + string(s.about().State))
	}
	return s.d.Say("doctor.todo.editor.switch")
}

// end says what came of it all.
func (s *steps) end(err error) {
	switch {
	case err != nil:
		s.title.SetTone(kit.Problem)
		s.title.Set(s.d.Say("failed", "what", s.d.Say("fail.test"), "why", sentence(s.d.Words, err)))
	case s.bad != "":
		s.title.SetTone(kit.Problem)
		s.title.Set(s.d.Say("doctor.bad", "step", s.bad))
	default:
		s.title.SetTone(kit.Ready)
		s.title.Set(s.d.Say("doctor.good"))
	}
	s.reflow()
}
