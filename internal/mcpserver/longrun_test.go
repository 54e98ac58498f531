package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// bubble is a whole server on a clock of its own. Requests are handed to its handler, as no clock but the real one drives sockets.
type bubble struct {
	*Server
	fake    *sandboxtest.Fake
	session string // an MCP session of the older era
	stop    func() // ends everything and waits; may be called again
}

func startBubble(t *testing.T, fake sandboxtest.FakeOptions, opt Options) *bubble {
	t.Helper()
	return startBubbleOver(t, fake, opt, func(s sandbox.Session) sandbox.Session { return s })
}

// startBubbleOver is startBubble with sessions that are not quite those of the fake.
func startBubbleOver(t *testing.T, fake sandboxtest.FakeOptions, opt Options, wrap func(sandbox.Session) sandbox.Session) *bubble {
	t.Helper()
	b := &bubble{fake: sandboxtest.NewFake(fake)}
	open := func(ctx context.Context) (sandbox.Session, error) {
		s, err := b.fake.Open(ctx)
		if err != nil {
			return nil, err
		}
		return wrap(s), nil
	}
	p, err := pool.New(pool.Options[sandbox.Session]{
		New: open, Warm: 1, Max: 4, Share: 32,
		Close: func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	interp, err := interpreter.New(interpreter.Options{Site: interpreter.NewSite(b.fake, p), RunTimeout: 9 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	opt.Interpreter, opt.Version = interp, "1.2.3"
	if b.Server, err = New(opt); err != nil {
		t.Fatal(err)
	}
	interpCtx, stopInterp := context.WithCancel(context.Background())
	poolCtx, stopPool := context.WithCancel(context.Background())
	var below, bottom sync.WaitGroup
	below.Go(func() { _ = interp.Run(interpCtx) })
	bottom.Go(func() { _ = p.Run(poolCtx) })
	b.stop = sync.OnceFunc(func() {
		stopInterp()
		below.Wait()
		stopPool()
		bottom.Wait()
	})
	t.Cleanup(b.stop)
	synctest.Wait()
	a := b.post(t.Context(), initializeBody, nil)
	if b.session = a.header.Get("Mcp-Session-Id"); b.session == "" {
		t.Fatalf("initialize = %d %s", a.status, a.body)
	}
	return b
}

func request(ctx context.Context, body string, hs headers) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body)).WithContext(ctx)
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("Accept", "application/json, text/event-stream")
	for name, value := range hs {
		req.Header.Set(name, value)
	}
	return req
}

func (b *bubble) post(ctx context.Context, body string, hs headers) answerTo {
	w := httptest.NewRecorder()
	b.serve(w, request(ctx, body, hs))
	return answerTo{w.Code, w.Header(), w.Body.String()}
}

// serve is ServeHTTP, with the panic that tells net/http to break the connection.
func (b *bubble) serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil && p != any(http.ErrAbortHandler) {
			panic(p)
		}
	}()
	b.Handler(Unix).ServeHTTP(w, r)
}

// call makes a tool call of one era. The client is the same in both.
func (b *bubble) call(era, tool, args string) (body string, hs headers) {
	if era == legacy {
		body, hs = legacyCall("7", tool, args), headers{"Mcp-Session-Id": b.session}
	} else {
		body, hs = modernCall("7", tool, args)
	}
	hs["Agentrun-Relay"] = "relay-1"
	return body, hs
}

// ran is the result of a tool about a run, with all that any of them has.
type ran struct {
	runCodeOutput
	Message string `json:"message"`
	failed  *errorObject
	notes   []progressNote
}

// do calls a tool of the newer era and checks what came back against the tool's schema.
func (b *bubble) do(t *testing.T, tool, args string) ran {
	t.Helper()
	body, hs := b.call(modern, tool, args)
	return b.read(t, tool, b.post(t.Context(), body, hs))
}

