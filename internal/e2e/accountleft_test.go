//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// The credentials of a second account.
const (
	otherKeyID  = "LTAIemulatorKey00002"
	otherSecret = "anotherEmulatorSecret0123456789ab"
	otherID     = "6543210987654321"
)

// oneInTheCloud keeps one sandbox ready in the account there is, if there is one.
const oneInTheCloud = `{"pool": {"warm": 1}, "http": {"enabled": false}}`

// lives waits until so many sandboxes live in an account.
func lives(t *testing.T, service *agentruntest.Server, n int, when string) {
	t.Helper()
	if !eventually(patience, func() bool { return len(service.Sandboxes()) == n }) {
		t.Errorf("%s there are the sandboxes %v, want %d", when, service.Sandboxes(), n)
	}
}

// inAccount tells when the pool is full with sandboxes of an account.
func inAccount(id string) func(status.Snapshot) bool {
	return func(s status.Snapshot) bool { return s.Backend.Account == id && poolIsFull(s) && len(s.Problems) == 0 }
}

// TestAnAccountThatIsLeftHasNoSandboxesAnyMore, by logging out as by logging in to another; what was in them is told at the next call.
func TestAnAccountThatIsLeftHasNoSandboxesAnyMore(t *testing.T) {
	t.Parallel()
	d := deskIn(t, newHome(t, oneInTheCloud))
	other := agentruntest.Start(t, agentruntest.Options{
		AccessKeyID: otherKeyID, AccessKeySecret: otherSecret, AccountID: otherID,
		Script: func(string, string) agentruntest.Scripted { return agentruntest.Scripted{} },
	})
	host := d.serve(t)
	if out := d.login(t, typed, d.endpoints()...); out.code != 0 {
		t.Fatalf("login = %+v", out)
	}
	d.sees(t, "a sandbox of the account", inAccount(testID))
	c := d.connect(t, legacy)
	cc := c.create(t, "far", "python")

	d.mustCtl(t, "logout")
	lives(t, d.service, 0, "after logging out")
	if s := d.sees(t, "the local backend", func(s status.Snapshot) bool { return s.Backend.Name == "local" && poolIsFull(s) }); len(s.Problems) != 0 ||
		slices.ContainsFunc(s.Sessions, func(x status.Session) bool { return x.Backend == "agentrun" }) {
		t.Errorf("after logging out agentrunctl status shows the sessions %+v and the problems %+v", s.Sessions, s.Problems)
	}
	if r := c.run(t, cc, "6 * 7"); r.text("backend") != "local" || r.text("result", "text") != "42" || !strings.Contains(r.notices(), "is not used any more, and its sandboxes were ended") {
		t.Errorf("run_code in a context of the account = %v, want it done here, and why", r)
	}

	theirs := strings.NewReplacer(testKeyID, otherKeyID, testSecret, otherSecret, testID, otherID).Replace(typed)
	if out := d.login(t, theirs, "--control-endpoint", other.URL, "--data-endpoint", other.URL); out.code != 0 {
		t.Fatalf("login to the other account = %+v", out)
	}
	d.sees(t, "a sandbox of the other account", inAccount(otherID))
	cc = c.create(t, "elsewhere", "python")
	if out := d.login(t, typed, append(d.endpoints(), "--replace")...); out.code != 0 {
		t.Fatalf("login to the first account again = %+v", out)
	}
	lives(t, other, 0, "after the login to another account")
	d.sees(t, "a sandbox of the first account", inAccount(testID))
	if r := c.run(t, cc, "1"); r.text("backend") != "agentrun" || !strings.Contains(r.notices(), "is not used any more, and its sandboxes were ended") {
		t.Errorf("run_code in a context of the other account = %v, want it done in the first, and why", r)
	}

	d.mustCtl(t, "stop")
	host.ended(t, patience, "agentrunctl stop")
	lives(t, d.service, 0, "after the end of the host")
	d.keepsItSecret(t)
	if found := leaks(t, otherSecret, d.dir, d.bus.Folder()); len(found) != 0 {
		t.Errorf("the other secret can be read in %q", found)
	}
}

// TestSandboxesOfAnAccountWithoutAKeyAreTold, and ended when there is a key again.
func TestSandboxesOfAnAccountWithoutAKeyAreTold(t *testing.T) {
	t.Parallel()
	d := deskIn(t, newHome(t, oneInTheCloud))
	if out := d.login(t, typed, d.endpoints()...); out.code != 0 {
		t.Fatalf("login = %+v", out)
	}
	host := d.serve(t)
	left := d.sees(t, "a sandbox of the account", inAccount(testID)).Sessions[0].SandboxID
	if err := host.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-host.done
	d.mustCtl(t, "logout")

	d.serve(t)
	s := d.sees(t, "a problem", func(s status.Snapshot) bool { return len(s.Problems) > 0 })
	if p := s.Problems[0]; p.Code != "left-behind" || s.Backend.Name != "local" {
		t.Errorf("agentrunctl status shows the problem %+v on %s, want that something is left behind", p, s.Backend.Name)
	}
	said := d.mustCtl(t, "status")
	for _, word := range []string{"1 AgentRun sandbox", "may still run, and cost money", "without the key of account " + testID, "agentrunctl login", "six hours"} {
		if !strings.Contains(said, word) {
			t.Errorf("agentrunctl status does not say %q; it says %s", word, said)
		}
	}
	lives(t, d.service, 1, "without a key")

	if out := d.login(t, typed, d.endpoints()...); out.code != 0 {
		t.Fatalf("login = %+v", out)
	}
	d.sees(t, "a sandbox of the account, and no problem", inAccount(testID))
	if !eventually(patience, func() bool { return slices.Equal(d.sandboxesOf(t), d.service.Sandboxes()) }) {
		t.Errorf("after the login the host has the sandboxes %v and in the account are %v, want the same: %s taken over or ended", d.sandboxesOf(t), d.service.Sandboxes(), left)
	}
	d.mustCtl(t, "stop")
	lives(t, d.service, 0, "after the end of the host")
}
