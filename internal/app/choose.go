package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/local"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/mock"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// SetBackend makes new contexts on another backend from now on: auto, agentrun, local or mock. It is kept in the settings. Contexts
// that are there stay where they are.
func (a *App) SetBackend(ctx context.Context, setting string) error {
	if err := checkBackend(setting); err != nil {
		return err
	}
	_, err := a.Change(ctx, "backend", setting)
	return err
}

func checkBackend(setting string) error {
	if slices.Contains(config.Backends(), setting) {
		return nil
	}
	return fmt.Errorf("there is no backend %q; choose one of %s", setting, strings.Join(config.Backends(), ", "))
}

// CredentialsChanged looks for the account anew, and lets what failed for its sake be tried again at once.
func (a *App) CredentialsChanged(ctx context.Context) error {
	if a.secrets != nil {
		a.secrets.Forget()
	}
	return a.lookForAccount(ctx)
}

// lookForAccount is CredentialsChanged for who has seen to it that what is held is not that of before.
func (a *App) lookForAccount(ctx context.Context) error {
	token(a.accountChanged)
	if err := a.choose(ctx); err != nil {
		return err
	}
	current, _ := a.sites.inUse()
	current.pool.Retry()
	return nil
}

// lookOnceMore looks for an account again, if none was found, when the host can be told of changes: who logged in after it had looked
// found nobody to tell.
func (a *App) lookOnceMore(ctx context.Context) error {
	current, _ := a.sites.inUse()
	if backend := a.settings().Backend; current.paid || a.secrets == nil || backend != "auto" && backend != cloud.Name {
		return nil
	}
	return a.CredentialsChanged(ctx)
}

// choose finds out which backend the setting means now, and uses it.
func (a *App) choose(ctx context.Context) error {
	a.choosing.Lock()
	defer a.choosing.Unlock()
	current, fallback, err := a.find(ctx)
	if err != nil {
		return err
	}
	a.holding.Lock()
	for _, x := range []*site{current, fallback} {
		if x != nil {
			a.applyHolds(x) // before it begins to make anything
		}
	}
	a.sites.use(current, fallback)
	a.holding.Unlock()
	a.interp.Use(current.place, placeOf(fallback))
	a.leaveOthers(current)
	current.pool.Wake() // nobody chooses what is not to work
	a.stir()
	a.log.InfoContext(ctx, "backend", "name", current.Name(), "region", current.shown.Region, "credentials", current.shown.Credentials)
	return nil
}

// errAccountLeft is why the contexts on sandboxes are lost whose account is not used any more.
var errAccountLeft = sandbox.Errorf(sandbox.CodeSessionLost, "the AgentRun account that it belonged to is not used any more, and its sandboxes were ended")

// leaveOthers ends the sites that are in the cloud and not those of the account there is: its owner has logged out, or in to another,
// and expects nothing to go on there.
func (a *App) leaveOthers(current *site) {
	for _, x := range a.sites.list() {
		if x == current || !x.paid && !x.fleeting || x.identity == a.accountNow() {
			continue
		}
		a.interp.Leave(x.place)
		a.sites.abandon(x, errAccountLeft)
	}
}

// accountNow is the identity of the site that the credentials there are mean, whether it is used or not; "" if there are none.
func (a *App) accountNow() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.identity
}

// find gives the site that the setting means now and that to fall back on, making those that are new. The caller is the only one at it.
func (a *App) find(ctx context.Context) (current, fallback *site, err error) {
	cfg := a.settings()
	inCloud, err := a.cloud(ctx, cfg)
	if cfg.Backend == local.Name {
		a.noteAccount(cfg.Backend, nil) // which is all the same here
	} else {
		a.noteAccount(cfg.Backend, err)
	}
	name := cfg.Backend
	if name == "auto" {
		name = local.Name
		if inCloud != nil {
			name = cloud.Name
		}
	}
	switch name {
	case cloud.Name:
		if current = inCloud; current == nil {
			current, err = a.site(newVacant(err))
		}
	case mock.Name:
		current, err = a.site(newMock())
	default:
		current, err = a.localSite()
	}
	if err == nil && name == cloud.Name && cfg.Fallback == local.Name {
		fallback, err = a.localSite()
	}
	return current, fallback, err
}

