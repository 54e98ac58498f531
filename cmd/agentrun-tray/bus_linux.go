package main

import (
	"context"
	"os"
	"strconv"
	"time"

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

// trayPatience is how long a desktop that was just logged in to may take until it shows tray items: it starts beside us.
const trayPatience = 5 * time.Second

// awaitTray reports whether the desktop shows tray items, or does in a moment. Plain GNOME does not.
func awaitTray(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, trayPatience)
	defer cancel()
	bus, err := dbus.Connect(os.Getenv(busVariable), dbus.WithContext(ctx))
	if err != nil {
		return false
	}
	defer func() { _ = bus.Close() }() // nothing was asked for that could be lost
	owners := make(chan *dbus.Signal, 4)
	bus.Signal(owners)
	const service = "org.freedesktop.DBus"
	if err := bus.AddMatchSignalContext(ctx, dbus.WithMatchSender(service), dbus.WithMatchInterface(service), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcher)); err != nil {
		return false
	}
	var owned bool
	err = bus.BusObject().CallWithContext(ctx, service+".NameHasOwner", 0, watcher).Store(&owned)
	for err == nil && !owned {
		select {
		case s, ok := <-owners:
			if !ok {
				return false
			}
			var name, before, now string
			err = dbus.Store(s.Body, &name, &before, &now)
			owned = name == watcher && now != ""
		case <-ctx.Done():
			return false
		}
	}
	return owned
}
