package ui

import (
	"context"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// Choose does what an item of the tray's menu stands for. Opening the window and quitting are left to whoever has the tray. When it
// fails the window says why, and show brings it into sight for that.
func (w *Window) Choose(item TrayItem, show func()) {
	do := func(failed string, work func(ctx context.Context) error) {
		w.d.errands.run(work, func(err error) {
			if err != nil {
				show()
				w.d.fail(failed, err)
			}
		})
	}
	switch item.Action {
	case TrayPause:
		do(w.d.Say("fail.pause"), w.host.PausePool)
	case TrayResume:
		do(w.d.Say("fail.resume"), w.host.ResumePool)
	case TrayCopy:
		w.d.copy(item.Value)
	case TrayBackend:
		do(w.d.Say("fail.backend"), func(ctx context.Context) error { return w.host.ChooseBackend(ctx, item.Value) })
	case TrayAutostart:
		do(w.d.Say("fail.autostart"), func(ctx context.Context) error { return w.host.SetAutostart(ctx, !item.Checked) })
	case TrayEditors:
		show()
		w.Open(PlaceEditors)
	case TrayEditor:
		w.chooseEditor(item.Value, show)
	case TrayNothing, TrayOpen, TrayQuit:
	}
}

// chooseEditor connects or disconnects an editor. What has to be asked before, what failed, and what went another
// way than usual is in its row, which is shown then.
func (w *Window) chooseEditor(id string, show func()) {
	row, ok := w.view.Editors.byID(id)
	if !ok {
		return // it is gone since the menu was opened
	}
	c := EditorChange{ID: id, On: !row.there() || row.State == EditorStale}
	bring := func() *editorRow {
		show()
		w.Open(PlaceEditors)
		return w.editors.list.row(row)
	}
	switch row.State {
	case EditorEdited, EditorElsewhere, EditorSilent, EditorUnread:
		bring()
		return
	case EditorConnected, EditorStale, EditorOff:
	}
	var remarks []Remark
	w.d.errands.run(func(ctx context.Context) (err error) {
		remarks, err = w.host.ChangeEditor(ctx, c)
		return err
	}, func(err error) {
		switch {
		case err == nil && len(remarks) == 0:
		case w.first != nil && err == nil:
			show()
			w.d.toasts.Show(w.d.remarks(w.d.Product(row.Name), remarks), kit.Warming)
		case w.first != nil: // the first steps have rows of their own
			show()
			failed := w.d.Say("fail.disconnect")
			if c.On {
				failed = w.d.Say("fail.connect")
			}
			w.d.fail(failed, err)
		default:
			bring().changed(c, remarks, err)
		}
	})
}