// cloud gives the site of the account there is credentials for, which is made if it is new, though it may not be used. A keychain that
// fails for a moment changes nothing. The error says why there is none.
func (a *App) cloud(ctx context.Context, cfg config.Config) (*site, error) {
	if cfg.Backend == mock.Name || cfg.Backend == local.Name && len(a.sites.list()) == 0 {
		return nil, nil // nobody wants to know, and a keychain might ask its user something
	}
	account, err := a.account(ctx)
	if keychain, is := errors.AsType[*secrets.KeychainError](err); is && keychain.State != secrets.Absent {
		return a.sites.find(a.accountNow()), err
	}
	a.mu.Lock()
	a.identity = ""
	a.mu.Unlock()
	if err != nil {
		return nil, err
	}
	b, err := newCloud(a.opt, cfg, account, a.secrets.Get, a.ledger, func() { a.calls.Add(1) })
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.identity = b.identity
	a.mu.Unlock()
	return a.site(b)
}

func (a *App) localSite() (*site, error) {
	if s := a.sites.find(local.Name); s != nil {
		return s, nil
	}
	b, err := newLocal(a.opt)
	if err != nil {
		return nil, err
	}
	return a.site(b)
}

// lookAfterOrphans lets the cloud's backend look at the sandboxes that an earlier host left, though code runs elsewhere now.
func (a *App) lookAfterOrphans(ctx context.Context) {
	if current, _ := a.sites.inUse(); current.paid {
		return // it does
	}
	if left, err := a.ledger.Unclaimed(); len(left) == 0 && err == nil {
		return
	}
	a.choosing.Lock()
	defer a.choosing.Unlock()
	cfg := a.settings()
	cfg.Backend = cloud.Name
	x, err := a.cloud(ctx, cfg)
	if x == nil {
		a.log.Warn("sandboxes of an earlier host cannot be looked after", "error", err)
		return
	}
	a.sites.add(x)
}

// account gives the credentials to use, checked as far as that goes without asking anybody.
func (a *App) account(ctx context.Context) (secrets.Credentials, error) {
	if a.secrets == nil {
		return secrets.Credentials{}, secrets.ErrNone
	}
	c, err := a.secrets.Get(ctx)
	if err != nil {
		return secrets.Credentials{}, err
	}
	return c, c.Check()
}

// noteAccount tells, as a problem, why there is no account although there should be one.
func (a *App) noteAccount(setting string, err error) {
	p := status.Problem{Code: status.Credentials, What: "The AgentRun credentials cannot be used.", Todo: "Put them right with agentrunctl login, or choose where code runs with agentrunctl backend local."}
	keychain, isKeychain := errors.AsType[*secrets.KeychainError](err)
	switch {
	case err == nil, setting == "auto" && (errors.Is(err, secrets.ErrNone) || isKeychain && keychain.State == secrets.Absent):
		p = status.Problem{}
	case errors.Is(err, secrets.ErrNone):
		p.What, p.Reason = "There are no AgentRun credentials.", string(reason.NoCredentials)
	case isKeychain:
		p.Why, p.Todo, p.Reason = keychain.Why, keychain.Todo, string(reason.Keychain(keychain.State).Code)
		if keychain.State == secrets.Locked {
			p.Todo = strings.TrimSuffix(p.Todo, ".") + ". You are not asked for it again by itself: try again in the window, run agentrunctl backend " + setting + ", or start AgentRun Tray anew."
		}
	default:
		p = problem(p, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.credentials, a.shut = nil, isKeychain && keychain.State != secrets.Absent
	if p.Code != "" {
		a.credentials = &p
	}
}

// lookAgainEvery is how often a keychain that was locked is looked at again.
const lookAgainEvery = time.Minute

// awaitKeychain chooses the backend anew when a keychain was opened that was locked before, until ctx ends: at once if somebody was asked
// to open it and took their time, else within a minute. Who was asked and did not open it is not asked again by this.
func (a *App) awaitKeychain(ctx context.Context) error {
	var late <-chan struct{}
	if a.opt.Secrets != nil {
		late = a.opt.Secrets.Keychain().Late()
	}
	tick := time.NewTicker(lookAgainEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.mu.Lock()
			shut := a.shut
			a.mu.Unlock()
			if !shut || a.opt.Secrets.Keychain().Status(ctx).State != secrets.Available {
				continue
			}
		case <-late:
		case <-ctx.Done():
			return nil
		}
		if err := a.CredentialsChanged(ctx); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "backend not chosen", "error", err)
		}
	}
}

