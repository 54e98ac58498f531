package pool_test

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
)

// factory makes, checks and closes numbered values, and remembers what became of them. Its fields are set before use;
// the functions among them are called without its lock.
type factory struct {
	t     reporter
	takes func(n int) time.Duration // how long the nth New takes; nil = no time
	fails func(n int) error         // what the nth New returns; nil = success
	slow  time.Duration             // how long Close takes
	probe time.Duration             // how long Check takes

	mu      sync.Mutex
	ceiling int   // how many values may exist when New is called; 0 = any number
	broken  error // what New returns until mended

	begun  []time.Time // of each New
	made   []int
	closed map[int]time.Time
	dead   map[int]error // what Check finds
	checks int
	busy   map[int]string
	alive  int // being made, alive or being closed
	peak   int
}

// reporter is the part of testing.TB that rapid has too.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

func newFactory(t reporter) *factory {
	return &factory{t: t, closed: map[int]time.Time{}, dead: map[int]error{}, busy: map[int]string{}}
}

// options makes the pool's values come from f.
func (f *factory) options(opt pool.Options[int]) pool.Options[int] {
	opt.New, opt.Close = f.create, f.close
	if opt.CheckEvery > 0 || opt.CheckAfterIdle > 0 {
		opt.Check = f.check
	}
	return opt
}

func (f *factory) create(ctx context.Context) (int, error) {
	f.mu.Lock()
	f.begun = append(f.begun, time.Now())
	n := len(f.begun)
	f.alive++
	f.peak = max(f.peak, f.alive)
	if f.ceiling > 0 && f.alive > f.ceiling {
		f.t.Errorf("%d values exist, at most %d may", f.alive, f.ceiling)
	}
	f.mu.Unlock()

	err := error(nil)
	if f.takes != nil {
		err = pause(ctx, f.takes(n))
	}
	if err == nil && f.fails != nil {
		err = f.fails(n)
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if err = cmp.Or(err, f.broken); err != nil {
		f.alive--
		return 0, err
	}
	f.made = append(f.made, n)
	return n, nil
}

func (f *factory) check(ctx context.Context, n int) error {
	defer f.occupy(n, "Check")()
	if err := pause(ctx, f.probe); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checks++
	return f.dead[n]
}

func (f *factory) close(ctx context.Context, n int) error {
	defer f.occupy(n, "Close")()
	err := pause(ctx, f.slow)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, again := f.closed[n]; again {
		f.t.Errorf("Close(%d) was called twice", n)
	}
	f.closed[n] = time.Now()
	f.alive--
	return err
}

// occupy marks that a call runs on value n, and objects if there is one already.
func (f *factory) occupy(n int, what string) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other := f.busy[n]; other != "" {
		f.t.Errorf("%s(%d) runs beside %s(%d)", what, n, other, n)
	}
	f.busy[n] = what
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.busy, n)
	}
}

// allow sets how many values may exist.
func (f *factory) allow(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ceiling = n
}

// fail has New return err from now on; nil mends it.
func (f *factory) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
}

// kill has Check find value n dead.
func (f *factory) kill(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead[n] = errDead
}

// isClosed reports whether value n was closed.
func (f *factory) isClosed(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, closed := f.closed[n]
	return closed
}

// left returns how many values exist now.
func (f *factory) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.alive
}

// running returns how many calls of Check or Close are under way.
func (f *factory) running(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, busy := range f.busy {
		if busy == what {
			n++
		}
	}
	return n
}

// starts returns when each New began, counted from the first.
func (f *factory) starts() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var at []time.Duration
	for _, begun := range f.begun {
		at = append(at, begun.Sub(f.begun[0]))
	}
	return at
}

// wantAllClosed objects to any value that was made and not closed.
func (f *factory) wantAllClosed() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.closed) != len(f.made) || f.alive != 0 {
		f.t.Errorf("made %v, closed %v, %d still alive; want each closed once", f.made, f.closed, f.alive)
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// always has each New take d.
func always(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

var (
	errDead      = errors.New("it does not answer")
	errRefused   = errors.New("the key was refused")
	errSuspended = errors.New("suspended")
	errBusy      = errors.New("the service is busy")
)

// startPool runs a pool until the test ends, and then wants everything put away without a fault.
func startPool[T any](t testing.TB, opt pool.Options[T]) *pool.Pool[T] {
	t.Helper()
	p := newPool(t, opt)
	stop := run(p)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if rows := p.Stats().Rows; len(rows) != 0 {
			t.Errorf("after Run there are still %d entries: %+v", len(rows), rows)
		}
	})
	return p
}

func newPool[T any](t testing.TB, opt pool.Options[T]) *pool.Pool[T] {
	t.Helper()
	p, err := pool.New(opt)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return p
}

// run starts Run and returns a function that ends it and gives its result.
func run[T any](p *pool.Pool[T]) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-done
	})
}

// awaitReady waits until n values have room.
func awaitReady[T any](t testing.TB, p *pool.Pool[T], n int) {
	t.Helper()
	for p.Stats().Ready < n {
		select {
		case <-p.Changed():
		case <-t.Context().Done():
			t.Fatalf("pool never had %d ready: %+v", n, p.Stats())
		}
	}
}

// acquire leases a value and fails the test if it cannot.
func acquire(t testing.TB, p *pool.Pool[int]) *pool.Lease[int] {
	t.Helper()
	lease, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return lease
}

// answer is what a call of Acquire in the background came to.
type answer struct {
	lease *pool.Lease[int]
	err   error
	took  time.Duration
}

// acquireLater calls Acquire in the background.
func acquireLater(ctx context.Context, p *pool.Pool[int]) <-chan answer {
	answers := make(chan answer, 1)
	begun := time.Now()
	go func() {
		lease, err := p.Acquire(ctx)
		answers <- answer{lease, err, time.Since(begun)}
	}()
	return answers
}

// lostTo returns why a lease was lost, or nil if it was not.
func lostTo(l *pool.Lease[int]) error {
	select {
	case <-l.Lost():
		return l.Cause()
	default:
		return nil
	}
}
