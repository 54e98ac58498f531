//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestTenEditorsAtOnceShareOneHost: a user logs in and everything starts together.
func TestTenEditorsAtOnceShareOneHost(t *testing.T) {
	t.Parallel()
	const editors = 10
	h := newHome(t, quiet)
	relays := make([]*relay, editors)
	for n := range relays {
		relays[n] = h.relay(t)
	}
	clients := make([]*client, editors)
	ids := make([]string, editors)
	var wg sync.WaitGroup
	for n, r := range relays {
		wg.Go(func() { clients[n], ids[n] = r.settleIn(t, []string{legacy, modern}[n%2], n) })
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}

	pids, err := h.hosts()
	if err != nil || len(pids) != 1 {
		t.Errorf("%d host processes run: %v, %v; want one", len(pids), pids, err)
	}
	log, err := os.ReadFile(h.logFile())
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(log, []byte(`"msg":"starting"`)); n != 1 {
		t.Errorf("the log has %d starts, want one:\n%s", n, log)
	}
	seen := map[string]int{}
	for n, id := range ids {
		if other, twice := seen[id]; twice {
			t.Errorf("editors %d and %d have the same default context %s", other, n, id)
		}
		seen[id] = n
	}
	for n, c := range clients {
		c.wants(t, "", "mine", strconv.Itoa(n))
	}
	h.sees(t, "ten clients and their ten contexts", func(s status.Snapshot) bool {
		return len(s.Clients) == editors && len(s.Contexts) == editors
	})
}

// settleIn connects and puts something into the default context. It runs beside others and so only marks failures.
func (r *relay) settleIn(t *testing.T, era string, n int) (*client, string) {
	c, err := r.attach(t, era)
	if err != nil {
		t.Errorf("editor %d (%s) cannot connect: %v; its relay said:\n%s", n, era, err, r.grumbled)
		return nil, ""
	}
	res, err := c.try(t.Context(), "run_code", args{"code": fmt.Sprintf("mine = %d\nmine", n)}, "")
	if err != nil || !res.success() || res.text("result", "text") != strconv.Itoa(n) {
		t.Errorf("editor %d (%s): run_code = %v, %v, want %d", n, era, res, err, n)
	}
	return c, res.text("context_id")
}
