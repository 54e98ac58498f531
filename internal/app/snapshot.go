package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// snapshot folds the state of every owner into one picture.
func (a *App) snapshot() status.Snapshot {
	a.mu.Lock()
	stopping, setting, address, problems := a.stopping, a.config.Backend, a.address, append([]status.Problem{}, a.problems...)
	if a.credentials != nil {
		problems = append(problems, *a.credentials)
	}
	a.mu.Unlock()

	current, fallback := a.sites.inUse()
	shown := current.shown
	shown.Name, shown.Setting, shown.Note = current.Name(), setting, current.Traits().Note
	if fallback != nil {
		shown.Fallback = fallback.Name()
	}
	s := status.Snapshot{
		Version:   version.String(),
		PID:       os.Getpid(),
		StartedAt: a.started,
		Backend:   shown,
		Addresses: address,
		Sessions:  []status.Session{},
		Contexts:  []status.Context{},
		Runs:      []status.Run{},
		Clients:   []status.Client{},
		Tokens:    []status.Token{},
		Problems:  problems,
	}
	troubled := a.foldPool(&s, current, fallback)
	for _, x := range a.sites.list() {
		foldSessions(&s, x)
	}
	running := a.foldContexts(&s)
	a.foldRuns(&s)
	a.foldClients(&s)
	a.foldCost(&s, time.Now())
	a.foldOrphans(&s)
	a.foldEditors(&s)
	if err := a.ledger.Problem(); err != nil {
		s.Problems = append(s.Problems, problem(status.Problem{Code: status.Ledger, What: "It cannot be kept on disk which sandboxes in the cloud are yours: those of a crashed host might go on until their idle timeout."}, err))
	}
	switch {
	case stopping:
		s.Phase = status.Stopping
	case running > 0:
		s.Phase = status.Working
	case s.Pool.Paused:
		s.Phase = status.Paused
	case troubled: // also where sessions are left, or new contexts are made on the fallback
		s.Phase = status.Troubled
	case s.Pool.Ready > 0, s.Pool.Starting == 0 && len(s.Sessions) > 0, s.Pool.Warm == 0:
		s.Phase = status.Ready
	default:
		s.Phase = status.Starting
	}
	if current.loading != nil && s.Pool.Ready < s.Pool.Warm {
		if l := current.loading(); l.What != "" && (l.Stage != status.Opening || !current.opened.Load()) {
			l.Since = l.Since.UTC()
			s.Backend.Loading = &l
		}
	}
	return s
}

// problem adds to a problem why it is there.
func problem(p status.Problem, err error) status.Problem {
	why := reason.Of(err)
	p.Why, p.Reason, p.Args = err.Error(), string(why.Code), why.Args
	if e, ok := errors.AsType[*sandbox.Error](err); ok && e.Why != "" { // what there is a problem with is tried again by itself
		p.Why = strings.Replace(p.Why, e.Message, e.Why, 1)
	}
	p.Args.Detail = cmp.Or(p.Args.Detail, p.Why)
	return p
}

// foldPool shows the pool of the site in use, and reports whether sessions cannot be made or reached.
func (a *App) foldPool(s *status.Snapshot, current, fallback *site) (troubled bool) {
	stats := current.pool.Stats()
	if err := current.unreached(); err != nil {
		troubled = true
		s.Problems = append(s.Problems, meanwhile(fallback, problem(status.Problem{
			Code: status.Unreachable, What: "Sandboxes that should be ready cannot be reached at the moment.",
			Todo: "The sandboxes are asked again every minute and when a call fails, and go on as they were when they answer.",
		}, err)))
	}
	s.Pool = status.Pool{
		Warm: a.sites.wanted(current), Max: stats.Max, Ready: stats.Ready, Starting: stats.Starting, Closing: stats.Closing,
		Waiting: stats.Waiting, Paused: stats.Paused || stats.Suspended != nil,
	}
	if stats.Suspended != nil {
		s.Pool.Suspended = stats.Suspended.Error()
	}
	if stats.Failures == 0 {
		return troubled
	}
	s.Pool.LastFailure = stats.LastFailure.Error()
	s.Pool.NextAttempt = timeOrNil(stats.NextAttempt)
	p := problem(status.Problem{
		Code: status.NoSandbox,
		What: "Sandboxes cannot be made at the moment.",
		Todo: "AgentRun Tray tries again by itself; the log has the details.",
	}, stats.LastFailure)
	if e, ok := errors.AsType[*sandbox.Error](stats.LastFailure); ok && e.Code == sandbox.CodeCredentialsRejected {
		p.Code = status.Credentials
	}
	if !slices.ContainsFunc(s.Problems, func(q status.Problem) bool { return q.Code == p.Code }) {
		if !troubled { // or it has been said
			p = meanwhile(fallback, p)
		}
		s.Problems = append(s.Problems, p)
	}
	return true
}

