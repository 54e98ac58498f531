package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	trafficRatio = 2 // at 8 in flight, through the relay, against the stdio servers of the two official SDKs
	addedLegacy  = 150 * time.Microsecond
	addedModern  = 250 * time.Microsecond
	trafficRound = 200 * time.Millisecond
)

// eras are the two ways to speak the protocol.
var eras = []struct{ version, name string }{{protocol, "older era"}, {newer, "newer era"}}

// site is a server that takes part: how to call it, and what its answer must have in it.
type site struct {
	name   string
	tool   string
	params json.RawMessage
	want   string
	stdio  func(ctx context.Context) (*client, error)
	doors  map[string]door // by version of the era; without one it does not speak it
	legacy bool            // speaks the older era only
}

// measureTraffic loads list_contexts on a host without contexts and the echo of other servers, made as long as that answer,
// with 1, 8 and 64 calls in flight: through the relay and over HTTP, in both eras.
func measureTraffic(ctx context.Context, b *bench) (rows []row, err error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	sites, missing, end, err := b.sites(ctx, h)
	defer func() { err = errors.Join(err, end()) }()
	if err != nil {
		return nil, err
	}
	for _, era := range eras {
		for _, n := range []int{1, 8, 64} {
			made, err := b.stdioTraffic(ctx, sites, era.version, n, fmt.Sprintf("list_contexts through the relay, %s, %d in flight", era.name, n))
			if err != nil {
				return nil, err
			}
			rows = append(rows, made...)
		}
		for _, n := range []int{1, 8, 64} {
			made, err := b.httpTraffic(ctx, h, sites, era.version, n, fmt.Sprintf("list_contexts over HTTP with a token, %s, %d clients", era.name, n))
			if err != nil {
				return nil, err
			}
			rows = append(rows, made...)
		}
	}
	if missing != "" {
		rows = append(rows, row{what: "the same next to the TypeScript SDK", peer: "TypeScript SDK", theirs: missing})
	}
	return rows, nil
}

// sites starts what serves HTTP and returns all who take part, ours first. end ends what was started.
func (b *bench) sites(ctx context.Context, h *host) (sites []site, missing string, end func() error, err error) {
	var open []func() error
	end = func() error {
		var err error
		for _, one := range open {
			err = errors.Join(err, one())
		}
		return err
	}
	address, err := h.address()
	if err != nil {
		return nil, "", end, err
	}
	token, err := h.token(ctx)
	if err != nil {
		return nil, "", end, err
	}
	list, err := tool("list_contexts", struct{}{})
	if err != nil {
		return nil, "", end, err
	}
	ours := door{address: address, token: token}
	sites = []site{{
		name: "ours", tool: "list_contexts", params: list, want: `"total":0`,
		stdio: func(ctx context.Context) (*client, error) { return b.relay(ctx, h) },
		doors: map[string]door{protocol: ours, newer: ours},
	}}
	size, err := b.emptyList(ctx, h, list)
	if err != nil {
		return nil, "", end, err
	}
	text := strings.Repeat("x", size)
	said, err := tool("echo", map[string]string{"text": text})
	if err != nil {
		return nil, "", end, err
	}
	page := func(program string, args ...string) (door, error) {
		peer, err := b.startPage(ctx, program, args...)
		if err != nil {
			return door{}, err
		}
		open = append(open, peer.close)
		return door{address: peer.address}, nil
	}
	add := func(name, program string, stdio []string, pages map[string][]string) error {
		s := site{name: fmt.Sprintf("%s echo of %d bytes", name, size), tool: "echo", params: said, want: text, doors: map[string]door{}, legacy: pages[newer] == nil}
		s.stdio = func(ctx context.Context) (*client, error) { return b.connect(ctx, "", program, stdio...) }
		for version, args := range pages {
			at, err := page(program, args...)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			s.doors[version] = at
		}
		sites = append(sites, s)
		return nil
	}
	if err := add("mcp-go", b.self, []string{peerStdio}, map[string][]string{protocol: {peerHTTP}, newer: {peerHTTP}}); err != nil {
		return nil, "", end, err
	}
	if err := add("go-sdk", b.self, []string{peerSDKStdio}, map[string][]string{protocol: {peerSDKHTTP}, newer: {peerSDKStateless}}); err != nil {
		return nil, "", end, err
	}
	node, script, err := b.typeScript()
	if absent, is := errors.AsType[errNoTypeScript](err); is {
		return sites, absent.why, end, nil
	}
	if err != nil {
		return nil, "", end, err
	}
	return sites, "", end, add("TypeScript SDK", node, []string{script, "stdio"}, map[string][]string{protocol: {script, "http"}})
}

// emptyList returns the size that an echo must have to be as long as the answer of list_contexts.
func (b *bench) emptyList(ctx context.Context, h *host, list json.RawMessage) (size int, err error) {
	relay, err := b.relay(ctx, h)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, relay.close()) }()
	answered, err := relay.call("tools/call", list)
	return answerSize(answered), err
}

