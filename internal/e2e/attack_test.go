//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// TestNothingLeadsOut: what the code can see of the computer it runs on is its own folder.
func TestNothingLeadsOut(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	secret := filepath.Join(h.dir, "secret.txt")
	if err := os.WriteFile(secret, []byte("the-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := h.connect(t, modern)
	id := c.create(t, "attacker", "python")
	c.value(t, id, "import os\nfound = []\ndef attempt(what):\n    try: found.append(what())\n    except BaseException as e: found.append(type(e).__name__)")
	for _, code := range []string{
		fmt.Sprintf("attempt(lambda: open(%q).read())", secret),
		fmt.Sprintf("attempt(lambda: (os.symlink(%q, 'link'), open('link').read()))", secret),
		fmt.Sprintf("attempt(lambda: (os.link(%q, 'hard'), open('hard').read()))", secret),
		"attempt(lambda: (os.symlink('/', 'root'), os.listdir('root')))",
		"attempt(lambda: open('../' * 20 + 'etc/passwd').read())",
		"attempt(lambda: open('/proc/self/environ').read())",
		"attempt(lambda: os.listdir('/etc'))",
		"attempt(lambda: (os.chdir('/'), os.listdir('.')))",
		"attempt(lambda: [os.read(fd, 100) for fd in range(5, 100)])",
	} {
		if r := c.run(t, id, code); !r.success() {
			t.Fatalf("run_code(%q) = %v", code, r)
		}
	}
	if got := c.value(t, id, "repr(found)"); strings.Contains(got, "the-secret") || strings.Contains(got, "root:") || strings.Contains(got, "HOME=") || strings.Contains(got, "bin") {
		t.Errorf("the attempts gave %s, want nothing from outside", got)
	}
	for _, path := range []string{"link", "hard", "root/etc/passwd"} {
		if r := c.call(t, "download_file", args{"context_id": id, "path": path}); !r.isError {
			t.Errorf("download_file(%q) after the code tried to link it = %v, want an error", path, r)
		}
	}

	// links that another program of the user puts there lead nowhere either
	c.do(t, "upload_file", args{"context_id": id, "path": "marker-of-the-test", "content": "x"})
	folder := folderWith(t, h, "marker-of-the-test")
	if err := os.Symlink(secret, filepath.Join(folder, "planted")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(h.dir, filepath.Join(folder, "planted-folder")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"planted", "planted-folder/secret.txt"} {
		if r := c.call(t, "download_file", args{"context_id": id, "path": path}); !r.isError || strings.Contains(r.String(), "the-secret") {
			t.Errorf("download_file(%q), a planted link, = %v, want an error", path, r)
		}
		if r := c.run(t, id, fmt.Sprintf("open(%q).read()", path)); r.success() {
			t.Errorf("open(%q), a planted link, = %v, want an error", path, r)
		}
	}
	c.call(t, "upload_file", args{"context_id": id, "path": "planted", "content": "overwritten"})
	c.run(t, id, "open('planted', 'w').write('overwritten')")
	if got, err := os.ReadFile(secret); err != nil || string(got) != "the-secret" {
		t.Errorf("the file outside holds %q, %v, want it untouched", got, err)
	}
}

// folderWith finds the folder on disk in which a context has a file.
func folderWith(t *testing.T, h *home, name string) string {
	t.Helper()
	var folder string
	err := filepath.WalkDir(h.scratch(), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == name {
			folder = filepath.Dir(path)
		}
		return err
	})
	if err != nil || folder == "" {
		t.Fatalf("no file %s is below %s: %v", name, h.scratch(), err)
	}
	return folder
}

func TestThereIsNoNetworkAndNoEnvironment(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	h.env = append(h.env, "EDITOR_SECRET=the-secret")
	c := h.connect(t, legacy)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var visitors atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			visitors.Add(1)
			_ = conn.Close()
		}
	}()
	for _, code := range []string{
		fmt.Sprintf("import socket; socket.create_connection(%s, timeout=2)", strings.NewReplacer("127.0.0.1:", "('127.0.0.1', ").Replace(l.Addr().String())+")"),
		fmt.Sprintf("import urllib.request; urllib.request.urlopen('http://%s', timeout=2).read()", l.Addr()),
		fmt.Sprintf("import asyncio; await asyncio.open_connection('127.0.0.1', %s)", l.Addr().String()[len("127.0.0.1:"):]),
		"import subprocess; subprocess.run(['id'])",
		"import os; os.fork()",
	} {
		if r := c.run(t, "", code); r.success() || r.text("error", "name") == "" {
			t.Errorf("run_code(%q) = %v, want it to fail in the code", code, r)
		}
	}
	c.wants(t, "", "import os\ndict(os.environ)", "{}")
	for _, code := range []string{
		fmt.Sprintf("await fetch('http://%s')", l.Addr()), "new XMLHttpRequest()", "new WebSocket('ws://127.0.0.1')", "require('net')",
		"require('child_process')", "await import('os')", "fs.readFileSync('/etc/passwd', 'utf8')", "fs.readdirSync('/etc')",
		fmt.Sprintf("fs.readFileSync(%q, 'utf8')", "../../../../../../../.."+h.settingsFile()),
	} {
		if r := c.do(t, "run_code", args{"language": "javascript", "code": code}); r.success() || r.text("error", "name") == "" {
			t.Errorf("run_code(%q) = %v, want it to fail in the code", code, r)
		}
	}
	r := c.do(t, "run_code", args{"language": "javascript", "code": "typeof process === 'undefined' ? '{}' : JSON.stringify(process.env)"})
	if got := r.text("result", "text"); got != "'{}'" {
		t.Errorf("the environment of JavaScript is %v, want it empty", r)
	}
	if n := visitors.Load(); n > 0 {
		t.Errorf("%d connections came out of the sandbox", n)
	}
	if all := c.run(t, "", "import sys; [sys.argv, sys.path, sys.executable, sys.prefix]").String(); strings.Contains(all, h.dir) || strings.Contains(all, paths.HomeVariable) {
		t.Errorf("the code sees folders of the computer: %s", all)
	}
}

