package ui

import (
	"context"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// Takeover asks whether to take the place of a host that runs without a window. All methods belong to the UI goroutine.
type Takeover struct {
	errands *errands
	outcome *kit.Para
	yes, no *kit.Button
	page    *kit.Page
}

// TakeoverOptions say who runs, and what the answers do.
type TakeoverOptions struct {
	Language string
	PID      int
	Version  string
	// Take ends the other host and starts ours. It runs beside the UI goroutine.
	Take func(ctx context.Context) error
	// Taken goes on after that.
	Taken func()
	// Leave ends this program.
	Leave func()
}

// NewTakeover fills a window of the toolkit with the question. Close it when another content takes its place.
func NewTakeover(window fyne.Window, opt TakeoverOptions) *Takeover {
	w := words.In(opt.Language)
	t := &Takeover{errands: newErrands(), outcome: kit.NewPara("", kit.Small, kit.Problem).Centre()}
	t.outcome.Hide()
	t.yes = kit.NewButton(w.Say("takeover.yes"), kit.Primary, func() {
		t.yes.Disable()
		t.no.Disable()
		t.say(w.Say("takeover.waiting"), kit.Muted)
		t.errands.run(opt.Take, func(err error) {
			if err == nil {
				opt.Taken()
				return
			}
			t.yes.Enable()
			t.no.Enable()
			t.say(sentence(w, err), kit.Problem)
		})
	})
	t.no = kit.NewButton(w.Say("takeover.no"), kit.Plain, opt.Leave)
	t.page = kit.NewPage(kit.Pad(20, 24, 20, 24, kit.Cap(720, kit.Col(0,
		kit.Spring(),
		kit.Row(0, kit.Spring(), kit.NewMark(56), kit.Spring()),
		kit.Pad(18, 0, 8, 0, kit.NewPara(w.Say("takeover.title"), kit.Headline, kit.Foreground).Centre()),
		kit.NewPara(w.Say("takeover.text", "pid", opt.PID, "version", opt.Version), kit.Body, kit.Muted).Centre(),
		kit.Pad(22, 0, 12, 0, kit.Row(12, kit.Spring(), t.no, t.yes, kit.Spring())),
		t.outcome, kit.Spring()))))
	window.SetPadded(false)
	window.SetTitle(w.Say("app"))
	window.SetContent(kit.Layer(kit.NewBox(kit.Background, 0), t.page))
	return t
}

func (t *Takeover) say(text string, tone fyne.ThemeColorName) {
	t.outcome.SetTone(tone)
	t.outcome.Set(text)
	t.outcome.Show()
	t.page.Reflow()
}

// Close ends what the answers have begun, and waits for it.
func (t *Takeover) Close() { t.errands.close() }
