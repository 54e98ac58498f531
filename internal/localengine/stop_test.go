package localengine

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestInterruptKeepsState interrupts code of many kinds after a moment. Where the interpreter can be interrupted at all, the
// cell ends soon and the variables are there afterwards.
func TestInterruptKeepsState(t *testing.T) {
	const moment = 100 * time.Millisecond
	for language, cells := range map[Language][]struct{ name, code, want string }{
		Python: {
			{"endless loop", "while True: pass", "KeyboardInterrupt"},
			{"loop with calls", "def f(): pass\nwhile True: f()", "KeyboardInterrupt"},
			{"sleep", "import time; time.sleep(30)", "KeyboardInterrupt"},
			{"sleep with finally", "try: time.sleep(30)\nfinally: print('finally ran')", "finally ran\nKeyboardInterrupt"},
			{"sleep that is caught once", "try: time.sleep(30)\nexcept KeyboardInterrupt: time.sleep(0.2); print('slept on')", "slept on\n"},
			{"asyncio.sleep", "import asyncio; asyncio.run(asyncio.sleep(30))", "KeyboardInterrupt"},
			{"top-level await", "await asyncio.sleep(30)", "KeyboardInterrupt"},
			{"the loop is usable again", "await asyncio.sleep(.01); kept", "= 42"},
			{"tasks that keep yielding", "async def spin():\n    while True: await asyncio.sleep(0)\nasyncio.run(spin())", "KeyboardInterrupt"},
			{"a coroutine that never awaits", "async def spin():\n    while True: pass\nasyncio.run(spin())", "KeyboardInterrupt"},
			{"the same at top level", "await spin()", "KeyboardInterrupt"},
			{"1,000 sleepers", "async def m(): await asyncio.gather(*(asyncio.sleep(60) for _ in range(1000)))\nasyncio.run(m())", "KeyboardInterrupt"},
			{"regular expression", "import re; re.match(r'(a+)+$', 'a'*40+'b')", "KeyboardInterrupt"},
			{"sort with comparisons in C", "import random; a=[random.random() for _ in range(100000)]; [sorted(a) for _ in range(1000)]", "KeyboardInterrupt"},
			{"big power", "y=pow(3,10**8)", "KeyboardInterrupt"},
			{"modular power", "y=pow(3,1<<400000,(1<<400000)-1)", "KeyboardInterrupt"},
			{"digits", "import sys; sys.set_int_max_str_digits(0); len(str(7**1000000))", "KeyboardInterrupt"},
			{"iterator in Python", "import itertools; any(i<0 for i in itertools.count())", "KeyboardInterrupt"},
			{"sum in C", "sum(range(10**12))", "KeyboardInterrupt"},
			{"search in C", "-1 in itertools.count()", "KeyboardInterrupt"},
			{"product in C", "import collections; collections.deque(itertools.product(range(100), repeat=10), maxlen=0)", "KeyboardInterrupt"},
			{"SQL", "import sqlite3; sqlite3.connect(':memory:').execute('with recursive c(x) as (select 1 union all select x+1 from c) select count(*) from c').fetchone()", "OperationalError: interrupted"},
			{"output without end", "while True: print('x' * 1000)", "~KeyboardInterrupt$"},
			{"exceptions swallowed once", "try:\n    while True: pass\nexcept KeyboardInterrupt: pass\nkept", "= 42"},
		},
		JavaScript: {
			{"endless loop", "for (;;) {}", "Interrupted: the run was interrupted"},
			{"loop that catches", "for (;;) { try { for (;;) {} } catch {} finally {} }", "Interrupted: the run was interrupted"},
			{"loop with calls", "const f = () => {}; while (true) f()", "Interrupted: the run was interrupted"},
			{"await without end", "await new Promise((yes) => setTimeout(yes, 60000))", "Interrupted: the run was interrupted"},
			{"promise jobs without end", "await (async () => { for (;;) await null })()", "Interrupted: the run was interrupted"},
			{"timers without end", "await new Promise(() => setInterval(() => {}, 1))", "Interrupted: the run was interrupted"},
			{"regular expression", "/(a+)+$/.test('a'.repeat(40) + 'b')", "Interrupted: the run was interrupted"},
			{"sort", "for (;;) Array.from({ length: 10000 }, Math.random).sort()", "Interrupted: the run was interrupted"},
			{"getter of the result", "({ get a() { for (;;) {} }, [Symbol.for('nodejs.util.inspect.custom')]() { for (;;) {} } })", "Interrupted: the run was interrupted"},
			{"output without end", "for (;;) console.log('x'.repeat(1000))", "~Interrupted: the run was interrupted$"},
		},
	} {
		b := newBench(t, shared, language)
		set := map[Language]string{Python: "kept = 42", JavaScript: "let kept = 42"}[language]
		b.run(set)
		for _, c := range cells {
			t.Run(string(language)+"/"+c.name, func(t *testing.T) {
				r := b.runFor(moment, c.code)
				r.wants(t, c.code, c.want)
				if (r.Error != nil) != (r.Outcome == Interrupted) {
					t.Errorf("outcome = %s with error %v", r.Outcome, r.Error)
				}
				if r.Duration > 10*time.Second {
					t.Errorf("it took %v to end", r.Duration)
				}
				b.run("kept").wants(t, "kept", "= 42")
			})
		}
	}
}

