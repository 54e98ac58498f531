package cloud_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// world is an emulator with scripted code and a backend of it, in a bubble where waiting takes no time.
type world struct {
	*agentruntest.Emulator
	client  *agentrun.Client
	backend *cloud.Backend

	mu    sync.Mutex
	runs  map[string]int // how often each code was run
	fresh bool           // interpreters have forgotten their marks
}

func newWorld(t *testing.T, emulated agentruntest.Options, options cloud.Options) *world {
	t.Helper()
	w := &world{runs: map[string]int{}}
	emulated.Script = w.script
	emulator, err := agentruntest.New(emulated)
	if err != nil {
		t.Fatal(err)
	}
	w.Emulator = emulator
	t.Cleanup(func() {
		if err := emulator.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close the emulator: %v", err)
		}
	})
	w.client, err = agentrun.New(agentrun.Config{
		AccountID: agentruntest.AccountID, Transport: w.Transport(),
		Credentials: agentrun.Static(agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: agentruntest.AccessKeySecret, SecurityToken: emulated.SecurityToken}),
	})
	if err != nil {
		t.Fatal(err)
	}
	options.Client = w.client
	if w.backend, err = cloud.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.end(t)
		if left := w.Sandboxes(); len(left) != 0 {
			t.Errorf("%q are left behind", left)
		}
	})
	return w
}

