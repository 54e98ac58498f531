package bridge

import (
	"net/http"
	"testing"
)

func TestTheHostsOwnStreamReachesTheEditor(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	h.push(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
	e.note("notifications/tools/list_changed")
	h.push("not json")
	h.push(`{"jsonrpc":"2.0","id":4,"method":"roots/list"}`)
	if q := e.note("roots/list"); string(q.ID) != `"h1.1"` {
		t.Errorf("the question has id %s, want \"h1.1\"", q.ID)
	}
	h.push(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}`)
	if m := e.note("notifications/cancelled"); string(m.Params.RequestID) != `"h1.1"` {
		t.Errorf("taken back was %s, want \"h1.1\"", m.Params.RequestID)
	}
}

func TestAHostWithoutAStreamIsAccepted(t *testing.T) {
	h := startHost(t, home(t), hook(http.MethodGet, func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	}))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.call(1, "echo", `{}`)
	e.answer("1")
	if n := len(h.requests(http.MethodGet)); n != 1 {
		t.Errorf("%d GETs, want 1", n)
	}
}
