package sandboxtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Commands are lines for the shell of a backend, each of which does one thing that the suite can check. They may be joined with
// "; " between them.
type Commands struct {
	// Print writes a text and a line end to stdout, PrintErr to stderr.
	Print, PrintErr func(text string) string
	// WriteFile makes a file with this text, PrintFile writes the text of a file to stdout.
	WriteFile func(path, text string) string
	PrintFile func(path string) string
	// Await takes until there is such a file.
	Await func(path string) string
	// Sleep takes so long.
	Sleep func(d time.Duration) string
	// Exit ends the command with this exit code.
	Exit func(code int) string
	// Flood writes so many bytes to stdout.
	Flood func(size int) string
}

// FakeCommands are those of [Fake].
func FakeCommands() *Commands {
	return &Commands{
		Print:     func(text string) string { return "print " + text },
		PrintErr:  func(text string) string { return "stderr " + text },
		WriteFile: func(path, text string) string { return "write " + path + " " + text },
		PrintFile: func(path string) string { return "cat " + path },
		Await:     func(path string) string { return "await " + path },
		Sleep:     func(d time.Duration) string { return "sleep " + d.String() },
		Exit:      func(code int) string { return fmt.Sprintf("exit %d", code) },
		Flood:     func(size int) string { return fmt.Sprintf("flood %d", size) },
	}
}

