package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

// newer is the version of the era in which every request says by itself what it needs.
const newer = "2026-07-28"

// inEra is the parameters of a tools/call for one era.
func inEra(version string, params json.RawMessage) (json.RawMessage, error) {
	if version != newer {
		return params, nil
	}
	var whole map[string]any
	if err := json.Unmarshal(params, &whole); err != nil {
		return nil, err
	}
	whole["_meta"] = map[string]any{
		"io.modelcontextprotocol/protocolVersion":    newer,
		"io.modelcontextprotocol/clientCapabilities": struct{}{},
		"io.modelcontextprotocol/clientInfo":         map[string]string{"name": "bench", "version": "1"},
	}
	return json.Marshal(whole)
}

// flow is what one round of load gave.
type flow struct {
	perSecond float64
	took      series
}

// flood keeps n calls in flight for a while and takes how long each was in flight.
func (s *stdio) flood(ctx context.Context, n int, d time.Duration, params json.RawMessage, want string) (flow, error) {
	var f flow
	sent := make(map[int]time.Time, n)
	send := func() error {
		sent[s.last+1] = time.Now()
		_, err := s.send("tools/call", params)
		return err
	}
	began := time.Now()
	for range n {
		if err := send(); err != nil {
			return f, err
		}
	}
	for len(sent) > 0 {
		line, err := s.out.ReadSlice('\n')
		if err != nil {
			return f, fmt.Errorf("waiting for an answer: %w", err)
		}
		now := time.Now()
		id, ok := idOf(line)
		at, ours := sent[id]
		if !ok || !ours {
			continue // something of the server's own
		}
		if err := checkTool(line, want); err != nil {
			return f, err
		}
		delete(sent, id)
		f.took = append(f.took, now.Sub(at))
		if now.Sub(began) < d && ctx.Err() == nil {
			if err := send(); err != nil {
				return f, err
			}
		}
	}
	f.perSecond = float64(len(f.took)) / time.Since(began).Seconds()
	return f, ctx.Err()
}

// idOf finds the id of an answer without reading all of it: servers write it first or last.
func idOf(line []byte) (int, bool) {
	key := []byte(`"id":`)
	at := bytes.Index(line[:min(len(line), 64)], key)
	if at < 0 {
		at = bytes.LastIndex(line, key)
	}
	if at < 0 || bytes.Contains(line[:min(len(line), 64)], []byte(`"method"`)) {
		return 0, false
	}
	id, length := 0, 0
	for _, c := range line[at+len(key):] {
		if c < '0' || c > '9' {
			break
		}
		id, length = id*10+int(c-'0'), length+1
	}
	return id, length > 0
}

// flood loads the server over all connections for a while.
func (t *target) flood(ctx context.Context, d time.Duration) (flow, error) {
	all := make([]series, len(t.wires))
	failed := make([]error, len(t.wires))
	var wg sync.WaitGroup
	began := time.Now()
	for i, w := range t.wires {
		wg.Go(func() {
			for ctx.Err() == nil && time.Since(began) < d {
				start := time.Now()
				result, err := w.call("tools/call", t.params)
				all[i] = append(all[i], time.Since(start))
				if err == nil {
					err = checkTool(result, t.want)
				}
				if err != nil {
					failed[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	var f flow
	for _, took := range all {
		f.took = append(f.took, took...)
	}
	f.perSecond = float64(len(f.took)) / time.Since(began).Seconds()
	return f, errors.Join(append(failed, ctx.Err())...)
}

// door is where a server is reached over HTTP.
type door struct {
	address string // its URL
	socket  string // a unix socket that the URL is asked on; empty: TCP
	token   string
}

// dialDoor opens n connections for one era.
func dialDoor(ctx context.Context, at door, version, toolName string, n int, params json.RawMessage, want string) (*target, error) {
	t := &target{params: params, want: want}
	for range n {
		w, err := dialEra(ctx, at, version, toolName)
		if err != nil {
			return nil, errors.Join(err, t.close())
		}
		t.wires = append(t.wires, w)
	}
	return t, nil
}

func dialEra(ctx context.Context, at door, version, toolName string) (*wire, error) {
	u, err := url.Parse(at.address)
	if err != nil {
		return nil, err
	}
	network, address := "tcp", u.Host
	if at.socket != "" {
		network, address = "unix", at.socket
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	w := newWire(conn, u, at.token)
	if version == newer {
		w.head += "Mcp-Protocol-Version: " + newer + "\r\nMcp-Method: tools/call\r\nMcp-Name: " + toolName + "\r\n"
		return w, nil
	}
	if err := w.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("initialize at %s: %w", at.address, err), conn.Close())
	}
	return w, nil
}

// party is one of those who take turns under load.
type party struct {
	name string
	load func(ctx context.Context, d time.Duration) (flow, error)
}

// takeTurns loads each party in turn, another one first in each round, after a round to warm up.
func takeTurns(ctx context.Context, rounds int, d time.Duration, parties []party) ([][]flow, error) {
	flows := make([][]flow, len(parties))
	for round := range rounds + 1 {
		for i := range parties {
			k := (i + round) % len(parties)
			f, err := parties[k].load(ctx, d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", parties[k].name, err)
			}
			if round > 0 {
				flows[k] = append(flows[k], f)
			}
		}
	}
	return flows, nil
}

func rates(flows []flow) []float64 {
	return figures(flows, func(f flow) float64 { return f.perSecond })
}

// flowing writes the rate and the quantiles of all rounds.
func flowing(flows []flow) string {
	var all series
	for _, f := range flows {
		all = append(all, f.took...)
	}
	return perSecond(median(rates(flows))) + ", " + both(all)
}

// answerSize is how many bytes an echo has to say to be as long as this result.
func answerSize(result json.RawMessage) int {
	return len(result) - len(`{"content":[{"type":"text","text":""}]}`)
}