// TestGreedyProgramsAreStopped: memory, stack, time and output have ends, and the context goes on after each.
func TestGreedyProgramsAreStopped(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, legacy)
	bystander := c.create(t, "bystander", "python")
	c.value(t, bystander, "calm = 'calm'")
	for _, test := range []struct {
		name, language, code string
		check                func(r reply) string // what is wrong with the result, or ""
		seconds              int                  // allowed
		keeps                bool                 // variables stay
	}{
		{"one huge allocation", "python", "x = bytearray(2**30)", failsWith("MemoryError"), 30, true},
		{"memory bit by bit", "python", "hoard = []\nwhile True: hoard.append(bytearray(10**6))", failsWith("MemoryError"), 30, true},
		{"a string that doubles", "python", "s = 'x'\nwhile True: s += s", failsWith("MemoryError"), 30, true},
		{"endless recursion", "python", "def f(n): return f(n + 1)\nf(0)", failsWith("RecursionError"), 30, true},
		{"an endless loop", "python", "while True: pass", timesOut, 2, true},
		{"an endless sleep", "python", "import time\ntime.sleep(10**6)", timesOut, 2, true},
		{"an endless loop that catches everything", "python", "while True:\n    try:\n        while True: pass\n    except BaseException: pass", timesOut, 2, false},
		{"endless recursion", "javascript", "function f(n) { return f(n + 1) + 1 }; f(0)", failsWith(""), 30, true},
		{"an endless loop", "javascript", "while (true) {}", timesOut, 2, true},
		{"memory bit by bit", "javascript", "const hoard = []; while (true) hoard.push(new Uint8Array(1e6))", failsWith(""), 30, true},
		{"endless promises", "javascript", "const g = async () => { for (;;) await null }; await g()", timesOut, 2, true},
	} {
		t.Run(test.language+"/"+test.name, func(t *testing.T) {
			id := c.create(t, "greedy", test.language)
			c.value(t, id, map[string]string{"python": "kept = 7", "javascript": "let kept = 7"}[test.language])
			r := c.do(t, "run_code", args{"context_id": id, "code": test.code, "timeout_seconds": test.seconds})
			if wrong := test.check(r); wrong != "" {
				t.Errorf("run_code(%q) = %v after %v; %s", test.code, r, r.took, wrong)
			}
			if r.took > 25*time.Second {
				t.Errorf("run_code(%q) took %v", test.code, r.took)
			}
			after := c.run(t, id, "kept")
			switch lost := r.notices() != ""; {
			case test.keeps && (lost || after.text("result", "text") != "7"):
				t.Errorf("after %q the variable is %v, with the notices %q; want it kept", test.code, after, r.notices())
			case !test.keeps && !lost && after.text("result", "text") != "7":
				t.Errorf("after %q the variable is %v and no notice says that it is gone", test.code, after)
			case !after.success() && !lost:
				t.Errorf("after %q the context is unusable: %v", test.code, after)
			}
			c.wants(t, id, "1 + 1", "2")
			c.do(t, "stop_context", args{"context_id": id, "force": true})
		})
	}
	c.wants(t, bystander, "calm", "'calm'")
}

