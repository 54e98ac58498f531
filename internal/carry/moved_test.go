package carry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/carry"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestFilesMoveWithTheirFolders(t *testing.T) {
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		r := newRig(t, b, sandbox.Python)
		r.do(t, `
import os, sys
os.makedirs('a/b/c'); os.mkdir('empty'); os.mkdir('lib')
for name, data in {'a/b/c/d.bin': bytes(range(256)) * 1000, 'ä 1.txt': b'x', 'zero': b'', '.hidden': b'h', 'lib/helper.py': b'def f(): return 5\nclass C: pass\n'}.items():
    with open(name, 'wb') as f: f.write(data)
sys.path.append(os.path.abspath('lib'))
import helper
h = helper.C()
os.chdir('a/b')
del f
`)
		r.move(t)
		r.wantLost(t)
		if want := (carry.Tally{Count: 5, Bytes: 256000 + 1 + 1 + 32}); r.report.Files != want {
			t.Errorf("moved files %+v, want %+v", r.report.Files, want)
		}
		r.gives(t, "os.path.relpath(os.getcwd(), '../..') + ' ' + str(sorted(os.listdir('../..')))", `"a/b ['.hidden', 'a', 'empty', 'lib', 'zero', 'ä 1.txt']"`)
		r.gives(t, "open('c/d.bin', 'rb').read() == bytes(range(256)) * 1000 and open('../../ä 1.txt').read() == 'x' and open('../../zero').read() == ''", "True")
		r.gives(t, "helper.f() + (type(h) is helper.C)", "6")
	})
}

func TestFilesMoveInJavaScript(t *testing.T) {
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		r := newRig(t, b, sandbox.JavaScript)
		r.do(t, "const fs = require('fs'); fs.mkdirSync('a/b', {recursive: true}); fs.mkdirSync('empty'); fs.writeFileSync('a/b/c', new Uint8Array([0, 255]))")
		r.move(t)
		r.wantLost(t)
		r.gives(t, "fs.readFileSync('a/b/c')[1] + fs.readdirSync('.').join()", "'255a,empty'")
	})
}

func TestTheLargestStayBehind(t *testing.T) {
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		r := newRig(t, b, sandbox.Python)
		r.limits = carry.Limits{Variables: 100_000, Files: 50_000, FileCount: 3}
		r.do(t, `
huge = 'h' * 2_000_000
small = [1]
sizes = {n: n * 'x' for n in (5, 6)}
most = 'm' * 60_000
more = 'n' * 30_000
some = 's' * 20_000
listed = list(range(50_000))
after = small
for name, size in {'big': 60_000, 'mid': 30_000, 'one': 1, 'two': 2, 'sub': 15_000}.items():
    with open(name, 'wb') as f: f.write(b'x' * size)
del f, name, size
`)
		r.move(t)
		r.wantLost(t, "huge (str): larger than may be moved", "listed (list): larger than may be moved", "most (str): larger than may be moved",
			"big (): more files than may be moved", "mid (): more files than may be moved")
		r.gives(t, "len(more) + len(some) + sum(map(len, sizes.values())), after is small", "(50011, True)")
		if r.report.Variables.Count != 5 || r.report.Variables.Bytes < 50_000 || r.report.Variables.Bytes > 51_000 {
			t.Errorf("moved variables %+v, want 5 of little more than 50,000 bytes", r.report.Variables)
		}
		if got := r.report.Lost[2].Bytes; got < 60_000 || got > 60_100 {
			t.Errorf("most has %d bytes, want little more than 60,000", got)
		}
	})
}

func TestTheLargestStayBehindInJavaScript(t *testing.T) {
	r := newRig(t, onThisComputer, sandbox.JavaScript)
	r.limits = carry.Limits{Variables: 100_000}
	r.do(t, "const shared = {}, huge = 'h'.repeat(200_000), most = 'm'.repeat(60_000), more = ['n'.repeat(30_000), shared], some = 's'.repeat(20_000), fine = shared")
	r.move(t)
	r.wantLost(t, "huge (string): larger than may be moved", "most (string): larger than may be moved")
	r.gives(t, "more[0].length + some.length + (more[1] === fine)", "50001")
}

