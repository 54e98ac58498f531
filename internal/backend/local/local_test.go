package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/local"
	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// bench is what the tests share: loading the engine takes seconds.
type bench struct {
	backend *local.Backend
	dir     string // cache and scratch
}

var shared bench

func (b bench) scratch() string { return filepath.Join(b.dir, "scratch") }

func (b bench) options() local.Options {
	return local.Options{CacheDir: filepath.Join(b.dir, "cache"), ScratchRoot: b.scratch()}
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "local-backend-")
	if err != nil {
		panic(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}()
	shared.dir = dir
	if shared.backend, err = local.New(shared.options()); err != nil {
		panic(err)
	}
	code = m.Run()
	if err := shared.backend.Close(context.Background()); err != nil {
		panic(err)
	}
	if left, err := filepath.Glob(filepath.Join(shared.scratch(), "*")); err != nil || len(left) != 0 {
		panic(fmt.Sprintf("the scratch root holds %q after Close", left))
	}
	if err := goleak.Find(); err != nil {
		panic(err)
	}
	return code
}

// newBackend makes a backend of the test's own, which shares the compiled engine.
func newBackend(t *testing.T, options local.Options) *local.Backend {
	t.Helper()
	backend, err := local.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := backend.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return backend
}

// folders counts the sandboxes on the disk.
func folders(root string) int {
	found, err := filepath.Glob(filepath.Join(root, "local-*", "local-*"))
	if err != nil {
		panic(err)
	}
	return len(found)
}

// running is a run in progress.
type running struct {
	began, ended chan struct{}
	res          sandbox.Result
	err          error
}

// start runs code beside the test, which is waited for when the test ends.
func start(t *testing.T, s sandbox.Session, cc, code string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{began: make(chan struct{}), ended: make(chan struct{})}
	var once sync.Once
	go func() {
		defer close(r.ended)
		r.res, r.err = s.Run(ctx, cc, sandbox.Run{Code: code, Emit: func(sandbox.Chunk) { once.Do(func() { close(r.began) }) }})
	}()
	t.Cleanup(func() { cancel(); <-r.ended })
	return r
}

func (r *running) printed(t *testing.T) {
	t.Helper()
	select {
	case <-r.began:
	case <-r.ended:
		t.Fatalf("the run ended with %+v, %v before it printed", r.res, r.err)
	case <-time.After(patience):
		t.Fatal("the run prints nothing")
	}
}

// result gives the outcome, if there is one.
func (r *running) result() (res sandbox.Result, err error, over bool) {
	select {
	case <-r.ended:
		return r.res, r.err, true
	default:
		return sandbox.Result{}, nil, false
	}
}

func TestLocalKeepsTheContract(t *testing.T) {
	sandboxtest.Run(t, func(*testing.T) sandboxtest.Harness {
		return sandboxtest.Harness{
			Backend: shared.backend, Programs: sandboxtest.RealPrograms(),
			Live:  func() int { return max(folders(shared.scratch()), len(shared.backend.Stats().Instances)) },
			Brief: time.Second, Patience: time.Minute, // also with the race detector, on a computer that does much else
		}
	})
}

func TestNewChecksItsOptions(t *testing.T) {
	for name, options := range map[string]local.Options{
		"no scratch root":       {},
		"a relative one":        {ScratchRoot: "scratch"},
		"too little memory":     {ScratchRoot: t.TempDir(), MemoryLimit: 1 << 20},
		"negative parallelity":  {ScratchRoot: t.TempDir(), Parallel: -1},
		"more memory than wasm": {ScratchRoot: t.TempDir(), MemoryLimit: 8 << 30},
	} {
		if _, err := local.New(options); err == nil {
			t.Errorf("New with %s succeeded", name)
		}
	}
}

func TestNewTouchesNothing(t *testing.T) {
	options := local.Options{CacheDir: filepath.Join(t.TempDir(), "cache"), ScratchRoot: filepath.Join(t.TempDir(), "scratch")}
	backend := newBackend(t, options)
	for _, dir := range []string{options.CacheDir, options.ScratchRoot} {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there after New: %v", dir, err)
		}
	}
	if note := backend.Traits().Note; !strings.Contains(note, "no network") || !strings.Contains(note, "256 MiB") || !strings.Contains(note, "numpy") {
		t.Errorf("Note = %q, want what is not there", note)
	}
}

