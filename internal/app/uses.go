package app

import (
	"context"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/mcpserver"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

// keepUsesEvery is the least time between two writings of what came of the tokens.
const keepUsesEvery = time.Minute

// useBook adds what this host has counted for each token to what was kept before it. Methods are safe for concurrent use.
type useBook struct {
	mu   sync.Mutex            // guards below
	base map[string]tokens.Use // by client; may hold negative counts, of an earlier token that this host counted for
}

// open takes what was kept.
func (b *useBook) open(kept []tokens.Use) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.base = make(map[string]tokens.Use, len(kept))
	for _, use := range kept {
		b.base[use.Client] = use
	}
}

// sum says what came of each token there is. The server counts by the client's name, so that what it counted for a token that was
// revoked is taken off its successor's account.
func (b *useBook) sum(list []tokens.Token, counted map[string]mcpserver.TokenUse) []tokens.Use {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.base == nil {
		b.base = make(map[string]tokens.Use)
	}
	there := make(map[string]bool, len(list))
	sums := make([]tokens.Use, 0, len(list))
	for _, t := range list {
		there[t.Client] = true
		base, c := b.base[t.Client], counted[t.Client]
		if !base.Created.IsZero() && !base.Created.Equal(t.Created) {
			base = tokens.Use{Calls: -c.Calls, Errors: -c.Errors}
		}
		base.Client, base.Created = t.Client, t.Created
		b.base[t.Client] = base
		use := base
		use.Calls += c.Calls
		use.Errors += c.Errors
		if c.LastSeen.After(use.LastSeen) && c.LastSeen.After(t.Created) {
			use.LastSeen = c.LastSeen.UTC()
		}
		sums = append(sums, use)
	}
	for name, c := range counted {
		if !there[name] {
			b.base[name] = tokens.Use{Calls: -c.Calls, Errors: -c.Errors}
		}
	}
	return sums
}

// keepUses writes down what came of the tokens every now and then until ctx ends, and once more then. That it cannot is no reason
// to stop: it is only told.
func (a *App) keepUses(ctx context.Context) error {
	every := time.NewTicker(keepUsesEvery)
	defer every.Stop()
	for ctx.Err() == nil {
		select {
		case <-every.C:
		case <-ctx.Done():
		}
		list, err := a.tokens.List()
		if err != nil {
			continue // the status tells of it; what was kept stays
		}
		if err := a.usesFile.Keep(a.uses.sum(list, a.server.TokenUses())); err != nil {
			a.log.Warn("uses of tokens not kept", "error", err)
		}
	}
	return nil
}
