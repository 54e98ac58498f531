package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	helloAim   = 800 * time.Microsecond
	helloRatio = 3
)

// measureHello takes a print('hi') through relay, socket, host and engine and back, against a bare mcp-go server over stdio
// that only says back what it was told.
func measureHello(ctx context.Context, b *bench) (rows []row, err error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	relay, err := b.relay(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.close()) }()
	echo, err := b.echo(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, echo.close()) }()

	said, err := tool("echo", map[string]string{"text": "hi"})
	if err != nil {
		return nil, err
	}
	for _, language := range []struct{ name, code, label string }{
		{"python", "print('hi')", "Python print('hi'), editor to engine and back"},
		{"javascript", "console.log('hi')", "JavaScript console.log('hi'), the same way"},
	} {
		id, err := relay.newContext("hello", language.name)
		if err != nil {
			return nil, err
		}
		code, err := tool("run_code", map[string]string{"context_id": id, "code": language.code})
		if err != nil {
			return nil, err
		}
		ours := func(ctx context.Context) (series, error) {
			return relay.batch(ctx, b.size(400), code, `"stdout":"hi\n"`)
		}
		theirs := func(ctx context.Context) (series, error) { return echo.batch(ctx, b.size(400), said, `"text":"hi"`) }
		if _, _, err := alternate(ctx, 1, ours, theirs); err != nil { // to warm up
			return nil, err
		}
		a, z, err := alternate(ctx, b.rounds(12), ours, theirs)
		if err != nil {
			return nil, err
		}
		if err := relay.stopContext(id); err != nil {
			return nil, err
		}
		mine, peer := median(p50s(a)), median(p50s(z))
		ratio := duel{p50s(a), p50s(z)}.ratio()
		r := row{what: language.label + " (p50 / p99)", ours: fmt.Sprintf("%s / %s", short(seconds(mine)), short(seconds(median(p99s(a)))))}.
			against("mcp-go stdio echo", fmt.Sprintf("%s / %s", short(seconds(peer)), short(seconds(median(p99s(z))))), ratio)
		if language.name == "python" {
			r = r.aimed("p50 ≤ "+short(helloAim), seconds(mine) <= helloAim).aimed(fmt.Sprintf("≤ %dx", helloRatio), ratio <= helloRatio)
		}
		rows = append(rows, r)
	}
	return rows, nil
}
