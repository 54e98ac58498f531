package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// Field is a line to type in, with what is wrong with it below.
type Field struct {
	widget.BaseWidget
	Entry *Entry
	box   *canvas.Rectangle
	ring  *canvas.Rectangle
	icon  *Icon
	eye   *Button
	fault *Para
	width float32
	typed bool // it has the keyboard: the toolkit says so of what loses it, too

	// Check says what is wrong with a text, or "". It is asked as somebody types.
	Check func(string) string
	// Done is told a text that was finished with Enter or by leaving the field, if it is another one and nothing is wrong with it.
	Done func(string)
	// Changed is told every text as somebody types.
	Changed func(string)

	settled string // the text that Done need not be told
}

// Entry is the toolkit's line of text without its frame, which tells of its focus.
type Entry struct {
	widget.Entry
	onFocus  func(bool)
	onEscape func()
}

// FocusGained implements fyne.Focusable.
func (e *Entry) FocusGained() {
	e.Entry.FocusGained()
	e.onFocus(true)
}

// FocusLost implements fyne.Focusable.
func (e *Entry) FocusLost() {
	e.Entry.FocusLost()
	e.onFocus(false)
}

// TypedKey implements fyne.Focusable.
func (e *Entry) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape && e.onEscape != nil {
		e.onEscape()
		return
	}
	e.Entry.TypedKey(k)
}

// TypedShortcut implements fyne.Shortcutable.
func (e *Entry) TypedShortcut(s fyne.Shortcut) {
	e.Entry.TypedShortcut(s)
	passOn(e, s)
}

// passOn gives the keys of the window to it: the toolkit asks only what has the keyboard.
func passOn(from fyne.CanvasObject, s fyne.Shortcut) {
	if _, ok := s.(*desktop.CustomShortcut); !ok {
		return // of the text
	}
	if c, ok := fyne.CurrentApp().Driver().CanvasForObject(from).(fyne.Shortcutable); ok {
		c.TypedShortcut(s)
	}
}

// NewField makes a field of at least a width.
func NewField(hint string, width float32) *Field {
	f := &Field{
		Entry: &Entry{}, width: width,
		box: &canvas.Rectangle{CornerRadius: ControlRadius}, ring: &canvas.Rectangle{CornerRadius: ControlRadius + 2},
		fault: NewPara("", Small, Problem),
	}
	f.Entry.ExtendBaseWidget(f.Entry)
	f.Entry.SetPlaceHolder(hint)
	f.Entry.Scroll = fyne.ScrollNone
	f.Entry.Wrapping = fyne.TextWrapOff
	f.Entry.onFocus = func(on bool) {
		f.typed = on
		if on {
			bring(f)
		}
		if !on {
			f.settle()
		}
		f.Refresh()
	}
	f.Entry.onEscape = func() { f.Set(f.settled) }
	f.Entry.OnChanged = func(s string) {
		f.check(s)
		if f.Changed != nil {
			f.Changed(s)
		}
	}
	f.Entry.OnSubmitted = func(string) { f.settle() }
	f.ExtendBaseWidget(f)
	f.paint()
	return f
}

// NewSearch makes a field with a magnifying glass.
func NewSearch(hint string, width float32) *Field {
	f := NewField(hint, width)
	f.icon = NewIcon("search", 14, Muted)
	return f
}

// NewSecret makes a field that shows dots, and its text on request.
func NewSecret(hint, show string, width float32) *Field {
	f := NewField(hint, width)
	f.Entry.Password = true
	f.eye = NewIconButton("eye", show, Quiet, func() {
		f.Entry.Password = !f.Entry.Password
		name := "eye-off"
		if f.Entry.Password {
			name = "eye"
		}
		f.eye.SetIcon(name, show)
		f.Entry.Refresh()
	})
	f.Entry.ActionItem = f.eye // or the toolkit puts its own there
	return f
}

// Text returns what is in the field.
func (f *Field) Text() string { return f.Entry.Text }

// Set puts a text in that nobody typed. While somebody types in the field it is left alone.
func (f *Field) Set(s string) {
	if s == f.settled && f.Entry.Text == s {
		return
	}
	f.settled = s
	f.Entry.SetText(s)
}

