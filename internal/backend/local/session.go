package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// session is one sandbox: a folder, and the contexts in it.
type session struct {
	backend *Backend
	id      string
	dir     string
	calls   sync.WaitGroup // those that make or run something; Add only under mu while !closed

	mu       sync.Mutex // guards below and the fields of each codeContext that say so
	closed   bool
	booked   int // contexts, and those being made
	made     int // contexts ever, for their IDs
	contexts map[string]*codeContext
}

// codeContext is one interpreter.
type codeContext struct {
	id       string
	language sandbox.Language
	dir      string

	// Guarded by the session's mu.
	instance localengine.ID // 0: the last one was lost and could not be replaced
	stopped  bool           // by StopContext
	running  chan struct{}  // not nil while code runs; closed when that is over and a lost instance is replaced
}

// SandboxID implements [sandbox.Session].
func (s *session) SandboxID() string { return s.id }

func (s *session) lost() error {
	return sandbox.Errorf(sandbox.CodeSessionLost, "the local sandbox %s was closed", s.id)
}

func (s *session) noContext(contextID string) error {
	return sandbox.Errorf(sandbox.CodeContextNotFound, "the local sandbox %s has no context %q", s.id, contextID)
}

// enter lets a call in that Close has to wait for.
func (s *session) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.backend.closed.Load() {
		return s.lost()
	}
	s.calls.Add(1)
	return nil
}

// CreateContext implements [sandbox.Session].
func (s *session) CreateContext(ctx context.Context, language sandbox.Language) (sandbox.CodeContext, error) {
	if err := s.enter(); err != nil {
		return sandbox.CodeContext{}, err
	}
	defer s.calls.Done()
	if err := context.Cause(ctx); err != nil {
		return sandbox.CodeContext{}, fmt.Errorf("create a context: %w", err)
	}
	if !s.backend.traits.Speaks(language) {
		return sandbox.CodeContext{}, sandbox.Errorf(sandbox.CodeInvalidLanguage, "the local backend does not run %q; it runs python and javascript", language)
	}
	cc, err := s.book(language)
	if err != nil {
		return sandbox.CodeContext{}, err
	}
	if err := s.furnish(ctx, cc); err != nil {
		s.mu.Lock()
		s.booked--
		s.mu.Unlock()
		if isGone(err) || s.backend.closed.Load() {
			return sandbox.CodeContext{}, s.lost()
		}
		return sandbox.CodeContext{}, sandbox.Errorf(sandbox.CodeContextCreationFailed, "the context could not be made: %w", err)
	}
	s.mu.Lock()
	s.contexts[cc.id] = cc // also in a closed session: Close waits for this call and ends it then
	s.mu.Unlock()
	return sandbox.CodeContext{ID: cc.id, Language: language}, nil
}

// book takes one of the places for contexts.
func (s *session) book(language sandbox.Language) (*codeContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.booked >= s.backend.traits.MaxContexts {
		return nil, sandbox.Errorf(sandbox.CodeQuotaExceeded, "the local sandbox %s holds %d contexts, which is the limit; stop one first", s.id, s.booked)
	}
	s.booked++
	s.made++
	id := fmt.Sprintf("%s-%d", language, s.made)
	return &codeContext{id: id, language: language, dir: filepath.Join(s.dir, id)}, nil
}

// furnish gives a new context its folder and its instance. An error leaves nothing behind.
func (s *session) furnish(ctx context.Context, cc *codeContext) error {
	if err := os.Mkdir(cc.dir, 0o700); err != nil {
		return err
	}
	instance, err := s.newInstance(ctx, cc)
	if err == nil {
		cc.instance = instance
		if err = context.Cause(ctx); err == nil {
			return nil
		}
		s.destroy(ctx, instance)
	}
	s.removeFolder(cc.dir)
	return err
}

func (s *session) newInstance(ctx context.Context, cc *codeContext) (localengine.ID, error) {
	return s.backend.engine.Create(ctx, localengine.Spec{Language: localengine.Language(cc.language), ScratchDir: cc.dir})
}

// destroy ends an instance and waits for it, which takes milliseconds and is not given up with the caller. One that is gone
// already is none to end.
func (s *session) destroy(ctx context.Context, instance localengine.ID) {
	err := s.backend.engine.Destroy(context.WithoutCancel(ctx), instance)
	if err != nil && !errors.Is(err, localengine.ErrUnknownInstance) && !isGone(err) {
		s.backend.log.WarnContext(ctx, "instance stays", "sandbox_id", s.id, "error", err)
	}
}

// removeFolder removes a scratch folder. What cannot be removed now, such as a file that is being read on Windows, goes with the
// backend's home.
func (s *session) removeFolder(dir string) {
	if err := os.RemoveAll(dir); err != nil {
		s.backend.log.Warn("scratch folder stays for now", "sandbox_id", s.id, "error", err)
	}
}

// StopContext implements [sandbox.Session]. It waits until the run in progress has ended, which is forced.
func (s *session) StopContext(ctx context.Context, contextID string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.calls.Done()
	s.mu.Lock()
	cc, ok := s.contexts[contextID]
	if !ok {
		s.mu.Unlock()
		return s.noContext(contextID)
	}
	cc.stopped = true
	delete(s.contexts, contextID)
	s.mu.Unlock()
	s.clear(ctx, cc)
	s.mu.Lock()
	s.booked--
	s.mu.Unlock()
	return nil
}

// clear ends what a context holds. Nobody can find it any more.
func (s *session) clear(ctx context.Context, cc *codeContext) {
	s.mu.Lock()
	instance, running := cc.instance, cc.running
	s.mu.Unlock()
	if instance != 0 {
		s.destroy(ctx, instance)
	}
	if running != nil {
		<-running // a replacement for the instance was not kept
	}
	s.removeFolder(cc.dir)
}

// Check implements [sandbox.Session].
func (s *session) Check(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.calls.Done()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("check the local sandbox %s: %w", s.id, err)
	}
	return nil
}

// Close implements [sandbox.Session]. It is not given up with its caller: ending a sandbox takes milliseconds.
func (s *session) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	running := make([]localengine.ID, 0, len(s.contexts))
	for _, cc := range s.contexts {
		running = append(running, cc.instance)
	}
	s.mu.Unlock()
	for _, instance := range running {
		s.destroy(ctx, instance)
	}
	s.calls.Wait()
	s.mu.Lock()
	left := s.contexts
	s.contexts = nil
	s.mu.Unlock()
	for _, cc := range left { // and those that were being made
		s.destroy(ctx, cc.instance)
	}
	s.removeFolder(s.dir)
	return nil
}
