package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/local"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// patience is after how long something that should have happened counts as not happening.
const patience = time.Minute

func openSession(t *testing.T, backend *local.Backend) sandbox.Session {
	t.Helper()
	s, err := backend.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return s
}

func newContext(t *testing.T, s sandbox.Session, language sandbox.Language) string {
	t.Helper()
	cc, err := s.CreateContext(t.Context(), language)
	if err != nil {
		t.Fatal(err)
	}
	return cc.ID
}

func execute(t *testing.T, s sandbox.Session, cc, code string) sandbox.Result {
	t.Helper()
	result, err := s.Run(t.Context(), cc, sandbox.Run{Code: code, Timeout: patience})
	if err != nil {
		t.Fatalf("Run(%s) = %v", code, err)
	}
	return result
}

// wantValue runs code that has a value.
func wantValue(t *testing.T, s sandbox.Session, cc, code, want string) {
	t.Helper()
	result := execute(t, s, cc, code)
	if result.Failure != nil || result.Value == nil || result.Value.Text != want {
		t.Errorf("%s gave value %+v and failure %+v, want %s", code, result.Value, result.Failure, want)
	}
}

// contextFolder finds the scratch folder of a context on the disk.
func contextFolder(t *testing.T, s sandbox.Session, cc string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(shared.scratch(), "local-*", s.SandboxID(), cc))
	if err != nil || len(found) != 1 {
		t.Fatalf("the scratch folder of %s is %q, %v", cc, found, err)
	}
	return found[0]
}

func TestAttackSymlinkEscape(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("treasure"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openSession(t, shared.backend)
	python, javascript := newContext(t, s, sandbox.Python), newContext(t, s, sandbox.JavaScript)
	up := strings.Repeat("../", 20) + strings.TrimPrefix(secret, "/")
	for _, code := range []string{
		"import os\nos.symlink(%[1]q, 'link')", "import os\nos.symlink(%[2]q, 'link')", "import os\nos.link(%[1]q, 'link')", "import os\nos.link(%[2]q, 'link')",
		"open(%[1]q).read()", "open(%[2]q).read()", "open('/scratch/' + %[2]q).read()", "import os\nos.chdir('..'); open(%[2]q).read()",
		"import os\nos.listdir(%[2]q[:-7])", "import os\nos.rename(%[2]q, 'mine')", "import shutil\nshutil.copy(%[1]q, 'mine')",
	} {
		result := execute(t, s, python, fmt.Sprintf(code, secret, up))
		if result.Failure == nil || result.StateLost {
			t.Errorf("%s gave %+v, want a failure", code, result)
		}
	}
	for _, code := range []string{
		"require('fs').readFileSync(%[1]q, 'utf8')", "require('fs').readFileSync(%[2]q, 'utf8')", "require('fs').readFileSync('/scratch/' + %[2]q, 'utf8')",
		"require('fs').symlinkSync(%[1]q, 'link')", "require('fs').renameSync(%[2]q, 'mine')",
	} {
		result := execute(t, s, javascript, fmt.Sprintf(code, secret, up))
		if result.Failure == nil || result.StateLost {
			t.Errorf("%s gave %+v, want a failure", code, result)
		}
	}

	// Links that somebody else puts there are not followed either, by code or by the caller.
	for _, cc := range []string{python, javascript} {
		dir := contextFolder(t, s, cc)
		if err := os.Symlink(secret, filepath.Join(dir, "file")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Dir(secret), filepath.Join(dir, "folder")); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"file", "folder/secret"} {
			_, _, err := s.ReadFile(t.Context(), cc, path)
			if code := sandbox.CodeOf(err, ""); code != sandbox.CodeFileNotFound && code != sandbox.CodeInvalidParams {
				t.Errorf("ReadFile(%s) through a link = %v, want a refusal", path, err)
			}
		}
		if files, err := s.ListFiles(t.Context(), cc, "", 5); err != nil || len(files) != 0 {
			t.Errorf("ListFiles = %+v, %v, want no links", files, err)
		}
		if _, err := s.WriteFile(t.Context(), cc, "folder/secret", strings.NewReader("spoilt")); err == nil {
			t.Error("WriteFile through a link succeeded")
		}
	}
	for _, path := range []string{"file", "folder/secret"} {
		if result := execute(t, s, python, fmt.Sprintf("open(%q).read()", path)); result.Failure == nil {
			t.Errorf("Python read %s through a link: %+v", path, result.Value)
		}
		if result := execute(t, s, javascript, fmt.Sprintf("require('fs').readFileSync(%q, 'utf8')", path)); result.Failure == nil {
			t.Errorf("JavaScript read %s through a link: %+v", path, result.Value)
		}
	}
	if content, err := os.ReadFile(secret); err != nil || string(content) != "treasure" {
		t.Errorf("the file outside holds %q, %v, want it as it was", content, err)
	}
}

