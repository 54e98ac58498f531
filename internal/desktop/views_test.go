package desktop

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/autostart"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// newDesk is one on a host that does not run: what it says is published by the test.
func newDesk(t *testing.T) *Desk {
	t.Helper()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Backend = "mock"
	host, err := app.New(t.Context(), app.Options{Dirs: paths.Dirs{Config: dir, Data: dir, Cache: dir, Runtime: dir}, Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	atLogin, err := autostart.New(autostart.Options{ID: "io.github.agentruntray.Test", Name: "Test", Program: "/nowhere/test", Getenv: func(string) string { return dir }})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{App: host, Autostart: atLogin, Logger: slog.New(slog.DiscardHandler)})
}

// record notes, from now until t ends, when there is a view and which was the last.
func (d *Desk) record(t *testing.T) func() (at []time.Duration, last ui.View) {
	var mu sync.Mutex
	var when []time.Duration
	var last ui.View
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	began := time.Now()
	reading.Go(func() {
		for v := range d.Views(ctx) {
			mu.Lock()
			when, last = append(when, time.Since(began)), v
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		stop()
		reading.Wait()
	})
	return func() ([]time.Duration, ui.View) {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(when), last
	}
}

func (d *Desk) publish(warm int) {
	desk := d.app.Desk().Current()
	desk.Pool.Warm = warm
	d.app.Desk().Publish(desk)
}

func TestWhatChangesTogetherIsOneView(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		seen := d.record(t)
		time.Sleep(10 * time.Second)
		before, _ := seen()
		if len(before) == 0 || before[0] != 0 {
			t.Fatalf("views at %v, want the first at once", before)
		}
		for n := range 3 {
			d.publish(10 + n)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		after, last := seen()
		if len(after) != len(before)+1 || last.Pool.Warm != 12 {
			t.Errorf("three changes gave %d views, the last with %d warm; want one with 12", len(after)-len(before), last.Pool.Warm)
		}
	})
}

func TestAWindowInSightGoesNoSecondWithoutAView(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.SetInSight(true)
		seen := d.record(t)
		time.Sleep(10 * time.Second)
		before, _ := seen()
		if n := len(before); n < 10 || n > 12 {
			t.Errorf("%d views in ten seconds in which nothing changed, want one a second", n)
		}
		for n := range 10 { // as often as the clock, and not at the same time
			time.Sleep(700 * time.Millisecond)
			d.publish(n)
		}
		time.Sleep(gatherFor)
		after, _ := seen()
		if n := len(after) - len(before); n > 11 {
			t.Errorf("%d views of ten changes, want hardly one for the clock beside them", n)
		}
		d.SetInSight(false)
		time.Sleep(time.Second)
		before, _ = seen()
		time.Sleep(time.Minute)
		if after, _ = seen(); len(after) != len(before) {
			t.Errorf("%d views in a minute while nobody looks and nothing changes, want none", len(after)-len(before))
		}
	})
}
