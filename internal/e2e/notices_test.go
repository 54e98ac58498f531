//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

const (
	thePool     = "agentrun://pool"
	allContexts = "agentrun://contexts"
)

// watcher is an editor's client that is told of changes.
type watcher struct {
	*client
	said chan string // "list" or "tools", or the URI of what was updated
}

// watch starts a relay and a client on it that wants to know of changes.
func (h *home) watcher(t *testing.T, era string) *watcher {
	t.Helper()
	r := h.relay(t)
	in, out := r.streams()
	w := watching(t, era, &mcp.IOTransport{Reader: in, Writer: out})
	w.relay = r
	return w
}

func watching(t *testing.T, era string, transport mcp.Transport) *watcher {
	t.Helper()
	w := &watcher{client: &client{}, said: make(chan string, 10_000)}
	peer := mcp.NewClient(&mcp.Implementation{Name: "watcher", Version: "1.8"}, &mcp.ClientOptions{
		ResourceUpdatedHandler: func(_ context.Context, r *mcp.ResourceUpdatedNotificationRequest) { w.said <- r.Params.URI },
		ResourceListChangedHandler: func(context.Context, *mcp.ResourceListChangedRequest) {
			w.said <- "list"
		},
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) { w.said <- "tools" },
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var err error
	if w.ClientSession, err = peer.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: era}); err != nil {
		t.Fatalf("connect (%s): %v", era, err)
	}
	t.Cleanup(func() {
		if w.relay != nil {
			for _, fault := range w.relay.wire.check(false) { // a standing stream is never answered
				t.Error(fault)
			}
		}
		_ = w.Close() // how it ends is not this test's business
	})
	return w
}

// subscribe asks to be told of changes to a resource.
func (w *watcher) subscribe(t *testing.T, uri string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.Subscribe(ctx, &mcp.SubscribeParams{URI: uri}); err != nil {
		t.Fatalf("subscribe to %s: %v", uri, err)
	}
}

// hears waits until the client was told all of this, in any order.
func (w *watcher) hears(t *testing.T, after string, want ...string) {
	t.Helper()
	var heard []string
	deadline := time.After(patience)
	for len(want) > 0 {
		select {
		case s := <-w.said:
			heard = append(heard, s)
			want = slices.DeleteFunc(want, func(one string) bool { return one == s })
		case <-deadline:
			t.Fatalf("after %s the client was not told of %q, only of %q", after, want, heard)
		}
	}
}

// reads reads a resource that is an object.
func (w *watcher) reads(t *testing.T, uri string) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := w.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
	if err != nil || len(res.Contents) != 1 {
		t.Fatalf("read %s = %v, %v", uri, res, err)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(res.Contents[0].Text), &object); err != nil {
		t.Fatalf("read %s = %s: %v", uri, clip(res.Contents[0].Text, 300), err)
	}
	return object
}

// lifeOfAContext makes a context, runs code in it and stops it, and wants each step to be told.
func (w *watcher) lifeOfAContext(t *testing.T) {
	t.Helper()
	id := w.create(t, "watched", "python")
	w.hears(t, "create_context", "list", allContexts)
	uri := allContexts + "/" + id
	w.subscribe(t, uri)
	if list := w.reads(t, allContexts); list["total"] != 1.0 {
		t.Errorf("%s = %v, want one context", allContexts, list)
	}
	// a client of the newer era does not wait for the acknowledgement, so the first run may come before it
	deadline := time.Now().Add(patience)
	for told := false; !told; {
		w.do(t, "run_code", args{"context_id": id, "code": "print 1"})
		limit := time.After(time.Second)
		for again := false; !told && !again; {
			select {
			case s := <-w.said:
				told = s == uri
			case <-limit:
				again = true
			}
		}
		if !told && time.Now().After(deadline) {
			t.Fatal("run_code was not told")
		}
	}
	if cc := w.reads(t, uri); cc["runs"] == 0.0 || cc["context_id"] != id {
		t.Errorf("%s = %v, want its runs", uri, cc)
	}
	w.do(t, "stop_context", args{"context_id": id})
	w.hears(t, "stop_context", "list", allContexts, uri)
	_, err := w.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
	if err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("read %s after its end = %v, want why it is gone", uri, err)
	}
	if err := w.Unsubscribe(t.Context(), &mcp.UnsubscribeParams{URI: uri}); err != nil {
		t.Errorf("unsubscribe from %s: %v", uri, err)
	}
}

// TestChangesAreToldThroughTheRelayAndAcrossAKilledHost: what an editor subscribed to goes on with the next host.
func TestChangesAreToldThroughTheRelayAndAcrossAKilledHost(t *testing.T) {
	t.Parallel()
	inBothEras(t, func(t *testing.T, era string) {
		h := coldHome(t, mocked)
		w := h.watcher(t, era)
		w.subscribe(t, allContexts)
		w.subscribe(t, thePool)
		before := h.sees(t, "a host", func(s status.Snapshot) bool { return s.PID > 0 }).PID
		w.lifeOfAContext(t)
		w.create(t, "doomed", "python")
		w.hears(t, "create_context", "list", allContexts)

		h.kill(t)
		w.call(t, "list_contexts", nil) // which starts the next host; the relay starts none by itself
		w.hears(t, "another host came", "list", allContexts, thePool)
		if list := w.reads(t, allContexts); list["total"] != 0.0 {
			t.Errorf("%s on the next host = %v, want none", allContexts, list)
		}
		if s := h.sees(t, "another host", func(s status.Snapshot) bool { return s.PID != before }); s.PID == before {
			t.Error("the host was not replaced")
		}
		w.lifeOfAContext(t)
	})
}

// TestChangesAreToldByURL: as through the relay, and only to those who asked.
func TestChangesAreToldByURL(t *testing.T) {
	t.Parallel()
	h := coldHome(t, `{"backend": "mock"}`)
	url := h.serveHTTP(t)
	inBothEras(t, func(t *testing.T, era string) {
		connect := func(name string) *watcher {
			token := strings.TrimSpace(h.mustCtl(t, "token", name))
			return watching(t, era, &mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: bearer(token)}})
		}
		w, other := connect("asks"), connect("does-not")
		w.subscribe(t, allContexts)
		w.lifeOfAContext(t)
		other.hears(t, "a context came and went", "list")
		for len(other.said) > 0 {
			if s := <-other.said; s != "list" {
				t.Errorf("a client that asked for nothing was told of %s", s)
			}
		}
	})
}
