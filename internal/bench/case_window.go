package main

import (
	"context"
	"errors"
	"syscall"
	"time"
)

const (
	windowWithin = 600 * time.Millisecond
	trayWithin   = 400 * time.Millisecond
)

// measureWindow is how soon the desktop program can be seen: its window, and when it starts without one, its tray item. Once code runs
// nowhere, and once on this computer, where the engine is loaded beside.
func measureWindow(ctx context.Context, b *bench) ([]row, error) {
	return b.onDesk(ctx, "start of the desktop program", func(d *desk) ([]row, error) {
		nowhere, err := b.furnish("mock")
		if err != nil {
			return nil, err
		}
		rows, err := d.starts(ctx, b, nowhere, "desktop program")
		if err != nil {
			return nil, err
		}
		here, err := b.furnish("local")
		if err != nil {
			return nil, err
		}
		if err := b.compile(ctx, here); err != nil {
			return nil, err
		}
		beside, err := d.starts(ctx, b, here, "desktop program that runs code here")
		return append(rows, beside...), err
	})
}

// starts is how soon the program can be seen that has this home.
func (d *desk) starts(ctx context.Context, b *bench, home, what string) ([]row, error) {
	var visible, tray []float64
	for n := range b.rounds(9) + 1 {
		window, err := d.shown(ctx, b, home)
		if err != nil {
			return nil, err
		}
		item, err := d.registered(ctx, b, home)
		if err != nil {
			return nil, err
		}
		if n > 0 { // the first finds fonts and fills caches
			visible, tray = append(visible, window.Seconds()), append(tray, item.Seconds())
		}
	}
	return []row{
		row{what: what + " started → window visible (median)", ours: short(seconds(median(visible)))}.
			aimed("≤ "+short(windowWithin), median(visible) <= windowWithin.Seconds()),
		row{what: what + " started in the tray → tray item registered (median)", ours: short(seconds(median(tray)))}.
			aimed("≤ "+short(trayWithin), median(tray) <= trayWithin.Seconds()),
	}, nil
}

// compile has the engine compiled into the caches of a home, as the first start of all does.
func (b *bench) compile(ctx context.Context, home string) error {
	h, err := startHost(ctx, b, home)
	if err != nil {
		return err
	}
	return errors.Join(h.awaitUsable(ctx), h.stop())
}

// shown is how long it takes from a start until the window can be seen.
func (d *desk) shown(ctx context.Context, b *bench, home string) (time.Duration, error) {
	p, err := d.start(ctx, b, home, trayProgram)
	if err != nil {
		return 0, err
	}
	for !d.seen(ctx) {
		if time.Since(p.began) > time.Minute || ctx.Err() != nil {
			return 0, errors.Join(p.explain(errors.New("the program showed no window")), p.stop(syscall.SIGTERM))
		}
		time.Sleep(5 * time.Millisecond) // the display tells nobody
	}
	took := time.Since(p.began)
	return took, errors.Join(d.listed(ctx, p), p.stop(syscall.SIGTERM))
}

// registered is how long it takes from a start in the tray until its item is there.
func (d *desk) registered(ctx context.Context, b *bench, home string) (time.Duration, error) {
	p, err := d.start(ctx, b, home, trayProgram, "--background")
	if err != nil {
		return 0, err
	}
	err = d.listed(ctx, p)
	took := time.Since(p.began)
	return took, errors.Join(err, p.stop(syscall.SIGTERM))
}
