package kit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

var small = fyne.NewSize(400, 300)

func key(name fyne.KeyName) *fyne.KeyEvent { return &fyne.KeyEvent{Name: name} }

func TestAButtonIsPressedByMouseSpaceAndEnter(t *testing.T) {
	n := 0
	var b *kit.Button
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		b = kit.NewButton("Pause", kit.Plain, func() { n++ })
		return kit.Row(0, b)
	})
	test.Tap(b)
	b.TypedKey(key(fyne.KeySpace))
	b.TypedKey(key(fyne.KeyReturn))
	b.TypedKey(key(fyne.KeyTab))
	if n != 3 {
		t.Errorf("a tap, Space, Enter and Tab pressed the button %d times, want 3", n)
	}
	b.Disable()
	test.Tap(b)
	if n != 3 {
		t.Error("a disabled button was pressed")
	}
}

func TestASwitchShowsOnlyWhatItIsTold(t *testing.T) {
	var wanted []bool
	var s *kit.Switch
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		s = kit.NewSwitch("Cursor", false, func(on bool) { wanted = append(wanted, on) })
		return kit.Row(0, s)
	})
	test.Tap(s)
	if s.On() {
		t.Error("the switch went on before it was told that this was done")
	}
	s.Set(true)
	s.TypedKey(key(fyne.KeySpace))
	if want := []bool{true, false}; !slices.Equal(wanted, want) {
		t.Errorf("asked for %v, want %v", wanted, want)
	}
}

func TestSegmentsAreChosenByMouseAndArrows(t *testing.T) {
	var s *kit.Segments
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		s = kit.NewSegments("Look", []kit.Option{{Value: "system", Label: "System"}, {Value: "light", Label: "Light"}, {Value: "dark", Label: "Dark"}}, "system", func(v string) { s.Set(v) })
		return kit.Row(0, s)
	})
	s.TypedKey(key(fyne.KeyLeft)) // there is nothing further left
	s.TypedKey(key(fyne.KeyRight))
	if s.Chosen() != "light" {
		t.Errorf("Right chose %q, want light", s.Chosen())
	}
	test.TapAt(s, fyne.NewPos(s.Size().Width-5, 10))
	if s.Chosen() != "dark" {
		t.Errorf("a tap at the right end chose %q, want dark", s.Chosen())
	}
}

// TestADropdownIsWalkedThroughWithTheArrows, and what lies on the way is not chosen: sandboxes were made and paid for.
func TestADropdownIsWalkedThroughWithTheArrows(t *testing.T) {
	var d *kit.Dropdown
	var chosen []string
	w := show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		options := []kit.Option{{Value: "auto", Label: "Automatic"}, {Value: "agentrun", Label: "AgentRun cloud"}, {Value: "local", Label: "This computer"}}
		d = kit.NewDropdown("Where", options, "auto", func(v string) {
			chosen = append(chosen, v)
			d.Set(v)
		})
		return kit.Row(0, d)
	})
	press := func(names ...fyne.KeyName) {
		for _, name := range names {
			d.TypedKey(key(name))
		}
	}
	shows := func(want string) {
		t.Helper()
		for _, o := range test.WidgetRenderer(d).Objects() {
			if text, ok := o.(*canvas.Text); ok && text.Text != want {
				t.Errorf("it shows %q, want %q", text.Text, want)
			}
		}
	}
	w.Canvas().Focus(d)
	press(fyne.KeyUp, fyne.KeyDown, fyne.KeyDown, fyne.KeyDown)
	shows("This computer")
	if len(chosen) > 0 {
		t.Errorf("on the way %q were chosen, want none", chosen)
	}
	press(fyne.KeyEnter)
	press(fyne.KeyUp, fyne.KeyEscape)
	shows("This computer")
	press(fyne.KeyUp, fyne.KeyUp)
	d.Set("local") // a view of meanwhile
	shows("Automatic")
	w.Canvas().Unfocus()
	w.Canvas().Focus(d)
	press(fyne.KeyDown, fyne.KeySpace)
	if want := []string{"local", "auto", "agentrun"}; !slices.Equal(chosen, want) {
		t.Errorf("%q were chosen, want %q: by Enter, by leaving and by Space", chosen, want)
	}
	if w.Canvas().Overlays().Top() != nil {
		t.Error("what chooses opened the menu too")
	}
	press(fyne.KeyUp)
	test.Tap(d)
	if w.Canvas().Overlays().Top() == nil {
		t.Error("a tap opened no menu")
	}
	if len(chosen) != 3 {
		t.Errorf("opening the menu chose %q", chosen[3:])
	}
}

