package kit

import (
	"image/color"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// Switch is on or off. What it does shows only when it was done: whoever uses it puts the outcome in with Set.
type Switch struct {
	tap
	on         bool
	ring, back *canvas.Rectangle
	knob       *canvas.Circle
	at         float32 // of the knob: 0 off, 1 on
}

// NewSwitch makes a switch; flip is told what is wanted.
func NewSwitch(label string, on bool, flip func(on bool)) *Switch {
	s := &Switch{
		on: on, ring: &canvas.Rectangle{CornerRadius: canvas.RadiusMaximum}, back: &canvas.Rectangle{CornerRadius: canvas.RadiusMaximum},
		knob: &canvas.Circle{},
	}
	s.label = label
	s.onTap = func() { flip(!s.on) }
	s.self, s.repaint = s, s.Refresh
	if on {
		s.at = 1
	}
	s.ExtendBaseWidget(s)
	s.apply()
	return s
}

// On reports what it shows.
func (s *Switch) On() bool { return s.on }

// Set shows on or off.
func (s *Switch) Set(on bool) {
	if on == s.on {
		return
	}
	s.on = on
	from, to := s.at, float32(0)
	if on {
		to = 1
	}
	fyne.NewAnimation(120*time.Millisecond, func(t float32) {
		s.at = from + (to-from)*t
		s.apply()
		s.spread(s.Size())
		canvas.Refresh(s.back)
		canvas.Refresh(s.knob)
	}).Start()
}

func (s *Switch) apply() {
	s.ring.FillColor = shadeOf(Clear)
	if s.focused {
		s.ring.FillColor = shadeOf(FocusRing)
	}
	off := shadeOf(NeutralWash)
	if s.hovered && !s.disabled {
		off = shadeOf(Line)
	}
	s.back.FillColor = mix(off, shadeOf(Accent), s.at)
	s.back.StrokeColor, s.back.StrokeWidth = shadeOf(Line), 1-s.at
	s.knob.FillColor = shadeOf(Knob)
	s.knob.Shadow = canvas.Shadow{Color: shadeOf(CardShadow), BlurRadius: 2, Offset: fyne.NewPos(0, 1)}
}

func mix(a, b color.Color, part float32) color.Color {
	blend := func(x, y uint32) uint8 { return uint8((float32(x)*(1-part) + float32(y)*part) / 257) }
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return color.NRGBA{R: blend(ar, br), G: blend(ag, bg), B: blend(ab, bb), A: 0xff}
}

func (s *Switch) spread(size fyne.Size) {
	y := (size.Height - 20) / 2
	place(s.ring, -2, y-2, 38, 24)
	place(s.back, 0, y, 34, 20)
	place(s.knob, 2+14*s.at, y+2, 16, 16)
}

// CreateRenderer implements fyne.Widget.
func (s *Switch) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{s.ring, s.back, s.knob},
		layout:  s.spread,
		min:     func() fyne.Size { return fyne.NewSize(34, 20) },
		apply:   s.apply,
	}
}
