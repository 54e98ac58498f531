package app

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// BenchmarkDesk is what it takes to put together all that is drawn: with a thousand contexts, of which one with two hundred runs is
// shown, and two thousand calls.
func BenchmarkDesk(b *testing.B) {
	dir := b.TempDir()
	cfg := config.Default()
	cfg.Backend, cfg.Runs.MaxContexts, cfg.Pool.Warm, cfg.Pool.Ceiling = "mock", 1001, 20, 100
	a, err := New(b.Context(), Options{Dirs: paths.Dirs{Config: dir, Data: dir, Cache: dir, Runtime: dir}, Config: cfg})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = a.Run(ctx) })
	defer running.Wait()
	defer cancel()
	var first string
	for n := range 1000 {
		id, err := a.NewContext(b.Context(), "python")
		if err != nil {
			b.Fatal(err)
		}
		if n == 0 {
			first = id
		}
	}
	for n := range 1000 {
		if _, err := a.RunCode(b.Context(), first, "", fmt.Sprint("print(", n, ")")); err != nil {
			b.Fatal(err)
		}
	}
	a.WatchContext(first)
	for range a.Desk().Watch(b.Context()) {
		if d := a.lay(a.snapshot()); d.Notebook != nil && len(d.Notebook.Cells) == 200 && len(d.Calls) >= 1000 && d.Figures.RunsToday == 1000 {
			break
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		a.lay(a.snapshot())
	}
}