func TestAFieldSaysWhatIsWrongAndHandsOverWhatIsRight(t *testing.T) {
	var f *kit.Field
	var done []string
	w := show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		f = kit.NewField("", 120)
		f.Check = func(s string) string {
			if strings.ContainsAny(s, "abc") {
				return "Enter a number."
			}
			return ""
		}
		f.Done = func(s string) { done = append(done, s) }
		return kit.Row(0, f)
	})
	f.Set("3")
	w.Canvas().Focus(f.Entry)
	low := f.MinSize().Height
	f.Entry.SetText("a")
	if f.Fault() == "" || f.MinSize().Height <= low {
		t.Errorf("the field says %q, and is %v tall (before: %v); want a sentence below it", f.Fault(), f.MinSize().Height, low)
	}
	w.Canvas().Unfocus()
	if done != nil {
		t.Errorf("a bad value was handed over: %v", done)
	}
	w.Canvas().Focus(f.Entry)
	f.Entry.SetText("5")
	if f.Fault() != "" {
		t.Errorf("the field still says %q of a good value", f.Fault())
	}
	w.Canvas().Unfocus()
	w.Canvas().Focus(f.Entry)
	w.Canvas().Unfocus()
	if want := []string{"5"}; !slices.Equal(done, want) {
		t.Errorf("handed over %v, want %v once", done, want)
	}
	f.Entry.SetText("7")
	f.Entry.TypedKey(key(fyne.KeyEscape))
	if f.Text() != "5" {
		t.Errorf("Escape left %q, want what was there before, 5", f.Text())
	}
}

func TestCtrlEnterRunsTheCode(t *testing.T) {
	n := 0
	var e *kit.CodeEntry
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		e = kit.NewCodeEntry("", 3)
		e.Run = func() { n++ }
		return kit.Col(0, e)
	})
	test.Type(e, "1 + 1")
	e.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyReturn, Modifier: fyne.KeyModifierShortcutDefault})
	if n != 1 || e.Text != "1 + 1" {
		t.Errorf("ran %d times with %q in the pane, want once and the code as it was", n, e.Text)
	}
}

type fruit struct {
	name string
	n    int
}

func fruits(t *testing.T, items []fruit) (*kit.Rows[fruit], fyne.Window) {
	var r *kit.Rows[fruit]
	w := show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		r = kit.NewRows(func(f fruit) string { return f.name }, "Nothing.", "No match.",
			kit.Column[fruit]{Title: "Name", Width: 100, Grow: 1, Cell: func(f fruit) kit.Cell { return kit.Cell{Text: f.name} }, Compare: func(a, b fruit) int { return strings.Compare(a.name, b.name) }},
			kit.Column[fruit]{Title: "Kind", Width: 100, Drop: 1, Cell: func(fruit) kit.Cell { return kit.Cell{Text: "Fruit", Pill: true, Tone: kit.Ready} }},
			kit.Column[fruit]{Title: "Number", Width: 60, Cell: func(f fruit) kit.Cell { return kit.Cell{Text: strings.Repeat("I", f.n)} }, Compare: func(a, b fruit) int { return a.n - b.n }})
		r.Set(items)
		return r.Root
	})
	return r, w
}

func shown(r *kit.Rows[fruit]) string {
	var all []string
	for n := range r.Len() {
		all = append(all, r.At(n).name)
	}
	return strings.Join(all, " ")
}

