package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	// maxCommandTime leaves room, below the 30 s after which the service's gateway gives up, for a command to be ended and for the
	// way there and back.
	maxCommandTime = 25 * time.Second
	// killLimit is how long ending a command may take.
	killLimit = 15 * time.Second
	// killPatience is how long the caller of a command that was cancelled waits for its end, which goes on beside it.
	killPatience = 5 * time.Second
	// reportLimit is how long the report of a job may take that is looked at or begins, and what it may take beyond the time of a command
	// that is waited for. The client's own limit is that of code, and a caller may have to wait for three reports, one after another.
	reportLimit = 10 * time.Second
)

// job is a command that was sent to the sandbox. What the sandbox knows of it is in a folder of its own; see supervise.
type job struct {
	id      string
	line    string
	folder  string
	started time.Time
	process bool // it was not waited for, and can be looked at

	// Guarded by the session's mu.
	last   *sandbox.Process // how it ended; nil: it has not, as far as is known
	traces bool             // something of it may be in the sandbox: processes, or files
}

// jobsFolder is where the jobs of a context have their folders: beside its working folder, so that they are not among its files.
func (cc *codeContext) jobsFolder() string {
	return path.Join(path.Dir(cc.folder), "."+path.Base(cc.folder))
}

// shellOf finds the context of a call for the shell.
func (s *session) shellOf(contextID string) (*codeContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cc, ok := s.contexts[contextID]
	if !ok {
		return nil, s.noContext(contextID)
	}
	return cc, nil
}

// bookJob takes a place for a job. Of processes that have ended, the oldest makes room.
func (s *session) bookJob(cc *codeContext, command sandbox.Command, process bool) (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if process {
		processes := cc.processes()
		if at := slices.IndexFunc(processes, func(j *job) bool { return j.last != nil }); len(processes) >= sandbox.MaxProcesses && at >= 0 {
			processes[at].process = false
		} else if len(processes) >= sandbox.MaxProcesses {
			return nil, sandbox.Errorf(sandbox.CodeQuotaExceeded, "%d processes run in this context, which is the limit; end one with stop_process first", len(processes))
		}
	}
	cc.madeJobs++
	j := &job{id: "process-" + strconv.Itoa(cc.madeJobs), line: command.Line, folder: path.Join(cc.jobsFolder(), strconv.Itoa(cc.madeJobs)), started: time.Now(), process: process, traces: true}
	cc.jobs = append(cc.jobs, j)
	return j, nil
}

// processes gives the jobs that can be looked at, oldest first. The caller holds mu.
func (cc *codeContext) processes() []*job {
	var found []*job
	for _, j := range cc.jobs {
		if j.process {
			found = append(found, j)
		}
	}
	return found
}

// script writes the whole of what is sent for a command.
func (s *session) script(cc *codeContext, j *job, command sandbox.Command, limit time.Duration) (string, error) {
	words := []string{quote(j.folder), quote(command.Line), quote(path.Join(cc.folder, command.Folder)), `"$s"`, inWholeSeconds(limit), strconv.Itoa(maxLog), strconv.Itoa(printedHalf)}
	start := "sh -c " + quote(supervise) + " supervise " + strings.Join(words, " ")
	if j.process {
		start = "setsid " + start + " </dev/null >/dev/null 2>&1 &\n" + await("pid", 5*time.Second)
	} else {
		start += " >/dev/null 2>&1"
	}
	script := s.sweep(cc) + "[ -d " + words[2] + " ] || { echo :nofolder; exit 0; }\n" + "s=$(command -v bash || echo sh)\n" + "d=" + words[0] + "\n" + start + "\n" + lookAt(j)
	if len(script) > maxScript {
		return "", sandbox.Errorf(sandbox.CodeTooLarge, "the command has too many quotes for its length; put it into a file with upload_file and run that, such as sh job.sh")
	}
	return script, nil
}

// lookAt is a script that tells how a job is.
func lookAt(j *job) string {
	return fmt.Sprintf("d=%s half=%d rest=%d\n%s", quote(j.folder), printedHalf, printedHalf+1, look)
}

