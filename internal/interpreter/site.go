package interpreter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Site is a place where code can run: a backend, and the pool that keeps its sessions. A context stays on the site it was made on.
// Two sites may have backends of the same name, such as one for each of two accounts.
type Site struct {
	backend sandbox.Backend
	pool    *pool.Pool[sandbox.Session]
	traits  sandbox.Traits
}

// NewSite joins a backend and the pool of its sessions. The pool's owner runs it, and ends it after the interpreter, or once no
// context is left on it (Stats tells) and the interpreter was told to use another site.
func NewSite(backend sandbox.Backend, sessions *pool.Pool[sandbox.Session]) *Site {
	return &Site{backend: backend, pool: sessions, traits: backend.Traits()}
}

// Name is that of the backend.
func (s *Site) Name() string { return s.backend.Name() }

// Traits are those of the backend.
func (s *Site) Traits() sandbox.Traits { return s.traits }

// Use makes new contexts on one site from now on, and, where that has no session to give because of a failure, on the fallback, which
// may be nil. Contexts that are there stay where they are. A caller's default context on another site is no longer its default: its
// next call without a context gets a new one, and is told so.
func (i *Interpreter) Use(site, fallback *Site) {
	i.mu.Lock()
	i.site, i.fallback = site, fallback
	i.mu.Unlock()
	signal(i.changed)
}

// Leave says that a site is not coming back. Contexts that were on it are remade, once they are lost, where new ones are made.
func (i *Interpreter) Leave(site *Site) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left[site] = struct{}{}
}

// Site is where new contexts are made.
func (i *Interpreter) Site() *Site {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.site
}

// SiteOf is where the context is that a call means, or would be made: without an ID the caller's default context for the first language.
func (i *Interpreter) SiteOf(caller Caller, contextID string) *Site {
	i.mu.Lock()
	defer i.mu.Unlock()
	cc := i.contexts[contextID]
	if contextID == "" {
		if cc = i.defaults[defaultKey{caller.Key, i.site.traits.Languages[0]}]; cc != nil && cc.meant != i.site {
			cc = nil // a new one takes its place
		}
	}
	if cc == nil {
		return i.site
	}
	return cc.site
}

// unavailableError is why a site has no session to give now, other than that all are taken or still being made.
type unavailableError struct{ err *sandbox.Error }

func (e *unavailableError) Error() string { return e.err.Message }
func (e *unavailableError) Unwrap() error { return e.err }

// unavailable marks the failures that say something of the site as a whole, and nothing of the one context or session.
func unavailable(err error) error {
	e, ok := errors.AsType[*sandbox.Error](err)
	if !ok {
		return err
	}
	switch e.Code {
	case sandbox.CodeServerNotReady, sandbox.CodeCredentialsRejected, sandbox.CodeQuotaExceeded, sandbox.CodeContextCreationFailed:
		return &unavailableError{e}
	default:
		return err
	}
}

// land makes the interpreter of a context on a session of its site, or of the fallback if the context is new and its site has none
// to give. It takes no longer than patience for all of that.
func (i *Interpreter) land(ctx context.Context, cc *codeContext, patience time.Duration) (on landing, err error) {
	i.mu.Lock()
	site, fallback, fresh := cc.site, i.fallback, !cc.placed
	if _, gone := i.left[site]; gone {
		site, fresh = i.site, true
	}
	i.mu.Unlock()
	began := time.Now()
	elsewhere := fresh && fallback != nil && fallback != site && fallback.traits.Speaks(cc.language)
	most := patience
	if elsewhere {
		most -= min(forFallback, patience/4)
	}
	on, err = i.landOn(ctx, site, cc.language, most, elsewhere)
	if no, is := errors.AsType[*unavailableError](err); is && elsewhere {
		i.log.WarnContext(ctx, "falling back", "context_id", cc.id, "from", site.Name(), "to", fallback.Name(), "why", no.err.Message)
		if on, err = i.landOn(ctx, fallback, cc.language, max(time.Second, patience-time.Since(began)), false); err != nil {
			return landing{}, err
		}
		on.instead = "The " + site.Name() + " backend could not be used when this context was made (" + strings.TrimSuffix(no.err.Message, ".") + "). So it runs on the " + fallback.Name() + " backend, and stays there: " + fallback.traits.Note
	}
	return on, err
}

// forFallback is what of the patience for a session is kept for the fallback.
const forFallback = 10 * time.Second

// landing is where a context has come to be.
type landing struct {
	site    *Site
	lease   *pool.Lease[sandbox.Session]
	inner   sandbox.CodeContext
	warm    bool   // the session was ready beforehand
	instead string // why it is not where it should be; empty: it is
}

// lostLandings is how many sessions may turn out to be gone, one after another, before a context is not made.
const lostLandings = 3