// stdioTraffic is one table row per peer.
func (b *bench) stdioTraffic(ctx context.Context, sites []site, version string, n int, what string) (rows []row, err error) {
	var parties []party
	var open []*client
	defer func() {
		for _, c := range open {
			err = errors.Join(err, c.close())
		}
	}()
	for _, s := range sites {
		if s.legacy && version == newer {
			continue
		}
		c, err := s.stdio(ctx)
		if err != nil {
			return nil, err
		}
		open = append(open, c)
		params, err := inEra(version, s.params)
		if err != nil {
			return nil, err
		}
		parties = append(parties, party{s.name, func(ctx context.Context, d time.Duration) (flow, error) { return c.flood(ctx, n, d, params, s.want) }})
	}
	flows, err := takeTurns(ctx, b.rounds(9), trafficRound, parties)
	if err != nil {
		return nil, err
	}
	return versus(what, " over stdio", parties, flows, func(peer string, ratio float64, r row) row {
		if n == 8 && !strings.HasPrefix(peer, "mcp-go") {
			return r.aimed(fmt.Sprintf("≥ %dx", trafficRatio), ratio >= trafficRatio)
		}
		return r
	}), nil
}

func (b *bench) httpTraffic(ctx context.Context, h *host, sites []site, version string, n int, what string) (rows []row, err error) {
	var parties []party
	var open []*target
	defer func() {
		for _, t := range open {
			err = errors.Join(err, t.close())
		}
	}()
	enter := func(s site, name string, at door) error {
		params, err := inEra(version, s.params)
		if err != nil {
			return err
		}
		t, err := dialDoor(ctx, at, version, s.tool, n, params, s.want)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		open = append(open, t)
		parties = append(parties, party{name, t.flood})
		return nil
	}
	for _, s := range sites {
		if at, ok := s.doors[version]; ok {
			if err := enter(s, s.name, at); err != nil {
				return nil, err
			}
		}
	}
	socket, err := h.socket()
	if err != nil {
		return nil, err
	}
	if err := enter(sites[0], "ours, over the unix socket", socket); err != nil {
		return nil, err
	}
	flows, err := takeTurns(ctx, b.rounds(9), trafficRound, parties)
	if err != nil {
		return nil, err
	}
	return versus(what, " over HTTP", parties, flows, func(_ string, _ float64, r row) row { return r }), nil
}

// versus makes a row for each party against the first.
func versus(what, how string, parties []party, flows [][]flow, judge func(peer string, ratio float64, r row) row) []row {
	var rows []row
	for i, p := range parties[1:] {
		ratio := duel{rates(flows[0]), rates(flows[i+1])}.ratio()
		name := p.name
		if !strings.HasPrefix(name, "ours") {
			name += how
		}
		r := row{what: what, ours: flowing(flows[0])}.against(name, flowing(flows[i+1]), ratio)
		rows = append(rows, judge(p.name, ratio, r))
	}
	return rows
}

// measureAdded is what an editor pays for speaking to a relay instead of to the host's socket.
func measureAdded(ctx context.Context, b *bench) (rows []row, err error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	socket, err := h.socket()
	if err != nil {
		return nil, err
	}
	list, err := tool("list_contexts", struct{}{})
	if err != nil {
		return nil, err
	}
	for i, era := range eras {
		made, err := b.added(ctx, h, socket, era.version, list)
		if err != nil {
			return nil, err
		}
		aim := []time.Duration{addedLegacy, addedModern}[i]
		mine, direct := figures(made[0], p50OfFlow), figures(made[1], p50OfFlow)
		more := make([]float64, len(mine))
		for k := range mine {
			more[k] = mine[k] - direct[k]
		}
		added := seconds(median(more))
		rows = append(rows, row{what: "list_contexts through the relay, " + era.name + ", 1 in flight (p50)", ours: short(seconds(median(mine)))}.
			against("directly on the unix socket", short(seconds(median(direct))), duel{mine, direct}.ratio()).
			aimed(fmt.Sprintf("≤ %s more (it is %s)", short(aim), short(added)), added <= aim))
	}
	return rows, nil
}

func p50OfFlow(f flow) float64 { return f.took.p50().Seconds() }

func (b *bench) added(ctx context.Context, h *host, socket door, version string, list json.RawMessage) (flows [][]flow, err error) {
	const want = `"total":0`
	relay, err := b.relay(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.close()) }()
	params, err := inEra(version, list)
	if err != nil {
		return nil, err
	}
	direct, err := dialDoor(ctx, socket, version, "list_contexts", 1, params, want)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, direct.close()) }()
	return takeTurns(ctx, b.rounds(30), trafficRound, []party{
		{"relay", func(ctx context.Context, d time.Duration) (flow, error) { return relay.flood(ctx, 1, d, params, want) }},
		{"socket", direct.flood},
	})
}
