package sandboxtest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func sessionChecks() []check {
	canLose := func(b *bench) bool { return b.Lose != nil }
	return []check{
		{name: "traits are complete and do not change", run: traitsAreComplete},
		{name: "a session names its sandbox and says that it is alive", run: sessionIsAlive},
		{name: "many sessions at once are kept apart", run: manySessions},
		{name: "an Open whose caller has gone leaves nothing", run: openGivenUpBefore},
		{name: "an Open that is given up on the way leaves nothing", run: openGivenUpOnTheWay},
		{name: "Close may be repeated", run: closeTwice},
		{name: "after Close everything says that the session is lost", run: everythingAfterClose},
		{name: "Close ends a run in progress", run: closeDuringRun, runsCode: true},
		{name: "Check answers while code runs", run: checkDuringRun, runsCode: true},
		{name: "a sandbox that vanishes is said to be lost", run: vanished, needs: canLose},
		{name: "a run under which the sandbox vanishes is lost", run: vanishedDuringRun, runsCode: true, needs: canLose},
	}
}

func traitsAreComplete(t *testing.T, b *bench) {
	if b.Backend.Name() == "" || b.traits.Note == "" {
		t.Errorf("the name is %q and the note %q, want words", b.Backend.Name(), b.traits.Note)
	}
	if len(b.traits.Languages) == 0 || b.traits.MaxRunTime <= 0 || b.traits.MaxContexts <= 0 || b.traits.MaxCodeSize <= 0 || b.traits.MaxFileSize <= 0 {
		t.Errorf("Traits = %+v, want languages and limits", b.traits)
	}
	if b.traits.Lifetime < 0 || b.traits.HardLimit < 0 {
		t.Errorf("Traits = %+v, want no negative life", b.traits)
	}
	for _, language := range b.traits.Languages {
		if b.Programs[language].Print == nil {
			t.Errorf("the harness has no programs for %s", language)
		}
	}
	b.open(t)
	if again := b.Backend.Traits(); !reflect.DeepEqual(again, b.traits) {
		t.Errorf("Traits = %+v later, want %+v as before", again, b.traits)
	}
}

func sessionIsAlive(t *testing.T, b *bench) {
	s := b.open(t)
	if s.SandboxID() == "" {
		t.Error("SandboxID is empty")
	}
	for range 3 {
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("Check = %v", err)
		}
	}
	if got := b.Live(); got != 1 {
		t.Errorf("%d sandboxes are there, want 1", got)
	}
}

func manySessions(t *testing.T, b *bench) {
	sessions := make([]sandbox.Session, b.Sessions)
	errs := make([]error, b.Sessions)
	var opening sync.WaitGroup
	for i := range sessions {
		opening.Go(func() { sessions[i], errs[i] = b.Backend.Open(t.Context()) })
	}
	opening.Wait()
	if err := errors.Join(errs...); err != nil {
		for _, s := range sessions {
			if s != nil {
				b.close(t, s)
			}
		}
		t.Fatalf("Open = %v", err)
	}
	ids := make(map[string]bool)
	for _, s := range sessions {
		t.Cleanup(func() { b.close(t, s) })
		ids[s.SandboxID()] = true
	}
	if len(ids) != b.Sessions || b.Live() != b.Sessions {
		t.Errorf("%d IDs and %d live sandboxes, want %d of each", len(ids), b.Live(), b.Sessions)
	}
	contexts := make([]string, b.Sessions)
	for i, s := range sessions {
		contexts[i] = b.context(t, s)
		if _, err := s.WriteFile(t.Context(), contexts[i], "mine.txt", strings.NewReader(s.SandboxID())); err != nil {
			t.Errorf("WriteFile = %v", err)
		}
		if !b.Simulated {
			b.succeed(t, s, contexts[i], b.code.Set("mine", i))
		}
	}
	b.close(t, sessions[0])
	for i, s := range sessions[1:] {
		if got := readFile(t, s, contexts[i+1], "mine.txt"); got != s.SandboxID() {
			t.Errorf("the file of %s holds %q", s.SandboxID(), got)
		}
		if !b.Simulated {
			b.wantNumber(t, s, contexts[i+1], "mine", string(rune('1'+i)))
		}
	}
}

