package ui

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// page is a rig of a window that has something else in it than a [Window].
func page(t *testing.T) *rig {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(kit.NewTheme(kit.AlwaysLight))
	win := app.NewWindow("")
	win.Resize(fyne.NewSize(1080, 700))
	t.Cleanup(win.Close)
	errands := newErrands()
	return &rig{t: t, host: &recorder{refuse: map[string]error{}}, win: win, window: &Window{d: &desk{errands: errands}}, posted: make(chan func(), 100)}
}

func TestTheHostWithoutAWindowIsLeftOrFollowed(t *testing.T) {
	r := page(t)
	q := NewTakeover(r.win, TakeoverOptions{
		Language: "en", PID: 4711, Version: "1.2.3",
		Take:  func(context.Context) error { return r.host.note("take") },
		Taken: func() { _ = r.host.note("taken") },
		Leave: func() { _ = r.host.note("leave") },
	})
	t.Cleanup(q.Close)
	r.window.d.errands = q.errands
	q.errands.post = func(f func()) { r.posted <- f }
	r.wants("AgentRun Tray runs already, without a window", "process 4711, version 1.2.3")
	r.tap("Leave it running")
	r.asked("leave")
	r.host.refuse["take"] = errors.New("it does not end")
	r.tap("Go on here")
	r.asked("take")
	r.wants("It does not end.")
	delete(r.host.refuse, "take")
	test.Tap(q.yes)
	r.wants("Ending the other one")
	if !q.yes.Disabled() || !q.no.Disabled() {
		t.Error("while the other one is ended, another answer can be given")
	}
	r.settle()
	r.asked("take", "taken")
}

func TestAProgramThatCannotStartSaysWhy(t *testing.T) {
	for _, tc := range []struct {
		language string
		why      error
		want     string
	}{
		{"en", errors.New("become the host: no such folder"), "Become the host: no such folder."},
		{"en", fmt.Errorf("become the host: %w", syscall.ENOSPC), "The disk is full. Make room, and try again."},
		{"zh", fmt.Errorf("become the host: %w", syscall.ENOSPC), "磁盘已满"},
	} {
		r := page(t)
		ShowTrouble(r.win, TroubleOptions{Language: tc.language, Why: tc.why, LogFolder: "/home/u/log", Leave: func() { _ = r.host.note("leave") }})
		r.wants(tc.want, "/home/u/log")
		r.lacks("no space left")
		r.win.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
		r.asked("leave")
	}
}