// Typing reports that the text differs from the one that was put in.
func (f *Field) Typing() bool { return f.Entry.Text != f.settled }

// SetFault shows what is wrong, or nothing.
func (f *Field) SetFault(s string) {
	if s == f.fault.Text() {
		return
	}
	f.fault.Set(s)
	f.Refresh()
	f.place(f.Size())
}

// Fault returns what is said to be wrong.
func (f *Field) Fault() string { return f.fault.Text() }

func (f *Field) check(s string) bool {
	if f.Check == nil {
		f.SetFault("")
		return true
	}
	fault := f.Check(s)
	f.SetFault(fault)
	return fault == ""
}

func (f *Field) settle() {
	if f.Entry.Text == f.settled || !f.check(f.Entry.Text) || f.Done == nil {
		return
	}
	f.settled = f.Entry.Text
	f.Done(f.settled)
}

func (f *Field) paint() {
	f.box.FillColor, f.box.StrokeColor, f.box.StrokeWidth = shadeOf(Sunken), shadeOf(Line), 1
	f.box.Shadow = canvas.Shadow{Color: shadeOf(CardShadow), BlurRadius: 2, Offset: fyne.NewPos(0, 1)}
	f.ring.FillColor = shadeOf(Clear)
	switch {
	case f.fault.Text() != "":
		f.box.StrokeColor = shadeOf(Problem)
	case f.typed:
		f.box.StrokeColor = shadeOf(Accent)
	}
	if f.typed {
		f.ring.FillColor = shadeOf(FocusRing)
	}
}

func (f *Field) place(size fyne.Size) {
	place(f.ring, -2, -2, size.Width+4, ControlHeight+4)
	place(f.box, 0, 0, size.Width, ControlHeight)
	left := float32(5)
	if f.icon != nil {
		place(f.icon, 11, (ControlHeight-14)/2, 14, 14)
		left = 25
	}
	m := f.Entry.MinSize()
	place(f.Entry, left, (ControlHeight-m.Height)/2, max(0, size.Width-left-5), m.Height)
	place(f.fault, 2, ControlHeight+3, size.Width-4, f.fault.MinSize().Height)
}

// CreateRenderer implements fyne.Widget.
func (f *Field) CreateRenderer() fyne.WidgetRenderer {
	objects := []fyne.CanvasObject{f.ring, f.box, f.Entry}
	if f.icon != nil {
		objects = append(objects, f.icon)
	}
	return &paint{
		objects: append(objects, f.fault),
		layout:  f.place,
		min: func() fyne.Size {
			h := float32(ControlHeight)
			if f.fault.Text() != "" {
				h += 3 + f.fault.MinSize().Height
			}
			return fyne.NewSize(f.width, h)
		},
		apply: f.paint,
	}
}

// CodeEntry is a pane to write code in. Ctrl+Enter (Cmd on macOS) runs it.
type CodeEntry struct {
	widget.Entry
	Run   func()
	lines int
}

// NewCodeEntry makes a pane of a number of lines.
func NewCodeEntry(hint string, lines int) *CodeEntry {
	e := &CodeEntry{lines: lines}
	e.MultiLine = true
	e.Wrapping = fyne.TextWrapOff
	e.TextStyle = fyne.TextStyle{Monospace: true}
	e.ExtendBaseWidget(e)
	e.SetPlaceHolder(hint)
	e.SetMinRowsVisible(lines)
	return e
}

// TypedShortcut implements fyne.Shortcutable.
func (e *CodeEntry) TypedShortcut(s fyne.Shortcut) {
	if k, ok := s.(*desktop.CustomShortcut); ok && (k.KeyName == fyne.KeyReturn || k.KeyName == fyne.KeyEnter) && k.Modifier == fyne.KeyModifierShortcutDefault {
		e.Run()
		return
	}
	e.Entry.TypedShortcut(s)
	passOn(e, s)
}

// FocusGained implements fyne.Focusable.
func (e *CodeEntry) FocusGained() {
	e.Entry.FocusGained()
	bring(e)
}

// AcceptsTab says that Tab leaves the pane, so that the keyboard can reach what comes after it.
func (e *CodeEntry) AcceptsTab() bool { return false }