// landOn makes an interpreter on a session of the site, in no more time than most. A session that turns out to be gone, with what was
// perhaps made in it, is put away, and another is tried. Where the context could be made elsewhere, a site that fails is not waited for.
func (i *Interpreter) landOn(ctx context.Context, site *Site, language sandbox.Language, most time.Duration, elsewhere bool) (landing, error) {
	budget, done := context.WithTimeout(ctx, most)
	defer done()
	for n := 1; ; n++ {
		lease, warm, err := i.acquire(ctx, budget, most, site, elsewhere)
		if err != nil {
			return landing{}, err
		}
		inner, err := lease.Value().CreateContext(budget, language)
		if err == nil {
			return landing{site: site, lease: lease, inner: inner, warm: warm}, nil
		}
		i.giveBack(lease, err)
		switch {
		case ctx.Err() != nil:
			return landing{}, cancelled(ctx)
		case errors.Is(err, sandbox.ErrSessionLost) && n < lostLandings:
			continue
		case budget.Err() != nil:
			return landing{}, &unavailableError{&sandbox.Error{
				Code: sandbox.CodeServerNotReady, Err: err,
				Message: "a sandbox was there, but it did not make the context within " + phrase.Duration(most) + "; nothing was run. Try again in a moment",
			}}
		}
		return landing{}, creationFailed(unavailable(err))
	}
}

// acquire leases a session, and says whether one was ready without waiting. It waits while budget lasts, which is most at first.
func (i *Interpreter) acquire(ctx, budget context.Context, most time.Duration, site *Site, elsewhere bool) (lease *pool.Lease[sandbox.Session], warm bool, err error) {
	for first := true; ; first = false {
		wait, cancel := context.WithTimeout(budget, longestWait(site.pool.Stats(), most, elsewhere))
		lease, err = site.pool.Acquire(wait)
		over := wait.Err() != nil
		cancel()
		if err == nil {
			return lease, first && !lease.Waited(), nil
		}
		stats := site.pool.Stats()
		if over && budget.Err() == nil && !full(stats) && (stats.Failures == 0 || !elsewhere) {
			continue // it takes its time, but waiting makes sense
		}
		return nil, false, i.noSession(ctx, site, stats, most, over, err)
	}
}

// noSession says why a site has no session to give. The wait is over, or the pool did not let it begin.
func (i *Interpreter) noSession(ctx context.Context, site *Site, stats pool.Stats[sandbox.Session], most time.Duration, over bool, err error) error {
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	i.log.WarnContext(ctx, "no session", "backend", site.Name(), "error", err)
	switch e, ok := errors.AsType[*sandbox.Error](err); {
	case !over && ok:
		return &unavailableError{e} // such as rejected credentials: waiting longer would not help
	case !over:
		return &unavailableError{&sandbox.Error{Code: sandbox.CodeServerNotReady, Message: "no sandbox can be had: " + err.Error(), Err: err}}
	case full(stats):
		return sandbox.Errorf(sandbox.CodeQuotaExceeded,
			"all %d sandboxes are taken by other contexts, and there may be no more; stop a context with stop_context, or raise pool.ceiling in the settings", stats.Max)
	case ok:
		return &unavailableError{e}
	}
	late := &sandbox.Error{
		Code:    sandbox.CodeServerNotReady,
		Message: fmt.Sprintf("no sandbox was ready within %s (%d being made%s); try again in a moment", phrase.Duration(most), stats.Starting, failing(stats)),
	}
	if stats.Failures > 0 {
		return &unavailableError{late}
	}
	return late
}

// longestWait is how long to wait for a session before looking again whether that makes sense.
func longestWait(stats pool.Stats[sandbox.Session], most time.Duration, elsewhere bool) time.Duration {
	switch {
	case full(stats):
		return fullTimeout
	case elsewhere && stats.Failures > 0:
		return failingTimeout
	case elsewhere:
		return failingLook
	}
	return most
}

const (
	// failingTimeout is how long a call waits for a site that could not make its last session, if there is a fallback.
	failingTimeout = 2 * time.Second
	// failingLook is after what time a call that waits looks whether its site fails, if there is a fallback.
	failingLook = 5 * time.Second
)

// fullTimeout is how long a call waits when every sandbox there may be is taken: only the end of a context would help.
const fullTimeout = 2 * time.Second

// full reports whether every sandbox there may be is taken by contexts.
func full(stats pool.Stats[sandbox.Session]) bool {
	return stats.Ready == 0 && stats.Starting == 0 && stats.Closing == 0 && stats.Leased >= stats.Max
}

// suspect has a session looked at of which a failed call leaves open whether it can be reached, so that this is known before the next.
func suspect(lease *pool.Lease[sandbox.Session], err error) {
	e, ok := errors.AsType[*sandbox.Error](err)
	if !ok {
		return // nobody waited for an answer, or the failure is ours
	}
	switch e.Code {
	case sandbox.CodeServerNotReady, sandbox.CodeCredentialsRejected, sandbox.CodeContextCreationFailed, sandbox.CodeExecutionFailed, sandbox.CodeTimeout, sandbox.CodeStopFailed:
		lease.Suspect()
	default: // something of the call, which was answered
	}
}

// giveBack ends a lease after a failed call: a session that said it is gone is not used again.
func (i *Interpreter) giveBack(lease *pool.Lease[sandbox.Session], err error) {
	suspect(lease, err)
	if errors.Is(err, sandbox.ErrSessionLost) {
		lease.Discard(err)
		return
	}
	lease.Release()
}

func creationFailed(err error) error {
	if no, ok := errors.AsType[*unavailableError](err); ok {
		return no
	}
	if e, ok := errors.AsType[*sandbox.Error](err); ok && e.Code != sandbox.CodeSessionLost {
		return e
	}
	return &sandbox.Error{Code: sandbox.CodeContextCreationFailed, Message: "the context could not be made: " + err.Error() + "; try again", Err: err}
}