// end waits until the backend has ended what nobody got.
func (w *world) end(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	if err := w.backend.Close(ctx); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// script takes code for how many seconds it runs.
func (w *world) script(_, code string) agentruntest.Scripted {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs[code]++
	if _, word, ok := strings.Cut(code, `_agentrun_tray = "`); ok { // an interpreter gets its mark
		w.runs[strings.TrimSuffix(word, `"`)]++
		return agentruntest.Scripted{}
	}
	if strings.Contains(code, "getattr") {
		var marks []string
		for word := range w.runs {
			if len(word) == 20 && !w.fresh {
				marks = append(marks, word)
			}
		}
		return agentruntest.Scripted{Value: map[string]string{"text/plain": strings.Join(marks, " ")}}
	}
	var seconds int
	if _, err := fmt.Sscanf(code, "sleep %d", &seconds); err == nil {
		return agentruntest.Scripted{Stdout: "slept\n", Took: time.Duration(seconds) * time.Second}
	}
	return agentruntest.Scripted{Stdout: "ran " + code + "\n"}
}

func (w *world) ran(code string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.runs[code]
}

// open makes a session, which is closed when the test ends.
func (w *world) open(t *testing.T) sandbox.Session {
	t.Helper()
	s, err := w.backend.Open(t.Context())
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

func shut(t *testing.T, s sandbox.Session) {
	t.Helper()
	if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func (w *world) context(t *testing.T, s sandbox.Session) string {
	t.Helper()
	cc, err := s.CreateContext(t.Context(), sandbox.Python)
	if err != nil {
		t.Fatalf("CreateContext = %v", err)
	}
	return cc.ID
}

// told checks that an error has a code and a sentence for people.
func told(t *testing.T, what string, err error, code sandbox.Code, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*sandbox.Error](err)
	if !ok {
		t.Errorf("%s = %v, want an error with a code", what, err)
		return
	}
	if code != "" && e.Code != code {
		t.Errorf("%s = %q with code %s, want %s", what, e.Message, e.Code, code)
	}
	for _, word := range words {
		if !strings.Contains(e.Message, word) {
			t.Errorf("%s = %q, want a sentence with %q", what, e.Message, word)
		}
	}
	if len(e.Message) < 40 || strings.Contains(e.Message, "%!") || strings.Contains(e.Message, agentruntest.AccessKeySecret) {
		t.Errorf("%s = %q, want a sentence", what, e.Message)
	}
}

// failures are all ways to fail.
func failures() []agentruntest.Failure {
	return []agentruntest.Failure{
		agentruntest.Forbidden(), agentruntest.NoServiceRole(), agentruntest.TokenExpired(), agentruntest.Throttled(0), agentruntest.Throttled(3 * time.Second),
		agentruntest.Quota(), agentruntest.Internal(), agentruntest.BadGateway(), agentruntest.Unavailable(0), agentruntest.GatewayTimeout(), agentruntest.StorageFull(),
		agentruntest.SandboxGone(), agentruntest.Failed200(), agentruntest.Empty(200), agentruntest.Empty(404), agentruntest.Empty(500), agentruntest.Empty(503),
		agentruntest.Status(401, "ERR_UNAUTHORIZED", "who are you?"), agentruntest.Status(400, "ERR_BAD_REQUEST", "no"), agentruntest.Status(409, "ERR_CONFLICT", "wrong state"),
		agentruntest.Status(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."),
		agentruntest.Cut(), agentruntest.CutInBody(), agentruntest.Slow(20 * time.Second), agentruntest.Hang(10 * time.Minute), agentruntest.ClockOff(20 * time.Minute),
	}
}

// refusals are failures which say that nothing was carried out.
var refusals = map[string]bool{
	"forbidden": true, "no service role": true, "token expired": true, "throttled": true, "quota": true, "storage full": true, "sandbox gone": true,
	"empty 404": true, "status 400": true, "status 401": true, "status 404": true, "clock off": true,
}

// TestNoFaultOfOpenLeavesASandbox lets every request of Open fail in every way, before and after it was carried out, once and for
// good. What is left is looked at when the world ends.
func TestNoFaultOfOpenLeavesASandbox(t *testing.T) {
	for _, operation := range []string{"GetTemplate", "CreateTemplate", "CreateSandbox", "Health", "Execute"} {
		for _, failure := range failures() {
			for _, after := range []bool{false, true} {
				if after && operation == "CreateSandbox" && refusals[failure.String()] {
					continue
				}
				for _, times := range []int{1, -1} {
					t.Run(fmt.Sprintf("%s/%s/after %t/%d", operation, failure, after, times), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							w := newWorld(t, agentruntest.Options{SandboxDelay: 3 * time.Second, HealthDelay: time.Second}, cloud.Options{})
							w.Inject(agentruntest.Fault{Operation: operation, Failure: failure, After: after, Times: times})
							s, err := w.backend.Open(t.Context())
							if err == nil {
								shut(t, s)
							} else {
								told(t, "Open", err, "")
							}
							if n, m := w.Count("CreateTemplate"), w.Count("CreateSandbox"); n > 1 || m > 1 {
								t.Errorf("CreateTemplate was sent %d and CreateSandbox %d times, want once at most", n, m)
							}
							if left := w.backend.Progress(); len(left) != 0 {
								t.Errorf("Progress = %v after Open", left)
							}
						})
					})
				}
			}
		}
	}
}