func TestAttackGarbageCollectorStall(t *testing.T) {
	for language, loop := range map[sandbox.Language]string{sandbox.Python: "print('on'); \nwhile True: pass", sandbox.JavaScript: "console.log('on'); while (true) {}"} {
		t.Run(string(language), func(t *testing.T) {
			s := openSession(t, shared.backend)
			r := start(t, s, newContext(t, s, language), loop)
			r.printed(t)
			for range 5 {
				collected := make(chan time.Duration, 1)
				go func() {
					began := time.Now()
					runtime.GC()
					collected <- time.Since(began)
				}()
				select {
				case took := <-collected:
					t.Logf("a collection took %s", took)
				case <-time.After(patience):
					t.Fatal("the garbage collector waits for the code, which never ends")
				}
			}
			if _, _, over := r.result(); over {
				t.Error("the loop ended by itself")
			}
		})
	}
}

func TestAttackMemoryForkBomb(t *testing.T) {
	options := shared.options()
	options.MemoryLimit = 64 << 20 // so that what all take together stays bearable
	backend := newBackend(t, options)
	s := openSession(t, backend)
	bombs := map[sandbox.Language]string{
		sandbox.Python:     "x = ['x']\nwhile True: x = x + x",
		sandbox.JavaScript: "let x = ['x']; while (true) { x = x.concat(x); }",
	}
	var contexts []string
	var exploding sync.WaitGroup
	for language, bomb := range bombs {
		for range 2 {
			cc := newContext(t, s, language)
			contexts = append(contexts, cc)
			exploding.Go(func() {
				result, err := s.Run(t.Context(), cc, sandbox.Run{Code: bomb, Timeout: patience})
				if err != nil || result.Failure == nil || result.Failure.Code == sandbox.CodeTimeout {
					t.Errorf("the bomb in %s gave %+v, %v, want a failure of its own", cc, result, err)
				}
			})
		}
	}
	exploding.Wait()
	for _, instance := range backend.Stats().Instances {
		if instance.Memory > options.MemoryLimit {
			t.Errorf("an instance holds %d bytes, want at most %d", instance.Memory, options.MemoryLimit)
		}
	}
	for _, cc := range contexts {
		execute(t, s, cc, "x = 0")
		wantValue(t, s, cc, "1 + 1", "2")
	}
}

func TestAttackEndlessLoop(t *testing.T) {
	loops := []struct {
		name     string
		language sandbox.Language
		code     string
		kept     bool // the variables outlive the timeout
	}{
		{"plain", sandbox.Python, "while True: pass", true},
		{"asleep", sandbox.Python, "import time\nwhile True: time.sleep(1000)", true},
		{"awaiting", sandbox.Python, "import asyncio\nawait asyncio.sleep(1000)", true},
		{"catching everything", sandbox.Python, "while True:\n  try:\n    while True: pass\n  except BaseException: pass", false},
		{"inside C", sandbox.Python, "sum(range(10**12))", true},
		{"plain", sandbox.JavaScript, "while (true) {}", true},
		{"catching everything", sandbox.JavaScript, "while (true) { try { while (true) {} } catch {} }", true},
		{"awaiting", sandbox.JavaScript, "await new Promise((done) => setTimeout(done, 1e6))", true},
		{"of microtasks", sandbox.JavaScript, "const again = () => Promise.resolve().then(again); await again()", true},
	}
	s := openSession(t, shared.backend)
	for _, loop := range loops {
		t.Run(fmt.Sprintf("%s, %s", loop.language, loop.name), func(t *testing.T) {
			cc := newContext(t, s, loop.language)
			execute(t, s, cc, "var_x = 41")
			result, err := s.Run(t.Context(), cc, sandbox.Run{Code: loop.code, Timeout: time.Second})
			if err != nil || result.Failure == nil || result.Failure.Code != sandbox.CodeTimeout {
				t.Fatalf("Run = %+v, %v, want a timeout", result, err)
			}
			if result.StateLost == loop.kept {
				t.Errorf("StateLost = %t, want %t", result.StateLost, !loop.kept)
			}
			if loop.kept {
				wantValue(t, s, cc, "var_x", "41")
			} else {
				wantValue(t, s, cc, "40 + 2", "42")
			}
			if err := s.StopContext(t.Context(), cc); err != nil {
				t.Errorf("StopContext = %v", err)
			}
		})
	}
}

