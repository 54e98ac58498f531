package main

import (
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
