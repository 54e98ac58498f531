package main

import (
	"context"
	"slices"
	"time"
)

// series is how long each of some equal things took.
type series []time.Duration

// quantile is the time within which the fraction q of them was done.
func (s series) quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func (s series) p50() time.Duration { return s.quantile(0.50) }
func (s series) p99() time.Duration { return s.quantile(0.99) }

// median of figures; of an even number the mean of the middle two.
func median(figures []float64) float64 {
	n := len(figures)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// duel is figures taken in turns: ours and the peer's of one round stand side by side.
type duel struct{ ours, theirs []float64 }

// ratio is the median of the rounds' ratios. What slowed one round slowed both sides of it.
func (d duel) ratio() float64 {
	ratios := make([]float64, len(d.ours))
	for i := range d.ours {
		ratios[i] = d.ours[i] / d.theirs[i]
	}
	return median(ratios)
}

// alternate takes turns, ours first in one round and the peer first in the next, and keeps what each gave.
func alternate[T any](ctx context.Context, rounds int, ours, theirs func(context.Context) (T, error)) (a, b []T, err error) {
	for i := range rounds {
		first, second := ours, theirs
		if i%2 == 1 {
			first, second = theirs, ours
		}
		x, err := first(ctx)
		if err != nil {
			return nil, nil, err
		}
		y, err := second(ctx)
		if err != nil {
			return nil, nil, err
		}
		if i%2 == 1 {
			x, y = y, x
		}
		a, b = append(a, x), append(b, y)
	}
	return a, b, nil
}

// figures applies one measure to each round.
func figures[T any](rounds []T, measure func(T) float64) []float64 {
	list := make([]float64, len(rounds))
	for i, r := range rounds {
		list[i] = measure(r)
	}
	return list
}

// quotient is the ratio of two series taken in turns.
func quotient(ours, theirs series) float64 {
	inSeconds := func(d time.Duration) float64 { return d.Seconds() }
	return duel{figures(ours, inSeconds), figures(theirs, inSeconds)}.ratio()
}

// p50s and p99s are the quantiles of each round, in seconds.
func p50s(rounds []series) []float64 {
	return figures(rounds, func(s series) float64 { return s.p50().Seconds() })
}

func p99s(rounds []series) []float64 {
	return figures(rounds, func(s series) float64 { return s.p99().Seconds() })
}

// seconds is a figure of seconds as a duration.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
