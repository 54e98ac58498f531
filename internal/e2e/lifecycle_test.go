//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// TestTheHostEndsInOrder: a run in progress is answered, and nothing is left behind.
func TestTheHostEndsInOrder(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			h := newHome(t, "")
			s := h.serve(t, "--listen", "127.0.0.1:0").ready(t)
			url := h.sees(t, "an address", func(s status.Snapshot) bool { return s.Addresses.HTTP != "" }).Addresses.HTTP
			token := strings.TrimSpace(h.mustCtl(t, "token", "editor"))
			through, direct := h.connect(t, legacy), overHTTP(t, modern, url, token)
			runs := map[string]*began{}
			for name, c := range map[string]*client{"relay": through, "http": direct} {
				id := c.create(t, name, "python")
				runs[name] = c.begin(t, "run_code", args{"context_id": id, "code": "open('f', 'w').write('x')\nprint('begun', flush=True)\nwhile True: pass"}, "")
				c.awaitRunning(t, id)
			}
			if scratch := scratchFolders(t, h); len(scratch) == 0 {
				t.Fatalf("nothing is in %s while contexts have files", h.scratch())
			}

			if err := s.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if code := s.ended(t, 10*time.Second, signal.String()); code != 0 {
				t.Errorf("the host ended with exit code %d on %v, want 0; it said:\n%s", code, signal, s.said)
			}
			for name, run := range runs {
				r, err := run.wait(t)
				if err != nil || !slices.Contains([]string{"CANCELLED", "SESSION_LOST", "SERVER_NOT_READY"}, r.code()) {
					t.Errorf("the run in progress over %s = %v, %v, want an answer that says that the host was ended", name, r, err)
				}
			}
			for _, file := range []string{h.socket(), h.infoFile()} {
				if _, err := os.Stat(file); !os.IsNotExist(err) {
					t.Errorf("%s after the end: %v, want it removed", file, err)
				}
			}
			if left := scratchFolders(t, h); len(left) > 0 {
				t.Errorf("after the end there are still %v", left)
			}
			if out, err := h.ctl("status"); err != nil || out.code != 1 || !strings.Contains(out.stderr, "no host is running") {
				t.Errorf("agentrunctl status after the end = %+v, %v, want exit code 1 and that no host is running", out, err)
			}
			// a host that the user has ended stays ended until somebody needs one
			if pids, err := h.hosts(); err != nil || len(pids) > 0 {
				t.Errorf("after the end there are hosts %v, %v, want none: no call asked for one", pids, err)
			}
			if got := through.run(t, "", "1 + 1"); got.text("result", "text") != "2" || !strings.Contains(got.notices(), "restarted") {
				t.Errorf("run_code after the end = %v, want 2 in another host, and a notice", got)
			}
		})
	}
}

func TestASecondHostSaysThatOneIsRunning(t *testing.T) {
	t.Parallel()
	h := coldHome(t, quiet)
	first := h.serve(t, "--backend", "mock").ready(t)
	out, err := h.ctl("serve")
	if err != nil || out.code != 0 || !strings.Contains(out.stdout, "running already") || !strings.Contains(out.stdout, fmt.Sprint(first.cmd.Process.Pid)) {
		t.Errorf("a second agentrunctl serve = %+v, %v, want exit code 0 and that process %d is running already", out, err, first.cmd.Process.Pid)
	}
	if s, err := h.look(); err != nil || s.PID != first.cmd.Process.Pid {
		t.Errorf("agentrunctl status = process %d, %v, want the first host, %d", s.PID, err, first.cmd.Process.Pid)
	}
}

func TestAnIdleHostEndsByItself(t *testing.T) {
	t.Parallel()
	h := coldHome(t, quiet)
	s := h.serve(t, "--backend", "mock", "--idle-exit", "5s").ready(t)
	c := h.connect(t, legacy)
	c.do(t, "list_contexts", nil)
	select {
	case <-s.done:
		t.Fatalf("the host ended with a client connected; it said:\n%s", s.said)
	case <-time.After(6 * time.Second):
	}
	c.relay.finish(t)
	if code := s.ended(t, patience, "the last client has left, with --idle-exit 5s"); code != 0 {
		t.Errorf("the idle host ended with exit code %d, want 0", code)
	}
	if _, err := os.Stat(h.infoFile()); !os.IsNotExist(err) {
		t.Errorf("%s after the end: %v, want it removed", h.infoFile(), err)
	}
}

