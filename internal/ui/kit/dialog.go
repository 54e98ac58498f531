package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// Ask puts a question before something that cannot be undone. Escape and the first button mean no.
func Ask(over fyne.Canvas, question, detail, no, yes string, do func()) *Question {
	q := &Question{}
	q.No = NewButton(no, Plain, nil)
	q.Yes = NewButton(yes, Fatal, nil)
	content := Col(8, NewPara(question, Heading, Foreground), NewPara(detail, Small, Muted), Pad(10, 0, 0, 0, Row(10, Spring(), q.No, q.Yes)))
	q.popup = widget.NewModalPopUp(Fix(400, 0, Pad(14, 14, 10, 14, content)), over)
	q.No.OnTap(q.close)
	q.Yes.OnTap(func() {
		q.close()
		do()
	})
	q.before = over.OnTypedKey()
	over.SetOnTypedKey(func(e *fyne.KeyEvent) {
		if e.Name == fyne.KeyEscape {
			q.close()
		}
	})
	q.over = over
	q.popup.Show()
	q.popup.Resize(fyne.NewSize(min(440, over.Size().Width-40), q.popup.MinSize().Height))
	q.popup.Resize(fyne.NewSize(min(440, over.Size().Width-40), q.popup.MinSize().Height))
	over.Focus(q.No)
	return q
}

// Question is an open question.
type Question struct {
	No, Yes *Button
	popup   *widget.PopUp
	over    fyne.Canvas
	before  func(*fyne.KeyEvent)
}

func (q *Question) close() {
	q.popup.Hide()
	q.over.SetOnTypedKey(q.before)
}
