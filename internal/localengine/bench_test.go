package localengine

import (
	"context"
	"slices"
	"testing"
	"time"
)

// report adds percentiles, in milliseconds, to a benchmark.
func report(b *testing.B, times []time.Duration) {
	b.Helper()
	slices.Sort(times)
	for _, p := range []struct {
		name string
		at   int
	}{{"p50-ms", 50}, {"p99-ms", 99}} {
		b.ReportMetric(float64(times[min(len(times)*p.at/100, len(times)-1)])/float64(time.Millisecond), p.name)
	}
}

func measure(b *testing.B, work func()) {
	b.Helper()
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		work()
		times = append(times, time.Since(began))
	}
	report(b, times)
}

// firstCells are what a new instance runs in the benchmarks of its making.
var firstCells = map[Language]string{Python: "print('hi')", JavaScript: "console.log('hi')"}

func benchmarkFork(b *testing.B, copying bool) {
	e := newEngine(b, Options{CopySnapshots: copying})
	if err := e.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	for _, language := range e.Languages() {
		b.Run(string(language), func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				id, err := e.Create(b.Context(), Spec{Language: language, ScratchDir: dir})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.Run(b.Context(), id, firstCells[language], nil); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
				if err := e.Destroy(b.Context(), id); err != nil {
					b.Fatal(err)
				}
			}
			report(b, times)
		})
	}
}

// BenchmarkFork makes an instance that shares the pages of the snapshot, where the system can, and runs its first cell.
func BenchmarkFork(b *testing.B) { benchmarkFork(b, false) }

// BenchmarkForkCopied is BenchmarkFork with a copy of the snapshot.
func BenchmarkForkCopied(b *testing.B) { benchmarkFork(b, true) }

// BenchmarkPrint runs the smallest cell there is in a warm instance.
func BenchmarkPrint(b *testing.B) {
	for _, language := range shared.Languages() {
		b.Run(string(language), func(b *testing.B) {
			in := newBench(b, shared, language)
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour) // as callers have one
			defer cancel()
			measure(b, func() {
				if _, err := shared.Run(ctx, in.id, firstCells[language], func(Event) {}); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkInterrupt measures from the interrupt of an endless loop to the end of its cell.
func BenchmarkInterrupt(b *testing.B) {
	loops := map[Language]string{Python: "print('x')\nwhile True: pass", JavaScript: "console.log('x'); for (;;) {}"}
	for _, language := range shared.Languages() {
		b.Run(string(language), func(b *testing.B) {
			in := newBench(b, shared, language)
			var times []time.Duration
			for b.Loop() {
				ctx, cancel := context.WithCancel(b.Context())
				var began time.Time
				r, err := shared.Run(ctx, in.id, loops[language], func(Event) {
					began = time.Now()
					cancel()
				})
				if err != nil || r.Outcome != Interrupted {
					b.Fatal(r, err)
				}
				times = append(times, time.Since(began))
			}
			report(b, times)
		})
	}
}

// BenchmarkMemory shows what instances take, with and without shared pages.
func BenchmarkMemory(b *testing.B) {
	for _, copying := range []bool{false, true} {
		name := map[bool]string{false: "shared", true: "copied"}[copying]
		e := newEngine(b, Options{CopySnapshots: copying})
		for _, language := range e.Languages() {
			b.Run(name+"/"+string(language), func(b *testing.B) {
				in := newBench(b, e, language)
				in.run(firstCells[language])
				for b.Loop() {
					e.Stats()
				}
				for _, stats := range e.Stats().Instances {
					if stats.ID == in.id {
						b.ReportMetric(float64(stats.Memory)/(1<<20), "MiB/instance")
					}
				}
			})
		}
	}
}

// BenchmarkLoad compiles both kernels and starts them, with an empty and with a filled cache.
func BenchmarkLoad(b *testing.B) {
	load := func(b *testing.B, dir string) {
		e := newEngine(b, Options{CacheDir: dir})
		if err := e.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
		for _, k := range e.Stats().Kernels {
			b.ReportMetric(float64(k.Compile)/float64(time.Millisecond), string(k.Language)+"-compile-ms")
			b.ReportMetric(float64(k.Start)/float64(time.Millisecond), string(k.Language)+"-start-ms")
		}
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			load(b, b.TempDir())
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			load(b, "")
		}
	})
}

// BenchmarkCompute runs a few programs, to be compared between builds of the kernels.
func BenchmarkCompute(b *testing.B) {
	for _, c := range []struct {
		name     string
		language Language
		code     string
	}{
		{"python/fib", Python, "def fib(n): return n if n < 2 else fib(n-1) + fib(n-2)\nfib(22)"},
		{"python/loop", Python, "s = 0\nfor i in range(200000): s += i\ns"},
		{"python/json", Python, "import json\nd = {'a': list(range(100)), 'b': {'c': 'x' * 50}}\nfor _ in range(200): json.loads(json.dumps(d))"},
		{"python/sort", Python, "import random\nsorted(random.random() for _ in range(50000))[0]"},
		{"javascript/fib", JavaScript, "function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } fib(22)"},
		{"javascript/loop", JavaScript, "{ let s = 0; for (let i = 0; i < 200000; i++) s += i; s }"},
	} {
		b.Run(c.name, func(b *testing.B) {
			in := newBench(b, shared, c.language)
			measure(b, func() {
				if r := in.run(c.code); r.err != nil || r.Error != nil {
					b.Fatal(r)
				}
			})
		})
	}
}