// ShellCommands are those of backends with a POSIX shell and a Python.
func ShellCommands() *Commands {
	word := func(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
	return &Commands{
		Print:     func(text string) string { return "echo " + word(text) },
		PrintErr:  func(text string) string { return "echo " + word(text) + " >&2" },
		WriteFile: func(path, text string) string { return "echo -n " + word(text) + " >" + word(path) },
		PrintFile: func(path string) string { return "cat " + word(path) },
		Await:     func(path string) string { return "until [ -e " + word(path) + " ]; do sleep 0.1; done" },
		Sleep:     func(d time.Duration) string { return fmt.Sprintf("sleep %g", d.Seconds()) },
		Exit:      func(code int) string { return fmt.Sprintf("exit %d", code) },
		Flood:     func(size int) string { return fmt.Sprintf(`python3 -c 'print("x" * %d, end="")'`, size) },
	}
}

func shellChecks() []check {
	has := func(b *bench) bool { return b.traits.Shell }
	checks := []check{
		{name: "a command's output and exit code come back", run: commandPrints},
		{name: "a command comes to its shell as it was sent", run: commandVerbatim},
		{name: "commands and code share the context's files", run: commandFiles},
		{name: "a command runs in the folder that was asked for", run: commandFolder},
		{name: "a command beyond the limits is refused", run: commandLimits},
		{name: "a command that takes too long is a failure TIMEOUT", run: commandTimesOut},
		{name: "a command that is cancelled is a failure CANCELLED and has no more effect", run: commandCancelled},
		{name: "a command whose caller has gone is not run", run: commandGivenUpBefore},
		{name: "commands go beside each other and beside code", run: commandsSideBySide},
		{name: "stopping a context ends its commands and processes", run: stopDuringCommand},
		{name: "closing a session ends its commands and processes", run: closeDuringCommand},
		{name: "what a command prints beyond the limit is counted", run: commandFloods},
		{name: "a process starts at once and can be looked at until it has exited", run: processLives},
		{name: "a look at a process waits for its end, but no longer than asked", run: processWaits},
		{name: "a process outlives its caller and not its timeout", run: processTimeout},
		{name: "a process can be stopped, more than once", run: processStops},
		{name: "processes that are not there are said to be missing", run: missingProcess},
		{name: "the processes of a context are listed, and are not those of another", run: listsProcesses},
		{name: "a context has so many processes and no more", run: fullOfProcesses},
		{name: "every call for the shell needs a context and a sandbox", run: shellWithout},
	}
	for n := range checks {
		checks[n].needs = has
	}
	return append(checks, check{name: "a session has a shell if the traits say so", run: shellAsTraits})
}

func shellAsTraits(t *testing.T, b *bench) {
	s := b.open(t)
	if _, has := s.(sandbox.Shell); has != b.traits.Shell || has != (b.traits.MaxCommandTime > 0) {
		t.Errorf("the session has a shell: %t; the traits say %t and %s", has, b.traits.Shell, b.traits.MaxCommandTime)
	}
}

// shell makes a session with a context.
func (b *bench) shell(t *testing.T) (s sandbox.Session, sh sandbox.Shell, contextID string) {
	t.Helper()
	s = b.open(t)
	sh, ok := s.(sandbox.Shell)
	if !ok {
		t.Fatalf("%T has no shell", s)
	}
	return s, sh, b.context(t, s)
}

// do runs a command that is to come to its end.
func (b *bench) do(t *testing.T, sh sandbox.Shell, contextID string, parts ...string) sandbox.CommandResult {
	t.Helper()
	line := strings.Join(parts, "; ")
	result, err := sh.RunCommand(t.Context(), contextID, sandbox.Command{Line: line})
	if err != nil {
		t.Fatalf("RunCommand(%s) = %v", clip(line), err)
	}
	if result.Failure != nil {
		t.Fatalf("RunCommand(%s) failed with %+v", clip(line), *result.Failure)
	}
	return result
}

func (b *bench) process(t *testing.T, sh sandbox.Shell, contextID string, parts ...string) sandbox.Process {
	t.Helper()
	line := strings.Join(parts, "; ")
	p, err := sh.StartProcess(t.Context(), contextID, sandbox.Command{Line: line})
	if err != nil {
		t.Fatalf("StartProcess(%s) = %v", clip(line), err)
	}
	if p.ID == "" || p.Command != line || p.StartedAt.IsZero() {
		t.Errorf("StartProcess(%s) = %+v, want an ID, the command and when it was started", clip(line), p)
	}
	return p
}

// exited waits until a process has ended.
func (b *bench) exited(t *testing.T, sh sandbox.Shell, contextID, processID string) sandbox.Process {
	t.Helper()
	p, err := sh.LookAtProcess(t.Context(), contextID, processID, b.Patience)
	if err != nil {
		t.Fatalf("LookAtProcess(%s) = %v", processID, err)
	}
	if p.Status != sandbox.ProcessExited {
		t.Fatalf("LookAtProcess(%s) = %+v after %s, want that it has exited", processID, p, b.Patience)
	}
	return p
}

func commandPrints(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	const text = `plain, é 世界 🙂`
	result := b.do(t, sh, cc, b.Commands.Print(text), b.Commands.PrintErr("aside"), b.Commands.Print("last"), b.Commands.Exit(3))
	if want := text + "\nlast\n"; result.Stdout != want || result.Stderr != "aside\n" || result.ExitCode != 3 {
		t.Errorf("stdout is %q, stderr %q and the exit code %d, want %q, %q and 3", result.Stdout, result.Stderr, result.ExitCode, want, "aside\n")
	}
	if result.Cut.Stdout != 0 || result.Cut.Stderr != 0 || result.Duration < 0 {
		t.Errorf("RunCommand = %+v, want nothing cut", result)
	}
	if result := b.do(t, sh, cc, b.Commands.Exit(0)); result.ExitCode != 0 || result.Stdout != "" || result.Stderr != "" {
		t.Errorf("a command without output gave %+v", result)
	}
}

func commandVerbatim(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	for _, text := range []string{`it's "quoted" $HOME $(pwd) \n \\ %s`, "-n -e", "  spaces  within", "&& || > < | & #", "!! 'a' ''b''", strings.Repeat("'", 100)} {
		result := b.do(t, sh, cc, b.Commands.WriteFile("verbatim.txt", text), b.Commands.PrintFile("verbatim.txt"))
		if result.Stdout != text || result.ExitCode != 0 {
			t.Errorf("%q came as %q, with %+v", text, result.Stdout, result)
		}
	}
}

func commandFiles(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	if _, err := s.WriteFile(t.Context(), cc, "dir/in.txt", strings.NewReader("from outside")); err != nil {
		t.Fatalf("WriteFile = %v", err)
	}
	if result := b.do(t, sh, cc, b.Commands.PrintFile("dir/in.txt")); result.Stdout != "from outside" {
		t.Errorf("a command reads %q", result.Stdout)
	}
	b.do(t, sh, cc, b.Commands.WriteFile("out.txt", "from a command"))
	if !b.Simulated && b.code.PrintFile != nil {
		if result := b.succeed(t, s, cc, b.code.PrintFile("out.txt")); strings.TrimSuffix(result.Stdout, "\n") != "from a command" {
			t.Errorf("code reads %q", result.Stdout)
		}
	}
	b.exited(t, sh, cc, b.process(t, sh, cc, b.Commands.WriteFile("process.txt", "x")).ID)
	files, err := s.ListFiles(t.Context(), cc, "", 5)
	if err != nil || paths(files) != "dir/ dir/in.txt out.txt process.txt" {
		t.Errorf("ListFiles = %q, %v, want what the commands have made and nothing else", paths(files), err)
	}
}

// paths writes the paths of files on one line.
func paths(files []sandbox.File) string {
	var names []string
	for _, f := range files {
		name := f.Path
		if f.IsFolder {
			name += "/"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func commandFolder(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	if _, err := s.WriteFile(t.Context(), cc, "a folder/f.txt", strings.NewReader("inner")); err != nil {
		t.Fatalf("WriteFile = %v", err)
	}
	result, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: b.Commands.PrintFile("f.txt"), Folder: "a folder/"})
	if err != nil || result.Stdout != "inner" {
		t.Errorf("RunCommand in a folder = %+v, %v", result, err)
	}
	p, err := sh.StartProcess(t.Context(), cc, sandbox.Command{Line: b.Commands.PrintFile("f.txt"), Folder: "a folder"})
	if err != nil {
		t.Fatalf("StartProcess in a folder = %v", err)
	}
	if p = b.exited(t, sh, cc, p.ID); p.Stdout != "inner" {
		t.Errorf("a process in a folder printed %q", p.Stdout)
	}
	for folder, want := range map[string]sandbox.Code{"nowhere": sandbox.CodeFileNotFound, "../x": sandbox.CodeInvalidParams, "/etc": sandbox.CodeInvalidParams} {
		_, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: b.Commands.Print("x"), Folder: folder})
		wantCode(t, "RunCommand in "+folder, err, want)
		_, err = sh.StartProcess(t.Context(), cc, sandbox.Command{Line: b.Commands.Print("x"), Folder: folder})
		wantCode(t, "StartProcess in "+folder, err, want)
	}
}

