package kit_test

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// hinted is a window with a layer of hints above some things.
func hinted(t *testing.T, size fyne.Size, things ...fyne.CanvasObject) (fyne.Window, *kit.Hints) {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(kit.NewTheme(kit.AlwaysLight))
	w := app.NewWindow("")
	t.Cleanup(w.Close)
	w.SetPadded(false)
	hints := kit.NewHints()
	hints.Rest = time.Hour // the mouse does not rest as long
	t.Cleanup(hints.Close)
	w.SetContent(container.NewStack(kit.NewBox(kit.Background, 0), kit.PadAll(10, kit.Col(4, things...)), hints.Root))
	w.Resize(size)
	return w, hints
}

// TestAButtonWithoutAWordSaysWhatItDoes to whom the keyboard has brought there.
func TestAButtonWithoutAWordSaysWhatItDoes(t *testing.T) {
	done := 0
	icon, word := kit.NewIconButton("close", "Close", kit.Quiet, func() { done++ }), kit.NewButton("Copy", kit.Plain, nil)
	nav := kit.NewNav("settings", "Settings", nil)
	nav.SetKeys("Ctrl+5")
	w, hints := hinted(t, fyne.NewSize(300, 200), kit.Row(0, icon, kit.Spring()), word, nav)
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"nobody is at anything", func() {}, ""},
		{"the keyboard comes to the icon", func() { w.Canvas().Focus(icon) }, "Close"},
		{"it goes on to a button with a word", func() { w.Canvas().Focus(word) }, ""},
		{"it goes on to the navigation", func() { w.Canvas().Focus(nav) }, "Settings   Ctrl+5"},
		{"somebody wants it away", func() { nav.TypedKey(key(fyne.KeyEscape)) }, ""},
		{"the keyboard comes back", func() { w.Canvas().Focus(icon) }, "Close"},
		{"the icon is pressed", func() { icon.TypedKey(key(fyne.KeySpace)) }, ""},
		{"the mouse comes", func() { w.Canvas().Unfocus(); icon.MouseIn(nil) }, ""}, // and has not rested yet
		{"the mouse goes", func() { icon.MouseOut() }, ""},
	} {
		if step.do(); hints.Text() != step.want {
			t.Errorf("when %s the hint is %q, want %q", step.name, hints.Text(), step.want)
		}
	}
	if done != 1 {
		t.Errorf("the button was pressed %d times, want once", done)
	}
}

// TestAHintStaysInTheWindow at each of its corners.
func TestAHintStaysInTheWindow(t *testing.T) {
	left, right := kit.NewIconButton("close", "A rather long name of a button", kit.Quiet, nil), kit.NewIconButton("more", "A rather long name of a button", kit.Quiet, nil)
	size := fyne.NewSize(300, 80)
	w, hints := hinted(t, size, kit.Spring(), kit.Row(0, left, kit.Spring(), right))
	for _, b := range []*kit.Button{left, right} {
		w.Canvas().Focus(b)
		bubble := hints.Root.Objects[0]
		at, end := bubble.Position(), bubble.Position().Add(bubble.Size())
		if at.X < 0 || at.Y < 0 || end.X > size.Width || end.Y > size.Height {
			t.Errorf("the hint goes from %v to %v in a window of %v", at, end, size)
		}
		if of := w.Canvas().Content().Size(); of != size {
			t.Errorf("the hint makes the window %v, want %v", of, size)
		}
	}
}
