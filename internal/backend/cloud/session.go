package cloud

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// session is our hold on one sandbox.
type session struct {
	backend *Backend
	client  *agentrun.Client
	id      string
	born    time.Time
	ctx     context.Context // ends with Close
	cancel  context.CancelCauseFunc
	calls   sync.WaitGroup // those that make or run something, and work that goes on after them; Add only under mu while !closed, or within another

	mu       sync.Mutex // guards below and the fields of each codeContext that say so; never held across a call
	closed   bool
	gone     bool // the service said that the sandbox is over
	booked   int  // contexts, and those being made
	made     int  // contexts ever, for their IDs
	contexts map[string]*codeContext
}

// codeContext is one interpreter. Behind its ID another may take the place of the one it began with.
type codeContext struct {
	id       string
	language sandbox.Language
	folder   string // its working folder in the sandbox
	mark     string // a word that its interpreters are given to keep
	ctx      context.Context
	cancel   context.CancelCauseFunc

	// Guarded by the session's mu.
	remote  string        // the interpreter's own ID; "" if the last one was lost and is not replaced
	doubt   bool          // something went wrong: it is to be looked at before it is used
	stopped bool          // by StopContext
	running chan struct{} // not nil while code runs; closed when that is over
	mending chan struct{} // not nil while the interpreter is replaced; closed when that is over

	jobs     []*job // that can be looked at or have left something in the sandbox, oldest first; see sweep
	madeJobs int
}

// Why a run ends before its time.
var (
	errSessionClosed  = errors.New("the session was closed")
	errContextStopped = errors.New("the context was stopped")
)

// contextFolder begins the names of working folders.
const contextFolder = "context-"

const mendLimit = 30 * time.Second // for deleting an interpreter and making another

func newSession(b *Backend, id string, born time.Time) *session {
	s := &session{backend: b, client: b.client, id: id, born: born, contexts: make(map[string]*codeContext)}
	s.ctx, s.cancel = context.WithCancelCause(context.Background()) // it outlives the Open that made it; Close ends it
	return s
}

// SandboxID implements [sandbox.Session].
func (s *session) SandboxID() string { return s.id }

// Born implements [sandbox.Lasting].
func (s *session) Born() time.Time { return s.born }

func (s *session) lost(cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := "has ended: AgentRun ends sandboxes after their idle time, after six hours, and when they break"
	if s.closed {
		why = "was closed"
	}
	return &sandbox.Error{Code: sandbox.CodeSessionLost, Message: "the AgentRun sandbox " + s.id + " " + why, Err: cause}
}

func (s *session) noContext(contextID string) error {
	return sandbox.Errorf(sandbox.CodeContextNotFound, "the AgentRun sandbox %s has no context %q", s.id, contextID)
}

// enter lets a call in that Close has to wait for.
func (s *session) enter() error {
	s.mu.Lock()
	over := s.closed || s.gone
	if !over {
		s.calls.Add(1)
	}
	s.mu.Unlock()
	if over {
		return s.lost(nil)
	}
	return nil
}

