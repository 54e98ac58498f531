package app

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// Account says where the credentials are, and whose. It has no secret.
type Account struct {
	AccessKeyID string // shortened
	AccountID   string
	Region      string
	Source      secrets.Source // empty: there are none
	Keychain    secrets.State  // empty: not known yet
	Hint        string         // what to do about a keychain that is of no use, or about credentials that cannot be right
	Faulty      string         // the parts of the credentials that cannot be right, such as account_id; empty: none
}

// watchAccount looks at the account for whoever shows it: at once, and when it may have changed. It ends with ctx. It does not look by
// itself, as a keychain that is locked may ask its user each time; see awaitKeychain for the one that is needed.
func (a *App) watchAccount(ctx context.Context) error {
	for {
		seen := a.lookAtAccount(ctx)
		if ctx.Err() != nil {
			return nil
		}
		a.mu.Lock()
		a.seen = seen
		a.mu.Unlock()
		token(a.poke)
		select {
		case <-a.accountChanged:
		case <-ctx.Done():
			return nil
		}
	}
}

// lookAtAccount asks the environment and the keychain.
func (a *App) lookAtAccount(ctx context.Context) Account {
	seen := Account{Keychain: secrets.Available}
	c, err := a.secrets.Get(ctx)
	if err == nil {
		seen.AccessKeyID, seen.AccountID, seen.Region, seen.Source = shortKeyID(c.AccessKeyID), c.AccountID, cmp.Or(c.Region, agentrun.DefaultRegion), c.Source
		err = c.Check()
	}
	if seen.Source == secrets.FromEnvironment { // the keychain was not asked
		if keychain := a.opt.Secrets.Keychain().Status(ctx); keychain.State != secrets.Available {
			err = errors.Join(err, &keychain)
		}
	}
	if keychain, ok := errors.AsType[*secrets.KeychainError](err); ok {
		seen.Keychain, seen.Hint = keychain.State, keychain.Error()
	} else if err != nil && !errors.Is(err, secrets.ErrNone) {
		seen.Hint = err.Error()
	}
	if faults, ok := errors.AsType[*secrets.FaultsError](err); ok {
		seen.Faulty = strings.Join(faults.Fields(), ", ")
	}
	return seen
}

// shortKeyID is enough of an access key's id to know it by.
func shortKeyID(id string) string {
	if r := []rune(id); len(r) > 8 {
		return string(r[:4]) + "…" + string(r[len(r)-4:])
	}
	return id
}

var errKeepsNone = reason.New(reason.NoPlaceForKeys, status.Args{}, "this host has no place for credentials")

// CheckCredentials asks the service whether credentials are right, which changes nothing there. Empty ones mean those that are used. The
// error says what is wrong and what to do.
func (a *App) CheckCredentials(ctx context.Context, c secrets.Credentials) error {
	if a.opt.Secrets == nil {
		return errKeepsNone
	}
	if c.AccessKeyID == "" && !c.AccessKeySecret.IsSet() {
		token(a.accountChanged) // somebody looks at them
		var err error
		if c, err = a.opt.Secrets.Find(ctx); err != nil {
			return err
		}
	} else {
		c = a.completed(c)
	}
	if err := c.Check(); err != nil {
		return err
	}
	return cloud.CheckAccount(ctx, c)
}

// completed adds to credentials that somebody typed what is not typed.
func (a *App) completed(c secrets.Credentials) secrets.Credentials {
	control, data := a.opt.Secrets.Endpoints()
	c.ControlEndpoint, c.DataEndpoint = cmp.Or(c.ControlEndpoint, control), cmp.Or(c.DataEndpoint, data)
	c.Region = cmp.Or(c.Region, agentrun.DefaultRegion)
	return c
}

// SaveCredentials keeps credentials in the keychain, in place of those there are, and uses them. Nobody asks the service about them here.
func (a *App) SaveCredentials(ctx context.Context, c secrets.Credentials) error {
	if a.opt.Secrets == nil {
		return errKeepsNone
	}
	c = a.completed(c)
	if err := c.Check(); err != nil {
		return err
	}
	if err := a.opt.Secrets.Keychain().Set(ctx, c); err != nil {
		a.seeKeychain(err)
		return err
	}
	a.log.InfoContext(ctx, "credentials kept", "account", c.AccountID, "region", c.Region)
	return a.CredentialsChanged(ctx)
}

// RemoveCredentials takes the credentials out of the keychain. Those of the environment go on to be used.
func (a *App) RemoveCredentials(ctx context.Context) error {
	if a.opt.Secrets == nil {
		return errKeepsNone
	}
	err := a.opt.Secrets.Keychain().Delete(ctx)
	if errors.Is(err, secrets.ErrNone) {
		if _, ok := a.opt.Secrets.Environment(); ok {
			return reason.New(reason.FixedCredentials, status.Args{}, "the keychain has no credentials: those that are used are in the environment of AgentRun Tray, which cannot be changed from here")
		}
	}
	if err != nil && !errors.Is(err, secrets.ErrNone) {
		return err
	}
	a.log.InfoContext(ctx, "credentials removed")
	return a.CredentialsChanged(ctx)
}

// OpenKeychain has the keychain opened, which may ask its user something, and uses what it has.
func (a *App) OpenKeychain(ctx context.Context) error {
	if a.opt.Secrets == nil {
		return errKeepsNone
	}
	found, err := a.opt.Secrets.Keychain().Get(ctx)
	if err != nil && !errors.Is(err, secrets.ErrNone) {
		a.seeKeychain(err)
		return err
	}
	if _, ok := a.opt.Secrets.Environment(); ok { // which goes before
		return a.CredentialsChanged(ctx)
	}
	a.secrets.Learn(found, err)
	return a.lookForAccount(ctx)
}

// seeKeychain shows how a keychain is that was of no use just now. To ask it once more might ask its user once more.
func (a *App) seeKeychain(err error) {
	keychain, ok := errors.AsType[*secrets.KeychainError](err)
	if !ok {
		return
	}
	a.mu.Lock()
	a.seen.Keychain, a.seen.Hint = keychain.State, keychain.Error()
	a.mu.Unlock()
	token(a.poke)
}
