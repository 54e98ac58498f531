package logging

import (
	"context"
	"log/slog"
	"slices"
	"strings"
)

type attrsKey struct{}

// With returns a context whose attributes are added to every record that is logged with it, by loggers that [New] or [Handler]
// has made. They come on top of those that ctx carries already.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	if len(attrs) == 0 {
		return ctx
	}
	return context.WithValue(ctx, attrsKey{}, slices.Concat(attrsOf(ctx), attrs))
}

// Value returns an attribute that a context carries, the last one of that key.
func Value(ctx context.Context, key string) (slog.Value, bool) {
	for _, a := range slices.Backward(attrsOf(ctx)) {
		if a.Key == key {
			return a.Value, true
		}
	}
	return slog.Value{}, false
}

// Lines writes what a context carries, and more, for people: one attribute per line, in the words of the log. Empty values are left out.
func Lines(ctx context.Context, more ...slog.Attr) string {
	var b strings.Builder
	for _, a := range slices.Concat(attrsOf(ctx), more) {
		if text := a.Value.String(); text != "" {
			b.WriteString(a.Key + ": " + text + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func attrsOf(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	return attrs
}

// Handler returns a handler that adds the attributes of a record's context (see [With]) to the record and hands it to next.
// They stand at the top level, also where a logger has opened a group: whoever looks for a request must find it by one name.
func Handler(next slog.Handler) slog.Handler { return &handler{next: next, root: next} }

// handler is what Handler makes.
type handler struct {
	next slog.Handler                      // with everything that the logger was given
	root slog.Handler                      // next as it was before the first group was opened
	redo []func(slog.Handler) slog.Handler // what makes next of root; empty while no group is open
}

// Enabled implements [slog.Handler].
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	attrs := attrsOf(ctx)
	switch {
	case len(attrs) == 0:
		return h.next.Handle(ctx, r)
	case len(h.redo) == 0:
		r = r.Clone()
		r.AddAttrs(attrs...)
		return h.next.Handle(ctx, r)
	}
	next := h.root.WithAttrs(attrs)
	for _, step := range h.redo {
		next = step(next)
	}
	return next.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := h.next.WithAttrs(attrs)
	if len(h.redo) == 0 {
		return &handler{next: next, root: next}
	}
	return h.with(next, func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(h.next.WithGroup(name), func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *handler) with(next slog.Handler, step func(slog.Handler) slog.Handler) *handler {
	return &handler{next: next, root: h.root, redo: append(slices.Clone(h.redo), step)}
}