// isOver reports whether a failed call means that the sandbox is gone, which is then remembered. Where the answer leaves open what
// is missing, the sandbox's health tells.
func (s *session) isOver(ctx context.Context, err error) bool {
	kind := agentrun.KindOf(err)
	if kind == agentrun.KindNotFound {
		_, err := s.client.Health(ctx, s.id)
		kind = agentrun.KindOf(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = s.gone || kind == agentrun.KindSandboxGone
	return s.gone || s.closed
}

// fail words a call into the sandbox that failed.
func (s *session) fail(ctx context.Context, attempt string, fallback sandbox.Code, err error) error {
	if s.isOver(ctx, err) {
		return s.lost(err)
	}
	return s.backend.explain(attempt, fallback, err)
}

// CreateContext implements [sandbox.Session].
func (s *session) CreateContext(ctx context.Context, language sandbox.Language) (sandbox.CodeContext, error) {
	if err := s.enter(); err != nil {
		return sandbox.CodeContext{}, err
	}
	defer s.calls.Done()
	const attempt = "create a context"
	if err := context.Cause(ctx); err != nil {
		return sandbox.CodeContext{}, fmt.Errorf("%s: %w", attempt, err)
	}
	if !s.backend.traits.Speaks(language) {
		return sandbox.CodeContext{}, sandbox.Errorf(sandbox.CodeInvalidLanguage, "the AgentRun backend does not run %q; it runs python and javascript", language)
	}
	cc, err := s.book(language)
	if err != nil {
		return sandbox.CodeContext{}, err
	}
	within, stop := s.bind(ctx, s.ctx)
	defer stop()
	_, err = s.client.MakeFolder(within, s.id, cc.folder)
	if err == nil {
		cc.remote, err = s.furnish(within, cc)
	}
	if err != nil {
		failed, _ := errors.AsType[*agentrun.APIError](err)
		err = s.fail(ctx, attempt, sandbox.CodeContextCreationFailed, err)
		s.calls.Go(func() {
			if failed != nil && failed.Uncertain {
				s.deleteStrays(cc)
			}
			s.removeFolder(cc)
		})
		s.mu.Lock()
		s.booked--
		s.mu.Unlock()
		return sandbox.CodeContext{}, err
	}
	s.mu.Lock()
	s.contexts[cc.id] = cc
	s.mu.Unlock()
	return sandbox.CodeContext{ID: cc.id, Language: language}, nil
}

// bind gives a context that ends with either of two, with its cause.
func (s *session) bind(ctx, other context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return ctx, func() { stop(); cancel(nil) }
}

// book takes one of the places for contexts.
func (s *session) book(language sandbox.Language) (*codeContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.booked >= s.backend.traits.MaxContexts {
		return nil, sandbox.Errorf(sandbox.CodeQuotaExceeded, "the AgentRun sandbox %s holds %d contexts, which is the limit; stop one first", s.id, s.booked)
	}
	s.booked++
	s.made++
	mark := newToken()
	cc := &codeContext{id: fmt.Sprintf("%s-%d", language, s.made), language: language, folder: agentrun.HomeFolder + "/" + contextFolder + mark, mark: mark}
	cc.ctx, cc.cancel = context.WithCancelCause(s.ctx)
	return cc, nil
}

// furnish makes an interpreter and gives it its mark to keep, by which it is known again. What was made is deleted again after an
// error, unless its creation got no answer.
func (s *session) furnish(ctx context.Context, cc *codeContext) (string, error) {
	made, err := s.client.CreateContext(ctx, s.id, agentrun.Language(cc.language), cc.folder)
	if err != nil {
		return "", err
	}
	answer, err := s.client.Execute(ctx, s.id, agentrun.Execution{Code: markCode(cc), ContextID: made.ID, Timeout: probeLimit})
	if err == nil && answer.Outcome() != agentrun.OutcomeOK {
		err = sandbox.Errorf(sandbox.CodeContextCreationFailed, "the new %s interpreter could not run a line to try it (%s); try again", cc.language, answer.Outcome())
	}
	if err != nil {
		s.calls.Go(func() { s.deleteRemote(made.ID) })
		return "", err
	}
	return made.ID, nil
}

// deleteRemote ends an interpreter, and what it runs. One that is gone already is none to end.
func (s *session) deleteRemote(remote string) {
	ctx, cancel := context.WithTimeout(s.ctx, mendLimit)
	defer cancel()
	err := s.client.DeleteContext(ctx, s.id, remote)
	if err != nil && ctx.Err() == nil && agentrun.KindOf(err) != agentrun.KindContextNotFound && !s.isOver(ctx, err) {
		s.backend.log.Warn("interpreter stays until its sandbox ends", "sandbox_id", s.id, "error", err)
	}
}

// deleteStrays ends the interpreters of a context that is none: its folder, in which nothing else works, gives them away.
func (s *session) deleteStrays(cc *codeContext) {
	ctx, cancel := context.WithTimeout(s.ctx, mendLimit)
	defer cancel()
	found, err := s.client.ListContexts(ctx, s.id)
	if err != nil && ctx.Err() == nil && !s.isOver(ctx, err) {
		s.backend.log.Warn("interpreter may stay until its sandbox ends", "sandbox_id", s.id, "error", err)
	}
	for _, stray := range found {
		if path.Base(stray.Cwd) == path.Base(cc.folder) {
			s.deleteRemote(stray.ID)
		}
	}
}

// clearContext ends and deletes what is left of a context that nobody can ask for any more.
func (s *session) clearContext(cc *codeContext) {
	ctx, cancel := context.WithTimeout(s.ctx, mendLimit)
	s.endJobs(ctx, cc)
	cancel()
	s.mu.Lock()
	remote := cc.remote
	s.mu.Unlock()
	if remote != "" {
		s.deleteRemote(remote)
	} else {
		s.deleteStrays(cc) // nobody knows how far its replacement came
	}
	s.removeFolder(cc)
}

func (s *session) removeFolder(cc *codeContext) {
	ctx, cancel := context.WithTimeout(s.ctx, mendLimit)
	defer cancel()
	if _, err := s.client.Remove(ctx, s.id, cc.folder); err != nil && ctx.Err() == nil && !s.isOver(ctx, err) {
		s.backend.log.Warn("folder stays until its sandbox ends", "sandbox_id", s.id, "error", err)
	}
}

// StopContext implements [sandbox.Session]. The context is not to be found any more, whatever becomes of its interpreter.
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
	running := cc.running
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.booked--
		s.mu.Unlock()
	}()
	cc.cancel(errContextStopped)
	if running != nil {
		<-running // which takes no longer than noticing
	}
	s.mu.Lock()
	mending := cc.mending
	s.mu.Unlock()
	if mending != nil {
		select {
		case <-mending:
		case <-ctx.Done():
			s.calls.Go(func() {
				<-mending
				s.clearContext(cc)
			})
			return sandbox.Errorf(sandbox.CodeStopFailed, "could not stop the context %s yet: its interpreter is being replaced, and is ended after that (%w)", contextID, context.Cause(ctx))
		}
	}
	s.mu.Lock()
	remote := cc.remote
	s.mu.Unlock()
	within, stop := s.bind(ctx, s.ctx)
	defer stop()
	s.endJobs(within, cc)
	var err error
	if remote != "" {
		err = s.client.DeleteContext(within, s.id, remote)
	}
	if err != nil && agentrun.KindOf(err) != agentrun.KindContextNotFound {
		err = s.fail(ctx, "stop the context "+contextID, sandbox.CodeStopFailed, err)
		// Nobody can ask for it again. What it runs must not go on because its caller lost patience, or the service had a bad moment.
		s.calls.Go(func() { s.clearContext(cc) })
		return err
	}
	s.calls.Go(func() { s.removeFolder(cc) })
	return nil
}

