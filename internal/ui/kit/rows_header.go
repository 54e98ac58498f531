package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// header holds the titles; each that can be sorted by is a button.
type header[T any] struct {
	widget.BaseWidget
	rows   *Rows[T]
	titles []*headTitle
	rule   *Box
}

func newHeader[T any](r *Rows[T]) *header[T] {
	h := &header[T]{rows: r, rule: NewRule()}
	for n, c := range r.columns {
		title := newHeadTitle(c.Title)
		if c.Compare != nil {
			title.onTap = func() {
				falling := r.sortBy == n && !r.falling
				r.SortBy(n, falling)
			}
		} else {
			title.disabled = true
		}
		h.titles = append(h.titles, title)
	}
	h.ExtendBaseWidget(h)
	return h
}

func (h *header[T]) update() {
	for n, title := range h.titles {
		arrow := ""
		if n == h.rows.sortBy {
			arrow = "arrow-up"
			if h.rows.falling {
				arrow = "arrow-down"
			}
		}
		title.setArrow(arrow)
	}
}

func (h *header[T]) CreateRenderer() fyne.WidgetRenderer {
	objects := []fyne.CanvasObject{h.rule}
	for _, t := range h.titles {
		objects = append(objects, t)
	}
	return &paint{
		objects: objects,
		layout: func(size fyne.Size) {
			h.rows.measure(size.Width)
			place(h.rule, 0, size.Height-1, size.Width, 1)
			for n, t := range h.titles {
				t.Hidden = !h.rows.shown[n]
				place(t, h.rows.lefts[n], 0, h.rows.widths[n], size.Height-1)
			}
		},
		min:   func() fyne.Size { return fyne.NewSize(100, headerHeight) },
		apply: func() {},
	}
}

type headTitle struct {
	tap
	text  *Text
	icon  *Icon
	arrow string
}

func newHeadTitle(s string) *headTitle {
	t := &headTitle{text: NewText(s, SmallStrong, Muted), icon: NewIcon("arrow-up", 12, Muted)}
	t.label = s
	t.icon.Hide()
	t.self, t.repaint = t, t.Refresh
	t.ExtendBaseWidget(t)
	return t
}

func (t *headTitle) setArrow(name string) {
	if name == t.arrow {
		return
	}
	t.arrow = name
	t.icon.Hidden = name == ""
	if name != "" {
		t.icon.Set(name, Muted)
	}
	t.Refresh()
}

func (t *headTitle) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{t.text, t.icon},
		layout: func(size fyne.Size) {
			m := t.text.MinSize()
			place(t.text, 0, (size.Height-m.Height)/2, m.Width, m.Height)
			place(t.icon, m.Width+3, (size.Height-12)/2, 12, 12)
		},
		min: func() fyne.Size { return t.text.MinSize() },
		apply: func() {
			tone := Muted
			if t.hovered && !t.disabled || t.focused {
				tone = Foreground
			}
			t.text.SetTone(tone)
			t.icon.Set(t.icon.name, tone)
		},
	}
}
