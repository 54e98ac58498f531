package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// Box is a rectangle with colours of the theme: what cards, washes, code and rules are drawn with.
type Box struct {
	widget.BaseWidget
	rect         *canvas.Rectangle
	fill, stroke fyne.ThemeColorName
	shadow       bool
	least        fyne.Size
}

// NewBox makes a rectangle without a line.
func NewBox(fill fyne.ThemeColorName, radius float32) *Box {
	b := &Box{rect: &canvas.Rectangle{CornerRadius: radius}, fill: fill}
	b.ExtendBaseWidget(b)
	b.apply()
	return b
}

// NewCard makes the rectangle of a card: a line, round corners and a shadow.
func NewCard() *Box {
	b := NewBox(Card, CardRadius)
	b.stroke, b.shadow = Line, true
	b.apply()
	return b
}

// Outline gives the box a line, and returns it.
func (b *Box) Outline(stroke fyne.ThemeColorName) *Box {
	b.stroke = stroke
	b.apply()
	return b
}

// TopCorners rounds the upper corners alone, and returns the box.
func (b *Box) TopCorners(radius float32) *Box {
	b.rect.CornerRadius, b.rect.TopLeftCornerRadius, b.rect.TopRightCornerRadius = 0, radius, radius
	return b
}

// Wide gives the box a least size, and returns it.
func (b *Box) Wide(width, height float32) *Box {
	b.least = fyne.NewSize(width, height)
	return b
}

// NewRule makes a thin line from left to right.
func NewRule() *Box {
	b := NewBox(Line, 0)
	b.least = fyne.NewSize(0, 1)
	return b
}

// NewUpright makes a thin line from top to bottom.
func NewUpright() *Box {
	b := NewBox(Line, 0)
	b.least = fyne.NewSize(1, 0)
	return b
}

// SetColors changes fill and line.
func (b *Box) SetColors(fill, stroke fyne.ThemeColorName, width float32) {
	if b.fill == fill && b.stroke == stroke && b.rect.StrokeWidth == width {
		return
	}
	b.fill, b.stroke = fill, stroke
	b.apply()
	b.rect.StrokeWidth = width
	canvas.Refresh(b.rect)
}

func (b *Box) apply() {
	b.rect.FillColor = shadeOf(b.fill)
	if b.stroke != "" {
		b.rect.StrokeColor = shadeOf(b.stroke)
		b.rect.StrokeWidth = max(1, b.rect.StrokeWidth)
	}
	if b.shadow {
		b.rect.Shadow = canvas.Shadow{Color: shadeOf(CardShadow), BlurRadius: 4, Offset: fyne.NewPos(0, 1)}
	}
}

// CreateRenderer implements fyne.Widget.
func (b *Box) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{b.rect},
		layout:  func(size fyne.Size) { b.rect.Resize(size) },
		min:     func() fyne.Size { return b.least },
		apply:   b.apply,
	}
}

// InCard puts content into a card.
func InCard(content fyne.CanvasObject) *fyne.Container {
	return container.NewStack(NewCard(), PadAll(CardPad, content))
}

// InCode puts content into a box for code and addresses.
func InCode(content fyne.CanvasObject) *fyne.Container {
	return container.NewStack(NewBox(Code, ControlRadius), Pad(6, 10, 6, 10, content))
}