// Check implements [sandbox.Session]. It also keeps the sandbox from ending by its idle timeout. Only an error that is
// [sandbox.ErrSessionLost] says that the sandbox is over. Any other says that it could not be asked, or is unwell: it may still be
// there, with everything in it, and should not be given up for that. See [sandbox.IfLost].
func (s *session) Check(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.calls.Done()
	within, stop := s.bind(ctx, s.ctx)
	defer stop()
	health, err := s.client.Health(within, s.id)
	switch {
	case err == nil && health.OK():
		s.backend.settle()
		return nil
	case err == nil:
		err = sandbox.Errorf(sandbox.CodeServerNotReady, "the AgentRun sandbox %s says that its health is %q", s.id, health.Status)
	case agentrun.KindOf(err) == agentrun.KindStarting:
	default:
		return s.fail(ctx, "check the AgentRun sandbox "+s.id, sandbox.CodeServerNotReady, err)
	}
	// The gateway says "starting" of a sandbox that broke, too. Whether it is over, the other plane knows.
	if s.hasEnded(within) {
		return s.lost(err)
	}
	return s.backend.explain("check the AgentRun sandbox "+s.id, sandbox.CodeServerNotReady, err)
}

// hasEnded asks for a sandbox that does not say so itself.
func (s *session) hasEnded(ctx context.Context) bool {
	found, err := s.client.GetSandbox(ctx, s.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = s.gone || agentrun.KindOf(err) == agentrun.KindSandboxGone || err == nil && found.Status.Ended()
	return s.gone || s.closed
}

// finish refuses calls from now on, and waits for those under way, of which none waits for the service any more.
func (s *session) finish() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel(errSessionClosed)
	s.calls.Wait()
}

// Close implements [sandbox.Session]. When the sandbox could not be ended, the backend goes on trying for a while, and later.
func (s *session) Close(ctx context.Context) error {
	s.finish()
	if _, err := s.client.DeleteSandbox(ctx, s.id); err != nil {
		if s.backend.begin() {
			s.backend.discard(s.id, false)
			s.backend.jobs.Done()
		} else {
			s.backend.giveUp(s.id)
		}
		return s.backend.explain("end the AgentRun sandbox "+s.id, sandbox.CodeStopFailed, err)
	}
	s.backend.strike(s.id)
	s.backend.settle()
	return nil
}

// Detach implements [sandbox.Lasting]. The ledger keeps the sandbox for the next host. One that would be too old for it by then, or
// that there is no ledger for, is ended instead.
func (s *session) Detach(ctx context.Context) error {
	if s.backend.options.Ledger == nil || !s.backend.isWorthwhile(time.Since(s.born)) {
		return s.Close(ctx)
	}
	s.finish()
	if err := s.backend.clear(ctx, s.id); err != nil {
		return s.backend.explain("clear the AgentRun sandbox "+s.id, sandbox.CodeStopFailed, err)
	}
	s.backend.log.InfoContext(ctx, "sandbox left for the next host", "sandbox_id", s.id)
	return nil
}