func commandLimits(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	for _, test := range []struct {
		name    string
		command sandbox.Command
		want    sandbox.Code
	}{
		{"no command", sandbox.Command{Line: " \n"}, sandbox.CodeInvalidParams},
		{"a command that is one byte too long", sandbox.Command{Line: strings.Repeat("x", sandbox.MaxCommandSize+1)}, sandbox.CodeTooLarge},
		{"a NUL", sandbox.Command{Line: "x\x00"}, sandbox.CodeInvalidParams},
		{"no UTF-8", sandbox.Command{Line: "x\xff"}, sandbox.CodeInvalidParams},
		{"a negative timeout", sandbox.Command{Line: "x", Timeout: -1}, sandbox.CodeInvalidParams},
	} {
		_, err := sh.RunCommand(t.Context(), cc, test.command)
		wantCode(t, "RunCommand of "+test.name, err, test.want)
		_, err = sh.StartProcess(t.Context(), cc, test.command)
		wantCode(t, "StartProcess of "+test.name, err, test.want)
	}
	_, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: b.Commands.Print("x"), Timeout: b.traits.MaxCommandTime + 1})
	wantCode(t, "RunCommand with too long a timeout", err, sandbox.CodeInvalidParams)
	padding := b.Commands.Print("")
	longest := b.Commands.Print(strings.Repeat("x", sandbox.MaxCommandSize-len(padding)))
	if result := b.do(t, sh, cc, longest); len(result.Stdout) != sandbox.MaxCommandSize-len(padding)+1 {
		t.Errorf("the longest command printed %d bytes", len(result.Stdout))
	}
}

