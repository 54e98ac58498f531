//go:build test

package kit_test

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// TestPictures compares each widget with its picture. They are drawn with the fonts that come with the toolkit alone, which the tag
// test sees to. After a change that is meant, look at testdata/failed and copy from there.
func TestPictures(t *testing.T) {
	lines := kit.Colour("import json\n\n# a comment\nfor n in range(3):\n    print(f\"{n:02}\", 1.5e3)", "python")
	for name, s := range map[string]struct {
		size fyne.Size
		make func() fyne.CanvasObject
	}{
		"pills": {fyne.NewSize(420, 60), func() fyne.CanvasObject {
			return kit.PadAll(16, kit.Row(8, kit.NewPill("Ready", kit.Ready), kit.NewPill("In use", kit.Accent), kit.NewPill("Starting", kit.Warming), kit.NewPill("Failed", kit.Problem), kit.NewBadge("12")))
		}},
		"buttons": {fyne.NewSize(640, 70), func() fyne.CanvasObject {
			off := kit.NewButton("Off", kit.Primary, nil)
			off.Disable()
			return kit.PadAll(16, kit.Row(8, kit.NewButton("Pause", kit.Plain, nil), kit.NewButton("Try it", kit.Primary, nil), kit.NewButton("Details", kit.Ghost, nil),
				kit.NewButton("Copy", kit.Quiet, nil), kit.NewButton("Stop", kit.Danger, nil), kit.NewButton("Interrupt", kit.Halt, nil), kit.NewButton("End", kit.Fatal, nil), off, kit.NewLeadButton("folder", "Logs", kit.Plain, nil), kit.NewIconButton("more", "More", kit.Quiet, nil)))
		}},
		"rings": {fyne.NewSize(384, 90), func() fyne.CanvasObject {
			row := kit.Row(12)
			for _, r := range []struct {
				part         float64
				figure, unit string
				tone         fyne.ThemeColorName
			}{{0, "0", "s", kit.Warming}, {0.07, "4", "min", kit.Warming}, {0.5, "30", "min", kit.Accent}, {0.97, "58", "min", kit.Ready}, {1, "12", "h", kit.Ready}} {
				ring := kit.NewRing()
				ring.Set(r.part, r.figure, r.unit, r.tone)
				row.Add(ring)
			}
			return kit.PadAll(16, row)
		}},
		"spark": {fyne.NewSize(240, 160), func() fyne.CanvasObject {
			s, bar, one, none := kit.NewSpark(kit.Accent), kit.NewBar(), kit.NewSpark(kit.Ready), kit.NewSpark(kit.Ready)
			none.Set(make([]float64, 24))
			one.Set([]float64{2})
			s.Set([]float64{4, 6, 5, 9, 7, 10, 15, 9, 7, 11, 13, 8, 6, 10, 14, 12, 9, 7, 10, 13})
			bar.Set(0.3, kit.Accent)
			return kit.PadAll(16, kit.Col(12, kit.Fix(0, 42, s), bar, kit.Row(10, kit.Fix(60, 20, one), kit.Fix(60, 20, kit.NewSpark(kit.Ready)), kit.Fix(60, 20, none))))
		}},
		"banner": {fyne.NewSize(520, 220), func() fyne.CanvasObject {
			short, long, info := kit.NewBanner(), kit.NewBanner(), kit.NewBanner()
			info.Set(kit.Accent, "The engine is being compiled.", "That takes 8 s.", "", nil)
			short.Set(kit.Warming, "It ends in 4 min.", "Its context moves.", "Details", nil)
			long.Set(kit.Problem, "Sandboxes cannot be made at the moment.", "The service refused the key, and says that its signature does not match.", "Try now", nil)
			return kit.PadAll(16, kit.Col(10, short.Root, long.Root, info.Root))
		}},
		"switches": {fyne.NewSize(470, 70), func() fyne.CanvasObject {
			return kit.PadAll(16, kit.Row(12, kit.NewSwitch("a", true, nil), kit.NewSwitch("b", false, nil),
				kit.NewSegments("c", []kit.Option{{Value: "1", Label: "System"}, {Value: "2", Label: "Light"}, {Value: "3", Label: "Dark"}}, "2", nil),
				kit.NewDropdown("d", []kit.Option{{Value: "1", Label: "Hangzhou"}}, "1", nil)))
		}},
		"fields": {fyne.NewSize(420, 90), func() fyne.CanvasObject {
			hint, bad := kit.NewSearch("Filter", 160), kit.NewField("", 160)
			bad.Entry.SetText("lots")
			bad.SetFault("Enter a number.")
			return kit.PadAll(16, kit.Row(12, hint, bad))
		}},
		"code": {fyne.NewSize(360, 140), func() fyne.CanvasObject {
			v := kit.NewCodeView()
			v.Set(lines)
			return kit.PadAll(16, kit.InCode(v))
		}},
		"nav": {fyne.NewSize(200, 140), func() fyne.CanvasObject {
			on, off, few := kit.NewNav("overview", "Overview", nil), kit.NewNav("contexts", "Contexts", nil), kit.NewNav("settings", "Settings", nil)
			on.SetOn(true)
			off.SetBadge("3")
			return kit.PadAll(10, kit.Col(2.5, on, off, few))
		}},
		"choices": {fyne.NewSize(420, 150), func() fyne.CanvasObject {
			on, off := kit.NewChoice("a", kit.NewText("This computer", kit.Heading, kit.Foreground), nil), kit.NewChoice("b", kit.NewText("The cloud", kit.Heading, kit.Foreground), nil)
			on.SetChosen(true)
			number := kit.NewStepper("fewer", "more", nil)
			number.Set(3, 0, 20)
			return kit.PadAll(16, kit.Col(14, kit.Split(100, 14, on, off), kit.Row(0, number.Root, kit.Spring())))
		}},
		"toasts": {fyne.NewSize(460, 150), func() fyne.CanvasObject {
			toasts := kit.NewToasts()
			toasts.Stay = time.Hour
			t.Cleanup(toasts.Close)
			toasts.Show("The pool could not be paused. The host is about to end, so that nothing can be changed.", kit.Problem)
			toasts.Show("Copied.", kit.Ready)
			return toasts.Root
		}},
		"table": {fyne.NewSize(460, 190), func() fyne.CanvasObject {
			r := kit.NewRows(func(s string) string { return s }, "", "",
				kit.Column[string]{Title: "Name", Width: 100, Grow: 1, Cell: func(s string) kit.Cell { return kit.Cell{Text: s, Bold: s == "sales"} }, Compare: func(a, b string) int { return len(a) - len(b) }},
				kit.Column[string]{Title: "State", Width: 172, Cell: func(s string) kit.Cell {
					switch s {
					case "sales":
						return kit.Cell{Text: "Running", Tone: kit.Accent, Pill: true, Act: "Interrupt", ActOf: "Interrupt: sales"}
					case "x":
						return kit.Cell{Text: "ConfigurationSettingError", Tone: kit.Problem, Pill: true}
					}
					return kit.Cell{Text: "Idle", Tone: kit.Ready, Pill: true}
				}},
				kit.Column[string]{Title: "Id", Width: 60, Cell: func(string) kit.Cell { return kit.Cell{Text: "8f2c", Mono: true, Tone: kit.Muted} }})
			r.Set([]string{"sales", "a name that is longer than its column is wide", "x"})
			r.Pinned = func(s string) bool { return s == "sales" }
			r.SortBy(0, true)
			r.Choose("sales")
			return kit.PadAll(10, r.Root)
		}},
	} {
		for _, mode := range []kit.Mode{kit.AlwaysLight, kit.AlwaysDark} {
			t.Run(name+"-"+string(mode), func(t *testing.T) {
				w := show(t, mode, s.size, s.make)
				test.AssertRendersToImage(t, name+"-"+string(mode)+".png", w.Canvas())
			})
		}
	}
}