// site returns the site of a backend, or that which there is of the same identity.
func (a *App) site(b *backend) (*site, error) {
	if s := a.sites.find(b.identity); s != nil {
		return s, b.Close(context.Background()) // of which nothing has begun
	}
	return newSite(b, a.poolOptions(b))
}

// poolOptions turns the settings and the backend's traits into those of a pool.
func (a *App) poolOptions(b *backend) pool.Options[sandbox.Session] {
	cfg, traits := a.settings(), b.Traits()
	share := traits.MaxContexts
	if cfg.Pool.Isolation == "dedicated" {
		share = 1
	}
	opt := pool.Options[sandbox.Session]{
		New:           a.open(b),
		Close:         a.closeSession,
		Born:          born,
		CheckEvery:    time.Minute,
		Permanent:     a.permanent(b),
		Warm:          cfg.Pool.Warm,
		Max:           cfg.Pool.Ceiling,
		Share:         share,
		Lifetime:      traits.Lifetime,
		Jitter:        traits.Jitter(),
		HardLimit:     traits.HardLimit,
		CreateTimeout: b.create,
		CloseTimeout:  10 * time.Second,
		FinishTimeout: finishWithin,
	}
	if b.paid {
		opt.CheckAfterIdle = 2 * time.Minute // after a sleep of the computer
	}
	return opt
}

// closeSession ends a session, or only lets go of its sandbox when the host ends and the next one is to have it.
func (a *App) closeSession(ctx context.Context, s sandbox.Session) error {
	by, stopping := a.ending()
	if stopping {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, by.Add(-backendsTake))
		defer cancel()
	}
	if lasting, is := s.(sandbox.Lasting); is && stopping && a.settings().Pool.KeepOnQuit {
		err := lasting.Detach(ctx)
		if err == nil {
			return nil
		}
		a.log.WarnContext(ctx, "sandbox not left for the next host", "sandbox_id", s.SandboxID(), "error", err)
	}
	return s.Close(ctx)
}

// born is when the life of a sandbox began that may have been taken over from an earlier host.
func born(s sandbox.Session) time.Time {
	if lasting, is := s.(sandbox.Lasting); is {
		return lasting.Born()
	}
	return time.Time{}
}

// permanent reports whether callers are told of a failure to make a session at once: nothing they could wait for, or elsewhere to go.
func (a *App) permanent(b *backend) func(error) bool {
	return func(err error) bool {
		return errors.Is(err, errHopeless) || b.permanent != nil && (b.permanent(err) || a.settings().Fallback == local.Name)
	}
}

// errHopeless marks a failure that no waiting mends.
var errHopeless = &sandbox.Error{Code: sandbox.CodeCredentialsRejected}

// placeOf is how the interpreter knows a site, which may be nil.
func placeOf(s *site) *interpreter.Site {
	if s == nil {
		return nil
	}
	return s.place
}
