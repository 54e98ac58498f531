package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Banner says that something is wrong or will happen soon, with one button that helps.
type Banner struct {
	Root   *fyne.Container
	back   *Box
	icon   *Icon
	what   *Para
	why    *Para
	button *Button
	slot   *fyne.Container
}

// NewBanner makes a banner.
func NewBanner() *Banner {
	b := &Banner{
		back: NewBox(WarmingWash, 10), icon: NewIcon("warning", 16, Warming),
		what: NewPara("", SmallStrong, Foreground), why: NewPara("", Small, Foreground), button: NewButton("", Ghost, nil),
	}
	b.slot = container.NewStack(b.button)
	b.Root = container.NewStack(b.back, Pad(12, 12, 12, 15, Row(12, b.icon, Grow(Col(1, b.what, b.why)), b.slot)))
	return b
}

// Set changes the banner and reports whether it is taller or lower now. An empty label means no button.
func (b *Banner) Set(tone fyne.ThemeColorName, what, why, label string, help func()) bool {
	b.back.SetColors(washes[tone], "", 0)
	b.icon.Set("warning", tone)
	resized := b.what.Set(what)
	if b.why.Set(why) {
		resized = true
	}
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

// Texts returns what the banner says.
func (b *Banner) Texts() (what, why, label string) {
	return b.what.Text(), b.why.Text(), b.button.Label()
}

// Button returns the button.
func (b *Banner) Button() *Button { return b.button }