// meanwhile adds to a problem where new contexts are made as long as there is it, if that is elsewhere.
func meanwhile(fallback *site, p status.Problem) status.Problem {
	if fallback != nil {
		p.Args.Backend = fallback.Name()
		p.What += " New contexts are made on the " + fallback.Name() + " backend meanwhile."
	}
	return p
}

// foldOrphans shows which sandboxes may live that no host looks after now: those of an account that there is no key for any more.
func (a *App) foldOrphans(s *status.Snapshot) {
	left, err := a.ledger.Unclaimed()
	if len(left) == 0 || err != nil {
		return // an error is the ledger's own problem
	}
	p := status.Problem{
		Code: status.LeftBehind, Reason: string(reason.OrphansUnasked), Args: status.Args{Count: strconv.Itoa(len(left))},
		What: fmt.Sprintf("%d AgentRun sandboxes of an earlier time may still run, and cost money.", len(left)),
		Why:  "AgentRun could not be asked about them yet.",
		Todo: "That is tried again. In any case they end by themselves within six hours of their start.",
	}
	there := a.sites.find(a.accountNow())
	for _, e := range left {
		if there == nil || e.AccountID != there.shown.Account || e.Region != there.shown.Region {
			p.Reason, p.Args.Account, p.Args.Region = string(reason.OrphansOfOthers), e.AccountID, e.Region
			p.Why = fmt.Sprintf("They cannot be ended without the key of account %s in region %s.", e.AccountID, e.Region)
			p.Todo = "They end by themselves within six hours of their start. To end them now, log in to that account with agentrunctl login, or delete them in the AgentRun console."
		}
	}
	s.Problems = append(s.Problems, p)
}

// foldSessions shows the sessions of a site.
func foldSessions(s *status.Snapshot, x *site) {
	for _, row := range x.pool.Stats().Rows {
		session := status.Session{
			ID: row.ID, Backend: x.Name(), State: row.State.String(), CreatedAt: row.CreatedAt.UTC(), ReadyAt: timeOrNil(row.ReadyAt),
			ExpiresAt: timeOrNil(row.RenewAt), EndsAt: timeOrNil(row.ExpiresAt), Contexts: row.Leases,
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
		s.Problems = append(s.Problems, problem(status.Problem{Code: status.Tokens, What: "Nobody can connect by URL."}, err))
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
	contexts := a.interp.Contexts()
	s.Contexts = make([]status.Context, 0, len(contexts))
	for _, c := range contexts {
		if c.Status == interpreter.Running {
			running++
		}
		s.Contexts = append(s.Contexts, status.Context{
			ID: c.ID, Name: c.Name, Language: string(c.Language), Status: string(c.Status), Backend: c.Backend, Instead: c.Instead, SandboxID: c.SandboxID,
			Client: c.Owner, CreatedAt: c.CreatedAt, LastUsed: c.LastUsed, Runs: c.Runs, RunID: c.RunID,
		})
	}
	return running
}

// foldRuns shows what goes on now, and what waits.
func (a *App) foldRuns(s *status.Snapshot) {
	for _, p := range a.interp.InProgress() {
		tool := "run_code"
		if p.Command {
			tool = "run_command"
		}
		s.Runs = append(s.Runs, status.Run{
			ID: p.ID, Tool: tool, ContextID: p.ContextID, Context: p.Context, Client: p.Client, AskedAt: p.Asked.UTC(), StartedAt: timeOrNil(p.Began),
		})
	}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
