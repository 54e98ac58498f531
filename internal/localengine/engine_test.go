package localengine

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// cacheDir can be set (go test . -args -cache=DIR) to save the compilation when the tests are run again and again.
var cacheDir = flag.String("cache", "", "folder for compiled kernels; a new one by default")

// shared is the engine of most tests, loaded once. Its places are those of a machine with three processors.
var shared *Engine

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) (code int) {
	if *cacheDir == "" {
		dir, err := os.MkdirTemp("", "localengine-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		*cacheDir = dir
	}
	var err error
	shared, err = New(Options{CacheDir: *cacheDir, Parallel: 2, MissingModuleHint: "The cloud backend has it."})
	if err == nil {
		err = shared.Load(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code = m.Run()
	if err := shared.Close(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// newEngine makes an engine of its own for a test that needs other options.
func newEngine(t testing.TB, options Options) *Engine {
	t.Helper()
	if options.CacheDir == "" {
		options.CacheDir = *cacheDir
	}
	e, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// bench is an instance under test.
type bench struct {
	t   testing.TB
	e   *Engine
	id  ID
	dir string
}

func newBench(t testing.TB, e *Engine, language Language) *bench {
	t.Helper()
	return newBenchOf(t, e, Spec{Language: language, ScratchDir: t.TempDir()})
}

func newBenchOf(t testing.TB, e *Engine, spec Spec) *bench {
	t.Helper()
	id, err := e.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, e: e, id: id, dir: spec.ScratchDir}
	t.Cleanup(func() {
		if err := e.Destroy(context.Background(), id); err != nil && !errors.Is(err, ErrUnknownInstance) && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return b
}

// ran is what a cell gave, collected.
type ran struct {
	Result
	stdout, stderr string
	beyond         string // the newest of stdout over its limit
	displays       []Bundle
	err            error
}

func (b *bench) runContext(ctx context.Context, code string) (r ran) {
	r.Result, r.err = b.e.Run(ctx, b.id, code, func(e Event) {
		switch e.Kind {
		case Stdout:
			if e.Beyond {
				r.beyond = e.Text
				return
			}
			r.stdout += e.Text
		case Stderr:
			r.stderr += e.Text
		case Display:
			r.displays = append(r.displays, e.Bundle)
		}
	})
	return r
}

func (b *bench) run(code string) ran {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), time.Minute)
	defer cancel()
	return b.runContext(ctx, code)
}

// runFor interrupts the cell when d has passed since it got a place on the processor.
func (b *bench) runFor(d time.Duration, code string) ran {
	b.t.Helper()
	in, err := b.e.find(b.id)
	if err != nil {
		return ran{err: err}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	before, _, _ := in.kernel.places.turns(&in.share)
	waiting.Go(func() {
		again := time.NewTicker(time.Millisecond)
		defer again.Stop()
		for given := before; given == before && ctx.Err() == nil; given, _, _ = in.kernel.places.turns(&in.share) {
			<-again.C
		}
		enough := time.NewTimer(d)
		defer enough.Stop()
		select {
		case <-enough.C:
			cancel()
		case <-ctx.Done():
		}
	})
	return b.runContext(ctx, code)
}

// String gives all that a person would see: output, then "= value" or "Error: message".
func (r ran) String() string {
	var s strings.Builder
	s.WriteString(r.stdout)
	s.WriteString(r.stderr)
	for _, d := range r.displays {
		fmt.Fprintf(&s, "[%s]", d["text/plain"])
	}
	switch {
	case r.err != nil:
		fmt.Fprintf(&s, "LOST %v", r.err)
	case r.Error != nil && r.Error.Message != "":
		fmt.Fprintf(&s, "%s: %s", r.Error.Name, r.Error.Message)
	case r.Error != nil:
		s.WriteString(r.Error.Name)
	case r.Value != nil:
		fmt.Fprintf(&s, "= %s", r.Value["text/plain"])
	}
	return s.String()
}

// wants compares what a person would see with want, a regular expression if it begins with "~".
func (r ran) wants(t testing.TB, code, want string) {
	t.Helper()
	got := r.String()
	if pattern, ok := strings.CutPrefix(want, "~"); ok {
		if !regexp.MustCompile("(?s)" + pattern).MatchString(got) {
			t.Errorf("%s\ngave %q, want a match of %q", code, got, pattern)
		}
	} else if got != want {
		t.Errorf("%s\ngave %q, want %q", code, got, want)
	}
}

// step is a cell and what it should give. The cells of one table share an instance.
type step struct {
	name string
	code string
	want string
}

func (b *bench) steps(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			b.run(s.code).wants(t, s.code, s.want)
		})
	}
}

func TestNewRefusesOptionsThatCannotWork(t *testing.T) {
	for _, options := range []Options{{MemoryLimit: 1 << 20}, {MemoryLimit: 1 << 40}, {MemoryLimit: -1}, {Parallel: -1}, {Grace: -time.Second}} {
		if e, err := New(options); err == nil {
			t.Errorf("New(%+v) = %v, want an error", options, e)
		}
	}
}

func TestLoadIsDoneOnceForAllWhoAsk(t *testing.T) {
	e := newEngine(t, Options{})
	if got := e.Stats().Kernels[0].Phase; got != Idle {
		t.Errorf("phase before Load = %s, want %s: New starts nothing", got, Idle)
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if err := e.Load(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first := e.Stats().Kernels
	if err := e.Load(t.Context()); err != nil {
		t.Error(err)
	}
	for i, k := range e.Stats().Kernels {
		if k.Phase != Ready || k.Start == 0 || k.Start != first[i].Start || k.Snapshot == 0 {
			t.Errorf("after Load: %+v, want it ready and started once (%v)", k, first[i].Start)
		}
	}
	select {
	case <-e.Changed():
	default:
		t.Error("Changed() has nothing to say after a load")
	}
}

func TestLoadEndsWithItsContextAndGoesOnForOthers(t *testing.T) {
	e := newEngine(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Load with a cancelled context = %v, want context.Canceled", err)
	}
	if err := e.Load(t.Context()); err != nil {
		t.Errorf("Load after it = %v, want success", err)
	}
}

// TestCloseEndsALoad has an empty cache, so that compiling takes seconds: a Close that waits for it would see it end well.
func TestCloseEndsALoad(t *testing.T) {
	e := newEngine(t, Options{CacheDir: t.TempDir()})
	loaded := make(chan error, 1)
	go func() { loaded <- e.kernels[Python].ready(t.Context()) }()
	for e.kernels[Python].stats().Phase != Compiling {
		<-e.Changed()
	}
	if err := e.Close(t.Context()); err != nil {
		t.Errorf("Close while a kernel compiles = %v, want success", err)
	}
	if err := <-loaded; !errors.Is(err, ErrClosed) {
		t.Errorf("ready of a kernel whose engine was closed = %v, want ErrClosed", err)
	}
}

func TestLoadThatFailedCanBeTriedAgain(t *testing.T) {
	e := newEngine(t, Options{})
	k := e.kernels[JavaScript]
	whole := k.parts.wasm
	k.parts.wasm = func() ([]byte, error) { return []byte("not wasm"), nil }
	if err := e.Load(t.Context()); err == nil {
		t.Fatal("Load of a broken kernel succeeded")
	}
	if got := k.stats(); got.Phase != Failed || got.Failure == nil {
		t.Errorf("after a failed load: %+v, want it to say so", got)
	}
	k.parts.wasm = whole
	if err := e.Load(t.Context()); err != nil {
		t.Errorf("second Load = %v, want success", err)
	}
}

func TestBrokenStartUpCodeIsToldInTheError(t *testing.T) {
	e := newEngine(t, Options{})
	e.kernels[JavaScript].parts.boot = "(native) => { throw new Error('bad day') }"
	_, err := e.Create(t.Context(), Spec{Language: JavaScript, ScratchDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "bad day") {
		t.Errorf("Create with broken start-up code = %v, want its reason", err)
	}
}

func TestCreateRefusals(t *testing.T) {
	if _, err := shared.Create(t.Context(), Spec{Language: "cobol", ScratchDir: t.TempDir()}); !errors.Is(err, ErrUnknownLanguage) {
		t.Errorf("Create in COBOL = %v, want ErrUnknownLanguage", err)
	}
	if _, err := shared.Create(t.Context(), Spec{Language: Python, ScratchDir: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Create without a scratch folder = %v, want fs.ErrNotExist", err)
	}
	e := newEngine(t, Options{})
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Create(t.Context(), Spec{Language: Python, ScratchDir: t.TempDir()}); !errors.Is(err, ErrClosed) {
		t.Errorf("Create after Close = %v, want ErrClosed", err)
	}
	if err := e.Load(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Load after Close = %v, want ErrClosed", err)
	}
}

func TestRunRefusesWhatIsNoCode(t *testing.T) {
	for _, language := range shared.Languages() {
		b := newBench(t, shared, language)
		for _, c := range []struct {
			name, code string
			want       error
		}{
			{"NUL byte", "a = 1\x00", ErrInvalidCode},
			{"invalid UTF-8", "a = '\xff'", ErrInvalidCode},
			{"5 MB", strings.Repeat("a", 5<<20), ErrTooLarge},
		} {
			if r := b.run(c.code); !errors.Is(r.err, c.want) {
				t.Errorf("%s, %s: error %v, want %v", language, c.name, r.err, c.want)
			}
		}
		b.run("").wants(t, "empty code", "")
		large := "1 + 1 " + strings.Repeat(map[Language]string{Python: "# a long comment\n", JavaScript: "// a long comment\n"}[language], MaxCode/20)
		b.run(large).wants(t, "code that is just not too large", "= 2")
	}
}

func TestUnknownInstance(t *testing.T) {
	const id = ID(1 << 40)
	_, run := shared.Run(t.Context(), id, "1", nil)
	_, list := shared.List(id, ".", 1)
	for name, err := range map[string]error{
		"Run": run, "List": list, "Interrupt": shared.Interrupt(id), "Destroy": shared.Destroy(t.Context(), id), "Remove": shared.Remove(id, "a"),
	} {
		if !errors.Is(err, ErrUnknownInstance) {
			t.Errorf("%s of an unknown instance = %v, want ErrUnknownInstance", name, err)
		}
	}
}

func TestDestroyTwice(t *testing.T) {
	b := newBench(t, shared, Python)
	if err := shared.Destroy(t.Context(), b.id); err != nil {
		t.Fatal(err)
	}
	if err := shared.Destroy(t.Context(), b.id); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("second Destroy = %v, want ErrUnknownInstance", err)
	}
}

func TestRunsOfOneInstanceDoNotOverlap(t *testing.T) {
	b := newBench(t, shared, Python)
	running := make(chan struct{})
	ended := make(chan ran)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		var r ran
		r.Result, r.err = shared.Run(ctx, b.id, "import time\nprint('x')\ntime.sleep(30)", func(Event) { close(running) })
		ended <- r
	}()
	<-running
	if r := b.run("1"); !errors.Is(r.err, ErrBusy) {
		t.Errorf("second Run = %v, want ErrBusy", r.err)
	}
	cancel()
	if r := <-ended; r.err != nil || r.Outcome != Interrupted {
		t.Errorf("first Run = %v %v, want it interrupted", r.Result, r.err)
	}
	b.run("1").wants(t, "1", "= 1")
}

func TestDestroyEndsARunningCell(t *testing.T) {
	for name, code := range map[string]string{"computing": "print('x', flush=True)\nwhile True: pass", "sleeping": "import time\nprint('x')\ntime.sleep(60)"} {
		b := newBench(t, shared, Python)
		running := make(chan struct{})
		ended := make(chan error)
		go func() {
			_, err := shared.Run(context.Background(), b.id, code, func(Event) { close(running) })
			ended <- err
		}()
		<-running
		began := time.Now()
		if err := shared.Destroy(t.Context(), b.id); err != nil {
			t.Fatal(err)
		}
		err := <-ended
		var lost *StateLostError
		if !errors.As(err, &lost) || lost.Reason != Destroyed || !errors.Is(err, ErrStateLost) {
			t.Errorf("%s: Run = %v, want a StateLostError, destroyed", name, err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("%s: Destroy took %v", name, took)
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	e := newEngine(t, Options{Parallel: 1})
	const n = 4
	ended := make(chan error, n)
	for range n {
		b := newBench(t, e, JavaScript)
		running := make(chan struct{})
		go func() {
			_, err := e.Run(context.Background(), b.id, "console.log(1); for (;;) {}", func(Event) { close(running) })
			ended <- err
		}()
		<-running
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := <-ended; !errors.Is(err, ErrStateLost) {
			t.Errorf("Run during Close = %v, want ErrStateLost", err)
		}
	}
	if got := e.Stats().Instances; len(got) != 0 {
		t.Errorf("instances after Close: %v", got)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if _, err := e.Run(t.Context(), 1, "1", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Run after Close = %v, want ErrClosed", err)
	}
}

func TestMemoryIsGivenBack(t *testing.T) {
	for _, copying := range []bool{false, true} {
		e := newEngine(t, Options{CopySnapshots: copying})
		if err := e.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		cycle := func() {
			id, err := e.Create(t.Context(), Spec{Language: Python, ScratchDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Run(t.Context(), id, "x = bytearray(5_000_000)", nil); err != nil {
				t.Fatal(err)
			}
			if err := e.Destroy(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		cycles := 300
		if copying {
			cycles = 60
		}
		for range 10 {
			cycle()
		}
		before := residentOfProcess(t)
		for range cycles {
			cycle()
		}
		if grown := residentOfProcess(t) - before; grown > 24<<20 {
			t.Errorf("copying %v: %d instances left %d MiB behind", copying, cycles, grown>>20)
		}
	}
}

// residentOfProcess is what this process takes of the machine's memory, where the system tells.
func residentOfProcess(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory() // what Go's heap only keeps
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(bytes.TrimSpace(b)), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func TestCopiesOfASnapshotAreIndependent(t *testing.T) {
	for _, copying := range []bool{false, true} {
		e := newEngine(t, Options{CopySnapshots: copying})
		a, b := newBench(t, e, Python), newBench(t, e, Python)
		a.run("x = 1; import math; math.pi = 3; open('f', 'w').write('a')").wants(t, "a", "= 1")
		b.run("import math, os; 'x' in globals(), round(math.pi, 2), os.listdir()").wants(t, "b", "= (False, 3.14, [])")
		c := newBench(t, e, Python) // made from the snapshot after others have written
		c.run("import math; 'x' in globals(), round(math.pi, 2)").wants(t, "c", "= (False, 3.14)")
		if _, ok := e.kernels[Python].image.(*copiedImage); copying && !ok {
			t.Error("CopySnapshots did not copy")
		}
	}
}

func TestCopiesOfASnapshotHaveTheirOwnChance(t *testing.T) {
	for language, code := range map[Language]string{
		Python:     "import random, tempfile, uuid, os, secrets; random.random(), tempfile.mktemp(), uuid.uuid1().node, os.urandom(4).hex(), secrets.token_hex(4)",
		JavaScript: "[Math.random(), Math.random()]",
	} {
		a, b := newBench(t, shared, language).run(code).String(), newBench(t, shared, language).run(code).String()
		as, bs := strings.Split(strings.Trim(a, "= ()[]"), ","), strings.Split(strings.Trim(b, "= ()[]"), ",")
		if len(as) < 2 || len(as) != len(bs) {
			t.Fatalf("%s: %q and %q", language, a, b)
		}
		for i := range as {
			if as[i] == bs[i] {
				t.Errorf("%s: two copies drew the same: %s", language, as[i])
			}
		}
	}
}

// A copy of the snapshot must not see its clock go back, nor far ahead of that of its siblings.
func TestClocksOfAllInstancesAgree(t *testing.T) {
	var before float64
	for range 3 {
		var now float64
		out := newBench(t, shared, Python).run("import time; time.monotonic()").Value["text/plain"]
		if _, err := fmt.Sscan(out, &now); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if now <= before || before != 0 && now > before+60 {
			t.Errorf("an instance made later has its monotonic clock at %v, an earlier one had it at %v", now, before)
		}
		before = now
	}
	newBench(t, shared, Python).run("t = time.clock_gettime(time.CLOCK_REALTIME) if (time := __import__('time')) else 0; abs(t - time.time()) < 1").wants(t, "clocks", "= True")
}

func TestStatsShowInstances(t *testing.T) {
	e := newEngine(t, Options{})
	b := newBench(t, e, Python)
	b.run("x = bytearray(10_000_000); open('a', 'wb').write(x) and None").wants(t, "x", "")
	stats := e.Stats().Instances
	if len(stats) != 1 || stats[0].ID != b.id || stats[0].Language != Python || stats[0].Running || stats[0].Files != 1 || stats[0].FileSize != 10_000_000 {
		t.Errorf("Stats = %+v", stats)
	}
	if m := stats[0].Memory; m < 10_000_000 || m > 40<<20 {
		t.Errorf("memory of an instance with 10 MB of data = %d", m)
	}
}