// stopJob is a script that ends a job, kindly at first, and tells how it is then.
func stopJob(j *job) string {
	return "d=" + quote(j.folder) + `
mkdir -p "$d" && : >"$d/stop"
p=$(cat "$d/pid" 2>/dev/null)
if [ -n "$p" ]; then
	kill -s TERM -- -$p 2>/dev/null
	` + await("exit", 2*time.Second) + `
	kill -s KILL -- -$p 2>/dev/null
	` + await("exit", 5*time.Second) + `
fi
` + lookAt(j)
}

// sweep is a script that removes the folders of jobs that are over. They are gone with the next command, which costs no call.
func (s *session) sweep(cc *codeContext) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var spent []string
	cc.jobs = slices.DeleteFunc(cc.jobs, func(j *job) bool {
		if j.last == nil || j.traces {
			return false
		}
		if j.folder != "" {
			spent = append(spent, quote(j.folder))
			j.folder = ""
		}
		return !j.process
	})
	if len(spent) == 0 {
		return ""
	}
	return "rm -rf " + strings.Join(spent, " ") + "\n"
}

// send runs a script that tells how a job is, and notes it. It waits no longer than most for the answer.
func (s *session) send(ctx context.Context, j *job, script string, most time.Duration) (report, error) {
	within, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	done, err := s.client.RunCommand(within, s.id, agentrun.CommandSpec{Command: script, Timeout: min(most, agentrun.MaxRunTime)})
	if failed, ok := errors.AsType[*agentrun.APIError](err); ok && within.Err() != nil && ctx.Err() == nil {
		late := *failed // to the client it looks as if it had been given up by its caller
		late.Kind, late.Message = agentrun.KindTimeout, fmt.Sprintf("the sandbox did not answer within %s", most)
		return report{}, &late
	}
	if err != nil {
		return report{}, err
	}
	r, err := readReport(done.Result.Stdout)
	if err != nil {
		return report{}, err
	}
	if r.over() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if j.last == nil {
			last := j.describe(r)
			j.last = &last
		}
		j.traces = r.left
	}
	return r, nil
}

// describe says of a process what a report says.
func (j *job) describe(r report) sandbox.Process {
	p := sandbox.Process{ID: j.id, Command: j.line, Status: sandbox.ProcessRunning, StartedAt: j.started, Duration: time.Since(j.started), Printed: r.printed()}
	switch {
	case r.exited:
		p.Status, p.ExitCode = sandbox.ProcessExited, r.code
	case r.gone:
		p.Status, p.ExitCode = sandbox.ProcessExited, -1
	}
	return p
}

