package cloud

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// bed runs scripts with a shell of this computer: those of a real sandbox are like it, and the emulator's is not.
type bed struct {
	shell string
	slow  string // a folder with programs that go before the usual ones
	cc    *codeContext
	s     *session
}

// beds are the shells there are.
func beds(t *testing.T) []*bed {
	t.Helper()
	var found []*bed
	for _, name := range []string{"dash", "bash"} {
		shell, err := exec.LookPath(name)
		if err != nil {
			t.Logf("there is no %s", name)
			continue
		}
		folder := filepath.Join(t.TempDir(), "context-"+name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		b := &bed{shell: shell, cc: &codeContext{id: "c", folder: folder}, s: &session{}}
		t.Cleanup(func() {
			if out, err := b.send(b.end()); err != nil || out != "" {
				t.Errorf("%s: the end of a context says %q, %v", shell, out, err)
			}
		})
		found = append(found, b)
	}
	if len(found) == 0 {
		t.Fatal("there is no shell to try the scripts with")
	}
	return found
}

func (b *bed) send(script string) (string, error) {
	cmd := exec.Command(b.shell, "-c", script)
	if b.slow != "" {
		cmd.Env = append(os.Environ(), "PATH="+b.slow+":"+os.Getenv("PATH"))
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// slows makes programs take their time, as all do where there is much to do.
func (b *bed) slows(t *testing.T, programs map[string]time.Duration) {
	t.Helper()
	b.slow = t.TempDir()
	for name, more := range programs {
		program, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("#!/bin/sh\nsleep %g\nexec %s \"$@\"\n", more.Seconds(), program)
		if err := os.WriteFile(filepath.Join(b.slow, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bed) end() string { return b.s.ending(b.cc) }

// report runs a script that tells how a job is.
func (b *bed) report(t *testing.T, script string) report {
	t.Helper()
	out, err := b.send(script)
	if err != nil {
		t.Fatalf("%s: %v: %s", b.shell, err, out)
	}
	r, err := readReport(out)
	if err != nil {
		t.Fatalf("%s: %v in %s", b.shell, err, out)
	}
	return r
}

func (b *bed) job(t *testing.T, command sandbox.Command, process bool) (*job, string) {
	t.Helper()
	j, err := b.s.bookJob(b.cc, command, process)
	if err != nil {
		t.Fatal(err)
	}
	script, err := b.s.script(b.cc, j, command, command.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	return j, script
}

func (b *bed) run(t *testing.T, line string, timeout time.Duration) report {
	t.Helper()
	_, script := b.job(t, sandbox.Command{Line: line, Timeout: timeout}, false)
	return b.report(t, script)
}

// alive reports whether a process is there.
func (b *bed) alive(pid string) bool {
	state, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(pid), "stat"))
	return err == nil && !strings.Contains(string(state), ") Z ")
}

// awaitEnd waits until a process is gone.
func (b *bed) awaitEnd(t *testing.T, pid string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); b.alive(pid); <-again.C {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%s: process %s goes on", b.shell, pid)
		}
	}
}

func (b *bed) file(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.cc.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}

func TestScriptsRunCommandsAsTheyWereSent(t *testing.T) {
	for _, b := range beds(t) {
		r := b.run(t, `printf '%s\n' "it's" "$(pwd)" 'a\b'; echo -n err >&2; exit 7`, 10*time.Second)
		if p := r.printed(); p.Stdout != "it's\n"+b.cc.folder+"\na\\b\n" || p.Stderr != "err" || !r.exited || r.code != 7 || r.left {
			t.Errorf("%s: the report is %+v with %+v", b.shell, r, p)
		}
		if r := b.run(t, "printf '\\377\\000x'; kill -9 $$", time.Second); r.printed().Stdout != "\uFFFD\x00x" || r.code != 137 {
			t.Errorf("%s: of one that kills itself the report is %+v", b.shell, r)
		}
		if r := b.run(t, "[[ a == a ]] && echo bash", time.Second); r.printed().Stdout != "bash\n" {
			t.Errorf("%s: commands are not run by bash: %+v", b.shell, r.printed())
		}
		if r := b.run(t, "nonsense-that-is-none", time.Second); r.code != 127 || !strings.Contains(r.printed().Stderr, "not found") {
			t.Errorf("%s: an unknown command gives %+v", b.shell, r)
		}
	}
}

func TestScriptsEndWhatTakesTooLong(t *testing.T) {
	for _, b := range beds(t) {
		r := b.run(t, "echo $$ >pid; sleep 100 & echo $! >child; echo begun; sleep 100", time.Second)
		if r.code != 124 || r.printed().Stdout != "begun\n" {
			t.Errorf("%s: the report is %+v", b.shell, r)
		}
		b.awaitEnd(t, b.file(t, "pid"))
		b.awaitEnd(t, b.file(t, "child"))
		r = b.run(t, "trap '' TERM; echo $$ >pid; while true; do sleep 0.1; done", time.Second)
		if r.code != 137 {
			t.Errorf("%s: of one that ignores the end of its time the report is %+v", b.shell, r)
		}
		b.awaitEnd(t, b.file(t, "pid"))
	}
}

func TestScriptsWatchAndStopProcesses(t *testing.T) {
	for _, b := range beds(t) {
		j, script := b.job(t, sandbox.Command{Line: "echo begun; trap '' TERM; sleep 100 & echo $! >child; sleep 100; sleep 100"}, true)
		if r := b.report(t, script); r.over() || r.none {
			t.Errorf("%s: it starts as %+v", b.shell, r)
		}
		for began := time.Now(); b.report(t, lookAt(j)).printed().Stdout != "begun\n"; {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("%s: it prints nothing", b.shell)
			}
		}
		if r := b.report(t, stopJob(j)); !r.exited || r.code != 137 {
			t.Errorf("%s: it is stopped as %+v", b.shell, r)
		}
		b.awaitEnd(t, b.file(t, "child"))
		quick, script := b.job(t, sandbox.Command{Line: "exit 3"}, true)
		b.report(t, script)
		for began := time.Now(); !b.report(t, lookAt(quick)).exited; {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("%s: it does not end", b.shell)
			}
		}
		if r := b.report(t, stopJob(quick)); r.code != 3 {
			t.Errorf("%s: one that had ended is stopped as %+v", b.shell, r)
		}
	}
}

// TestScriptsTakeASlowSandboxForNoDeadProcess has a process begin and end slowly: between its start and its group, and between its end
// and its exit code, it was taken for one that is gone, and made room for another.
func TestScriptsTakeASlowSandboxForNoDeadProcess(t *testing.T) {
	for _, b := range beds(t) {
		b.slows(t, map[string]time.Duration{"setsid": 900 * time.Millisecond, "mv": 400 * time.Millisecond})
		j, script := b.job(t, sandbox.Command{Line: "until [ -e go ]; do sleep 0.1; done; echo done; exit 3"}, true)
		r := b.report(t, script)
		if r.over() || r.none {
			t.Errorf("%s: it starts as %+v", b.shell, r)
		}
		if err := os.WriteFile(filepath.Join(b.cc.folder, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); !r.over(); r = b.report(t, lookAt(j)) {
			if time.Since(began) > time.Minute {
				t.Fatalf("%s: it does not end", b.shell)
			}
		}
		if r.gone || r.code != 3 || r.printed().Stdout != "done\n" {
			t.Errorf("%s: it ends as %+v", b.shell, r)
		}
		stopped, script := b.job(t, sandbox.Command{Line: "sleep 100"}, true)
		if r := b.report(t, script); r.over() || r.none {
			t.Errorf("%s: the next starts as %+v", b.shell, r)
		}
		if r := b.report(t, stopJob(stopped)); !r.exited || r.code != 143 {
			t.Errorf("%s: it is stopped as %+v", b.shell, r)
		}
	}
}

func TestScriptsEndWhatCommandsLeaveBehind(t *testing.T) {
	for _, b := range beds(t) {
		r := b.run(t, "sleep 100 >/dev/null 2>&1 & echo $! >child; echo done", 10*time.Second)
		if r.code != 0 || !r.left || r.printed().Stdout != "done\n" {
			t.Errorf("%s: the report is %+v", b.shell, r)
		}
		child := b.file(t, "child")
		if !b.alive(child) {
			t.Errorf("%s: what the command left behind did not outlive it", b.shell)
		}
		if out, err := b.send(b.end()); err != nil || out != "" {
			t.Errorf("%s: the end of the context says %q, %v", b.shell, out, err)
		}
		b.awaitEnd(t, child)
		_, script := b.job(t, sandbox.Command{Line: "echo late >late", Timeout: time.Second}, false)
		if r := b.report(t, script); !r.none {
			t.Errorf("%s: a command that comes after the end of its context gives %+v", b.shell, r)
		}
	}
}

// TestScriptsEndWhatBeginsWhileTheContextEnds: a process that comes to its group after it was looked for, and before its folder is gone,
// would go on for as long as the sandbox.
func TestScriptsEndWhatBeginsWhileTheContextEnds(t *testing.T) {
	for _, b := range beds(t) {
		b.slows(t, map[string]time.Duration{"setsid": time.Second, "rm": 2 * time.Second})
		j, script := b.job(t, sandbox.Command{Line: "echo $$ >child; sleep 100"}, true)
		started := make(chan error, 1)
		go func() {
			_, err := b.send(script)
			started <- err
		}()
		for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(j.folder); err == nil {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("%s: it does not begin", b.shell)
			}
		}
		if out, err := b.send(b.end()); err != nil || out != "" {
			t.Errorf("%s: the end of the context says %q, %v", b.shell, out, err)
		}
		if err := <-started; err != nil {
			t.Errorf("%s: the start of the process = %v", b.shell, err)
		}
		if pid, err := os.ReadFile(filepath.Join(b.cc.folder, "child")); err == nil {
			b.awaitEnd(t, string(pid))
		}
	}
}

func TestScriptsStopWhatHasNotBegun(t *testing.T) {
	for _, b := range beds(t) {
		j, script := b.job(t, sandbox.Command{Line: "echo x >ran", Timeout: time.Second}, false)
		if r := b.report(t, stopJob(j)); !r.none {
			t.Errorf("%s: it is stopped as %+v", b.shell, r)
		}
		if r := b.report(t, script); !r.none {
			t.Errorf("%s: it began all the same: %+v", b.shell, r)
		}
		if _, err := os.Stat(filepath.Join(b.cc.folder, "ran")); !os.IsNotExist(err) {
			t.Errorf("%s: it ran all the same: %v", b.shell, err)
		}
	}
}

func TestScriptsKeepBothEndsOfWhatIsPrinted(t *testing.T) {
	for _, b := range beds(t) {
		const lines = 100_000
		r := b.run(t, "echo first; yes é世 | head -n "+strconv.Itoa(lines)+"; echo last", 20*time.Second)
		p := r.printed()
		if total := int64(len(p.Stdout)) + p.Cut.Stdout; total != int64(len("first\nlast\n")+lines*len("é世\n")) || !strings.HasPrefix(p.Stdout, "first\n") || !strings.HasSuffix(p.Stdout, "\nlast\n") || strings.Contains(p.Stdout, "\uFFFD") {
			t.Errorf("%s: %d bytes are kept and %d cut at %d", b.shell, len(p.Stdout), p.Cut.Stdout, p.CutAt.Stdout)
		}
		// more than is kept in the sandbox
		j, script := b.job(t, sandbox.Command{Line: "echo first; head -c 40000000 /dev/zero | tr '\\0' x; sleep 5; echo last"}, true)
		b.report(t, script)
		for began := time.Now(); ; {
			if r = b.report(t, lookAt(j)); r.exited {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("%s: it does not end", b.shell)
			}
		}
		p = r.printed()
		if total := int64(len(p.Stdout)) + p.Cut.Stdout; r.out.dropped == 0 || total < 30_000_000 || total > 40_000_011 || !strings.HasPrefix(p.Stdout, "first\nxxx") || !strings.HasSuffix(p.Stdout, "last\n") {
			t.Errorf("%s: of a flood %d bytes are kept, %d cut and %d thrown away", b.shell, len(p.Stdout), p.Cut.Stdout, r.out.dropped)
		}
	}
}
