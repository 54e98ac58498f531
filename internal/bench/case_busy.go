package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	busyRuns = 64
	// busyAim is how much later the 99th of 100 calls may be answered while that many runs compute.
	busyAim = 5 * time.Millisecond
)

// measureBusy takes how long the calls of an editor take while 64 runs of another one are in flight, each of which would fill a
// processor. The peer is the same host with the same contexts just before, with nothing running in them.
func measureBusy(ctx context.Context, b *bench) ([]row, error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, load := range []struct {
		label string
		code  func(n int) (language, code string)
	}{
		{"64 endless loops in Python", func(int) (string, string) { return "python", "while True: pass" }},
		{"64 endless loops in JavaScript", func(int) (string, string) { return "javascript", "while (true) {}" }},
		{"32 loops and 32 sleepers", func(n int) (string, string) {
			if n%2 == 0 {
				return "python", "while True: pass"
			}
			return "python", "import time\nwhile True: time.sleep(0.001)"
		}},
	} {
		calm, busy, err := besideRuns(ctx, b, h, load.code)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", load.label, err)
		}
		for i, call := range probed {
			r := row{what: call.name + " beside " + load.label + " (p50 / p99)", ours: both(busy[i])}.
				against("beside the same contexts at rest", both(calm[i]), busy[i].p50().Seconds()/calm[i].p50().Seconds())
			if call.instant {
				later := busy[i].p99() - calm[i].p99()
				r = r.aimed(fmt.Sprintf("p99 ≤ %s later", short(busyAim)), later <= busyAim)
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// probed are the calls that are timed. Those that need no interpreter may not be delayed by what computes.
var probed = [...]struct {
	name    string
	instant bool
}{{"list_contexts", true}, {"stop_context", true}, {"create_context", false}, {"print('hi')", false}}

// probes are the times of each of them.
type probes [len(probed)]series

// besideRuns probes a host with many contexts, first at rest and then with a run in each, and wants to find all of them running
// afterwards.
func besideRuns(ctx context.Context, b *bench, h *host, code func(n int) (language, code string)) (calm, busy probes, err error) {
	loader, err := b.relay(ctx, h)
	if err != nil {
		return calm, busy, err
	}
	defer func() { err = errors.Join(err, loader.close()) }()
	prober, err := b.relay(ctx, h)
	if err != nil {
		return calm, busy, err
	}
	defer func() { err = errors.Join(err, prober.close()) }()
	var ids []string
	for n := range busyRuns {
		language, _ := code(n)
		id, err := loader.newContext(fmt.Sprintf("busy-%d", n), language)
		if err != nil {
			return calm, busy, err
		}
		ids = append(ids, id)
	}
	if calm, err = probe(ctx, b, prober); err != nil {
		return calm, busy, err
	}
	for n, id := range ids {
		_, text := code(n)
		params, err := tool("run_code", map[string]any{"context_id": id, "code": text, "timeout_seconds": 300})
		if err != nil {
			return calm, busy, err
		}
		if _, err := loader.send("tools/call", params); err != nil {
			return calm, busy, err
		}
	}
	if busy, err = probe(ctx, b, prober); err != nil {
		return calm, busy, err
	}
	if n, err := runningContexts(prober); err != nil || n != busyRuns {
		return calm, busy, fmt.Errorf("%d of %d runs are in flight at the end (%w)", n, busyRuns, err)
	}
	for _, id := range ids {
		if _, err := forceStop(prober, id); err != nil {
			return calm, busy, err
		}
	}
	return calm, busy, nil
}

// runningContexts counts the contexts in which code runs.
func runningContexts(c *client) (int, error) {
	list, err := tool("list_contexts", struct{}{})
	if err != nil {
		return 0, err
	}
	result, err := c.call("tools/call", list)
	if err != nil {
		return 0, err
	}
	var now struct {
		Contexts []struct {
			Status string `json:"status"`
		} `json:"contexts"`
	}
	err = structured(result, &now)
	running := 0
	for _, cc := range now.Contexts {
		if cc.Status == "running" {
			running++
		}
	}
	return running, err
}

// forceStop stops a context and what runs in it.
func forceStop(c *client, id string) (time.Duration, error) {
	params, err := tool("stop_context", map[string]any{"context_id": id, "force": true})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	result, err := c.call("tools/call", params)
	took := time.Since(began)
	if err == nil {
		err = checkTool(result, "")
	}
	if err != nil {
		return 0, fmt.Errorf("stop_context: %w", err)
	}
	return took, nil
}

// probe makes each kind of call many times.
func probe(ctx context.Context, b *bench, c *client) (took probes, err error) {
	list, err := tool("list_contexts", struct{}{})
	if err != nil {
		return took, err
	}
	if took[0], err = c.batch(ctx, b.size(1000), list, `"total"`); err != nil {
		return took, err
	}
	for n := range b.size(200) {
		began := time.Now()
		id, err := c.newContext(fmt.Sprintf("probe-%d", n), "python")
		took[2] = append(took[2], time.Since(began))
		if err != nil {
			return took, err
		}
		code, err := tool("run_code", map[string]string{"context_id": id, "code": "print('hi')"})
		if err != nil {
			return took, err
		}
		ran, err := c.batch(ctx, 2, code, `"stdout":"hi\n"`)
		if err != nil {
			return took, err
		}
		took[3] = append(took[3], ran...)
		stopped, err := forceStop(c, id)
		if err != nil {
			return took, err
		}
		took[1] = append(took[1], stopped)
	}
	return took, nil
}
