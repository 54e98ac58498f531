package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// Kind is the weight of a button.
type Kind int

// The kinds.
const (
	Plain   Kind = iota // with a frame
	Primary             // the one thing to do here
	Ghost               // a word in the accent colour
	Quiet               // a grey word
	Halt                // a red word: it ends something that goes on
	Danger              // with a frame, in red
	Fatal               // filled red: the last question before something is gone
)

// Button is something to press: a word, an icon, or both.
type Button struct {
	tap
	kind       Kind
	ring, back *canvas.Rectangle
	over       *canvas.Rectangle
	text       *canvas.Text
	icon       *Icon
	lead       string
}

// NewButton makes a button with a word.
func NewButton(label string, kind Kind, onTap func()) *Button {
	return newButton(label, "", kind, onTap)
}

// NewIconButton makes a button with an icon alone; the word is for who cannot see it, and for the hint.
func NewIconButton(icon, label string, kind Kind, onTap func()) *Button {
	b := newButton("", icon, kind, onTap)
	b.label, b.hint.needed = label, true
	return b
}

// NewLeadButton makes a button with an icon before its word.
func NewLeadButton(icon, label string, kind Kind, onTap func()) *Button {
	return newButton(label, icon, kind, onTap)
}

func newButton(label, icon string, kind Kind, onTap func()) *Button {
	b := &Button{kind: kind, lead: icon}
	b.onTap, b.label = onTap, label
	b.self, b.repaint = b, b.Refresh
	b.ring = &canvas.Rectangle{CornerRadius: ControlRadius + 2}
	b.back = &canvas.Rectangle{CornerRadius: ControlRadius}
	b.over = &canvas.Rectangle{CornerRadius: ControlRadius}
	b.text = canvas.NewText(label, shadeOf(Foreground))
	b.text.TextSize = SizeButton
	if icon != "" {
		b.icon = NewIcon(icon, 16, b.ink())
	}
	b.ExtendBaseWidget(b)
	b.apply()
	return b
}

// Set changes the word and reports whether it was another one.
func (b *Button) Set(label string) bool {
	if b.text.Text == label {
		return false
	}
	b.text.Text, b.label = label, label
	b.Refresh()
	b.spread(b.Size())
	return true
}

// SetIcon changes the icon of a button that has one.
func (b *Button) SetIcon(name, label string) {
	if name != b.lead {
		b.lead, b.label = name, label
		b.icon.Set(name, b.ink())
	}
}

// ReadAs says what is read out to who cannot see which of several buttons with the same word it is, and returns the button.
func (b *Button) ReadAs(label string) *Button {
	b.label = label
	return b
}

// OnTap changes what the button does.
func (b *Button) OnTap(do func()) { b.onTap = do }

// Label returns the word, or what an icon stands for.
func (b *Button) Label() string { return b.label }

// Wordless reports that the button has an icon alone.
func (b *Button) Wordless() bool { return b.text.Text == "" }

// SetEnabled allows pressing it, or not.
func (b *Button) SetEnabled(on bool) {
	if on {
		b.Enable()
	} else {
		b.Disable()
	}
}

func (b *Button) ink() fyne.ThemeColorName {
	switch {
	case b.disabled && b.kind != Primary && b.kind != Fatal:
		return "disabled"
	case b.kind == Primary, b.kind == Fatal:
		return OnAccent
	case b.kind == Ghost:
		return Accent
	case b.kind == Quiet:
		return Muted
	case b.kind == Danger, b.kind == Halt:
		return Problem
	}
	return Foreground
}

func (b *Button) apply() {
	b.ring.FillColor = shadeOf(Clear)
	if b.focused {
		b.ring.FillColor = shadeOf(FocusRing)
	}
	fill, stroke := Clear, Clear
	switch b.kind {
	case Primary:
		fill = Accent
	case Fatal:
		fill = Problem
	case Plain, Danger:
		fill, stroke = Card, Line
	case Ghost, Quiet, Halt:
	}
	b.back.FillColor, b.back.StrokeColor, b.back.StrokeWidth = shadeOf(fill), shadeOf(stroke), 0
	b.back.Shadow = canvas.Shadow{}
	if stroke != Clear {
		b.back.StrokeWidth = 1
		b.back.Shadow = canvas.Shadow{Color: shadeOf(CardShadow), BlurRadius: 2, Offset: fyne.NewPos(0, 1)}
	}
	b.over.FillColor = shadeOf(Clear)
	switch {
	case b.disabled && (b.kind == Primary || b.kind == Fatal):
		b.over.FillColor = shadeOf(Background)
		veiled := b.over.FillColor
		r, g, bl, _ := veiled.RGBA()
		b.over.FillColor = faint(r>>8<<16|g>>8<<8|bl>>8, 0x8C)
	case b.hovered && !b.disabled:
		b.over.FillColor = shadeOf(Hover)
	}
	b.text.Color = shadeOf(b.ink())
	if b.icon != nil {
		b.icon.Set(b.lead, b.ink())
	}
}

// margin is the room at the sides.
func (b *Button) margin() float32 {
	switch {
	case b.text.Text == "":
		return 8.5
	case b.kind == Ghost || b.kind == Quiet || b.kind == Halt:
		return 6
	}
	return 13
}

func (b *Button) spread(size fyne.Size) {
	h := b.height()
	y := (size.Height - h) / 2
	place(b.ring, -2, y-2, size.Width+4, h+4)
	place(b.back, 0, y, size.Width, h)
	place(b.over, 0, y, size.Width, h)
	m := b.text.MinSize()
	w := m.Width
	if b.text.Text == "" {
		w = 0
	}
	if b.icon != nil {
		w += 16
		if b.text.Text != "" {
			w += 6
		}
	}
	x := (size.Width - w) / 2
	if b.icon != nil {
		place(b.icon, x, y+(h-16)/2, 16, 16)
		x += 22
	}
	place(b.text, x, y+(h-m.Height)/2-lift, m.Width, m.Height)
}

func (b *Button) height() float32 {
	if b.kind == Ghost || b.kind == Quiet || b.kind == Halt {
		return 26
	}
	return ControlHeight
}

func (b *Button) width() float32 {
	w := 2 * b.margin()
	if b.text.Text != "" {
		w += b.text.MinSize().Width
	}
	if b.icon != nil {
		w += 16
		if b.text.Text != "" {
			w += 6
		}
	}
	return w
}

// CreateRenderer implements fyne.Widget.
func (b *Button) CreateRenderer() fyne.WidgetRenderer {
	objects := []fyne.CanvasObject{b.ring, b.back, b.over, b.text}
	if b.icon != nil {
		objects = append(objects, b.icon)
	}
	return &paint{
		objects: objects,
		layout:  b.spread,
		min:     func() fyne.Size { return fyne.NewSize(b.width(), b.height()) },
		apply:   b.apply,
	}
}