// RunCommand implements [sandbox.Shell].
func (s *session) RunCommand(outer context.Context, contextID string, command sandbox.Command) (sandbox.CommandResult, error) {
	if err := s.enter(); err != nil {
		return sandbox.CommandResult{}, err
	}
	defer s.calls.Done()
	if err := s.backend.traits.CheckCommand(command, false); err != nil {
		return sandbox.CommandResult{}, err
	}
	cc, err := s.shellOf(contextID)
	if err != nil {
		return sandbox.CommandResult{}, err
	}
	ctx, stop := s.bind(outer, cc.ctx)
	defer stop()
	if ctx.Err() != nil {
		return s.commandGivenUp(ctx, "the command was cancelled before it began")
	}
	j, err := s.bookJob(cc, command, false)
	if err != nil {
		return sandbox.CommandResult{}, err
	}
	limit := s.backend.traits.CommandTime(command)
	script, err := s.script(cc, j, command, limit)
	if err != nil {
		s.unbook(cc, j)
		return sandbox.CommandResult{}, err
	}
	r, err := s.send(ctx, j, script, limit+reportLimit)
	took := time.Since(j.started)
	s.backend.log.LogAttrs(ctx, slog.LevelDebug, "command", slog.String("sandbox_id", s.id), slog.String("inner_id", contextID), slog.Duration("took", took), slog.Bool("answered", err == nil))
	if err != nil && ctx.Err() == nil && isUncertain(err) && !s.isOver(ctx, err) {
		// The answer is lost; whether the command ran, and what came of it, is not.
		if found, failed := s.watch(ctx, j, limit-took); failed == nil && found.over() {
			r, err = found, nil
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return s.commandCancelled(ctx, cc, j, isUncertain(err))
	case err != nil:
		return sandbox.CommandResult{}, s.commandFailed(ctx, cc, j, "run the command", err)
	case r.noFolder:
		s.unbook(cc, j)
		return sandbox.CommandResult{}, noFolder(command.Folder)
	case !r.over():
		return sandbox.CommandResult{}, s.commandFailed(ctx, cc, j, "run the command", errNotBegun)
	}
	result := sandbox.CommandResult{Printed: r.printed(), ExitCode: r.code, Duration: took}
	if r.gone {
		result.ExitCode = 137
	}
	if result.ExitCode > 128 && ctx.Err() != nil {
		// what ended the context was quicker with the command than with its call
		given, err := s.commandGivenUp(ctx, "the command was cancelled while it ran")
		given.Printed, given.Duration = result.Printed, took
		return given, err
	}
	// timeout(1) gives 124, or 137 where the command did not heed it; commands may give those too
	if (result.ExitCode == 124 || result.ExitCode == 137) && took >= limit {
		result.Failure = &sandbox.Failure{Code: sandbox.CodeTimeout, Name: "TimeoutError", Message: fmt.Sprintf("the command was stopped after %s s, the time it was given; start it with background: true if it needs longer", inWholeSeconds(limit))}
	}
	return result, nil
}

var errNotBegun = errors.New("the sandbox could not start it")

func noFolder(folder string) error {
	return sandbox.Errorf(sandbox.CodeFileNotFound, "there is no folder %s to run the command in; nothing was run", folder)
}

// isUncertain reports whether a script may have been run although its report did not come. The first commands of a young sandbox were
// seen to print nothing.
func isUncertain(err error) bool {
	failed, ok := errors.AsType[*agentrun.APIError](err)
	return !ok || failed.Uncertain
}

// unbook forgets a job of which there is nothing in the sandbox.
func (s *session) unbook(cc *codeContext, j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cc.jobs = slices.DeleteFunc(cc.jobs, func(o *job) bool { return o == j })
}

// commandGivenUp makes the result of a command that was ended from outside.
func (s *session) commandGivenUp(ctx context.Context, message string) (sandbox.CommandResult, error) {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSessionClosed):
		return sandbox.CommandResult{}, s.lost(nil)
	case errors.Is(cause, errContextStopped):
		message = "the context was stopped while the command ran"
	}
	return sandbox.CommandResult{ExitCode: -1, Failure: &sandbox.Failure{Code: sandbox.CodeCancelled, Name: "Cancelled", Message: message}}, nil
}

// commandCancelled ends a command whose caller has gone, and tells what it had printed by then. StopContext does that by itself.
func (s *session) commandCancelled(ctx context.Context, cc *codeContext, j *job, sent bool) (sandbox.CommandResult, error) {
	result, err := s.commandGivenUp(ctx, "the command was cancelled and ended")
	if err == nil && sent && cc.ctx.Err() == nil {
		killed := make(chan *report, 1)
		s.calls.Go(func() {
			if r, failed := s.kill(cc, j); failed == nil {
				killed <- &r
			}
			close(killed)
		})
		patience := time.NewTimer(killPatience)
		defer patience.Stop()
		var r *report
		select {
		case r = <-killed:
		case <-patience.C:
		}
		if r == nil {
			result.Failure.Message = "the command was cancelled, and whether it has ended could not be learned"
		} else {
			result.Printed = r.printed()
			if r.exited {
				result.ExitCode = r.code
			}
		}
	}
	result.Duration = time.Since(j.started)
	return result, err
}

// kill ends a job, whoever waits for that.
func (s *session) kill(cc *codeContext, j *job) (report, error) {
	ctx, cancel := context.WithTimeout(cc.ctx, killLimit)
	defer cancel()
	r, err := s.send(ctx, j, stopJob(j), killLimit)
	if err != nil && cc.ctx.Err() == nil && !s.isOver(ctx, err) {
		s.backend.log.Warn("command may go on until its context ends", "sandbox_id", s.id, "error", err)
	}
	return r, err
}