func TestInterruptByName(t *testing.T) {
	b := newBench(t, shared, Python)
	if err := shared.Interrupt(b.id); err != nil {
		t.Errorf("Interrupt without a cell = %v, want nothing to happen", err)
	}
	r, err := shared.Run(t.Context(), b.id, "x = 1\nprint('x')\nwhile True: pass", func(Event) {
		for range 3 {
			if err := shared.Interrupt(b.id); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil || r.Outcome != Interrupted {
		t.Errorf("interrupted cell = %v, %v", r, err)
	}
	b.run("x").wants(t, "x", "= 1")
}

func TestInterruptThatComesTooLateDoesNotReachTheNextCell(t *testing.T) {
	for language, cell := range map[Language]string{Python: "x = 1", JavaScript: "1;"} {
		b := newBench(t, shared, language)
		for i := range 200 {
			ctx, cancel := context.WithCancel(t.Context())
			go cancel() // somewhere near the cell
			if r := b.runContext(ctx, cell); r.err != nil {
				t.Fatal(r.err)
			}
			if r := b.run("1 + 1"); r.String() != "= 2" {
				t.Fatalf("%s: after %d late interrupts a cell gave %q", language, i, r)
			}
		}
	}
}

func TestCancelledContextRunsNothing(t *testing.T) {
	b := newBench(t, shared, Python)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if r := b.runContext(ctx, "x = 1"); r.err != nil || r.Outcome == Raised {
			t.Fatalf("Run with a cancelled context = %v", r)
		}
	}
	b.run("1 + 1").wants(t, "1 + 1", "= 2")
}

// TestKill runs what cannot be interrupted. It is ended by force, said so, and the instance is gone.
func TestKill(t *testing.T) {
	e := newEngine(t, Options{Grace: 100 * time.Millisecond, Parallel: 2})
	for _, c := range []struct {
		name     string
		language Language
		code     string
	}{
		{"a loop that swallows every exception", Python, "while True:\n    try:\n        while True: pass\n    except BaseException: pass"},
		{"a sleep that does", Python, "import time\nwhile True:\n    try: time.sleep(30)\n    except BaseException: pass"},
		{"decimal", Python, "import decimal; decimal.getcontext().prec=2000000; decimal.Decimal(2).sqrt()"},
		{"signals ignored", Python, "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"},
		{"asyncio that swallows", Python, "import asyncio\nasync def m():\n    while True:\n        try: await asyncio.sleep(10)\n        except BaseException: pass\nawait m()"},
		{"copying memory", Python, "b=bytearray(50_000_000)\nwhile True:\n    try:\n        while True: b=b[::-1]\n    except BaseException: pass"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, e, c.language)
			r := b.runFor(100*time.Millisecond, "print('begun')\n"+c.code)
			var lost *StateLostError
			if !errors.As(r.err, &lost) || lost.Reason != Killed || !errors.Is(r.err, ErrStateLost) {
				t.Fatalf("Run = %v %v, want it killed", r, r.err)
			}
			if !strings.Contains(r.err.Error(), "ended by force") || !strings.Contains(r.err.Error(), "lost") {
				t.Errorf("the error does not say so: %v", r.err)
			}
			if r.stdout != "begun\n" {
				t.Errorf("output before the end = %q", r.stdout)
			}
			if d := lost.Result.Duration; d < 150*time.Millisecond || d > 20*time.Second {
				t.Errorf("it took %v to end it", d)
			}
			if r := b.run("1"); !errors.Is(r.err, ErrUnknownInstance) {
				t.Errorf("Run after it = %v, want ErrUnknownInstance", r.err)
			}
		})
	}
}