func (b *bubble) read(t *testing.T, tool string, a answerTo) (r ran) {
	t.Helper()
	all := a.messages(t)
	if len(all) == 0 {
		t.Fatalf("%s = %d %q, want an answer", tool, a.status, a.body)
	}
	for _, m := range all[:len(all)-1] {
		var note progressNote
		if err := json.Unmarshal(m.Params, &note); err != nil {
			t.Fatal(err)
		}
		r.notes = append(r.notes, note)
	}
	res := all[len(all)-1].Result
	if res == nil || res.Content[0].Text != string(res.Structured) {
		t.Fatalf("%s = %s, want the same object twice", tool, a.body)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(b.tools[tool].output.resultSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var object any
	if err := errors.Join(json.Unmarshal(res.Structured, &object), resolved.Validate(object)); err != nil && object == nil {
		t.Fatalf("%s = %s: %v", tool, res.Structured, err)
	}
	if err := resolved.Validate(object); err != nil {
		t.Errorf("%s = %s does not fit its schema: %v", tool, res.Structured, err)
	}
	if res.IsError {
		r.failed = new(errorObject)
		if err := json.Unmarshal(res.Structured, r.failed); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if err := json.Unmarshal(res.Structured, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r ran) notice() string { return strings.Join(r.Notices, "\n") }

// begin calls run_code with code that outlives the call, and returns the handle.
func (b *bubble) begin(t *testing.T, code string) ran {
	t.Helper()
	began := time.Now()
	r := b.do(t, "run_code", string(compactJSON(map[string]string{"code": code})))
	if took := time.Since(began); took != 50*time.Second || r.RunID == "" {
		t.Fatalf("run_code(%q) = %+v after %v, want a handle after 50 s", code, r, took)
	}
	return r
}

func about(id string) string { return fmt.Sprintf(`{"run_id":%q}`, id) }

func TestALongRunIsAnsweredWithAHandleAndCollected(t *testing.T) {
	for _, era := range []string{legacy, modern} {
		t.Run(era, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
				do := func(tool, args string) ran {
					body, hs := b.call(era, tool, args)
					return b.read(t, tool, b.post(t.Context(), body, hs))
				}
				began := time.Now()
				r := do("run_code", `{"code":"print one\nstderr careful\nsleep 70s\nprint two\nset x 1\nget x"}`)
				if took := time.Since(began); took != 50*time.Second {
					t.Errorf("answered after %v, want 50 s", took)
				}
				if !strings.HasPrefix(r.RunID, "run-") || r.Status != "running" || r.Stdout != "one\n" || r.Stderr != "careful\n" || r.Success || r.Error != nil ||
					r.ExecutionTime < 49 || r.ContextID == "" || r.Backend != "fake" || !r.Warm || r.Result != nil {
					t.Errorf("the handle is %+v", r)
				}
				if says := r.Notices[0]; !strings.Contains(says, "goes on") || !strings.Contains(says, "get_result") || !strings.Contains(says, "cancel_run") || !strings.Contains(says, "Do not run the code again") {
					t.Errorf("the first notice is %q", says)
				}
				for range 2 {
					got := do("get_result", about(r.RunID))
					if took := time.Since(began); took != 70*time.Second {
						t.Errorf("collected after %v, want 70 s", took)
					}
					if got.Status != "finished" || got.RunID != r.RunID || !got.Success || got.Stdout != "one\ntwo\n" || got.Result.Text != "1" || got.ContextID != r.ContextID || got.ExecutionTime != 70 || got.Notices != nil {
						t.Errorf("get_result = %+v", got)
					}
				}
				if again := do("run_code", `{"code":"get x"}`); again.Result == nil || again.Result.Text != "1" || again.RunID != "" || again.Status != "" || again.ContextID != r.ContextID {
					t.Errorf("the next run = %+v, want it in the same context, and no handle", again)
				}
			})
		})
	}
}

func TestWaitingForAResultRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
		id := b.begin(t, "print one\nsleep 60s\nprint two\nsleep 5m").RunID
		for _, tt := range []struct {
			args string
			took time.Duration
			want string
		}{
			{`"wait_seconds":0`, 0, "one\n"},
			{`"wait_seconds":2.5`, 2500 * time.Millisecond, "one\n"},
			{`"wait_seconds":null`, 50 * time.Second, "one\ntwo\n"},
			{`"wait_seconds":50`, 50 * time.Second, "one\ntwo\n"},
		} {
			began := time.Now()
			r := b.do(t, "get_result", fmt.Sprintf(`{"run_id":%q,%s}`, id, tt.args))
			if took := time.Since(began); took != tt.took || r.Status != "running" || r.RunID != id || r.Stdout != tt.want || r.Success || !strings.Contains(r.notice(), "still running") {
				t.Errorf("get_result(%s) = %+v after %v, want it running after %v", tt.args, r, took, tt.took)
			}
		}
		for args, says := range map[string]string{`"wait_seconds":-1`: "from 0 to 50 s", `"wait_seconds":50.1`: "call get_result again", `"wait_seconds":1e300`: "from 0 to 50 s", `"wait_seconds":"1"`: "a number"} {
			if r := b.do(t, "get_result", fmt.Sprintf(`{"run_id":%q,%s}`, id, args)); r.failed == nil || r.failed.Code != "INVALID_PARAMS" || !strings.Contains(r.failed.Error, says) {
				t.Errorf("get_result(%s) = %+v, want it refused with %q", args, r, says)
			}
		}
	})
}

