//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

const (
	testKeyID  = agentruntest.AccessKeyID
	testSecret = agentruntest.AccessKeySecret
	testID     = agentruntest.AccountID
)

// desk is a home with a keyring of its own, and a service to log in to.
type desk struct {
	*home
	bus     *secretstest.Bus
	service *agentruntest.Server
}

// newDesk makes a desk whose keyring is open, and whose host runs no code.
func newDesk(t *testing.T) *desk { return deskIn(t, coldHome(t, mocked)) }

func deskIn(t *testing.T, h *home) *desk {
	t.Helper()
	d := &desk{
		home: h, bus: secretstest.StartBus(t),
		service: agentruntest.Start(t, agentruntest.Options{Script: func(string, string) agentruntest.Scripted { return agentruntest.Scripted{} }}),
	}
	d.env = append(d.env, d.bus.Environment()...)
	d.bus.Unlocked()
	return d
}

// endpoints are the flags that lead to the service.
func (d *desk) endpoints() []string {
	return []string{"--control-endpoint", d.service.URL, "--data-endpoint", d.service.URL}
}

// login runs agentrunctl login with lines to read.
func (d *desk) login(t *testing.T, lines string, args ...string) outcome {
	t.Helper()
	out, err := d.ctlReading(lines, append([]string{"login"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if showsSecret(out.stdout+out.stderr, testSecret) {
		t.Errorf("agentrunctl login %q says the secret: %s%s", args, out.stdout, out.stderr)
	}
	return out
}

// kept is what another program finds in the keyring.
func (d *desk) kept(t *testing.T) map[string]string {
	t.Helper()
	text, err := d.bus.Tool("lookup", "service", "io.github.agentruntray.AgentRunTray", "username", "agentrun in "+d.dir)
	if err != nil && text == "" {
		return nil
	}
	var entry map[string]string
	if err := json.Unmarshal([]byte(text), &entry); err != nil {
		t.Fatalf("the keyring has %q: %v", text, err)
	}
	return entry
}

// keepsItSecret looks through all that was written.
func (d *desk) keepsItSecret(t *testing.T) {
	t.Helper()
	if found := leaks(t, testSecret, d.dir, d.bus.Folder()); len(found) != 0 {
		t.Errorf("the secret can be read in %q", found)
	}
}

const typed = testKeyID + "\n" + testSecret + "\n" + testID + "\ncn-hangzhou\n"

// TestLoginIsFoundByOtherPrograms goes from the standard input through the service into a real keyring and out again.
func TestLoginIsFoundByOtherPrograms(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if out := d.login(t, "", "--check"); out.code != 1 || !strings.Contains(out.stderr, "there are no AgentRun credentials; put some in with: agentrunctl login") {
		t.Errorf("login --check before any login = %+v", out)
	}
	out := d.login(t, typed, d.endpoints()...)
	if want := "Stored in the keychain, and AgentRun takes them: access key " + testKeyID + " of account " + testID + ", region cn-hangzhou, at " + d.service.URL + ".\n" +
		"New contexts are still made on the backend mock, which was chosen; to have them made in the cloud: agentrunctl backend auto\n"; out.code != 0 || out.stdout != want || out.stderr != "" {
		t.Fatalf("login = %+v, want %q", out, want)
	}
	if d.service.Count("GetTemplate") != 1 || d.service.Count("Health") != 1 || d.service.Count("CreateTemplate") != 0 {
		t.Errorf("the check asked for %d templates and %d sandboxes", d.service.Count("GetTemplate"), d.service.Count("Health"))
	}
	want := map[string]string{"access_key_id": testKeyID, "access_key_secret": testSecret, "account_id": testID, "region": "cn-hangzhou", "control_endpoint": d.service.URL, "data_endpoint": d.service.URL}
	got := d.kept(t)
	for field, text := range want {
		if got[field] != text {
			t.Errorf("the keyring has %q for %s, want %q", got[field], field, text)
		}
	}
	if out := d.login(t, "", "--check"); out.code != 0 || !strings.HasPrefix(out.stdout, "From the keychain: access key "+testKeyID) || !strings.HasSuffix(out.stdout, "AgentRun takes them.\n") {
		t.Errorf("login --check = %+v", out)
	}
	host := d.serve(t).ready(t)
	if out := d.mustCtl(t, "status", "--json"); showsSecret(out, testSecret) {
		t.Error("the status has the secret")
	}
	d.keepsItSecret(t)
	if showsSecret(host.said.String(), testSecret) {
		t.Error("the host's log has the secret")
	}
	if out := d.mustCtl(t, "logout"); !strings.HasPrefix(out, "The credentials are removed from the keychain.\n") {
		t.Errorf("logout = %q", out)
	}
	if left := d.kept(t); left != nil {
		t.Errorf("after logout the keyring has %v", left)
	}
	if out := d.mustCtl(t, "logout"); out != "The keychain has no AgentRun credentials.\n" {
		t.Errorf("a second logout = %q", out)
	}
}

// TestLoginStoresNothingThatIsWrong: each is told in a sentence, and the keyring stays empty.
func TestLoginStoresNothingThatIsWrong(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, tc := range []struct {
		name, lines string
		args        []string
		want        string
	}{
		{"a wrong key id", strings.Replace(typed, testKeyID, "LTAInobody", 1), d.endpoints(), "the access key id does not exist or is disabled"},
		{"a wrong secret", strings.Replace(typed, testSecret, "wrong-secret-of-nobody", 1), d.endpoints(), "the access key secret is wrong"},
		{"another region", strings.Replace(typed, "cn-hangzhou", "cn-beijing", 1), d.endpoints(), "wrong for the region cn-beijing"},
		{"no service", typed, []string{"--control-endpoint", "http://127.0.0.1:1", "--data-endpoint", "http://127.0.0.1:1"}, "there is no connection to 127.0.0.1:1"},
		{"a RAM user's id", strings.Replace(typed, testID, "234567890123456789", 1), nil, "line 3 of the input, account id: the account id is that of a RAM user"},
		{"too few lines", testKeyID + "\n" + testSecret + "\n", nil, "the input ended before the account id; it has one line for each of: access key id, access key secret, account id, region"},
		{"an empty line", testKeyID + "\n\n", nil, "line 2 of the input, access key secret: that is needed"},
		{"nothing", "", nil, "the input ended before the access key id"},
		{"an endpoint in the clear", typed, []string{"--control-endpoint", "http://example.com"}, "the endpoint is not encrypted"},
		{"an environment without a key", "", []string{"--from-env"}, "the environment has no AgentRun credentials; set AGENTRUN_ACCESS_KEY_ID, AGENTRUN_ACCESS_KEY_SECRET and AGENTRUN_ACCOUNT_ID"},
		{"no file", "", []string{"--import"}, filepath.Join(".agentrun", "config.json")},
	} {
		out := d.login(t, tc.lines, tc.args...)
		if out.code != 1 || !strings.Contains(out.stderr, tc.want) || strings.Count(out.stderr, "\n") != 1 || out.stdout != "" {
			t.Errorf("login with %s = %+v, want exit code 1 and one line with %q", tc.name, out, tc.want)
		}
		if got := d.kept(t); got != nil {
			t.Errorf("login with %s stored %v", tc.name, got)
		}
	}
	if out := d.login(t, "", testSecret); out.code != 2 || !strings.Contains(out.stderr, "nothing secret belongs on a command line") {
		t.Errorf("login with the secret as a word = %+v", out)
	}
	d.keepsItSecret(t)
}

func TestLoginReplacesOnlyKnowingly(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if out := d.login(t, typed, append(d.endpoints(), "--no-check")...); out.code != 0 || !strings.HasPrefix(out.stdout, "Stored in the keychain, unchecked: ") || len(d.service.Requests()) != 0 {
		t.Errorf("login --no-check = %+v after %d requests", out, len(d.service.Requests()))
	}
	if out := d.login(t, typed, d.endpoints()...); out.code != 0 {
		t.Errorf("login with the same again = %+v", out)
	}
	other := strings.Replace(typed, testKeyID, "LTAIother", 1)
	out := d.login(t, other, append(d.endpoints(), "--no-check")...)
	if out.code != 1 || !strings.Contains(out.stderr, "has others already (access key "+testKeyID) || !strings.Contains(out.stderr, "--replace") || d.kept(t)["access_key_id"] != testKeyID {
		t.Errorf("login with others = %+v, and the keyring has %s", out, d.kept(t)["access_key_id"])
	}
	if out := d.login(t, other, append(d.endpoints(), "--no-check", "--replace")...); out.code != 0 || d.kept(t)["access_key_id"] != "LTAIother" {
		t.Errorf("login --replace = %+v, and the keyring has %s", out, d.kept(t)["access_key_id"])
	}
}

// TestLoginOnATerminal shows neither the secret nor, after Ctrl-C, a terminal that stays silent.
func TestLoginOnATerminal(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	x := d.onTerminal(t, append([]string{"login"}, d.endpoints()...)...)
	x.sees(t, "Access key id: ")
	x.types(t, testKeyID+"\r")
	x.sees(t, "Access key secret (not shown): ")
	x.types(t, testSecret+"\r")
	x.sees(t, "Account id: ")
	x.types(t, "me@example\r")
	x.sees(t, "the account id is the name of a user")
	x.types(t, testID+"\r")
	x.sees(t, "Regions: cn-hangzhou, cn-shanghai, cn-beijing, cn-shenzhen, ap-southeast-1, or another.")
	x.types(t, "\r")
	code, shown := x.ends(t)
	if code != 0 || !strings.Contains(shown, "Stored in the keychain, and AgentRun takes them") || !strings.Contains(shown, testKeyID) || showsSecret(shown, testSecret) {
		t.Errorf("login on a terminal = exit code %d, and shows\n%s", code, shown)
	}
	if got := d.kept(t); got["access_key_secret"] != testSecret || got["account_id"] != testID || got["region"] != "cn-hangzhou" {
		t.Errorf("the keyring has %v", got)
	}

	x = d.onTerminal(t, "login", "--temporary", "--no-check")
	x.sees(t, "Access key id: ")
	x.types(t, "LTAIother\r")
	x.sees(t, "secret (not shown): ")
	x.types(t, "half-a-secret\x03")
	if code, shown := x.ends(t); code != 1 || !strings.Contains(shown, "interrupted; nothing was changed") || strings.Contains(shown, "half-a-secret") {
		t.Errorf("login with Ctrl-C = exit code %d, and shows\n%s", code, shown)
	}
	if !x.echoes(t) {
		t.Error("after Ctrl-C the terminal shows nothing that is typed")
	}

	x = d.onTerminal(t, "login", "--temporary", "--no-check")
	for _, answer := range []struct{ question, keys string }{
		{"Access key id: ", "LTAIother"}, {"secret (not shown): ", "another-secret"}, {"Security token (not shown): ", "token-of-an-hour"}, {"Account id: ", testID}, {"Region [", "us-west-1"}, {"[y/N] ", "n"},
	} {
		x.sees(t, answer.question)
		x.types(t, answer.keys+"\r")
	}
	if code, shown := x.ends(t); code != 1 || strings.Contains(shown, "another-secret") || strings.Contains(shown, "token-of-an-hour") || !strings.Contains(shown, "they stay; nothing was stored") || d.kept(t)["access_key_id"] != testKeyID {
		t.Errorf("login that is not to replace = exit code %d, and shows\n%s", code, shown)
	}

	x = d.onTerminal(t, append([]string{"login", "--replace"}, d.endpoints()...)...)
	x.sees(t, "Access key id: ")
	x.types(t, strings.ReplaceAll(typed, "\n", "\r")) // pasted in one piece
	if code, shown := x.ends(t); code != 0 || showsSecret(shown, testSecret) {
		t.Errorf("login with answers that were pasted = exit code %d, and shows\n%s", code, shown)
	}
	d.keepsItSecret(t)
}

// TestLoginImports from the environment and from the AgentRun CLI's file, which then has the secret no more.
func TestLoginImports(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	file := filepath.Join(d.dir, ".agentrun", "config.json")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	const form = `{"profiles": {"default": {"access_key_id": "KEY", "access_key_secret": "SECRET", "account_id": "ACCOUNT", "region": "cn-hangzhou", "control_endpoint": "URL", "data_endpoint": "URL"}}, "defaults": {"output": "table"}}`
	content := func(secret string) string {
		return strings.NewReplacer("KEY", testKeyID, "SECRET", secret, "ACCOUNT", testID, "URL", d.service.URL).Replace(form)
	}
	if err := os.WriteFile(file, []byte(content(testSecret)), 0o604); err != nil {
		t.Fatal(err)
	}
	if found := leaks(t, testSecret, d.dir); len(found) == 0 {
		t.Fatal("the secret is not found in the file: the test sees nothing")
	}
	out := d.login(t, "", "--import")
	if out.code != 0 || !strings.Contains(out.stdout, "AgentRun takes them") || !strings.Contains(out.stdout, file+" still has the secret in the clear") {
		t.Errorf("login --import = %+v", out)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != content(testSecret) {
		t.Errorf("the file is %s, %v, want it as it was", text, err)
	}
	out = d.login(t, "", "--import", file, "--scrub", "--profile", "default")
	if out.code != 0 || !strings.Contains(out.stdout, "has the secret no more") {
		t.Errorf("login --import --scrub = %+v", out)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != content("") {
		t.Errorf("the file is %s, %v, want it without the secret", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("the file's mode is %v (%v)", info.Mode(), err)
	}
	d.keepsItSecret(t)
	if d.kept(t)["access_key_secret"] != testSecret {
		t.Error("the keyring has not what was imported")
	}
	if out := d.login(t, "", "--import"); out.code != 1 || !strings.Contains(out.stderr, "the access key secret is missing") || d.kept(t)["access_key_secret"] != testSecret {
		t.Errorf("login --import of a file without the secret = %+v", out)
	}

	d.mustCtl(t, "logout")
	for _, v := range d.service.Environment() {
		d.env = append(d.env, v.Name+"="+v.Value)
	}
	if out := d.login(t, "", "--from-env"); out.code != 0 || d.kept(t)["access_key_secret"] != testSecret {
		t.Errorf("login --from-env = %+v", out)
	}
	if out := d.login(t, "", "--check"); out.code != 0 || !strings.HasPrefix(out.stdout, "From the environment: ") {
		t.Errorf("login --check with an environment = %+v", out)
	}
	if out := d.mustCtl(t, "logout"); !strings.Contains(out, "The environment still has some") || d.kept(t) != nil {
		t.Errorf("logout with an environment = %q", out)
	}
}

// TestLoginAndLogoutChangeARunningHost, which keeps the secret to itself even when it crashes.
func TestLoginAndLogoutChangeARunningHost(t *testing.T) {
	t.Parallel()
	d := deskIn(t, newHome(t, `{"http": {"enabled": false}, "log_level": "debug", "pool": {"warm": 1}}`))
	d.env = append(d.env, "GOTRACEBACK=crash")
	host := d.serve(t)
	d.sees(t, "the local backend", func(s status.Snapshot) bool { return s.Backend.Name == "local" })
	if out := d.login(t, typed, d.endpoints()...); out.code != 0 || !strings.HasSuffix(out.stdout, "The running host was told.\n") {
		t.Fatalf("login = %+v", out)
	}
	s := d.sees(t, "a sandbox in the cloud", func(s status.Snapshot) bool { return s.Backend.Name == "agentrun" && poolIsFull(s) })
	if s.Backend.Account != testID || s.Backend.Credentials != "keychain" {
		t.Errorf("the status has the backend %+v", s.Backend)
	}
	if text, err := json.Marshal(s); err != nil || showsSecret(string(text), testSecret) {
		t.Errorf("the status has the secret: %s, %v", text, err)
	}
	if out := d.mustCtl(t, "logout"); !strings.Contains(out, "The running host was told.") {
		t.Errorf("logout = %q", out)
	}
	d.sees(t, "the local backend", func(s status.Snapshot) bool { return s.Backend.Name == "local" })
	if out := d.login(t, typed, d.endpoints()...); out.code != 0 {
		t.Errorf("login = %+v", out)
	}
	d.sees(t, "a sandbox in the cloud", func(s status.Snapshot) bool { return s.Backend.Name == "agentrun" && poolIsFull(s) })

	if err := host.cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	host.ended(t, patience, "SIGABRT")
	// Where the signal meets a thread in the engine's machine code, whose stack Go cannot read, the account of it ends in SIGSEGV.
	ended, ok := host.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || ended.Signal() != syscall.SIGABRT && ended.Signal() != syscall.SIGSEGV || ended.CoreDump() {
		t.Errorf("the host ended with %v, want SIGABRT without a core; it said:\n%s", host.cmd.ProcessState, host.said)
	}
	if showsSecret(host.said.String()+host.stdout.String(), testSecret) {
		t.Error("the host says the secret when it crashes")
	}
	d.keepsItSecret(t)
}

// TestLoginWithoutAKeychainSaysWhatToDo before anything is read, in time, and on a computer as it may be.
func TestLoginWithoutAKeychainSaysWhatToDo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	refused := func(name string, want ...string) {
		t.Helper()
		for _, args := range [][]string{{"login"}, {"login", "--check"}, {"logout"}} {
			out, err := d.ctlReading(typed, args...)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range want {
				if out.code != 1 || !strings.Contains(out.stderr, text) || out.stdout != "" {
					t.Errorf("%s, agentrunctl %q = %+v, want %q", name, args, out, text)
				}
			}
		}
	}
	d.bus.Locked()
	refused("with a locked keyring", "the keychain is locked", "unlock the keyring")
	resume := d.bus.Pause()
	began := time.Now()
	out, err := d.ctl("login", "--check")
	if took := time.Since(began); err != nil || out.code != 1 || !strings.Contains(out.stderr, "still waiting for the keychain") || !strings.Contains(out.stderr, "asks for the keyring's password") || took < 9*time.Second || took > 40*time.Second {
		t.Errorf("with a keyring that does not answer, login --check = %+v, %v after %s, want about 10 s", out, err, took)
	}
	resume()
	d.bus.End()
	refused("without a keyring", "there is no keychain here: no program offers one", "set AGENTRUN_ACCESS_KEY_ID")
	d.env = append(d.env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(d.dir, "nothing"))
	refused("with a bus that is gone", "the session bus cannot be reached", "set AGENTRUN_ACCESS_KEY_ID")
}
