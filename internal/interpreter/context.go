package interpreter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/agentrun-tray/agentrun-tray/internal/carry"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Status is what a context is doing.
type Status string

// The states of a context in the tool contract.
const (
	Active  Status = "active"  // ready for code
	Running Status = "running" // code runs in it
	Lost    Status = "lost"    // its sandbox is gone; the next use remakes it empty
)

// Context is a copy of what there is to know of one context.
type Context struct {
	ID          string
	Name        string
	Description string
	Language    sandbox.Language
	Status      Status
	CreatedAt   time.Time
	LastUsed    time.Time
	Backend     string
	Instead     string // why it is on another backend than it should be; empty: it is not
	SandboxID   string
	Runs        int
	Default     bool   // made because a caller named no context
	Owner       string // the name of the client that made it
	RunID       string // the run in progress; empty: no code runs
	Busy        bool   // something runs: code, a command or, as far as is known, a process in the background
}

// NewContext describes a context to be made.
type NewContext struct {
	Name        string
	Description string
	Language    sandbox.Language // empty: the backend's first
}

// codeContext is one context. A caller that wants to run code takes the turn; whoever has the turn may place the context and
// use the session.
type codeContext struct {
	id          string
	name        string
	description string
	language    sandbox.Language
	created     time.Time
	owner       string
	maker       string      // the key of the caller that made it
	key         *defaultKey // of a default context
	seq         int         // order of creation, where clocks are too coarse
	meant       *Site       // where new contexts were made when this one was asked for

	gone chan struct{} // closed when the context is being stopped: waiters leave

	// Guarded by Interpreter.mu; site, lease and inner are written only by the holder of the turn.
	queue    queue
	site     *Site         // where it is, or will be placed
	instead  string        // why that is not where it was meant to be
	landed   chan struct{} // closed when the context is placed or has moved, if somebody waits for that
	lease    *pool.Lease[sandbox.Session]
	inner    sandbox.CodeContext // the session's name for it
	unwatch  func()              // ends the watch on the lease, and waits
	placed   bool                // has been on a session at least once
	stopping bool
	orphan   bool // a default context whose client has left
	current  *Run // its code runs now
	users    int  // calls that use or wait for it
	lastUsed time.Time
	runs     int
	endTurn  context.CancelCauseFunc // ends what the holder of the turn is doing; nil while nobody has it, or nothing may end it
	pending  []string                // notices that the next result must carry
	heard    int                     // how many of them callers beside its client were told
	history  history

	moving moving
	aside  int           // calls that use the session without the turn
	still  chan struct{} // closed when there are none any more, if somebody waits for that
	names  carry.Names   // of its variables; used by the holder of the turn alone

	commands  int           // that are waited for
	quiet     chan struct{} // not nil while there are some; closed when the last has ended
	processes []*process    // that were started, oldest first
}

// beginStop makes waiters leave. The caller holds Interpreter.mu and has checked that stopping is false.
func (cc *codeContext) beginStop() {
	cc.stopping = true
	close(cc.gone)
}

// lost reports whether the session under the context is gone, and why. The caller holds Interpreter.mu.
func (cc *codeContext) lost() (bool, error) {
	if cc.lease == nil {
		return cc.placed, nil
	}
	select {
	case <-cc.lease.Lost():
		return true, cc.lease.Cause()
	default:
		return false, nil
	}
}

func (i *Interpreter) view(cc *codeContext) Context {
	v := Context{
		ID: cc.id, Name: cc.name, Description: cc.description, Language: cc.language, Status: Active,
		CreatedAt: cc.created, LastUsed: cc.lastUsed, Backend: cc.site.Name(), Instead: cc.instead, Runs: cc.runs,
		Default: cc.key != nil, Owner: cc.owner, Busy: cc.busy(time.Now()),
	}
	if cc.lease != nil {
		v.SandboxID = cc.lease.Value().SandboxID()
	}
	if lost, _ := cc.lost(); lost {
		v.Status = Lost
	} else if cc.current != nil {
		v.Status = Running
	}
	if cc.current != nil {
		v.RunID = cc.current.id
	}
	return v
}

