package sandboxtest

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Harness is a backend under test and what the suite has to know of it.
type Harness struct {
	// Backend is a fresh one, or one that is shared by the whole test and has no sandboxes at the moment.
	Backend sandbox.Backend
	// Live counts the sandboxes that exist now, as the other side of the backend sees them: its disk, its service. The suite
	// looks after each check that nothing was left.
	Live func() int
	// Programs are in the languages of the backend.
	Programs map[sandbox.Language]Programs
	// Commands are for the shell of a backend that has one.
	Commands *Commands
	// Simulated says that the backend runs no code. Only what does not depend on code is then checked.
	Simulated bool
	// Lose makes a sandbox vanish behind the backend's back. Nil if that cannot happen.
	Lose func(sandboxID string)
	// Sessions is how many are opened at once: 5.
	Sessions int
	// Brief is a timeout that code can meet: 300 ms.
	Brief time.Duration
	// Patience is after how long a call that should have come back counts as hanging: 30 s.
	Patience time.Duration
}

// check is one promise of the contract.
type check struct {
	name string
	run  func(t *testing.T, b *bench)
	// runsCode: depends on what code does, and is made once in each language. Otherwise it is made once.
	runsCode bool
	// needs tells whether the backend makes the promise at all. Nil: every backend does.
	needs func(b *bench) bool
}

// Run holds a backend to the contract. open is called for each check, and once before, on the test itself.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	run(t, open, func(t *testing.T, f func(t *testing.T)) { t.Helper(); f(t) })
}

// RunInBubble is [Run] with each check in a synctest bubble, where waiting takes no time. The backend must not reach out of
// the bubble.
func RunInBubble(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	run(t, open, synctest.Test)
}

func run(t *testing.T, open func(t *testing.T) Harness, within func(t *testing.T, f func(t *testing.T))) {
	t.Helper()
	about := &bench{Harness: open(t)}
	about.traits = about.Backend.Traits()
	for _, c := range slices.Concat(sessionChecks(), contextChecks(), runChecks(), fileChecks(), shellChecks()) {
		for _, language := range about.languages(c) {
			name := c.name
			if c.runsCode {
				name += " (" + string(language) + ")"
			}
			about.speak(language)
			if c.needs != nil && !c.needs(about) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				within(t, func(t *testing.T) {
					b := &bench{Harness: open(t)}
					b.traits = b.Backend.Traits()
					b.speak(language)
					b.Sessions = cmp.Or(b.Sessions, 5)
					b.Brief = cmp.Or(b.Brief, 300*time.Millisecond)
					b.Patience = cmp.Or(b.Patience, 30*time.Second)
					t.Cleanup(func() { b.leavesNothing(t) }) // after the sessions were closed
					c.run(t, b)
				})
			})
		}
	}
}

// bench is what a check works with.
type bench struct {
	Harness
	traits   sandbox.Traits
	language sandbox.Language
	code     Programs // in that language
}

// languages gives those in which the check is to be made.
func (b *bench) languages(c check) []sandbox.Language {
	switch {
	case !c.runsCode:
		return b.traits.Languages[:1]
	case b.Simulated:
		return nil
	}
	return b.traits.Languages
}

func (b *bench) speak(language sandbox.Language) {
	b.language, b.code = language, b.Programs[language]
}

// leavesNothing waits until the backend has no sandbox any more, which may take it a moment after Close.
func (b *bench) leavesNothing(t *testing.T) {
	t.Helper()
	left := b.Live()
	patience := time.NewTimer(b.Patience)
	defer patience.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for left != 0 {
		select {
		case <-again.C:
			left = b.Live()
		case <-patience.C:
			t.Errorf("%d sandboxes are left behind, want none", left)
			return
		}
	}
}

// open makes a session that is closed when the check ends.
func (b *bench) open(t *testing.T) sandbox.Session {
	t.Helper()
	s, err := b.Backend.Open(t.Context())
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { b.close(t, s) })
	return s
}

func (b *bench) close(t *testing.T, s sandbox.Session) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), b.Patience)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("Close of %s = %v", s.SandboxID(), err)
	}
}

// context makes a context in the check's language and gives its ID.
func (b *bench) context(t *testing.T, s sandbox.Session) string {
	t.Helper()
	cc, err := s.CreateContext(t.Context(), b.language)
	if err != nil {
		t.Fatalf("CreateContext(%s) = %v", b.language, err)
	}
	if cc.ID == "" || cc.Language != b.language {
		t.Errorf("CreateContext(%s) = %+v, want an ID and that language", b.language, cc)
	}
	return cc.ID
}

// run runs code that is to be carried out, whatever comes of it.
func (b *bench) run(t *testing.T, s sandbox.Session, contextID, code string) sandbox.Result {
	t.Helper()
	return b.runFor(t, s, contextID, sandbox.Run{Code: code, Timeout: min(b.Patience, b.traits.MaxRunTime)})
}