// commandFailed words a command that has no result. What may run of it is ended.
func (s *session) commandFailed(ctx context.Context, cc *codeContext, j *job, attempt string, err error) error {
	if s.isOver(ctx, err) {
		return s.lost(err)
	}
	if !isUncertain(err) {
		s.unbook(cc, j)
		return s.backend.explain(attempt, sandbox.CodeExecutionFailed, err)
	}
	s.mu.Lock()
	j.process = false // nobody knows it
	s.mu.Unlock()
	s.calls.Go(func() { _, _ = s.kill(cc, j) }) // which has said what is to be said
	why := err.Error()
	if failed, ok := errors.AsType[*agentrun.APIError](err); ok {
		_, why, _ = s.backend.meaning(failed)
	}
	return sandbox.Errorf(sandbox.CodeExecutionFailed,
		"could not %s: %s. Whether it began is not known; what runs of it is ended, and it was not sent again: look at what it changed before you repeat it", attempt, why)
}

// StartProcess implements [sandbox.Shell].
func (s *session) StartProcess(outer context.Context, contextID string, command sandbox.Command) (sandbox.Process, error) {
	if err := s.enter(); err != nil {
		return sandbox.Process{}, err
	}
	defer s.calls.Done()
	if err := s.backend.traits.CheckCommand(command, true); err != nil {
		return sandbox.Process{}, err
	}
	cc, err := s.shellOf(contextID)
	if err != nil {
		return sandbox.Process{}, err
	}
	const attempt = "start the process"
	ctx, stop := s.bind(outer, cc.ctx)
	defer stop()
	if ctx.Err() != nil {
		return sandbox.Process{}, s.lookFailed(ctx, attempt, context.Cause(ctx))
	}
	j, err := s.bookJob(cc, command, true)
	if err != nil {
		return sandbox.Process{}, err
	}
	script, err := s.script(cc, j, command, command.Timeout)
	if err != nil {
		s.unbook(cc, j)
		return sandbox.Process{}, err
	}
	r, err := s.send(ctx, j, script, reportLimit)
	if err != nil && ctx.Err() == nil && isUncertain(err) && !s.isOver(ctx, err) {
		if found, failed := s.watch(ctx, j, 0); failed == nil && !found.none {
			r, err = found, nil
		}
	}
	switch {
	case err == nil && r.noFolder:
		s.unbook(cc, j)
		return sandbox.Process{}, noFolder(command.Folder)
	case err == nil && r.none:
		err = errNotBegun
	}
	if err != nil && ctx.Err() != nil {
		if isUncertain(err) && cc.ctx.Err() == nil {
			s.mu.Lock()
			j.process = false
			s.mu.Unlock()
			s.calls.Go(func() { _, _ = s.kill(cc, j) }) // which has said what is to be said
		}
		return sandbox.Process{}, s.lookFailed(ctx, attempt, err)
	}
	if err != nil {
		return sandbox.Process{}, s.commandFailed(ctx, cc, j, attempt, err)
	}
	return j.describe(r), nil
}

// jobOf finds a process.
func (s *session) jobOf(contextID, processID string) (*codeContext, *job, error) {
	cc, err := s.shellOf(contextID)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range cc.processes() {
		if j.id == processID {
			return cc, j, nil
		}
	}
	return nil, nil, sandbox.Errorf(sandbox.CodeInvalidParams, "there is no process %q in this context; of those that have ended, the last %d are remembered", processID, sandbox.MaxProcesses)
}

// known gives how a process ended, if that is known.
func (s *session) known(j *job) (sandbox.Process, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.last == nil {
		return sandbox.Process{}, false
	}
	return *j.last, true
}

// LookAtProcess implements [sandbox.Shell]. While it waits, it asks again every now and then.
func (s *session) LookAtProcess(outer context.Context, contextID, processID string, patience time.Duration) (sandbox.Process, error) {
	if err := s.enter(); err != nil {
		return sandbox.Process{}, err
	}
	defer s.calls.Done()
	cc, j, err := s.jobOf(contextID, processID)
	if err != nil {
		return sandbox.Process{}, err
	}
	if p, over := s.known(j); over {
		return p, nil
	}
	ctx, stop := s.bind(outer, cc.ctx)
	defer stop()
	r, err := s.watch(ctx, j, patience)
	if err != nil {
		return sandbox.Process{}, s.lookFailed(ctx, "look at the process", err)
	}
	return j.describe(r), nil
}

