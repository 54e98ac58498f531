package cloud

import (
	"context"
	"errors"
	"fmt"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// errOtherAccount ends the use of a client whose account was changed under it.
var errOtherAccount = errors.New("the account was changed meanwhile")

// ClientConfig says how to call the service for an account. Account, region and endpoints are those of c, and stay; the key for
// each request is what source gives then, such as [secrets.Cache.Get], so that it can be replaced. When source gives another
// account, region or endpoint, requests fail: they would be signed for somebody else.
func ClientConfig(c secrets.Credentials, source func(context.Context) (secrets.Credentials, error)) (agentrun.Config, error) {
	if err := c.Check(); err != nil {
		return agentrun.Config{}, err
	}
	config := agentrun.Config{
		AccountID: c.AccountID, Region: c.Region, UserAgent: "agentrun-tray/" + version.String(),
		Credentials: func(ctx context.Context) (agentrun.Credentials, error) {
			now, err := source(ctx)
			if err != nil {
				return agentrun.Credentials{}, err
			}
			if now.AccountID != c.AccountID || now.Region != c.Region || now.ControlEndpoint != c.ControlEndpoint || now.DataEndpoint != c.DataEndpoint {
				return agentrun.Credentials{}, errOtherAccount
			}
			return agentrun.Credentials{AccessKeyID: now.AccessKeyID, AccessKeySecret: now.AccessKeySecret.Reveal(), SecurityToken: now.SecurityToken.Reveal()}, nil
		},
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
