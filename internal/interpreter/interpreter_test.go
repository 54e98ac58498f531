package interpreter_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// bench is an interpreter over a real pool of scripted sessions.
type bench struct {
	*interpreter.Interpreter
	fake *sandboxtest.Fake
	pool *pool.Pool[sandbox.Session]
	stop func() // ends interpreter and pool and waits
}

type setup struct {
	wrap    func(sandbox.Session) sandbox.Session // nil: sessions as the fake makes them
	fake    sandboxtest.FakeOptions
	pool    pool.Options[sandbox.Session]
	options interpreter.Options
}

var ann = interpreter.Caller{Key: "ann", Name: "editor-a 1.0"}

// start must be called inside a synctest bubble.
func start(t *testing.T, s setup) *bench {
	t.Helper()
	b := &bench{fake: sandboxtest.NewFake(s.fake)}
	s.pool.New = b.fake.Open
	if s.wrap != nil {
		s.pool.New = func(ctx context.Context) (sandbox.Session, error) {
			session, err := b.fake.Open(ctx)
			if err != nil {
				return nil, err
			}
			return s.wrap(session), nil
		}
	}
	s.pool.Close = func(ctx context.Context, session sandbox.Session) error { return session.Close(ctx) }
	if s.pool.Share == 0 {
		s.pool.Share = b.fake.Traits().MaxContexts
	}
	if s.pool.Max == 0 {
		s.pool.Max = 20
	}
	var err error
	if b.pool, err = pool.New(s.pool); err != nil {
		t.Fatal(err)
	}
	s.options.Site = interpreter.NewSite(b.fake, b.pool)
	if b.Interpreter, err = interpreter.New(s.options); err != nil {
		t.Fatal(err)
	}
	runCtx, stopRun := context.WithCancel(context.Background())
	poolCtx, stopPool := context.WithCancel(context.Background())
	var running, pooling sync.WaitGroup
	running.Go(func() {
		if err := b.Run(runCtx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	pooling.Go(func() {
		if err := b.pool.Run(poolCtx); err != nil {
			t.Errorf("pool.Run = %v", err)
		}
	})
	b.stop = func() {
		stopRun()
		running.Wait()
		stopPool()
		pooling.Wait()
	}
	t.Cleanup(b.stop)
	synctest.Wait()
	return b
}

func (b *bench) create(t *testing.T, name string) interpreter.Context {
	t.Helper()
	c, err := b.CreateContext(t.Context(), ann, interpreter.NewContext{Name: name})
	if err != nil {
		t.Fatalf("CreateContext(%q) = %v", name, err)
	}
	return c
}

// run runs code and fails the test if it could not be carried out.
func (b *bench) run(t *testing.T, id, code string) interpreter.RunResult {
	t.Helper()
	res, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: id, Code: code})
	if err != nil {
		t.Fatalf("RunCode(%q) = %v", code, err)
	}
	return res
}

// wantCode checks an error's code and part of its sentence; about says which of several it is.
func wantCode(t *testing.T, err error, code sandbox.Code, words string, about ...string) {
	t.Helper()
	e, ok := errors.AsType[*sandbox.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, words) {
		t.Errorf("%sthe error is %#v %v, want code %s and %q in the sentence", strings.Join(append(about, ""), ": "), e, err, code, words)
	}
}

func TestStateIsKeptInAContextAndIsolatedFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 1}})
		a, c := b.create(t, "a"), b.create(t, "c")
		b.run(t, a.ID, "set x 41")
		if res := b.run(t, a.ID, "get x"); res.Value == nil || res.Value.Text != "41" || res.Number != 2 || !res.Warm || res.Backend != "fake" {
			t.Errorf("second run gave %+v", res)
		}
		if res := b.run(t, c.ID, "get x"); res.Failure == nil || res.Failure.Name != "NameError" {
			t.Errorf("another context sees x: %+v", res)
		}
	})
}

func TestContextsAreListedNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		for n := range 5 {
			b.create(t, fmt.Sprint("context ", n))
		}
		list := b.Contexts()
		if len(list) != 5 || list[0].Name != "context 4" || list[4].Name != "context 0" {
			t.Errorf("Contexts() = %+v", list)
		}
		if list[0].Status != interpreter.Active || list[0].Owner != ann.Name || !strings.HasPrefix(list[0].ID, "ctx-") {
			t.Errorf("newest is %+v", list[0])
		}
	})
}

func TestContextsSpreadOverTheReadySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 3}})
		on := map[string]int{}
		for n := range 6 {
			on[b.create(t, fmt.Sprint(n)).SandboxID]++
		}
		if len(on) != 3 || b.fake.LiveSessions() != 3 {
			t.Errorf("6 contexts went to %v of %d sessions, want 2 on each of 3", on, b.fake.LiveSessions())
		}
		for id, n := range on {
			if n != 2 {
				t.Errorf("session %s holds %d contexts, want 2", id, n)
			}
		}
	})
}

func TestRunsOfOneContextKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 1}})
		c := b.create(t, "c")
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() { b.run(t, c.ID, fmt.Sprintf("sleep 1s\nset x %d", n)) })
			synctest.Wait() // this one is in the queue before the next comes
		}
		begin := time.Now()
		wg.Wait()
		if took := time.Since(begin); took != 20*time.Second {
			t.Errorf("20 runs of 1 s took %v, want 20 s: they must not overlap", took)
		}
		runs, err := b.History(c.ID)
		if err != nil {
			t.Fatal(err)
		}
		for n, r := range runs {
			if want := fmt.Sprintf("sleep 1s\nset x %d", n); r.Code != want || r.Number != n+1 {
				t.Errorf("run %d is %q (number %d), want %q", n, r.Code, r.Number, want)
			}
		}
	})
}

func TestDifferentContextsRunInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 1}})
		var ids []string
		for n := range 10 {
			ids = append(ids, b.create(t, fmt.Sprint(n)).ID)
		}
		begin := time.Now()
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() { b.run(t, id, "sleep 5s") })
		}
		synctest.Wait()
		for _, c := range b.Contexts() {
			if c.Status != interpreter.Running {
				t.Errorf("context %s is %s while its code runs", c.Name, c.Status)
			}
		}
		wg.Wait()
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("10 runs of 5 s in 10 contexts took %v, want 5 s", took)
		}
	})
}

func TestEachClientHasItsOwnDefaultContextPerLanguage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		bob := interpreter.Caller{Key: "bob"}
		run := func(who interpreter.Caller, language sandbox.Language, code string) interpreter.RunResult {
			t.Helper()
			res, err := b.RunCode(t.Context(), who, interpreter.RunRequest{Code: code, Language: language})
			if err != nil {
				t.Fatal(err)
			}
			return res
		}
		first := run(ann, "", "set x 1")
		if again := run(ann, sandbox.Python, "get x"); again.ContextID != first.ContextID || again.Value.Text != "1" {
			t.Errorf("the same client came to %s, want %s", again.ContextID, first.ContextID)
		}
		if js := run(ann, sandbox.JavaScript, "print hi"); js.ContextID == first.ContextID {
			t.Error("the default contexts of two languages are the same")
		}
		if other := run(bob, "", "print hi"); other.ContextID == first.ContextID {
			t.Error("two clients share a default context")
		}
	})
}

func TestAFirstBurstOfCallsMakesOneDefaultContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{fake: sandboxtest.FakeOptions{OpenDelay: func(int) time.Duration { return time.Second }}})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { b.run(t, "", "print hi") })
		}
		wg.Wait()
		if list := b.Contexts(); len(list) != 1 || list[0].Runs != 10 || !list[0].Default {
			t.Errorf("contexts after the burst: %+v", list)
		}
	})
}