func TestRowsAreSortedAndFiltered(t *testing.T) {
	r, _ := fruits(t, []fruit{{"pear", 2}, {"apple", 3}, {"plum", 1}})
	if got, want := shown(r), "pear apple plum"; got != want {
		t.Errorf("unsorted: %s, want %s", got, want)
	}
	r.SortBy(2, true)
	if got, want := shown(r), "apple pear plum"; got != want {
		t.Errorf("by number, falling: %s, want %s", got, want)
	}
	r.SortBy(0, false)
	r.Filter("P fruit")
	if got, want := shown(r), "apple pear plum"; got != want {
		t.Errorf("filtered by what all have: %s, want %s", got, want)
	}
	r.Filter("pl FRUIT")
	if got, want := shown(r), "apple plum"; got != want {
		t.Errorf("filtered: %s, want %s", got, want)
	}
	r.Set([]fruit{{"plum", 1}, {"apple", 3}, {"grape", 3}})
	if got, want := shown(r), "apple plum"; got != want {
		t.Errorf("after other items: %s, want %s still sorted and filtered", got, want)
	}
}

func TestRowsAreSelectedWithMouseAndArrows(t *testing.T) {
	r, w := fruits(t, []fruit{{"pear", 2}, {"apple", 3}, {"plum", 1}})
	var told []string
	r.Selected = func(f fruit) { told = append(told, f.name) }
	test.TapCanvas(w.Canvas(), fyne.NewPos(60, 32+39+20+4))
	if r.Chosen() != "apple" {
		t.Fatalf("a tap on the second row chose %q, want apple", r.Chosen())
	}
	focused := w.Canvas().Focused()
	if focused == nil {
		t.Fatal("a tap on a row did not give the table the keyboard")
	}
	focused.TypedKey(key(fyne.KeyDown))
	focused.TypedKey(key(fyne.KeyHome))
	focused.TypedKey(key(fyne.KeyEnd))
	focused.TypedKey(key(fyne.KeyPageUp))
	if want := []string{"apple", "plum", "pear", "plum", "pear"}; !slices.Equal(told, want) {
		t.Errorf("a tap on apple, Down, Home, End and Page Up told of %v, want %v", told, want)
	}
	r.Choose("plum")
	w.Canvas().Unfocus()
	w.Canvas().Focus(focused)
	focused.TypedKey(key(fyne.KeyUp))
	if r.Chosen() != "apple" {
		t.Errorf("Up from plum chose %q, want apple", r.Chosen())
	}
	if len(told) != 6 {
		t.Error("told of a choice that nobody made")
	}
}

// TestTheKeysGoOnFromTheChosenRow, wherever others that come move it, and choose the row they are on where none is chosen.
func TestTheKeysGoOnFromTheChosenRow(t *testing.T) {
	r, w := fruits(t, []fruit{{"pear", 2}, {"apple", 3}, {"plum", 1}})
	for range 10 {
		w.Canvas().FocusNext()
		if _, title := w.Canvas().Focused().(fyne.Disableable); !title {
			break // beyond the titles
		}
	}
	list := w.Canvas().Focused()
	if r.Chosen() != "" {
		t.Fatalf("to reach the table with Tab has chosen %q", r.Chosen())
	}
	list.TypedKey(key(fyne.KeyReturn))
	if r.Chosen() != "pear" {
		t.Errorf("Enter has chosen %q, want the first row", r.Chosen())
	}
	r.Set([]fruit{{"fig", 1}, {"kiwi", 1}, {"pear", 2}, {"apple", 3}, {"plum", 1}})
	list.TypedKey(key(fyne.KeyDown))
	if r.Chosen() != "apple" {
		t.Errorf("Down from pear, which two others were put before, has chosen %q, want apple", r.Chosen())
	}
}

func TestAThousandRowsAreNotAllDrawn(t *testing.T) {
	items := make([]fruit, 1000)
	for n := range items {
		items[n] = fruit{strings.Repeat("x", n%20+1), n % 7}
	}
	_, w := fruits(t, items)
	if n := len(test.LaidOutObjects(w.Content())); n > 400 {
		t.Errorf("%d objects are laid out for 1,000 rows in a small window, want those in sight only", n)
	}
}

