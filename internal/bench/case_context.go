package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

const (
	contextAim = 8 * time.Millisecond
	copiedAim  = 25 * time.Millisecond
)

// measureContexts compares a new context, through the whole stack, with what starts a fresh interpreter otherwise: a process.
func measureContexts(ctx context.Context, b *bench) (rows []row, err error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	relay, err := b.relay(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.close()) }()

	for _, side := range []struct{ language, code, label, native, flag, nothing string }{
		{"python", "print('hi')", "Python", "python3", "-c", "pass"},
		{"javascript", "console.log('hi')", "JavaScript", "node", "-e", "0"},
	} {
		theirs := func(context.Context) (time.Duration, error) { return 0, nil }
		peer, err := interpreter(ctx, side.native)
		if errors.Is(err, exec.ErrNotFound) {
			b.sayf("%s is not installed: no peer for new contexts in %s", side.native, side.label)
		} else if err != nil {
			return nil, err
		} else {
			theirs = func(ctx context.Context) (time.Duration, error) {
				began := time.Now()
				_, err := output(ctx, peer.path, side.flag, side.nothing)
				return time.Since(began), err
			}
		}
		var first series // with the first run
		ours := func(context.Context) (time.Duration, error) {
			began := time.Now()
			id, err := relay.newContext("fresh", side.language)
			made := time.Since(began)
			if err != nil {
				return 0, err
			}
			if _, err := relay.runCode(id, side.code, 30); err != nil {
				return 0, err
			}
			first = append(first, time.Since(began))
			return made, relay.stopContext(id)
		}
		if _, _, err := alternate(ctx, 3, ours, theirs); err != nil { // to warm up
			return nil, err
		}
		first = nil
		a, z, err := alternate(ctx, b.rounds(60), ours, theirs)
		if err != nil {
			return nil, err
		}
		mine := series(a)
		r := row{what: "new " + side.label + " context, create_context answered (p50 / p99)", ours: both(mine)}
		if peer != nil {
			r = r.against(fmt.Sprintf("%s %s %s", peer.name, side.flag, side.nothing), both(z), quotient(a, z))
		}
		rows = append(rows, r.aimed("p50 ≤ "+short(contextAim), mine.p50() <= contextAim),
			row{what: "new " + side.label + " context with its first run (p50 / p99)", ours: both(first)})
	}
	return rows, nil
}

// both writes p50 and p99.
func both(s series) string { return short(s.p50()) + " / " + short(s.p99()) }
