package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/mcpserver"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

func TestWhatCameOfTokensAddsUp(t *testing.T) {
	t0 := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }
	token := func(client string, created time.Time) tokens.Token {
		return tokens.Token{Client: client, Created: created}
	}
	var b useBook
	b.open([]tokens.Use{
		{Client: "old", Created: at(0), LastSeen: at(1), Calls: 10, Errors: 2},
		{Client: "remade", Created: at(0), LastSeen: at(1), Calls: 10},
		{Client: "gone", Created: at(0), LastSeen: at(1), Calls: 10},
	})
	for _, step := range []struct {
		name    string
		list    []tokens.Token
		counted map[string]mcpserver.TokenUse
		want    []tokens.Use
	}{
		{
			"nothing counted yet",
			[]tokens.Token{token("old", at(0)), token("remade", at(5)), token("new", at(6))},
			nil,
			[]tokens.Use{{Client: "old", Created: at(0), LastSeen: at(1), Calls: 10, Errors: 2}, {Client: "remade", Created: at(5)}, {Client: "new", Created: at(6)}},
		},
		{
			"some counted",
			[]tokens.Token{token("old", at(0)), token("new", at(6))},
			map[string]mcpserver.TokenUse{"old": {LastSeen: at(10), Calls: 5, Errors: 1}, "new": {LastSeen: at(11), Calls: 1, Errors: 1}},
			[]tokens.Use{{Client: "old", Created: at(0), LastSeen: at(10), Calls: 15, Errors: 3}, {Client: "new", Created: at(6), LastSeen: at(11), Calls: 1, Errors: 1}},
		},
		{
			"one revoked",
			[]tokens.Token{token("old", at(0))},
			map[string]mcpserver.TokenUse{"old": {LastSeen: at(12), Calls: 6, Errors: 1}, "new": {LastSeen: at(11), Calls: 2, Errors: 1}},
			[]tokens.Use{{Client: "old", Created: at(0), LastSeen: at(12), Calls: 16, Errors: 3}},
		},
		{
			"and made again",
			[]tokens.Token{token("old", at(0)), token("new", at(20))},
			map[string]mcpserver.TokenUse{"old": {LastSeen: at(12), Calls: 6, Errors: 1}, "new": {LastSeen: at(11), Calls: 2, Errors: 1}},
			[]tokens.Use{{Client: "old", Created: at(0), LastSeen: at(12), Calls: 16, Errors: 3}, {Client: "new", Created: at(20)}},
		},
		{
			"and used",
			[]tokens.Token{token("old", at(30)), token("new", at(20))},
			map[string]mcpserver.TokenUse{"old": {LastSeen: at(12), Calls: 6, Errors: 1}, "new": {LastSeen: at(21), Calls: 5, Errors: 2}},
			[]tokens.Use{{Client: "old", Created: at(30)}, {Client: "new", Created: at(20), LastSeen: at(21), Calls: 3, Errors: 1}},
		},
	} {
		if got := b.sum(step.list, step.counted); !reflect.DeepEqual(got, step.want) {
			t.Errorf("%s: %+v\nwant %+v", step.name, got, step.want)
		}
	}
}

func TestUsesAreKeptEveryMinuteAndAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, tokens.UsesFileName)
	cfg := config.Default()
	cfg.Backend = "mock"
	a, err := New(t.Context(), Options{Dirs: paths.Dirs{Data: dir}, Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	holds := func(name string) bool {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Contains(string(text), name)
	}
	give := func(name string) {
		if _, err := a.tokens.Get(name); err != nil {
			t.Fatal(err)
		}
	}
	give("first")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.keepUses(ctx) }()
		time.Sleep(keepUsesEvery - time.Second)
		synctest.Wait()
		if holds("first") {
			t.Error("written within the first minute")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !holds("first") {
			t.Error("not written after a minute")
		}
		give("second")
		cancel()
		if err := <-done; err != nil || !holds("second") {
			t.Errorf("keepUses = %v, and the end was not written down", err)
		}
	})
}