func TestFirstOpensShareOneLoad(t *testing.T) {
	backend := newBackend(t, shared.options())
	var opening sync.WaitGroup
	for i := range 6 {
		ctx, cancel := context.WithCancel(t.Context())
		opening.Go(func() {
			defer cancel()
			if i == 0 { // one that does not wait
				cancel()
			}
			s, err := backend.Open(ctx)
			if (err == nil) != (i != 0) {
				t.Errorf("Open number %d = %v", i, err)
			}
			if err == nil {
				if err := s.Close(t.Context()); err != nil {
					t.Errorf("Close = %v", err)
				}
			}
		})
	}
	opening.Wait()
	for _, kernel := range backend.Stats().Kernels {
		if kernel.Phase != localengine.Ready {
			t.Errorf("the %s kernel is %s, want it ready", kernel.Language, kernel.Phase)
		}
	}
}

func TestAnOpenGivenUpWhileLoadingLeavesTheLoadToOthers(t *testing.T) {
	options := shared.options()
	options.ScratchRoot = t.TempDir()
	backend := newBackend(t, options)
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan error)
	go func() {
		_, err := backend.Open(ctx)
		opened <- err
	}()
	<-backend.Changed() // it loads
	cancel()
	if err := <-opened; !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v, want %v", err, context.Canceled)
	}
	if got := folders(options.ScratchRoot); got != 0 {
		t.Errorf("%d sandboxes are left", got)
	}
	s := openSession(t, backend)
	wantValue(t, s, newContext(t, s, sandbox.Python), "40 + 2", "42")
}

func TestOpenRemovesWhatACrashLeft(t *testing.T) {
	options := shared.options()
	options.ScratchRoot = t.TempDir()
	abandoned := filepath.Join(options.ScratchRoot, "local-0123456789abcdef")
	if err := os.MkdirAll(filepath.Join(abandoned, "local-1", "python-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(options.ScratchRoot, "notes")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	other := newBackend(t, options) // of another process, as far as the first knows
	kept := openSession(t, other)
	if _, err := os.Stat(abandoned); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the abandoned folder is still there: %v", err)
	}
	openSession(t, newBackend(t, options))
	cc := newContext(t, kept, sandbox.Python)
	wantValue(t, kept, cc, "open('f', 'w').write('text')", "4")
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a folder that is not ours is gone: %v", err)
	}
}

func TestClosingTheBackendEndsItsSessions(t *testing.T) {
	options := shared.options()
	options.ScratchRoot = t.TempDir()
	backend := newBackend(t, options)
	s := openSession(t, backend)
	cc := newContext(t, s, sandbox.Python)
	idle := newContext(t, s, sandbox.JavaScript)
	r := start(t, s, cc, "print('on')\nwhile True: pass")
	r.printed(t)
	if err := backend.Close(t.Context()); err != nil {
		t.Fatalf("Close = %v", err)
	}
	<-r.ended
	if !errors.Is(r.err, sandbox.ErrSessionLost) {
		t.Errorf("the run in progress = %+v, %v, want %v", r.res, r.err, sandbox.ErrSessionLost)
	}
	_, runErr := s.Run(t.Context(), idle, sandbox.Run{Code: "1"})
	_, createErr := s.CreateContext(t.Context(), sandbox.Python)
	_, listErr := s.ListFiles(t.Context(), idle, "", 1)
	_, openErr := backend.Open(t.Context())
	for what, err := range map[string]error{"Run": runErr, "CreateContext": createErr, "ListFiles": listErr, "Check": s.Check(t.Context())} {
		if !errors.Is(err, sandbox.ErrSessionLost) {
			t.Errorf("%s = %v, want %v", what, err, sandbox.ErrSessionLost)
		}
	}
	if openErr == nil {
		t.Error("Open of a closed backend succeeded")
	}
	if left, err := os.ReadDir(options.ScratchRoot); err != nil || len(left) != 0 {
		t.Errorf("the scratch root holds %v, %v, want nothing", left, err)
	}
}