// TestWhoReadsFurtherDownStaysThere when rows come above.
func TestWhoReadsFurtherDownStaysThere(t *testing.T) {
	items := make([]fruit, 1000)
	for n := range items {
		items[n] = fruit{fmt.Sprintf("fruit-%04d", n), 1}
	}
	r, w := fruits(t, items)
	var scroller fyne.Scrollable
	at := func(name string) (y float32) {
		y = -1
		var walk func(o fyne.CanvasObject, top float32)
		walk = func(o fyne.CanvasObject, top float32) {
			top += o.Position().Y
			if text, ok := o.(*canvas.Text); ok && text.Text == name {
				y = top
			}
			if s, ok := o.(fyne.Scrollable); ok {
				scroller = s
			}
			var inside []fyne.CanvasObject
			switch o := o.(type) {
			case *fyne.Container:
				inside = o.Objects
			case fyne.Widget:
				inside = test.WidgetRenderer(o).Objects()
			}
			for _, child := range inside {
				walk(child, top)
			}
		}
		walk(w.Content(), 0)
		return y
	}
	more := append([]fruit{{"apple", 1}, {"pear", 1}}, items...)
	r.Set(more)
	if at("apple") < 0 {
		t.Error("at the top of the table the newest row is out of sight")
	}
	scroller.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.Delta{DY: -10 * 39}})
	before := at("fruit-0010")
	if before < 0 {
		t.Fatal("the table is not scrolled")
	}
	r.Set(append([]fruit{{"fig", 1}, {"kiwi", 1}}, more...))
	if after := at("fruit-0010"); after != before {
		t.Errorf("when two rows came above, one that was read went from %v to %v", before, after)
	}
	r.Set(append([]fruit{{"fruit-0010", 1}}, slices.Delete(slices.Clone(items), 10, 11)...))
	if at("fruit-0012") < 0 {
		t.Error("the table has followed a row that went to the top")
	}
}

func TestAToastGoesByItselfAndIsNotSaidTwice(t *testing.T) {
	var toasts *kit.Toasts
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		toasts = kit.NewToasts()
		toasts.Stay = time.Hour
		return toasts.Root
	})
	t.Cleanup(toasts.Close)
	toasts.Show("Copied.", kit.Ready)
	toasts.Show("Copied.", kit.Ready)
	toasts.Show("It failed.", kit.Problem)
	if got, want := toasts.Texts(), []string{"Copied.", "It failed."}; !slices.Equal(got, want) {
		t.Errorf("shows %v, want %v", got, want)
	}
}

func TestAQuestionIsAnsweredWithEscapeOrAButton(t *testing.T) {
	w := show(t, kit.AlwaysLight, small, func() fyne.CanvasObject { return container.NewWithoutLayout() })
	n := 0
	ask := func() *kit.Question {
		return kit.Ask(w.Canvas(), "End it?", "All is gone.", "Cancel", "End", func() { n++ })
	}
	q := ask()
	if w.Canvas().Focused() != q.No {
		t.Error("the button that does nothing has not got the keyboard")
	}
	test.Tap(q.No)
	if w.Canvas().Overlays().Top() != nil || n != 0 {
		t.Errorf("after No the question is there, or it was done %d times", n)
	}
	ask()
	w.Canvas().OnTypedKey()(key(fyne.KeyEscape))
	if w.Canvas().Overlays().Top() != nil {
		t.Error("Escape left the question open")
	}
	for _, has := range []func(*kit.Question) *kit.Button{func(q *kit.Question) *kit.Button { return q.No }, func(q *kit.Question) *kit.Button { return q.Yes }} {
		has(ask()).TypedKey(key(fyne.KeyEscape)) // keys go to the button that has the keyboard
		if w.Canvas().Overlays().Top() != nil || n != 0 {
			t.Errorf("after Escape on a button the question is there, or it was done %d times", n)
		}
	}
	test.Tap(ask().Yes)
	if n != 1 {
		t.Errorf("done %d times, want once", n)
	}
}

func TestTextIsShortenedToItsRoom(t *testing.T) {
	var text *kit.Text
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		text = kit.NewText("a long name of a context", kit.Body, kit.Foreground).Trim()
		return container.NewWithoutLayout(text)
	})
	wide := text.MinSize().Width
	text.Resize(fyne.NewSize(80, 20))
	if text.MinSize().Width != wide || text.Text() != "a long name of a context" {
		t.Errorf("after it was shortened the text is %q and wants %v, want the whole text and %v", text.Text(), text.MinSize().Width, wide)
	}
}

