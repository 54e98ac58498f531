package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	idleVisible = 0.05 // of a processor

	// idleNoise is how far apart two programs may be that do the same: they are looked at together, and still differ by this much.
	idleNoise = 1.05
)

// settleFor is how long a program has to come to rest after it was started or its window was shown.
const settleFor = 3 * time.Second

// measureIdle is what the desktop program costs while nobody uses it: in the tray for as long as -idle says, beside the toolkit alone
// that does nothing there, and then, for a minute at most, with its window in sight while an editor makes contexts and stops them.
func measureIdle(ctx context.Context, b *bench) ([]row, error) {
	return b.onDesk(ctx, "desktop program that nobody uses", func(d *desk) (rows []row, err error) {
		home, err := b.furnish("mock")
		if err != nil {
			return nil, err
		}
		bare, err := d.start(ctx, b, b.home(), barePeer, "bare")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, bare.stop(nil)) }() // it ends with its input
		if err := d.listed(ctx, bare); err != nil {
			return nil, err
		}
		p, err := d.start(ctx, b, home, trayProgram, "--background")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, p.stop(syscall.SIGTERM)) }()
		if err := d.listed(ctx, p); err != nil {
			return nil, err
		}
		hidden, err := shares(ctx, b.idle, p, bare)
		if err != nil {
			return nil, err
		}
		mine, err := resident(p.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		other, err := resident(bare.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		if err := d.again(ctx, b, home); err != nil {
			return nil, err
		}
		var visible []float64
		err = b.whilePoolChanges(ctx, home, func(ctx context.Context) (err error) {
			visible, err = shares(ctx, min(b.idle, time.Minute), p)
			return err
		})
		if err != nil {
			return nil, err
		}
		const peer = "bare Fyne, tray item and hidden window"
		ratio := hidden[0] / hidden[1]
		return []row{
			row{what: fmt.Sprintf("desktop program in the tray, nothing to do for %v: of one processor", b.idle), ours: percent(hidden[0])}.
				against(peer, percent(hidden[1]), ratio).aimed(fmt.Sprintf("≤ %.2fx", idleNoise), ratio <= idleNoise),
			row{what: "the same with the window in sight and a pool that changes once a second, painted by software", ours: percent(visible[0])}.
				aimed("≤ "+percent(idleVisible), visible[0] <= idleVisible),
			row{what: fmt.Sprintf("memory of the desktop program in the tray, after %v", b.idle), ours: megabytes(mine)}.
				against(peer, megabytes(other), float64(mine)/float64(other)),
		}, nil
	})
}

// whilePoolChanges does something while, once a second, a client makes a context on a session of the pool or stops it.
func (b *bench) whilePoolChanges(ctx context.Context, home string, do func(context.Context) error) (err error) {
	relay, err := b.connect(ctx, home, b.program("agentrun-mcp"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, relay.close()) }()
	ctx, stop := context.WithCancelCause(ctx)
	var changing sync.WaitGroup
	defer changing.Wait()
	defer stop(nil)
	changing.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for made := ""; ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			var err error
			if made == "" {
				made, err = relay.newContext("idle", "python")
			} else {
				err, made = relay.stopContext(made), ""
			}
			if err != nil {
				stop(fmt.Errorf("while the pool changes: %w", err))
				return
			}
		}
	})
	return do(ctx)
}

// again starts the program a second time, which shows the window of the first.
func (d *desk) again(ctx context.Context, b *bench, home string) error {
	second, err := d.start(ctx, b, home, trayProgram)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, second.stdout)
	if err = errors.Join(err, second.stop(nil)); err != nil {
		return err
	}
	for asked := time.Now(); !d.seen(ctx); {
		if time.Since(asked) > time.Minute || ctx.Err() != nil {
			return errors.New("the second start showed no window")
		}
		time.Sleep(50 * time.Millisecond) // the display tells nobody
	}
	return nil
}

func percent(part float64) string { return strconv.FormatFloat(100*part, 'f', 2, 64) + " %" }

// shares are the parts of one processor that processes use while they are looked at, all at the same time.
func shares(ctx context.Context, length time.Duration, processes ...*process) ([]float64, error) {
	if err := pause(ctx, settleFor); err != nil {
		return nil, err
	}
	before := make([]int64, len(processes))
	for n, p := range processes {
		var err error
		if before[n], err = ticks(p.cmd.Process.Pid); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	if err := pause(ctx, length); err != nil {
		return nil, err
	}
	parts := make([]float64, len(processes))
	for n, p := range processes {
		after, err := ticks(p.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		const perSecond = 100 // as the kernel says it to programs, whatever it is inside
		parts[n] = float64(after-before[n]) / perSecond / time.Since(began).Seconds()
	}
	return parts, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ticks is what a process has used of processors since its start.
func ticks(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is %q", pid, text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return user + system, errors.Join(err1, err2)
}
