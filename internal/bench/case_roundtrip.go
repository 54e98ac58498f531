package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	// addedCloud is how much our stack may add to a run in the cloud, in the median.
	addedCloud = time.Millisecond
	// warmAim is how long it may take to be given a session that is there.
	warmAim = 5 * time.Microsecond
)

// measureRoundTrip takes what we add to a run in the cloud: the emulator says the code back at once, so that what is left is ours, the
// emulator's and the loopback's. The peer is a bare client of the same emulator, which signs a request and reads the answer. Before that
// it takes how long it is until a session is given that is there.
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
	acquire, err := f.acquire(b)
	if err != nil {
		return nil, err
	}
	lease, err := f.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	signed, err := f.bare(ctx, lease.Value(), e.environment)
	if err != nil {
		return nil, err
	}
	defer signed.close()
	direct, err := backendRun(ctx, lease.Value())
	if err != nil {
		return nil, err
	}
	whole, end, err := b.relayRun(ctx, e.environment)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()

	rows = append(rows, row{what: "a warm cloud session: acquire and release", ours: short(acquire)}.aimed("< "+short(warmAim), acquire < warmAim))
	theirs := timed(b.size(400), signed.execute)
	for _, way := range []struct {
		what string
		ours func(context.Context) (series, error)
	}{
		{"one run in the cloud, from the cloud backend on", timed(b.size(400), direct)},
		{"one run in the cloud, editor → relay → host → cloud backend", whole},
	} {
		if _, _, err := alternate(ctx, 1, way.ours, theirs); err != nil { // to warm up
			return nil, err
		}
		mine, bare, err := alternate(ctx, b.rounds(12), way.ours, theirs)
		if err != nil {
			return nil, err
		}
		rows = append(rows, added(way.what, mine, bare))
	}
	return rows, nil
}

// cloudHello is what is run. The emulator says it back.
const cloudHello = "print('hi')"

// acquire takes how long it is until a session is given that is there, and given back.
func (f *fleet) acquire(b *bench) (time.Duration, error) {
	testing.Init()
	if err := flag.Set("test.benchtime", map[bool]string{false: "300ms", true: "100ms"}[b.quick]); err != nil {
		return 0, err
	}
	cycle, err := alone(func() error {
		lease, err := f.pool.Acquire(context.Background())
		if err == nil {
			lease.Release()
		}
		return err
	})
	return seconds(cycle), err
}

// bare prepares a client that runs something in a context of its own, in the sandbox of a session.
func (f *fleet) bare(ctx context.Context, session sandbox.Session, environment []agentruntest.Variable) (*bare, error) {
	remote, err := f.client.CreateContext(ctx, session.SandboxID(), agentrun.Python, agentrun.HomeFolder)
	if err != nil {
		return nil, err
	}
	return newBare(environment, session.SandboxID(), remote.ID, cloudHello, cloudHello)
}

// backendRun runs something by the contract of backends.
func backendRun(ctx context.Context, session sandbox.Session) (func(ctx context.Context) error, error) {
	cc, err := session.CreateContext(ctx, sandbox.Python)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		said := 0
		result, err := session.Run(ctx, cc.ID, sandbox.Run{Code: cloudHello, Emit: func(sandbox.Chunk) { said++ }})
		if err == nil && (result.Failure != nil || said == 0) {
			err = fmt.Errorf("the run gives %+v and %d chunks", result, said)
		}
		return err
	}, nil
}

// relayRun runs something as an editor does, with a host of its own. End it.
func (b *bench) relayRun(ctx context.Context, environment []agentruntest.Variable) (run func(context.Context) (series, error), end func() error, err error) {
	h, err := startCloudHost(ctx, b, environment)
	if err != nil {
		return nil, nil, err
	}
	if err := h.awaitReady(ctx); err != nil {
		return nil, nil, errors.Join(err, h.stop())
	}
	relay, err := b.relay(ctx, h)
	if err != nil {
		return nil, nil, errors.Join(err, h.stop())
	}
	end = func() error { return errors.Join(relay.close(), h.stop()) }
	id, err := relay.newContext("cloud", "python")
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	code, err := tool("run_code", map[string]string{"context_id": id, "code": cloudHello})
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return func(ctx context.Context) (series, error) {
		return relay.batch(ctx, b.size(400), code, `"stdout":"print('hi')\n"`)
	}, end, nil
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
