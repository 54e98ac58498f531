package kit

import (
	"cmp"
	"slices"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// Option is one of several to choose from: a value for the program and a word for people.
type Option struct{ Value, Label string }

// Segments shows a few options side by side, one of them chosen. Left and Right move the choice.
type Segments struct {
	tap
	options []Option
	chosen  string
	choose  func(string)
	ring    *canvas.Rectangle
	back    *canvas.Rectangle
	mark    *canvas.Rectangle
	texts   []*canvas.Text
}

// NewSegments makes a choice; choose is told what is wanted.
func NewSegments(label string, options []Option, chosen string, choose func(value string)) *Segments {
	s := &Segments{
		options: options, chosen: chosen, choose: choose,
		ring: &canvas.Rectangle{CornerRadius: ControlRadius + 2}, back: &canvas.Rectangle{CornerRadius: ControlRadius}, mark: &canvas.Rectangle{CornerRadius: 6},
	}
	s.label = label
	s.self, s.repaint = s, s.Refresh
	for _, o := range options {
		t := canvas.NewText(o.Label, shadeOf(Foreground))
		t.TextSize = SizeButton
		s.texts = append(s.texts, t)
	}
	s.ExtendBaseWidget(s)
	s.apply()
	return s
}

// Chosen returns the value shown.
func (s *Segments) Chosen() string { return s.chosen }

// Set shows another value.
func (s *Segments) Set(value string) {
	if value != s.chosen {
		s.chosen = value
		s.spread(s.Size())
		s.Refresh()
	}
}

// Tapped chooses what is under the pointer.
func (s *Segments) Tapped(e *fyne.PointEvent) {
	x := float32(2)
	for n, o := range s.options {
		w := s.widthOf(n)
		if e.Position.X >= x && e.Position.X < x+w {
			s.pick(o.Value)
			return
		}
		x += w
	}
}

// TypedKey moves the choice.
func (s *Segments) TypedKey(e *fyne.KeyEvent) {
	for n, o := range s.options {
		if o.Value != s.chosen {
			continue
		}
		switch {
		case e.Name == fyne.KeyLeft && n > 0:
			s.pick(s.options[n-1].Value)
		case e.Name == fyne.KeyRight && n < len(s.options)-1:
			s.pick(s.options[n+1].Value)
		case e.Name == fyne.KeyEscape:
			s.tap.TypedKey(e)
		}
		return
	}
}

func (s *Segments) pick(value string) {
	if value != s.chosen && !s.disabled {
		s.choose(value)
	}
}

func (s *Segments) widthOf(n int) float32 { return s.texts[n].MinSize().Width + 24 }

func (s *Segments) apply() {
	s.ring.FillColor = shadeOf(Clear)
	if s.focused {
		s.ring.FillColor = shadeOf(FocusRing)
	}
	s.back.FillColor, s.back.StrokeColor, s.back.StrokeWidth = shadeOf(Code), shadeOf(Line), 1
	s.mark.FillColor, s.mark.StrokeColor, s.mark.StrokeWidth = shadeOf(Raised), shadeOf(Line), 1
	s.mark.Shadow = canvas.Shadow{Color: shadeOf(CardShadow), BlurRadius: 2, Offset: fyne.NewPos(0, 1)}
	for n, o := range s.options {
		s.texts[n].Color = shadeOf(Muted)
		if o.Value == s.chosen {
			s.texts[n].Color = shadeOf(Foreground)
		}
	}
}

func (s *Segments) spread(size fyne.Size) {
	y := (size.Height - ControlHeight) / 2
	total := float32(4)
	for n := range s.options {
		total += s.widthOf(n)
	}
	place(s.ring, -2, y-2, total+4, ControlHeight+4)
	place(s.back, 0, y, total, ControlHeight)
	s.mark.Hide()
	x := float32(2)
	for n, o := range s.options {
		w := s.widthOf(n)
		if o.Value == s.chosen {
			place(s.mark, x, y+2.5, w, ControlHeight-5)
			s.mark.Show()
		}
		middle(s.texts[n], x, y-lift, w, ControlHeight)
		x += w
	}
}

// CreateRenderer implements fyne.Widget.
func (s *Segments) CreateRenderer() fyne.WidgetRenderer {
	objects := []fyne.CanvasObject{s.ring, s.back, s.mark}
	for _, t := range s.texts {
		objects = append(objects, t)
	}
	return &paint{
		objects: objects,
		layout:  s.spread,
		min: func() fyne.Size {
			w := float32(4)
			for n := range s.options {
				w += s.widthOf(n)
			}
			return fyne.NewSize(w, ControlHeight)
		},
		apply: s.apply,
	}
}

// Dropdown shows the chosen option and opens a menu with the others. Up and Down go through them; the one that is reached is chosen with
// Enter or Space or by leaving, and with Escape none is: those on the way may be what nobody wants.
type Dropdown struct {
	tap
	options    []Option
	chosen     string
	reached    string // with the arrows; empty: they were not used
	choose     func(string)
	ring, back *canvas.Rectangle
	text       *canvas.Text
	icon       *Icon
}

// NewDropdown makes a choice among many; choose is told what is wanted.
func NewDropdown(label string, options []Option, chosen string, choose func(value string)) *Dropdown {
	d := &Dropdown{
		options: options, chosen: chosen, choose: choose,
		ring: &canvas.Rectangle{CornerRadius: ControlRadius + 2}, back: &canvas.Rectangle{CornerRadius: ControlRadius},
		text: canvas.NewText("", shadeOf(Foreground)), icon: NewIcon("chevron-down", 14, Muted),
	}
	d.text.TextSize = SizeButton
	d.label = label
	d.onTap = d.open
	d.self, d.repaint = d, d.Refresh
	d.ExtendBaseWidget(d)
	d.apply()
	return d
}

// Chosen returns the value shown.
func (d *Dropdown) Chosen() string { return d.chosen }

// Set shows another value.
func (d *Dropdown) Set(value string) {
	if value != d.chosen {
		d.chosen = value
		d.Refresh()
		d.spread(d.Size())
	}
}

// TypedKey opens the menu, or goes through the options.
func (d *Dropdown) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp:
		d.move(-1)
	case fyne.KeyDown:
		d.move(1)
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		if !d.settle() {
			d.tap.TypedKey(e)
		}
	case fyne.KeyEscape:
		if !d.reach("") {
			d.tap.TypedKey(e)
		}
	default:
		d.tap.TypedKey(e)
	}
}

