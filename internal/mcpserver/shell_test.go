package mcpserver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// shellFake has a shell, and less time for code.
var shellFake = sandboxtest.FakeOptions{Traits: func(traits *sandboxTraits) {
	traits.Shell, traits.MaxCommandTime, traits.MaxRunTime = true, 25*time.Second, 30*time.Second
	traits.Note = "There is a shell."
}}

// listed gives the names of the tools that a client sees.
func listed(t *testing.T, cs *sdk.ClientSession) []string {
	t.Helper()
	all, err := cs.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range all.Tools {
		names = append(names, tool.Name)
	}
	return names
}

func TestCommands(t *testing.T) {
	eachPeer(t, rigSetup{fake: shellFake}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		for _, name := range []string{"run_command", "get_process", "stop_process"} {
			if !slices.Contains(listed(t, cs), name) {
				t.Errorf("%s is not listed", name)
			}
		}
		do(t, cs, "upload_file", map[string]any{"path": "dir/in.txt", "content": "from outside\n"})
		ran := do(t, cs, "run_command", map[string]any{"command": "cat in.txt; stderr oops; exit 3", "cwd": "dir", "timeout_seconds": 5})
		if ran["stdout"] != "from outside\n" || ran["stderr"] != "oops\n" || ran["exit_code"] != 3.0 || ran["success"] != false || ran["backend"] != "fake" || ran["error"] != nil || ran["process_id"] != nil {
			t.Errorf("run_command = %v", ran)
		}
		if _, ok := ran["execution_time"].(float64); !ok {
			t.Errorf("execution_time = %v, want a number", ran["execution_time"])
		}
		if id, _ := ran["context_id"].(string); !strings.HasPrefix(id, "ctx-") {
			t.Errorf("context_id = %v", ran["context_id"])
		}
		if ok := do(t, cs, "run_command", map[string]any{"command": "print fine", "context_id": ran["context_id"], "background": false}); ok["success"] != true || ok["exit_code"] != 0.0 {
			t.Errorf("run_command = %v", ok)
		}
		late := do(t, cs, "run_command", map[string]any{"command": "print begun; sleep 1h", "timeout_seconds": 0.5})
		if why, _ := late["error"].(map[string]any); why["code"] != "TIMEOUT" || late["success"] != false || late["stdout"] != "begun\n" {
			t.Errorf("run_command = %v, want that its time was up", late)
		}
	})
}

func TestProcesses(t *testing.T) {
	eachPeer(t, rigSetup{fake: shellFake}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		p := do(t, cs, "run_command", map[string]any{"command": "print begun; sleep 1h; print ended", "background": true})
		id, _ := p["process_id"].(string)
		if id == "" || p["status"] != "running" || p["success"] != true || p["exit_code"] != nil {
			t.Errorf("run_command = %v", p)
		}
		if now := do(t, cs, "get_process", map[string]any{"process_id": id, "wait_seconds": 0.05}); now["status"] != "running" || now["stdout"] != "begun\n" || now["context_id"] != p["context_id"] {
			t.Errorf("get_process = %v", now)
		}
		for range 2 {
			if done := do(t, cs, "stop_process", map[string]any{"process_id": id}); done["status"] != "exited" || done["success"] != false || done["stdout"] != "begun\n" {
				t.Errorf("stop_process = %v", done)
			}
		}
		quick := do(t, cs, "run_command", map[string]any{"command": "print done; exit 4", "background": true})
		if done := do(t, cs, "get_process", map[string]any{"process_id": quick["process_id"]}); done["status"] != "exited" || done["exit_code"] != 4.0 || done["stdout"] != "done\n" {
			t.Errorf("get_process = %v", done)
		}
		for _, args := range []map[string]any{{"process_id": "proc-never"}, {"process_id": id, "wait_seconds": -1}, {"process_id": id, "wait_seconds": 51}} {
			if code, _ := refused(t, cs, "get_process", args); code != "INVALID_PARAMS" {
				t.Errorf("get_process(%v) = %s", args, code)
			}
		}
		do(t, cs, "stop_context", map[string]any{"context_id": p["context_id"]})
		if code, sentence := refused(t, cs, "get_process", map[string]any{"process_id": id}); code != "INVALID_PARAMS" || !strings.Contains(sentence, "ends with its context") {
			t.Errorf("get_process after the end of its context = %s: %s", code, sentence)
		}
	})
}

func TestBadCommands(t *testing.T) {
	eachPeer(t, rigSetup{fake: shellFake}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		for _, test := range []struct {
			tool       string
			args       map[string]any
			code, word string
		}{
			{"run_command", map[string]any{}, "INVALID_PARAMS", "command"},
			{"run_command", map[string]any{"command": " "}, "INVALID_PARAMS", "empty"},
			{"run_command", map[string]any{"command": "print x", "cwd": "../.."}, "INVALID_PARAMS", "out of"},
			{"run_command", map[string]any{"command": "print x", "cwd": "nowhere"}, "FILE_NOT_FOUND", "nowhere"},
			{"run_command", map[string]any{"command": "print x", "timeout_seconds": 0}, "INVALID_PARAMS", "more than 0"},
			{"run_command", map[string]any{"command": "print x", "timeout_seconds": 26}, "INVALID_PARAMS", "background: true"},
			{"run_command", map[string]any{"command": "print x", "context_id": "ctx-none"}, "CONTEXT_NOT_FOUND", "ctx-none"},
			{"run_command", map[string]any{"command": "print x", "background": "yes"}, "INVALID_PARAMS", "boolean"},
			{"run_command", map[string]any{"command": strings.Repeat("x", 20<<10)}, "TOO_LARGE", "upload_file"},
			{"run_code", map[string]any{"code": "print x", "timeout_seconds": 31}, "INVALID_PARAMS", `{"command": "python job.py", "background": true}`},
		} {
			if code, sentence := refused(t, cs, test.tool, test.args); code != test.code || !strings.Contains(sentence, test.word) {
				t.Errorf("%s(%.80v) = %s: %s, want %s and %q", test.tool, test.args, code, sentence, test.code, test.word)
			}
		}
	})
}