// TestWhatTheUserIsToldWhenOpenFails has a sentence for each thing that somebody can do something about.
func TestWhatTheUserIsToldWhenOpenFails(t *testing.T) {
	tests := []struct {
		operation string
		failure   agentruntest.Failure
		code      sandbox.Code
		words     []string
		permanent bool
	}{
		{"CreateSandbox", agentruntest.Forbidden(), sandbox.CodeCredentialsRejected, []string{"agentrun:CreateSandbox", "grant"}, true},
		{"CreateTemplate", agentruntest.Forbidden(), sandbox.CodeCredentialsRejected, []string{"agentrun:CreateTemplate", "grant"}, true},
		{"GetTemplate", agentruntest.NoServiceRole(), sandbox.CodeCredentialsRejected, []string{"open the AgentRun console once"}, true},
		{"GetTemplate", agentruntest.TokenExpired(), sandbox.CodeCredentialsRejected, []string{"temporary credentials have expired"}, true},
		{"Health", agentruntest.TokenExpired(), sandbox.CodeCredentialsRejected, []string{"secret is wrong", "account id"}, true},
		{"GetTemplate", agentruntest.ClockOff(20 * time.Minute), sandbox.CodeCredentialsRejected, []string{"clock is 20 minutes behind"}, true},
		{"Health", agentruntest.ClockOff(-20 * time.Minute), sandbox.CodeCredentialsRejected, []string{"clock is 20 minutes ahead of"}, true},
		{"GetTemplate", agentruntest.Status(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."), sandbox.CodeCredentialsRejected, []string{"access key id does not exist or is disabled"}, true},
		{"GetTemplate", agentruntest.Status(400, "SignatureDoesNotMatch", "no match"), sandbox.CodeCredentialsRejected, []string{"secret is wrong"}, true},
		{"CreateSandbox", agentruntest.Quota(), sandbox.CodeQuotaExceeded, []string{"used up", "quota centre"}, true},
		{"CreateSandbox", agentruntest.Throttled(30 * time.Second), sandbox.CodeServerNotReady, []string{"pause of 30s"}, false},
		{"CreateSandbox", agentruntest.Unavailable(0), sandbox.CodeServerNotReady, []string{"in trouble", "status 503"}, false},
		{"CreateSandbox", agentruntest.Cut(), sandbox.CodeServerNotReady, []string{"connection", "broke"}, false},
		{"CreateSandbox", agentruntest.Hang(time.Hour), sandbox.CodeServerNotReady, []string{"did not answer within 30s"}, false},
		{"CreateSandbox", agentruntest.Status(404, "ERR_NOT_FOUND", "template agentrun-tray not found"), sandbox.CodeServerNotReady, []string{"no template agentrun-tray", "region cn-hangzhou"}, false},
		{"Health", agentruntest.BadGateway(), sandbox.CodeServerNotReady, []string{"was not ready within 2m0s", "502"}, false},
		{"Execute", agentruntest.Internal(), sandbox.CodeServerNotReady, []string{"status 500"}, false},
	}
	for _, test := range tests {
		t.Run(test.operation+"/"+test.failure.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				w.Inject(agentruntest.Fault{Operation: test.operation, Failure: test.failure, Times: -1})
				_, err := w.backend.Open(t.Context())
				told(t, "Open", err, test.code, test.words...)
				if cloud.Permanent(err) != test.permanent {
					t.Errorf("Permanent(%v) = %t", err, !test.permanent)
				}
				w.ClearFaults()
				w.open(t) // and the backend is none the worse
			})
		})
	}
}

// TestASandboxWhoseCreationGotNoAnswerIsFoundAndEnded by the id it was given.
func TestASandboxWhoseCreationGotNoAnswerIsFoundAndEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		w.Inject(agentruntest.Fault{Operation: "CreateSandbox", Failure: agentruntest.Cut(), After: true})
		_, err := w.backend.Open(t.Context())
		told(t, "Open", err, sandbox.CodeServerNotReady)
		w.end(t)
		if w.Count("CreateSandbox") != 1 || len(w.Sandboxes()) != 0 || w.Count("DeleteSandbox") != 1 {
			t.Errorf("after %d creations and %d deletions there are %q", w.Count("CreateSandbox"), w.Count("DeleteSandbox"), w.Sandboxes())
		}
	})
}

// late lets the creation of a sandbox arrive only some time after its client has lost the connection.
type late struct {
	http.RoundTripper
	by  time.Duration
	all sync.WaitGroup
}

