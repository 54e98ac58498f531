package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const httpRatio = 0.8

// measureHTTP compares list_contexts, answered over TCP to a client with a token, with a bare mcp-go server that only says
// back what it was told: two letters against an empty list, and as many bytes as the answer has when there is a context.
func measureHTTP(ctx context.Context, b *bench) (rows []row, err error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	address, err := h.address()
	if err != nil {
		return nil, err
	}
	token, err := h.token(ctx)
	if err != nil {
		return nil, err
	}
	relay, err := b.relay(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.close()) }()
	peer, err := b.webPeer(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, peer.close()) }()
	list, err := tool("list_contexts", struct{}{})
	if err != nil {
		return nil, err
	}
	compare := func(clients int, want, text string) (duel, error) {
		said, err := tool("echo", map[string]string{"text": text})
		if err != nil {
			return duel{}, err
		}
		return rateHTTP(ctx, b, clients, func(n int) (*target, error) { return dialMany(ctx, n, address, token, list, want) },
			func(n int) (*target, error) { return dialMany(ctx, n, peer.address, "", said, `"text":"`+text) })
	}
	for _, clients := range []int{1, 8} {
		d, err := compare(clients, `"total":0`, "hi")
		if err != nil {
			return nil, err
		}
		ratio := d.ratio()
		rows = append(rows, row{what: fmt.Sprintf("list_contexts over HTTP with a token, clients: %d", clients), ours: perSecond(median(d.ours))}.
			against("mcp-go HTTP echo", perSecond(median(d.theirs)), ratio).
			aimed(fmt.Sprintf("≥ %gx", httpRatio), ratio >= httpRatio))
	}
	id, err := relay.newContext("listed", "javascript")
	if err != nil {
		return nil, err
	}
	answered, err := relay.call("tools/call", list)
	if err != nil {
		return nil, err
	}
	length := len(answered) - len(`{"content":[{"type":"text","text":""}]}`)
	d, err := compare(1, id, strings.Repeat("x", length))
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{what: "the same with a context to list, clients: 1", ours: perSecond(median(d.ours))}.
		against(fmt.Sprintf("mcp-go HTTP echo of %d bytes", length), perSecond(median(d.theirs)), d.ratio()))
	return rows, relay.stopContext(id)
}

// rateHTTP loads both servers in turns.
func rateHTTP(ctx context.Context, b *bench, clients int, dialOurs, dialTheirs func(n int) (*target, error)) (d duel, err error) {
	mine, err := dialOurs(clients)
	if err != nil {
		return duel{}, err
	}
	defer func() { err = errors.Join(err, mine.close()) }()
	other, err := dialTheirs(clients)
	if err != nil {
		return duel{}, err
	}
	defer func() { err = errors.Join(err, other.close()) }()
	const round = 200 * time.Millisecond
	ours := func(ctx context.Context) (float64, error) { return mine.rate(ctx, round) }
	theirs := func(ctx context.Context) (float64, error) { return other.rate(ctx, round) }
	if _, _, err := alternate(ctx, 1, ours, theirs); err != nil { // to warm up
		return duel{}, err
	}
	d.ours, d.theirs, err = alternate(ctx, b.rounds(25), ours, theirs)
	return d, err
}
