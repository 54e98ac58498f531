package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Banner says that something is wrong or will happen soon, with one button that helps, and perhaps another that lets it be.
type Banner struct {
	Root   *fyne.Container
	back   *Box
	icon   *Icon
	what   *Para
	why    *Para
	body   *fyne.Container
	button *Button
	leave  *Button
	slot   *fyne.Container
}

// NewBanner makes a banner.
func NewBanner() *Banner {
	b := &Banner{
		back: NewBox(WarmingWash, 10), icon: NewIcon("warning", 16, Warming),
		what: NewPara("", SmallStrong, Foreground), why: NewPara("", Small, Foreground), button: NewButton("", Ghost, nil),
		leave: NewButton("", Quiet, nil),
	}
	b.leave.Hide()
	b.slot = Row(4, b.leave, b.button)
	b.body = container.New(&pair{}, b.what, b.why)
	b.Root = container.NewStack(b.back, Pad(12, 12, 12, 15, Row(12, b.icon, Grow(b.body), b.slot)))
	return b
}

// Set changes the banner and reports whether it is taller or lower now. An empty label means no button.
func (b *Banner) Set(tone fyne.ThemeColorName, what, why, label string, help func()) bool {
	b.back.SetColors(washes[tone], "", 0)
	icon := "warning"
	if tone == Accent { // nothing is wrong
		icon = "info"
	}
	b.icon.Set(icon, tone)
	tall, others := b.body.MinSize().Height, what != b.what.Text() || why != b.why.Text()
	b.what.Set(what)
	b.why.Set(why)
	if others { // the second stands after the first, if both fit on a line
		b.body.Layout.Layout(b.body.Objects, b.body.Size())
	}
	resized := b.body.MinSize().Height != tall
	if (why == "") != b.why.Hidden {
		b.why.Hidden = why == ""
		resized = true
	}
	if b.button.Set(label) {
		resized = true
	}
	b.button.OnTap(help)
	b.button.Hidden, b.slot.Hidden = label == "", label == ""
	if resized {
		b.Root.Refresh()
	}
	return resized
}

// SetLeave changes the button that lets it be, and reports whether the banner has another shape now. An empty label means that there is
// none.
func (b *Banner) SetLeave(label string, leave func()) bool {
	b.leave.OnTap(leave)
	if !b.leave.Set(label) {
		return false
	}
	b.leave.Hidden = label == ""
	b.Root.Refresh()
	return true
}

// SetBusy says whether one of the buttons was pressed and is at work: neither can be pressed meanwhile.
func (b *Banner) SetBusy(on bool) {
	b.button.SetEnabled(!on)
	b.leave.SetEnabled(!on)
}

// pair puts two paragraphs on one line, if both fit, and else one below the other.
type pair struct{ width float32 }

const pairGap = 12

func (p *pair) together(objects []fyne.CanvasObject) bool {
	a, aOK := objects[0].(*Para)
	b, bOK := objects[1].(*Para)
	return aOK && bOK && b.Visible() && a.natural()+pairGap+b.natural()+4 <= p.width
}

func (p *pair) MinSize(objects []fyne.CanvasObject) fyne.Size {
	m := objects[0].MinSize()
	if objects[1].Visible() && !p.together(objects) {
		m.Height += objects[1].MinSize().Height + 1
	}
	return m
}

func (p *pair) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	p.width = size.Width
	if !p.together(objects) {
		(&col{gap: 1}).Layout(objects, size)
		return
	}
	first := size.Width
	if a, ok := objects[0].(*Para); ok {
		first = a.natural() + 2
	}
	h := objects[0].MinSize().Height
	place(objects[0], 0, (size.Height-h)/2, first, h)
	place(objects[1], first+pairGap, (size.Height-h)/2, size.Width-first-pairGap, h)
}