// watch looks at a job until it has ended, but once at least and not for longer than patience.
func (s *session) watch(ctx context.Context, j *job, patience time.Duration) (report, error) {
	began := time.Now()
	for {
		r, err := s.send(ctx, j, lookAt(j), reportLimit)
		if err != nil && ctx.Err() == nil && isUncertain(err) {
			r, err = s.send(ctx, j, lookAt(j), reportLimit) // which changes nothing
		}
		left := patience - time.Since(began)
		if err != nil || r.over() || left <= 0 {
			return r, err
		}
		waiting, cancel := context.WithTimeout(ctx, left)
		pause(waiting, began)
		cancel()
		if ctx.Err() != nil {
			return report{}, context.Cause(ctx)
		}
	}
}

// lookFailed words a call about a process that failed.
func (s *session) lookFailed(ctx context.Context, attempt string, err error) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errContextStopped):
		return sandbox.Errorf(sandbox.CodeContextNotFound, "the context was stopped, and its processes with it")
	case cause != nil && !errors.Is(cause, errSessionClosed):
		return fmt.Errorf("%s: %w", attempt, cause)
	}
	return s.fail(ctx, attempt, sandbox.CodeExecutionFailed, err)
}

// ListProcesses implements [sandbox.Shell].
func (s *session) ListProcesses(outer context.Context, contextID string) ([]sandbox.Process, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	cc, err := s.shellOf(contextID)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	jobs := cc.processes()
	s.mu.Unlock()
	ctx, stop := s.bind(outer, cc.ctx)
	defer stop()
	found := make([]sandbox.Process, 0, len(jobs))
	for _, j := range jobs {
		p, over := s.known(j)
		if !over {
			r, err := s.watch(ctx, j, 0)
			if err != nil {
				return nil, s.lookFailed(ctx, "look at the processes", err)
			}
			p = j.describe(r)
		}
		p.Printed = sandbox.Printed{}
		found = append(found, p)
	}
	return found, nil
}

// StopProcess implements [sandbox.Shell].
func (s *session) StopProcess(outer context.Context, contextID, processID string) (sandbox.Process, error) {
	if err := s.enter(); err != nil {
		return sandbox.Process{}, err
	}
	defer s.calls.Done()
	cc, j, err := s.jobOf(contextID, processID)
	if err != nil {
		return sandbox.Process{}, err
	}
	s.mu.Lock()
	traces := j.traces
	s.mu.Unlock()
	if p, over := s.known(j); over && !traces {
		return p, nil
	}
	ctx, stop := s.bind(outer, cc.ctx)
	defer stop()
	r, err := s.send(ctx, j, stopJob(j), killLimit)
	if err == nil && !r.over() {
		err = errors.New("it goes on in spite of that")
	}
	if err != nil {
		return sandbox.Process{}, s.lookFailed(ctx, "stop the process", err)
	}
	if p, over := s.known(j); over {
		return p, nil
	}
	return j.describe(r), nil
}

// ending is a script that ends everything that commands of a context have left behind; "" if there were none. What is still on its
// way to the sandbox finds no place to begin.
func (s *session) ending(cc *codeContext) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cc.madeJobs == 0 {
		return ""
	}
	root := quote(cc.jobsFolder())
	gone := quote(cc.jobsFolder() + ".gone")
	// What has written its pid by now is in the folder that is moved, and is ended. What has not cannot, and ends itself.
	script := "[ -e " + gone + " ] || mv " + root + " " + gone + " 2>/dev/null; : >" + root + "\n"
	var folders []string
	for _, j := range cc.jobs {
		if j.traces {
			folders = append(folders, path.Base(j.folder))
		}
	}
	if len(folders) > 0 {
		script += "for j in " + strings.Join(folders, " ") + `; do
	p=$(cat ` + gone + `"/$j/pid" 2>/dev/null) && kill -s KILL -- -$p 2>/dev/null
done
`
	}
	return script + "rm -rf " + gone
}

// endJobs ends the commands of a context.
func (s *session) endJobs(ctx context.Context, cc *codeContext) {
	script := s.ending(cc)
	if script == "" {
		return
	}
	if _, err := s.client.RunCommand(ctx, s.id, agentrun.CommandSpec{Command: script, Timeout: killLimit}); err != nil && ctx.Err() == nil && !s.isOver(ctx, err) {
		s.backend.log.Warn("processes may go on until their sandbox ends", "sandbox_id", s.id, "error", err)
	}
}
