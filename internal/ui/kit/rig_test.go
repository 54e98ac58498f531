package kit_test

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// show puts an object into a window of the toolkit's test driver.
func show(t testing.TB, mode kit.Mode, size fyne.Size, make func() fyne.CanvasObject) fyne.Window {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(kit.NewTheme(mode))
	w := app.NewWindow("")
	t.Cleanup(w.Close)
	w.SetPadded(false)
	w.SetContent(kit.Layer(kit.NewBox(kit.Background, 0), make()))
	w.Resize(size)
	return w
}
