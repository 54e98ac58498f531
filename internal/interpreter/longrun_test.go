package interpreter_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// begin begins a run and fails the test if that is refused.
func (b *bench) begin(t *testing.T, id, code string) *interpreter.Run {
	t.Helper()
	r, err := b.Begin(t.Context(), ann, interpreter.RunRequest{ContextID: id, Code: code})
	if err != nil {
		t.Fatalf("Begin(%q) = %v", code, err)
	}
	return r
}

// collect waits for a run that is known by its id, and wants a result.
func (b *bench) collect(t *testing.T, id string) interpreter.RunResult {
	t.Helper()
	r, err := b.RunByID(id)
	if err != nil {
		t.Fatalf("RunByID = %v", err)
	}
	<-r.Done()
	res, err := r.Result()
	if err != nil {
		t.Fatalf("Result = %v", err)
	}
	return res
}

func TestARunGoesOnWhenWhoeverBeganItHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		ctx, cancel := context.WithCancel(t.Context())
		timeout := 2 * time.Minute
		r, err := b.Begin(ctx, ann, interpreter.RunRequest{ContextID: c.ID, Code: "print one\nsleep 1m\nprint two\nset x 1\nget x", Timeout: &timeout})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		time.Sleep(30 * time.Second)
		so := r.SoFar()
		if so.State != interpreter.RunGoing || so.ContextID != c.ID || so.Stdout.Head != "one\n" || !so.Warm || time.Since(so.Since) != 30*time.Second {
			t.Errorf("after 30 s: %+v", so)
		}
		if now, _ := b.Context(c.ID); now.RunID != r.ID() || now.Status != interpreter.Running || !strings.HasPrefix(r.ID(), "run-") {
			t.Errorf("the context is %+v, want run %s in it", now, r.ID())
		}
		<-r.Done()
		if now, _ := b.Context(c.ID); now.RunID != "" || now.Status != interpreter.Active {
			t.Errorf("after the run the context is %+v", now)
		}
		if err := b.StopContext(t.Context(), c.ID, true); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it can be collected again, also when its context is gone
			if res := b.collect(t, r.ID()); res.Stdout != "one\ntwo\n" || res.Value.Text != "1" || res.Duration != time.Minute {
				t.Errorf("collected %+v", res)
			}
		}
		_, err = b.RunByID("run-none")
		wantCode(t, err, sandbox.CodeInvalidParams, "list_contexts")
	})
}

// TestWhatNobodyWasToldIsToldWithTheNextResult: an editor that cancels a call drops its answer.
func TestWhatNobodyWasToldIsToldWithTheNextResult(t *testing.T) {
	for name, late := range map[string]bool{"while it runs": false, "after it has ended": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, setup{})
				c := b.create(t, "c")
				b.fake.KillSession(b.fake.Sessions()[0])
				<-b.begin(t, c.ID, "print 1").Done() // finds out
				r := b.begin(t, c.ID, map[bool]string{false: "loop", true: "print 1"}[late])
				time.Sleep(time.Second)
				r.Abandon()
				<-r.Done()
				for n, want := range []int{1, 0} {
					res := b.collect(t, b.begin(t, c.ID, "print 1").ID())
					if len(res.Notices) != want || want == 1 && !strings.Contains(res.Notices[0], "was lost") {
						t.Errorf("result %d after the abandoned run tells %q, want the loss once", n+1, res.Notices)
					}
				}
			})
		})
	}
}

func TestRunsKeepTheOrderInWhichTheyWereBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		var all []*interpreter.Run
		for n := range 20 {
			all = append(all, b.begin(t, c.ID, fmt.Sprintf("sleep 1s\nset x %d", n)))
		}
		synctest.Wait()
		for n, r := range all {
			want := interpreter.RunWaiting
			if n == 0 {
				want = interpreter.RunGoing
			}
			if so := r.SoFar(); so.State != want || so.Ahead != n {
				t.Errorf("run %d: %+v, want it %s with %d ahead", n, so, want, n)
			}
		}
		all[5].Cancel()
		<-all[5].Done()
		if _, err := all[5].Result(); sandbox.CodeOf(err, "") != sandbox.CodeCancelled {
			t.Errorf("a run cancelled while it waited = %v, want CANCELLED", err)
		}
		if so := all[6].SoFar(); so.Ahead != 5 {
			t.Errorf("the run behind the one that was cancelled: %+v, want 5 ahead", so)
		}
		<-all[19].Done()
		records, err := b.History(c.ID)
		if err != nil || len(records) != 19 {
			t.Fatalf("%d records, %v, want 19", len(records), err)
		}
		for n, record := range records {
			at := n
			if n >= 5 {
				at++
			}
			if want := all[at].ID(); record.ID != want || record.Number != n+1 || record.Code != fmt.Sprintf("sleep 1s\nset x %d", at) {
				t.Errorf("record %d is %+v, want run %s", n, record, want)
			}
		}
	})
}

