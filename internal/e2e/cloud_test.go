//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// inCloud are quiet settings for homes whose code runs in the cloud or nowhere.
const inCloud = `{"backend": "agentrun", "fallback": "off", "http": {"enabled": false}}`

// cloudOrHere are those for homes whose code runs here while the cloud cannot be had.
const cloudOrHere = `{"backend": "agentrun", "fallback": "local", "http": {"enabled": false}}`

// TestTheConversationInTheCloud goes through the seven steps with each way in which the service may answer.
func TestTheConversationInTheCloud(t *testing.T) {
	t.Parallel()
	for _, shape := range agentruntest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			a := openAccount(t, "--shape", shape.Name, "--template-delay", "300ms", "--sandbox-delay", "200ms-600ms")
			h := a.newHome(t, inCloud)
			inBothEras(t, func(t *testing.T, era string) { h.converse(t, era, "agentrun") })
			if s, err := h.look(); err != nil || s.Backend.Name != "agentrun" || len(s.Problems) != 0 {
				t.Errorf("agentrunctl status shows %+v, %v, want the agentrun backend without a problem", s, err)
			}
		})
	}
}

// sandboxesOf lists what a host shows as its sandboxes in the cloud, once all are there that it wants.
func (h *home) sandboxesOf(t *testing.T) []string {
	t.Helper()
	s := h.sees(t, "a full pool", poolIsFull)
	var ids []string
	for _, x := range s.Sessions {
		if x.Backend == "agentrun" {
			ids = append(ids, x.SandboxID)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestAnOrderlyQuitEndsAllSandboxes, whether they are idle or have contexts, and leaves the template.
func TestAnOrderlyQuitEndsAllSandboxes(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	h := a.newHome(t, inCloud)
	s := h.serve(t)
	c := h.connect(t, legacy)
	c.create(t, "left alone", "python")
	if ids, living := h.sandboxesOf(t), a.living(t); len(ids) != 3 || !slices.Equal(ids, slices.Sorted(slices.Values(living))) {
		t.Errorf("the host has the sandboxes %v and in the account are %v, want the same three", ids, living)
	}
	h.mustCtl(t, "stop")
	s.ended(t, patience, "agentrunctl stop")
	if left := a.living(t); len(left) != 0 {
		t.Errorf("after an orderly quit there are %v", left)
	}
	if found, err := a.client(t).GetTemplate(t.Context(), "agentrun-tray"); err != nil || !found.Status.Ready() {
		t.Errorf("the template is %s, %v, want it ready for the next start", found.Status, err)
	}
}

// TestSandboxesAreKeptOverAQuit, if the user wants that, and taken over by the next host.
func TestSandboxesAreKeptOverAQuit(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	h := a.newHome(t, `{"backend": "agentrun", "fallback": "off", "pool": {"keep_on_quit": true}, "http": {"enabled": false}}`)
	h.serve(t)
	before := h.sandboxesOf(t)
	h.mustCtl(t, "stop")
	if kept := slices.Sorted(slices.Values(a.living(t))); len(before) != 3 || !slices.Equal(kept, before) {
		t.Errorf("after the quit there are %v, want %v", kept, before)
	}
	h.configure(t, inCloud)
	between := time.Now()
	h.serve(t)
	if after := h.sandboxesOf(t); !slices.Equal(after, before) {
		t.Errorf("the next host has %v, want the %v of the one before", after, before)
	}
	for _, x := range h.sees(t, "a full pool", poolIsFull).Sessions {
		if x.CreatedAt.After(between) || x.EndsAt == nil || x.EndsAt.After(between.Add(6*time.Hour)) {
			t.Errorf("the sandbox %s is shown as made at %v and ending at %v, want its true age: the service ends it after six hours", x.SandboxID, x.CreatedAt, x.EndsAt)
		}
	}
	h.connect(t, legacy).value(t, "", "6 * 7")
	requests, err := a.Requests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(slices.DeleteFunc(requests, func(r agentruntest.Request) bool { return r.Operation != "CreateSandbox" })); n != len(before) {
		t.Errorf("%d sandboxes were made in all, want no more than the first %d", n, len(before))
	}
}

// TestAThousandContextsOverTwentySandboxes. The emulator only says back what it is told to run: a thousand interpreters are more than
// this computer has room for, and they are not what is tested.
func TestAThousandContextsOverTwentySandboxes(t *testing.T) {
	t.Parallel()
	const editors, each, ceiling, perSandbox = 10, 100, 20, 50
	a := openAccount(t, "--echo")
	h := a.newHome(t, fmt.Sprintf(`{"backend": "agentrun", "fallback": "off", "pool": {"ceiling": %d}, "agentrun": {"contexts_per_sandbox": %d}, "runs": {"max_contexts": %d}, "http": {"enabled": false}}`,
		ceiling, perSandbox, editors*each+1))
	h.serve(t)
	clients := make([]*client, editors)
	for n := range clients {
		clients[n] = h.connect(t, []string{legacy, modern}[n%2])
	}
	var all sync.WaitGroup
	for n, c := range clients {
		all.Go(func() { c.settleMany(t, n, each) })
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	s := h.sees(t, "all contexts", func(s status.Snapshot) bool { return len(s.Contexts) == editors*each })
	on := map[string]int{}
	for _, cc := range s.Contexts {
		on[cc.SandboxID]++
	}
	if fullest := slices.Max(slices.Collect(maps.Values(on))); len(on) > ceiling || fullest > perSandbox {
		t.Errorf("they are on %d sandboxes, %d on one of them; want at most %d with %d each", len(on), fullest, ceiling, perSandbox)
	}
	if living := a.living(t); len(living) > ceiling {
		t.Errorf("%d sandboxes live, want at most %d", len(living), ceiling)
	}
	if r := clients[0].call(t, "create_context", args{"name": "one too many", "language": "python"}); !r.isError || r.code() != "QUOTA_EXCEEDED" || !strings.Contains(r.text("error"), "stop_context") {
		t.Errorf("one context more = %v, want QUOTA_EXCEEDED with what to do", r)
	}
}

// settleMany makes contexts and runs something in each. It runs beside others and so only marks failures.
func (c *client) settleMany(t *testing.T, editor, contexts int) {
	for n := range contexts {
		name := fmt.Sprintf("editor %d context %d", editor, n)
		made, err := c.try(t.Context(), "create_context", args{"name": name, "language": "javascript"}, "")
		if err != nil || made.isError {
			t.Errorf("%s: create_context = %v, %v", name, made, err)
			return
		}
		r, err := c.try(t.Context(), "run_code", args{"context_id": made.text("context_id"), "code": name}, "")
		if err != nil || !r.success() || r.text("stdout") != name+"\n" {
			t.Errorf("%s: run_code = %v, %v, want its own text", name, r, err)
			return
		}
	}
}

// TestTheBackendIsSwitchedWhileTheHostRuns: contexts stay where they are, and new ones are made where they should be.
func TestTheBackendIsSwitchedWhileTheHostRuns(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	h := a.newHome(t, inCloud)
	h.serve(t)
	c := h.connect(t, legacy)
	far := c.create(t, "far", "python")
	h.mustCtl(t, "backend", "local")
	near := c.create(t, "near", "python")
	c.wants(t, near, "6 * 7", "42")
	if r := c.run(t, far, "still there"); r.text("stdout") != "still there\n" || r.text("backend") != "agentrun" {
		t.Errorf("run_code in the cloud = %v, want its own text", r)
	}
	h.sees(t, "only the sandbox with a context", func(s status.Snapshot) bool {
		return s.Backend.Name == "local" && len(a.living(t)) == 1
	})
	h.mustCtl(t, "backend", "agentrun")
	if r := c.do(t, "create_context", args{"name": "far again", "language": "python"}); r.text("backend") != "agentrun" {
		t.Errorf("create_context after switching back = %v, want it in the cloud", r)
	}
	c.wants(t, near, "6 * 7", "42")
}
