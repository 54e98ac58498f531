package main

import (
	"context"
	"time"
)

// measureStart is the time until code can run: on a machine where the host never ran, and on one where it did.
func measureStart(ctx context.Context, b *bench) ([]row, error) {
	var cold, warm []float64
	for range b.rounds(3) {
		home := b.home()
		for _, times := range []*[]float64{&cold, &warm} {
			took, err := firstSession(ctx, b, home)
			if err != nil {
				return nil, err
			}
			*times = append(*times, took.Seconds())
		}
	}
	return []row{
		{what: "host started → first session ready, first time ever (median)", ours: short(seconds(median(cold)))},
		{what: "host started → first session ready, engine in the cache (median)", ours: short(seconds(median(warm)))},
	}, nil
}

func firstSession(ctx context.Context, b *bench, home string) (time.Duration, error) {
	h, err := startHost(ctx, b, home)
	if err != nil {
		return 0, err
	}
	if err := h.awaitUsable(ctx); err != nil {
		_ = h.stop() // the first error says more
		return 0, err
	}
	took := time.Since(h.process.began)
	if err := h.awaitReady(ctx); err != nil {
		_ = h.stop() // the first error says more
		return 0, err
	}
	return took, h.stop()
}