func TestAHostNobodyEverUsesEndsByItself(t *testing.T) {
	t.Parallel()
	h := coldHome(t, quiet)
	began := time.Now()
	s := h.serve(t, "--backend", "mock", "--idle-exit", "1s")
	if code := s.ended(t, patience, "nobody came, with --idle-exit 1s"); code != 0 {
		t.Errorf("the idle host ended with exit code %d, want 0; it said:\n%s", code, s.said)
	}
	if lived := time.Since(began); lived < time.Second {
		t.Errorf("the host lived for %v, want the second it was given", lived)
	}
}

func TestTheRelayEndsWithItsStandardInput(t *testing.T) {
	t.Parallel()
	h := coldHome(t, mocked)
	inBothEras(t, func(t *testing.T, era string) {
		r := h.relay(t)
		c := r.connect(t, era)
		c.run(t, "", "1")
		if err := r.stdin.Close(); err != nil {
			t.Fatal(err)
		}
		r.ended(t, 3*time.Second, "the end of its standard input")
	})
	t.Run("before it said anything", func(t *testing.T) {
		r := h.relay(t)
		if err := r.stdin.Close(); err != nil {
			t.Fatal(err)
		}
		r.ended(t, 3*time.Second, "the end of its standard input")
	})
	t.Run("a script that waits for nothing", func(t *testing.T) {
		r := h.relay(t)
		r.hello(t, "script")
		r.send(t, toolCall(legacy, `1`, "run_code", args{"code": "1"}))
		if err := r.stdin.Close(); err != nil {
			t.Fatal(err)
		}
		if m := r.answer(t, "1"); m.Result == nil {
			t.Errorf("the call before the end of standard input was answered with %+v, want a result", m.Error)
		}
		r.ended(t, 3*time.Second, "the end of its standard input")
	})
}

// TestAScriptIsAnswered: it writes what it has to say into a pipe, and reads to the end; no host runs yet.
func TestAScriptIsAnswered(t *testing.T) {
	t.Parallel()
	h := coldHome(t, quiet)
	script := exec.Command(relayProgram())
	script.Env, script.Dir = h.env, h.dir
	script.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"script","version":"1"}}}` + "\n" +
		`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n" +
		toolCall(legacy, "2", "run_code", args{"code": "import time\ntime.sleep(2)\n6 * 7"}) + "\n")
	said, err := script.Output()
	if err != nil {
		t.Errorf("the relay of a script ended with %v, want no error", err)
	}
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(said)), "\n"), func(line string) bool {
		return strings.Contains(line, `"method":"notifications/`) // of the context that is made
	})
	if len(lines) != 2 || !strings.Contains(lines[0], `"serverInfo"`) || !strings.Contains(lines[1], `"42"`) {
		t.Errorf("a script that initializes and runs 6 * 7 reads\n%s\nwant two answers", said)
	}
}