// CreateContext makes a context and places it on the ready session with the fewest contexts. It waits for a session if none
// is ready.
func (i *Interpreter) CreateContext(ctx context.Context, caller Caller, spec NewContext) (Context, error) {
	if err := i.checkNewContext(&spec); err != nil {
		return Context{}, err
	}
	ctx, cancel, leave, err := i.enter(ctx)
	if err != nil {
		return Context{}, err
	}
	defer leave()
	cc, orphan, err := i.add(caller, spec)
	if err != nil {
		return Context{}, err
	}
	defer i.release(cc)
	i.evict(ctx, orphan)
	ticket := i.book(cc)
	if err := i.takeTurn(ctx, cc, ticket, cancel); err != nil {
		return Context{}, err
	}
	defer i.yieldTurn(cc, ticket)
	if _, err := i.place(ctx, cc, i.opt.ReadyTimeout); err != nil {
		i.forget(cc, "")
		return Context{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.view(cc), nil
}

// add books a context that is not yet placed, with the caller as its first user. At the limit an orphan has to go, which the
// caller must then evict.
func (i *Interpreter) add(caller Caller, spec NewContext) (cc, orphan *codeContext, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.addLocked(caller, spec, nil)
}

func (i *Interpreter) addLocked(caller Caller, spec NewContext, key *defaultKey) (cc, orphan *codeContext, err error) {
	if n := len(i.contexts); n >= i.opt.MaxContexts {
		if orphan = i.oldestOrphan(); orphan == nil {
			return nil, nil, sandbox.Errorf(sandbox.CodeContextCreationFailed,
				"there are %d contexts already, which is the limit; stop one with stop_context first (list_contexts shows them)", n)
		}
		orphan.beginStop()
	}
	now := time.Now().UTC()
	i.made++
	cc = &codeContext{
		id: idPrefix + uuid.NewString(), name: spec.Name, description: spec.Description, language: spec.Language,
		created: now, lastUsed: now, owner: caller.Name, maker: caller.Key, key: key, seq: i.made,
		meant: i.site, site: i.site, gone: make(chan struct{}), users: 1,
	}
	i.contexts[cc.id] = cc
	if key != nil {
		i.defaults[*key] = cc
	}
	return cc, orphan, nil
}

// oldestOrphan is the orphan that nobody uses for the longest time, or nil. The caller holds mu.
func (i *Interpreter) oldestOrphan() *codeContext {
	var oldest *codeContext
	for _, cc := range i.contexts {
		if cc.orphan && cc.users == 0 && !cc.stopping && (oldest == nil || cc.lastUsed.Before(oldest.lastUsed)) {
			oldest = cc
		}
	}
	return oldest
}

// evict ends an orphan that add has chosen, if it has.
func (i *Interpreter) evict(ctx context.Context, orphan *codeContext) {
	if orphan == nil {
		return
	}
	if err := i.end(context.WithoutCancel(ctx), orphan, "its client had left and room was needed"); err != nil {
		i.log.WarnContext(ctx, "stop of an orphaned context failed", "context_id", orphan.id, "error", err)
	}
}

// find returns the context that a call means and books the call as its user. Without an ID it is the caller's default
// context for the language, which is booked if there is none. What check, unless it is nil, says against the context's site comes
// before anything is booked. The caller must release the context, and evict the orphan.
func (i *Interpreter) find(caller Caller, id string, language sandbox.Language, check func(*Site) error) (cc, orphan *codeContext, err error) {
	if check == nil {
		check = func(*Site) error { return nil }
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if id != "" {
		cc = i.contexts[id]
		if cc == nil || cc.stopping {
			return nil, nil, i.notFound(id, caller.Reconnected)
		}
		if language != "" && language != cc.language {
			return nil, nil, sandbox.Errorf(sandbox.CodeInvalidParams,
				"context %s speaks %s, not %s; leave language out, or create a context for it", id, cc.language, phrase.Clip(string(language), 40))
		}
		if err := check(cc.site); err != nil {
			return nil, nil, err
		}
		cc.users++
		return cc, nil, nil
	}
	language, err = i.site.language(language)
	if err != nil {
		return nil, nil, err
	}
	key := defaultKey{caller.Key, language}
	before := i.defaults[key]
	if before != nil && !before.stopping && before.meant == i.site {
		if err := check(before.site); err != nil {
			return nil, nil, err
		}
		before.users++
		before.orphan = false
		return before, nil, nil
	}
	if err := check(i.site); err != nil {
		return nil, nil, err
	}
	cc, orphan, err = i.addLocked(caller, NewContext{Name: "default-" + string(language), Language: language}, &key)
	if err == nil && before != nil && !before.stopping {
		i.dismissDefault(before, cc)
	}
	return cc, orphan, err
}

// dismissDefault makes a context an ordinary one that was its caller's default before new contexts were made elsewhere. Nobody finds it
// by default any more, so it ends as early as one whose client has left. The caller holds mu.
func (i *Interpreter) dismissDefault(before, now *codeContext) {
	before.key, before.orphan = nil, true
	signal(i.wake)
	now.pending = append(now.pending, fmt.Sprintf("New contexts are made on the %s backend now, so this is a new default %s context. The one from before is %s, on the %s backend: it keeps its variables, and ends when it is not used.",
		now.site.Name(), now.language, before.id, before.site.Name()))
}

// due takes what the next result about a context has to tell its caller. It is called when that result is certain to go out.
func (i *Interpreter) due(cc *codeContext, caller Caller) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.dueLocked(cc, caller)
}

func (i *Interpreter) dueLocked(cc *codeContext, caller Caller) []string {
	if caller.Beside && caller.Key != cc.maker {
		notices := slices.Clone(cc.pending[cc.heard:])
		cc.heard = len(cc.pending)
		if cc.instead != "" {
			notices = append(notices, cc.instead)
		}
		return notices
	}
	var notices []string
	if cc.key != nil {
		if why := i.ended.takeDefault(*cc.key); why != "" {
			notices = append(notices, fmt.Sprintf("Your default %s context was ended because %s. This is a new one: variables and files from before are gone.", cc.language, why))
		}
		if _, told := i.told[*cc.key]; caller.Reconnected && !told {
			i.told[*cc.key] = struct{}{}
			notices = append(notices, "AgentRun Tray was restarted: contexts made before, with their variables and files, are gone. This is a new context.")
		}
	}
	notices = append(notices, cc.pending...)
	cc.pending, cc.heard = nil, 0
	if cc.instead != "" {
		notices = append(notices, cc.instead)
	}
	return notices
}

// notFound says why there is no such context. The caller holds mu.
func (i *Interpreter) notFound(id string, reconnected bool) error {
	shown := phrase.Clip(id, 100)
	switch why := i.ended.forID(id); {
	case i.contexts[id] != nil:
		return sandbox.Errorf(sandbox.CodeContextNotFound, "context %s is being stopped; create a new one with create_context", shown)
	case why != "":
		return sandbox.Errorf(sandbox.CodeContextNotFound, "context %s is gone: %s. Create a new one with create_context", shown, why)
	case reconnected:
		return sandbox.Errorf(sandbox.CodeContextNotFound,
			"there is no context %q: AgentRun Tray was restarted, and contexts made before are gone with their variables and files. Create a new one with create_context", shown)
	}
	return sandbox.Errorf(sandbox.CodeContextNotFound, "there is no context %q; list_contexts shows those there are, create_context makes one", shown)
}

// release ends a call's use of a context.
func (i *Interpreter) release(cc *codeContext) {
	i.mu.Lock()
	cc.users--
	cc.lastUsed = time.Now().UTC()
	if !cc.placed && cc.users == 0 && i.contexts[cc.id] == cc {
		i.remove(cc, "") // booked for a call that came to nothing
	}
	i.mu.Unlock()
	signal(i.wake)
	signal(i.changed)
}

// book takes a place in the queue for a context.
func (i *Interpreter) book(cc *codeContext) *ticket {
	i.mu.Lock()
	defer i.mu.Unlock()
	return cc.queue.book()
}

// giveUp takes a ticket back.
func (i *Interpreter) giveUp(cc *codeContext, t *ticket) {
	i.mu.Lock()
	defer i.mu.Unlock()
	cc.queue.giveUp(t)
}

// takeTurn waits until the calls that came before have had their turn with the context. Whoever takes the turn away meanwhile does
// it with cancel. After an error the ticket is given up.
func (i *Interpreter) takeTurn(ctx context.Context, cc *codeContext, t *ticket, cancel context.CancelCauseFunc) (err error) {
	select {
	case <-t.turn:
	default:
		select {
		case <-t.turn:
		case <-cc.gone:
			err = sandbox.Errorf(sandbox.CodeContextNotFound, "context %s was stopped before this call had its turn", cc.id)
		case <-ctx.Done():
			err = cancelled(ctx)
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case err != nil:
	case i.closing:
		err = errClosing // the word has perhaps not got round to this call yet
	case cc.stopping:
		err = i.notFound(cc.id, false)
	case ctx.Err() != nil:
		err = cancelled(ctx)
	default:
		cc.endTurn = cancel
		return nil
	}
	cc.queue.giveUp(t)
	return err
}

func (i *Interpreter) yieldTurn(cc *codeContext, t *ticket) {
	i.mu.Lock()
	defer i.mu.Unlock()
	cc.endTurn = nil
	cc.queue.giveUp(t)
}

// place makes sure that the context is on a live session, and says whether that was ready beforehand. The caller has the turn.
// A context whose session was lost is remade empty on the same site, which the next result tells. It waits no longer than patience for a
// session.
func (i *Interpreter) place(ctx context.Context, cc *codeContext, patience time.Duration) (warm bool, err error) {
	i.mu.Lock()
	lost, cause := cc.lost()
	old := cc.lease
	if old != nil && !lost {
		i.mu.Unlock()
		return true, nil
	}
	i.mu.Unlock()

	on, err := i.land(ctx, cc, patience)
	if err != nil {
		return false, err
	}
	i.mu.Lock()
	unwatch := cc.unwatch
	cc.site, cc.lease, cc.inner, cc.placed = on.site, on.lease, on.inner, true
	cc.instead = cmp.Or(on.instead, cc.instead)
	cc.unwatch = i.watch(cc, on.lease)
	cc.moving = moving{}
	cc.hasLanded()
	if lost {
		cc.pending = append(cc.pending, fmt.Sprintf("The sandbox of context %q was lost%s. The context was recreated empty: its variables and files are gone.", cc.name, because(cause)))
	}
	i.mu.Unlock()
	if old != nil {
		unwatch()
		old.Release()
	}
	signal(i.changed)
	i.log.InfoContext(ctx, "context placed",
		"context_id", cc.id, "language", cc.language, "backend", on.site.Name(), "sandbox_id", on.lease.Value().SandboxID(), "remade", lost)
	return on.warm, nil
}

// hasLanded lets those go on who wait for the context to be on a session. The caller holds Interpreter.mu.
func (cc *codeContext) hasLanded() {
	if cc.landed != nil {
		close(cc.landed)
		cc.landed = nil
	}
}

// watch ends the code that runs in a context when somebody finds its session dead, at once instead of at its time limit, and has the
// context moved when its session is replaced. It goes on
// until it is stopped, which whoever gives up the lease has to do; one for each run would cost more than a short run itself.
func (i *Interpreter) watch(cc *codeContext, lease *pool.Lease[sandbox.Session]) (stop func()) {
	enough := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for replaced := lease.Replaced(); ; {
			select {
			case <-enough:
				return
			case <-replaced:
				replaced = nil
				signal(i.wake)
				continue
			case <-lease.Lost():
			}
			break
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		if cc.lease == lease && cc.current != nil {
			cc.endTurn(sandbox.ErrSessionLost)
		}
	})
	return func() {
		close(enough)
		done.Wait()
	}
}

// remove takes a context out of the books. The caller holds mu.
func (i *Interpreter) remove(cc *codeContext, why string) {
	delete(i.contexts, cc.id)
	if cc.key != nil && i.defaults[*cc.key] == cc {
		delete(i.defaults, *cc.key)
	}
	if !cc.stopping {
		cc.beginStop()
	}
	i.kept -= cc.history.bytes
	cc.history = history{} // runs whose results can still be collected know the context
	if why != "" {
		i.ended.add(cc.id, cc.key, why)
	}
}

// forget takes a context out of the books that holds nothing any more.
func (i *Interpreter) forget(cc *codeContext, why string) {
	i.mu.Lock()
	i.remove(cc, why)
	i.mu.Unlock()
	signal(i.changed)
}
