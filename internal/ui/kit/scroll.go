package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// Page scrolls content from top to bottom. The content is as wide as the page, and as tall as that makes it.
type Page struct {
	widget.BaseWidget
	scroll  *container.Scroll
	content fyne.CanvasObject
}

// NewPage makes a page.
func NewPage(content fyne.CanvasObject) *Page {
	p := &Page{content: content}
	p.scroll = container.NewVScroll(content)
	p.ExtendBaseWidget(p)
	return p
}

// Reflow lays the content out again, after something in it became taller or lower.
func (p *Page) Reflow() { p.fit(p.Size()) }

// EndAt scrolls until the end of an object of the content is at the end of the page.
func (p *Page) EndAt(o fyne.CanvasObject) {
	if y, ok := below(p.content, o); ok {
		p.scroll.ScrollToOffset(fyne.NewPos(0, max(0, y+o.Size().Height-p.scroll.Size().Height+endRoom)))
	}
}

// EndsAt reports that the end of an object of the content is in sight, or nearly.
func (p *Page) EndsAt(o fyne.CanvasObject) bool {
	y, ok := below(p.content, o)
	return ok && p.scroll.Offset.Y+p.scroll.Size().Height >= y+o.Size().Height-30
}

// endRoom is what is left below an object at the end of a page.
const endRoom = 6

// Top scrolls to the beginning.
func (p *Page) Top() { p.scroll.ScrollToTop() }

// Keep takes over from a page with the same content how far it is scrolled, before it is laid out first.
func (p *Page) Keep(before *Page) { p.scroll.Offset = before.scroll.Offset }

// Reveal scrolls until an object of the content is in sight, which is in containers alone.
func (p *Page) Reveal(o fyne.CanvasObject) {
	y, ok := below(p.content, o)
	if !ok {
		return
	}
	switch top, bottom := p.scroll.Offset.Y, p.scroll.Offset.Y+p.scroll.Size().Height; {
	case y < top:
		p.scroll.ScrollToOffset(fyne.NewPos(0, max(0, y-8)))
	case y+o.Size().Height > bottom:
		p.scroll.ScrollToOffset(fyne.NewPos(0, y+o.Size().Height-p.scroll.Size().Height+8))
	}
}

// Present scrolls until an object of the content has room around it, as for somebody who is led to it.
func (p *Page) Present(o fyne.CanvasObject) {
	if y, ok := below(p.content, o); ok {
		p.scroll.ScrollToOffset(fyne.NewPos(0, max(0, y-p.scroll.Size().Height/3)))
	}
}

// below is how far an object is below the top of one that it is in. The toolkit's driver knows it of what was drawn before alone.
func below(in, o fyne.CanvasObject) (y float32, ok bool) {
	if in == o {
		return 0, true
	}
	if c, ok := in.(*fyne.Container); ok {
		for _, child := range c.Objects {
			if y, ok := below(child, o); ok {
				return y + child.Position().Y, true
			}
		}
	}
	return 0, false
}

// bring scrolls the page that a thing is on, if it is on one, until the thing is in sight: the keyboard has come to it.
func bring(o fyne.CanvasObject) {
	c := fyne.CurrentApp().Driver().CanvasForObject(o)
	if c == nil {
		return
	}
	if p, _ := pageOf(nil, c.Content(), o); p != nil {
		p.Reveal(o)
	}
}

// pageOf looks for a thing below another one, and finds the page that is nearest above it.
func pageOf(page *Page, in, thing fyne.CanvasObject) (found *Page, ok bool) {
	if in == thing {
		return page, true
	}
	var below []fyne.CanvasObject
	switch in := in.(type) {
	case *fyne.Container:
		below = in.Objects
	case *Page:
		page, below = in, []fyne.CanvasObject{in.content}
	}
	for _, o := range below {
		if !o.Visible() {
			continue
		}
		if found, ok = pageOf(page, o, thing); ok {
			return found, true
		}
	}
	return nil, false
}

func (p *Page) fit(size fyne.Size) {
	if size.Width <= 0 {
		return
	}
	for range 3 { // each pass may learn of a line more
		h := p.content.MinSize().Height
		p.content.Resize(fyne.NewSize(size.Width, max(h, size.Height)))
		if p.content.MinSize().Height == h {
			break
		}
		if c, ok := p.content.(*fyne.Container); ok {
			c.Layout.Layout(c.Objects, c.Size())
		}
	}
	p.scroll.Resize(size)
	p.scroll.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (p *Page) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{p.scroll},
		layout:  p.fit,
		min:     func() fyne.Size { return fyne.NewSize(100, 60) },
		apply:   func() {},
	}
}