// TestTheRelayEndsWithItsParent: an editor that crashes closes no pipe that somebody else holds as well.
func TestTheRelayEndsWithItsParent(t *testing.T) {
	t.Parallel()
	h := coldHome(t, mocked)
	r := h.relayAs(t, "/bin/sh", "-c", `"$0"; exit $?`, relayProgram())
	r.hello(t, "crashes")
	r.send(t, toolCall(legacy, `1`, "run_code", args{"code": "1"}))
	if m := r.answer(t, "1"); m.Error != nil {
		t.Fatalf("run_code through a relay below a shell: %+v", m.Error)
	}
	h.sees(t, "the client", func(s status.Snapshot) bool { return len(s.Clients) == 1 })
	if err := syscall.Kill(r.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// the relay has standard output open for as long as it lives
	r.ended(t, 4*time.Second, "its parent was killed, with standard input still open")
	h.sees(t, "the client gone", func(s status.Snapshot) bool { return len(s.Clients) == 0 })
}

// TestARelayWithoutAHostSaysSo: half an installation must not hang an editor.
func TestARelayWithoutAHostSaysSo(t *testing.T) {
	t.Parallel()
	h := coldHome(t, quiet)
	lonely := h.dir + "/agentrun-mcp"
	program, err := os.ReadFile(relayProgram())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lonely, program, 0o700); err != nil {
		t.Fatal(err)
	}
	r := h.relayAs(t, lonely)
	r.send(t, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`)
	if m := r.answer(t, "1"); m.Error == nil || len(m.Error.Message) < 20 {
		t.Errorf("initialize without any host program = %s, want an error that says what is missing", m.Result)
	}
}

// TestTheRelayOutlivesGarbage: every line that has an id to answer is answered under it, and the relay goes on.
func TestTheRelayOutlivesGarbage(t *testing.T) {
	t.Parallel()
	h := coldHome(t, mocked)
	r := h.relay(t)
	r.hello(t, "garbage")
	for _, line := range []string{
		"", "   ", "hello", "{", "[]", "[1]", "null", "42", `"text"`, "{}", `{"jsonrpc":"2.0"}`,
		`{"jsonrpc":"2.0","method":"notifications/unheard-of"}`, `{"jsonrpc":"2.0","id":null,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":{},"method":"ping"}`, `{"jsonrpc":"2.0","id":true,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":99,"result":{}}`, "\xff\xfe", "\x00",
	} {
		if _, err := fmt.Fprintln(r.stdin, line); err != nil {
			t.Fatal(err)
		}
	}
	for id, line := range map[string]string{
		`"odd-1"`: `{"jsonrpc":"2.0","id":"odd-1","method":"no/such/method","params":{}}`,
		`"odd-2"`: `{"jsonrpc":"2.0","id":"odd-2","method":"tools/call","params":[1,2]}`,
		`"odd-3"`: `{"jsonrpc":"2.0","id":"odd-3","method":"tools/call","params":{"name":5}}`,
		`"odd-4"`: `{"jsonrpc":"2.0","id":"odd-4","method":"tools/call","params":{"name":"no_such_tool","arguments":{}}}`,
		`"odd-5"`: `{"jsonrpc":"2.0","id":"odd-5","method":7}`,
		`"big-1"`: `{"jsonrpc":"2.0","id":"big-1","method":"tools/call","params":{"name":"run_code","arguments":{"code":"` + strings.Repeat("x", 20<<20) + `"}}}`,
		`"big-2"`: `{"method":"tools/call","params":{"name":"run_code","arguments":{"code":"` + strings.Repeat("x", 20<<20) + `"}},"jsonrpc":"2.0","id":"big-2"}`,
	} {
		r.send(t, line)
		if m := r.answer(t, id); m.Error == nil && !strings.Contains(string(m.Result), "isError") {
			t.Errorf("%s = %s, want an error", clip(line, 200), m.Result)
		}
	}
	// ids come back as they were, also those no float can hold
	for _, id := range []string{`9007199254740993`, `"9007199254740993"`, `-1`, `"ключ"`} {
		r.send(t, `{"jsonrpc":"2.0","id":`+id+`,"method":"ping"}`)
		if m := r.answer(t, id); m.Error != nil {
			t.Errorf("ping with id %s = %+v, want a result", id, m.Error)
		}
	}
	r.send(t, toolCall(legacy, `1`, "run_code", args{"code": "1"}))
	if m := r.answer(t, "1"); m.Error != nil {
		t.Errorf("run_code after the garbage = %+v, want a result", m.Error)
	}
}

// TestTheStartIsReported: the log tells in order what a person who waits wants to know.
func TestTheStartIsReported(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	s := h.serve(t, "--listen", "127.0.0.1:0").ready(t)
	text := h.log(t, "serving")
	type event struct {
		Message string `json:"msg"`
		Backend string `json:"backend"`
		Warm    int    `json:"warm"`
		Ready   int    `json:"ready"`
		Of      int    `json:"of"`
		Took    int64  `json:"took"`
		Names   string `json:"names"`
		Mode    string `json:"mode"`
		HTTP    string `json:"http"`
		Socket  string `json:"socket"`
	}
	var events []event
	for line := range strings.Lines(text) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("the log has the line %q: %v", line, err)
		}
		events = append(events, e)
	}
	at := -1
	for _, want := range []struct {
		message string
		good    func(e event) bool
	}{
		{"starting", func(e event) bool { return e.Backend == "local" }},
		{"creating sessions", func(e event) bool { return e.Warm == 3 }},
		{"first session ready", func(e event) bool { return e.Took > 0 }},
		{"pool ready", func(e event) bool { return e.Ready == 3 && e.Of == 3 && e.Took > 0 }},
		{"tools", func(e event) bool {
			return strings.Contains(e.Names, "run_code") && strings.Contains(e.Names, "download_file")
		}},
		{"serving", func(e event) bool {
			return e.Mode == "local" && strings.HasPrefix(e.HTTP, "http://127.0.0.1:") && e.Socket == h.socket()
		}},
	} {
		next := slices.IndexFunc(events, func(e event) bool { return e.Message == want.message })
		if next <= at || !want.good(events[next]) {
			t.Fatalf("the log does not report %q, rightly filled in, after line %d:\n%s", want.message, at+1, text)
		}
		at = next
	}
	if said := s.stdout.String(); said != "" {
		t.Errorf("agentrunctl serve wrote to standard output:\n%s", said)
	}
}

// TestTheLogSaysEverythingOnce: also that of a host which a relay has started, with nobody to read its standard error.
func TestTheLogSaysEverythingOnce(t *testing.T) {
	t.Parallel()
	h := coldHome(t, mocked)
	c := h.connect(t, legacy)
	id := c.create(t, "logged", "python")
	c.run(t, id, "the_code = 'the-body'")
	text := h.log(t, "tool call")
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log has the line %q among its JSON", line)
		}
	}
	if n := strings.Count(text, "context placed"); n != 1 {
		t.Errorf("the log says %d times that the context was placed, want once:\n%s", n, text)
	}
	if strings.Contains(text, "the-body") {
		t.Errorf("the log holds the user's code:\n%s", text)
	}
}

// TestTheWelcome is what `make run` shows.
func TestTheWelcome(t *testing.T) {
	t.Parallel()
	h := coldHome(t, quiet)
	s := h.serve(t, "--backend", "mock", "--welcome").ready(t)
	for _, want := range []string{"is ready", relayProgram(), " connect NAME\n"} {
		if !eventually(patience, func() bool { return strings.Contains(s.stdout.String(), want) }) {
			t.Errorf("agentrunctl serve --welcome said %q, want %q in it", s.stdout, want)
		}
	}
}

// TestTheHostIsStoppedByHand: agentrunctl stop returns when the host is gone, so that another can be started at once.
func TestTheHostIsStoppedByHand(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	first := h.serve(t).ready(t)
	c := h.connect(t, legacy)
	id := c.create(t, "long", "python")
	run := c.begin(t, "run_code", args{"context_id": id, "code": "while True: pass"}, "")
	c.awaitRunning(t, id)
	if out := h.mustCtl(t, "stop"); !strings.Contains(out, "has stopped") {
		t.Errorf("agentrunctl stop said %q", out)
	}
	first.ended(t, patience, "agentrunctl stop")
	if r, err := run.wait(t); err != nil || r.success() {
		t.Errorf("the run that the host was stopped under = %v, %v, want a result that says so", r, err)
	}
	second := h.serve(t).ready(t)
	if out := h.mustCtl(t, "stop"); !strings.Contains(out, "has stopped") {
		t.Errorf("agentrunctl stop of the next host said %q", out)
	}
	second.ended(t, patience, "agentrunctl stop")
	if out := h.mustCtl(t, "stop"); !strings.Contains(out, "No host is running") {
		t.Errorf("agentrunctl stop without a host said %q", out)
	}
}
