package ui

import "github.com/agentrun-tray/agentrun-tray/internal/ui/words"

// NewFirstTrayMenu makes the menu of a tray that has no host to tell of yet.
func NewFirstTrayMenu(w *words.Words) TrayMenu {
	return TrayMenu{Icon: TrayPaused, Items: []TrayItem{{Label: w.Say("tray.open"), Action: TrayOpen}, {}, {Label: w.Say("tray.quit"), Action: TrayQuit}}}
}

// TellTrayless says, on a desktop without a tray, how to come back to a window that is closed, and how to quit.
func (w *Window) TellTrayless() { w.Tell(w.d.Say("tray.none", "keys", keysOf("quit")), true) }

// TraylessNotification says it once more when the window was closed, as nothing else is in sight then.
func TraylessNotification(w *words.Words) Notification {
	return Notification{Title: w.Say("app"), Text: w.Say("tray.none.closed", "keys", keysOf("quit"))}
}
