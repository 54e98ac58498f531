// Package cloud is the backend that runs code in AgentRun, Alibaba Cloud's service of sandboxes. It turns the calls of package
// agentrun into those of the contract, and sees that no sandbox is made that nobody ends.
//
// A sandbox is one of the service, made from a template that the backend makes itself when the account has none by that name.
// Each context is an interpreter there with a working folder of its own below the home folder; code that wants to can see the
// folders of the sandbox's other contexts. What the service cannot do shapes what this backend promises:
//
//   - A run is one request that is answered at its end. Nothing is known of it meanwhile: no output, and none of what was
//     printed by a run that was cancelled.
//   - There is no call that stops code. A run that is cancelled is answered at once, and its interpreter is deleted and replaced
//     by another in the same folder; its variables are gone (Result.StateLost). The next run waits for that.
//   - Code has 30 s at most, given in whole seconds: a shorter time is rounded up. The service does not say whether an interpreter
//     survives the end of its time, so it is looked at then. What is left of it stays; an interpreter that is new, or does
//     not answer, counts as lost and is replaced.
//   - A request whose answer does not come may have been carried out. A run is never sent again, and the interpreter is looked at
//     before the next one. Finding it lost, that next run is refused with a result that says so, and nothing of its code is run.
//   - A sandbox is entered in the ledger before it is asked for, and struck out when the service has confirmed its end. What an
//     earlier host left there is looked at before the first Open makes one: some are taken over, the others ended.
//   - Line ends at the end of what was printed are cut off by the service. They are put back, so that output which did not end in
//     one has one too.
//
// The host makes one Backend and closes it after the sessions.
package cloud

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/ledger"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Name is the word for this backend in settings and results.
const Name = "agentrun"

// DefaultTemplate is the name of the template that is made in the account.
const DefaultTemplate = "agentrun-tray"

// MaxLifetime is the highest age at which sessions can be renewed: as long before the service's own limit as it may take, with
// trouble, to make another.
const MaxLifetime = agentrun.MaxLifetime - 10*time.Minute

const (
	templateCPU    = 2    // cores; the least that the service takes
	templateMemory = 2048 // MB; the least that the service takes
	templateDisk   = 512  // MB; what the service gives unless asked for more

	defaultTemplateLimit = 300 * time.Second
	defaultStartLimit    = 2 * time.Minute
	defaultLifetime      = time.Hour
	defaultIdle          = time.Hour
	defaultContexts      = 20 // an idle interpreter takes tens of megabytes of the two gigabytes (assumed)

	maxCodeSize = 1 << 20 // the service states no limit
	probeLimit  = 10 * time.Second
	endLimit    = 2 * time.Minute // for ending a sandbox that nobody has
)

// Options say what a backend makes. The zero value of a field without a word to the contrary means the default.
type Options struct {
	// Client speaks to the service. It stays the caller's. Required.
	Client *agentrun.Client
	// Template is the name of the template sandboxes are made from: DefaultTemplate. One that is not there is made; one that is there
	// is never changed.
	Template string
	// TemplateLimit is how long a template may take to be ready: 300 s.
	TemplateLimit time.Duration
	// StartLimit is how long a sandbox may take to be ready: 2 min.
	StartLimit time.Duration
	// Lifetime is the age at which sessions should be renewed: 1 h. At most MaxLifetime.
	Lifetime time.Duration
	// IdleTimeout is after what time without a request the service ends a sandbox: 1 h, or Lifetime if that is longer. It must not be
	// shorter than Lifetime.
	IdleTimeout time.Duration
	// MaxContexts is how many contexts one sandbox holds: 20.
	MaxContexts int
	// Ledger keeps the ids of sandboxes on disk. It stays the caller's. nil: nothing is kept, and what a host leaves that was killed
	// ends by its idle timeout.
	Ledger *ledger.Ledger
	// Keep is how many sandboxes that an earlier host left are taken over by Open: none. The others are ended.
	Keep int
	// Logger receives one line per event, never code. Default: discarded.
	Logger *slog.Logger
}

