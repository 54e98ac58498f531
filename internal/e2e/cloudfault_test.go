//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// trouble is something that keeps the cloud from being used, and what the user must be told of it.
type trouble struct {
	name    string
	arrange func(t *testing.T, a *account) (env []string) // what is wrong; the environment counts more than the account's
	mend    func(t *testing.T, a *account)                // nil: it does not mend while the host runs
	passing bool                                          // it may be over any moment, so that calls wait a while, unless code can run here
	code    string                                        // of the tool result
	words   []string                                      // of tool result, status and log
	advice  string                                        // of the tool result alone: the host does it by itself
}

// failing lets all requests for an operation fail.
func failing(failure agentruntest.Failure, operation, plane string) func(*testing.T, *account) []string {
	return func(t *testing.T, a *account) []string {
		a.inject(t, agentruntest.Fault{Failure: failure, Operation: operation, Plane: plane, Times: -1})
		return nil
	}
}

// with says something else than the account does.
func with(env ...string) func(*testing.T, *account) []string {
	return func(*testing.T, *account) []string { return env }
}

// nowhere is an endpoint of this computer on which nobody listens.
func nowhere(t *testing.T, _ *account) []string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{"AGENTRUN_CONTROL_ENDPOINT=" + endpoint, "AGENTRUN_DATA_ENDPOINT=" + endpoint}
}

// unknown is longer than a part of a host's name may be, so that it is known not to exist without anybody being asked.
var unknown = strings.Repeat("9", 64)

// occupied has a template of another kind under the name of ours.
func occupied(t *testing.T, a *account) []string {
	t.Helper()
	_, err := a.client(t).CreateTemplate(t.Context(), agentrun.TemplateSpec{
		Name: "agentrun-tray", Type: "Browser", CPU: 2, Memory: 2048, Network: &agentrun.Network{Mode: agentrun.NetworkPublic},
	})
	if err != nil {
		t.Fatal(err)
	}
	return nil
}

func vacate(t *testing.T, a *account) {
	t.Helper()
	if _, err := a.client(t).DeleteTemplate(t.Context(), "agentrun-tray"); err != nil {
		t.Fatal(err)
	}
}

func heal(t *testing.T, a *account) { t.Helper(); a.heal(t) }

func troubles() []trouble {
	return []trouble{
		{"a wrong key", with("AGENTRUN_ACCESS_KEY_ID=LTAIsomebodyElse0001"), nil, false, "CREDENTIALS_REJECTED", []string{"access key id does not exist or is disabled"}, ""},
		{"a wrong secret", with("AGENTRUN_ACCESS_KEY_SECRET=notTheSecretOfThisKey"), nil, false, "CREDENTIALS_REJECTED", []string{"access key secret is wrong"}, ""},
		{"a wrong region", with("AGENTRUN_REGION=cn-shanghai"), nil, false, "CREDENTIALS_REJECTED", []string{"region cn-shanghai belongs to another account"}, ""},
		{"a region that does not exist", with("AGENTRUN_REGION="+unknown, "AGENTRUN_CONTROL_ENDPOINT=", "AGENTRUN_DATA_ENDPOINT="), nil, true, "", []string{"there is no host agentrun." + unknown, "region " + unknown + " is wrong"}, ""},
		{"an account that does not exist", with("AGENTRUN_ACCOUNT_ID="+unknown, "AGENTRUN_DATA_ENDPOINT="), nil, true, "", []string{"there is no host " + unknown, "account id"}, ""},
		{"a clock that is wrong", failing(agentruntest.ClockOff(20*time.Minute), "", ""), heal, false, "CREDENTIALS_REJECTED", []string{"clock is 20 minutes behind AgentRun's", "set it right"}, ""},
		{"no service role", failing(agentruntest.NoServiceRole(), "", "control"), heal, false, "CREDENTIALS_REJECTED", []string{"open the AgentRun console once"}, ""},
		{"no permission", failing(agentruntest.Forbidden(), "CreateSandbox", ""), heal, false, "CREDENTIALS_REJECTED", []string{"may not do agentrun:CreateSandbox", "grant"}, ""},
		{"no network", nowhere, nil, true, "", []string{"there is no connection to 127.0.0.1", "check the network"}, ""},
		{"no quota left", failing(agentruntest.Quota(), "CreateSandbox", ""), heal, true, "", []string{"instances are used up", "quota centre"}, ""},
		{"too many requests", failing(agentruntest.Throttled(7*time.Second), "CreateSandbox", ""), heal, true, "", []string{"too many requests", "pause of 7s"}, ""},
		{"a template of another type", occupied, vacate, false, "SERVER_NOT_READY", []string{"is of type Browser and not CodeInterpreter", "choose another name"}, ""},
		{"a service in trouble", failing(agentruntest.Unavailable(0), "CreateSandbox", ""), heal, true, "", []string{"AgentRun is in trouble", "503"}, ""},
	}
}