func TestAPageIsAsTallAsItsWidthMakesIt(t *testing.T) {
	var para *kit.Para
	var page *kit.Page
	w := show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		para = kit.NewPara(strings.Repeat("word ", 60), kit.Small, kit.Foreground)
		page = kit.NewPage(kit.Col(8, para, kit.NewButton("After", kit.Plain, nil)))
		return page
	})
	wide := para.Size().Height
	w.Resize(fyne.NewSize(200, 300))
	if para.Size().Height <= wide {
		t.Errorf("the paragraph is %v tall in 200 and %v in 400, want more lines where there is less room", para.Size().Height, wide)
	}
	if para.Set("short") {
		page.Reflow()
	}
	if para.Size().Height >= wide {
		t.Errorf("a short text is %v tall, want one line", para.Size().Height)
	}
}

func TestAGridHasAsManyColumnsAsThereIsRoomFor(t *testing.T) {
	cards := make([]fyne.CanvasObject, 6)
	w := show(t, kit.AlwaysLight, fyne.NewSize(630, 400), func() fyne.CanvasObject {
		for n := range cards {
			cards[n] = kit.NewBox(kit.Card, 0).Wide(0, 50)
		}
		return kit.NewPage(kit.Grid(200, 10, cards...))
	})
	row := func() (n int) {
		for _, c := range cards {
			if c.Position().Y == cards[0].Position().Y {
				n++
			}
		}
		return n
	}
	if n := row(); n != 3 {
		t.Errorf("%d cards side by side in 630, want 3", n)
	}
	w.Resize(fyne.NewSize(430, 400))
	if n := row(); n != 2 {
		t.Errorf("%d cards side by side in 430, want 2", n)
	}
}

func TestAThemeFollowsTheSystemOrDoesNot(t *testing.T) {
	light, dark := fyne.ThemeVariant(1), fyne.ThemeVariant(0)
	for _, tc := range []struct {
		mode       kit.Mode
		system     fyne.ThemeVariant
		sameAsDark bool
	}{{kit.FollowSystem, dark, true}, {kit.FollowSystem, light, false}, {kit.AlwaysDark, light, true}, {kit.AlwaysLight, dark, false}} {
		got := kit.NewTheme(tc.mode).Color(kit.Card, tc.system)
		if is := got == kit.NewTheme(kit.AlwaysDark).Color(kit.Card, light); is != tc.sameAsDark {
			t.Errorf("%s on a system that is %v draws dark cards: %v, want %v", tc.mode, tc.system, is, tc.sameAsDark)
		}
	}
}

// TestChineseAndLatinHaveTheSameLine: it is cut off at the bottom otherwise, and rows with both sit lower.
func TestChineseAndLatinHaveTheSameLine(t *testing.T) {
	app := test.NewTempApp(t)
	app.Settings().SetTheme(kit.NewTheme(kit.AlwaysLight))
	for _, style := range []fyne.TextStyle{{}, {Bold: true}, {Monospace: true}} {
		size, base := app.Driver().RenderedTextSize("data", 100, style, nil)
		if want := float32(152); size.Height < want-1 || size.Height > want+1 || base < 115 || base > 117 {
			t.Errorf("a line in %+v is %v tall with its letters standing at %v, want %v and 116", style, size.Height, base, want)
		}
	}
}

func TestADialogStaysInsideTheWindow(t *testing.T) {
	w := show(t, kit.AlwaysLight, fyne.NewSize(400, 300), func() fyne.CanvasObject { return container.NewWithoutLayout() })
	code := kit.NewCodeView()
	code.Set(kit.Plainly("one line", kit.Muted))
	d := kit.NewDialog(w.Canvas(), 660, "A title", code, kit.NewButton("Close", kit.Plain, nil))
	inside := func(what string) (height float32) {
		t.Helper()
		top := w.Canvas().Overlays().Top()
		if top == nil {
			t.Fatal("the dialog is not open")
		}
		o := test.WidgetRenderer(top.(fyne.Widget)).Objects()[1]
		at, size := o.Position(), o.Size()
		if at.X < 10 || at.Y < 10 || at.X+size.Width > 390 || at.Y+size.Height > 290 || at.X+size.Width/2 != 200 {
			t.Errorf("%s: it is at %v, and %v large, in a window of 400 by 300", what, at, size)
		}
		return size.Height
	}
	low := inside("with a line")
	code.Set(kit.Plainly(strings.Repeat("a line\n", 100), kit.Muted))
	d.Reflow()
	if high := inside("with a hundred lines"); high <= low {
		t.Errorf("with a hundred lines it is %v high, and with one %v", high, low)
	}
	d.Close()
	if d.Open() || w.Canvas().Overlays().Top() != nil {
		t.Error("it is open after it was closed")
	}
}

