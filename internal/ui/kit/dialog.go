package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// Ask puts a question before something that cannot be undone. Escape and the first button mean no.
func Ask(over fyne.Canvas, question, detail, no, yes string, do func()) *Question {
	q := &Question{No: NewButton(no, Plain, nil), Yes: NewButton(yes, Fatal, nil)}
	d := NewDialog(over, 440, question, NewPara(detail, Small, Muted), q.No, q.Yes)
	q.Dialog = d
	q.No.OnTap(d.Close)
	q.Yes.OnTap(func() {
		d.Close()
		do()
	})
	return q
}

// Question is an open question.
type Question struct {
	*Dialog
	No, Yes *Button
}

// Dialog shows something above everything else until it is closed, by one of its buttons or with Escape. What is too tall for the
// window is scrolled.
type Dialog struct {
	popup   *widget.PopUp
	over    fyne.Canvas
	before  func(*fyne.KeyEvent)
	content fyne.CanvasObject
	page    *Page // with the content
	sheet   *sheet
}

// NewDialog opens a dialog of a width, or of that of the window if that is less. The first button gets the keyboard: it should do no
// harm.
func NewDialog(over fyne.Canvas, width float32, title string, content fyne.CanvasObject, buttons ...*Button) *Dialog {
	d := &Dialog{over: over, before: over.OnTypedKey(), content: content, page: NewPage(content), sheet: &sheet{width: width}}
	row := []fyne.CanvasObject{Spring()}
	for _, b := range buttons {
		b.onEscape = d.Close // a key goes to what has the keyboard, and to nobody else
		row = append(row, b)
	}
	d.popup = widget.NewModalPopUp(container.New(d.sheet, NewPara(title, Heading, Foreground), d.page, Row(10, row...)), over)
	d.sheet.fit(d.popup.Content, content, over.Size()) // it is put into the middle by its size
	over.SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape {
			d.Close()
		}
	})
	d.popup.Show()
	d.Reflow()
	over.Focus(buttons[0])
	return d
}

// Reflow lays the dialog out again, after something in it became taller or lower. One that was closed meanwhile stays so.
func (d *Dialog) Reflow() {
	if !d.Open() {
		return
	}
	d.sheet.fit(d.popup.Content, d.content, d.over.Size())
	d.popup.Resize(d.sheet.size)
	d.popup.Content.Refresh()
	d.page.Reflow()
	d.over.Overlays().Top().Refresh() // which puts it into the middle
}

// Close closes the dialog.
func (d *Dialog) Close() {
	d.popup.Hide()
	d.over.SetOnTypedKey(d.before)
}

// Open reports whether it was not closed yet.
func (d *Dialog) Open() bool { return d.popup.Visible() }

// sheet has a title, a page and buttons below each other, and the size that the page's content makes.
type sheet struct {
	width float32
	size  fyne.Size
}

const (
	sheetPad    = 16
	sheetGap    = 10
	sheetMargin = 20 // to the window's edge
)

// fit finds the size out.
func (s *sheet) fit(all, content fyne.CanvasObject, window fyne.Size) {
	objects := all.(*fyne.Container).Objects //nolint:errcheck // made above
	title, foot := objects[0], objects[2]
	w := min(s.width, window.Width-2*sheetMargin)
	inner := w - 2*sheetPad
	for range 3 { // what wraps learns its width, and then its height
		title.Resize(fyne.NewSize(inner, title.MinSize().Height))
		content.Resize(fyne.NewSize(inner, content.MinSize().Height))
	}
	h := 2*sheetPad + 2*sheetGap + title.MinSize().Height + foot.MinSize().Height + content.MinSize().Height
	s.size = fyne.NewSize(w, min(h, window.Height-2*sheetMargin))
}

func (s *sheet) MinSize([]fyne.CanvasObject) fyne.Size { return s.size }

func (s *sheet) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w := size.Width - 2*sheetPad
	top, bottom := objects[0].MinSize().Height, objects[2].MinSize().Height
	place(objects[0], sheetPad, sheetPad, w, top)
	y := sheetPad + top + sheetGap
	place(objects[1], sheetPad, y, w, max(0, size.Height-y-sheetGap-bottom-sheetPad))
	place(objects[2], sheetPad, size.Height-sheetPad-bottom, w, bottom)
}
