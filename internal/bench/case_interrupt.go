package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// measureInterrupt cancels an endless loop the way an editor does, and takes the time until the same context has run the next
// code, which finds its variables.
func measureInterrupt(ctx context.Context, b *bench) (rows []row, err error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	relay, err := b.relay(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.close()) }()
	for _, language := range []struct{ name, set, loop, show, label string }{
		{"python", "kept = 'kept'", "while True: pass", "print(kept)", "Python"},
		{"javascript", "let kept = 'kept'", "while (true) {}", "console.log(kept)", "JavaScript"},
	} {
		id, err := relay.newContext("interrupt", language.name)
		if err != nil {
			return nil, err
		}
		if _, err := relay.runCode(id, language.set, 30); err != nil {
			return nil, err
		}
		var took series
		for range b.rounds(30) {
			t, err := interrupt(ctx, relay, id, language.loop, language.show)
			if err != nil {
				return nil, err
			}
			took = append(took, t)
		}
		if err := relay.stopContext(id); err != nil {
			return nil, err
		}
		rows = append(rows, row{what: language.label + " endless loop cancelled → next code done, variables kept (p50)", ours: short(took.p50())})
	}
	return rows, nil
}

func interrupt(ctx context.Context, relay *client, id, loop, show string) (time.Duration, error) {
	endless, err := tool("run_code", map[string]any{"context_id": id, "code": loop})
	if err != nil {
		return 0, err
	}
	running, err := relay.send("tools/call", endless)
	if err != nil {
		return 0, err
	}
	timer := time.NewTimer(50 * time.Millisecond) // it is running by then; nothing says so from outside
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	began := time.Now()
	if err := relay.notify("notifications/cancelled", json.RawMessage(fmt.Sprintf(`{"requestId":%d}`, running))); err != nil {
		return 0, err
	}
	printed, err := relay.runCode(id, show, 30)
	took := time.Since(began)
	if err == nil && strings.TrimSpace(printed) != "kept" {
		err = fmt.Errorf("the variable is %q after the interrupt", printed)
	}
	return took, err
}