// TestOthersEndARun has everything that ends a run whose caller does not wait for it.
func TestOthersEndARun(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   func(b *bench, r *interpreter.Run) error
		words string
		lives bool // the context
	}{
		{"by cancelling it", func(_ *bench, r *interpreter.Run) error { r.Cancel(); return nil }, "was cancelled", true},
		{"by interrupting its context", func(b *bench, r *interpreter.Run) error { return b.Interrupt(r.ContextID()) }, "from elsewhere", true},
		{"by stopping its context", func(b *bench, r *interpreter.Run) error {
			return b.StopContext(context.Background(), r.ContextID(), true)
		}, "context was stopped", false},
		{"by stopping its context with patience", func(b *bench, r *interpreter.Run) error {
			return b.StopContext(context.Background(), r.ContextID(), false)
		}, "context was stopped", false},
		{"by shutting down", func(b *bench, _ *interpreter.Run) error { b.stop(); return nil }, "shut down", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, setup{})
				c := b.create(t, "c")
				timeout := 5 * time.Minute
				r, err := b.Begin(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "print x\nset x 1\nloop", Timeout: &timeout})
				if err != nil {
					t.Fatal(err)
				}
				r.Detach()
				behind := b.begin(t, c.ID, "get x")
				time.Sleep(time.Minute)
				if err := tt.end(b, r); err != nil {
					t.Fatal(err)
				}
				res := b.collect(t, r.ID())
				if res.Failure == nil || res.Failure.Code != sandbox.CodeCancelled || !strings.Contains(res.Failure.Message, tt.words) || res.Stdout != "x\n" {
					t.Errorf("the run gave %+v, want it cancelled and %q in the sentence", res, tt.words)
				}
				<-behind.Done()
				res, err = behind.Result()
				if tt.lives && (err != nil || res.Value == nil || res.Value.Text != "1") {
					t.Errorf("the run behind it gave %+v, %v, want it to have its turn", res, err)
				}
				if !tt.lives && err == nil {
					t.Errorf("the run behind it gave %+v, want it refused", res)
				}
				r.Cancel() // does nothing to a run that has ended
			})
		})
	}
}

func TestOutputSoFarIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{fake: sandboxtest.FakeOptions{OutputLimit: 32 << 20}})
		c := b.create(t, "c")
		r := b.begin(t, c.ID, "print first\nflood 10000000\nstderr careful\nprint \nprint last\nsleep 5s")
		time.Sleep(time.Second)
		so := r.SoFar()
		if len(so.Stdout.Head)+len(so.Stdout.Tail) > 256<<10 || !strings.HasPrefix(so.Stdout.Head, "first\nxxx") || !strings.HasSuffix(so.Stdout.Tail, "xxx\nlast\n") {
			t.Errorf("so far there are %d and %d bytes", len(so.Stdout.Head), len(so.Stdout.Tail))
		}
		if all := int64(len(so.Stdout.Head)+len(so.Stdout.Tail)) + so.Stdout.Omitted; all != 10_000_012 || so.Stderr.Head != "careful\n" {
			t.Errorf("so far there are %d bytes, and %+v on the other stream", all, so.Stderr)
		}
		if res := b.collect(t, r.ID()); len(res.Stdout) != 10_000_012 {
			t.Errorf("the result has %d bytes", len(res.Stdout))
		}
	})
}

func TestListenersHearTheNewestAndWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		r := b.begin(t, c.ID, "print one\nstderr two\nsleep 2s\nprint three\nsleep 2s\nprint four")
		time.Sleep(time.Second)
		var heard, left []string
		stop := r.Listen(func(c sandbox.Chunk) { heard = append(heard, string(c.Stream)+" "+c.Text) })
		leave := r.Listen(func(c sandbox.Chunk) { left = append(left, c.Text) })
		leave()
		time.Sleep(2 * time.Second)
		stop()
		<-r.Done()
		if got, want := strings.Join(heard, "|"), "stderr two\n|stdout three\n"; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
		if len(left) != 1 {
			t.Errorf("the one that left at once heard %q", left)
		}
		r.Listen(func(c sandbox.Chunk) { t.Errorf("heard %q of a run that has ended", c.Text) })()
	})
}

