package ui

// TellTrayless says, on a desktop without a tray, how to come back to a window that is closed.
func (w *Window) TellTrayless() { w.Tell(w.d.Say("tray.none"), true) }