func TestThreeStandOnOneLineOrOnTwo(t *testing.T) {
	first, note, last := kit.NewText("first", kit.Body, kit.Foreground), kit.NewText("a note", kit.Small, kit.Muted).Trim(), kit.NewButton("last", kit.Ghost, nil)
	box := kit.Along(300, 8, first, note, last)
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject { return container.NewWithoutLayout(box) })
	for width, below := range map[float32]bool{299: true, 300: false, 600: false} {
		box.Resize(fyne.NewSize(width, 80))
		for _, o := range []fyne.CanvasObject{note, last} {
			if got := o.Position().Y >= first.Position().Y+first.Size().Height; got != below {
				t.Errorf("in %v %T is below the first: %v, want %v", width, o, got, below)
			}
		}
		if end := last.Position().X + last.Size().Width; end != width || note.Position().X+note.Size().Width != last.Position().X-8 {
			t.Errorf("in %v the last ends at %v, and the note reaches to %v", width, end, note.Position().X+note.Size().Width)
		}
	}
}

func TestANoteStandsAfterItsTextOrBelow(t *testing.T) {
	text, note := kit.NewText("38 ms", kit.Figure, kit.Foreground), kit.NewText("p50", kit.Small, kit.Muted).Trim()
	box := kit.Caption(200, 8, text, note)
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject { return container.NewWithoutLayout(box) })
	for width, below := range map[float32]bool{199: true, 200: false} {
		box.Resize(fyne.NewSize(width, 80))
		if got := note.Position().X == 0 && note.Position().Y == text.Size().Height; got != below {
			t.Errorf("in %v the note is at %v, below the text: %v, want %v", width, note.Position(), got, below)
		}
		if !below && note.Position().Y+note.Baseline() != text.Position().Y+text.Baseline() {
			t.Errorf("in %v text and note do not stand on one line", width)
		}
	}
}

// TestRowsAreEven: what is left over does not stand alone, and the height is that of the columns there are, also after one has come or gone.
func TestRowsAreEven(t *testing.T) {
	var cards []fyne.CanvasObject
	for range 4 {
		cards = append(cards, kit.Caption(200, 8, kit.NewText("38 ms", kit.Figure, kit.Foreground), kit.NewText("p50", kit.Small, kit.Muted).Trim()))
	}
	box := kit.Even(150, 10, cards...)
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject { return container.NewWithoutLayout(box) })
	for _, tc := range []struct {
		width   float32
		hidden  bool
		columns int
	}{{640, false, 4}, {640, true, 3}, {560, false, 2}, {480, true, 3}, {320, false, 2}, {120, false, 1}} {
		cards[3].(*fyne.Container).Hidden = tc.hidden
		box.Resize(fyne.NewSize(tc.width, 400))
		columns := 0
		for _, c := range cards {
			if c.Visible() && c.Position().Y == 0 {
				columns++
			}
		}
		if columns != tc.columns {
			t.Errorf("in %v (hidden: %v) there are %d columns, want %d", tc.width, tc.hidden, columns, tc.columns)
		}
	}
	box.Resize(fyne.NewSize(640, 400))
	cards[3].(*fyne.Container).Hidden = true
	if got, want := box.MinSize().Height, kit.NewText("38 ms", kit.Figure, kit.Foreground).MinSize().Height; got != want {
		t.Errorf("with three cards it is %v high, want %v, as the notes stand after the figures then", got, want)
	}
}