// RoundTrip implements [http.RoundTripper].
func (l *late) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/sandboxes") {
		return l.RoundTripper.RoundTrip(req)
	}
	httptrace.ContextClientTrace(req.Context()).WroteHeaders()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	again := req.Clone(context.WithoutCancel(req.Context()))
	again.Body = io.NopCloser(bytes.NewReader(body))
	l.all.Go(func() {
		time.Sleep(l.by)
		if resp, err := l.RoundTripper.RoundTrip(again); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	return nil, io.ErrUnexpectedEOF
}

// TestASandboxThatIsMadeAfterItWasLookedForIsEnded has the creation overtaken by the first deletions.
func TestASandboxThatIsMadeAfterItWasLookedForIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		slow := &late{RoundTripper: w.Transport(), by: 4 * time.Second}
		client, err := agentrun.New(agentrun.Config{AccountID: agentruntest.AccountID, Transport: slow, Credentials: agentrun.Static(credentials)})
		if err != nil {
			t.Fatal(err)
		}
		b, err := cloud.New(cloud.Options{Client: client})
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Open(t.Context())
		told(t, "Open", err, sandbox.CodeServerNotReady, "broke")
		slow.all.Wait()
		if left := w.Sandboxes(); len(left) != 1 {
			t.Fatalf("%q live, want the one that came late", left)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if left := w.Sandboxes(); len(left) != 0 {
			t.Errorf("%q are left", left)
		}
	})
}

// TestACreationThatIsGivenUpOnTheWayIsEnded has the caller leave at every moment of Open.
func TestACreationThatIsGivenUpOnTheWayIsEnded(t *testing.T) {
	for _, after := range []time.Duration{0, 100 * time.Millisecond, time.Second, 11 * time.Second, 14 * time.Second, 15 * time.Second, 15*time.Second + 400*time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{TemplateDelay: 10 * time.Second, SandboxDelay: 5 * time.Second}, cloud.Options{})
				w.Inject(agentruntest.Fault{Operation: "CreateSandbox", Failure: agentruntest.Slow(2 * time.Second)})
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				began := time.Now()
				s, err := w.backend.Open(ctx)
				if err == nil {
					shut(t, s)
					t.Fatalf("Open was through after %s", time.Since(began))
				}
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != after {
					t.Errorf("Open = %v after %s, want that it was given up after %s", err, time.Since(began), after)
				}
				w.end(t)
				if left := w.Sandboxes(); len(left) != 0 {
					t.Errorf("%q are left", left)
				}
			})
		})
	}
}

func TestEndingASandboxIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		w.Inject(agentruntest.Fault{Operation: "Execute", Failure: agentruntest.Internal()})
		w.Inject(agentruntest.Fault{Operation: "DeleteSandbox", Failure: agentruntest.Unavailable(0), Times: 9})
		_, err := w.backend.Open(t.Context())
		told(t, "Open", err, sandbox.CodeServerNotReady)
		w.end(t)
		if n := w.Count("DeleteSandbox"); n != 10 || len(w.Sandboxes()) != 0 {
			t.Errorf("after %d deletions there are %q", n, w.Sandboxes())
		}
		if _, err := w.backend.Open(t.Context()); err == nil {
			t.Error("Open of a closed backend succeeded")
		}
	})
}

func TestASessionThatCannotBeClosedIsEndedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		s := w.open(t)
		w.Inject(agentruntest.Fault{Operation: "DeleteSandbox", Failure: agentruntest.Unavailable(0), Times: 6})
		told(t, "Close", s.Close(t.Context()), sandbox.CodeStopFailed, "status 503")
		w.end(t)
		if left := w.Sandboxes(); len(left) != 0 {
			t.Errorf("%q are left", left)
		}
	})
}

// TestABackendThatIsClosedInAHurrySaysWhatItLeft has the service away when the program ends.
func TestABackendThatIsClosedInAHurrySaysWhatItLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		w.Inject(agentruntest.Fault{Operation: "Execute", Failure: agentruntest.Internal()})
		w.Inject(agentruntest.Fault{Operation: "DeleteSandbox", Failure: agentruntest.Unavailable(0), Times: -1})
		if _, err := w.backend.Open(t.Context()); err == nil {
			t.Fatal("Open succeeded")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		if err := w.backend.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("Close = %v after %s", err, time.Since(began))
		}
		time.Sleep(61 * time.Minute) // the service's own idle timeout
	})
}
