package app

import (
	"context"
	"os"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// drawEvery is the least time between two snapshots: a run of half a millisecond is not worth two of them.
const drawEvery = 30 * time.Millisecond

// draw publishes a snapshot when an owner's state has changed, until ctx ends, and a last one then. Nobody else publishes while
// it runs, so that no snapshot is followed by an older one.
func (a *App) draw(ctx context.Context) error {
	for {
		a.hub.Publish(a.snapshot())
		select {
		case <-a.pool.Changed():
		case <-a.interp.Changed():
		case <-a.server.Changed():
		case <-a.poke:
		case <-ctx.Done():
			a.hub.Publish(a.snapshot())
			return nil
		}
		rest := time.NewTimer(drawEvery)
		select {
		case <-rest.C:
		case <-ctx.Done():
		}
		rest.Stop()
	}
}

// snapshot folds the state of every owner into one picture.
func (a *App) snapshot() status.Snapshot {
	a.mu.Lock()
	stopping, address, problems := a.stopping, a.address, append([]status.Problem{}, a.problems...)
	a.mu.Unlock()

	s := status.Snapshot{
		Version:   version.String(),
		PID:       os.Getpid(),
		StartedAt: a.started,
		Backend:   status.Backend{Name: a.backend.Name(), Setting: a.backend.setting, Note: a.backend.Traits().Note},
		Addresses: address,
		Sessions:  []status.Session{},
		Contexts:  []status.Context{},
		Clients:   []status.Client{},
		Tokens:    []status.Token{},
		Problems:  problems,
	}
	a.foldPool(&s)
	running := a.foldContexts(&s)
	a.foldClients(&s)
	switch {
	case stopping:
		s.Phase = status.Stopping
	case running > 0:
		s.Phase = status.Working
	case s.Pool.Paused:
		s.Phase = status.Paused
	case s.Pool.Ready > 0, s.Pool.Starting == 0 && len(s.Sessions) > 0, s.Pool.Warm == 0:
		s.Phase = status.Ready
	case s.Pool.NextAttempt != nil:
		s.Phase = status.Troubled
	default:
		s.Phase = status.Starting
	}
	if a.backend.loading != nil && s.Phase == status.Starting {
		if what := a.backend.loading(); what != "" {
			s.Backend.Loading = &status.Loader{What: what, Since: a.started}
		}
	}
	return s
}

func (a *App) foldPool(s *status.Snapshot) {
	stats := a.pool.Stats()
	s.Pool = status.Pool{
		Warm: stats.Warm, Max: stats.Max, Ready: stats.Ready, Starting: stats.Starting, Closing: stats.Closing,
		Waiting: stats.Waiting, Paused: stats.Paused,
	}
	if stats.Failures > 0 {
		s.Pool.LastFailure = stats.LastFailure.Error()
		s.Pool.NextAttempt = timeOrNil(stats.NextAttempt)
		s.Problems = append(s.Problems, status.Problem{
			Code: "no-sandbox",
			What: "Sandboxes cannot be made at the moment.",
			Why:  stats.LastFailure.Error(),
			Todo: "AgentRun Tray tries again by itself; the log has the details.",
		})
	}
	for _, row := range stats.Rows {
		session := status.Session{
			ID: row.ID, State: row.State.String(), CreatedAt: row.CreatedAt.UTC(), ReadyAt: timeOrNil(row.ReadyAt), ExpiresAt: timeOrNil(row.RenewAt), Contexts: row.Leases,
		}
		if row.Made {
			session.SandboxID = row.Value.SandboxID()
		}
		s.Sessions = append(s.Sessions, session)
	}
}

// foldClients shows who is connected, and who could connect with a token.
func (a *App) foldClients(s *status.Snapshot) {
	connected := make(map[string]bool)
	for _, c := range a.server.Clients() {
		connected[c.Token] = true
		s.Clients = append(s.Clients, status.Client{
			Name: c.Name, Version: c.Version, Via: c.Via, Token: c.Token, Since: c.Since.UTC(), LastSeen: c.LastSeen.UTC(),
			Calls: c.Calls, Errors: c.Errors, InFlight: c.InFlight, AllowedTools: c.Tools,
		})
	}
	list, err := a.tokens.List()
	if err != nil {
		s.Problems = append(s.Problems, status.Problem{Code: "tokens", What: "Nobody can connect by URL.", Why: err.Error()})
		return
	}
	for _, use := range a.uses.sum(list, a.server.TokenUses()) {
		s.Tokens = append(s.Tokens, status.Token{
			Client: use.Client, CreatedAt: use.Created, Connected: connected[use.Client], LastSeen: use.LastSeen,
			Calls: use.Calls, Errors: use.Errors, AllowedTools: a.rules(use.Client).Tools,
		})
	}
}

// foldContexts returns how many contexts are running code.
func (a *App) foldContexts(s *status.Snapshot) (running int) {
	for _, c := range a.interp.Contexts() {
		if c.Status == interpreter.Running {
			running++
		}
		s.Contexts = append(s.Contexts, status.Context{
			ID: c.ID, Name: c.Name, Language: string(c.Language), Status: string(c.Status), Backend: c.Backend, SandboxID: c.SandboxID,
			Client: c.Owner, CreatedAt: c.CreatedAt, LastUsed: c.LastUsed, Runs: c.Runs, RunID: c.RunID,
		})
	}
	return running
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
