package ui

import "context"

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
	case TrayNothing, TrayOpen, TrayQuit:
	}
}