func TestAKilledInterpreterIsReplacedInItsPlace(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	execute(t, s, cc, "x = 1\nopen('kept.txt', 'w').write('text')")

	// The caller's files stay within reach all the time, also while one interpreter goes and the next comes.
	stop, moved := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { moved <- n }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			n++
			if _, err := s.WriteFile(t.Context(), cc, fmt.Sprintf("moved/%d", n%50), strings.NewReader("text")); err != nil && !strings.Contains(err.Error(), "send it again") {
				t.Errorf("WriteFile = %v", err)
				return
			}
			if files, err := s.ListFiles(t.Context(), cc, "", 2); err != nil || len(files) < 3 {
				t.Errorf("ListFiles = %+v, %v, want all that was written", files, err)
				return
			}
		}
	}()
	result, err := s.Run(t.Context(), cc, sandbox.Run{
		Code: "while True:\n  try:\n    while True: pass\n  except BaseException: pass", Timeout: time.Second,
	})
	if err != nil || !result.StateLost || result.Failure == nil || result.Failure.Code != sandbox.CodeTimeout || result.Failure.Name != "TimeoutError" ||
		!strings.Contains(result.Failure.Message, "variables are lost") || !strings.Contains(result.Failure.Traceback, "TimeoutError") {
		t.Errorf("Run = %+v with %+v, %v, want a timeout that says that variables are lost", result, result.Failure, err)
	}
	if result := execute(t, s, cc, "x"); result.Failure == nil || result.Failure.Name != "NameError" {
		t.Errorf("x gave %+v, want NameError", result)
	}
	wantValue(t, s, cc, "open('kept.txt').read()", "'text'")
	close(stop)
	t.Logf("%d files were moved meanwhile", <-moved)
}

func TestCodeThatEndsItsInterpreterLosesItsVariablesOnly(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	execute(t, s, cc, "x = 1\nopen('kept.txt', 'w').write('text')")
	result := execute(t, s, cc, "import os\nprint('before', flush=True)\nos._exit(3)")
	if !result.StateLost || result.Failure == nil || result.Failure.Code != sandbox.CodeExecutionFailed || result.Failure.Name != "InterpreterExited" {
		t.Fatalf("Run = %+v with %+v, want a failure with the state lost", result, result.Failure)
	}
	if result.Stdout != "before\n" {
		t.Errorf("stdout is %q, want what was printed before", result.Stdout)
	}
	if result := execute(t, s, cc, "x"); result.Failure == nil || result.Failure.Name != "NameError" {
		t.Errorf("x gave %+v, want NameError", result)
	}
	wantValue(t, s, cc, "open('kept.txt').read()", "'text'")
}

func TestInterruptedRunsSayHowAndWhere(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	result, err := s.Run(t.Context(), cc, sandbox.Run{Code: "def wait():\n  while True: pass\nwait()", Timeout: time.Second})
	if err != nil || result.Failure == nil {
		t.Fatalf("Run = %+v, %v, want a failure", result, err)
	}
	f := *result.Failure
	if f.Name != "TimeoutError" || !strings.Contains(f.Message, "1s") || !strings.Contains(f.Traceback, "in wait") {
		t.Errorf("the failure is %+v, want the name, the time and the place", f)
	}
}

func TestMissingPackagesNameTheCloud(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	for _, name := range []string{"numpy", "pandas", "matplotlib"} {
		result := execute(t, s, cc, "import "+name)
		if f := result.Failure; f == nil || f.Name != "ModuleNotFoundError" ||
			!strings.Contains(f.Message, name) || !strings.Contains(f.Message, "AgentRun cloud") {
			t.Errorf("import %s failed with %+v, want it to name the cloud", name, f)
		}
	}
}

func TestInputSaysThatNobodyAnswers(t *testing.T) {
	s := openSession(t, shared.backend)
	if f := execute(t, s, newContext(t, s, sandbox.Python), "input('name? ')").Failure; f == nil || f.Name != "EOFError" || f.Message == "" {
		t.Errorf("input failed with %+v, want a worded EOFError", f)
	}
}

