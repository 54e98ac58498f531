package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// addedCloud is how much our stack may add to a run in the cloud, in the median.
const addedCloud = time.Millisecond

// measureRoundTrip takes what we add to a run in the cloud: the emulator says the code back at once, so that what is left is ours, the
// emulator's and the loopback's. The peer is a bare client of the same emulator, which signs a request and reads the answer.
func measureRoundTrip(ctx context.Context, b *bench) (rows []row, err error) {
	e, err := b.emulate(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	f, err := launch(ctx, e.environment)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close(ctx)) }()
	if err := f.await(ctx, poolSize); err != nil {
		return nil, err
	}
	lease, err := f.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	session := lease.Value()
	cc, err := session.CreateContext(ctx, sandbox.Python)
	if err != nil {
		return nil, err
	}
	remote, err := f.client.CreateContext(ctx, session.SandboxID(), agentrun.Python, agentrun.HomeFolder)
	if err != nil {
		return nil, err
	}
	const code = "print('hi')"
	signed, err := newBare(e.environment, session.SandboxID(), remote.ID, code, code)
	if err != nil {
		return nil, err
	}
	defer signed.close()

	ours := timed(b.size(400), func(ctx context.Context) error {
		said := 0
		result, err := session.Run(ctx, cc.ID, sandbox.Run{Code: code, Emit: func(sandbox.Chunk) { said++ }})
		if err == nil && (result.Failure != nil || said == 0) {
			err = fmt.Errorf("the run gives %+v and %d chunks", result, said)
		}
		return err
	})
	theirs := timed(b.size(400), signed.execute)
	if _, _, err := alternate(ctx, 1, ours, theirs); err != nil { // to warm up
		return nil, err
	}
	mine, bare, err := alternate(ctx, b.rounds(12), ours, theirs)
	if err != nil {
		return nil, err
	}
	return []row{added("one run in the cloud, from the cloud backend on", mine, bare)}, nil
}

// timed makes a series of something done over and over.
func timed(n int, do func(ctx context.Context) error) func(ctx context.Context) (series, error) {
	return func(ctx context.Context) (series, error) {
		took := make(series, 0, n)
		for range n {
			began := time.Now()
			if err := do(ctx); err != nil {
				return nil, err
			}
			took = append(took, time.Since(began))
		}
		return took, nil
	}
}

// added is the row of a run with us next to one without.
func added(what string, ours, bare []series) row {
	mine, theirs := p50s(ours), p50s(bare)
	more := make([]float64, len(mine))
	for i := range mine {
		more[i] = mine[i] - theirs[i]
	}
	added := seconds(median(more))
	return row{what: what + " (p50 / p99)", ours: fmt.Sprintf("%s / %s", short(seconds(median(mine))), short(seconds(median(p99s(ours)))))}.
		against("bare signed HTTP", fmt.Sprintf("%s / %s", short(seconds(median(theirs))), short(seconds(median(p99s(bare))))), duel{mine, theirs}.ratio()).
		aimed("p50 adds "+short(added)+", ≤ "+short(addedCloud), added <= addedCloud)
}
