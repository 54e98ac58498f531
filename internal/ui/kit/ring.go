package kit

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

const (
	ringSize  = 58
	ringThick = 5.2
	ringCut   = 1 - ringThick/(ringSize/2)
	ringCap   = 5.7 // degrees that a round end takes
)

// Ring shows a part of a whole, with a figure and its unit in the middle.
type Ring struct {
	widget.BaseWidget
	track, arc   *canvas.Arc
	figure, unit *canvas.Text
	tone         fyne.ThemeColorName
	part         float64
}

// NewRing makes an empty ring.
func NewRing() *Ring {
	r := &Ring{tone: Ready, track: canvas.NewArc(0, 360, ringCut, shadeOf(Line)), arc: canvas.NewArc(0, 0, ringCut, shadeOf(Ready))}
	r.arc.CornerRadius = ringThick / 2
	r.figure, r.unit = canvas.NewText("", shadeOf(Foreground)), canvas.NewText("", shadeOf(Muted))
	r.figure.TextSize, r.figure.TextStyle, r.unit.TextSize = SizeBody, fyne.TextStyle{Bold: true}, 10
	r.ExtendBaseWidget(r)
	return r
}

// Set changes the ring. A part is rounded to a 120th of the whole, so that time going by does not repaint the window all the time.
func (r *Ring) Set(part float64, figure, unit string, tone fyne.ThemeColorName) {
	part = math.Round(min(1, max(0, part))*120) / 120
	if part != r.part || tone != r.tone {
		r.part, r.tone = part, tone
		r.apply()
		canvas.Refresh(r.arc)
	}
	if figure != r.figure.Text || unit != r.unit.Text {
		r.figure.Text, r.unit.Text = figure, unit
		r.spread(r.Size())
		canvas.Refresh(r.figure)
		canvas.Refresh(r.unit)
	}
}

func (r *Ring) apply() {
	r.track.FillColor, r.arc.FillColor = shadeOf(Line), shadeOf(r.tone)
	r.figure.Color, r.unit.Color = shadeOf(Foreground), shadeOf(Muted)
	r.arc.Hidden = r.part == 0
	r.arc.StartAngle, r.arc.EndAngle = 0, 360
	if r.part < 1 { // the round ends lie inside the angle
		r.arc.StartAngle, r.arc.EndAngle = -ringCap, float32(360*r.part)+ringCap
		if r.arc.EndAngle-r.arc.StartAngle >= 360 {
			r.arc.StartAngle, r.arc.EndAngle = 0, 359
		}
	}
}

func (r *Ring) spread(size fyne.Size) {
	x, y := (size.Width-ringSize)/2, (size.Height-ringSize)/2
	place(r.track, x, y, ringSize, ringSize)
	place(r.arc, x, y, ringSize, ringSize)
	f, u := r.figure.MinSize(), r.unit.MinSize()
	if r.unit.Text == "" {
		u.Height = 6
	}
	top := y + (ringSize-f.Height-u.Height+6)/2
	place(r.figure, x+(ringSize-f.Width)/2, top, f.Width, f.Height)
	place(r.unit, x+(ringSize-u.Width)/2, top+f.Height-6, u.Width, u.Height)
}

// CreateRenderer implements fyne.Widget.
func (r *Ring) CreateRenderer() fyne.WidgetRenderer {
	r.apply()
	return &paint{
		objects: []fyne.CanvasObject{r.track, r.arc, r.figure, r.unit},
		layout:  r.spread,
		min:     func() fyne.Size { return fyne.NewSquareSize(ringSize) },
		apply:   r.apply,
	}
}

// Bar shows a part of a whole as a line.
type Bar struct {
	widget.BaseWidget
	track, fill *canvas.Rectangle
	part        float64
	tone        fyne.ThemeColorName
}

// NewBar makes an empty bar.
func NewBar() *Bar {
	b := &Bar{track: &canvas.Rectangle{CornerRadius: canvas.RadiusMaximum}, fill: &canvas.Rectangle{CornerRadius: canvas.RadiusMaximum}, tone: Accent}
	b.ExtendBaseWidget(b)
	b.apply()
	return b
}

// Set changes the bar.
func (b *Bar) Set(part float64, tone fyne.ThemeColorName) {
	part = math.Round(min(1, max(0, part))*500) / 500
	if part == b.part && tone == b.tone {
		return
	}
	b.part, b.tone = part, tone
	b.apply()
	b.spread(b.Size())
	canvas.Refresh(b.fill)
}

func (b *Bar) apply() {
	b.track.FillColor, b.fill.FillColor = shadeOf(Line), shadeOf(b.tone)
	b.fill.Hidden = b.part == 0
}

func (b *Bar) spread(size fyne.Size) {
	y := (size.Height - 8) / 2
	place(b.track, 0, y, size.Width, 8)
	place(b.fill, 0, y, max(8, size.Width*float32(b.part)), 8)
}

// CreateRenderer implements fyne.Widget.
func (b *Bar) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{b.track, b.fill},
		layout:  b.spread,
		min:     func() fyne.Size { return fyne.NewSize(40, 8) },
		apply:   b.apply,
	}
}
