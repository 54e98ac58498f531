package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// Pill says a state by colour and word.
type Pill struct {
	widget.BaseWidget
	back *canvas.Rectangle
	dot  *canvas.Circle
	text *canvas.Text
	full string
	trim bool
	tone fyne.ThemeColorName
}

// NewPill makes a pill. Its tone is Accent, Ready, Warming, Problem or Muted.
func NewPill(s string, tone fyne.ThemeColorName) *Pill {
	p := &Pill{back: &canvas.Rectangle{CornerRadius: canvas.RadiusMaximum}, dot: &canvas.Circle{}, full: s, tone: tone}
	p.text = canvas.NewText(s, shadeOf(tone))
	p.text.TextSize, p.text.TextStyle = SizeSmall, fyne.TextStyle{Bold: true}
	p.ExtendBaseWidget(p)
	p.apply()
	return p
}

// Trim lets the word be shortened where there is too little room, and returns the pill.
func (p *Pill) Trim() *Pill {
	p.trim = true
	return p
}

// washes are the tones' backgrounds.
var washes = map[fyne.ThemeColorName]fyne.ThemeColorName{Accent: AccentWash, Ready: ReadyWash, Warming: WarmingWash, Problem: ProblemWash, Muted: NeutralWash}

// Set changes word and tone and reports whether the width may be another one.
func (p *Pill) Set(s string, tone fyne.ThemeColorName) bool {
	if s == p.full && tone == p.tone {
		return false
	}
	resized := s != p.full
	p.full, p.tone = s, tone
	p.Refresh()
	p.spread(p.Size()) // or the toolkit does it while it paints, and has to paint once more
	return resized
}

// Text returns the word.
func (p *Pill) Text() string { return p.full }

func (p *Pill) apply() {
	p.back.FillColor, p.dot.FillColor, p.text.Color = shadeOf(washes[p.tone]), shadeOf(p.tone), shadeOf(p.tone)
}

const (
	pillHeight = 24
	pillEnds   = 36 // what a pill is wider than its word
)

func (p *Pill) spread(size fyne.Size) {
	y := floor((size.Height - pillHeight) / 2)
	p.text.Text = p.full
	if p.trim && size.Width > 0 {
		p.text.Text = trimTo(p.full, SmallStrong, size.Width-pillEnds)
	}
	m := p.text.MinSize()
	place(p.back, 0, y, m.Width+pillEnds, pillHeight)
	place(p.dot, 11, y+(pillHeight-7)/2+0.5, 7, 7)
	place(p.text, 25, y+(pillHeight-m.Height)/2-lift, m.Width, m.Height)
}

// CreateRenderer implements fyne.Widget.
func (p *Pill) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{p.back, p.dot, p.text},
		layout:  p.spread,
		min:     func() fyne.Size { return fyne.NewSize(SmallStrong.width(p.full)+pillEnds, pillHeight) },
		apply:   p.apply,
	}
}

// AccessibilityLabel implements fyne.Accessible.
func (p *Pill) AccessibilityLabel() string { return p.full }

// AccessibilityRole implements fyne.Accessible.
func (p *Pill) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// Badge is a small count.
type Badge struct {
	widget.BaseWidget
	back *canvas.Rectangle
	text *canvas.Text
}

// NewBadge makes a badge. An empty one is not drawn.
func NewBadge(s string) *Badge {
	b := &Badge{back: &canvas.Rectangle{CornerRadius: canvas.RadiusMaximum}, text: canvas.NewText(s, shadeOf(Muted))}
	b.text.TextSize, b.text.TextStyle = SizeTiny, fyne.TextStyle{Bold: true}
	b.ExtendBaseWidget(b)
	b.apply()
	return b
}

// Set changes the count.
func (b *Badge) Set(s string) {
	if s != b.text.Text {
		b.text.Text = s
		b.Refresh()
		b.spread(b.Size())
	}
}

func (b *Badge) apply() {
	b.back.FillColor, b.text.Color = shadeOf(NeutralWash), shadeOf(Muted)
	if b.text.Text == "" {
		b.back.FillColor = shadeOf(Clear)
	}
}

func (b *Badge) spread(size fyne.Size) {
	m := b.text.MinSize()
	w := max(22, m.Width+14)
	place(b.back, size.Width-w, (size.Height-18)/2, w, 18)
	place(b.text, size.Width-w+(w-m.Width)/2, (size.Height-m.Height)/2, m.Width, m.Height)
}

// CreateRenderer implements fyne.Widget.
func (b *Badge) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{b.back, b.text},
		layout:  b.spread,
		min:     func() fyne.Size { return fyne.NewSize(max(22, b.text.MinSize().Width+14), 18) },
		apply:   b.apply,
	}
}
