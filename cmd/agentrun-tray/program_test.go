package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// silentDesktop is asked to show something, and never answers.
type silentDesktop struct {
	fyne.App
	end chan struct{}
}

func (d silentDesktop) SendNotification(*fyne.Notification) { <-d.end }

// TestADesktopThatDoesNotAnswerHoldsNothingUp: the window was frozen, and the program could not be ended.
func TestADesktopThatDoesNotAnswerHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := silentDesktop{end: make(chan struct{})}
		p := &program{app: d, log: slog.New(slog.DiscardHandler), notes: make(chan *fyne.Notification, notesKept), over: make(chan struct{})}
		go p.sendNotes()
		for range 2 * notesKept {
			p.notify(fyne.NewNotification("title", "text"))
		}
		if err := p.leave(); err != nil {
			t.Errorf("leave = %v", err)
		}
		close(d.end)
	})
}

// TestAHostThatTakesOverHasTheSettingsOfTheOther, which may have changed them while the question was to be answered.
func TestAHostThatTakesOverHasTheSettingsOfTheOther(t *testing.T) {
	dirs := folders(t)
	if err := paths.EnsurePrivate(dirs.Config); err != nil {
		t.Fatal(err)
	}
	p := &program{log: slog.New(slog.DiscardHandler), opt: app.Options{Dirs: dirs, Config: config.Default(), Listen: config.Default().Listen(), LogLevel: new(slog.LevelVar)}}
	for name, value := range map[string]any{"backend": "mock", "http.enabled": false, "log_level": "debug"} {
		if err := config.Set(dirs.Config, name, value); err != nil {
			t.Fatal(err)
		}
	}
	h, err := p.succeed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for v := range h.desk.Views(t.Context()) {
		if v.Backend.Name != "mock" || v.Settings.Values["log_level"] != "debug" || v.Addresses.HTTP != "" {
			t.Errorf("the host is on %s and %q, with the settings %v", v.Backend.Name, v.Addresses.HTTP, v.Settings.Values)
		}
		break
	}
	if got := p.opt.LogLevel.Level(); got != slog.LevelDebug {
		t.Errorf("it logs from %v on, want debug", got)
	}
	h.end()
	<-h.ended
	p.workers.Wait()
	if h.failure != nil {
		t.Errorf("the host ended with %v", h.failure)
	}
}

// foreground is a toolkit that tells when the window comes to the front, and when it leaves it.
type foreground struct {
	fyne.App
	life *life
}

func (f foreground) Lifecycle() fyne.Lifecycle { return f.life }

type life struct {
	fyne.Lifecycle
	entered, exited func()
}

func (l *life) SetOnEnteredForeground(do func()) { l.entered = do }

func (l *life) SetOnExitedForeground(do func()) { l.exited = do }

// TestWhoDoesNotSeeTheWindowIsNotified, also when it is open behind others.
func TestWhoDoesNotSeeTheWindowIsNotified(t *testing.T) {
	f := &life{}
	p := &program{app: foreground{life: f}, log: slog.New(slog.DiscardHandler), words: words.In("en"), notes: make(chan *fyne.Notification, notesKept)}
	p.watchFront()
	var before, now ui.View
	now.Problems = []status.Problem{{Code: status.NoSandbox, What: "Sandboxes cannot be made at the moment."}}
	for _, tc := range []struct {
		name  string
		shown bool
		do    func()
		want  int
	}{
		{"hidden", false, func() {}, 1},
		{"in front", true, f.entered, 0},
		{"behind another window", true, f.exited, 1},
		{"in front again", true, f.entered, 0},
		{"hidden while it was in front", false, func() {}, 1},
	} {
		p.shown = tc.shown
		tc.do()
		p.tell(&before, &now)
		if got := len(p.notes); got != tc.want {
			t.Errorf("%s: %d notifications, want %d", tc.name, got, tc.want)
		}
		for len(p.notes) > 0 {
			<-p.notes
		}
	}
}

// blindWindow is one of a display that gives none.
type blindWindow struct{ fyne.Window }

func (blindWindow) Show() { panic("no OpenGL") }

type quits struct {
	fyne.App
	n int
}

func (q *quits) Quit() { q.n++ }

// TestAWindowThatCannotBeMadeEndsTheProgram in order, whenever it is wanted: at the start, or later by somebody who finds it hidden.
func TestAWindowThatCannotBeMadeEndsTheProgram(t *testing.T) {
	q := &quits{}
	p := &program{app: q, window: blindWindow{}, log: slog.New(slog.DiscardHandler)}
	p.show()
	if _, is := errors.AsType[*usageError](p.failure); !is || q.n != 1 {
		t.Errorf("the failure is %v and the program was ended %d times, want a sentence about the display and once", p.failure, q.n)
	}
}

// TestAProgramThatEndsNeedsNoTray: it does not show its window once more when it finds that there is none.
func TestAProgramThatEndsNeedsNoTray(t *testing.T) {
	q := &quits{}
	p := &program{app: q, window: blindWindow{}, log: slog.New(slog.DiscardHandler)}
	p.quit()
	p.doWithoutTray()
	if p.failure != nil || q.n != 1 {
		t.Errorf("the window was wanted (%v), and the program was ended %d times, want it not and once", p.failure, q.n)
	}
}

// TestTheEngineWaitsForTheWindow until it is painted, and not for ever, nor longer than the program runs.
func TestTheEngineWaitsForTheWindow(t *testing.T) {
	for name, tc := range map[string]struct{ painted, ends, want time.Duration }{
		"painted":       {painted: 300 * time.Millisecond, ends: time.Hour, want: 300 * time.Millisecond},
		"never painted": {painted: time.Hour, ends: time.Hour, want: sightPatience},
		"ended":         {painted: time.Hour, ends: time.Second, want: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tc.ends)
				defer cancel()
				painted := make(chan struct{})
				paint := time.AfterFunc(tc.painted, func() { close(painted) })
				defer paint.Stop()
				began := time.Now()
				awaitSight(ctx, painted)
				if took := time.Since(began); took != tc.want {
					t.Errorf("waited %v, want %v", took, tc.want)
				}
			})
		})
	}
}