func TestBadInputIsRefusedWithACodeAndASentence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{options: interpreter.Options{MaxContexts: 2}})
		c := b.create(t, "c")
		second := func(d time.Duration) *time.Duration { return &d }
		for _, tc := range []struct {
			name  string
			req   interpreter.RunRequest
			code  sandbox.Code
			words string
		}{
			{"an unknown context", interpreter.RunRequest{Code: "print x", ContextID: "ctx-none"}, sandbox.CodeContextNotFound, "list_contexts"},
			{"empty code", interpreter.RunRequest{Code: " \n"}, sandbox.CodeInvalidParams, "code is empty"},
			{"huge code", interpreter.RunRequest{Code: strings.Repeat("x", 5<<20)}, sandbox.CodeTooLarge, "5242880 bytes"},
			{"a NUL byte", interpreter.RunRequest{Code: "print a\x00b"}, sandbox.CodeInvalidParams, "NUL"},
			{"invalid UTF-8", interpreter.RunRequest{Code: "print \xff"}, sandbox.CodeInvalidParams, "UTF-8"},
			{"a negative timeout", interpreter.RunRequest{Code: "print x", Timeout: second(-time.Second)}, sandbox.CodeInvalidParams, "more than 0"},
			{"no time at all", interpreter.RunRequest{Code: "print x", Timeout: second(0)}, sandbox.CodeInvalidParams, "more than 0"},
			{"too long a timeout", interpreter.RunRequest{Code: "print x", Timeout: second(time.Hour)}, sandbox.CodeInvalidParams, "600 s"},
			{"an unknown language", interpreter.RunRequest{Code: "print x", Language: "ruby"}, sandbox.CodeInvalidLanguage, "python or javascript"},
			{"a language that is not the context's", interpreter.RunRequest{Code: "print x", ContextID: c.ID, Language: sandbox.JavaScript}, sandbox.CodeInvalidParams, "speaks python"},
		} {
			_, err := b.RunCode(t.Context(), ann, tc.req)
			wantCode(t, err, tc.code, tc.words, tc.name)
		}
		for _, tc := range []struct {
			name string
			spec interpreter.NewContext
			code sandbox.Code
			want string
		}{
			{"no name", interpreter.NewContext{}, sandbox.CodeInvalidContextName, "is empty"},
			{"a slash in the name", interpreter.NewContext{Name: "a/b"}, sandbox.CodeInvalidContextName, `contains '/'`},
			{"a long name", interpreter.NewContext{Name: strings.Repeat("é", 65)}, sandbox.CodeInvalidContextName, "65 characters"},
			{"a long description", interpreter.NewContext{Name: "a", Description: strings.Repeat("x", 501)}, sandbox.CodeInvalidParams, "501 characters"},
			{"an unknown language", interpreter.NewContext{Name: "a", Language: "cobol"}, sandbox.CodeInvalidLanguage, "cobol"},
		} {
			_, err := b.CreateContext(t.Context(), ann, tc.spec)
			wantCode(t, err, tc.code, tc.want, tc.name)
		}
		b.create(t, "数据 分析_1.2-ü")
		_, err := b.CreateContext(t.Context(), ann, interpreter.NewContext{Name: "one too many"})
		wantCode(t, err, sandbox.CodeContextCreationFailed, "stop_context")
	})
}

func TestAStoppedContextIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		if err := b.StopContext(t.Context(), c.ID, false); err != nil {
			t.Fatal(err)
		}
		if n := b.fake.LiveContexts(); n != 0 {
			t.Errorf("the session still holds %d contexts", n)
		}
		wantCode(t, b.StopContext(t.Context(), c.ID, false), sandbox.CodeContextNotFound, "it was stopped")
		_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{Code: "print x", ContextID: c.ID})
		wantCode(t, err, sandbox.CodeContextNotFound, "it was stopped")
		if list := b.Contexts(); len(list) != 0 {
			t.Errorf("still listed: %+v", list)
		}
	})
}

func TestStopLetsTheRunInProgressFinishAndRefusesThoseBehindIt(t *testing.T) {
	for _, tc := range []struct {
		name  string
		sleep string
		force bool
		took  time.Duration
		ended bool
	}{
		{"a short run finishes", "10s", false, 9 * time.Second, true},
		{"a long run is interrupted after the grace period", "2m", false, 30 * time.Second, false},
		{"force interrupts at once", "10s", true, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, setup{})
				c := b.create(t, "c")
				var res interpreter.RunResult
				var behind error
				var wg sync.WaitGroup
				minutes := 5 * time.Minute
				wg.Go(func() {
					var err error
					if res, err = b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "print in\nsleep " + tc.sleep + "\nprint out", Timeout: &minutes}); err != nil {
						t.Errorf("RunCode = %v", err)
					}
				})
				synctest.Wait()
				wg.Go(func() {
					_, behind = b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "print behind"})
				})
				time.Sleep(time.Second)
				begin := time.Now()
				if err := b.StopContext(t.Context(), c.ID, tc.force); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took != tc.took {
					t.Errorf("StopContext took %v, want %v", took, tc.took)
				}
				wg.Wait()
				if ended := res.Failure == nil; ended != tc.ended || !strings.HasPrefix(res.Stdout, "in\n") {
					t.Errorf("the run gave %+v", res)
				}
				if !tc.ended && (res.Failure.Code != sandbox.CodeCancelled || !strings.Contains(res.Failure.Message, "stopped")) {
					t.Errorf("the interrupted run's failure is %+v", res.Failure)
				}
				wantCode(t, behind, sandbox.CodeContextNotFound, "stopped")
			})
		})
	}
}