func TestCodeThatIsNoTextIsRefused(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	for _, code := range []string{"print(1)\x00", "print('\xff')"} {
		if _, err := s.Run(t.Context(), cc, sandbox.Run{Code: code}); sandbox.CodeOf(err, "") != sandbox.CodeInvalidParams {
			t.Errorf("Run(%q) = %v, want %s", code, err, sandbox.CodeInvalidParams)
		}
	}
	wantValue(t, s, cc, "40 + 2", "42")
}

func TestFoldersArePrivateAndGoWithTheirOwner(t *testing.T) {
	s := openSession(t, shared.backend)
	cc, other := newContext(t, s, sandbox.Python), newContext(t, s, sandbox.JavaScript)
	dir, otherDir := contextFolder(t, s, cc), contextFolder(t, s, other)
	execute(t, s, cc, "import os\nos.makedirs('a/b'); open('a/b/c', 'w').write('text')")
	if err := s.StopContext(t.Context(), cc); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a stopped context is still there: %v", err)
	}
	if _, err := os.Stat(otherDir); err != nil {
		t.Errorf("the folder of another context is gone: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a closed session is still there: %v", err)
	}
}

func TestAFullFolderSaysSo(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	execute(t, s, cc, "f = open('big', 'wb'); f.truncate(255 << 20)")
	if _, err := s.WriteFile(t.Context(), cc, "half.bin", io.LimitReader(zeros{}, 2<<20)); sandbox.CodeOf(err, "") != sandbox.CodeQuotaExceeded {
		t.Errorf("WriteFile into a full folder = %v, want %s", err, sandbox.CodeQuotaExceeded)
	}
	if result := execute(t, s, cc, "open('more', 'wb').write(bytes(2 << 20))"); result.Failure == nil || result.Failure.Name != "OSError" {
		t.Errorf("code that writes into a full folder gave %+v, want OSError", result)
	}
	execute(t, s, cc, "import os\nf.close(); os.remove('big')")
	if _, err := s.WriteFile(t.Context(), cc, "half.bin", io.LimitReader(zeros{}, 2<<20)); err != nil {
		t.Errorf("WriteFile after making room = %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAFileBeingReadOutlivesItsContext(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	execute(t, s, cc, "f = open('log', 'w'); f.write('first'); f.flush()")
	reader, file, err := s.ReadFile(t.Context(), cc, "log")
	if err != nil || file.Size != 5 {
		t.Fatalf("ReadFile = %+v, %v", file, err)
	}
	execute(t, s, cc, "f.write(', and more'); f.flush()")
	if err := s.StopContext(t.Context(), cc); err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err := errors.Join(err, reader.Close()); err != nil || string(content) != "first" {
		t.Errorf("read %q, %v, want the 5 bytes that there were", content, err)
	}
}

func TestCloseDoesNotWaitForASlowSender(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	from, to := io.Pipe()
	written := make(chan error)
	go func() {
		_, err := s.WriteFile(t.Context(), cc, "slow", from)
		written <- err
	}()
	if _, err := to.Write([]byte("some")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err == nil {
		t.Error("WriteFile into a closed session succeeded")
	}
}

func TestAFileOnItsWayWhenTheInterpreterIsReplacedLeavesNothing(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	from, to := io.Pipe()
	written := make(chan error)
	go func() {
		_, err := s.WriteFile(t.Context(), cc, "slow", from)
		written <- err
	}()
	if _, err := to.Write([]byte("some")); err != nil {
		t.Fatal(err)
	}
	if result := execute(t, s, cc, "import os\nos._exit(0)"); !result.StateLost {
		t.Fatalf("Run = %+v, want the state lost", result)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err == nil || !strings.Contains(err.Error(), "send it again") {
		t.Errorf("WriteFile = %v, want it to ask for the file again", err)
	}
	if files, err := s.ListFiles(t.Context(), cc, "", 5); err != nil || len(files) != 0 {
		t.Errorf("ListFiles = %+v, %v, want nothing", files, err)
	}
}