func failsWith(name string) func(r reply) string {
	return func(r reply) string {
		if r.success() || r.code() != "EXECUTION_FAILED" || name != "" && r.text("error", "name") != name {
			return "want EXECUTION_FAILED with a " + name
		}
		return ""
	}
}

func timesOut(r reply) string {
	took, _ := r.object["execution_time"].(float64)
	if r.success() || r.code() != "TIMEOUT" || took < 1.9 || took > 12 {
		return "want TIMEOUT after the two seconds that were allowed"
	}
	return ""
}

// TestAFloodOfOutputIsCut: a hundred megabytes are printed, and neither the host nor the editor drowns.
func TestAFloodOfOutputIsCut(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, legacy)
	for _, test := range []struct{ language, code, after string }{
		{"python", "for _ in range(100): print('x' * (2**20 - 1))", "1 + 1"},
		{"javascript", "const line = 'x'.repeat(2**20 - 1); for (let i = 0; i < 100; i++) console.log(line)", "1 + 1"},
	} {
		r := c.do(t, "run_code", args{"language": test.language, "code": test.code})
		if !r.success() {
			t.Errorf("100 MB of output from %s = %v, want success", test.language, r)
		}
		if kept := len(r.text("stdout")); kept == 0 || kept > 2<<20 {
			t.Errorf("of 100 MB of output from %s the result shows %d bytes, want some and at most 2 MiB", test.language, kept)
		}
		if !strings.HasSuffix(r.text("stdout"), "xxx\n") || !strings.Contains(r.text("stdout"), "left out") {
			t.Errorf("after 100 MB of output from %s the result ends %q, want the end of the output", test.language, r.text("stdout")[max(0, len(r.text("stdout"))-80):])
		}
		if length, _ := r.get("truncated", "stdout", "length").(float64); length != 100<<20 {
			t.Errorf("truncated is %v after 100 MiB of output from %s, want the length of stdout in it", r.get("truncated"), test.language)
		}
		r = c.do(t, "run_code", args{"language": test.language, "code": test.after})
		if r.text("result", "text") != "2" {
			t.Errorf("the run after the flood from %s = %v, want 2", test.language, r)
		}
	}
	s, err := h.look()
	if err != nil {
		t.Fatal(err)
	}
	if peak := memory(t, s.PID, "VmHWM"); peak > 2<<30 {
		t.Errorf("the host had up to %d MiB in memory", peak>>20)
	}
}

// memory reads a line of a process's status, in bytes.
func memory(t *testing.T, pid int, name string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			var kib int64
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("/proc/%d/status has no %s", pid, name)
	return 0
}

// TestWhatIsNotThereIsExplained: a model reads the error and goes another way.
func TestWhatIsNotThereIsExplained(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, modern)
	for _, module := range []string{"numpy", "pandas", "matplotlib", "matplotlib.pyplot"} {
		r := c.run(t, "", "import "+module)
		top, _, _ := strings.Cut(module, ".")
		if message := r.text("error", "message"); r.success() || !strings.Contains(message, top) || !strings.Contains(message, "cloud") {
			t.Errorf("import %s = %v, want an ImportError that names the cloud backend", module, r)
		}
		if !strings.Contains(r.text("stderr"), "cloud") {
			t.Errorf("import %s has the stderr %q, want the cloud backend named there too", module, r.text("stderr"))
		}
	}
	r := c.run(t, "", "input('name? ')")
	if r.success() || r.text("error", "name") != "EOFError" || len(r.text("error", "message")) < 10 {
		t.Errorf("input() = %v, want an EOFError that explains itself", r)
	}
	c.wants(t, "", "import os\nprint(open('made-here', 'w').write('x'))\nos.listdir('.')", "['made-here']")
	c.wants(t, "", "from datetime import datetime\nfrom zoneinfo import ZoneInfo\ndatetime(2026, 7, 1, tzinfo=ZoneInfo('Asia/Shanghai')).utcoffset().total_seconds()", "28800.0")
	c.wants(t, "", "import sqlite3\nsqlite3.connect(':memory:').execute('select 6 * 7').fetchone()", "(42,)")
	c.wants(t, "", "import asyncio\nawait asyncio.sleep(0.01, 'awaited')", "'awaited'")
}
