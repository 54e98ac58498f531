package sandboxtest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func runChecks() []check {
	canShow := func(b *bench) bool { return b.code.Show != nil }
	return []check{
		{name: "a run beyond the limits is refused", run: runLimits},
		{name: "a run whose caller has gone is cancelled and nothing is run", run: runGivenUpBefore},
		{name: "what is printed comes back by stream", run: prints, runsCode: true},
		{name: "code without a trailing expression has no value", run: noValue, runsCode: true},
		{name: "variables stay from run to run", run: stateStays, runsCode: true},
		{name: "contexts do not see each other's variables", run: contextsApart, runsCode: true},
		{name: "code that raises is a failure and keeps the state", run: raises, runsCode: true},
		{name: "code that cannot be parsed is a failure and nothing of it is run", run: broken, runsCode: true},
		{name: "a display and a value come with their representations", run: displays, runsCode: true, needs: canShow},
		{name: "Emit is given the output in order and nothing after the end", run: emits, runsCode: true},
		{name: "output beyond the limit is counted", run: floods, runsCode: true},
		{name: "code that takes too long is a failure TIMEOUT", run: timesOut, runsCode: true},
		{name: "code that is cancelled is a failure CANCELLED", run: cancels, runsCode: true},
		{name: "code that ignores interrupts ends all the same", run: deaf, runsCode: true, needs: hasDeaf},
		{name: "a second run in a busy context is refused", run: busy, runsCode: true},
		{name: "runs in different contexts go side by side", run: sideBySide, runsCode: true},
		{name: "code of the greatest length is run", run: longestCode, runsCode: true},
	}
}

func runLimits(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	for _, test := range []struct {
		name string
		run  sandbox.Run
		want sandbox.Code
	}{
		{"code that is one byte too long", sandbox.Run{Code: b.code.Pad(b.traits.MaxCodeSize + 1)}, sandbox.CodeTooLarge},
		{"a timeout that is too long", sandbox.Run{Code: b.code.Print("hello"), Timeout: b.traits.MaxRunTime + time.Second}, sandbox.CodeInvalidParams},
		{"a negative timeout", sandbox.Run{Code: b.code.Print("hello"), Timeout: -time.Second}, sandbox.CodeInvalidParams},
	} {
		_, err := s.Run(t.Context(), cc, test.run)
		wantCode(t, test.name, err, test.want)
	}
	b.succeed(t, s, cc, b.code.Print("hello"))
}

func longestCode(t *testing.T, b *bench) {
	s := b.open(t)
	b.succeed(t, s, b.context(t, s), b.code.Pad(b.traits.MaxCodeSize))
}

func runGivenUpBefore(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := s.Run(ctx, cc, sandbox.Run{Code: b.code.Set("ran", 1)})
	wantStopped(t, result, err, sandbox.CodeCancelled)
	if !b.Simulated {
		b.wantUndefined(t, s, cc, "ran")
	}
	b.succeed(t, s, cc, b.code.Print("hello"))
}

func prints(t *testing.T, b *bench) {
	s := b.open(t)
	const text = `plain, "quoted", é 世界 🙂`
	result := b.succeed(t, s, b.context(t, s), b.code.Print(text)+"\n"+b.code.PrintErr("aside")+"\n"+b.code.Print("last"))
	if want := text + "\nlast\n"; result.Stdout != want || result.Stderr != "aside\n" {
		t.Errorf("stdout is %q and stderr %q, want %q and %q", result.Stdout, result.Stderr, want, "aside\n")
	}
	if result.Cut.Stdout != 0 || result.Cut.Stderr != 0 || result.StateLost || len(result.Displays) != 0 {
		t.Errorf("Run = %+v, want nothing cut, lost or shown", result)
	}
}

func noValue(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	if result := b.succeed(t, s, cc, b.code.Set("x", 1)); result.Value != nil {
		t.Errorf("the value is %+v, want none", *result.Value)
	}
	result := b.succeed(t, s, cc, b.code.Get("x")+"\n"+b.code.Print("y"))
	if result.Value != nil {
		t.Errorf("with an expression that is not the last, the value is %+v, want none", *result.Value)
	}
	if result := b.succeed(t, s, cc, ""); result.Value != nil || result.Stdout != "" {
		t.Errorf("empty code gave %+v, want nothing", result)
	}
}

func stateStays(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	b.wantUndefined(t, s, cc, "x")
	b.succeed(t, s, cc, b.code.Set("x", 41))
	b.wantNumber(t, s, cc, "x", "41")
	b.succeed(t, s, cc, b.code.Set("x", 42)+"\n"+b.code.Set("y", 1))
	b.wantNumber(t, s, cc, "x", "42")
	b.wantNumber(t, s, cc, "y", "1")
}