// TestWithoutAShellThereAreNoCommands has the tools neither listed nor spoken of, and says so to who calls them all the same.
func TestWithoutAShellThereAreNoCommands(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, r *rig, cs *sdk.ClientSession) {
		if names := listed(t, cs); slices.Contains(names, "run_command") || slices.Contains(names, "get_process") || slices.Contains(names, "stop_process") {
			t.Errorf("listed are %q", names)
		}
		if text := string(r.offer().print); strings.Contains(text, "run_command") || strings.Contains(text, "stop_process") {
			t.Errorf("clients are told of commands: %s", text)
		}
		for tool, args := range map[string]map[string]any{"run_command": {"command": "ls"}, "get_process": {"process_id": "proc-x"}} {
			res, err := cs.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
			if err != nil {
				t.Fatal(err)
			}
			said := res.Content[0].(*sdk.TextContent).Text
			if want := map[string]string{"run_command": "NOT_SUPPORTED", "get_process": "INVALID_PARAMS"}[tool]; !res.IsError || !strings.Contains(said, want) || tool == "run_command" && !strings.Contains(said, "no shell") {
				t.Errorf("%s = %s, want %s", tool, said, want)
			}
		}
	})
}

func TestWhoMayRunCommandsMayLookAtProcesses(t *testing.T) {
	rules := Rules{Tools: []string{"run_command"}}
	for tool, want := range map[string]bool{"run_command": true, "get_process": true, "stop_process": true, "run_code": false, "get_result": false} {
		if rules.allows(tool) != want {
			t.Errorf("%s is allowed: %t", tool, !want)
		}
	}
	if (Rules{Tools: []string{"run_code"}}).allows("get_process") {
		t.Error("who may run code only may look at processes")
	}
}

// TestTheToolsFollowTheBackend switches to a backend with a shell and back, and has clients of both eras told.
func TestTheToolsFollowTheBackend(t *testing.T) {
	hub := &status.Hub{}
	r := startRig(t, rigSetup{options: Options{Status: hub}})
	fake := sandboxtest.NewFake(shellFake)
	shelled, plain := interpreter.NewSite(fake, newPool(t)), r.interp.Site()
	session := r.initialize(t, Unix, nil)
	older := r.get(t, session)
	newer := r.hear(t, `"n"`, `{"toolsListChanged":true}`)
	names := func() (list string) {
		t.Helper()
		m, _, _ := r.rpc(t, modern, "tools/list", "{}")
		var result struct {
			Tools []struct{ Name, Description string }
		}
		if err := json.Unmarshal(m, &result); err != nil {
			t.Fatal(err)
		}
		for _, tool := range result.Tools {
			list += tool.Name + " " + tool.Description + "\n"
		}
		return list
	}
	before := names()
	if strings.Contains(before, "run_command") {
		t.Errorf("at first there are %s", before)
	}
	switched := func(to *interpreter.Site, name string) {
		r.interp.Use(to, nil)
		hub.Publish(status.Snapshot{Backend: status.Backend{Name: name}})
		const said = "notifications/tools/list_changed"
		for _, l := range []*listener{older, newer} {
			for !strings.HasPrefix(words(l.next(t)), said) {
				continue
			}
		}
	}
	switched(shelled, "shelled")
	if now := names(); !strings.Contains(now, "run_command") || !strings.Contains(now, "There is a shell.") || !strings.Contains(now, "stop_process") {
		t.Errorf("with a shell there are %s", now)
	}
	fresh := r.connect(t, Unix, legacy, nil)
	if says := fresh.InitializeResult().Instructions; !strings.Contains(says, "There is a shell.") || !strings.Contains(says, "run_command") {
		t.Errorf("the instructions are %q", says)
	}
	switched(plain, "plain")
	if now := names(); now != before {
		t.Errorf("back again there are %s, want %s", now, before)
	}
}

// TestTheListOfToolsIsNotHeld: a client must not go by a list of before the backend was switched.
func TestTheListOfToolsIsNotHeld(t *testing.T) {
	r := startRig(t, rigSetup{})
	for _, method := range []string{"tools/list", "server/discover"} {
		m, _, _ := r.rpc(t, modern, method, "{}")
		var result struct{ TTLMs *int64 }
		if err := json.Unmarshal(m, &result); err != nil || result.TTLMs == nil || *result.TTLMs != 0 {
			t.Errorf("%s may be held for %v ms, %v: %s", method, result.TTLMs, err, m)
		}
	}
}