func commandTimesOut(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	line := strings.Join([]string{b.Commands.Print("started"), b.Commands.Sleep(time.Hour), b.Commands.Print("ended")}, "; ")
	result, err := sh.RunCommand(t.Context(), cc, sandbox.Command{Line: line, Timeout: 2 * b.Brief})
	wantEnded(t, result, err, sandbox.CodeTimeout)
	if result.Stdout != "started\n" || result.Duration < b.Brief {
		t.Errorf("RunCommand = %+v, want what was printed until then", result)
	}
	b.do(t, sh, cc, b.Commands.Print("next"))
}

// wantEnded checks the result of a command that was ended from outside.
func wantEnded(t *testing.T, result sandbox.CommandResult, err error, want sandbox.Code) {
	t.Helper()
	switch {
	case err != nil:
		t.Errorf("RunCommand = %v, want a result with failure %s", err, want)
	case result.Failure == nil || result.Failure.Code != want || result.Failure.Message == "" || result.ExitCode == 0:
		t.Errorf("RunCommand = %+v with failure %+v, want code %s, a message and an exit code", result, result.Failure, want)
	}
}

// command runs a command beside the check.
func (b *bench) command(t *testing.T, sh sandbox.Shell, contextID string, parts ...string) (cancel context.CancelFunc, wait func() (sandbox.CommandResult, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var (
		result sandbox.CommandResult
		err    error
		doing  sync.WaitGroup
	)
	doing.Go(func() {
		result, err = sh.RunCommand(ctx, contextID, sandbox.Command{Line: strings.Join(parts, "; ")})
	})
	t.Cleanup(func() { cancel(); doing.Wait() })
	return cancel, func() (sandbox.CommandResult, error) { doing.Wait(); return result, err }
}

// appears waits until a file is there.
func (b *bench) appears(t *testing.T, s sandbox.Session, contextID, path string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); time.Since(began) < b.Patience; <-again.C {
		content, _, err := s.ReadFile(t.Context(), contextID, path)
		if err == nil {
			_ = content.Close() // it was only looked for
			return
		}
		if sandbox.CodeOf(err, "") != sandbox.CodeFileNotFound {
			t.Fatalf("ReadFile(%s) = %v", path, err)
		}
	}
	t.Fatalf("there is no %s after %s", path, b.Patience)
}

func commandCancelled(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	cancel, wait := b.command(t, sh, cc, b.Commands.WriteFile("started", "x"), b.Commands.Await("go"), b.Commands.WriteFile("ended", "x"))
	b.appears(t, s, cc, "started")
	cancel()
	result, err := wait()
	wantEnded(t, result, err, sandbox.CodeCancelled)
	b.do(t, sh, cc, b.Commands.WriteFile("go", "x"), b.Commands.Sleep(b.Brief))
	_, _, err = s.ReadFile(t.Context(), cc, "ended")
	wantCode(t, "ReadFile of what the command would have made", err, sandbox.CodeFileNotFound)
}

