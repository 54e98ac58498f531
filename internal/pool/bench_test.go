package pool_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
)

// The two benchmarks do the same with both pools: take a value that is there and give it back, one caller alone or as
// many as there are processors. Compare equal names.

func BenchmarkAcquireRelease(b *testing.B) {
	made := func(context.Context) (int, error) { return 1, nil }
	alive := func(context.Context, int) error { return nil }
	for name, opt := range map[string]pool.Options[int]{
		"dedicated":         {New: made},
		"dedicated_checked": {New: made, Check: alive, CheckEvery: time.Minute, CheckAfterIdle: time.Minute},
		"shared":            {New: made, Share: 8, Check: alive, CheckEvery: time.Minute, CheckAfterIdle: time.Minute},
	} {
		for _, size := range []int{1, 3, 20} {
			opt.Warm, opt.Max = size, size
			benchmarkBoth(b, fmt.Sprintf("%s/size=%d", name, size), func(b *testing.B) func() error {
				p := startPool(b, opt)
				awaitReady(b, p, size)
				return func() error {
					lease, err := p.Acquire(b.Context())
					if err == nil {
						lease.Release()
					}
					return err
				}
			})
		}
	}
}

func BenchmarkPuddle(b *testing.B) {
	for _, size := range []int32{1, 3, 20} {
		benchmarkBoth(b, fmt.Sprintf("size=%d", size), func(b *testing.B) func() error {
			p, err := puddle.NewPool(&puddle.Config[int]{
				Constructor: func(context.Context) (int, error) { return 1, nil },
				Destructor:  func(int) {},
				MaxSize:     size,
			})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(p.Close)
			for range size {
				if err := p.CreateResource(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			return func() error {
				resource, err := p.Acquire(b.Context())
				if err == nil {
					resource.Release()
				}
				return err
			}
		})
	}
}

func benchmarkBoth(b *testing.B, name string, prepare func(b *testing.B) func() error) {
	b.Run(name+"/alone", func(b *testing.B) {
		cycle := prepare(b)
		b.ReportAllocs()
		for b.Loop() {
			if err := cycle(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(name+"/parallel", func(b *testing.B) {
		cycle := prepare(b)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := cycle(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
