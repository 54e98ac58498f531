//go:build !linux

package main

import "context"

// settleBus has nothing to do: there is no such bus.
func settleBus() error { return nil }

// awaitTray reports whether the desktop shows tray items: this one always does.
func awaitTray(context.Context) bool { return true }
