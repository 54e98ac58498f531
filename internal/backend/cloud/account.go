package cloud

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// ClientConfig says how to call the service for an account. Account, region and endpoints are those of c, and stay; the key for
// each request is what source gives then, such as [secrets.Cache.Get], so that it can be replaced. When source has none any more, or
// those of another account, the last key of this one goes on: what was made with it has to be ended.
func ClientConfig(c secrets.Credentials, source func(context.Context) (secrets.Credentials, error)) (agentrun.Config, error) {
	config, err := configOf(c)
	if err != nil {
		return agentrun.Config{}, err
	}
	client, err := agentrun.New(config)
	if err != nil {
		return agentrun.Config{}, err
	}
	k := &key{of: client.Account(), known: c, last: c}
	config.Credentials = func(ctx context.Context) (agentrun.Credentials, error) { return k.newest(ctx, source) }
	return config, nil
}

// key is the newest key of an account.
type key struct {
	of agentrun.Account

	mu    sync.Mutex          // guards below
	known secrets.Credentials // what was last found to be of the account
	last  secrets.Credentials // the newest that was
}

// newest asks source for the key, and goes by the last one where that has none for the account.
func (k *key) newest(ctx context.Context, source func(context.Context) (secrets.Credentials, error)) (agentrun.Credentials, error) {
	now, err := source(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil && k.isOf(now):
		k.last = now
	case err != nil && !errors.Is(err, secrets.ErrNone):
		return agentrun.Credentials{}, err
	}
	return agentrun.Credentials{AccessKeyID: k.last.AccessKeyID, AccessKeySecret: k.last.AccessKeySecret.Reveal(), SecurityToken: k.last.SecurityToken.Reveal()}, nil
}

// isOf reports whether credentials are of the account, in whatever spelling. The caller holds mu.
func (k *key) isOf(c secrets.Credentials) bool {
	place := func(c secrets.Credentials) [4]string {
		return [4]string{c.AccountID, c.Region, c.ControlEndpoint, c.DataEndpoint}
	}
	if place(c) == place(k.known) {
		return true
	}
	config, err := configOf(c)
	if err != nil {
		return false
	}
	client, err := agentrun.New(config)
	if err != nil || client.Account() != k.of {
		return false
	}
	k.known = c
	return true
}

// configOf says how to call the service with these very credentials.
func configOf(c secrets.Credentials) (agentrun.Config, error) {
	if err := c.Check(); err != nil {
		return agentrun.Config{}, err
	}
	config := agentrun.Config{
		AccountID: c.AccountID, Region: c.Region, UserAgent: "agentrun-tray/" + version.String(),
		Credentials: agentrun.Static(agentrun.Credentials{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret.Reveal(), SecurityToken: c.SecurityToken.Reveal()}),
	}
	for _, e := range []struct {
		name, text string
		into       *agentrun.Endpoint
	}{{"control", c.ControlEndpoint, &config.ControlEndpoint}, {"data", c.DataEndpoint, &config.DataEndpoint}} {
		if e.text == "" {
			continue
		}
		endpoint, err := agentrun.ParseEndpoint(e.text)
		if err != nil {
			return agentrun.Config{}, fmt.Errorf("the %s endpoint: %w", e.name, err)
		}
		*e.into = endpoint
	}
	return config, nil
}