func contextsApart(t *testing.T, b *bench) {
	s, other := b.open(t), b.open(t)
	one, two, three := b.context(t, s), b.context(t, s), b.context(t, other)
	b.succeed(t, s, one, b.code.Set("x", 1))
	b.wantUndefined(t, s, two, "x")
	b.wantUndefined(t, other, three, "x")
	b.succeed(t, s, two, b.code.Set("x", 2))
	b.succeed(t, other, three, b.code.Set("x", 3))
	b.wantNumber(t, s, one, "x", "1")
	b.wantNumber(t, s, two, "x", "2")
	b.wantNumber(t, other, three, "x", "3")
}

func raises(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	result := b.run(t, s, cc, b.code.Set("x", 5)+"\n"+b.code.Print("before")+"\n"+b.code.Raise("out of cheese"))
	f := result.Failure
	if f == nil || f.Code != sandbox.CodeExecutionFailed || f.Name != b.code.Raised || f.Message != "out of cheese" || !strings.HasSuffix(f.Traceback, "\n") {
		t.Errorf("the failure is %+v, want %s %q of code %s with a traceback in lines", f, b.code.Raised, "out of cheese", sandbox.CodeExecutionFailed)
	}
	if result.Stdout != "before\n" || result.Value != nil || result.StateLost {
		t.Errorf("Run = %+v, want what was printed, no value, the state kept", result)
	}
	b.wantNumber(t, s, cc, "x", "5")
}

func broken(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	b.succeed(t, s, cc, b.code.Set("x", 1))
	result := b.run(t, s, cc, b.code.Set("x", 2)+"\n"+b.code.Broken)
	if f := result.Failure; f == nil || f.Code != sandbox.CodeExecutionFailed || f.Name != "SyntaxError" || f.Message == "" {
		t.Errorf("the failure is %+v, want SyntaxError of code %s", f, sandbox.CodeExecutionFailed)
	}
	b.wantNumber(t, s, cc, "x", "1")
}

func displays(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	image := []byte("\x89PNG\r\n\x1a\n\x00\xff")
	result := b.succeed(t, s, cc, b.code.Show("image/png", image)+"\n"+b.code.Show("text/html", []byte("x"))+"\n"+b.code.Rich("image/png", image))
	if len(result.Displays) != 2 || result.Value == nil {
		t.Fatalf("Run = %+v, want two displays and a value", result)
	}
	for what, out := range map[string]sandbox.Output{"display": result.Displays[0], "value": *result.Value} {
		if out.Text == "" || !bytes.Equal(out.MIME["image/png"], image) {
			t.Errorf("the %s is %+v, want a text and the image", what, out)
		}
	}
	if _, ok := result.Displays[1].MIME["text/html"]; !ok {
		t.Errorf("the second display is %+v, want HTML", result.Displays[1])
	}
}

func emits(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	var (
		mu               sync.Mutex
		stdout, stderr   strings.Builder
		inside           atomic.Int32
		overlapped, late atomic.Bool
		returned         atomic.Bool
	)
	emit := func(c sandbox.Chunk) {
		if inside.Add(1) > 1 {
			overlapped.Store(true)
		}
		defer inside.Add(-1)
		if returned.Load() {
			late.Store(true)
		}
		mu.Lock()
		defer mu.Unlock()
		if c.Stream == sandbox.Stderr {
			stderr.WriteString(c.Text)
		} else {
			stdout.WriteString(c.Text)
		}
	}
	var code strings.Builder
	for i := range 100 {
		code.WriteString(b.code.Print(fmt.Sprintf("line %d é", i)) + "\n" + b.code.PrintErr(fmt.Sprintf("aside %d", i)) + "\n")
	}
	result := b.runFor(t, s, cc, sandbox.Run{Code: code.String(), Emit: emit})
	if result.Failure != nil {
		t.Fatalf("Run failed with %+v", *result.Failure)
	}
	mu.Lock()
	if stdout.String() != result.Stdout || stderr.String() != result.Stderr || strings.Count(result.Stdout, "\n") != 100 || strings.Count(result.Stderr, "\n") != 100 {
		t.Errorf("Emit was given %q and %q, the result holds %q and %q, want 100 lines of each and no difference",
			stdout.String(), stderr.String(), result.Stdout, result.Stderr)
	}
	mu.Unlock()
	b.runFor(t, s, cc, sandbox.Run{Code: b.code.Loop, Timeout: b.Brief, Emit: emit})
	returned.Store(true)
	b.close(t, s)
	if overlapped.Load() {
		t.Error("Emit was called by two goroutines at once")
	}
	if late.Load() {
		t.Error("Emit was called after Run had returned")
	}
}