// Backend makes sandboxes in AgentRun. Methods are safe for concurrent use.
type Backend struct {
	client  *agentrun.Client
	account agentrun.Account
	options Options
	traits  sandbox.Traits
	log     *slog.Logger
	ctx     context.Context // of work that no caller waits for; Close ends it
	cancel  context.CancelFunc
	jobs    sync.WaitGroup // Opens, and that work; Add only under mu while !closed, or within another job
	changed chan struct{}  // capacity 1
	closing chan struct{}  // closed by Close

	mu        sync.Mutex // guards below; never held across a call
	closed    bool
	preparing *preparation // of the template; nil: nobody is at it
	ready     bool         // the template was seen to be
	machine   Machine      // what it was seen to make; zero: it was not looked at
	steps     []*Step

	recovering *recovery      // of what an earlier host left; nil: nobody is at it
	recovered  bool           // it was looked at
	triedAt    time.Time      // when that last ended
	left       []ledger.Entry // to be taken over, youngest first
}

// New checks the options. It starts nothing and calls nobody: the first Open does.
func New(options Options) (*Backend, error) {
	options.Template = cmp.Or(options.Template, DefaultTemplate)
	options.TemplateLimit = cmp.Or(options.TemplateLimit, defaultTemplateLimit)
	options.StartLimit = cmp.Or(options.StartLimit, defaultStartLimit)
	options.Lifetime = cmp.Or(options.Lifetime, defaultLifetime)
	options.IdleTimeout = cmp.Or(options.IdleTimeout, max(defaultIdle, options.Lifetime))
	options.MaxContexts = cmp.Or(options.MaxContexts, defaultContexts)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	switch {
	case options.Client == nil:
		err = errors.New("there is no client")
	case options.TemplateLimit < 0 || options.StartLimit < 0 || options.MaxContexts < 0 || options.Keep < 0:
		err = errors.New("a limit is negative")
	case options.Lifetime < 0 || options.Lifetime > MaxLifetime:
		err = fmt.Errorf("a lifetime of %s is not between 0 and %s; AgentRun ends a sandbox after %s, and making another takes a while", options.Lifetime, MaxLifetime, agentrun.MaxLifetime)
	case options.IdleTimeout < options.Lifetime || options.IdleTimeout > agentrun.MaxLifetime:
		err = fmt.Errorf("an idle timeout of %s is not between the lifetime of %s and the %s that AgentRun gives a sandbox", options.IdleTimeout, options.Lifetime, agentrun.MaxLifetime)
	}
	if err != nil {
		return nil, fmt.Errorf("make the AgentRun backend: %w", err)
	}
	b := &Backend{
		client: options.Client, account: options.Client.Account(), options: options, log: options.Logger,
		changed: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.traits = traits(options)
	return b, nil
}

// Name implements [sandbox.Backend].
func (b *Backend) Name() string { return Name }

// Traits implements [sandbox.Backend].
func (b *Backend) Traits() sandbox.Traits {
	traits := b.traits
	traits.Languages = slices.Clone(traits.Languages)
	return traits
}

// Machine is the size of a sandbox.
type Machine struct {
	CPU          float64 // cores
	Memory, Disk int     // MB
}

// Machine tells what sandboxes of the template are like, which need not be one that this program made. It is zero before that was
// looked at, which is not needed for sandboxes that are taken over.
func (b *Backend) Machine() Machine {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.machine
}

// Step is something that is being waited for.
type Step struct {
	What  string // such as "the template agentrun-tray (CREATING)"
	Stage Stage
	Since time.Time
}

// Stage is what a step is about.
type Stage string

// The stages.
const (
	StageTemplate Stage = "template"
	StageSandbox  Stage = "sandbox"
	StageRecovery Stage = "recovery" // of sandboxes of an earlier run
)

// Progress tells what is being waited for at the moment, oldest first.
func (b *Backend) Progress() []Step {
	b.mu.Lock()
	defer b.mu.Unlock()
	steps := make([]Step, len(b.steps))
	for i, s := range b.steps {
		steps[i] = *s
	}
	return steps
}

// Changed gets a value after Progress changed. It has room for one and one reader.
func (b *Backend) Changed() <-chan struct{} { return b.changed }

func (b *Backend) tell() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// wait notes something that is being waited for, until it is called off.
func (b *Backend) wait(stage Stage, what string) *Step {
	step := &Step{What: what, Stage: stage, Since: time.Now()}
	b.mu.Lock()
	b.steps = append(b.steps, step)
	b.mu.Unlock()
	b.tell()
	return step
}

func (b *Backend) say(step *Step, what string) {
	b.mu.Lock()
	changed := step.What != what
	step.What = what
	b.mu.Unlock()
	if changed {
		b.tell()
	}
}

func (b *Backend) over(step *Step) {
	b.mu.Lock()
	b.steps = slices.DeleteFunc(b.steps, func(s *Step) bool { return s == step })
	b.mu.Unlock()
	b.tell()
}

var errClosed = errors.New("the AgentRun backend is closed")

// begin lets in work that Close waits for.
func (b *Backend) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.jobs.Add(1)
	return true
}