func TestResultsAreKeptWithinTheirBounds(t *testing.T) {
	found := func(b *bench, ids []string) (n int) {
		for _, id := range ids {
			if _, err := b.RunByID(id); err == nil {
				n++
			}
		}
		return n
	}
	t.Run("in number", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, setup{})
			c := b.create(t, "c")
			yet := b.begin(t, c.ID, "print nobody has seen this")
			yet.Detach()
			var ids []string
			for range 1000 {
				r := b.begin(t, c.ID, "print x")
				<-r.Done()
				ids = append(ids, r.ID())
			}
			if n := found(b, ids); n != 199 || found(b, ids[801:]) != 199 {
				t.Errorf("%d of 1,000 results can be collected, want the last 199 and the one that nobody has had", n)
			}
			if res := b.collect(t, yet.ID()); res.Stdout == "" {
				t.Errorf("the result that nobody has had is %+v", res)
			}
		})
	})
	t.Run("in bytes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, setup{fake: sandboxtest.FakeOptions{OutputLimit: 128 << 20}})
			c := b.create(t, "c")
			var ids []string
			for range 8 {
				r := b.begin(t, c.ID, "flood 10000000")
				<-r.Done()
				ids = append(ids, r.ID())
			}
			if n := found(b, ids); n != 6 || found(b, ids[2:]) != 6 {
				t.Errorf("%d of 8 results of 10 MB can be collected, want the last 6", n)
			}
			r := b.begin(t, c.ID, "flood 70000000")
			<-r.Done()
			if n := found(b, append(ids, r.ID())); n != 1 || len(b.collect(t, r.ID()).Stdout) != 70_000_000 {
				t.Errorf("%d results can be collected, want the newest although it is too large", n)
			}
		})
	})
	t.Run("in time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, setup{options: interpreter.Options{IdleTimeout: -1}})
			c := b.create(t, "c")
			var ids []string
			for range 3 {
				r := b.begin(t, c.ID, "print x")
				<-r.Done()
				ids = append(ids, r.ID())
				time.Sleep(19 * time.Minute)
			}
			time.Sleep(3*time.Minute - time.Second)
			if n := found(b, ids); n != 3 {
				t.Errorf("%d of 3 results can be collected within an hour", n)
			}
			time.Sleep(2 * time.Second)
			if n := found(b, ids); n != 2 || found(b, ids[:1]) != 0 {
				t.Errorf("%d of 3 results can be collected when one is an hour old", n)
			}
			time.Sleep(5 * time.Hour)
			if n := found(b, ids); n != 1 || found(b, ids[2:]) != 1 {
				t.Errorf("%d of 3 results can be collected hours later, want the newest", n)
			}
		})
	})
}

func TestFilesAreReachedWhileTheCodeThatPlacedTheContextRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{fake: sandboxtest.FakeOptions{OpenDelay: func(int) time.Duration { return 10 * time.Second }}})
		timeout := 5 * time.Minute
		r, err := b.Begin(t.Context(), ann, interpreter.RunRequest{Code: "write a.txt x\nsleep 4m", Timeout: &timeout})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, _, err := b.WriteFile(t.Context(), ann, interpreter.FileRef{Path: "b.txt"}, strings.NewReader("y")); err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("WriteFile = %v after %v, want it done when there is a sandbox", err, time.Since(began))
		}
		files, _, err := b.ListFiles(t.Context(), ann, interpreter.FileRef{ContextID: r.ContextID()}, 1)
		if err != nil || len(files) != 2 {
			t.Errorf("ListFiles = %v, %v", files, err)
		}
		r.Cancel()
	})
}

func TestFilesAreNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{fake: sandboxtest.FakeOptions{OpenDelay: func(int) time.Duration { return time.Hour }}})
		for range 3 {
			b.begin(t, "", "print x")
		}
		began := time.Now()
		_, _, err := b.ListFiles(t.Context(), ann, interpreter.FileRef{}, 1)
		wantCode(t, err, sandbox.CodeServerNotReady, "busy with code")
		wantCode(t, err, sandbox.CodeServerNotReady, "nothing was done")
		if took := time.Since(began); took != 50*time.Second {
			t.Errorf("ListFiles took %v, want 50 s", took)
		}
		_, _, err = b.ListFiles(t.Context(), interpreter.Caller{Key: "bob"}, interpreter.FileRef{}, 1)
		wantCode(t, err, sandbox.CodeServerNotReady, "no sandbox was ready within 50 s")
	})
}