func TestARunThatWaitsForItsTurnHasAHandleToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
		first := b.begin(t, "sleep 3m")
		second := b.begin(t, "print second")
		third := b.begin(t, "print third")
		for r, says := range map[*ran]string{&second: "waiting for the run before it", &third: "waiting for the 2 runs before it"} {
			if r.Status != "waiting" || r.ExecutionTime != 0 || r.ContextID != first.ContextID || !strings.Contains(r.Notices[0], says) || !strings.Contains(r.Notices[0], "get_result") {
				t.Errorf("a run that waits = %+v, want %q", r, says)
			}
		}
		if got := b.do(t, "get_result", about(second.RunID)); got.Status != "finished" || got.Stdout != "second\n" {
			t.Errorf("get_result = %+v", got)
		}
	})
}

func TestCancelRunEndsARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
		first := b.begin(t, "set x 1\nprint one\nloop")
		waits := b.begin(t, "print two")
		began := time.Now()
		for _, r := range []ran{waits, first} {
			if got := b.do(t, "cancel_run", about(r.RunID)); got.Status != "cancelled" || got.RunID != r.RunID || got.ContextID != r.ContextID || got.Message == "" {
				t.Errorf("cancel_run = %+v", got)
			}
			if got := b.do(t, "cancel_run", about(r.RunID)); got.Status != "finished" {
				t.Errorf("cancel_run again = %+v, want no error", got)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("cancelling took %v", took)
		}
		if got := b.do(t, "get_result", about(first.RunID)); got.Status != "finished" || got.Stdout != "one\n" || got.Success || got.Error.Code != "CANCELLED" || !strings.Contains(got.Error.Message, "was cancelled") {
			t.Errorf("get_result of a run that was cancelled = %+v", got)
		}
		if got := b.do(t, "get_result", about(waits.RunID)); got.failed == nil || got.failed.Code != "CANCELLED" || !strings.Contains(got.failed.Error, "before its code ran") {
			t.Errorf("get_result of a run that never ran = %+v", got)
		}
		if got := b.do(t, "run_code", `{"code":"get x"}`); got.Result == nil || got.Result.Text != "1" || got.ContextID != first.ContextID {
			t.Errorf("the next run = %+v, want the context kept", got)
		}
		done := b.begin(t, "sleep 55s\nprint end")
		time.Sleep(10 * time.Second)
		if got := b.do(t, "cancel_run", about(done.RunID)); got.Status != "finished" {
			t.Errorf("cancel_run of a run that ended by itself = %+v", got)
		}
		for _, tool := range []string{"cancel_run", "get_result"} {
			if got := b.do(t, tool, about("run-none")); got.failed == nil || got.failed.Code != "INVALID_PARAMS" || !strings.Contains(got.failed.Error, "list_contexts") {
				t.Errorf("%s of a run there is not = %+v", tool, got)
			}
		}
	})
}

// TestWhatElseEndsARunIsInItsResult has what ends a run from elsewhere, with a client waiting for the result.
func TestWhatElseEndsARunIsInItsResult(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, b *bubble, r ran)
		code sandbox.Code
		says string
	}{
		{"an interrupt", func(t *testing.T, b *bubble, r ran) {
			if err := b.interp.Interrupt(r.ContextID); err != nil {
				t.Error(err)
			}
		}, "CANCELLED", "interrupted from elsewhere"},
		{"stop_context", func(t *testing.T, b *bubble, r ran) {
			b.do(t, "stop_context", fmt.Sprintf(`{"context_id":%q,"force":true}`, r.ContextID))
		}, "CANCELLED", "context was stopped"},
		{"shutting down", func(_ *testing.T, b *bubble, _ ran) { b.stop() }, "CANCELLED", "shut down"},
		{"its time limit", func(_ *testing.T, _ *bubble, _ ran) { time.Sleep(8*time.Minute + 10*time.Second) }, "TIMEOUT", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
				r := b.begin(t, "print x\nloop")
				got := make(chan ran, 1)
				go func() {
					for {
						if r := b.do(t, "get_result", about(r.RunID)); r.Status == "finished" || r.failed != nil {
							got <- r
							return
						}
					}
				}()
				time.Sleep(time.Second)
				tt.end(t, b, r)
				if r := <-got; r.failed != nil || r.Stdout != "x\n" || r.Error.Code != tt.code || !strings.Contains(r.Error.Message, tt.says) {
					t.Errorf("get_result = %+v, want %s and %q", r, tt.code, tt.says)
				}
			})
		})
	}
	t.Run("the loss of its sandbox", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
			r := b.begin(t, "loop")
			b.fake.KillSession(b.fake.Sessions()[0])
			for range 2 {
				if got := b.do(t, "get_result", about(r.RunID)); got.failed == nil || got.failed.Code != "SESSION_LOST" {
					t.Errorf("get_result = %+v, want SESSION_LOST", got)
				}
			}
		})
	})
}

func TestAProgressTokenKeepsTheCallOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
		body, hs := b.call(modern, "run_code", `{"code":"print one\nsleep 3m\nprint two"}`)
		body = withProgress(body, `"t"`)
		r := b.read(t, "run_code", b.post(t.Context(), body, hs))
		if r.Stdout != "one\ntwo\n" || !r.Success || r.RunID != "" || len(r.notes) < 36 {
			t.Errorf("run_code with a progress token = %+v with %d notes, want the result", r, len(r.notes))
		}
		hs["Accept"] = jsonType // nowhere to put notes
		began := time.Now()
		if r := b.read(t, "run_code", b.post(t.Context(), body, hs)); r.Status != "running" || time.Since(began) != 50*time.Second {
			t.Errorf("run_code of a client that reads no streams = %+v after %v, want a handle", r, time.Since(began))
		} else {
			b.do(t, "cancel_run", about(r.RunID))
		}
	})
}

func TestGetResultTellsTheNewestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
		r := b.begin(t, "print one\nsleep 60s\nprint two\nsleep 60s")
		body, hs := b.call(modern, "get_result", about(r.RunID))
		got := b.read(t, "get_result", b.post(t.Context(), withProgress(body, `"t"`), hs))
		if got.Status != "running" || len(got.notes) < 10 || got.notes[0].Message != "one" || got.notes[len(got.notes)-1].Message != "two" || string(got.notes[0].Token) != `"t"` {
			t.Errorf("get_result = %+v", got)
		}
		for n, note := range got.notes[1:] {
			if gap := note.Progress - got.notes[n].Progress; gap > 5 {
				t.Errorf("silent for %v s", gap)
			}
		}
		first, hs := b.call(modern, "run_code", `{"code":"print x"}`) // it waits behind the other
		if got := b.read(t, "run_code", b.post(t.Context(), withProgress(first, `"t"`), hs)); !strings.HasPrefix(got.notes[0].Message, "waiting for the run before it") || got.Stdout != "x\n" {
			t.Errorf("a run that waits = %+v", got)
		}
	})
}

func TestHangingUpBeforeTheHandleEndsTheRunAndAfterItDoesNot(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		lives bool
	}{
		{"before", 49 * time.Second, false},
		{"after", 51 * time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
				ctx, hangUp := context.WithCancel(t.Context())
				defer hangUp()
				body, hs := b.call(modern, "run_code", `{"code":"loop"}`)
				time.AfterFunc(tt.after, hangUp)
				b.post(ctx, body, hs)
				time.Sleep(time.Minute)
				if got := b.goes(); got != tt.lives {
					t.Errorf("the code runs: %v, want %v", got, tt.lives)
				}
			})
		})
	}
	t.Run("before, while it waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
			first := b.begin(t, "loop")
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			body, hs := b.call(modern, "run_code", `{"code":"print never"}`)
			b.post(ctx, body, hs)
			b.do(t, "cancel_run", about(first.RunID))
			synctest.Wait()
			if runs, err := b.interp.History(first.ContextID); err != nil || len(runs) != 1 {
				t.Errorf("the history has %d runs, %v, want the one whose client is there", len(runs), err)
			}
		})
	})
	t.Run("of get_result", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
			r := b.begin(t, "loop")
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			body, hs := b.call(modern, "get_result", about(r.RunID))
			b.post(ctx, body, hs)
			time.Sleep(time.Minute)
			if !b.goes() {
				t.Error("the code does not run any more")
			}
		})
	})
}

// goes reports whether code runs.
func (b *bubble) goes() bool {
	for _, c := range b.interp.Contexts() {
		if c.Status == interpreter.Running {
			return true
		}
	}
	return false
}

// deaf is a connection that breaks at the first write.
type deaf struct{ *httptest.ResponseRecorder }

