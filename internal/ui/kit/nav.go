package kit

import (
	"fyne.io/fyne/v2/canvas"

	"fyne.io/fyne/v2"
)

// Nav is a line of the navigation: icon, word and count.
type Nav struct {
	tap
	icon   *Icon
	name   string // of the icon
	text   *Text
	badge  *Badge
	back   *canvas.Rectangle
	ring   *canvas.Rectangle
	on     bool
	narrow bool
}

// NewNav makes a line.
func NewNav(icon, label string, onTap func()) *Nav {
	n := &Nav{
		icon: NewIcon(icon, 17, Muted), name: icon, text: NewText(label, Body, Muted), badge: NewBadge(""),
		back: &canvas.Rectangle{CornerRadius: ControlRadius}, ring: &canvas.Rectangle{CornerRadius: ControlRadius + 2},
	}
	n.label, n.onTap = label, onTap
	n.hint = hint{needed: true, aside: true}
	n.self, n.repaint = n, n.Refresh
	n.ExtendBaseWidget(n)
	n.apply()
	return n
}

// SetKeys says with which keys one comes here, as the hint does.
func (n *Nav) SetKeys(keys string) { n.hint.more = keys }

// SetOn shows whether this is the place one is at.
func (n *Nav) SetOn(on bool) {
	if on != n.on {
		n.on = on
		n.Refresh()
	}
}

// On reports whether this is the place one is at.
func (n *Nav) On() bool { return n.on }

// SetBadge shows a count, or none.
func (n *Nav) SetBadge(s string) { n.badge.Set(s) }

// SetNarrow leaves the word out.
func (n *Nav) SetNarrow(on bool) {
	if on != n.narrow {
		n.narrow = on
		n.text.Hidden, n.badge.Hidden = on, on
		n.spread(n.Size())
		n.Refresh()
	}
}

func (n *Nav) apply() {
	n.ring.FillColor, n.back.FillColor = shadeOf(Clear), shadeOf(Clear)
	if n.focused {
		n.ring.FillColor = shadeOf(FocusRing)
		n.back.FillColor = shadeOf(Sidebar)
	}
	ink, text := Muted, Muted
	switch {
	case n.on:
		n.back.FillColor = shadeOf(AccentWash)
		ink, text = Accent, Foreground
	case n.hovered:
		n.back.FillColor = shadeOf(Hover)
		text = Foreground
	}
	n.icon.Set(n.name, ink)
	n.text.SetTone(text)
	n.text.SetBold(n.on)
}

func (n *Nav) spread(size fyne.Size) {
	place(n.ring, -2, -2, size.Width+4, size.Height+4)
	place(n.back, 0, 0, size.Width, size.Height)
	if n.narrow {
		middle(n.icon, 0, 0, size.Width, size.Height)
		return
	}
	place(n.icon, 10, (size.Height-17)/2, 17, 17)
	m := n.text.MinSize()
	place(n.text, 37, (size.Height-m.Height)/2, size.Width-70, m.Height)
	b := n.badge.MinSize()
	place(n.badge, size.Width-b.Width-10, (size.Height-b.Height)/2, b.Width, b.Height)
}

// CreateRenderer implements fyne.Widget.
func (n *Nav) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{n.ring, n.back, n.icon, n.text, n.badge},
		layout:  n.spread,
		min:     func() fyne.Size { return fyne.NewSize(36, 36) },
		apply:   n.apply,
	}
}