func (b *bench) runFor(t *testing.T, s sandbox.Session, contextID string, run sandbox.Run) sandbox.Result {
	t.Helper()
	result, err := s.Run(t.Context(), contextID, run)
	if err != nil {
		t.Fatalf("Run(%s) = %v", clip(run.Code), err)
	}
	return result
}

// succeed runs code that is to run to its end.
func (b *bench) succeed(t *testing.T, s sandbox.Session, contextID, code string) sandbox.Result {
	t.Helper()
	result := b.run(t, s, contextID, code)
	if result.Failure != nil {
		t.Fatalf("Run(%s) failed with %+v", clip(code), *result.Failure)
	}
	return result
}

// wantNumber looks at a variable.
func (b *bench) wantNumber(t *testing.T, s sandbox.Session, contextID, name, want string) {
	t.Helper()
	result := b.succeed(t, s, contextID, b.code.Get(name))
	if result.Value == nil || result.Value.Text != want {
		t.Errorf("%s is %+v, want %s", name, result.Value, want)
	}
}

// wantUndefined looks whether a variable is not there.
func (b *bench) wantUndefined(t *testing.T, s sandbox.Session, contextID, name string) {
	t.Helper()
	result := b.run(t, s, contextID, b.code.Get(name))
	if result.Failure == nil || result.Failure.Name != b.code.Undefined {
		t.Errorf("%s gave value %+v and failure %+v, want the failure %s", name, result.Value, result.Failure, b.code.Undefined)
	}
}

// running is a run in progress.
type running struct {
	bench  *bench
	code   string
	cancel context.CancelFunc
	began  chan struct{} // closed when it printed something
	ended  chan struct{} // closed when result and err are set

	result sandbox.Result
	err    error
}

// start runs code beside the check. It is cancelled and waited for when the check ends, if it is not over by then.
func (b *bench) start(t *testing.T, s sandbox.Session, contextID string, run sandbox.Run) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{bench: b, code: run.Code, cancel: cancel, began: make(chan struct{}), ended: make(chan struct{})}
	var seen atomic.Bool
	run.Emit = func(sandbox.Chunk) {
		if !seen.Swap(true) {
			close(r.began)
		}
	}
	go func() {
		defer close(r.ended)
		r.result, r.err = s.Run(ctx, contextID, run)
	}()
	t.Cleanup(func() { cancel(); r.wait(t) })
	return r
}

// printed waits until the code is known to run, which only a backend that streams can tell.
func (r *running) printed(t *testing.T) {
	t.Helper()
	if !r.bench.traits.Streams {
		return
	}
	patience := time.NewTimer(r.bench.Patience)
	defer patience.Stop()
	select {
	case <-r.began:
	case <-r.ended:
		select {
		case <-r.began:
		default:
			t.Fatalf("Run(%s) ended with %+v, %v before it printed", clip(r.code), r.result, r.err)
		}
	case <-patience.C:
		t.Fatalf("Run(%s) printed nothing for %s", clip(r.code), r.bench.Patience)
	}
}

// wait waits until the run is over.
func (r *running) wait(t *testing.T) (sandbox.Result, error) {
	t.Helper()
	patience := time.NewTimer(r.bench.Patience)
	defer patience.Stop()
	select {
	case <-r.ended:
		return r.result, r.err
	case <-patience.C:
		t.Fatalf("Run(%s) has not ended within %s", clip(r.code), r.bench.Patience)
		return sandbox.Result{}, nil
	}
}

// isOver reports whether the run has ended.
func (r *running) isOver() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// wantCode checks the code of an error; an error without one has the code "none".
func wantCode(t *testing.T, what string, err error, want sandbox.Code) {
	t.Helper()
	if err == nil {
		t.Errorf("%s succeeded, want an error with code %s", what, want)
	} else if got := sandbox.CodeOf(err, "none"); got != want {
		t.Errorf("%s = %v with code %s, want code %s", what, err, got, want)
	}
}

// wantStopped checks the result of a run that was stopped from outside.
func wantStopped(t *testing.T, result sandbox.Result, err error, want sandbox.Code) {
	t.Helper()
	switch {
	case err != nil:
		t.Errorf("Run = %v, want a result with failure %s", err, want)
	case result.Failure == nil:
		t.Errorf("Run succeeded with %+v, want failure %s", result, want)
	case result.Failure.Code != want || result.Failure.Name == "" || result.Failure.Message == "":
		t.Errorf("Run failed with %+v, want code %s, a name and a message", *result.Failure, want)
	}
}

func clip(code string) string {
	if len(code) > 60 {
		return code[:60] + "…"
	}
	return code
}