func TestInstanceThatEndsItselfIsLost(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   string
		reason Reason
		want   string
	}{
		{"os._exit", "import os; os._exit(3)", Exited, "exit code 3"},
		{"os.abort", "import os; os.abort()", Crashed, "crashed"},
	} {
		b := newBench(t, shared, Python)
		r := b.run("print('begun')\n" + c.code)
		var lost *StateLostError
		if !errors.As(r.err, &lost) || lost.Reason != c.reason || !strings.Contains(r.err.Error(), c.want) {
			t.Errorf("%s: %v, want it %s", c.name, r.err, c.reason)
		}
		if strings.Contains(r.err.Error(), "wasm stack trace") || strings.Contains(r.err.Error(), "\n") {
			t.Errorf("%s: the error is not one sentence: %q", c.name, r.err)
		}
		if r := b.run("1"); !errors.Is(r.err, ErrUnknownInstance) {
			t.Errorf("%s: Run after it = %v, want ErrUnknownInstance", c.name, r.err)
		}
	}
}

func TestMemoryBombIsAnErrorAndKeepsState(t *testing.T) {
	const limit = 64 << 20
	e := newEngine(t, Options{MemoryLimit: limit})
	for language, bombs := range map[Language][]string{
		Python: {
			"a = []\nwhile True: a.append('x' * 10**6)",
			"a = bytearray(10**9)",
			"a = []\nwhile True: a.append([])",
			"a = None\nwhile True: a = [a]",
			"a = {}\nwhile True: a[len(a)] = str(len(a))",
			"a = 'x'\nwhile True: a += a",
		},
		JavaScript: {
			"var a = []; for (;;) a.push(new Array(100000).fill(1))",
			"var a = []; for (;;) a.push({})",
			"var a = 'x'; for (;;) a += a",
			"var a = new Uint8Array(2 ** 31 - 1)",
			"var a = null; for (;;) a = [a]",
		},
	} {
		for _, bomb := range bombs {
			t.Run(string(language)+"/"+bomb, func(t *testing.T) {
				b := newBench(t, e, language)
				b.run("kept = 42")
				r := b.run(bomb)
				if r.err != nil || r.Outcome != Raised {
					t.Fatalf("gave %v %v, want an error of its own", r, r.err)
				}
				if m := e.Stats().Instances[0].Memory; m > limit {
					t.Errorf("the instance took %d MiB, over its limit", m>>20)
				}
				b.run("kept").wants(t, "kept", "= 42")
				b.run("1 + 1").wants(t, "1 + 1", "= 2")
				b.run("a = 0; 3").wants(t, "freeing", "= 3")
				b.run(map[Language]string{Python: "len(bytearray(20_000_000))", JavaScript: "new Uint8Array(20_000_000).length"}[language]).wants(t, "after freeing", "= 20000000")
				b.run(bomb)
				b.run("kept").wants(t, "kept, after another bomb", "= 42")
			})
		}
	}
}

