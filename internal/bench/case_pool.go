package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
)

const (
	poolRatio = 1.5
	poolSize  = 3 // as many as the host keeps warm
)

// measurePool takes a value that is there and gives it back, from our pool and from puddle's: one caller alone, and as many
// as there are processors.
func measurePool(ctx context.Context, b *bench) (rows []row, err error) {
	testing.Init()
	length := "300ms"
	if b.quick {
		length = "100ms"
	}
	if err := flag.Set("test.benchtime", length); err != nil {
		return nil, err
	}
	ours, stopOurs, err := ourCycle(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopOurs()) }()
	theirs, stopTheirs, err := puddleCycle(ctx)
	if err != nil {
		return nil, err
	}
	defer stopTheirs()

	for _, way := range []struct {
		label   string
		measure func(cycle func() error) (float64, error)
	}{
		{"alone", alone},
		{"in parallel", parallel},
	} {
		a, z, err := alternate(ctx, b.rounds(6),
			func(context.Context) (float64, error) { return way.measure(ours) },
			func(context.Context) (float64, error) { return way.measure(theirs) })
		if err != nil {
			return nil, err
		}
		d := duel{a, z}
		ratio := d.ratio()
		rows = append(rows, row{what: "pool: acquire and release, " + way.label, ours: short(seconds(median(a)))}.
			against("puddle v2.2.2", short(seconds(median(z))), ratio).
			aimed(fmt.Sprintf("≤ %gx", poolRatio), ratio <= poolRatio))
	}
	return rows, nil
}

// ourCycle returns what is measured of our pool, whose values are checked as those of the host are.
func ourCycle(ctx context.Context) (cycle, stop func() error, err error) {
	p, err := pool.New(pool.Options[int]{
		New:        func(context.Context) (int, error) { return 1, nil },
		Check:      func(context.Context, int) error { return nil },
		CheckEvery: time.Minute,
		Warm:       poolSize,
		Max:        poolSize,
	})
	if err != nil {
		return nil, nil, err
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(running) }()
	stop = func() error {
		cancel()
		return <-ended
	}
	for p.Stats().Ready < poolSize {
		select {
		case <-p.Changed():
		case <-ctx.Done():
			return nil, nil, errors.Join(ctx.Err(), stop())
		}
	}
	return func() error {
		lease, err := p.Acquire(ctx)
		if err == nil {
			lease.Release()
		}
		return err
	}, stop, nil
}

func puddleCycle(ctx context.Context) (cycle func() error, stop func(), err error) {
	p, err := puddle.NewPool(&puddle.Config[int]{
		Constructor: func(context.Context) (int, error) { return 1, nil },
		Destructor:  func(int) {},
		MaxSize:     poolSize,
	})
	if err != nil {
		return nil, nil, err
	}
	for range poolSize {
		if err := p.CreateResource(ctx); err != nil {
			p.Close()
			return nil, nil, err
		}
	}
	return func() error {
		resource, err := p.Acquire(ctx)
		if err == nil {
			resource.Release()
		}
		return err
	}, p.Close, nil
}

// alone and parallel return the seconds of one cycle.
func alone(cycle func() error) (float64, error) {
	var failure error
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if failure = cycle(); failure != nil {
				b.FailNow()
			}
		}
	})
	return perCycle(r, failure)
}

func parallel(cycle func() error) (float64, error) {
	failures := make(chan error, 1)
	r := testing.Benchmark(func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := cycle(); err != nil {
					select {
					case failures <- err:
					default:
					}
					return
				}
			}
		})
	})
	select {
	case err := <-failures:
		return 0, err
	default:
		return perCycle(r, nil)
	}
}

func perCycle(r testing.BenchmarkResult, err error) (float64, error) {
	if err != nil {
		return 0, err
	}
	if r.N == 0 {
		return 0, errors.New("the benchmark did not run")
	}
	return r.T.Seconds() / float64(r.N), nil
}