// TestWhatKeepsTheCloudFromBeingUsedIsTold in the tool result, in the status and in the log, in the same words; and the app stays
// usable, and goes on by itself when the trouble is over.
func TestWhatKeepsTheCloudFromBeingUsedIsTold(t *testing.T) {
	t.Parallel()
	for _, trouble := range troubles() {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			a := openAccount(t, "--echo")
			settings := inCloud
			if trouble.passing {
				settings = cloudOrHere
			}
			h := a.newHome(t, settings, trouble.arrange(t, a)...)
			h.serve(t)
			c := h.connect(t, legacy)
			h.tells(t, c, trouble)
			if trouble.mend == nil {
				return
			}
			trouble.mend(t, a)
			h.sees(t, "sandboxes, and no problem any more", func(s status.Snapshot) bool { return poolIsFull(s) && len(s.Problems) == 0 })
			id := c.create(t, "at last", "python")
			if r := c.run(t, id, "6 * 7"); !r.success() || r.text("backend") != "agentrun" || r.text("stdout") != "6 * 7\n" {
				t.Errorf("run_code after the trouble was over = %v, want its own text", r)
			}
		})
	}
}

// tells looks in the three places where a user looks.
func (h *home) tells(t *testing.T, c *client, trouble trouble) {
	t.Helper()
	told := h.refused(t, c, trouble)
	if !strings.Contains(told, trouble.advice) {
		t.Errorf("the tool result does not say %q; it says %s", trouble.advice, clip(told, 3000))
	}
	s := h.sees(t, "a problem", func(s status.Snapshot) bool { return len(s.Problems) > 0 })
	log, err := os.ReadFile(h.logFile())
	if err != nil {
		t.Fatal(err)
	}
	for place, said := range map[string]string{
		"the tool result": told, "agentrunctl status --json": fmt.Sprintf("%+v", s.Problems), "agentrunctl status": h.mustCtl(t, "status"), "the log": string(log),
	} {
		for _, word := range trouble.words {
			if !strings.Contains(said, word) {
				t.Errorf("%s does not say %q; it says %s", place, word, clip(said, 3000))
			}
		}
		if showsSecret(said, testSecret) {
			t.Errorf("%s says the secret; it says %s", place, clip(said, 3000))
		}
	}
}

// refused asks for a context in vain, or for one that is made here, and returns what is said of it.
func (h *home) refused(t *testing.T, c *client, trouble trouble) string {
	t.Helper()
	if trouble.passing {
		r := c.run(t, "", "6 * 7")
		if !r.success() || r.text("backend") != "local" || r.text("result", "text") != "42" {
			t.Errorf("run_code = %v, want 42 from the local backend", r)
		}
		c.do(t, "stop_context", args{"context_id": r.text("context_id")})
		return r.notices()
	}
	r := c.call(t, "create_context", args{"name": "in vain", "language": "python"})
	if !r.isError || r.code() != trouble.code {
		t.Errorf("create_context = %v, want the code %s", r, trouble.code)
	}
	if list := c.contexts(t); len(list) != 0 {
		t.Errorf("list_contexts = %v, want none", list)
	}
	return r.text("error")
}

