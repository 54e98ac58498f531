package sandboxtest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func contextChecks() []check {
	return []check{
		{name: "a context can be made in every language of the traits and in no other", run: languages},
		{name: "contexts made at once have different IDs", run: contextsAtOnce},
		{name: "a context that is not there is said to be missing", run: missingContext},
		{name: "a caller who has gone gets no context and leaves none", run: createGivenUp},
		{name: "a session holds as many contexts as the traits say", run: fullSession},
		{name: "a stopped context is gone, and stopping it again says so", run: stopTwice},
		{name: "stopping a context leaves the others alone", run: stopLeavesOthers, runsCode: true},
		{name: "stopping a context ends the run in progress", run: stopDuringRun, runsCode: true},
		{name: "stopping a context ends a run that ignores interrupts", run: stopDeafRun, runsCode: true, needs: hasDeaf},
	}
}

func hasDeaf(b *bench) bool { return b.code.Deaf != "" }

func languages(t *testing.T, b *bench) {
	s := b.open(t)
	for _, language := range b.traits.Languages {
		cc, err := s.CreateContext(t.Context(), language)
		if err != nil || cc.Language != language {
			t.Errorf("CreateContext(%s) = %+v, %v", language, cc, err)
		}
	}
	for _, language := range []sandbox.Language{"", "cobol", "Python"} {
		_, err := s.CreateContext(t.Context(), language)
		wantCode(t, "CreateContext("+string(language)+")", err, sandbox.CodeInvalidLanguage)
	}
}

func contextsAtOnce(t *testing.T, b *bench) {
	s := b.open(t)
	contexts := make([]sandbox.CodeContext, min(b.traits.MaxContexts, 6))
	var making sync.WaitGroup
	for i := range contexts {
		making.Go(func() {
			var err error
			language := b.traits.Languages[i%len(b.traits.Languages)]
			if contexts[i], err = s.CreateContext(t.Context(), language); err != nil {
				t.Errorf("CreateContext(%s) = %v", language, err)
			}
		})
	}
	making.Wait()
	ids := make(map[string]bool)
	for _, cc := range contexts {
		ids[cc.ID] = true
	}
	if len(ids) != len(contexts) {
		t.Errorf("%d contexts have %d IDs: %+v", len(contexts), len(ids), contexts)
	}
}

func missingContext(t *testing.T, b *bench) {
	s := b.open(t)
	b.context(t, s)
	for _, id := range []string{"", "never-made", "../x"} {
		wantMissing(t, b, s, id)
	}
}

// wantMissing makes every call that names a context.
func wantMissing(t *testing.T, b *bench, s sandbox.Session, id string) {
	t.Helper()
	ctx := t.Context()
	_, err := s.Run(ctx, id, sandbox.Run{Code: b.code.Print("hello")})
	wantCode(t, "Run", err, sandbox.CodeContextNotFound)
	_, err = s.ListFiles(ctx, id, "", 1)
	wantCode(t, "ListFiles", err, sandbox.CodeContextNotFound)
	_, _, err = s.ReadFile(ctx, id, "file")
	wantCode(t, "ReadFile", err, sandbox.CodeContextNotFound)
	_, err = s.WriteFile(ctx, id, "file", strings.NewReader("text"))
	wantCode(t, "WriteFile", err, sandbox.CodeContextNotFound)
	wantCode(t, "StopContext", s.StopContext(ctx, id), sandbox.CodeContextNotFound)
}

func createGivenUp(t *testing.T, b *bench) {
	s := b.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range b.traits.MaxContexts {
		if cc, err := s.CreateContext(ctx, b.language); err == nil || cc != (sandbox.CodeContext{}) {
			t.Fatalf("CreateContext for a caller who had gone = %+v, %v", cc, err)
		}
	}
	fill(t, b, s)
}

// fill makes as many contexts as the session holds.
func fill(t *testing.T, b *bench, s sandbox.Session) (ids []string) {
	t.Helper()
	for range b.traits.MaxContexts {
		ids = append(ids, b.context(t, s))
	}
	return ids
}

func fullSession(t *testing.T, b *bench) {
	s := b.open(t)
	ids := fill(t, b, s)
	for range 2 {
		_, err := s.CreateContext(t.Context(), b.language)
		wantCode(t, "CreateContext beyond the limit", err, sandbox.CodeQuotaExceeded)
	}
	if err := s.StopContext(t.Context(), ids[1]); err != nil {
		t.Fatalf("StopContext = %v", err)
	}
	b.context(t, s) // in the place of the stopped one
}

func stopTwice(t *testing.T, b *bench) {
	s := b.open(t)
	id := b.context(t, s)
	if err := s.StopContext(t.Context(), id); err != nil {
		t.Fatalf("StopContext = %v", err)
	}
	wantMissing(t, b, s, id)
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check of a session without contexts = %v", err)
	}
}

func stopLeavesOthers(t *testing.T, b *bench) {
	s := b.open(t)
	one, other := b.context(t, s), b.context(t, s)
	b.succeed(t, s, other, b.code.Set("kept", 7))
	if err := s.StopContext(t.Context(), one); err != nil {
		t.Fatalf("StopContext = %v", err)
	}
	b.wantNumber(t, s, other, "kept", "7")
}

func stopDuringRun(t *testing.T, b *bench) { stopWhile(t, b, b.code.Loop) }

func stopDeafRun(t *testing.T, b *bench) { stopWhile(t, b, b.code.Deaf) }

func stopWhile(t *testing.T, b *bench, code string) {
	s := b.open(t)
	id := b.context(t, s)
	r := b.start(t, s, id, sandbox.Run{Code: code})
	r.printed(t)
	if err := s.StopContext(t.Context(), id); err != nil {
		t.Errorf("StopContext = %v", err)
	}
	result, err := r.wait(t)
	if !b.traits.Streams && err != nil { // the run may have come too late
		wantCode(t, "Run", err, sandbox.CodeContextNotFound)
	} else {
		wantStopped(t, result, err, sandbox.CodeCancelled)
	}
	wantMissing(t, b, s, id)
}
