//go:build linux

package main

import (
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"

	"fyne.io/fyne/v2"                //nolint:depguard // what is measured draws on it
	"fyne.io/fyne/v2/driver/desktop" //nolint:depguard // what is measured draws on it

	"github.com/agentrun-tray/agentrun-tray/internal/ui"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

const (
	sessions = 20
	contexts = 1000

	pace   = 50 * time.Millisecond // the desktop program makes no more views, so that each is painted before the next
	warmUp = 20                    // views, until texts have been measured and the page is there
)

// figures are how long the UI goroutine was busy with each view of a place, in nanoseconds, and what it took in all.
type figures struct {
	Changed   []time.Duration `json:"changed"`    // views of which every session and one context have changed, at the pace of the program
	Equal     []time.Duration `json:"equal"`      // views that look like the one before, and are made of other slices
	PerSecond float64         `json:"per_second"` // changed views, as fast as they are taken
}

// easel is a window that is drawn in, and the tray beside it, as the desktop program has them. Its fields belong to the UI goroutine.
type easel struct {
	face *ui.Window
	tray *ui.Tray
	says *words.Words
}

// nobody is a host that is asked for nothing but which notebook is wanted.
type nobody struct{ ui.Host }

func (nobody) WatchContext(string) {}

// draw has the window take views at the places where most is drawn, as many each way, and prints what that took. The toolkit paints when
// it gets to it, as it does in the desktop program.
func draw(views int, stdout io.Writer) error {
	a := newApp("draw")
	a.Settings().SetTheme(kit.NewTheme(kit.AlwaysLight))
	e := &easel{says: words.In("en")}
	if d, ok := a.(desktop.App); ok {
		e.tray = ui.NewTray(d, false, func(ui.TrayItem) {})
		e.tray.Show(ui.NewFirstTrayMenu(e.says))
	}
	window := a.NewWindow("Draw")
	window.Resize(fyne.NewSize(1080, 700))
	took := make(map[ui.Place]figures)
	var drawing sync.WaitGroup
	a.Lifecycle().SetOnStarted(func() {
		e.face = ui.NewWindow(a, window, nobody{}, ui.Options{Language: "en"})
		window.Show()
		drawing.Go(func() {
			for _, place := range []ui.Place{ui.PlaceOverview, ui.PlaceContexts} {
				took[place] = e.measure(place, views)
			}
			fyne.Do(func() {
				e.face.Close()
				a.Quit()
			})
		})
	})
	a.Run()
	drawing.Wait()
	return json.NewEncoder(stdout).Encode(took)
}

// measure draws at a place. It is called beside the UI goroutine.
func (e *easel) measure(place ui.Place, views int) figures {
	fyne.DoAndWait(func() { e.face.Open(place) })
	var f figures
	view, n := firstView(), 0
	next := func() time.Duration {
		view, n = nextView(view, n), n+1
		return e.take(view)
	}
	steady := time.NewTicker(pace)
	defer steady.Stop()
	for range warmUp + views {
		took := next()
		if n > warmUp {
			f.Changed = append(f.Changed, took)
		}
		<-steady.C
	}
	for range views {
		view.Sessions, view.Contexts = slices.Clone(view.Sessions), slices.Clone(view.Contexts)
		f.Equal = append(f.Equal, e.take(view))
	}
	began := time.Now()
	for range views {
		next()
	}
	f.PerSecond = float64(views) / time.Since(began).Seconds()
	return f
}

// take draws a view as the desktop program does, and tells how long the UI goroutine was at it.
func (e *easel) take(v ui.View) (took time.Duration) {
	fyne.DoAndWait(func() {
		began := time.Now()
		if e.face.Render(v) && e.tray != nil {
			e.tray.Show(ui.NewTrayMenu(e.says, &v))
		}
		took = time.Since(began)
	})
	return took
}
