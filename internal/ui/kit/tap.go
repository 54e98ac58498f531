package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// tap is what every widget that can be pressed shares: mouse, hover, focus, Space and Enter.
type tap struct {
	widget.BaseWidget
	self     fyne.CanvasObject // the widget as a whole
	onTap    func()
	onEscape func() // of what is in a dialog; nil: nothing
	repaint  func() // after hover, focus or disabled changed
	hovered  bool
	focused  bool
	disabled bool
	label    string // for who cannot see it
	hint     hint
}

// hint is what is said beside a thing while somebody is at it: its label.
type hint struct {
	needed bool
	more   string // said after the label
	aside  bool
}

var (
	_ fyne.Tappable      = (*tap)(nil)
	_ fyne.Focusable     = (*tap)(nil)
	_ fyne.Disableable   = (*tap)(nil)
	_ desktop.Hoverable  = (*tap)(nil)
	_ desktop.Cursorable = (*tap)(nil)
)

func (t *tap) press() {
	if !t.disabled && t.onTap != nil {
		t.onTap()
	}
}

func (t *tap) Tapped(*fyne.PointEvent) {
	t.unhint()
	t.press()
}

// tell says the hint: at once, or when the mouse has rested.
func (t *tap) tell(at func(h *Hints, of fyne.CanvasObject, text string, aside bool)) {
	if !t.hint.needed {
		return
	}
	text := t.label
	if t.hint.more != "" {
		text += "   " + t.hint.more
	}
	if h := hintsFor(t.self); h != nil && text != "" {
		at(h, t.self, text, t.hint.aside)
	}
}

func (t *tap) unhint() {
	if t.hint.needed {
		if h := hintsFor(t.self); h != nil {
			h.leave(t.self)
		}
	}
}

// OnEscape has Escape do something, as it has to in a dialog.
func (t *tap) OnEscape(do func()) { t.onEscape = do }

func (t *tap) TypedRune(rune) {}

func (t *tap) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		t.unhint()
		t.press()
	case fyne.KeyEscape:
		t.unhint()
		if t.onEscape != nil {
			t.onEscape()
		}
	default:
	}
}

func (t *tap) FocusGained() {
	t.set(&t.focused, true)
	bring(t.self)
	if !t.hovered { // or it was the mouse that brought the keyboard here
		t.tell((*Hints).show)
	}
}

func (t *tap) FocusLost() {
	t.set(&t.focused, false)
	t.unhint()
}

func (t *tap) MouseIn(*desktop.MouseEvent) {
	t.set(&t.hovered, true)
	t.tell((*Hints).await)
}

func (t *tap) MouseMoved(*desktop.MouseEvent) {}

func (t *tap) MouseOut() {
	t.set(&t.hovered, false)
	t.unhint()
}

func (t *tap) Enable() { t.set(&t.disabled, false) }

func (t *tap) Disable() { t.set(&t.disabled, true) }

func (t *tap) Disabled() bool { return t.disabled }

func (t *tap) Cursor() desktop.Cursor {
	if t.disabled {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

func (t *tap) AccessibilityLabel() string { return t.label }

func (t *tap) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

func (t *tap) set(flag *bool, to bool) {
	if *flag != to {
		*flag = to
		t.repaint()
	}
}
