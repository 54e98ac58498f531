package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"testing"
)

func TestWhatAContextCarriesIsInEveryLine(t *testing.T) {
	request := With(t.Context(), slog.String("request_id", "r1"))
	call := With(request, slog.String("client", "editor"))
	for _, tc := range []struct {
		name string
		ctx  context.Context
		log  func(*slog.Logger) *slog.Logger
		want map[string]any
	}{
		{"nothing", t.Context(), nil, map[string]any{"n": 1.0}},
		{"one attribute", request, nil, map[string]any{"n": 1.0, "request_id": "r1"}},
		{"the outer ones too", call, nil, map[string]any{"n": 1.0, "request_id": "r1", "client": "editor"}},
		{"beside those of the logger", call, func(l *slog.Logger) *slog.Logger { return l.With("part", "pool") }, map[string]any{
			"n": 1.0, "request_id": "r1", "client": "editor", "part": "pool",
		}},
		{"outside of the logger's groups", call, func(l *slog.Logger) *slog.Logger {
			return l.With("part", "pool").WithGroup("a").With("x", "y").WithGroup("").WithGroup("b")
		}, map[string]any{
			"request_id": "r1", "client": "editor", "part": "pool",
			"a": map[string]any{"x": "y", "b": map[string]any{"n": 1.0}},
		}},
		{"an empty With", With(request), nil, map[string]any{"n": 1.0, "request_id": "r1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			log := slog.New(Handler(slog.NewJSONHandler(&b, nil)))
			if tc.log != nil {
				log = tc.log(log)
			}
			log.InfoContext(tc.ctx, "event", "n", 1)
			log.DebugContext(tc.ctx, "hidden")
			var got map[string]any
			if err := json.Unmarshal(b.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v", b.Bytes(), err)
			}
			delete(got, "time")
			delete(got, "level")
			delete(got, "msg")
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("logged %v, want %v", got, tc.want)
			}
		})
	}
}

func TestLoggersMadeFromOneDoNotShareWhatTheyAdd(t *testing.T) {
	var b bytes.Buffer
	base := slog.New(Handler(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))).WithGroup("g")
	one, two := base.With("a", 1), base.With("b", 2)
	ctx := With(t.Context(), slog.Int("id", 7))
	one.InfoContext(ctx, "x")
	two.InfoContext(ctx, "x")
	if got, want := b.String(), "level=INFO msg=x id=7 g.a=1\nlevel=INFO msg=x id=7 g.b=2\n"; got != want {
		t.Errorf("logged\n%swant\n%s", got, want)
	}
}

func TestTwoContextsOfOneParentDoNotShareWhatTheyAdd(t *testing.T) {
	parent := With(t.Context(), slog.Int("a", 1))
	one, two := With(parent, slog.Int("b", 2)), With(parent, slog.Int("b", 3), slog.Int("a", 4))
	if v, ok := Value(one, "b"); !ok || v.Int64() != 2 {
		t.Errorf("b = %v, %v, want 2", v, ok)
	}
	if v, ok := Value(two, "a"); !ok || v.Int64() != 4 {
		t.Errorf("a = %v, %v, want the last one, 4", v, ok)
	}
	if _, ok := Value(parent, "b"); ok {
		t.Error("a parent has what its children were given")
	}
}

func TestNewMakesLoggersThatKnowContexts(t *testing.T) {
	var b bytes.Buffer
	log, closer, err := New(&b, t.TempDir(), slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	log.InfoContext(With(t.Context(), slog.String("request_id", "r1")), "event")
	if !bytes.Contains(b.Bytes(), []byte("request_id=r1")) {
		t.Errorf("logged %s", b.Bytes())
	}
}

func TestLinesAreWhatAContextCarriesForPeople(t *testing.T) {
	ctx := With(With(t.Context(), slog.String("request_id", "r1"), slog.String("client", "")), slog.Int("rpc_id", 7))
	if got, want := Lines(ctx, slog.String("error", "no room"), slog.String("context_id", "")), "request_id: r1\nrpc_id: 7\nerror: no room"; got != want {
		t.Errorf("Lines = %q, want %q", got, want)
	}
	if got := Lines(t.Context()); got != "" {
		t.Errorf("Lines of nothing = %q", got)
	}
}
