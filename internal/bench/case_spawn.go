package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const spawnAim = 10 * time.Millisecond

// measureSpawn is what an editor waits for: from starting the relay to the answer to initialize, while a host is running.
func measureSpawn(ctx context.Context, b *bench) ([]row, error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	ours := func(ctx context.Context) (time.Duration, error) {
		return b.spawn(ctx, h.home, b.program("agentrun-mcp"))
	}
	theirs := func(ctx context.Context) (time.Duration, error) { return b.spawn(ctx, "", b.self, peerStdio) }
	if _, _, err := alternate(ctx, 3, ours, theirs); err != nil { // to warm up
		return nil, err
	}
	a, z, err := alternate(ctx, b.rounds(40), ours, theirs)
	if err != nil {
		return nil, err
	}
	mine := series(a).p50()
	return []row{
		row{what: "relay started → initialize answered, host up (median)", ours: short(mine)}.
			against("mcp-go stdio", short(series(z).p50()), quotient(a, z)).
			aimed("≤ "+short(spawnAim), mine <= spawnAim),
	}, nil
}

// spawn starts a program and returns the time until it has answered initialize.
func (b *bench) spawn(ctx context.Context, home, program string, args ...string) (took time.Duration, err error) {
	p, err := b.start(ctx, home, program, args...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.stop(nil)) }()
	if _, err := newStdio(p.stdin, p.stdout).call("initialize", initialize); err != nil {
		return 0, p.explain(fmt.Errorf("%s: initialize: %w", program, err))
	}
	return time.Since(p.began), nil
}