// FocusLost implements fyne.Focusable.
func (d *Dropdown) FocusLost() {
	d.tap.FocusLost()
	d.settle()
}

// shown is the value in sight.
func (d *Dropdown) shown() string { return cmp.Or(d.reached, d.chosen) }

func (d *Dropdown) move(step int) {
	n := step + slices.IndexFunc(d.options, func(o Option) bool { return o.Value == d.shown() })
	if !d.disabled && n >= 0 && n < len(d.options) {
		d.reach(d.options[n].Value)
	}
}

// reach shows an option without choosing it, or the chosen one again, and reports whether another one was shown before.
func (d *Dropdown) reach(value string) bool {
	before := d.shown()
	d.reached = value
	if d.shown() == before {
		return false
	}
	d.Refresh()
	d.spread(d.Size())
	return true
}

// settle chooses what was reached, and reports whether that is another one.
func (d *Dropdown) settle() bool {
	value := d.reached
	if !d.reach("") {
		return false
	}
	d.choose(value)
	return true
}

func (d *Dropdown) open() {
	d.reach("") // the menu is asked now
	c := fyne.CurrentApp().Driver().CanvasForObject(d)
	if c == nil {
		return
	}
	items := make([]*fyne.MenuItem, len(d.options))
	for n, o := range d.options {
		items[n] = fyne.NewMenuItem(o.Label, func() { d.choose(o.Value) })
		items[n].Checked = o.Value == d.chosen
	}
	menu := widget.NewPopUpMenu(fyne.NewMenu("", items...), c)
	menu.ShowAtRelativePosition(fyne.NewPos(0, d.Size().Height+2), d)
	if room := c.Size().Height * 0.6; menu.Size().Height > room {
		menu.Resize(fyne.NewSize(menu.Size().Width, room))
	}
}

func (d *Dropdown) apply() {
	d.ring.FillColor = shadeOf(Clear)
	if d.focused {
		d.ring.FillColor = shadeOf(FocusRing)
	}
	d.back.FillColor, d.back.StrokeColor, d.back.StrokeWidth = shadeOf(Card), shadeOf(Line), 1
	d.back.Shadow = canvas.Shadow{Color: shadeOf(CardShadow), BlurRadius: 2, Offset: fyne.NewPos(0, 1)}
	d.text.Color, d.text.Text = shadeOf(Foreground), d.shown()
	for _, o := range d.options {
		if o.Value == d.shown() {
			d.text.Text = o.Label
		}
	}
}

func (d *Dropdown) spread(size fyne.Size) {
	y := (size.Height - ControlHeight) / 2
	place(d.ring, -2, y-2, size.Width+4, ControlHeight+4)
	place(d.back, 0, y, size.Width, ControlHeight)
	m := d.text.MinSize()
	place(d.text, 12, y+(ControlHeight-m.Height)/2-lift, m.Width, m.Height)
	place(d.icon, size.Width-24, y+(ControlHeight-14)/2, 14, 14)
}