func TestACancelledCallStopsItsCodeAndKeepsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		b.run(t, c.ID, "set x 1")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		res, err := b.RunCode(ctx, ann, interpreter.RunRequest{ContextID: c.ID, Code: "print before\nloop"})
		if err != nil || res.Failure == nil || res.Failure.Code != sandbox.CodeCancelled || res.Stdout != "before\n" || time.Since(begin) != 3*time.Second {
			t.Errorf("RunCode = %+v, %v after %v", res, err, time.Since(begin))
		}
		if got := b.run(t, c.ID, "get x"); got.Value == nil || got.Value.Text != "1" {
			t.Errorf("x is gone: %+v", got)
		}
	})
}

func TestARunPastItsTimeSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		begin := time.Now()
		res := b.run(t, c.ID, "loop")
		if res.Failure == nil || res.Failure.Code != sandbox.CodeTimeout || time.Since(begin) != 30*time.Second {
			t.Errorf("result after %v: %+v", time.Since(begin), res)
		}
		res = b.run(t, c.ID, "set x 1\nignore\nloop")
		if !res.StateLost || len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "variables and imports are gone") {
			t.Errorf("a run that ignored the interrupt gave %+v", res)
		}
	})
}

func TestALostSessionIsToldAndTheContextRemadeEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 1}})
		c := b.create(t, "work")
		b.run(t, c.ID, "set x 1")
		_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "lose"})
		wantCode(t, err, sandbox.CodeSessionLost, "may or may not have finished")
		if list := b.Contexts(); len(list) != 1 || list[0].Status != interpreter.Lost {
			t.Errorf("contexts after the loss: %+v", list)
		}
		res := b.run(t, c.ID, "get x")
		if res.Failure == nil || res.Failure.Name != "NameError" {
			t.Errorf("x survived a lost sandbox: %+v", res)
		}
		if len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "recreated empty") {
			t.Errorf("notices = %q", res.Notices)
		}
		if res = b.run(t, c.ID, "print x"); len(res.Notices) != 0 {
			t.Errorf("told twice: %q", res.Notices)
		}
	})
}

// TestSomebodyBesideTheClientTakesNoNoticeFromIt: what the client is owed is told to both, once each.
func TestSomebodyBesideTheClientTakesNoNoticeFromIt(t *testing.T) {
	beside := interpreter.Caller{Key: "beside", Name: "beside", Beside: true}
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 1}})
		told := func(caller interpreter.Caller, id string, want int, who string) {
			t.Helper()
			res, err := b.RunCode(t.Context(), caller, interpreter.RunRequest{ContextID: id, Code: "print x"})
			if err != nil || len(res.Notices) != want || want > 0 && !strings.Contains(res.Notices[0], "recreated empty") {
				t.Errorf("%s is told %q with %v, want %d notices", who, res.Notices, err, want)
			}
		}
		for _, maker := range []interpreter.Caller{ann, beside} {
			c, err := b.CreateContext(t.Context(), maker, interpreter.NewContext{Name: "of " + maker.Key})
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "lose"})
			wantCode(t, err, sandbox.CodeSessionLost, "may or may not have finished")
			told(beside, c.ID, 1, "the one beside")
			told(beside, c.ID, 0, "the one beside, again,")
			if maker == ann {
				told(ann, c.ID, 1, "the client")
			}
			told(ann, c.ID, 0, "the client, again,")
			told(beside, c.ID, 0, "the one beside, after the client,")
			if err := b.StopContext(t.Context(), c.ID, true); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestASessionFoundDeadEndsTheRunInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 1}})
		c := b.create(t, "work")
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err = b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "loop"})
		}()
		synctest.Wait()
		begin := time.Now()
		b.pool.Evict(b.pool.Stats().Rows[0].ID, errors.New("health check: no answer"))
		<-done
		wantCode(t, err, sandbox.CodeSessionLost, "health check: no answer")
		if took := time.Since(begin); took != 0 {
			t.Errorf("the run ended %v after its session", took)
		}
	})
}

