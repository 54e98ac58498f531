package interpreter_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// BenchmarkRunCode measures what the interpreter adds to a run whose code takes no time, for one client and for eight that each
// have a context of their own.
func BenchmarkRunCode(b *testing.B) {
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprint(clients, " at a time"), func(b *testing.B) {
			fake := sandboxtest.NewFake(sandboxtest.FakeOptions{})
			p, err := pool.New(pool.Options[sandbox.Session]{
				New: fake.Open, Warm: 1, Max: 4, Share: 32,
				Close: func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) },
			})
			if err != nil {
				b.Fatal(err)
			}
			i, err := interpreter.New(interpreter.Options{Site: interpreter.NewSite(fake, p)})
			if err != nil {
				b.Fatal(err)
			}
			stop := runParts(i.Run, p.Run)
			defer stop()
			b.SetParallelism(clients)
			b.ReportAllocs()
			work := func(caller interpreter.Caller, next func() bool) {
				for next() {
					if _, err := i.RunCode(b.Context(), caller, interpreter.RunRequest{Code: "print hi"}); err != nil {
						b.Error(err)
						return
					}
				}
			}
			work(interpreter.Caller{Key: "first"}, once())
			b.ResetTimer()
			if clients == 1 {
				left := b.N
				work(interpreter.Caller{Key: "first"}, func() bool { left--; return left >= 0 })
				return
			}
			names := make(chan string, 1<<10)
			for n := range cap(names) {
				names <- fmt.Sprint(n)
			}
			b.RunParallel(func(pb *testing.PB) { work(interpreter.Caller{Key: <-names}, pb.Next) })
		})
	}
}

func once() func() bool {
	left := 1
	return func() bool { left--; return left >= 0 }
}

// runParts runs parts that depend on each other, the uppermost first, and returns what ends them in that order.
func runParts(parts ...func(context.Context) error) (stop func()) {
	stops := make([]func(), len(parts))
	for n, part := range parts {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- part(ctx) }()
		stops[n] = func() { cancel(); <-done }
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}
