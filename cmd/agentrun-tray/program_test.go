package main

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"fyne.io/fyne/v2"
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