// TestEachFailureOfTheServiceIsToldAsWhatItIs has one failure after the other keep a host from making sandboxes.
func TestEachFailureOfTheServiceIsToldAsWhatItIs(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	h := a.newHome(t, cloudOrHere)
	h.serve(t)
	h.sees(t, "a full pool", poolIsFull)
	c := h.connect(t, legacy)
	for _, tc := range []struct {
		name    string
		failure agentruntest.Failure
		words   []string
		advice  string
	}{
		{"a service that fails", agentruntest.Internal(), []string{"AgentRun is in trouble (status 500"}, "try again in a minute"},
		{"too many requests, and nobody says how long", agentruntest.Throttled(0), []string{"too many requests", "wants a pause"}, "wants a pause; try again"},
		{"a connection that breaks", agentruntest.Cut(), []string{"connection to 127.0.0.1", "broke", "check the network"}, ""},
		{"a failure that calls itself success", agentruntest.Failed200(), []string{"AgentRun refused: the operation failed"}, ""},
		{"an answer without a body", agentruntest.Empty(200), []string{"AgentRun's answer cannot be understood"}, ""},
	} {
		h.mustCtl(t, "pool", "pause") // so that no sandbox is asked for between two failures
		a.heal(t)
		a.inject(t, agentruntest.Fault{Failure: tc.failure, Operation: "CreateSandbox", Times: -1})
		h.mustCtl(t, "pool", "resume")
		h.sees(t, tc.name, func(s status.Snapshot) bool {
			return slices.ContainsFunc(s.Problems, func(p status.Problem) bool { return strings.Contains(p.Why, tc.words[0]) })
		})
		h.tells(t, c, trouble{name: tc.name, passing: true, words: tc.words, advice: tc.advice})
	}
	a.heal(t)
	h.mustCtl(t, "pool", "resume")
	h.sees(t, "sandboxes, and no problem any more", func(s status.Snapshot) bool { return poolIsFull(s) && len(s.Problems) == 0 })
}

// TestWithoutTheCloudCodeRunsHere, if the user does not mind: every result says so, and what was made here stays here.
func TestWithoutTheCloudCodeRunsHere(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	a.inject(t, agentruntest.Fault{Failure: agentruntest.Forbidden(), Operation: "CreateSandbox", Times: -1})
	h := a.newHome(t, cloudOrHere)
	c := h.connect(t, legacy)
	first := c.run(t, "", "x = 41")
	again := c.run(t, "", "x + 1")
	if again.text("result", "text") != "42" {
		t.Errorf("run_code = %v, want 42", again)
	}
	for _, r := range []reply{first, again} {
		if r.text("backend") != "local" || !strings.Contains(r.notices(), "agentrun:CreateSandbox") {
			t.Errorf("run_code = %v, want it to say that it ran on the local backend, and why", r)
		}
	}
	if r := c.do(t, "create_context", args{"name": "near", "language": "python"}); r.text("backend") != "local" || !strings.Contains(r.text("message"), "agentrun:CreateSandbox") {
		t.Errorf("create_context = %v, want it on the local backend, and why", r)
	}
	a.heal(t)
	for _, cc := range h.sees(t, "sandboxes in the cloud", poolIsFull).Contexts {
		if cc.Backend != "local" || !strings.Contains(cc.Instead, "agentrun:CreateSandbox") {
			t.Errorf("agentrunctl status shows the context %+v, want it here, and why", cc)
		}
	}
	if r := c.do(t, "create_context", args{"name": "far", "language": "python"}); r.text("backend") != "agentrun" {
		t.Errorf("create_context after the trouble was over = %v, want it in the cloud", r)
	}
	c.wants(t, first.text("context_id"), "x + 1", "42")
}

// TestSandboxesThatStartAreWaitedFor: what the gateway says of one that starts is no trouble to anybody.
func TestSandboxesThatStartAreWaitedFor(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	a.inject(t, agentruntest.Fault{Failure: agentruntest.BadGateway(), Operation: "Health", Times: 5})
	h := a.newHome(t, inCloud)
	c := h.connect(t, legacy)
	if r := c.run(t, "", "6 * 7"); !r.success() || r.text("stdout") != "6 * 7\n" {
		t.Errorf("run_code = %v, want its own text", r)
	}
	if s := h.sees(t, "a full pool", poolIsFull); len(s.Problems) != 0 || len(a.living(t)) != 3 {
		t.Errorf("agentrunctl status shows the problems %+v and in the account are %v, want none and three", s.Problems, a.living(t))
	}
}

// TestASandboxThatEndsUnderAContextIsTold at the next call, and replaced.
func TestASandboxThatEndsUnderAContextIsTold(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	h := a.newHome(t, inCloud)
	c := h.connect(t, legacy)
	first := c.run(t, "", "x = 1")
	id := first.text("context_id")
	s := h.sees(t, "the context", func(s status.Snapshot) bool { return len(s.Contexts) == 1 && poolIsFull(s) })
	if lived, err := a.EndSandbox(t.Context(), s.Contexts[0].SandboxID); err != nil || !lived {
		t.Fatalf("EndSandbox = %t, %v", lived, err)
	}
	r := c.call(t, "run_code", args{"context_id": id, "code": "x"})
	said := r.text("error") + r.notices()
	if !strings.Contains(said, "has ended") && !strings.Contains(said, "lost") {
		t.Errorf("run_code on a sandbox that has ended = %v, want that to be said", r)
	}
	if again := c.run(t, "", "y = 1"); !again.success() || again.text("stdout") != "y = 1\n" {
		t.Errorf("the next run = %v, want it carried out", again)
	}
	h.sees(t, "a full pool again", func(s status.Snapshot) bool { return poolIsFull(s) && len(a.living(t)) == 3 })
}

