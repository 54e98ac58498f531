package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/cost"
	"github.com/agentrun-tray/agentrun-tray/internal/ledger"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// startLimit is how long a cloud sandbox may take to be ready once there is its template.
const startLimit = 2 * time.Minute

// newCloud makes the agentrun backend for an account, with the newest of its keys for each request. Nobody is called yet; whenever
// somebody was, sent is told.
func newCloud(opt Options, cfg config.Config, account secrets.Credentials, newest func(context.Context) (secrets.Credentials, error), kept *ledger.Ledger, sent func()) (*backend, error) {
	to, err := cloud.ClientConfig(account, newest)
	if err != nil {
		return nil, err
	}
	to.Lifecycle, to.UserAgent, to.Logger = agentrun.Plane(cfg.AgentRun.Lifecycle), "agentrun-tray/"+version.String(), opt.Logger
	to.Sent = sent
	client, err := agentrun.New(to)
	if err != nil {
		return nil, err
	}
	b, err := cloud.New(cloud.Options{
		Client: client, Template: cfg.AgentRun.Template, TemplateLimit: cfg.TemplateLimit(), StartLimit: startLimit,
		Lifetime: cfg.Lifetime(), IdleTimeout: idleTimeout(cfg), MaxContexts: cfg.AgentRun.ContextsPerSandbox,
		Ledger: kept, Keep: cfg.Pool.Warm, Logger: opt.Logger,
	})
	if err != nil {
		return nil, err
	}
	control, data := client.Endpoints()
	return &backend{
		Backend:  b,
		identity: strings.Join([]string{cloud.Name, account.AccountID, client.Region(), control.String(), data.String(), cfg.AgentRun.Template}, " "),
		shown: status.Backend{
			Region: client.Region(), Account: account.AccountID, Template: cfg.AgentRun.Template, Credentials: string(account.Source),
			ControlEndpoint: control.String(), DataEndpoint: data.String(),
		},
		close: func(ctx context.Context) error {
			defer client.Close()
			return b.Close(ctx)
		},
		changed: b.Changed(), loading: func() status.Loader { return steps(b.Progress()) },
		recover: b.Recover, permanent: cloud.Permanent, create: cfg.TemplateLimit() + startLimit + time.Minute, paid: true,
		machine: func() cost.Machine { return priced(b.Machine()) },
	}, nil
}

// idleTimeout is after what time without a request the service ends a sandbox: the hour that the first version of this program asked
// for, and never before the sandbox is due for renewal. The pool looks at each of its sandboxes every minute, which counts as a
// request, so that it is those that nobody looks after any more which end by it.
func idleTimeout(cfg config.Config) time.Duration {
	return min(max(time.Hour, cfg.Lifetime()+cfg.Lifetime()/10), agentrun.MaxLifetime)
}

// steps says what is being waited for, and since when, if anything is.
func steps(all []cloud.Step) status.Loader {
	if len(all) == 0 {
		return status.Loader{}
	}
	var names []string
	times := make(map[string]int)
	for _, s := range all {
		if times[s.What]++; times[s.What] == 1 {
			names = append(names, s.What)
		}
	}
	for n, name := range names {
		if times[name] > 1 {
			names[n] = fmt.Sprintf("%d times %s", times[name], name)
		}
	}
	return status.Loader{What: "waiting for " + strings.Join(names, ", "), Stage: status.Stage(all[0].Stage), Since: all[0].Since}
}