func TestAttackEndlessRecursion(t *testing.T) {
	recursions := []struct {
		name     string
		language sandbox.Language
		code     string
		failure  string // its name; empty: any
	}{
		{"plain", sandbox.Python, "def f(n): return f(n + 1) + 1\nf(0)", "RecursionError"},
		{"without the interpreter's limit", sandbox.Python, "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1) + 1\nf(0)", ""},
		{"through C", sandbox.Python, "class A:\n  def __repr__(self): return repr(self)\nrepr(A())", "RecursionError"},
		{"while parsing", sandbox.Python, "eval('(' * 100000)", ""},
		{"plain", sandbox.JavaScript, "function f(n) { return f(n + 1) + 1 } f(0)", ""},
		{"through C", sandbox.JavaScript, "const a = []; a[0] = a; let b = a; for (let i = 0; i < 1e4; i++) b = [b]; JSON.stringify(b)", ""},
		{"of getters", sandbox.JavaScript, "const o = { get x() { return this.x } }; o.x", ""},
		{"while parsing", sandbox.JavaScript, "eval('('.repeat(100000))", ""},
	}
	s := openSession(t, shared.backend)
	for _, recursion := range recursions {
		t.Run(fmt.Sprintf("%s, %s", recursion.language, recursion.name), func(t *testing.T) {
			cc := newContext(t, s, recursion.language)
			timeout := 2 * time.Second // without a limit of its own the code goes on until the memory is used up, which takes long
			if recursion.failure != "" {
				timeout = patience
			}
			result, err := s.Run(t.Context(), cc, sandbox.Run{Code: recursion.code, Timeout: timeout})
			if err != nil || result.Failure == nil {
				t.Fatalf("Run = %+v, %v, want a failure", result, err)
			}
			if recursion.failure != "" && (result.Failure.Name != recursion.failure || result.StateLost) {
				t.Errorf("the failure is %+v and StateLost %t, want %s with the state kept", *result.Failure, result.StateLost, recursion.failure)
			}
			t.Logf("%s: %.80s; state lost: %t", result.Failure.Name, result.Failure.Message, result.StateLost)
			wantValue(t, s, cc, "40 + 2", "42")
			if err := s.StopContext(t.Context(), cc); err != nil {
				t.Errorf("StopContext = %v", err)
			}
		})
	}
}

func TestAttackHundredMegabytesOfOutput(t *testing.T) {
	const size = 100 << 20
	floods := map[sandbox.Language]string{
		sandbox.Python:     fmt.Sprintf("import sys\nfor _ in range(%d): sys.stdout.write('é' * 8192)", size>>14),
		sandbox.JavaScript: fmt.Sprintf("for (let i = 0; i < %d; i++) process.stdout.write('é'.repeat(8192))", size>>14),
	}
	for language, code := range floods {
		t.Run(string(language), func(t *testing.T) {
			s := openSession(t, shared.backend)
			cc := newContext(t, s, language)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			emitted := 0
			result, err := s.Run(t.Context(), cc, sandbox.Run{Code: code, Timeout: patience, Emit: func(c sandbox.Chunk) { emitted += len(c.Text) }})
			runtime.ReadMemStats(&after)
			if err != nil || result.Failure != nil {
				t.Fatalf("Run failed with %+v, %v", result.Failure, err)
			}
			if kept := int64(len(result.Stdout)); kept == 0 || kept > 2<<20 || kept+result.Cut.Stdout != size || emitted != size {
				t.Errorf("%d bytes were kept, %d cut and %d emitted, want at most 2 MiB kept and %d emitted and in all", kept, result.Cut.Stdout, emitted, size)
			}
			if !utf8.ValidString(result.Stdout) || strings.Trim(result.Stdout, "é") != "" {
				t.Error("what was kept is not what was printed")
			}
			if grown := int64(after.Sys) - int64(before.Sys); grown > 64<<20 {
				t.Errorf("the process took %d MiB more from the system", grown>>20)
			}
			wantValue(t, s, cc, "40 + 2", "42")
		})
	}
}

// TestTheEndOfALongOutputIsKept: the error that ends a chatty program stands at its end, and whoever watches wants the newest line.
func TestTheEndOfALongOutputIsKept(t *testing.T) {
	s := openSession(t, shared.backend)
	cc := newContext(t, s, sandbox.Python)
	for _, tt := range []struct {
		name, code string
		lost       bool
	}{
		{"a little over the limit", "for i in range(120_000): print('line', i)\nprint('THE END')", false},
		{"far over the limit", "for i in range(400_000): print('é line', i)\nprint('THE END')", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			newest, size := "", 0
			result, err := s.Run(t.Context(), cc, sandbox.Run{Code: tt.code, Timeout: patience, Emit: func(c sandbox.Chunk) { newest, size = c.Text, size+len(c.Text) }})
			if err != nil || result.Failure != nil {
				t.Fatalf("Run = %+v, %v", result.Failure, err)
			}
			if !strings.HasSuffix(result.Stdout, "THE END\n") || !strings.HasSuffix(newest, "THE END\n") {
				t.Errorf("the output ends with %q, the newest chunk with %q, want the end of both", result.Stdout[len(result.Stdout)-40:], newest[max(0, len(newest)-40):])
			}
			if got := int64(len(result.Stdout)) + result.Cut.Stdout; got != int64(size) || (result.Cut.Stdout > 0) != tt.lost || !utf8.ValidString(result.Stdout) {
				t.Errorf("%d bytes are kept and %d cut of %d printed, want them to add up", len(result.Stdout), result.Cut.Stdout, size)
			}
			if at := result.CutAt.Stdout; at < 1<<20-4 || at > 1<<20 {
				t.Errorf("the cut is at %d, want it after the first MiB", at)
			}
		})
	}
}