func openGivenUpBefore(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := b.Backend.Open(ctx)
	if err == nil {
		b.close(t, s)
		t.Fatal("Open succeeded for a caller who had gone")
	}
	if s != nil {
		t.Errorf("Open gave %v beside the error %v", s, err)
	}
}

func openGivenUpOnTheWay(t *testing.T, b *bench) {
	var opening sync.WaitGroup
	for range b.Sessions {
		ctx, cancel := context.WithCancel(t.Context())
		opening.Go(func() {
			s, err := b.Backend.Open(ctx)
			if err == nil { // it was quicker than the caller
				b.close(t, s)
			}
		})
		opening.Go(cancel)
	}
	opening.Wait()
	b.leavesNothing(t)
	b.context(t, b.open(t)) // and the backend is none the worse
}

func closeTwice(t *testing.T, b *bench) {
	s := b.open(t)
	b.context(t, s)
	for range 3 {
		b.close(t, s)
	}
	b.leavesNothing(t)
	other := b.open(t)
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() { b.close(t, other) })
	}
	closing.Wait()
}

func everythingAfterClose(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	b.close(t, s)
	wantLost(t, b, s, cc)
}

// wantLost makes every call once.
func wantLost(t *testing.T, b *bench, s sandbox.Session, contextID string) {
	t.Helper()
	ctx := t.Context()
	_, err := s.CreateContext(ctx, b.language)
	wantCode(t, "CreateContext", err, sandbox.CodeSessionLost)
	_, err = s.Run(ctx, contextID, sandbox.Run{Code: b.code.Print("hello")})
	wantCode(t, "Run", err, sandbox.CodeSessionLost)
	_, err = s.ListFiles(ctx, contextID, "", 1)
	wantCode(t, "ListFiles", err, sandbox.CodeSessionLost)
	_, _, err = s.ReadFile(ctx, contextID, "file")
	wantCode(t, "ReadFile", err, sandbox.CodeSessionLost)
	_, err = s.WriteFile(ctx, contextID, "file", strings.NewReader("text"))
	wantCode(t, "WriteFile", err, sandbox.CodeSessionLost)
	wantCode(t, "Check", s.Check(ctx), sandbox.CodeSessionLost)
	wantCode(t, "StopContext", s.StopContext(ctx, contextID), sandbox.CodeSessionLost)
	b.close(t, s)
}

func closeDuringRun(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	r := b.start(t, s, cc, sandbox.Run{Code: b.code.Loop})
	r.printed(t)
	b.close(t, s)
	_, err := r.wait(t)
	wantCode(t, "Run", err, sandbox.CodeSessionLost)
	wantLost(t, b, s, cc)
}

func checkDuringRun(t *testing.T, b *bench) {
	s := b.open(t)
	r := b.start(t, s, b.context(t, s), sandbox.Run{Code: b.code.Loop})
	r.printed(t)
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check = %v", err)
	}
	if r.isOver() {
		t.Errorf("the run is over: %+v, %v", r.result, r.err)
	}
}

func vanished(t *testing.T, b *bench) {
	s, other := b.open(t), b.open(t)
	cc := b.context(t, s)
	b.Lose(s.SandboxID())
	wantLost(t, b, s, cc)
	if err := other.Check(t.Context()); err != nil {
		t.Errorf("Check of another sandbox = %v", err)
	}
}

func vanishedDuringRun(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	r := b.start(t, s, cc, sandbox.Run{Code: b.code.Loop})
	r.printed(t)
	b.Lose(s.SandboxID())
	_, err := r.wait(t)
	wantCode(t, "Run", err, sandbox.CodeSessionLost)
	wantLost(t, b, s, cc)
}