func commandGivenUpBefore(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := sh.RunCommand(ctx, cc, sandbox.Command{Line: b.Commands.WriteFile("ran", "x")})
	wantEnded(t, result, err, sandbox.CodeCancelled)
	if p, err := sh.StartProcess(ctx, cc, sandbox.Command{Line: b.Commands.WriteFile("ran", "x")}); err == nil {
		t.Errorf("StartProcess for a caller who had gone = %+v", p)
	}
	_, _, err = s.ReadFile(t.Context(), cc, "ran")
	wantCode(t, "ReadFile of what the command would have made", err, sandbox.CodeFileNotFound)
}

func commandsSideBySide(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	if !b.Simulated && b.code.Loop != "" {
		r := b.start(t, s, cc, sandbox.Run{Code: b.code.Loop})
		r.printed(t)
	}
	_, wait := b.command(t, sh, cc, b.Commands.WriteFile("started", "x"), b.Commands.Await("go"), b.Commands.Print("slow"))
	b.appears(t, s, cc, "started")
	if result := b.do(t, sh, cc, b.Commands.Print("quick"), b.Commands.WriteFile("go", "x")); result.Stdout != "quick\n" {
		t.Errorf("a command beside another printed %q", result.Stdout)
	}
	if result, err := wait(); err != nil || result.Stdout != "slow\n" {
		t.Errorf("the other gave %+v, %v", result, err)
	}
}

func stopDuringCommand(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	_, wait := b.command(t, sh, cc, b.Commands.WriteFile("started", "x"), b.Commands.Sleep(time.Hour))
	b.appears(t, s, cc, "started")
	p := b.process(t, sh, cc, b.Commands.Sleep(time.Hour))
	looked := make(chan error, 1)
	go func() {
		_, err := sh.LookAtProcess(context.WithoutCancel(t.Context()), cc, p.ID, b.Patience)
		looked <- err
	}()
	if err := s.StopContext(t.Context(), cc); err != nil {
		t.Errorf("StopContext = %v", err)
	}
	result, err := wait()
	wantEnded(t, result, err, sandbox.CodeCancelled)
	wantCode(t, "LookAtProcess", <-looked, sandbox.CodeContextNotFound)
	wantNoShell(t, sh, cc, p.ID, sandbox.CodeContextNotFound)
}

func closeDuringCommand(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	_, wait := b.command(t, sh, cc, b.Commands.WriteFile("started", "x"), b.Commands.Sleep(time.Hour))
	b.appears(t, s, cc, "started")
	p := b.process(t, sh, cc, b.Commands.Sleep(time.Hour))
	b.close(t, s)
	_, err := wait()
	wantCode(t, "RunCommand", err, sandbox.CodeSessionLost)
	wantNoShell(t, sh, cc, p.ID, sandbox.CodeSessionLost)
}

// wantNoShell makes every call of the shell.
func wantNoShell(t *testing.T, sh sandbox.Shell, contextID, processID string, want sandbox.Code) {
	t.Helper()
	ctx := t.Context()
	_, err := sh.RunCommand(ctx, contextID, sandbox.Command{Line: "true"})
	wantCode(t, "RunCommand", err, want)
	_, err = sh.StartProcess(ctx, contextID, sandbox.Command{Line: "true"})
	wantCode(t, "StartProcess", err, want)
	_, err = sh.LookAtProcess(ctx, contextID, processID, 0)
	wantCode(t, "LookAtProcess", err, want)
	_, err = sh.ListProcesses(ctx, contextID)
	wantCode(t, "ListProcesses", err, want)
	_, err = sh.StopProcess(ctx, contextID, processID)
	wantCode(t, "StopProcess", err, want)
}

func commandFloods(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	const size = 1 << 20
	result := b.do(t, sh, cc, b.Commands.Flood(size))
	wantFlood(t, "a command", result.Printed, size)
	p := b.exited(t, sh, cc, b.process(t, sh, cc, b.Commands.Flood(size)).ID)
	wantFlood(t, "a process", p.Printed, size)
}

