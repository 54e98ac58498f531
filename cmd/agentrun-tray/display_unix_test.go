//go:build unix && !darwin

package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestDisplayAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ display, network, address string }{
		{":0", "unix", "/tmp/.X11-unix/X0"},
		{":77.1", "unix", "/tmp/.X11-unix/X77"},
		{"unix:3", "unix", "/tmp/.X11-unix/X3"},
		{"localhost:10.0", "tcp", "localhost:6010"},
		{"[::1]:1", "tcp", "[::1]:6001"},
		{"/private/tmp/launch/org.x:0", "unix", "/private/tmp/launch/org.x:0"},
	} {
		network, address, err := displayAddress(c.display)
		if network != c.network || address != c.address || err != nil {
			t.Errorf("displayAddress(%q) = %q, %q, %v, want %q, %q", c.display, network, address, err, c.network, c.address)
		}
	}
	for _, display := range []string{"0", ":", ":x", "host:", ":-1"} {
		if network, address, err := displayAddress(display); err == nil {
			t.Errorf("displayAddress(%q) = %q, %q, want an error", display, network, address)
		}
	}
}

func TestADisplayIsFoundWhereSomebodyListens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "wayland-9"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nobody := filepath.Join(dir, "nobody")
	for _, c := range []struct {
		name string
		env  map[string]string
		says string // "" for a display
	}{
		{"neither variable is set", nil, "there is no display"},
		{"a compositor listens", map[string]string{"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": dir}, ""},
		{"its socket is named in full", map[string]string{"WAYLAND_DISPLAY": filepath.Join(dir, "wayland-9")}, ""},
		{"nobody listens", map[string]string{"DISPLAY": nobody + ":0"}, "cannot be reached"},
		{"one of two listens", map[string]string{"DISPLAY": nobody + ":0", "WAYLAND_DISPLAY": filepath.Join(dir, "wayland-9")}, ""},
		{"the name means nothing", map[string]string{"DISPLAY": "nonsense"}, "names no display"},
	} {
		err := findDisplay(t.Context(), func(name string) string { return c.env[name] })
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("findDisplay where %s = %v, want %q", c.name, err, c.says)
		}
	}
}