// TestBusyGuestDoesNotStallTheCollector is about the whole program: a guest that could not be stopped at its safepoints would
// hold up every goroutine.
func TestBusyGuestDoesNotStallTheCollector(t *testing.T) {
	for language, code := range map[Language]string{Python: "print('x')\nwhile True: pass", JavaScript: "console.log('x'); for (;;) {}"} {
		b := newBench(t, shared, language)
		running := make(chan struct{})
		var once sync.Once
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := shared.Run(ctx, b.id, code, func(Event) { once.Do(func() { close(running) }) })
			ended <- err
		}()
		<-running
		fastest := time.Hour
		for range 5 { // the machine may have other work; the guest is at it all the time
			began := time.Now()
			runtime.GC()
			fastest = min(fastest, time.Since(began))
		}
		if fastest > 250*time.Millisecond {
			t.Errorf("%s: runtime.GC took %v while a guest computed", language, fastest)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestEndlessLoopDoesNotStarveOthers(t *testing.T) {
	e := newEngine(t, Options{Parallel: 1})
	hello := func() time.Duration {
		began := time.Now()
		newBench(t, e, Python).run("print('hi')").wants(t, "print", "hi\n")
		return time.Since(began)
	}
	hello()
	alone := hello()
	var loops sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		language Language
		code     string
	}{{Python, "print('x')\nwhile True: pass"}, {JavaScript, "console.log('x'); for (;;) {}"}} {
		b := newBench(t, e, c.language)
		running := make(chan struct{})
		loops.Go(func() {
			if _, err := e.Run(ctx, b.id, c.code, func(Event) { close(running) }); err != nil {
				t.Error(err)
			}
		})
		<-running
	}
	if took := hello(); took > 10*alone+5*time.Second {
		t.Errorf("a new instance and its first cell took %v beside two endless loops, %v alone", took, alone)
	}
	cancel()
	loops.Wait()
}

func TestSleepersSleepSideBySide(t *testing.T) {
	e := newEngine(t, Options{Parallel: 1})
	const n = 16
	benches := make([]*bench, n)
	for i := range benches {
		language, wake := Python, "import time"
		if i%2 == 1 {
			language, wake = JavaScript, "1"
		}
		benches[i] = newBench(t, e, language)
		benches[i].run(wake)
	}
	began := time.Now()
	var wg sync.WaitGroup
	for _, b := range benches {
		wg.Go(func() {
			code := "time.sleep(0.5)"
			if i, _ := e.find(b.id); i.kernel.language == JavaScript {
				code = "await new Promise((yes) => setTimeout(yes, 500)); undefined"
			}
			b.run(code).wants(t, code, "")
		})
	}
	wg.Wait()
	if took := time.Since(began); took < 500*time.Millisecond || took > 5*time.Second {
		t.Errorf("%d sleeps of 0.5 s took %v, want them side by side", n, took)
	}
}

// TestACellThatAnswersAsItsGraceEndsIsLost: the guest was told to end while it was on its way out, and answered all the same. Its
// caller has to hear that the instance is gone, and not from the next cell.
func TestACellThatAnswersAsItsGraceEndsIsLost(t *testing.T) {
	e := newEngine(t, Options{Grace: 50 * time.Millisecond})
	id, err := e.Create(t.Context(), Spec{Language: Python, ScratchDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	in, err := e.find(id)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err = e.Run(ctx, id, "print('begun')\ntry:\n    while True: pass\nexcept KeyboardInterrupt: print('late')", func(ev Event) {
		switch {
		case strings.Contains(ev.Text, "begun"):
			cancel()
		case strings.Contains(ev.Text, "late"):
			<-in.stop // the guest waits for us and cannot hear it
		}
	})
	lost, ok := errors.AsType[*StateLostError](err)
	if !ok || lost.Reason != Killed {
		t.Errorf("Run = %v, want that the instance is lost", err)
	}
	if _, err := e.Run(t.Context(), id, "1", nil); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("the next Run = %v, want %v", err, ErrUnknownInstance)
	}
}