// CreateRenderer implements fyne.Widget.
func (d *Dropdown) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{d.ring, d.back, d.text, d.icon},
		layout:  d.spread,
		min: func() fyne.Size {
			w := float32(80)
			for _, o := range d.options {
				w = max(w, Face{Size: SizeButton}.width(o.Label))
			}
			return fyne.NewSize(w+44, ControlHeight)
		},
		apply: d.apply,
	}
}

// Choice is a card that can be chosen among others.
type Choice struct {
	tap
	box     *Box
	ring    *canvas.Rectangle
	content fyne.CanvasObject
	chosen  bool
}

// NewChoice makes a card with content.
func NewChoice(label string, content fyne.CanvasObject, onTap func()) *Choice {
	c := &Choice{box: NewCard(), ring: &canvas.Rectangle{CornerRadius: CardRadius + 2}, content: Pad(20, 18, 20, 18, content)}
	c.label, c.onTap = label, onTap
	c.self, c.repaint = c, c.Refresh
	c.ExtendBaseWidget(c)
	return c
}

// SetChosen shows whether this is the one.
func (c *Choice) SetChosen(on bool) {
	if on != c.chosen {
		c.chosen = on
		c.Refresh()
	}
}

// Chosen reports whether this is the one.
func (c *Choice) Chosen() bool { return c.chosen }

func (c *Choice) apply() {
	c.ring.FillColor = shadeOf(Clear)
	if c.focused {
		c.ring.FillColor = shadeOf(FocusRing)
	}
	switch {
	case c.chosen:
		c.box.SetColors(Card, Accent, 2)
	case c.hovered:
		c.box.SetColors(Card, Muted, 1)
	default:
		c.box.SetColors(Card, Line, 1)
	}
}

// CreateRenderer implements fyne.Widget.
func (c *Choice) CreateRenderer() fyne.WidgetRenderer {
	c.apply()
	return &paint{
		objects: []fyne.CanvasObject{c.ring, c.box, c.content},
		layout: func(size fyne.Size) {
			place(c.ring, -2, -2, size.Width+4, size.Height+4)
			place(c.box, 0, 0, size.Width, size.Height)
			place(c.content, 0, 0, size.Width, size.Height)
		},
		min:   func() fyne.Size { return c.content.MinSize() },
		apply: c.apply,
	}
}

// Menu opens a menu below an object.
func Menu(under fyne.CanvasObject, items ...*fyne.MenuItem) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(under); c != nil {
		menu := widget.NewPopUpMenu(fyne.NewMenu("", items...), c)
		at := fyne.NewPos(under.Size().Width-menu.MinSize().Width, under.Size().Height+2)
		menu.ShowAtRelativePosition(at, under)
	}
}

// CloseMenus closes the menus that are open over a window, as a tap beside them does. Dialogs stay.
func CloseMenus(over fyne.Canvas) {
	for _, o := range over.Overlays().List() {
		if beside, ok := o.(fyne.Tappable); ok {
			beside.Tapped(&fyne.PointEvent{})
		}
	}
}

// Stepper changes a small number by one. It shows the number that is wanted, so that it can be pressed again before that is so.
type Stepper struct {
	Root        *fyne.Container
	less, more  *Button
	figure      *Text
	told        int // by Set
	wanted      int
	least, most int
}

// NewStepper makes a stepper; step is told the number that is wanted. The words are for who cannot see it.
func NewStepper(fewer, more string, step func(int)) *Stepper {
	s := &Stepper{figure: NewText("0", Strong, Foreground).Centre()}
	by := func(n int) func() {
		return func() {
			s.wanted += n
			s.show()
			step(s.wanted)
		}
	}
	s.less, s.more = NewIconButton("minus", fewer, Plain, by(-1)), NewIconButton("plus", more, Plain, by(1))
	s.Root = Row(4, s.less, Fix(28, 0, s.figure), s.more)
	return s
}

// Set shows a number and its limits. What is wanted stays as long as the number is the one of before.
func (s *Stepper) Set(value, least, most int) {
	if value != s.told {
		s.told, s.wanted = value, value
	}
	s.least, s.most = least, most
	s.show()
}

// Wanted is the number shown.
func (s *Stepper) Wanted() int { return s.wanted }

// Reset shows the number that was set, as what is wanted cannot be.
func (s *Stepper) Reset() {
	s.wanted = s.told
	s.show()
}

func (s *Stepper) show() {
	s.figure.Set(strconv.Itoa(s.wanted))
	s.less.SetEnabled(s.wanted > s.least)
	s.more.SetEnabled(s.wanted < s.most)
}

// Layer is a stack without its own look.
func Layer(objects ...fyne.CanvasObject) *fyne.Container { return container.NewStack(objects...) }