func floods(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	const size = 3 << 20
	var emitted atomic.Int64
	result := b.runFor(t, s, cc, sandbox.Run{Code: b.code.Flood(size), Emit: func(c sandbox.Chunk) { emitted.Add(int64(len(c.Text))) }})
	if result.Failure != nil {
		t.Fatalf("Run failed with %+v", *result.Failure)
	}
	if got := int64(len(result.Stdout)) + result.Cut.Stdout; got != size || result.Cut.Stdout < 0 || result.Cut.Stderr != 0 {
		t.Errorf("%d bytes kept and %+v cut, want %d in all", len(result.Stdout), result.Cut, size)
	}
	if !utf8.ValidString(result.Stdout) {
		t.Error("stdout was cut within a character")
	}
	if emitted.Load() > size {
		t.Errorf("Emit was given %d bytes of %d", emitted.Load(), size)
	}
	b.succeed(t, s, cc, b.code.Print("after"))
}

func timesOut(t *testing.T, b *bench) {
	stopped(t, b, b.code.Loop, sandbox.CodeTimeout)
}

func cancels(t *testing.T, b *bench) {
	stopped(t, b, b.code.Loop, sandbox.CodeCancelled)
}

func deaf(t *testing.T, b *bench) {
	stopped(t, b, b.code.Deaf, sandbox.CodeTimeout)
	stopped(t, b, b.code.Deaf, sandbox.CodeCancelled)
}

// stopped runs code that has to be stopped, and looks at what is left of the context.
func stopped(t *testing.T, b *bench, code string, how sandbox.Code) {
	t.Helper()
	s := b.open(t)
	cc := b.context(t, s)
	b.succeed(t, s, cc, b.code.Set("x", 41))
	run := sandbox.Run{Code: code}
	if how == sandbox.CodeTimeout {
		run.Timeout = b.Brief
	}
	r := b.start(t, s, cc, run)
	if how == sandbox.CodeCancelled {
		r.printed(t)
		r.cancel()
	}
	result, err := r.wait(t)
	wantStopped(t, result, err, how)
	if how == sandbox.CodeTimeout && result.Duration < b.Brief/2 {
		t.Errorf("the code ran for %s, want about %s", result.Duration, b.Brief)
	}
	if (b.traits.Streams || how == sandbox.CodeTimeout) && result.Stdout != "started\n" {
		t.Errorf("stdout is %q, want what was printed until then", result.Stdout)
	}
	if code == b.code.Loop && b.traits.KeepsStateOnInterrupt && result.StateLost {
		t.Error("the state is lost, though the traits promise that it is kept")
	}
	if result.StateLost {
		b.wantUndefined(t, s, cc, "x")
	} else {
		b.wantNumber(t, s, cc, "x", "41")
	}
	b.succeed(t, s, cc, b.code.Set("y", 3)) // the context is as good as before
	b.wantNumber(t, s, cc, "y", "3")
}

func busy(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	b.succeed(t, s, cc, b.code.Set("x", 41))
	one, two := b.start(t, s, cc, sandbox.Run{Code: b.code.Loop}), b.start(t, s, cc, sandbox.Run{Code: b.code.Loop})
	patience := time.NewTimer(b.Patience)
	defer patience.Stop()
	select { // whoever comes second returns first
	case <-one.ended:
		one, two = two, one
	case <-two.ended:
	case <-patience.C:
		t.Fatalf("two runs in one context went on for %s", b.Patience)
	}
	wantCode(t, "Run in a busy context", two.err, sandbox.CodeExecutionFailed)
	one.printed(t)
	one.cancel()
	result, err := one.wait(t)
	wantStopped(t, result, err, sandbox.CodeCancelled)
	if !result.StateLost {
		b.wantNumber(t, s, cc, "x", "41")
	}
}

func sideBySide(t *testing.T, b *bench) {
	s := b.open(t)
	long := b.start(t, s, b.context(t, s), sandbox.Run{Code: b.code.Loop})
	long.printed(t)
	for _, language := range b.traits.Languages {
		other := &bench{Harness: b.Harness, traits: b.traits}
		other.speak(language)
		cc := other.context(t, s)
		for i := range 3 {
			other.succeed(t, s, cc, other.code.Set("x", i))
			other.wantNumber(t, s, cc, "x", fmt.Sprint(i))
		}
	}
	if long.isOver() {
		t.Errorf("the long run is over: %+v, %v", long.result, long.err)
	}
}