// Close waits until sandboxes that nobody got have been ended. When ctx ends first it gives that up and says so: what stays then
// is ended by the next host that has the ledger, or after its idle timeout. Sessions are not closed. Open fails from the first call on.
func (b *Backend) Close(ctx context.Context) error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.closing)
	}
	b.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.jobs.Wait()
	}()
	select {
	case <-done:
		b.cancel()
		return nil
	case <-ctx.Done():
		b.cancel()
		<-done
		return fmt.Errorf("close the AgentRun backend: sandboxes may be left to their idle timeout: %w", context.Cause(ctx))
	}
}

// Open implements [sandbox.Backend]. It takes as long as the template, when that is still being made, and then the sandbox; less
// if there is one to be taken over.
func (b *Backend) Open(ctx context.Context) (sandbox.Session, error) {
	if !b.begin() {
		return nil, fmt.Errorf("%s: %w", attemptOpen, errClosed)
	}
	defer b.jobs.Done()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", attemptOpen, err)
	}
	if err := b.awaitRecovery(ctx); err != nil {
		return nil, err
	}
	if s, err := b.takeOver(ctx); s != nil || err != nil {
		return s, err
	}
	if err := b.awaitTemplate(ctx); err != nil {
		return nil, err
	}
	step := b.wait(StageSandbox, "a sandbox to start")
	defer b.over(step)
	born := time.Now()
	id, err := b.create(ctx, born)
	if err != nil {
		return nil, err
	}
	if err := b.prove(ctx, id); err != nil {
		b.discard(id, false)
		return nil, err
	}
	b.log.InfoContext(ctx, "sandbox ready", "sandbox_id", id, "took", time.Since(born))
	b.settle()
	return newSession(b, id, born), nil
}

const attemptOpen = "open an AgentRun sandbox"

// create makes a sandbox, once. It has an id of our choice, by which it can be found and ended when the answer is lost.
func (b *Backend) create(ctx context.Context, now time.Time) (string, error) {
	id := "tray-" + newToken()
	b.enter(id, now)
	made, err := b.client.CreateSandbox(ctx, agentrun.SandboxSpec{Template: b.options.Template, ID: id, IdleTimeout: b.options.IdleTimeout})
	if err == nil && made.ID != "" && made.ID != id { // nobody has seen the service do that
		b.enter(made.ID, now)
		b.strike(id)
		id = made.ID
	}
	if err == nil {
		return id, nil
	}
	if failed, ok := errors.AsType[*agentrun.APIError](err); ok && mayHaveMade(failed) {
		b.discard(id, failed.Uncertain)
	} else {
		b.strike(id)
	}
	if kind := agentrun.KindOf(err); kind == agentrun.KindTemplateNotFound || kind == agentrun.KindConflict {
		b.mu.Lock()
		b.ready = false // somebody deleted or changes it: the next Open looks
		b.mu.Unlock()
	}
	return "", b.explain(attemptOpen, sandbox.CodeServerNotReady, err)
}

// mayHaveMade reports whether there may be a sandbox although its creation failed: the answer is lost, or it says that something
// is wrong without saying that nothing was made.
func mayHaveMade(failed *agentrun.APIError) bool {
	switch failed.Kind {
	case agentrun.KindFailed, agentrun.KindConflict, agentrun.KindExists:
		return true
	default:
		return failed.Uncertain
	}
}

