package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// Face is a size and a kind of letters.
type Face struct {
	Size float32
	Bold bool
	Mono bool
}

// The faces of the type scale.
var (
	Title       = Face{Size: SizeTitle, Bold: true}
	Headline    = Face{Size: 26, Bold: true}
	Heading     = Face{Size: 16, Bold: true}
	Body        = Face{Size: SizeBody}
	Strong      = Face{Size: SizeBody, Bold: true}
	Small       = Face{Size: SizeSmall}
	SmallStrong = Face{Size: SizeSmall, Bold: true}
	Figure      = Face{Size: SizeFigure, Bold: true}
	Mono        = Face{Size: SizeCode, Mono: true}
)

func (f Face) style() fyne.TextStyle { return fyne.TextStyle{Bold: f.Bold, Monospace: f.Mono} }

func (f Face) width(s string) float32 { return fyne.MeasureText(s, f.Size, f.style()).Width }

// Text is one line of text. With Trim it takes whatever width it is given and ends in an ellipsis where that is too little.
type Text struct {
	widget.BaseWidget
	line  *canvas.Text
	face  Face
	tone  fyne.ThemeColorName
	full  string
	trim  bool
	align fyne.TextAlign
}

// NewText makes a line of text in a face and a colour.
func NewText(s string, face Face, tone fyne.ThemeColorName) *Text {
	t := &Text{face: face, tone: tone, full: s}
	t.line = canvas.NewText(s, shadeOf(tone))
	t.line.TextSize, t.line.TextStyle = face.Size, face.style()
	t.ExtendBaseWidget(t)
	return t
}

// Trim lets the text be shortened, and returns it.
func (t *Text) Trim() *Text {
	t.trim = true
	return t
}

// Right aligns the text at its right edge, and returns it.
func (t *Text) Right() *Text {
	t.align = fyne.TextAlignTrailing
	return t
}

// Centre aligns the text in its middle, and returns it.
func (t *Text) Centre() *Text {
	t.align = fyne.TextAlignCenter
	return t
}

// Set changes the text and reports whether it was another one.
func (t *Text) Set(s string) bool {
	if s == t.full {
		return false
	}
	t.full = s
	t.fit(t.Size().Width)
	t.place()
	canvas.Refresh(t.line)
	return true
}

// SetTone changes the colour.
func (t *Text) SetTone(tone fyne.ThemeColorName) {
	if tone == t.tone {
		return
	}
	t.tone = tone
	t.line.Color = shadeOf(tone)
	canvas.Refresh(t.line)
}

// SetBold changes the weight.
func (t *Text) SetBold(bold bool) {
	if bold == t.face.Bold {
		return
	}
	t.face.Bold = bold
	t.line.TextStyle = t.face.style()
	t.fit(t.Size().Width)
	t.place()
	canvas.Refresh(t.line)
}

// Text returns the whole text.
func (t *Text) Text() string { return t.full }

// Baseline is how far below its top the letters stand.
func (t *Text) Baseline() float32 {
	_, base := fyne.CurrentApp().Driver().RenderedTextSize(t.full, t.face.Size, t.face.style(), nil)
	return base
}

// fit shortens the text to a width, if it may.
func (t *Text) fit(width float32) {
	t.line.Text = t.full
	if t.trim && width > 0 {
		t.line.Text = trimTo(t.full, t.face, width)
	}
	if t.trim && t.line.Text != t.full && width < 3.5*t.face.Size { // two letters help nobody
		t.line.Text = ""
	}
}

// trimTo shortens a text to a width, with an ellipsis.
func trimTo(s string, face Face, width float32) string {
	if face.width(s) <= width+0.5 {
		return s
	}
	runes := []rune(s)
	low, high := 0, len(runes)
	for low < high {
		mid := (low + high + 1) / 2
		if face.width(string(runes[:mid])+"…") <= width {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return string(runes[:low]) + "…"
}

func (t *Text) place() {
	size := t.Size()
	m := t.line.MinSize()
	x := float32(0)
	switch t.align {
	case fyne.TextAlignTrailing:
		x = size.Width - m.Width
	case fyne.TextAlignCenter:
		x = (size.Width - m.Width) / 2
	case fyne.TextAlignLeading:
	}
	t.line.Move(fyne.NewPos(x, (size.Height-m.Height)/2))
	t.line.Resize(m)
}

// CreateRenderer implements fyne.Widget.
func (t *Text) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{t.line},
		layout: func(size fyne.Size) {
			t.fit(size.Width)
			t.place()
		},
		min: func() fyne.Size {
			m := fyne.MeasureText(t.full, t.face.Size, t.face.style())
			if t.trim {
				m.Width = min(m.Width, 2*t.face.Size)
			}
			return m
		},
		apply: func() { t.line.Color = shadeOf(t.tone) },
	}
}

// AccessibilityLabel implements fyne.Accessible.
func (t *Text) AccessibilityLabel() string { return t.full }

// AccessibilityRole implements fyne.Accessible.
func (t *Text) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }
