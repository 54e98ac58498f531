package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Beside puts two children side by side, the first as wide as the second leaves it; where the width is less than a limit, the second
// is below the first, at its right end.
func Beside(limit, gap float32, first, second fyne.CanvasObject) *fyne.Container {
	return container.New(&beside{limit: limit, gap: gap}, first, second)
}

type beside struct {
	limit, gap float32
	width      float32
}

func (b *beside) MinSize(objects []fyne.CanvasObject) fyne.Size {
	m, n := objects[0].MinSize(), objects[1].MinSize()
	if b.width < b.limit {
		return fyne.NewSize(max(m.Width, n.Width), m.Height+b.gap/2+n.Height)
	}
	return fyne.NewSize(m.Width+b.gap+n.Width, max(m.Height, n.Height))
}

func (b *beside) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	b.width = size.Width
	m, n := objects[0].MinSize(), objects[1].MinSize()
	if size.Width < b.limit {
		place(objects[0], 0, 0, size.Width, m.Height)
		place(objects[1], max(0, size.Width-n.Width), m.Height+b.gap/2, n.Width, n.Height)
		return
	}
	w := size.Width - b.gap - n.Width
	place(objects[0], 0, (size.Height-m.Height)/2, w, m.Height)
	place(objects[1], w+b.gap, (size.Height-n.Height)/2, n.Width, n.Height)
}
