package sandboxtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// fakeShell is a sandbox of a [Fake] that has a shell. Its commands are the fake's own language, with "; " between the commands
// of a line; they have variables of their own, and their paths are relative to the folder they run in.
type fakeShell struct{ *fakeSession }

// fakeJob is a command in progress, or one in the background.
type fakeJob struct {
	id      string
	line    string
	started time.Time
	cancel  context.CancelCauseFunc
	ended   chan struct{} // closed when result is set
	result  sandbox.CommandResult

	process        bool
	stdout, stderr *capture // guarded by the session's mu
}

// jobContext finds the context of a call.
func (s fakeShell) jobContext(contextID string) (*fakeContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cc, ok := s.contexts[contextID]
	if !ok {
		return nil, s.noContext(contextID)
	}
	return cc, nil
}

// beginJob starts a command on a goroutine of its own. The end of the session or of the context ends it.
func (s fakeShell) beginJob(ctx context.Context, cc *fakeContext, command sandbox.Command, limit time.Duration, process bool) (*fakeJob, error) {
	folder, err := sandbox.CleanFolder(command.Folder)
	if err != nil {
		return nil, err
	}
	if folder != "." {
		if _, err := cc.files.List(folder, 1); err != nil {
			return nil, err
		}
	}
	steps, failure := parse(strings.ReplaceAll(command.Line, "; ", "\n"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if process {
		if at := slices.IndexFunc(cc.processes, (*fakeJob).over); len(cc.processes) >= sandbox.MaxProcesses && at >= 0 {
			cc.processes = slices.Delete(cc.processes, at, at+1)
		} else if len(cc.processes) >= sandbox.MaxProcesses {
			return nil, sandbox.Errorf(sandbox.CodeQuotaExceeded, "%d processes run in this context, which is the limit", len(cc.processes))
		}
	}
	cc.jobs++
	ctx, cancel := context.WithCancelCause(ctx)
	timeout := func() {}
	if limit > 0 {
		ctx, timeout = context.WithTimeoutCause(ctx, limit, errTimeUp)
	}
	j := &fakeJob{id: "process-" + strconv.Itoa(cc.jobs), line: command.Line, started: time.Now(), cancel: cancel, ended: make(chan struct{}), process: process}
	m := &machine{
		session: s.fakeSession, cc: &fakeContext{id: cc.id, files: cc.files, stopped: cc.stopped, vars: make(map[string]string)},
		ctx: ctx, folder: folder, began: j.started, shared: &s.mu,
	}
	m.stdout.limit, m.stderr.limit = s.fake.opt.OutputLimit, s.fake.opt.OutputLimit
	j.stdout, j.stderr = &m.stdout, &m.stderr
	if process {
		cc.processes = append(cc.processes, j)
	}
	s.working.Go(func() {
		defer close(j.ended)
		defer timeout()
		defer cancel(nil)
		j.result = m.carryOut(steps, failure)
		j.result.Duration = time.Since(j.started)
		j.result.Printed = s.printed(j)
	})
	return j, nil
}

// carryOut runs a command as a shell would, which knows no failures but exit codes.
func (m *machine) carryOut(steps []step, failure *sandbox.Failure) sandbox.CommandResult {
	if failure == nil {
		result, _ := m.run(steps)
		failure = result.Failure
	}
	switch {
	case failure == nil:
		return sandbox.CommandResult{ExitCode: m.exitCode}
	case failure.Code == sandbox.CodeTimeout:
		return sandbox.CommandResult{ExitCode: 124, Failure: failure}
	case failure.Code == sandbox.CodeCancelled:
		return sandbox.CommandResult{ExitCode: 143, Failure: failure}
	}
	m.print(sandbox.Stderr, failure.Name+": "+failure.Message+"\n")
	return sandbox.CommandResult{ExitCode: 1}
}

func (j *fakeJob) over() bool {
	select {
	case <-j.ended:
		return true
	default:
		return false
	}
}

// printed copies what a command has printed until now.
func (s fakeShell) printed(j *fakeJob) sandbox.Printed {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := sandbox.Printed{Stdout: j.stdout.String(), Stderr: j.stderr.String()}
	p.Cut.Stdout, p.Cut.Stderr = j.stdout.cut, j.stderr.cut
	p.CutAt.Stdout, p.CutAt.Stderr = len(p.Stdout), len(p.Stderr)
	return p
}

// RunCommand implements [sandbox.Shell].
func (s fakeShell) RunCommand(ctx context.Context, contextID string, command sandbox.Command) (sandbox.CommandResult, error) {
	if err := s.enter(context.WithoutCancel(ctx), Call{Op: "RunCommand", ContextID: contextID, Detail: command.Line}); err != nil {
		return sandbox.CommandResult{}, err
	}
	if err := s.fake.traits.CheckCommand(command, false); err != nil {
		return sandbox.CommandResult{}, err
	}
	cc, err := s.jobContext(contextID)
	if err != nil {
		return sandbox.CommandResult{}, err
	}
	j, err := s.beginJob(ctx, cc, command, s.fake.traits.CommandTime(command), false)
	if err != nil {
		return sandbox.CommandResult{}, err
	}
	<-j.ended
	if s.isGone() {
		return sandbox.CommandResult{}, s.lost()
	}
	return j.result, nil
}

// StartProcess implements [sandbox.Shell].
func (s fakeShell) StartProcess(ctx context.Context, contextID string, command sandbox.Command) (sandbox.Process, error) {
	if err := s.enter(ctx, Call{Op: "StartProcess", ContextID: contextID, Detail: command.Line}); err != nil {
		return sandbox.Process{}, err
	}
	if err := s.fake.traits.CheckCommand(command, true); err != nil {
		return sandbox.Process{}, err
	}
	cc, err := s.jobContext(contextID)
	if err != nil {
		return sandbox.Process{}, err
	}
	j, err := s.beginJob(context.WithoutCancel(ctx), cc, command, command.Timeout, true)
	if err != nil {
		return sandbox.Process{}, err
	}
	return s.describe(j), nil
}

func (s fakeShell) describe(j *fakeJob) sandbox.Process {
	p := sandbox.Process{ID: j.id, Command: j.line, Status: sandbox.ProcessRunning, StartedAt: j.started, Duration: time.Since(j.started)}
	if j.over() {
		p.Status, p.ExitCode, p.Duration = sandbox.ProcessExited, j.result.ExitCode, j.result.Duration
	}
	p.Printed = s.printed(j)
	return p
}

// process finds a process for a call.
func (s fakeShell) process(ctx context.Context, call Call) (*fakeContext, *fakeJob, error) {
	if err := s.enter(ctx, call); err != nil {
		return nil, nil, err
	}
	cc, err := s.jobContext(call.ContextID)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range cc.processes {
		if j.id == call.Detail {
			return cc, j, nil
		}
	}
	return nil, nil, sandbox.Errorf(sandbox.CodeInvalidParams, "there is no process %q in this context", call.Detail)
}

// LookAtProcess implements [sandbox.Shell].
func (s fakeShell) LookAtProcess(ctx context.Context, contextID, processID string, patience time.Duration) (sandbox.Process, error) {
	cc, j, err := s.process(ctx, Call{Op: "LookAtProcess", ContextID: contextID, Detail: processID})
	if err != nil {
		return sandbox.Process{}, err
	}
	timer := time.NewTimer(cmp.Or(max(patience, 0), 1))
	defer timer.Stop()
	select {
	case <-j.ended:
	case <-timer.C:
	case <-cc.stopped:
		return sandbox.Process{}, s.noContext(contextID)
	case <-ctx.Done():
		return sandbox.Process{}, fmt.Errorf("look at a process: %w", context.Cause(ctx))
	}
	if s.isGone() {
		return sandbox.Process{}, s.lost()
	}
	return s.describe(j), nil
}

// ListProcesses implements [sandbox.Shell].
func (s fakeShell) ListProcesses(ctx context.Context, contextID string) ([]sandbox.Process, error) {
	if err := s.enter(ctx, Call{Op: "ListProcesses", ContextID: contextID}); err != nil {
		return nil, err
	}
	cc, err := s.jobContext(contextID)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	jobs := slices.Clone(cc.processes)
	s.mu.Unlock()
	list := make([]sandbox.Process, 0, len(jobs))
	for _, j := range jobs {
		p := s.describe(j)
		p.Printed = sandbox.Printed{}
		list = append(list, p)
	}
	return list, nil
}

// StopProcess implements [sandbox.Shell].
func (s fakeShell) StopProcess(ctx context.Context, contextID, processID string) (sandbox.Process, error) {
	_, j, err := s.process(ctx, Call{Op: "StopProcess", ContextID: contextID, Detail: processID})
	if err != nil {
		return sandbox.Process{}, err
	}
	j.cancel(nil)
	<-j.ended
	if s.isGone() {
		return sandbox.Process{}, s.lost()
	}
	return s.describe(j), nil
}
