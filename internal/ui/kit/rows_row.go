package kit

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// rowView is one row in sight.
type rowView[T any] struct {
	widget.BaseWidget
	rows    *Rows[T]
	at      int
	hovered bool
	back    *canvas.Rectangle
	rule    *canvas.Rectangle
	cells   []*Text
	pills   []*Pill   // nil until one is needed
	act     *Button   // the same
	acts    int       // in which column it is; -1: it is not there
	key     string    // of the item
	turned  time.Time // when the mouse was on the button and another item took the place of the one that it was for
	paint   *paint
}

func newRowView[T any](r *Rows[T]) *rowView[T] {
	v := &rowView[T]{rows: r, at: -1, back: &canvas.Rectangle{}, rule: &canvas.Rectangle{}, acts: -1, pills: make([]*Pill, len(r.columns))}
	objects := []fyne.CanvasObject{v.back, v.rule}
	for range r.columns {
		t := NewText("", Small, Foreground).Trim()
		v.cells = append(v.cells, t)
		objects = append(objects, t)
	}
	v.paint = &paint{
		objects: objects,
		layout:  v.spread,
		min:     func() fyne.Size { return fyne.NewSize(100, rowHeight) },
		apply:   v.apply,
	}
	v.ExtendBaseWidget(v)
	v.apply()
	return v
}

func (v *rowView[T]) CreateRenderer() fyne.WidgetRenderer { return v.paint }

// update puts the item's texts in, and repaints what is another one.
func (v *rowView[T]) update() {
	if v.at < 0 || v.at >= len(v.rows.order) {
		return
	}
	item := v.rows.At(v.at)
	v.turn(v.rows.key(item))
	acts, relaid := -1, false
	for n, c := range v.rows.columns {
		cell := c.Cell(item)
		if cell.Act != "" {
			acts = n
			relaid = v.offer(cell) || relaid
		}
		if cell.Tone == "" {
			cell.Tone = Foreground
		}
		if cell.Pill && cell.Text != "" && (v.rows.shown == nil || v.rows.shown[n]) {
			if v.pills[n] == nil {
				v.pills[n] = NewPill(cell.Text, cell.Tone).Trim()
				v.paint.objects = append(v.paint.objects, v.pills[n])
				relaid = true
			}
			v.pills[n].Set(cell.Text, cell.Tone)
			relaid = relaid || v.pills[n].Hidden
			v.pills[n].Hidden = false
			v.cells[n].Set("")
			continue
		}
		if v.pills[n] != nil && !v.pills[n].Hidden {
			v.pills[n].Hidden = true
			relaid = true
		}
		t := v.cells[n]
		t.SetTone(cell.Tone)
		t.SetBold(cell.Bold)
		if t.face.Mono != cell.Mono {
			t.face.Mono = cell.Mono
			t.line.TextStyle = t.face.style()
			relaid = true
		}
		t.Set(cell.Text)
	}
	if acts != v.acts {
		v.acts, relaid = acts, true
	}
	if v.act != nil {
		v.act.Hidden = acts < 0
		if v.act.Hidden { // such as of a run that has ended in its row
			v.leave()
		}
	}
	if relaid {
		v.spread(v.Size())
	}
	v.rule.Hidden = v.at == len(v.rows.order)-1
	before := v.back.FillColor
	v.apply()
	if relaid || before != v.back.FillColor {
		canvas.Refresh(v)
	}
}

// turn gives the row to another item. A button that has the keyboard gives it up, and one that the mouse is on waits a moment: it would
// do to the one what was meant for the other.
func (v *rowView[T]) turn(key string) {
	if key == v.key {
		return
	}
	v.key = key
	if v.act == nil {
		return
	}
	if v.act.hovered {
		v.turned = time.Now()
	}
	v.leave()
}

// leave takes the keyboard away from the button.
func (v *rowView[T]) leave() {
	if !v.act.focused {
		return
	}
	if c := fyne.CurrentApp().Driver().CanvasForObject(v); c != nil {
		c.Unfocus()
	}
}

// aim is how long somebody who is about to press a button may not have seen yet that it is another item's.
const aim = 600 * time.Millisecond

// press is the button of the row.
func (v *rowView[T]) press() {
	if v.rows.Pressed != nil && v.at >= 0 && v.at < len(v.rows.order) && time.Since(v.turned) >= aim {
		v.rows.Pressed(v.rows.At(v.at))
	}
}

// offer shows the button of a cell, and reports whether that has to be laid out.
func (v *rowView[T]) offer(cell Cell) (relaid bool) {
	if v.act == nil {
		v.act = NewButton(cell.Act, Halt, v.press)
		v.paint.objects = append(v.paint.objects, v.act)
		relaid = true
	}
	relaid = v.act.Set(cell.Act) || relaid
	v.act.ReadAs(cell.ActOf)
	return relaid
}

func (v *rowView[T]) apply() {
	v.rule.FillColor = shadeOf(Line)
	v.back.FillColor = shadeOf(Clear)
	switch {
	case v.at >= 0 && v.at < len(v.rows.order) && v.rows.key(v.rows.At(v.at)) == v.rows.chosen:
		v.back.FillColor = shadeOf(AccentWash)
	case v.hovered:
		v.back.FillColor = shadeOf(Hover)
	}
}

func (v *rowView[T]) spread(size fyne.Size) {
	v.rows.measure(size.Width)
	place(v.back, 0, -2, size.Width, size.Height+4)
	place(v.rule, 0, size.Height+1, size.Width, 1)
	for n, t := range v.cells {
		t.Hidden = !v.rows.shown[n]
		w := v.rows.widths[n]
		place(t, v.rows.lefts[n], -lift, w, size.Height) // as high as the words of pills
		if n == v.acts && v.rows.shown[n] {
			m := v.act.MinSize()
			place(v.act, v.rows.lefts[n]+w-m.Width, 0, m.Width, size.Height)
			w -= m.Width + 4
		}
		if p := v.pills[n]; p != nil {
			p.Hidden = p.Hidden || !v.rows.shown[n]
			place(p, v.rows.lefts[n], 0, w, size.Height)
		}
	}
}

func (v *rowView[T]) Tapped(*fyne.PointEvent) {
	v.rows.pick(v.at)
	if c := fyne.CurrentApp().Driver().CanvasForObject(v); c != nil {
		c.Focus(v.rows.list)
	}
}

func (v *rowView[T]) hover(on bool) {
	v.hovered = on
	v.apply()
	canvas.Refresh(v.back)
}

func (v *rowView[T]) MouseIn(*desktop.MouseEvent) { v.hover(true) }

func (v *rowView[T]) MouseMoved(*desktop.MouseEvent) {}

func (v *rowView[T]) MouseOut() { v.hover(false) }