func TestCodeOfTheUserThatMisbehavesCostsOnlyItsVariable(t *testing.T) {
	tests := []struct {
		name, body string
		lost       string
	}{
		{"a loop", "while True: pass", "bad (B): it took too long"},
		{"a loop that catches everything", "while True:\n  try:\n   while True: pass\n  except Exception: pass", "bad (B): it took too long"},
		{"a loop that ignores the end of its time", "while True:\n  try:\n   while True: pass\n  except BaseException: n.append(1)\n  if len(n) > 1: raise KeyboardInterrupt", "bad (B): it took too long"},
		{"an interrupt", "raise KeyboardInterrupt", "bad (B): KeyboardInterrupt"},
		{"output and an exit", "print('x' * 100000); import sys; sys.exit(3)", "bad (B): SystemExit: 3"},
		{"a memory error", "return bytes, (bytes(1 << 40),)", "bad (B): "},
		{"a sleep", "import time; time.sleep(1e6)", "bad (B): it took too long"},
		{"an error without words", "raise E()", "bad (B): E"},
		{"other variables", "globals()['new'] = 1; globals().pop('gone', None); return int, ()", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, onThisComputer, sandbox.Python)
			r.limits = carry.Limits{RunTime: 15 * time.Second, Patience: 2 * time.Second}
			r.do(t, "first = [1]; n = []\nclass E(Exception):\n def __str__(self): raise ValueError\nclass B:\n def __reduce__(self):\n  "+strings.ReplaceAll(test.body, "\n", "\n  ")+"\nbad = B(); gone = 1; last = first")
			r.move(t)
			if test.lost == "" {
				r.wantLost(t)
			} else {
				r.wantLost(t, test.lost)
			}
			r.gives(t, "last is first and first == [1]", "True")
			gives(t, r.from, "last is first and type(bad) is B", "True") // what it leaves is as it was
		})
	}
}

func TestAVariableThatHangsWhereItArrives(t *testing.T) {
	r := newRig(t, onThisComputer, sandbox.Python)
	r.limits = carry.Limits{RunTime: 12 * time.Second, Patience: 2 * time.Second}
	r.do(t, "import time\nclass B:\n def __setstate__(self, s): time.sleep(1e6)\nbad = B(); bad.x = 1; kept = 2")
	r.move(t)
	r.wantLost(t, "bad (): it took too long")
	r.gives(t, "kept", "2")
}

func TestAnInterpreterThatEndsTakesItsVariables(t *testing.T) {
	r := newRig(t, onThisComputer, sandbox.Python)
	r.do(t, "import os\nopen('f', 'w').write('x')\nclass B:\n def __reduce__(self): os._exit(1)\nbad = B()")
	r.move(t)
	r.wantLost(t, " (): copying bad: it ended the interpreter")
	if !r.report.StateLost {
		t.Error("the report does not say that the old context has lost its variables too")
	}
	if got, want := r.report.Lost[0].String(), "all variables (copying bad: it ended the interpreter)"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	r.gives(t, "open('f').read()", "'x'") // files are not lost with it
}

func TestAnInterpreterThatEndsOnArrivalIsTriedAgain(t *testing.T) {
	r := newRig(t, onThisComputer, sandbox.Python)
	r.do(t, "import os\nclass B:\n def __setstate__(self, s): os._exit(1)\nbad = B(); bad.x = 1; kept = 2")
	r.move(t)
	r.wantLost(t, "bad (): it ended the interpreter")
	r.gives(t, "kept", "2")
}

func TestTimeForAllVariablesIsLimited(t *testing.T) {
	t.Parallel()
	r := newRig(t, onThisComputer, sandbox.Python)
	r.limits = carry.Limits{RunTime: 12 * time.Second, Patience: 10 * time.Second}
	r.do(t, "class S:\n def __reduce__(self):\n  import time; time.sleep(4.4); return int, ()\na, b, c, d = S(), S(), S(), 4")
	r.move(t)
	r.wantLost(t, "c (S): there was no time left for it", "d (int): there was no time left for it")
	r.gives(t, "a + b", "0")
}

func TestACopyMovesOn(t *testing.T) {
	onEach(t, func(t *testing.T, b sandbox.Backend) {
		r := newRig(t, b, sandbox.Python)
		r.do(t, "class A:\n    def fail(self):\n        raise ValueError('moved twice')\na = [A()]; b = a")
		r.move(t)
		r.from, r.to = r.to, newPlace(t, b, sandbox.Python)
		succeed(t, r.from, "c = b")
		r.move(t)
		r.wantLost(t)
		r.gives(t, "c is a and type(a[0]) is A", "True")
		result, err := r.to.Session.Run(t.Context(), r.to.Context.ID, sandbox.Run{Code: "a[0].fail()"})
		if err != nil || result.Failure == nil {
			t.Fatalf("Run = %+v, %v, want a failure", result, err)
		}
		// The lines are those of the cell it was defined in, not those of a cell that has its number now.
		for _, want := range []string{"moved, moved>", "line 3, in fail", "raise ValueError('moved twice')"} {
			if !strings.Contains(result.Failure.Traceback, want) {
				t.Errorf("the traceback is\n%s\nwant %q in it", result.Failure.Traceback, want)
			}
		}
	})
}

// failing is a session that fails at one call.
type failing struct {
	sandbox.Session
	at   int // counted from 1
	err  error
	made []string
}

func (f *failing) call(name string) error {
	f.made = append(f.made, name)
	if len(f.made) == f.at {
		return f.err
	}
	return nil
}

func (f *failing) Run(ctx context.Context, id string, run sandbox.Run) (sandbox.Result, error) {
	if err := f.call("Run"); err != nil {
		return sandbox.Result{}, err
	}
	return f.Session.Run(ctx, id, run)
}