// TestPictureOfAHint: it stands below what it is about, above everything else.
func TestPictureOfAHint(t *testing.T) {
	for _, mode := range []kit.Mode{kit.AlwaysLight, kit.AlwaysDark} {
		app := test.NewTempApp(t)
		app.Settings().SetTheme(kit.NewTheme(mode))
		w := app.NewWindow("")
		t.Cleanup(w.Close)
		w.SetPadded(false)
		more, hints := kit.NewIconButton("more", "What can be done", kit.Quiet, nil), kit.NewHints()
		t.Cleanup(hints.Close)
		w.SetContent(kit.Layer(kit.NewBox(kit.Background, 0), kit.PadAll(16, kit.Col(8, kit.Row(0, kit.Spring(), more, kit.Spring()), kit.NewButton("Below", kit.Plain, nil))), hints.Root))
		w.Resize(fyne.NewSize(200, 100))
		w.Canvas().Focus(more)
		test.AssertRendersToImage(t, "hint-"+string(mode)+".png", w.Canvas())
	}
}

// TestPicturesAtTwiceTheScale: strokes, rings and curves are as sharp there.
func TestPicturesAtTwiceTheScale(t *testing.T) {
	w := show(t, kit.AlwaysLight, fyne.NewSize(220, 160), func() fyne.CanvasObject {
		ring, spark := kit.NewRing(), kit.NewSpark(kit.Ready)
		ring.Set(0.7, "42", "min", kit.Ready)
		spark.Set([]float64{1, 3, 2, 5, 4, 6})
		return kit.PadAll(12, kit.Col(8, kit.Row(10, ring, kit.NewIcon("settings", 16, kit.Foreground), kit.NewPill("Ready", kit.Ready)), kit.Fix(0, 42, spark)))
	})
	scaled, ok := w.Canvas().(software.WindowlessCanvas)
	if !ok {
		t.Fatal("the canvas of the test driver has no scale to set")
	}
	scaled.SetScale(2)
	w.Content().Refresh()
	w.Resize(fyne.NewSize(220, 160))
	test.AssertRendersToImage(t, "scale2-light.png", w.Canvas())
}