func wantFlood(t *testing.T, what string, p sandbox.Printed, size int) {
	t.Helper()
	if got := int64(len(p.Stdout)) + p.Cut.Stdout; got != int64(size) || p.Cut.Stderr != 0 || !utf8.ValidString(p.Stdout) || p.CutAt.Stdout > len(p.Stdout) {
		t.Errorf("of %d bytes that %s printed there are %d and %d are cut at %d", size, what, len(p.Stdout), p.Cut.Stdout, p.CutAt.Stdout)
	}
}

func processLives(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	began := time.Now()
	p := b.process(t, sh, cc, b.Commands.Print("begun"), b.Commands.PrintErr("aside"), b.Commands.WriteFile("started", "x"), b.Commands.Await("go"), b.Commands.Print("ended"), b.Commands.Exit(5))
	if took := time.Since(began); p.Status == sandbox.ProcessRunning && took > b.Patience/2 {
		t.Errorf("StartProcess took %s", took)
	}
	b.appears(t, s, cc, "started")
	now, err := sh.LookAtProcess(t.Context(), cc, p.ID, 0)
	if err != nil || now.Stdout != "begun\n" || now.Status != sandbox.ProcessRunning || now.Stderr != "aside\n" || now.ID != p.ID || now.Command != p.Command {
		t.Errorf("LookAtProcess = %+v, %v, want what it has printed so far", now, err)
	}
	b.do(t, sh, cc, b.Commands.WriteFile("go", "x"))
	for range 2 {
		done := b.exited(t, sh, cc, p.ID)
		if done.ExitCode != 5 || done.Stdout != "begun\nended\n" || done.Stderr != "aside\n" || !done.StartedAt.Equal(p.StartedAt) {
			t.Errorf("it ended as %+v, want exit code 5 and all its output", done)
		}
	}
}

func processWaits(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	p := b.process(t, sh, cc, b.Commands.Sleep(time.Hour))
	began := time.Now()
	now, err := sh.LookAtProcess(t.Context(), cc, p.ID, b.Brief)
	if err != nil || now.Status != sandbox.ProcessRunning || time.Since(began) < b.Brief {
		t.Errorf("LookAtProcess = %+v, %v after %s, want that it runs after %s", now, err, time.Since(began), b.Brief)
	}
	ctx, cancel := context.WithTimeout(t.Context(), b.Brief)
	defer cancel()
	if now, err := sh.LookAtProcess(ctx, cc, p.ID, time.Hour); err == nil {
		t.Errorf("LookAtProcess for a caller who leaves = %+v", now)
	}
}

func processTimeout(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	p, err := sh.StartProcess(ctx, cc, sandbox.Command{Line: b.Commands.Print("begun") + "; " + b.Commands.Sleep(time.Hour), Timeout: 2 * b.Brief})
	cancel()
	if err != nil {
		t.Fatalf("StartProcess = %v", err)
	}
	if now, err := sh.LookAtProcess(t.Context(), cc, p.ID, 0); err != nil || now.Status != sandbox.ProcessRunning && time.Since(began) < 2*b.Brief {
		t.Errorf("LookAtProcess after its caller has gone = %+v, %v", now, err)
	}
	if done := b.exited(t, sh, cc, p.ID); done.ExitCode == 0 || done.Stdout != "begun\n" {
		t.Errorf("it ended as %+v, want that its time was up", done)
	}
}

func processStops(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	p := b.process(t, sh, cc, b.Commands.Print("begun"), b.Commands.WriteFile("started", "x"), b.Commands.Sleep(time.Hour), b.Commands.WriteFile("ended", "x"))
	b.appears(t, s, cc, "started")
	for range 2 {
		done, err := sh.StopProcess(t.Context(), cc, p.ID)
		if err != nil || done.Status != sandbox.ProcessExited || done.ExitCode == 0 || done.Stdout != "begun\n" {
			t.Errorf("StopProcess = %+v, %v, want that it has exited", done, err)
		}
	}
	_, _, err := s.ReadFile(t.Context(), cc, "ended")
	wantCode(t, "ReadFile of what the process would have made", err, sandbox.CodeFileNotFound)
	quick := b.process(t, sh, cc, b.Commands.Exit(0))
	b.exited(t, sh, cc, quick.ID)
	if done, err := sh.StopProcess(t.Context(), cc, quick.ID); err != nil || done.ExitCode != 0 || done.Status != sandbox.ProcessExited {
		t.Errorf("StopProcess of one that has ended = %+v, %v, want it as it was", done, err)
	}
}

