package kit

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// paint is the one renderer of the kit's widgets: objects, where they go, and apply, which puts the state and the theme's colours
// into them.
type paint struct {
	objects []fyne.CanvasObject
	layout  func(fyne.Size)
	min     func() fyne.Size
	apply   func()
}

var _ fyne.WidgetRenderer = (*paint)(nil)

func (p *paint) Destroy()                     {}
func (p *paint) Layout(size fyne.Size)        { p.layout(size) }
func (p *paint) MinSize() fyne.Size           { return p.min() }
func (p *paint) Objects() []fyne.CanvasObject { return p.objects }
func (p *paint) Refresh() {
	p.apply()
	for _, o := range p.objects {
		canvas.Refresh(o)
	}
}

// lift is how much higher than the middle of its box a word has to stand to look centred.
const lift = 1

func floor(v float32) float32 { return float32(math.Floor(float64(v))) }

// place moves and resizes.
func place(o fyne.CanvasObject, x, y, w, h float32) {
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(w, h))
}

// middle centres an object of its least size in a box, moved right and down by x and y.
func middle(o fyne.CanvasObject, x, y, w, h float32) {
	m := o.MinSize()
	place(o, x+(w-m.Width)/2, y+(h-m.Height)/2, m.Width, m.Height)
}

// scaleOf is how many pixels of the screen a unit of an object's canvas has.
func scaleOf(o fyne.CanvasObject) float32 {
	if c := fyne.CurrentApp().Driver().CanvasForObject(o); c != nil {
		return c.Scale()
	}
	return 1
}