// TestFailuresOfOneRunAreItsOwn: they are told in its result, and the context goes on.
func TestFailuresOfOneRunAreItsOwn(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--shape", "as-documented")
	h := a.newHome(t, inCloud)
	c := h.connect(t, legacy)
	c.value(t, "", "x = 41")
	h.sees(t, "a full pool, so that no run but ours is the next", poolIsFull)
	a.inject(t, agentruntest.Fault{Failure: agentruntest.GatewayTimeout(), Operation: "Execute"})
	r := c.call(t, "run_code", args{"code": "x"})
	if said := r.text("error"); r.code() != "TIMEOUT" || !strings.Contains(said, "504") || !strings.Contains(said, "not sent again") {
		t.Errorf("run_code behind a gateway that gave up = %v, want TIMEOUT, and that it was not sent again", r)
	}
	c.wants(t, "", "x + 1", "42")

	a.inject(t, agentruntest.Fault{Failure: agentruntest.StorageFull(), Operation: "Upload"})
	if r := c.call(t, "upload_file", args{"path": "data.csv", "content": "1,2\n"}); !r.isError || r.code() != "QUOTA_EXCEEDED" || !strings.Contains(r.text("error"), "disk is full") {
		t.Errorf("upload_file on a full disk = %v, want QUOTA_EXCEEDED with what to do", r)
	}
	if r := c.do(t, "upload_file", args{"path": "data.csv", "content": "1,2\n"}); r.isError {
		t.Errorf("upload_file again = %v", r)
	}
	c.wants(t, "", "open('data.csv').read()", `'1,2\n'`)

	if log := h.log(t, "tool call"); !strings.Contains(log, "status 504") || !strings.Contains(log, "disk is full") {
		t.Errorf("the log tells of neither failure, or of one:\n%s", log)
	}
	if s := h.sees(t, "a full pool", poolIsFull); len(s.Problems) != 0 {
		t.Errorf("agentrunctl status shows the problems %+v, want none: the next call is as good as any", s.Problems)
	}
}

// TestTheServicesOwnHosts has no endpoints in its environment: the host goes to those of the account and the region, by way of a proxy.
func TestTheServicesOwnHosts(t *testing.T) {
	t.Parallel()
	n := connectInternet(t)
	h := cloudHome(t, inCloud, append(n.env, "SSL_CERT_FILE="+n.authority)...)
	c := h.connect(t, legacy)
	if r := c.run(t, "", "6 * 7"); !r.success() || r.text("stdout") != "6 * 7\n" {
		t.Errorf("run_code = %v, want its own text", r)
	}
	called := n.hosts()
	slices.Sort(called)
	want := []string{agentruntest.AccountID + "-ram.agentrun-data.cn-hangzhou.aliyuncs.com", "agentrun.cn-hangzhou.aliyuncs.com"}
	if got := slices.Compact(called); !slices.Equal(got, want) {
		t.Errorf("the host has called %v, want %v", got, want)
	}
}

// TestSomebodyElsesAccount has the data host of an account that the key does not belong to.
func TestSomebodyElsesAccount(t *testing.T) {
	t.Parallel()
	n := connectInternet(t)
	h := cloudHome(t, inCloud, append(n.env, "SSL_CERT_FILE="+n.authority, "AGENTRUN_ACCOUNT_ID=6543210987654321")...)
	h.serve(t)
	h.tells(t, h.connect(t, legacy), trouble{code: "CREDENTIALS_REJECTED", words: []string{"account id", "belongs to another account"}})
}

// TestConnectionsThatSomebodyReadsAreNotUsed: a proxy stands in for the service with a certificate that this computer does not trust.
func TestConnectionsThatSomebodyReadsAreNotUsed(t *testing.T) {
	t.Parallel()
	n := connectInternet(t)
	h := cloudHome(t, inCloud, n.env...)
	h.serve(t)
	h.tells(t, h.connect(t, legacy), trouble{code: "SERVER_NOT_READY", words: []string{"agentrun.cn-hangzhou.aliyuncs.com does not prove to be itself", "nothing is sent through it"}})
	if requests := n.Requests(); len(requests) != 0 {
		t.Errorf("%d requests were sent all the same", len(requests))
	}
}