func TestAnIdleContextIsStoppedAndItsOwnerTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		named := b.create(t, "named")
		b.run(t, "", "set x 1")
		time.Sleep(time.Hour)
		b.run(t, "", "set x 2") // the default context is younger now
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		if list := b.Contexts(); len(list) != 1 || !list[0].Default {
			t.Fatalf("contexts after 2 h: %+v", list)
		}
		_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: named.ID, Code: "print x"})
		wantCode(t, err, sandbox.CodeContextNotFound, "not used for 2 hours")
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if n := b.fake.LiveContexts(); n != 0 {
			t.Errorf("%d contexts still held by sessions", n)
		}
		res := b.run(t, "", "print x")
		if len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "not used for 2 hours") {
			t.Errorf("notices of the new default context: %q", res.Notices)
		}
	})
}

func TestALongRunIsNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{options: interpreter.Options{IdleTimeout: time.Minute}})
		c := b.create(t, "c")
		long := 10 * time.Minute
		res, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "sleep 9m\nprint done", Timeout: &long})
		if err != nil || res.Stdout != "done\n" {
			t.Errorf("RunCode = %+v, %v", res, err)
		}
	})
}

func TestHistoryKeepsTheLastRunsWithinItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		for n := range 250 {
			b.run(t, c.ID, fmt.Sprint("print ", n))
		}
		runs, err := b.History(c.ID)
		if err != nil || len(runs) != 200 || runs[0].Number != 51 || runs[199].Result.Stdout != "249\n" || runs[0].Caller != ann.Name {
			t.Errorf("history has %d runs (%v), first %+v", len(runs), err, runs[0])
		}
		if got := b.Contexts()[0].Runs; got != 250 {
			t.Errorf("runs = %d, want 250", got)
		}
	})
}

func TestFilesGoToTheContextTheyAreNamedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		ref := interpreter.FileRef{ContextID: c.ID, Path: "data/in.csv"}
		if _, where, err := b.WriteFile(t.Context(), ann, ref, strings.NewReader("a,b\n")); err != nil || where.ContextID != c.ID {
			t.Fatalf("WriteFile = %+v, %v", where, err)
		}
		if res := b.run(t, c.ID, "read data/in.csv"); res.Value == nil || res.Value.Text != "a,b\n" {
			t.Errorf("code reads %+v", res)
		}
		files, _, err := b.ListFiles(t.Context(), ann, interpreter.FileRef{ContextID: c.ID}, 2)
		if err != nil || len(files) != 2 || files[1].Path != "data/in.csv" {
			t.Errorf("ListFiles = %+v, %v", files, err)
		}
		content, file, _, err := b.ReadFile(t.Context(), ann, ref)
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		if text, err := io.ReadAll(content); err != nil || string(text) != "a,b\n" || file.Size != 4 {
			t.Errorf("ReadFile = %q, %+v, %v", text, file, err)
		}
		_, _, _, err = b.ReadFile(t.Context(), ann, interpreter.FileRef{Path: "data/in.csv"}) // the default context
		wantCode(t, err, sandbox.CodeFileNotFound, "in.csv")
		_, _, err = b.WriteFile(t.Context(), ann, interpreter.FileRef{Path: "../out"}, strings.NewReader("x"))
		wantCode(t, err, sandbox.CodeInvalidParams, "..")
		_, _, err = b.ListFiles(t.Context(), ann, interpreter.FileRef{}, 0)
		wantCode(t, err, sandbox.CodeInvalidParams, "depth")
	})
}

func TestNoSessionInTimeSaysWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{
			fake: sandboxtest.FakeOptions{OpenErr: func(int) error { return errors.New("the region is down") }},
			pool: pool.Options[sandbox.Session]{Warm: 1},
		})
		begin := time.Now()
		_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{Code: "print x"})
		wantCode(t, err, sandbox.CodeServerNotReady, "the region is down")
		if took := time.Since(begin); took != 50*time.Second {
			t.Errorf("the caller was kept waiting %v, want 50 s", took)
		}
		if list := b.Contexts(); len(list) != 0 {
			t.Errorf("a context that came to nothing is listed: %+v", list)
		}
	})
}

func TestAFailedContextLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{fake: sandboxtest.FakeOptions{CreateErr: func(n int) error {
			if n == 1 {
				return errors.New("out of kernels")
			}
			return nil
		}}})
		_, err := b.CreateContext(t.Context(), ann, interpreter.NewContext{Name: "c"})
		wantCode(t, err, sandbox.CodeContextCreationFailed, "out of kernels")
		if list := b.Contexts(); len(list) != 0 {
			t.Errorf("listed: %+v", list)
		}
		for _, e := range b.pool.Stats().Rows {
			if e.Leases != 0 {
				t.Errorf("the failed context still holds a lease: %+v", e)
			}
		}
		b.create(t, "c")
	})
}