func TestABannerMayBeLetBe(t *testing.T) {
	b := kit.NewBanner()
	w := show(t, kit.AlwaysLight, fyne.NewSize(700, 90), func() fyne.CanvasObject { return b.Root })
	helped, left := 0, 0
	b.Set(kit.Warming, "It is lost.", "", "Mend", func() { helped++ })
	if !b.SetLeave("Leave it so", func() { left++ }) || b.SetLeave("Leave it so", func() { left++ }) {
		t.Error("only the first of two equal changes gives the banner another shape")
	}
	w.Canvas().FocusNext()
	w.Canvas().Focused().TypedKey(key(fyne.KeySpace))
	w.Canvas().FocusNext()
	w.Canvas().Focused().TypedKey(key(fyne.KeySpace))
	if helped != 1 || left != 1 {
		t.Errorf("helped %d times and let it be %d times, want each once", helped, left)
	}
	b.SetLeave("", nil)
	w.Canvas().FocusNext()
	w.Canvas().FocusNext()
	if f, ok := w.Canvas().Focused().(*kit.Button); !ok || f.Label() != "Mend" {
		t.Errorf("without the second button the keyboard comes to %v", w.Canvas().Focused())
	}
}

// TestAPillThatSaysSomethingElseIsLaidOutAtOnce: one that waits for the toolkit to do it has the whole window painted twice.
func TestAPillThatSaysSomethingElseIsLaidOutAtOnce(t *testing.T) {
	var p *kit.Pill
	show(t, kit.AlwaysLight, small, func() fyne.CanvasObject {
		p = kit.NewPill("Ready", kit.Ready)
		return kit.Row(0, p)
	})
	back := test.WidgetRenderer(p).Objects()[0]
	if !p.Set("Being replaced", kit.Warming) {
		t.Error("another word leaves the width as it was")
	}
	if got, want := back.Size().Width, p.MinSize().Width; got != want {
		t.Errorf("the background is %v wide, want %v as the new word wants", got, want)
	}
}

// TestAFieldIsFramedWhileItHasTheKeyboard, and no longer.
func TestAFieldIsFramedWhileItHasTheKeyboard(t *testing.T) {
	field, next := kit.NewField("", 100), kit.NewButton("next", kit.Plain, nil)
	w := show(t, kit.AlwaysLight, small, func() fyne.CanvasObject { return kit.Row(10, field, next) })
	framed := func() bool {
		ring, ok := test.WidgetRenderer(field).Objects()[0].(*canvas.Rectangle)
		if !ok {
			t.Fatal("a field does not begin with its ring")
		}
		_, _, _, alpha := ring.FillColor.RGBA()
		return alpha > 0
	}
	w.Canvas().Focus(field.Entry)
	if !framed() {
		t.Error("a field that has the keyboard has no ring")
	}
	w.Canvas().FocusNext()
	if w.Canvas().Focused() != next || framed() {
		t.Error("a field has its ring still when the keyboard has left it")
	}
}

// TestTheSecondHalfOfABannerFollowsTheFirst, also when that has become shorter.
func TestTheSecondHalfOfABannerFollowsTheFirst(t *testing.T) {
	b := kit.NewBanner()
	w := show(t, kit.AlwaysLight, fyne.NewSize(700, 90), func() fyne.CanvasObject { return b.Root })
	gap := func(first, second string) float32 {
		b.Set(kit.Warming, first, second, "", nil)
		var end, start float32
		each(w.Content(), func(o fyne.CanvasObject) {
			if text, ok := o.(*canvas.Text); ok {
				at := fyne.CurrentApp().Driver().AbsolutePositionForObject(text).X
				switch text.Text {
				case first:
					end = at + text.MinSize().Width
				case second:
					start = at
				}
			}
		})
		return start - end
	}
	wide, short := gap("The engine that runs code here is being compiled.", "3 s so far."), gap("It starts.", "4 s so far.")
	if wide < 5 || wide > 30 || short != wide {
		t.Errorf("the second half begins %v after the first, and %v after a shorter one", wide, short)
	}
}

// each visits an object and everything in it.
func each(o fyne.CanvasObject, visit func(fyne.CanvasObject)) {
	visit(o)
	var below []fyne.CanvasObject
	switch o := o.(type) {
	case *fyne.Container:
		below = o.Objects
	case fyne.Widget:
		below = test.WidgetRenderer(o).Objects()
	}
	for _, child := range below {
		each(child, visit)
	}
}
