// Package mock is a backend that runs nothing. Its sessions, contexts and files work, and every run succeeds at once with a
// line marked [Mark] instead of a result, so that an editor's connection can be tried out with no account and no engine.
// It is only ever chosen by name. The host makes one Backend.
package mock

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/memfiles"
)

// Name is the word for this backend in settings and results.
const Name = "mock"

// Mark begins all that a run gives, so that nobody takes it for the outcome of code.
const Mark = "[MOCK]"

// lineLimit is how much of the code's first line a result repeats, in characters.
const lineLimit = 80

// Backend makes sessions that run nothing. Methods are safe for concurrent use.
type Backend struct {
	traits sandbox.Traits

	mu   sync.Mutex // guards below
	live int
}

// New makes the backend. It starts nothing.
func New() *Backend {
	return &Backend{traits: sandbox.Traits{
		Languages:             []sandbox.Language{sandbox.Python, sandbox.JavaScript},
		MaxRunTime:            10 * time.Minute,
		MaxContexts:           32,
		MaxCodeSize:           1 << 20,
		MaxFileSize:           16 << 20,
		KeepsStateOnInterrupt: true,
		Streams:               true,
		Note:                  "Mock mode: no code runs. Every run succeeds at once and its output is a line that begins with " + Mark + ".",
	}}
}

// Name implements [sandbox.Backend].
func (b *Backend) Name() string { return Name }

// Traits implements [sandbox.Backend].
func (b *Backend) Traits() sandbox.Traits {
	traits := b.traits
	traits.Languages = append([]sandbox.Language(nil), traits.Languages...)
	return traits
}

// Sessions counts those that are open.
func (b *Backend) Sessions() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live
}

func (b *Backend) count(by int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live += by
}

// Open implements [sandbox.Backend].
func (b *Backend) Open(ctx context.Context) (sandbox.Session, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("open a mock sandbox: %w", err)
	}
	b.count(1)
	return &session{backend: b, id: "mock-" + uuid.NewString(), contexts: make(map[string]codeContext)}, nil
}

// session is one pretended sandbox.
type session struct {
	backend *Backend
	id      string

	mu       sync.Mutex // guards below
	closed   bool
	made     int
	contexts map[string]codeContext
}

type codeContext struct {
	language sandbox.Language
	files    *memfiles.Files
}

// SandboxID implements [sandbox.Session].
func (s *session) SandboxID() string { return s.id }

// refuse says why a call can do nothing. The caller holds mu.
func (s *session) refuse(ctx context.Context, what string) error {
	if s.closed {
		return sandbox.Errorf(sandbox.CodeSessionLost, "the mock sandbox %s was closed", s.id)
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("%s in the mock sandbox %s: %w", what, s.id, err)
	}
	return nil
}

// find gives the context that a call means.
func (s *session) find(ctx context.Context, what, contextID string) (codeContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse(ctx, what); err != nil {
		return codeContext{}, err
	}
	cc, ok := s.contexts[contextID]
	if !ok {
		return codeContext{}, noContext(s.id, contextID)
	}
	return cc, nil
}

func noContext(sandboxID, contextID string) error {
	return sandbox.Errorf(sandbox.CodeContextNotFound, "the mock sandbox %s has no context %q", sandboxID, contextID)
}

// CreateContext implements [sandbox.Session].
func (s *session) CreateContext(ctx context.Context, language sandbox.Language) (sandbox.CodeContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse(ctx, "create a context"); err != nil {
		return sandbox.CodeContext{}, err
	}
	if !s.backend.traits.Speaks(language) {
		return sandbox.CodeContext{}, sandbox.Errorf(sandbox.CodeInvalidLanguage, "the mock backend does not know the language %q; use python or javascript", language)
	}
	if len(s.contexts) >= s.backend.traits.MaxContexts {
		return sandbox.CodeContext{}, sandbox.Errorf(sandbox.CodeQuotaExceeded, "the mock sandbox %s holds %d contexts, which is the limit; stop one first", s.id, len(s.contexts))
	}
	s.made++
	cc := sandbox.CodeContext{ID: fmt.Sprintf("mock-context-%d", s.made), Language: language}
	s.contexts[cc.ID] = codeContext{language, memfiles.New(s.backend.traits.MaxFileSize)}
	return cc, nil
}

// Run implements [sandbox.Session]. It runs nothing.
func (s *session) Run(ctx context.Context, contextID string, run sandbox.Run) (sandbox.Result, error) {
	cc, err := s.find(context.WithoutCancel(ctx), "run code", contextID)
	if err != nil {
		return sandbox.Result{}, err
	}
	if err := s.backend.traits.CheckRun(run); err != nil {
		return sandbox.Result{}, err
	}
	if ctx.Err() != nil {
		return sandbox.Result{Failure: &sandbox.Failure{
			Code: sandbox.CodeCancelled, Name: "Cancelled", Message: Mark + " the run was cancelled before it began",
		}}, nil
	}
	said := fmt.Sprintf("%s no %s code was executed; the context %s was handed: %s\n", Mark, cc.language, contextID, firstLine(run.Code))
	if run.Emit != nil {
		run.Emit(sandbox.Chunk{Stream: sandbox.Stdout, Text: said})
	}
	return sandbox.Result{Stdout: said}, nil
}

// firstLine gives what a person recognises code by.
func firstLine(code string) string {
	for line := range strings.Lines(code) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if utf8.RuneCountInString(line) > lineLimit {
			return string([]rune(line)[:lineLimit]) + "…"
		}
		return line
	}
	return "(nothing)"
}

// StopContext implements [sandbox.Session].
func (s *session) StopContext(ctx context.Context, contextID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse(ctx, "stop a context"); err != nil {
		return err
	}
	if _, ok := s.contexts[contextID]; !ok {
		return noContext(s.id, contextID)
	}
	delete(s.contexts, contextID)
	return nil
}

// ListFiles implements [sandbox.Session].
func (s *session) ListFiles(ctx context.Context, contextID, folder string, depth int) ([]sandbox.File, error) {
	cc, err := s.find(ctx, "list files", contextID)
	if err != nil {
		return nil, err
	}
	return cc.files.List(folder, depth)
}

// ReadFile implements [sandbox.Session].
func (s *session) ReadFile(ctx context.Context, contextID, path string) (io.ReadCloser, sandbox.File, error) {
	cc, err := s.find(ctx, "read a file", contextID)
	if err != nil {
		return nil, sandbox.File{}, err
	}
	return cc.files.Read(path)
}

// WriteFile implements [sandbox.Session].
func (s *session) WriteFile(ctx context.Context, contextID, path string, content io.Reader) (sandbox.File, error) {
	cc, err := s.find(ctx, "write a file", contextID)
	if err != nil {
		return sandbox.File{}, err
	}
	return cc.files.Write(path, content)
}

// Check implements [sandbox.Session].
func (s *session) Check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refuse(ctx, "check")
}

// Close implements [sandbox.Session].
func (s *session) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.contexts = nil
		s.backend.count(-1)
	}
	return nil
}
