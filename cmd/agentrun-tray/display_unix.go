//go:build unix && !darwin

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// displayPatience is how long a display on another computer may take to answer.
const displayPatience = 3 * time.Second

// findDisplay says why there is no display to show a window on, or nil. The toolkit is not asked, for it does not survive that.
func findDisplay(ctx context.Context, getenv func(string) string) error {
	x, wayland := getenv("DISPLAY"), getenv("WAYLAND_DISPLAY")
	if x == "" && wayland == "" {
		return errors.New("there is no display to show a window on (DISPLAY and WAYLAND_DISPLAY are not set)")
	}
	var failed error
	if wayland != "" {
		if !filepath.IsAbs(wayland) {
			wayland = filepath.Join(getenv("XDG_RUNTIME_DIR"), wayland)
		}
		if failed = reach(ctx, "unix", wayland); failed == nil {
			return nil
		}
	}
	if x != "" {
		network, address, err := displayAddress(x)
		if err == nil {
			err = reach(ctx, network, address)
			if err != nil && network == "unix" && reach(ctx, network, "@"+address) == nil { // Linux knows sockets without a file
				err = nil
			}
		}
		if err == nil {
			return nil
		}
		failed = errors.Join(failed, err)
	}
	return fmt.Errorf("the display cannot be reached: %w", failed)
}

func reach(ctx context.Context, network, address string) error {
	conn, err := (&net.Dialer{Timeout: displayPatience}).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// firstDisplayPort is that of the display with the number 0.
const firstDisplayPort = 6000

// displayAddress is where the X server listens that DISPLAY names, such as :0, unix:0.1, host:10 or /path/of/socket:0.
func displayAddress(display string) (network, address string, err error) {
	at := strings.LastIndexByte(display, ':')
	if at < 0 {
		return "", "", fmt.Errorf("DISPLAY is %q, which names no display; one is :0", display)
	}
	host, screen := display[:at], display[at+1:]
	number, _, _ := strings.Cut(screen, ".")
	n, err := strconv.ParseUint(number, 10, 16)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("DISPLAY is %q, which names no display; one is :0", display)
	case strings.HasPrefix(host, "/"):
		return "unix", display, nil
	case host == "" || host == "unix":
		return "unix", "/tmp/.X11-unix/X" + number, nil
	}
	return "tcp", net.JoinHostPort(strings.Trim(host, "[]"), strconv.FormatUint(firstDisplayPort+n, 10)), nil
}
