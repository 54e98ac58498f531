package desktop

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// tickEvery is how often a window that is in sight is drawn with nothing new but the time: how long ago things were, and how long they
// will last.
const tickEvery = time.Second

// SetInSight says whether somebody sees the window.
func (d *Desk) SetInSight(on bool) {
	d.mu.Lock()
	d.inSight = on
	d.mu.Unlock()
	d.poke()
}

// Views yields the newest view at once and then each time there is a newer one, until ctx ends. A slow reader skips what came between.
func (d *Desk) Views(ctx context.Context) iter.Seq[ui.View] {
	return func(yield func(ui.View) bool) {
		ctx, stop := context.WithCancel(ctx)
		var watching sync.WaitGroup
		defer watching.Wait()
		defer stop()
		watching.Go(func() {
			for range d.app.Hub().Watch(ctx) {
				d.poke()
			}
		})
		tick := time.NewTicker(tickEvery)
		defer tick.Stop()
		for ctx.Err() == nil && yield(d.view(time.Now())) {
			for waiting := true; waiting; {
				select {
				case <-d.changed:
					waiting = false
				case <-tick.C:
					waiting = !d.isInSight()
				case <-ctx.Done():
					return
				}
			}
		}
	}
}

func (d *Desk) isInSight() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inSight
}

// poke has the next view made.
func (d *Desk) poke() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// view builds what there is to draw.
func (d *Desk) view(now time.Time) ui.View {
	s := d.app.Hub().Current()
	d.mu.Lock()
	defer d.mu.Unlock()
	return ui.View{Snapshot: s, Now: now, Cost: costOf(s.Cost), Account: d.account, Settings: d.settings, Editors: d.editors}
}

func costOf(c *status.Cost) *ui.Cost {
	if c == nil {
		return nil
	}
	return &ui.Cost{Today: spendingOf(c.Today), Month: spendingOf(c.Month), DailyCap: c.DailyCap}
}

func spendingOf(s status.Spending) ui.Spending {
	return ui.Spending{SandboxSeconds: s.SandboxSeconds, Estimate: s.Estimate}
}