func (deaf) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// stuffed takes what is written and cannot send it on.
type stuffed struct{ *httptest.ResponseRecorder }

func (stuffed) FlushError() error { return errors.New("broken pipe") }

// TestAHandleIsNotWrittenToSomebodyWhoHasLeft has a client hang up after the call was answered and before the answer was written.
func TestAHandleIsNotWrittenToSomebodyWhoHasLeft(t *testing.T) {
	for name, insists := range map[string]bool{"a handle": true, "any other answer": false} {
		t.Run(name, func(t *testing.T) {
			ctx, hangUp := context.WithCancel(t.Context())
			w := httptest.NewRecorder()
			rep := newReply(w, request(ctx, "{}", nil))
			rep.Header().Set("Content-Type", jsonType)
			rep.WriteHeader(http.StatusOK)
			if insists {
				rep.insist()
			}
			hangUp()
			_, err := rep.Write([]byte(`{"jsonrpc":"2.0","id":1,"result":{}}`))
			if refused := err != nil; refused != insists || rep.hasArrived() == insists || (w.Body.Len() == 0) != insists {
				t.Errorf("Write = %v, arrived %v, %d bytes", err, rep.hasArrived(), w.Body.Len())
			}
		})
	}
}

func TestAHandleThatCannotBeDeliveredEndsItsRun(t *testing.T) {
	for name, broken := range map[string]func(*httptest.ResponseRecorder) http.ResponseWriter{
		"the write fails": func(w *httptest.ResponseRecorder) http.ResponseWriter { return deaf{w} },
		"the flush fails": func(w *httptest.ResponseRecorder) http.ResponseWriter { return stuffed{w} },
	} {
		for _, era := range []string{legacy, modern} {
			t.Run(name+" "+era, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
					body, hs := b.call(era, "run_code", `{"code":"loop"}`)
					b.serve(broken(httptest.NewRecorder()), request(t.Context(), body, hs))
					synctest.Wait()
					if b.goes() {
						t.Error("the code runs on, and nobody knows its id")
					}
				})
			})
		}
	}
}

func TestListContextsNamesTheRunInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
		r := b.begin(t, "sleep 2m")
		list := func() string {
			body, hs := b.call(modern, "list_contexts", "{}")
			return string(b.post(t.Context(), body, hs).final(t).Result.Structured)
		}
		if got := list(); !strings.Contains(got, fmt.Sprintf(`"run_id":%q`, r.RunID)) {
			t.Errorf("list_contexts = %s, want run %s", got, r.RunID)
		}
		b.do(t, "cancel_run", about(r.RunID))
		if got := list(); strings.Contains(got, "run_id") {
			t.Errorf("list_contexts = %s, want no run in progress", got)
		}
	})
}

func TestOutputSoFarIsShortened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{OutputLimit: 8 << 20}, Options{})
		r := b.begin(t, "print first\nflood 3000000\nprint \nprint last\nstderr few\nloop")
		cutInfo := r.Truncated["stdout"]
		if weight(r.Stdout) > perToken*defaultResultTokens+200 || !strings.HasPrefix(r.Stdout, "first\nxx") || !strings.HasSuffix(r.Stdout, "xx\nlast\n") || r.Stderr != "few\n" {
			t.Errorf("so far there are %d bytes", len(r.Stdout))
		}
		if cutInfo.Length != 3_000_012 || cutInfo.Lost != 0 || cutInfo.URI != "" || cutInfo.Kept > int64(len(r.Stdout)) || !strings.Contains(r.Stdout, "\n[… 2.8 MiB left out …]\n") {
			t.Errorf("truncated = %+v", r.Truncated)
		}
		b.do(t, "cancel_run", about(r.RunID))
		if got := b.do(t, "get_result", about(r.RunID)); got.Truncated["stdout"].URI != outputURI(r.ContextID, 1, "stdout") {
			t.Errorf("truncated = %+v, want where the whole is", got.Truncated)
		}
		b.do(t, "stop_context", fmt.Sprintf(`{"context_id":%q}`, r.ContextID))
		if got := b.do(t, "get_result", about(r.RunID)); !strings.Contains(strings.Join(got.Notices, " "), "cannot be read any more") {
			t.Errorf("notices = %q, want that the whole has gone with its context", got.Notices)
		}
	})
}

