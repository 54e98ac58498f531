package kit

import (
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// Toasts is the layer above a window's content where outcomes are told for a few seconds. It is no overlay of the toolkit: below
// one of those nothing can be tapped.
type Toasts struct {
	Root *fyne.Container
	// Stay is how long a toast is shown.
	Stay time.Duration
	// Shut is what the button that takes one away is called.
	Shut string
	live []*toast
}

type toast struct {
	root  *fyne.Container
	text  string
	timer *time.Timer
}

// NewToasts makes an empty layer.
func NewToasts() *Toasts {
	t := &Toasts{Stay: 6 * time.Second}
	t.Root = container.New(corner{})
	return t
}

// Show tells something. A text that is still shown is not shown again.
func (t *Toasts) Show(text string, tone fyne.ThemeColorName) {
	for _, shown := range t.live {
		if shown.text == text {
			shown.timer.Reset(t.Stay)
			return
		}
	}
	name := "check"
	if tone != Ready {
		name = "warning"
	}
	box := NewCard()
	item := &toast{text: text}
	item.root = container.NewStack(box, Pad(10, 10, 10, 14, Row(10, NewIcon(name, 16, tone), Grow(Fix(300, 0, NewPara(text, Small, Foreground))),
		NewIconButton("close", t.Shut, Quiet, func() { t.drop(item) }))))
	item.timer = time.AfterFunc(t.Stay, func() { fyne.Do(func() { t.drop(item) }) })
	t.live = append(t.live, item)
	t.Root.Add(item.root)
	canvas.Refresh(t.Root)
}

// Texts returns what is shown.
func (t *Toasts) Texts() []string {
	texts := make([]string, len(t.live))
	for n, item := range t.live {
		texts[n] = item.text
	}
	return texts
}

// Close stops the timers.
func (t *Toasts) Close() {
	for _, item := range t.live {
		item.timer.Stop()
	}
}

func (t *Toasts) drop(item *toast) {
	for n, shown := range t.live {
		if shown == item {
			item.timer.Stop()
			t.live = append(t.live[:n:n], t.live[n+1:]...)
			t.Root.Remove(item.root)
			canvas.Refresh(t.Root)
			return
		}
	}
}

// corner stacks toasts up from the lower right corner.
type corner struct{}

func (corner) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

func (corner) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := size.Height - 20
	for _, o := range slices.Backward(objects) {
		w := min(400, size.Width-40)
		o.Resize(fyne.NewSize(w, o.MinSize().Height))
		h := o.MinSize().Height
		y -= h
		place(o, size.Width-w-20, y, w, h)
		y -= 10
	}
}
