//go:build linux

package main

import (
	"io"
	"sync"

	"fyne.io/fyne/v2"                //nolint:depguard // a peer to be measured
	"fyne.io/fyne/v2/driver/desktop" //nolint:depguard // a peer to be measured
	"fyne.io/fyne/v2/widget"         //nolint:depguard // a peer to be measured
)

// bare is the least that a program with a tray item and a hidden window can be.
func bare(stdin io.Reader) error {
	a := newApp("bare")
	window := a.NewWindow("Bare")
	window.SetContent(widget.NewLabel("bare"))
	if d, ok := a.(desktop.App); ok {
		d.SetSystemTrayMenu(fyne.NewMenu("", fyne.NewMenuItem("Open", window.Show)))
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_, _ = io.Copy(io.Discard, stdin) // that it ends is all that matters
		fyne.Do(a.Quit)
	})
	a.Run()
	waiting.Wait()
	return nil
}