func TestTheGapInOutputSoFarIsShownHoweverLargeTheBudget(t *testing.T) {
	out := &runOutput{seams: map[string]seam{}}
	res := interpreter.RunResult{ContextID: "ctx-1"}
	res.Stdout = out.join("stdout", interpreter.Excerpt{Head: strings.Repeat("h", 1000), Tail: strings.Repeat("é", 400), Omitted: 5 << 20})
	out.answer(res, 1_000_000)
	head, tail, found := strings.Cut(out.Stdout, "\n[… 5 MiB left out …]\n")
	if !found || strings.Trim(head, "h") != "" || strings.Trim(tail, "é") != "" {
		t.Errorf("stdout = %.100q … %.100q", head, tail)
	}
}

// TestNoCharacterOfOutputSoFarIsTornWhereItsEndsMeet: the ends are kept in bytes, and one character may be in both.
func TestNoCharacterOfOutputSoFarIsTornWhereItsEndsMeet(t *testing.T) {
	out := &runOutput{seams: map[string]seam{}}
	const text = "数据分析"
	for at := range len(text) {
		if got := out.join("stdout", interpreter.Excerpt{Head: text[:at], Tail: text[at:]}); got != text {
			t.Errorf("%d bytes and the rest = %q, want %q", at, got, text)
		}
	}
	if len(out.seams) != 0 {
		t.Errorf("seams = %v, want none", out.seams)
	}
}

func TestPatienceIsASetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{}, Options{AnswerWithin: 20 * time.Second})
		began := time.Now()
		r := b.do(t, "run_code", `{"code":"sleep 2m"}`)
		if took := time.Since(began); took != 20*time.Second || r.Status != "running" || !strings.Contains(r.notice(), "waits up to 20 s") {
			t.Errorf("run_code = %+v after %v, want a handle after 20 s", r, took)
		}
		if schema := string(b.tools["get_result"].input.schema()); !strings.Contains(schema, `"maximum":20`) || !strings.Contains(schema, "Default: 20") {
			t.Errorf("get_result takes %s, want at most 20 s", schema)
		}
		b.do(t, "cancel_run", about(r.RunID))
	})
}

func TestManyLongRunsDoNotHoldUpWhatIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBubble(t, sandboxtest.FakeOptions{}, Options{})
		var wg sync.WaitGroup
		for n := range 64 {
			wg.Go(func() {
				body, hs := b.call(modern, "run_code", `{"code":"sleep 5m"}`)
				hs["Agentrun-Relay"] = fmt.Sprint("relay ", n)
				if r := b.read(t, "run_code", b.post(t.Context(), body, hs)); r.Status != "running" {
					t.Errorf("run %d = %+v", n, r)
				}
			})
		}
		time.Sleep(10 * time.Second)
		began := time.Now()
		all := b.interp.Contexts()
		b.do(t, "list_contexts", "{}")
		b.do(t, "stop_context", fmt.Sprintf(`{"context_id":%q,"force":true}`, b.do(t, "create_context", `{"name":"short"}`).ContextID))
		if took := time.Since(began); took != 0 || len(all) != 64 {
			t.Errorf("with %d contexts busy, short calls took %v", len(all), took)
		}
		wg.Wait()
	})
}

// FuzzRunHandles calls get_result and cancel_run with arguments of every kind: what they refuse they explain, and nothing panics.
func FuzzRunHandles(f *testing.F) {
	interp, err := newInterpreter()
	if err != nil {
		f.Fatal(err)
	}
	s, err := New(Options{Interpreter: interp, Version: "1.2.3"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", "null", "{}", "[]", `{"run_id":"run-1"}`, `{"run_id":""}`, `{"run_id":1}`, `{"run_id":null}`, `{"run_id":"run-1","wait_seconds":1e400}`,
		`{"run_id":"run-1","wait_seconds":-0.1}`, `{"run_id":"run-1","wait_seconds":"1"}`, `{"run_id":"\ud800","wait_seconds":50}`, `{"RUN_ID":"run-1"}`, `{"run_id":"run-1","x":{}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, args string) {
		for _, name := range []string{"get_result", "cancel_run"} {
			c := &call{exchange: &exchange{message: &message{}}, tool: s.tools[name], args: json.RawMessage(args)}
			if !json.Valid(c.args) && len(c.args) > 0 {
				continue // mcp-go refuses it
			}
			a, err := c.tool.run(t.Context(), c)
			if e, ok := errors.AsType[*sandbox.Error](err); !ok || a != nil || e.Code != sandbox.CodeInvalidParams || e.Message == "" {
				t.Errorf("%s(%q) = %v, %v, want INVALID_PARAMS: there is no run", name, args, a, err)
			}
		}
	})
}
