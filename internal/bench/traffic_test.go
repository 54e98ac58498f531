package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestPeersSpeakBothErasUnderLoad(t *testing.T) {
	b := newTestBench(t)
	said, err := tool("echo", map[string]string{"text": "hi"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `"text":"hi"`
	for _, era := range eras {
		params, err := inEra(era.version, said)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{peerStdio, peerSDKStdio} {
			c, err := b.connect(t.Context(), "", b.self, word)
			if err != nil {
				t.Fatalf("%s: %v", word, err)
			}
			f, err := c.flood(t.Context(), 8, 50*time.Millisecond, params, want)
			if err != nil || len(f.took) < 8 || f.perSecond <= 0 {
				t.Errorf("%s, %s: flood = %d calls, %v per second, %v", word, era.name, len(f.took), f.perSecond, err)
			}
			if _, err := c.flood(t.Context(), 1, time.Millisecond, params, `"text":"ho"`); err == nil {
				t.Errorf("%s, %s: an answer without the wanted text was taken", word, era.name)
			}
			if err := c.close(); err != nil {
				t.Errorf("%s: close = %v", word, err)
			}
		}
		pages := []string{peerHTTP, peerSDKHTTP}
		if era.version == newer {
			pages[1] = peerSDKStateless
		}
		for _, word := range pages {
			peer, err := b.startPage(t.Context(), b.self, word)
			if err != nil {
				t.Fatalf("%s: %v", word, err)
			}
			load, err := dialDoor(t.Context(), door{address: peer.address}, era.version, "echo", 4, params, want)
			if err != nil {
				t.Fatalf("%s, %s: %v", word, era.name, err)
			}
			f, err := load.flood(t.Context(), 500*time.Millisecond)
			if err != nil || len(f.took) < 4 || f.perSecond <= 0 {
				t.Errorf("%s, %s: flood = %d calls, %v per second, %v", word, era.name, len(f.took), f.perSecond, err)
			}
			if err := errors.Join(load.close(), peer.close()); err != nil {
				t.Errorf("%s: close = %v", word, err)
			}
		}
	}
}

func TestIDsAreFoundFirstAndLast(t *testing.T) {
	for line, want := range map[string]int{
		`{"jsonrpc":"2.0","id":12,"result":{}}`: 12,
		`{"result":{"content":[{"type":"text","text":"` + "some text that is longer than that" + `"}]},"id":34}`: 34,
		`{"jsonrpc":"2.0","method":"notifications/progress","params":{"id":1}}`:                                  -1,
		`{"jsonrpc":"2.0","id":"x","result":{}}`:                                                                 -1,
		`hello`:                                                                                                  -1,
	} {
		if id, ok := idOf([]byte(line)); ok != (want >= 0) || ok && id != want {
			t.Errorf("idOf(%s) = %d, %v, want %d", line, id, ok, want)
		}
	}
}

func TestWithoutTypeScriptItsRowsSayWhy(t *testing.T) {
	b := newTestBench(t)
	for _, folder := range []string{"", t.TempDir()} {
		b.nodeModules = folder
		_, _, err := b.typeScript()
		if _, is := errors.AsType[errNoTypeScript](err); !is {
			t.Errorf("with -node-modules %q: %v, want the reason why there is no such peer", folder, err)
		}
	}
}

func TestTurnsBeginWithAnotherPartyEachTime(t *testing.T) {
	var order string
	var parties []party
	for _, name := range []string{"a", "b", "c"} {
		parties = append(parties, party{name, func(context.Context, time.Duration) (flow, error) {
			order += name
			return flow{perSecond: 1}, nil
		}})
	}
	flows, err := takeTurns(t.Context(), 2, 0, parties)
	if err != nil || order != "abcbcacab" || len(flows[0]) != 2 || len(flows[2]) != 2 {
		t.Errorf("takeTurns = %v, %v in the order %s, want two rounds after one to warm up", flows, err, order)
	}
}
