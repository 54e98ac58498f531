package sandboxtest

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/memfiles"
)

// fakeSession is one sandbox of a [Fake].
type fakeSession struct {
	fake  *Fake
	id    string
	gone  chan struct{}   // closed by KillSession, once, when the sandbox has left fake.live
	files *memfiles.Files // of all contexts where they share them, else nil

	working sync.WaitGroup // commands

	mu       sync.Mutex // guards below
	contexts map[string]*fakeContext
}

// fakeContext is one interpreter. Its variables belong to the run in progress.
type fakeContext struct {
	id      string
	files   *memfiles.Files
	stopped chan struct{} // closed by StopContext
	vars    map[string]string

	// Guarded by the session's mu.
	running   chan struct{} // not nil while code runs, closed when it ended
	jobs      int           // commands so far
	processes []*fakeJob    // oldest first
}

// SandboxID implements [sandbox.Session].
func (s *fakeSession) SandboxID() string { return s.id }

// enter notes a call and refuses it if it can do nothing any more.
func (s *fakeSession) enter(ctx context.Context, call Call) error {
	call.SandboxID = s.id
	s.fake.note(call)
	if s.isGone() {
		return s.lost()
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}

func (s *fakeSession) isGone() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

func (s *fakeSession) lost() error {
	return sandbox.Errorf(sandbox.CodeSessionLost, "the sandbox %s is gone", s.id)
}

// CreateContext implements [sandbox.Session].
func (s *fakeSession) CreateContext(ctx context.Context, language sandbox.Language) (sandbox.CodeContext, error) {
	if err := s.enter(ctx, Call{Op: "CreateContext", Detail: string(language)}); err != nil {
		return sandbox.CodeContext{}, err
	}
	if !s.fake.traits.Speaks(language) {
		return sandbox.CodeContext{}, sandbox.Errorf(sandbox.CodeInvalidLanguage, "the fake does not speak %q", language)
	}
	n, err := s.fake.nextContext()
	if err != nil {
		return sandbox.CodeContext{}, err
	}
	cc := &fakeContext{id: fmt.Sprintf("context-%d", n), files: s.files, stopped: make(chan struct{}), vars: make(map[string]string)}
	if cc.files == nil {
		cc.files = memfiles.New(s.fake.traits.MaxFileSize)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.contexts) >= s.fake.traits.MaxContexts {
		return sandbox.CodeContext{}, sandbox.Errorf(sandbox.CodeQuotaExceeded, "the sandbox %s holds %d contexts, which is the limit", s.id, len(s.contexts))
	}
	s.contexts[cc.id] = cc
	return sandbox.CodeContext{ID: cc.id, Language: language}, nil
}

// Run implements [sandbox.Session].
func (s *fakeSession) Run(ctx context.Context, contextID string, run sandbox.Run) (sandbox.Result, error) {
	if err := s.enter(context.WithoutCancel(ctx), Call{Op: "Run", ContextID: contextID, Detail: run.Code}); err != nil {
		return sandbox.Result{}, err
	}
	if err := s.fake.traits.CheckRun(run); err != nil {
		return sandbox.Result{}, err
	}
	cc, err := s.begin(contextID)
	if err != nil {
		return sandbox.Result{}, err
	}
	defer s.end(cc)
	steps, failure := parse(run.Code)
	if failure != nil {
		return sandbox.Result{Failure: failure}, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.fake.traits.RunTime(run), errTimeUp)
	defer cancel()
	m := &machine{session: s, cc: cc, ctx: ctx, emit: run.Emit, began: time.Now()}
	m.stdout.limit, m.stderr.limit = s.fake.opt.OutputLimit, s.fake.opt.OutputLimit
	return m.run(steps)
}

// begin books the context for one run.
func (s *fakeSession) begin(contextID string) (*fakeContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cc, ok := s.contexts[contextID]
	switch {
	case !ok:
		return nil, s.noContext(contextID)
	case cc.running != nil:
		return nil, sandbox.Errorf(sandbox.CodeExecutionFailed, "the context %s runs other code at the moment", contextID)
	}
	cc.running = make(chan struct{})
	return cc, nil
}

func (s *fakeSession) end(cc *fakeContext) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(cc.running)
	cc.running = nil
}

func (s *fakeSession) noContext(contextID string) error {
	return sandbox.Errorf(sandbox.CodeContextNotFound, "the sandbox %s has no context %q", s.id, contextID)
}

// StopContext implements [sandbox.Session].
func (s *fakeSession) StopContext(ctx context.Context, contextID string) error {
	if err := s.enter(ctx, Call{Op: "StopContext", ContextID: contextID}); err != nil {
		return err
	}
	s.mu.Lock()
	cc, ok := s.contexts[contextID]
	if !ok {
		s.mu.Unlock()
		return s.noContext(contextID)
	}
	delete(s.contexts, contextID)
	running, processes := cc.running, cc.processes
	s.mu.Unlock()
	close(cc.stopped)
	if running != nil {
		<-running
	}
	for _, j := range processes {
		<-j.ended
	}
	return nil
}

// filesOf finds the files that a call means.
func (s *fakeSession) filesOf(ctx context.Context, call Call) (*memfiles.Files, error) {
	if err := s.enter(ctx, call); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cc, ok := s.contexts[call.ContextID]; ok {
		return cc.files, nil
	}
	return nil, s.noContext(call.ContextID)
}

// ListFiles implements [sandbox.Session].
func (s *fakeSession) ListFiles(ctx context.Context, contextID, folder string, depth int) ([]sandbox.File, error) {
	files, err := s.filesOf(ctx, Call{Op: "ListFiles", ContextID: contextID, Detail: folder})
	if err != nil {
		return nil, err
	}
	return files.List(folder, depth)
}

// ReadFile implements [sandbox.Session].
func (s *fakeSession) ReadFile(ctx context.Context, contextID, path string) (io.ReadCloser, sandbox.File, error) {
	files, err := s.filesOf(ctx, Call{Op: "ReadFile", ContextID: contextID, Detail: path})
	if err != nil {
		return nil, sandbox.File{}, err
	}
	return files.Read(path)
}

// WriteFile implements [sandbox.Session].
func (s *fakeSession) WriteFile(ctx context.Context, contextID, path string, content io.Reader) (sandbox.File, error) {
	files, err := s.filesOf(ctx, Call{Op: "WriteFile", ContextID: contextID, Detail: path})
	if err != nil {
		return sandbox.File{}, err
	}
	return files.Write(path, content)
}

// Check implements [sandbox.Session].
func (s *fakeSession) Check(ctx context.Context) error {
	if err := s.enter(ctx, Call{Op: "Check"}); err != nil {
		return err
	}
	if s.fake.opt.CheckErr != nil {
		return s.fake.opt.CheckErr(s.id)
	}
	return nil
}

// Close implements [sandbox.Session].
func (s *fakeSession) Close(context.Context) error {
	s.fake.note(Call{Op: "Close", SandboxID: s.id})
	s.fake.KillSession(s.id)
	s.mu.Lock()
	var running []chan struct{}
	for _, cc := range s.contexts {
		if cc.running != nil {
			running = append(running, cc.running)
		}
	}
	s.mu.Unlock()
	for _, each := range running {
		<-each
	}
	s.working.Wait()
	return nil
}
