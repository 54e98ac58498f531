package carry_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// TestAReplacedSandboxIsLeftWithEverything is the whole of it: the interpreter moves its contexts when the pool replaces their sandbox.
func TestAReplacedSandboxIsLeftWithEverything(t *testing.T) {
	newPlace(t, onThisComputer, sandbox.Python) // so that the engine is loaded before somebody waits for a sandbox
	p, err := pool.New(pool.Options[sandbox.Session]{
		New: onThisComputer.Open, Close: func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) }, Warm: 1, Max: 4, Share: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	i, err := interpreter.New(interpreter.Options{Site: interpreter.NewSite(onThisComputer, p)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	over, end := context.WithCancel(context.WithoutCancel(t.Context()))
	var running, pooling sync.WaitGroup
	running.Go(func() { _ = i.Run(ctx) })
	pooling.Go(func() { _ = p.Run(over) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		end()
		pooling.Wait()
	})
	run := func(language sandbox.Language, code string) interpreter.RunResult {
		t.Helper()
		res, err := i.RunCode(t.Context(), interpreter.Caller{Key: "ann"}, interpreter.RunRequest{Language: language, Code: code})
		if err != nil || res.Failure != nil {
			t.Fatalf("RunCode(%s) = %+v, %v", code, res.Failure, err)
		}
		return res
	}
	run(sandbox.Python, "import math\nclass A:\n    def __init__(self): self.xs = [1]\na = A(); b = a.xs; g = (i for i in b); open('f', 'w').write('x')")
	run(sandbox.JavaScript, "const o = {n: 1}; let same = o; function f() { return o.n + same.n } const p = Promise.resolve()")
	before := map[string]bool{}
	for _, c := range i.Contexts() {
		before[c.SandboxID] = true
	}
	for _, row := range p.Stats().Rows {
		p.Replace(row.ID)
	}
	for slices.ContainsFunc(i.Contexts(), func(c interpreter.Context) bool { return before[c.SandboxID] }) {
		<-i.Changed() // which tells of each that has moved
	}
	res := run(sandbox.Python, "a.xs is b, math.floor(1.5), open('f').read()")
	if res.Value == nil || res.Value.Text != "(True, 1, 'x')" {
		t.Errorf("Python has %+v after the move", res.Value)
	}
	wantNotice(t, res, "with 4 variables and 1 file. What could not move is gone: g (generator).")
	if res = run(sandbox.JavaScript, "f() + (o === same)"); res.Value == nil || res.Value.Text != "3" {
		t.Errorf("JavaScript has %+v after the move", res.Value)
	}
	wantNotice(t, res, "with 3 variables and 0 files. What could not move is gone: p (Promise).")
}

func wantNotice(t *testing.T, res interpreter.RunResult, want string) {
	t.Helper()
	if len(res.Notices) != 1 || !strings.Contains(res.Notices[0], want) {
		t.Errorf("notices are %q, want one with %q", res.Notices, want)
	}
}
