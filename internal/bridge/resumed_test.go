package bridge

import (
	"net/http"
	"testing"
)

// TestSubscriptionsThatGoOnSaySo: what an editor is subscribed to may have changed while it was without a host, and only the next
// host can tell it so.
func TestSubscriptionsThatGoOnSaySo(t *testing.T) {
	dirs := home(t)
	h := startHost(t, dirs)
	e := connect(t, dirs)
	e.initialize(h)
	e.write(modernLine("50", "subscriptions/listen", `"notifications":{"resourcesListChanged":true}`))
	e.note("notifications/subscriptions/acknowledged")
	streams := func() []string {
		var said []string
		for _, s := range append(h.requests("subscriptions/listen"), h.requests(http.MethodGet)...) {
			said = append(said, s.header.Get(headerReconnect))
		}
		return said
	}
	eventually(t, "both streams", func() bool { return len(streams()) == 2 })
	for _, said := range streams() {
		if said != "" {
			t.Errorf("at the first host the streams say %q, want nothing", streams())
		}
	}
	h.kill()
	h = startHost(t, dirs)
	e.call(1, "echo", `{}`)
	e.answer("1")
	last := func(method string) string {
		all := h.requests(method)
		if len(all) == 0 {
			return ""
		}
		return all[len(all)-1].header.Get(headerReconnect)
	}
	eventually(t, "both streams at the next host, which say so", func() bool {
		return last("subscriptions/listen") == "1" && last(http.MethodGet) == "1"
	})
}
