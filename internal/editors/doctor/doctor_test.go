package doctor_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

// TestMain also is the programs that the doctor starts: an MCP server, and bad ones.
func TestMain(m *testing.M) {
	if manner := os.Getenv("DOCTOR_TEST_SERVER"); manner != "" {
		os.Exit(pretend(manner))
	}
	os.Exit(m.Run())
}

// pretend is a program of some manner.
func pretend(manner string) int {
	switch manner {
	case "ends":
		fmt.Fprintln(os.Stderr, "cannot open the door")
		return 3
	case "panics":
		fmt.Fprint(os.Stderr, "panic: the door is gone\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:7\n")
		return 2
	case "deaf": // and about to end
		os.Stdin.Close()
		time.Sleep(100 * time.Millisecond)
		return 4
	case "chats":
		fmt.Println("Welcome!")
	case "hangs":
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if answer := reply(manner, in.Bytes()); answer != "" {
			fmt.Println(answer)
		}
	}
	return 0
}

// reply answers as a server of some manner would: only in the older revision, without our tools, or with code that fails.
func reply(manner string, text []byte) string {
	var r struct {
		ID     int
		Method string
		Params struct {
			Name      string
			Arguments struct{ Code string }
		}
	}
	if err := json.Unmarshal(text, &r); err != nil || r.ID == 0 {
		return ""
	}
	result := func(text string) string { return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%s}`, r.ID, text) }
	switch {
	case manner == "refuses":
		fmt.Fprintln(os.Stderr, "agentrun-mcp: no host is running")
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"error":{"code":-32000,"message":"no host is running"}}`, r.ID)
	case r.Method == "server/discover" && manner == "old":
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"error":{"code":-32601,"message":"no such method"}}`, r.ID)
	case r.Method == "server/discover":
		return result(`{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"agentrun","version":"9"}},"supportedVersions":["2026-07-28"]}`)
	case r.Method == "initialize":
		return result(`{"protocolVersion":"2025-11-25","serverInfo":{"name":"agentrun","version":"8"},"capabilities":{}}`)
	case r.Method == "tools/list" && manner == "toolless":
		return result(`{"tools":[{"name":"echo"}]}`)
	case r.Method == "tools/list":
		return result(`{"tools":[{"name":"run_code"},{"name":"stop_context"}]}`)
	case r.Params.Name == "run_code" && manner == "fails":
		return result(`{"isError":true,"content":[{"type":"text","text":"no sandbox can be had."}]}`)
	case r.Params.Name == "run_code" && manner == "slow":
		return result(`{"structuredContent":{"run_id":"run-1","status":"running"}}`)
	case r.Params.Name == "run_code":
		return result(`{"structuredContent":{"success":true,"result":{"text":"42"},"context_id":"ctx-1","backend":"local"}}`)
	}
	return result(`{}`)
}

// clinic is a home with Cursor in it.
type clinic struct {
	opt doctor.Options
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	home := t.TempDir()
	sys := editors.System{GOOS: runtime.GOOS, Getenv: func(name string) string {
		return map[string]string{"HOME": home, "USERPROFILE": home, "PATH": filepath.Join(home, "bin")}[name]
	}}
	dirs := paths.Dirs{Config: filepath.Join(home, "config"), Data: filepath.Join(home, "data"), Log: filepath.Join(home, "log"), Bin: filepath.Join(home, "data", "bin")}
	relay := filepath.Join(home, "app", "agentrun-mcp")
	write(t, relay, "#!/bin/sh\necho agentrun-mcp "+version.String()+"\n")
	write(t, filepath.Join(home, ".cursor", "x"), "")
	link := shim.Find(dirs)
	if err := link.Point(relay); err != nil {
		t.Fatal(err)
	}
	set, err := editors.New(editors.Options{System: sys, Folder: filepath.Join(dirs.Data, "editors"), Command: link.Path()})
	if err != nil {
		t.Fatal(err)
	}
	return &clinic{doctor.Options{
		Dirs: dirs, System: sys, Editors: set, Shim: link, Relay: relay, Editor: "cursor", Patience: time.Minute,
		Status:  func(context.Context) (status.Snapshot, bool, error) { return status.Snapshot{}, false, nil },
		Account: func(context.Context) (secrets.Source, error) { return "", secrets.ErrNone },
	}}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func (c *clinic) file() string {
	return filepath.Join(c.opt.System.Getenv("HOME"), ".cursor", "mcp.json")
}

// entry writes our entry in Cursor's settings as somebody may have left it.
func (c *clinic) entry(t *testing.T, entry map[string]any) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"agentrun": entry}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, c.file(), string(text))
}

// examine returns the findings by check; of several of one check, the worst.
func (c *clinic) examine(t *testing.T) map[string]doctor.Finding {
	t.Helper()
	found := map[string]doctor.Finding{}
	rank := map[doctor.Verdict]int{doctor.Skipped: 0, doctor.Good: 1, doctor.Warning: 2, doctor.Bad: 3}
	doctor.Run(t.Context(), c.opt, func(f doctor.Finding) {
		if f.Title == "" || f.What == "" || (f.Verdict == doctor.Bad && f.Todo == "") {
			t.Errorf("a finding without a title, a sentence, or what to do: %+v", f)
		}
		if old, there := found[f.Check]; !there || rank[f.Verdict] >= rank[old.Verdict] {
			found[f.Check] = f
		}
	})
	return found
}

func TestTheAccountIsAskedAbout(t *testing.T) {
	for _, tc := range []struct {
		name    string
		source  secrets.Source
		err     error
		verdict doctor.Verdict
		want    string
	}{
		{"an account", secrets.FromKeychain, nil, doctor.Good, "takes the credentials from the keychain"},
		{"no account", "", secrets.ErrNone, doctor.Good, "code runs on this computer"},
		{"no keychain", "", &secrets.KeychainError{State: secrets.Absent}, doctor.Good, "code runs on this computer"},
		{"a locked keychain", "", &secrets.KeychainError{State: secrets.Locked, Why: "it is locked", Todo: "Unlock it."}, doctor.Warning, "it is locked"},
		{"a refused key", secrets.FromEnvironment, errors.New("the access key id does not exist"), doctor.Bad, "the access key id does not exist"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClinic(t)
			c.opt.Account = func(context.Context) (secrets.Source, error) { return tc.source, tc.err }
			wants(t, c.examine(t), "account", tc.verdict, tc.want)
		})
	}
}

func wants(t *testing.T, found map[string]doctor.Finding, check string, verdict doctor.Verdict, texts ...string) {
	t.Helper()
	f, there := found[check]
	if !there || f.Verdict != verdict {
		t.Errorf("%s is %+v, want %s; all: %+v", check, f, verdict, found)
		return
	}
	for _, text := range texts {
		if !strings.Contains(f.What+" → "+f.Todo, text) {
			t.Errorf("%s says %q → %q, want %q in it", check, f.What, f.Todo, text)
		}
	}
}

func TestTheStepThatFailsIsNamed(t *testing.T) {
	for _, tc := range []struct {
		manner string
		check  string
		want   doctor.Verdict
		texts  []string
	}{
		{"works", "run", doctor.Good, []string{"6 * 7 = 42", "local"}},
		{"old", "run", doctor.Good, []string{"42"}},
		{"old", "discover", doctor.Good, []string{"agentrun 8", "2025-11-25"}},
		{"ends", "discover", doctor.Bad, []string{"has ended: exit status 3", "It said: cannot open the door", "Install AgentRun Tray again, then: agentrunctl connect cursor", "log"}},
		{"panics", "discover", doctor.Bad, []string{"has ended: exit status 2", "It said: panic: the door is gone"}},
		{"deaf", "discover", doctor.Bad, []string{"has ended: exit status 4"}},
		{"chats", "discover", doctor.Bad, []string{"not MCP"}},
		{"refuses", "discover", doctor.Bad, []string{"error -32000: no host is running. →"}},
		{"toolless", "tools", doctor.Bad, []string{"run_code is not among its tools (echo)"}},
		{"fails", "run", doctor.Bad, []string{"does not run code: no sandbox can be had."}},
		{"slow", "run", doctor.Warning, []string{"not ended yet", "running"}},
	} {
		t.Run(tc.manner+" "+tc.check, func(t *testing.T) {
			c := newClinic(t)
			c.entry(t, map[string]any{"command": pretender(t), "args": []string{}, "env": map[string]any{"DOCTOR_TEST_SERVER": tc.manner}})
			found := c.examine(t)
			wants(t, found, "start", doctor.Good, "agentrun-mcp")
			wants(t, found, tc.check, tc.want, tc.texts...)
			if _, more := found["run"]; more && tc.want == doctor.Bad && tc.check != "run" {
				t.Errorf("after %s failed, there is %+v", tc.check, found["run"])
			}
		})
	}
}

// pretender is this program under the name of the relay.
func pretender(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "agentrun-mcp")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestAProgramThatIsNotOurs: whatever is the matter with it, it is not for AgentRun Tray to mend.
func TestAProgramThatIsNotOurs(t *testing.T) {
	for _, manner := range []string{"ends", "chats", "toolless", "fails"} {
		c := newClinic(t)
		c.entry(t, map[string]any{"command": os.Args[0], "env": map[string]any{"DOCTOR_TEST_SERVER": manner}})
		worst := doctor.Finding{}
		for _, f := range c.examine(t) {
			if f.Verdict == doctor.Bad {
				worst = f
			}
		}
		if !strings.Contains(worst.Todo, "another program") || !strings.Contains(worst.Todo, "agentrunctl connect cursor --force") {
			t.Errorf("of a program that %s, the doctor says %+v", manner, worst)
		}
	}
}

// TestAShimThatLeadsNowhere is bad for the editors that start it, and for no others.
func TestAShimThatLeadsNowhere(t *testing.T) {
	for name, harm := range map[string]func(shim string) error{
		"gone":           os.Remove,
		"not executable": func(shim string) error { return os.Chmod(shim, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			if err := harm(c.opt.Shim.Path()); err != nil {
				t.Fatal(err)
			}
			for _, id := range []editors.ID{"", "cursor"} {
				c.opt.Editor = id
				found := c.examine(t)
				wants(t, found, "programs", doctor.Good, "No editor starts it yet")
				wants(t, found, "start", doctor.Good, c.opt.Relay)
			}
			if _, err := c.opt.Editors.Connect(t.Context(), "cursor", editors.Wish{}); err != nil {
				t.Fatal(err)
			}
			for _, id := range []editors.ID{"", "cursor"} {
				c.opt.Editor = id
				found := c.examine(t)
				wants(t, found, "programs", doctor.Bad, "leads to no program", "agentrunctl connect cursor")
				wants(t, found, "start", doctor.Bad, c.opt.Shim.Path(), "agentrunctl connect cursor")
			}
			c.opt.Editor = "zed" // which does not start it
			wants(t, c.examine(t), "programs", doctor.Bad, "leads to no program", "agentrunctl connect cursor")
			c.opt.Editor = "cursor"
			c.entry(t, map[string]any{"url": "http://127.0.0.1:1/mcp", "headers": map[string]any{"Authorization": "Bearer art_X"}})
			wants(t, c.examine(t), "programs", doctor.Good, "No editor starts it yet")
		})
	}
}

// TestAHostThatDoesNotAnswer is what is the matter: nothing else that waits for it is tried, or takes it for a stranger.
func TestAHostThatDoesNotAnswer(t *testing.T) {
	c := newClinic(t)
	c.opt.Dirs.Runtime = t.TempDir()
	write(t, filepath.Join(c.opt.Dirs.Runtime, "host.json"), `{"pid": 4711}`)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c.opt.Port = ln.Addr().(*net.TCPAddr).Port
	c.opt.Status = func(context.Context) (status.Snapshot, bool, error) {
		return status.Snapshot{}, false, fmt.Errorf("ask the host: %w", context.DeadlineExceeded)
	}
	found := c.examine(t)
	wants(t, found, "host", doctor.Bad, "A host runs (process 4711), and does not answer.", "agentrunctl stop", "end process 4711")
	for _, check := range []string{"engine", "port", "start"} {
		wants(t, found, check, doctor.Skipped, "does not answer")
	}
}

// TestWhatTheHostSaysThatTheConnectionStarted: before, there was none to ask.
func TestWhatTheHostSaysThatTheConnectionStarted(t *testing.T) {
	c := newClinic(t)
	c.entry(t, map[string]any{"command": pretender(t), "env": map[string]any{"DOCTOR_TEST_SERVER": "works"}})
	asked := 0
	c.opt.Status = func(context.Context) (status.Snapshot, bool, error) {
		asked++
		return status.Snapshot{Problems: []status.Problem{{What: "It rains.", Why: "there are clouds", Todo: "Stay in."}}}, asked > 1, nil
	}
	wants(t, c.examine(t), "host", doctor.Warning, "It rains.", "There are clouds. Stay in.")
}

func TestAProgramThatDoesNotAnswer(t *testing.T) {
	c := newClinic(t)
	c.opt.Patience = 200 * time.Millisecond
	c.entry(t, map[string]any{"command": pretender(t), "env": map[string]any{"DOCTOR_TEST_SERVER": "hangs"}})
	wants(t, c.examine(t), "discover", doctor.Bad, "no answer within 0.2 s", "agentrunctl stop")
}

func TestAProgramThatIsNotThere(t *testing.T) {
	c := newClinic(t)
	c.entry(t, map[string]any{"command": "/old/agentrun-mcp"})
	found := c.examine(t)
	wants(t, found, "editor", doctor.Bad, "out of date", "agentrunctl connect cursor")
	wants(t, found, "start", doctor.Bad, "/old/agentrun-mcp", "not there", "agentrunctl connect cursor")
}

// TestTheProgramGetsWhatEditorsPassOn and nothing else.
func TestTheProgramGetsWhatEditorsPassOn(t *testing.T) {
	t.Setenv("DOCTOR_TEST_SERVER", "works") // of this process, and of no program that the doctor starts
	c := newClinic(t)
	seen := filepath.Join(t.TempDir(), "env")
	script := filepath.Join(t.TempDir(), "server")
	write(t, script, "#!/bin/sh\nenv > '"+seen+"'\n")
	c.entry(t, map[string]any{"command": script, "env": map[string]any{"MINE": "1"}})
	c.examine(t)
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(text); strings.Contains(s, "DOCTOR_TEST_SERVER") || !strings.Contains(s, "MINE=1") || !strings.Contains(s, "PATH=/usr/bin:/bin:") || !strings.Contains(s, "HOME=") {
		t.Errorf("the program got %q", s)
	}
}

func TestConnectionsByURL(t *testing.T) {
	const right = "art_FAKETOKENFORTESTS"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil || r.Header.Get("Authorization") != "Bearer "+right:
			http.Error(w, "no", http.StatusUnauthorized)
			return
		case r.Header.Get("MCP-Protocol-Version") == "" || r.Header.Get("Mcp-Method") == "":
			http.Error(w, "headers are missing", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, ": keepalive\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\ndata: %s\n\n", reply("works", body))
	}))
	defer srv.Close()
	at := func(url, token string) map[string]any {
		return map[string]any{"url": url, "headers": map[string]any{"Authorization": "Bearer " + token}}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + ln.Addr().String() + "/mcp"
	ln.Close()
	for _, tc := range []struct {
		name  string
		entry map[string]any
		check string
		want  doctor.Verdict
		texts []string
	}{
		{"with the token", at(srv.URL+"/mcp", right), "run", doctor.Good, []string{"42"}},
		{"with a token that was revoked", at(srv.URL+"/mcp", "art_OLD"), "discover", doctor.Bad, []string{"not accepted", "agentrunctl connect cursor --http"}},
		{"where nobody listens", at(nobody, right), "discover", doctor.Bad, []string{"nobody listens there"}},
		{"on another computer", at("http://example.com/mcp", right), "start", doctor.Bad, []string{"nothing is sent to others"}},
		{"on another computer that looks like this one", at("http://127.0.0.1:7411@example.com/mcp", right), "start", doctor.Bad, []string{"nothing is sent to others"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClinic(t)
			c.entry(t, tc.entry)
			found := c.examine(t)
			wants(t, found, tc.check, tc.want, tc.texts...)
			for _, f := range found {
				if strings.Contains(f.What+f.Todo, "art_") {
					t.Errorf("a token is shown: %+v", f)
				}
			}
		})
	}
}

func TestStatesOfTheHost(t *testing.T) {
	now := time.Now()
	running := status.Snapshot{
		Version: version.String(), PID: 7, StartedAt: now, Phase: status.Ready, Backend: status.Backend{Name: "local"},
		Pool: status.Pool{Ready: 3, Warm: 3}, Addresses: status.Addresses{HTTP: "http://127.0.0.1:7411/mcp"},
	}
	for _, tc := range []struct {
		name   string
		change func(*status.Snapshot)
		check  string
		want   doctor.Verdict
		texts  []string
	}{
		{"all is well", func(*status.Snapshot) {}, "host", doctor.Good, []string{"process 7"}},
		{"all is well", func(*status.Snapshot) {}, "engine", doctor.Good, []string{"3 of 3", "local"}},
		{"all is well", func(*status.Snapshot) {}, "port", doctor.Good, []string{"7411"}},
		{"another version", func(s *status.Snapshot) { s.Version = "0.0.1" }, "host", doctor.Warning, []string{"0.0.1", "agentrunctl stop"}},
		{"a problem of its own", func(s *status.Snapshot) { s.Problems = []status.Problem{{What: "It rains.", Todo: "Stay in."}} }, "host", doctor.Warning, []string{"It rains.", "Stay in."}},
		{"no sandbox", func(s *status.Snapshot) {
			s.Phase, s.Pool.Ready, s.Pool.LastFailure = status.Troubled, 0, "no memory"
		}, "engine", doctor.Bad, []string{"no memory"}},
		{"no sandbox, and a fallback", func(s *status.Snapshot) {
			s.Phase, s.Pool.Ready, s.Pool.LastFailure, s.Backend.Fallback = status.Troubled, 0, "no network", "local"
		}, "engine", doctor.Warning, []string{"no network", "on the local backend"}},
		{"no more sandboxes", func(s *status.Snapshot) {
			s.Phase, s.Pool.Ready, s.Pool.LastFailure = status.Troubled, 1, "no network"
		}, "engine", doctor.Warning, []string{"1 of 3", "by itself"}},
		{"still loading", func(s *status.Snapshot) { s.Backend.Loading = &status.Loader{What: "compiling", Since: now} }, "engine", doctor.Warning, []string{"compiling"}},
		{"the mock", func(s *status.Snapshot) { s.Backend.Name = "mock" }, "engine", doctor.Warning, []string{"pretends"}},
		{"another port", func(s *status.Snapshot) { s.Addresses.HTTP = "http://127.0.0.1:5555/mcp" }, "port", doctor.Warning, []string{"5555", "7411"}},
		{"no address", func(s *status.Snapshot) { s.Addresses.HTTP = "" }, "port", doctor.Warning, []string{"no address"}},
	} {
		t.Run(tc.name+", "+tc.check, func(t *testing.T) {
			c := newClinic(t)
			snap := running
			tc.change(&snap)
			c.opt.Port = 7411
			c.opt.Status = func(context.Context) (status.Snapshot, bool, error) { return snap, true, nil }
			wants(t, c.examine(t), tc.check, tc.want, tc.texts...)
		})
	}
}

func TestAPortThatSomebodyElseHas(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c := newClinic(t)
	c.opt.Port = ln.Addr().(*net.TCPAddr).Port
	wants(t, c.examine(t), "port", doctor.Warning, "Another program uses "+ln.Addr().String())
}

func TestInstallationsThatDoNotFit(t *testing.T) {
	c := newClinic(t)
	other := filepath.Join(c.opt.System.Getenv("HOME"), "bin", "agentrun-mcp")
	write(t, other, "#!/bin/sh\n")
	found := c.examine(t)
	wants(t, found, "programs", doctor.Good, c.opt.Shim.Path())
	wants(t, found, "copies", doctor.Warning, other)

	if err := c.opt.Shim.Point(other); err != nil {
		t.Fatal(err)
	}
	wants(t, c.examine(t), "programs", doctor.Warning, other)
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	wants(t, c.examine(t), "programs", doctor.Good, "No editor starts it yet")
	if _, err := c.opt.Editors.Connect(t.Context(), "cursor", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	wants(t, c.examine(t), "programs", doctor.Bad, "leads to no program", "agentrunctl connect cursor")
	write(t, c.opt.Relay, "#!/bin/sh\necho agentrun-mcp 0.0.1\n")
	wants(t, c.examine(t), "programs", doctor.Warning, "0.0.1")
	write(t, c.opt.Relay, "#!/bin/sh\necho no such library >&2\nexit 127\n")
	wants(t, c.examine(t), "programs", doctor.Bad, "does not start: exit status 127. It said: no such library")
	c.opt.Relay = ""
	wants(t, c.examine(t), "programs", doctor.Bad, "not beside")
}

// TestTheShimIsNoCopy: who removes what the doctor calls a copy must not lose what editors start.
func TestTheShimIsNoCopy(t *testing.T) {
	c := newClinic(t)
	getenv := c.opt.System.Getenv
	c.opt.System.Getenv = func(name string) string {
		if name == "PATH" {
			return filepath.Dir(c.opt.Shim.Path())
		}
		return getenv(name)
	}
	write(t, c.file(), fmt.Sprintf(`{"mcpServers": {"agentrun": {"command": %q, "args": ["--changed"]}}}`, c.opt.Shim.Path()))
	if st, err := c.opt.Editors.Look("cursor"); err != nil || st.State != editors.HandEdited {
		t.Fatalf("the editor is %+v (%v), want it changed by hand", st, err)
	}
	wants(t, c.examine(t), "copies", doctor.Good)
}

func TestSettingsOfEditors(t *testing.T) {
	c := newClinic(t)
	wants(t, c.examine(t), "editor", doctor.Bad, "Cursor is not connected", "agentrunctl connect cursor")
	if _, err := c.opt.Editors.Connect(t.Context(), "cursor", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	wants(t, c.examine(t), "editor", doctor.Good, c.file())
	write(t, c.file(), "{}")
	wants(t, c.examine(t), "editor", doctor.Bad, "has dropped our entry")
	write(t, c.file(), "{")
	found := c.examine(t)
	wants(t, found, "editor", doctor.Bad, "cannot be read", c.file())
	wants(t, found, "start", doctor.Skipped, "cannot be read")
	c.opt.Editor = "zed"
	wants(t, c.examine(t), "editor", doctor.Bad, "Zed was not found")
	c.opt.Editor = ""
	wants(t, c.examine(t), "editor", doctor.Bad, "Cursor cannot be read")
}
