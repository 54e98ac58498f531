package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Caption puts a note after a text, both on one line; where the width is less than a limit, the note is below the text.
func Caption(limit, gap float32, text, note *Text) *fyne.Container {
	return container.New(&caption{limit: limit, gap: gap}, text, note)
}

type caption struct {
	limit, gap float32
	width      float32
}

func (c *caption) MinSize(objects []fyne.CanvasObject) fyne.Size {
	m, n := objects[0].MinSize(), objects[1].MinSize()
	if c.width < c.limit {
		return fyne.NewSize(max(m.Width, n.Width), m.Height+n.Height)
	}
	return fyne.NewSize(m.Width+c.gap+n.Width, max(m.Height, n.Height))
}

func (c *caption) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	c.width = size.Width
	text, note := objects[0], objects[1]
	m, n := text.MinSize(), note.MinSize()
	place(text, 0, 0, m.Width, m.Height)
	if size.Width < c.limit {
		place(note, 0, m.Height, size.Width, n.Height)
		return
	}
	(&row{gap: c.gap, base: true, weights: map[fyne.CanvasObject]float32{note: 1}}).Layout(objects, size)
}

// Along puts three children on one line, of which the middle one gets the room that the others leave; where the width is less than a
// limit, the first is above the two others.
func Along(limit, gap float32, first, middle, last fyne.CanvasObject) *fyne.Container {
	return container.New(&along{limit: limit, gap: gap}, first, middle, last)
}

type along struct {
	limit, gap float32
	width      float32
}

func (a *along) MinSize(objects []fyne.CanvasObject) fyne.Size {
	one, two, three := objects[0].MinSize(), objects[1].MinSize(), objects[2].MinSize()
	rest := fyne.NewSize(two.Width+a.gap+three.Width, max(two.Height, three.Height))
	if a.width < a.limit {
		return fyne.NewSize(max(one.Width, rest.Width), one.Height+a.gap/2+rest.Height)
	}
	return fyne.NewSize(one.Width+a.gap+rest.Width, max(one.Height, rest.Height))
}

func (a *along) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	a.width = size.Width
	one, two, three := objects[0].MinSize(), objects[1].MinSize(), objects[2].MinSize()
	x, y, h := one.Width+a.gap, float32(0), size.Height
	if size.Width < a.limit {
		x, y, h = 0, one.Height+a.gap/2, max(two.Height, three.Height)
		place(objects[0], 0, 0, size.Width, one.Height)
	} else {
		place(objects[0], 0, (h-one.Height)/2, one.Width, one.Height)
	}
	place(objects[1], x, y+(h-two.Height)/2, max(0, size.Width-x-a.gap-three.Width), two.Height)
	place(objects[2], max(0, size.Width-three.Width), y+(h-three.Height)/2, three.Width, three.Height)
}
