package main

import (
	"context"
	"os"
	"strconv"

	"github.com/godbus/dbus/v5"
)

const (
	busVariable = "DBUS_SESSION_BUS_ADDRESS"
	watcher     = "org.kde.StatusNotifierWatcher" // who has this name shows the tray's items
)

// settleBus names the bus of the user's session in the environment where it is not named. Libraries that look for it would start one
// where there is none, and leave it behind.
func settleBus() error {
	if address := os.Getenv(busVariable); address != "" && address != "autolaunch:" {
		return nil
	}
	return os.Setenv(busVariable, "unix:path=/run/user/"+strconv.Itoa(os.Getuid())+"/bus")
}

// hasTray reports whether the desktop shows tray items. Plain GNOME does not.
func hasTray(ctx context.Context) bool {
	bus, err := dbus.Connect(os.Getenv(busVariable), dbus.WithContext(ctx))
	if err != nil {
		return false
	}
	defer func() { _ = bus.Close() }() // nothing was asked for that could be lost
	var owned bool
	err = bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, watcher).Store(&owned)
	return err == nil && owned
}