func TestShuttingDownInterruptsRunsAndStopsEveryContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		b.create(t, "idle")
		var res interpreter.RunResult
		var wg sync.WaitGroup
		wg.Go(func() { res = b.run(t, c.ID, "print x\nloop") })
		synctest.Wait()
		b.stop()
		wg.Wait()
		if res.Failure == nil || res.Failure.Code != sandbox.CodeCancelled || !strings.Contains(res.Failure.Message, "shut down") || res.Stdout != "x\n" {
			t.Errorf("the interrupted run gave %+v", res)
		}
		if n := b.fake.LiveSessions(); n != 0 {
			t.Errorf("%d sessions left", n)
		}
		_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{Code: "print x"})
		wantCode(t, err, sandbox.CodeServerNotReady, "shutting down")
	})
}

// stubborn is a session that does not answer when a context is to be stopped.
type stubborn struct{ sandbox.Session }

func (stubborn) StopContext(ctx context.Context, _ string) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestShuttingDownDoesNotWaitLongForSessionsThatDoNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{wrap: func(s sandbox.Session) sandbox.Session { return stubborn{s} }})
		for range 5 {
			b.create(t, "c")
		}
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("shutting down took %v, want 3 s for all contexts together", took)
		}
	})
}

func TestAReconnectedClientIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		back := interpreter.Caller{Key: "ann", Reconnected: true}
		res, err := b.RunCode(t.Context(), back, interpreter.RunRequest{Code: "print x"})
		if err != nil || len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "was restarted") {
			t.Errorf("RunCode = %+v, %v", res, err)
		}
		for range 2 {
			_, err = b.RunCode(t.Context(), back, interpreter.RunRequest{Code: "print x", ContextID: "ctx-of-before"})
			wantCode(t, err, sandbox.CodeContextNotFound, "was restarted")
		}
		if res, err = b.RunCode(t.Context(), back, interpreter.RunRequest{Code: "print x"}); err != nil || len(res.Notices) != 0 {
			t.Errorf("told twice: %+v, %v", res, err)
		}
	})
}

func TestInterruptStopsTheRunAndKeepsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		var res interpreter.RunResult
		var wg sync.WaitGroup
		wg.Go(func() { res = b.run(t, c.ID, "set x 1\nloop") })
		synctest.Wait()
		if err := b.Interrupt(c.ID); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if res.Failure == nil || res.Failure.Code != sandbox.CodeCancelled || !strings.Contains(res.Failure.Message, "from elsewhere") {
			t.Errorf("result %+v", res)
		}
		if got := b.run(t, c.ID, "get x"); got.Value == nil || got.Value.Text != "1" {
			t.Errorf("after the interrupt: %+v", got)
		}
		wantCode(t, b.Interrupt(c.ID), sandbox.CodeInvalidParams, "no code runs")
		wantCode(t, b.Interrupt("ctx-none"), sandbox.CodeContextNotFound, "list_contexts")
	})
}

func TestANoticeWaitsForAResultThatGoesOut(t *testing.T) {
	t.Run("of a restart", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, setup{})
			back := interpreter.Caller{Key: "ann", Reconnected: true}
			if _, err := b.RunCode(t.Context(), back, interpreter.RunRequest{Code: ""}); err == nil {
				t.Fatal("empty code was run")
			}
			if _, where, err := b.ListFiles(t.Context(), back, interpreter.FileRef{Mute: true}, 1); err != nil || where.Notices != nil {
				t.Errorf("a call that cannot tell = %+v, %v", where, err)
			}
			_, where, err := b.WriteFile(t.Context(), back, interpreter.FileRef{Path: "x"}, strings.NewReader("1"))
			if err != nil || len(where.Notices) != 1 || !strings.Contains(where.Notices[0], "was restarted") {
				t.Errorf("WriteFile = %+v, %v; want the notice that nobody has had yet", where, err)
			}
		})
	})
	t.Run("of an ended default context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, setup{options: interpreter.Options{MaxContexts: 1}})
			b.run(t, "", "set x 1")
			time.Sleep(2*time.Hour + time.Second)
			synctest.Wait()
			taken := b.create(t, "taken")
			if _, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{Code: "print x"}); err == nil {
				t.Fatal("a context above the limit was made")
			}
			if err := b.StopContext(t.Context(), taken.ID, true); err != nil {
				t.Fatal(err)
			}
			if res := b.run(t, "", "print x"); len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "not used for 2 hours") {
				t.Errorf("notices = %q", res.Notices)
			}
		})
	})
	t.Run("of a lost sandbox, found by a file call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, setup{pool: pool.Options[sandbox.Session]{Warm: 1}})
			c := b.create(t, "work")
			b.run(t, c.ID, "set x 1")
			b.fake.KillSession(c.SandboxID)
			_, _, err := b.ListFiles(t.Context(), ann, interpreter.FileRef{ContextID: c.ID}, 1)
			wantCode(t, err, sandbox.CodeSessionLost, "call again")
			_, where, err := b.ListFiles(t.Context(), ann, interpreter.FileRef{ContextID: c.ID}, 1)
			if err != nil || len(where.Notices) != 1 || !strings.Contains(where.Notices[0], "recreated empty") {
				t.Errorf("ListFiles = %+v, %v", where, err)
			}
		})
	})
}

func TestDefaultContextsOfClientsThatLeftMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{options: interpreter.Options{MaxContexts: 3}})
		for n := range 50 {
			who := interpreter.Caller{Key: fmt.Sprint("relay ", n)}
			if _, err := b.RunCode(t.Context(), who, interpreter.RunRequest{Code: "print x"}); err != nil {
				t.Fatalf("client %d: %v", n, err)
			}
			b.Left(who.Key)
		}
		if n := b.fake.LiveContexts(); n > 3 {
			t.Errorf("the sessions hold %d contexts, want at most 3", n)
		}
		time.Sleep(15*time.Minute + time.Second)
		synctest.Wait()
		if list := b.Contexts(); len(list) != 0 {
			t.Errorf("after 15 minutes there are still %+v", list)
		}
	})
}

func TestAClientThatComesBackFindsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		first := b.run(t, "", "set x 1")
		b.Left(ann.Key)
		time.Sleep(10 * time.Minute)
		if res := b.run(t, "", "get x"); res.ContextID != first.ContextID || res.Value == nil {
			t.Errorf("came back to %+v", res)
		}
		time.Sleep(time.Hour)
		if res := b.run(t, "", "get x"); res.Value == nil {
			t.Errorf("the context of a client that is back ended early: %+v", res)
		}
	})
}

func TestForceStopsAContextThatIsBeingReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{
			fake: sandboxtest.FakeOptions{OpenDelay: func(n int) time.Duration { return time.Duration(n-1) * time.Minute }},
			pool: pool.Options[sandbox.Session]{Max: 1},
		})
		c := b.create(t, "c")
		b.fake.KillSession(c.SandboxID)
		b.pool.Evict(b.pool.Stats().Rows[0].ID, errors.New("gone"))
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "print x"})
			wantCode(t, err, sandbox.CodeContextNotFound, "stopped")
		})
		time.Sleep(time.Second)
		begin := time.Now()
		if err := b.StopContext(t.Context(), c.ID, true); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("the forced stop took %v", took)
		}
		wg.Wait()
	})
}

func TestWhenAllSandboxesAreTakenTheCallerLearnsItSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{pool: pool.Options[sandbox.Session]{Share: 1, Max: 1}})
		b.create(t, "taker")
		begin := time.Now()
		_, err := b.CreateContext(t.Context(), ann, interpreter.NewContext{Name: "one more"})
		wantCode(t, err, sandbox.CodeQuotaExceeded, "pool.ceiling")
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("it took %v to say so", took)
		}
	})
}

func TestAllHistoriesTogetherAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{fake: sandboxtest.FakeOptions{OutputLimit: 8 << 20}})
		for n := range 6 {
			c := b.create(t, fmt.Sprint(n))
			for range 3 {
				b.run(t, c.ID, "flood 5000000\nsleep 1s")
			}
		}
		total, newest := 0, 0
		for n, c := range b.Contexts() {
			runs, err := b.History(c.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range runs {
				total += len(r.Result.Stdout)
			}
			if n == 0 {
				newest = len(runs)
			}
		}
		if total > 64<<20 || newest != 3 {
			t.Errorf("%d bytes are kept, and %d runs of the newest context; want at most %d bytes and 3 runs", total, newest, 64<<20)
		}
	})
}