// prove waits until a sandbox is healthy and runs a harmless line in it: the first run in a young one was seen to go wrong.
func (b *Backend) prove(ctx context.Context, id string) error {
	if err := b.awaitHealth(ctx, id); err != nil {
		return err
	}
	answer, err := b.client.Execute(ctx, id, agentrun.Execution{Code: "print('ready')", Language: agentrun.Python, Timeout: probeLimit})
	if err != nil {
		return b.explain(attemptOpen, sandbox.CodeServerNotReady, err)
	}
	if outcome := answer.Outcome(); outcome != agentrun.OutcomeOK {
		return sandbox.Errorf(sandbox.CodeServerNotReady, "the new AgentRun sandbox %s could not run a line to try it (%s); another one will be made", id, outcome)
	}
	return nil
}

var errStartLimit = errors.New("the time for the sandbox to start is up")

func (b *Backend) awaitHealth(ctx context.Context, id string) error {
	limited, cancel := context.WithTimeoutCause(ctx, b.options.StartLimit, errStartLimit)
	defer cancel()
	began := time.Now()
	said := "it did not answer"
	for {
		health, err := b.client.Health(limited, id)
		switch {
		case err == nil && health.OK():
			return nil
		case err == nil:
			said = "its health is " + cmp.Or(health.Status, "unknown")
		case limited.Err() != nil:
		case b.hopeless(limited, id, err):
			return b.explain(attemptOpen, sandbox.CodeServerNotReady, err)
		default:
			said = err.Error()
		}
		pause(limited, began)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", attemptOpen, context.Cause(ctx))
		case limited.Err() != nil:
			return sandbox.Errorf(sandbox.CodeServerNotReady, "the AgentRun sandbox %s was not ready within %s (%s); another one will be made", id, b.options.StartLimit, said)
		}
	}
}

// hopeless reports whether a sandbox whose health could not be had will never be healthy. The gateway may not know a sandbox yet
// that the control plane has made: whether it is over, that one tells.
func (b *Backend) hopeless(ctx context.Context, id string, err error) bool {
	failed, ok := errors.AsType[*agentrun.APIError](err)
	if !ok {
		return true
	}
	switch failed.Kind {
	case agentrun.KindSandboxGone:
		found, err := b.client.GetSandbox(ctx, id)
		return agentrun.KindOf(err) == agentrun.KindSandboxGone || err == nil && found.Status.Ended()
	case agentrun.KindFailed, agentrun.KindBadAnswer:
		return false // ways to say "not yet"
	case agentrun.KindNoSuchHost: // the other plane's host was found a moment ago
		return true
	default:
		return !failed.Retryable()
	}
}

// pause waits a sixteenth of the time that has passed, within bounds: what is waited for is found soon after it has come, however
// long it took, and nobody is asked more often than that needs.
func pause(ctx context.Context, began time.Time) {
	timer := time.NewTimer(min(max(time.Since(began)/16, 250*time.Millisecond), 5*time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// searches is how often a sandbox is looked for of which it is not known whether it was made.
const searches = 4

// discard ends a sandbox that nobody got, beside its caller. One whose creation got no answer may only just be made, so that it
// is looked for several times. The caller is a job.
func (b *Backend) discard(id string, uncertain bool) {
	b.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(b.ctx, endLimit)
		defer cancel()
		wait := time.Second
		for n := 1; ; n++ {
			was, err := b.client.DeleteSandbox(ctx, id)
			failed, isAnswer := errors.AsType[*agentrun.APIError](err)
			switch {
			case err == nil && (!uncertain || !was.Status.Ended() || n >= searches):
				b.log.Info("unused sandbox ended, or was never made", "sandbox_id", id)
				b.strike(id)
				return
			case ctx.Err() != nil, err != nil && (!isAnswer || !failed.Retryable()):
				b.log.Error("unused sandbox could not be ended; that is tried again later, and it ends after its idle timeout", "sandbox_id", id, "error", err)
				b.giveUp(id)
				return
			}
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
			wait = min(2*wait, 15*time.Second)
		}
	})
}

// newToken is a word that nobody else has.
func newToken() string { return strings.ToLower(rand.Text()[:20]) }