// odd is a session whose runs go through a function first.
type odd struct {
	sandbox.Session
	run func(ctx context.Context, run sandbox.Run)
}

func (o odd) Run(ctx context.Context, id string, run sandbox.Run) (sandbox.Result, error) {
	o.run(ctx, run)
	return o.Session.Run(ctx, id, run)
}

type attrKey struct{}

// carrying is a log handler that writes what a context carries, as the host's does.
type carrying struct{ slog.Handler }

func (c carrying) Handle(ctx context.Context, r slog.Record) error {
	if request, ok := ctx.Value(attrKey{}).(string); ok {
		r.AddAttrs(slog.String("request", request))
	}
	return c.Handler.Handle(ctx, r)
}

func TestWhatACallCarriesGoesWithItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		var mu sync.Mutex
		var seen []any
		b := start(t, setup{
			options: interpreter.Options{Logger: slog.New(carrying{slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})})},
			wrap: func(s sandbox.Session) sandbox.Session {
				return odd{s, func(ctx context.Context, _ sandbox.Run) {
					mu.Lock()
					defer mu.Unlock()
					seen = append(seen, ctx.Value(attrKey{}))
				}}
			},
		})
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), attrKey{}, "r-1"))
		r, err := b.Begin(ctx, ann, interpreter.RunRequest{Code: "print secret\nsleep 3s\nraise E secret"})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		<-r.Done()
		if len(seen) != 1 || seen[0] != "r-1" {
			t.Errorf("the session was given a context with %v", seen)
		}
		said := logs.String()
		for _, want := range []string{
			`level=INFO msg="context placed" context_id=` + r.ContextID(),
			`level=DEBUG msg="run started" context_id=` + r.ContextID() + " run_id=" + r.ID() + " number=1",
			`level=DEBUG msg="run ended" context_id=` + r.ContextID() + " run_id=" + r.ID() + " number=1 took=3s outcome=EXECUTION_FAILED request=r-1",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("the log lacks %q:\n%s", want, said)
			}
		}
		if n := strings.Count(said, "request=r-1"); n != 3 || strings.Contains(said, "secret") {
			t.Errorf("%d lines name the request, want 3, and none the code:\n%s", n, said)
		}
	})
}

func TestAPanicEndsItsRunAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		b := start(t, setup{
			options: interpreter.Options{Logger: slog.New(slog.NewTextHandler(&logs, nil))},
			wrap: func(s sandbox.Session) sandbox.Session {
				return odd{s, func(_ context.Context, run sandbox.Run) {
					if run.Code == "print boom" {
						panic("boom in the backend")
					}
				}}
			},
		})
		c := b.create(t, "c")
		_, err := b.RunCode(t.Context(), ann, interpreter.RunRequest{ContextID: c.ID, Code: "print boom"})
		wantCode(t, err, sandbox.CodeExecutionFailed, "mistake in AgentRun Tray")
		if res := b.run(t, c.ID, "print on"); res.Stdout != "on\n" {
			t.Errorf("the next run gave %+v", res)
		}
		if !strings.Contains(logs.String(), "boom in the backend") {
			t.Errorf("the log says nothing of it: %s", logs.String())
		}
	})
}

func TestACallThatIsOverBeforeItBeganRunsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c := b.create(t, "c")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := b.RunCode(ctx, ann, interpreter.RunRequest{ContextID: c.ID, Code: "print x"})
		wantCode(t, err, sandbox.CodeCancelled, "before the code ran")
		if now, _ := b.Context(c.ID); now.Runs != 0 {
			t.Errorf("%d runs", now.Runs)
		}
	})
}

func TestAResultDoesNotKeepItsCallAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		r, call := b.beginCarrying(t)
		<-r.Done()
		synctest.Wait()
		runtime.GC()
		if call.Value() != nil {
			t.Error("what the call carried is kept with its result")
		}
		if so := r.SoFar(); so.State != interpreter.RunFinished || so.Stdout.Head != "" {
			t.Errorf("after the end: %+v, want the output in the result alone", so)
		}
	})
}

// load is something large that a call carries.
type load [1 << 20]byte

func (b *bench) beginCarrying(t *testing.T) (*interpreter.Run, weak.Pointer[load]) {
	t.Helper()
	carried := new(load)
	r, err := b.Begin(context.WithValue(t.Context(), attrKey{}, carried), ann, interpreter.RunRequest{Code: "print x\nsleep 1s"})
	if err != nil {
		t.Fatal(err)
	}
	return r, weak.Make(carried)
}