func (f *failing) ListFiles(ctx context.Context, id, folder string, depth int) ([]sandbox.File, error) {
	if err := f.call("ListFiles"); err != nil {
		return nil, err
	}
	return f.Session.ListFiles(ctx, id, folder, depth)
}

func (f *failing) ReadFile(ctx context.Context, id, path string) (io.ReadCloser, sandbox.File, error) {
	if err := f.call("ReadFile"); err != nil {
		return nil, sandbox.File{}, err
	}
	return f.Session.ReadFile(ctx, id, path)
}

func (f *failing) WriteFile(ctx context.Context, id, path string, content io.Reader) (sandbox.File, error) {
	if err := f.call("WriteFile"); err != nil {
		return sandbox.File{}, err
	}
	return f.Session.WriteFile(ctx, id, path, content)
}

func TestASandboxThatIsLostInTheMiddleEndsTheMove(t *testing.T) {
	for _, side := range []string{"old", "new"} {
		reached := false
		for at := 1; ; at++ {
			r := newRig(t, onThisComputer, sandbox.Python)
			r.do(t, "open('f', 'w').write('x'); a = [1]")
			broken := &failing{at: at, err: sandbox.Errorf(sandbox.CodeSessionLost, "lost at call %d", at)}
			place := &r.from
			if side == "new" {
				place = &r.to
			}
			broken.Session, place.Session = place.Session, broken
			_, err := carry.Move(t.Context(), r.from, r.to, nil, carry.Limits{})
			if len(broken.made) < at {
				break // it has no more calls
			}
			last := at == len(broken.made) && broken.made[at-1] == "Run" // the clearing up, which nobody misses
			if !errors.Is(err, sandbox.ErrSessionLost) && (err != nil || !last) {
				t.Errorf("Move with the %s sandbox lost at %s (call %d) = %v, want %v", side, broken.made[at-1], at, err, sandbox.ErrSessionLost)
			}
			reached = reached || err != nil
			if side == "new" {
				gives(t, r.from, "a", "[1]")
			}
		}
		if !reached {
			t.Errorf("no move was broken by the %s sandbox", side)
		}
	}
}

func TestAFileThatCannotMoveIsNamed(t *testing.T) {
	r := newRig(t, onThisComputer, sandbox.Python)
	r.do(t, "open('f', 'w').write('x'); a = 1")
	r.from.Session = &failing{Session: r.from.Session, at: 5, err: sandbox.Errorf(sandbox.CodeTooLarge, "f is too large")}
	report, err := carry.Move(t.Context(), r.from, r.to, nil, carry.Limits{})
	want := carry.Loss{Name: "f", IsFile: true, Reason: "f is too large", Bytes: 1}
	if err != nil || !slices.Equal(report.Lost, []carry.Loss{want}) {
		t.Errorf("Move = %+v, %v, want lost %+v; calls %v", report, err, want, r.from.Session.(*failing).made)
	}
	r.gives(t, "a", "1")
}

func TestAMoveEndsWithItsCaller(t *testing.T) {
	r := newRig(t, onThisComputer, sandbox.Python)
	r.do(t, "import time\nclass S:\n def __reduce__(self): time.sleep(1e6)\ns = S()")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("enough"))
	defer cancel()
	began := time.Now()
	if _, err := carry.Move(ctx, r.from, r.to, nil, carry.Limits{}); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("Move = %v, want the cause of the end", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("Move took %s after its caller had left", took)
	}
	gives(t, r.from, "type(s) is S", "True")
}

func TestLanguagesMustAgree(t *testing.T) {
	from, to := newPlace(t, onThisComputer, sandbox.Python), newPlace(t, onThisComputer, sandbox.JavaScript)
	if _, err := carry.Move(t.Context(), from, to, nil, carry.Limits{}); err == nil {
		t.Error("Move from Python to JavaScript succeeded")
	}
}

func TestLossesReadWell(t *testing.T) {
	for loss, want := range map[carry.Loss]string{
		{Name: "x", Type: "generator", Reason: "r"}:               "x (generator)",
		{Name: "x", Reason: "it took too long"}:                   "x (it took too long)",
		{Reason: "it ended the interpreter"}:                      "all variables (it ended the interpreter)",
		{Name: "a/b", IsFile: true, Reason: "more than may move"}: "the file a/b (more than may move)",
	} {
		if got := loss.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

func TestNamesAreThoseInTheCode(t *testing.T) {
	var names carry.Names
	names.Add(sandbox.JavaScript, "const {a, b: [c]} = ü$1 + 'text'; let _x = 9")
	names.Add(sandbox.Python, "python = 1")
	names.Add(sandbox.JavaScript, "a = 9x.again\u0301")
	if got, want := fmt.Sprint(names.All()), "[const a b c ü$1 text let _x x again\u0301]"; got != want {
		t.Errorf("All() = %s, want %s", got, want)
	}
	for n := range 20_000 {
		names.Add(sandbox.JavaScript, fmt.Sprint("v", n))
	}
	if got := len(names.All()); got != 10_000 {
		t.Errorf("there are %d names, want 10000", got)
	}
}
