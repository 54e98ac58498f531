package kit

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// Hints says beside a thing without a word what it does: while the mouse rests on it, and while the keyboard has it. It is the last
// layer of a window's content; what has something to say finds it there.
type Hints struct {
	Root *fyne.Container
	// Rest is how long the mouse has to.
	Rest  time.Duration
	text  *Text
	about fyne.CanvasObject // nil: nothing is said
	aside bool              // to the right of it; else below
	timer *time.Timer
}

// NewHints makes an empty layer.
func NewHints() *Hints {
	h := &Hints{Rest: 600 * time.Millisecond, text: NewText("", Small, OnAccent)}
	h.Root = container.New(&hintLayout{h}, container.NewStack(NewBox(Bubble, ControlRadius), Pad(5, 10, 5, 10, h.text)))
	h.Root.Hide()
	return h
}

// Text is what is said; empty: nothing.
func (h *Hints) Text() string {
	if h.about == nil {
		return ""
	}
	return h.text.Text()
}

// Clear says nothing any more, as when what it is about goes out of sight.
func (h *Hints) Clear() { h.leave(h.about) }

// Close stops the timer.
func (h *Hints) Close() { h.stop() }

func (h *Hints) stop() {
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
}

// show says something about a thing at once.
func (h *Hints) show(about fyne.CanvasObject, text string, aside bool) {
	h.stop()
	h.about, h.aside = about, aside
	h.text.Set(text)
	h.Root.Show()
	h.Root.Refresh()
	canvas.Refresh(h.Root)
}

// await does so when the mouse has rested.
func (h *Hints) await(about fyne.CanvasObject, text string, aside bool) {
	h.stop()
	var mine *time.Timer
	mine = time.AfterFunc(h.Rest, func() {
		fyne.Do(func() {
			if h.timer == mine {
				h.show(about, text, aside)
			}
		})
	})
	h.timer = mine
}

// leave says nothing any more of a thing.
func (h *Hints) leave(about fyne.CanvasObject) {
	h.stop()
	if h.about == about {
		h.about = nil
		h.Root.Hide()
	}
}

// hintLayout puts the hint where there is room for it.
type hintLayout struct{ hints *Hints }

func (*hintLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

func (l *hintLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	h := l.hints
	if h.about == nil {
		return
	}
	const gap = 6
	m := objects[0].MinSize()
	at, of := fyne.CurrentApp().Driver().AbsolutePositionForObject(h.about), h.about.Size()
	x, y := at.X+(of.Width-m.Width)/2, at.Y+of.Height+gap
	if h.aside {
		x, y = at.X+of.Width+gap, at.Y+(of.Height-m.Height)/2
	} else if y+m.Height > size.Height {
		y = at.Y - gap - m.Height
	}
	place(objects[0], max(gap, min(x, size.Width-m.Width-gap)), max(gap, min(y, size.Height-m.Height-gap)), m.Width, m.Height)
}

// hintsFor is the layer of the window that a thing is in; nil if it has none, as in a dialog.
func hintsFor(o fyne.CanvasObject) *Hints {
	c := fyne.CurrentApp().Driver().CanvasForObject(o)
	if c == nil {
		return nil
	}
	content, ok := c.Content().(*fyne.Container)
	if !ok || len(content.Objects) == 0 {
		return nil
	}
	last, ok := content.Objects[len(content.Objects)-1].(*fyne.Container)
	if !ok {
		return nil
	}
	if l, ok := last.Layout.(*hintLayout); ok {
		return l.hints
	}
	return nil
}