func missingProcess(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	b.do(t, sh, cc, b.Commands.Print("not a process"))
	for _, id := range []string{"", "never-made", "../x", "1", "process-1"} {
		_, err := sh.LookAtProcess(t.Context(), cc, id, 0)
		wantCode(t, "LookAtProcess("+id+")", err, sandbox.CodeInvalidParams)
		_, err = sh.StopProcess(t.Context(), cc, id)
		wantCode(t, "StopProcess("+id+")", err, sandbox.CodeInvalidParams)
	}
}

func listsProcesses(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	other := b.context(t, s)
	one := b.process(t, sh, cc, b.Commands.Print("hidden"), b.Commands.Sleep(time.Hour))
	two := b.process(t, sh, cc, b.Commands.Exit(4))
	b.exited(t, sh, cc, two.ID)
	list, err := sh.ListProcesses(t.Context(), cc)
	if err != nil || len(list) != 2 {
		t.Fatalf("ListProcesses = %+v, %v, want two", list, err)
	}
	if p := list[0]; p.ID != one.ID || p.Command != one.Command || p.Status != sandbox.ProcessRunning || p.Stdout != "" {
		t.Errorf("the first is %+v", p)
	}
	if p := list[1]; p.ID != two.ID || p.Status != sandbox.ProcessExited || p.ExitCode != 4 {
		t.Errorf("the second is %+v", p)
	}
	if list, err := sh.ListProcesses(t.Context(), other); err != nil || len(list) != 0 {
		t.Errorf("ListProcesses of another context = %+v, %v", list, err)
	}
	_, err = sh.LookAtProcess(t.Context(), other, one.ID, 0)
	wantCode(t, "LookAtProcess by another context", err, sandbox.CodeInvalidParams)
}

func fullOfProcesses(t *testing.T, b *bench) {
	_, sh, cc := b.shell(t)
	quick := b.process(t, sh, cc, b.Commands.Exit(0))
	b.exited(t, sh, cc, quick.ID)
	var last sandbox.Process
	for range sandbox.MaxProcesses { // the first takes no place, as it has ended
		last = b.process(t, sh, cc, b.Commands.Sleep(time.Hour))
	}
	_, err := sh.LookAtProcess(t.Context(), cc, quick.ID, 0)
	wantCode(t, "LookAtProcess of one that made room", err, sandbox.CodeInvalidParams)
	_, err = sh.StartProcess(t.Context(), cc, sandbox.Command{Line: b.Commands.Exit(0)})
	wantCode(t, "StartProcess beyond the limit", err, sandbox.CodeQuotaExceeded)
	if _, err := sh.StopProcess(t.Context(), cc, last.ID); err != nil {
		t.Fatalf("StopProcess = %v", err)
	}
	b.exited(t, sh, cc, b.process(t, sh, cc, b.Commands.Exit(0)).ID)
}

func shellWithout(t *testing.T, b *bench) {
	s, sh, cc := b.shell(t)
	p := b.process(t, sh, cc, b.Commands.Sleep(time.Hour))
	for _, id := range []string{"", "never-made"} {
		wantNoShell(t, sh, id, p.ID, sandbox.CodeContextNotFound)
	}
	if b.Lose != nil {
		b.Lose(s.SandboxID())
		wantNoShell(t, sh, cc, p.ID, sandbox.CodeSessionLost)
	}
}
