//go:build unix

package editors_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

// claudeHome is a home with a `claude` that behaves like the real one: it rewrites the whole file, and refuses to add what is there.
// The real one is run by TestRealClients.
func claudeHome(t *testing.T, manner string) *home {
	t.Helper()
	h := newHome(t, "claude-code")
	program := filepath.Join(h.dir, "bin", "claude")
	if err := os.MkdirAll(filepath.Dir(program), 0o700); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nEDITORS_TEST_CLAUDE=" + manner + " exec '" + os.Args[0] + "' -test.run='^TestFakeClaude$' -- \"$@\"\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestFakeClaude is the program.
func TestFakeClaude(t *testing.T) {
	manner := os.Getenv("EDITORS_TEST_CLAUDE")
	if manner == "" {
		return
	}
	words := os.Args[3:]
	fail := func(text string) {
		_, _ = os.Stderr.WriteString(text + "\n")
		os.Exit(1)
	}
	switch {
	case manner == "fails", manner == "loses" && words[1] == "add-json":
		fail("cannot do that today")
	case manner == "lies":
		os.Exit(0)
	}
	file := filepath.Join(os.Getenv("HOME"), ".claude.json")
	settings := map[string]any{}
	if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
		if err := json.Unmarshal(text, &settings); err != nil {
			fail(err.Error())
		}
	}
	servers, _ := settings["mcpServers"].(map[string]any)
	if servers == nil {
		servers = map[string]any{}
	}
	if strings.Join(words[2:5], " ") != "--scope user agentrun" {
		fail("words not understood: " + strings.Join(words, " "))
	}
	_, there := servers["agentrun"]
	switch {
	case words[1] == "remove" && !there:
		fail("No user-scoped MCP server found with name: agentrun")
	case words[1] == "remove":
		delete(servers, "agentrun")
	case there:
		fail("MCP server agentrun already exists in user config")
	default:
		var entry map[string]any
		if err := json.Unmarshal([]byte(words[5]), &entry); err != nil {
			fail(err.Error())
		}
		servers["agentrun"] = entry
	}
	settings["mcpServers"], settings["numStartups"] = servers, 42
	text, _ := json.MarshalIndent(settings, "", "  ")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		fail(err.Error())
	}
	os.Exit(0)
}

func (h *home) servers(t *testing.T) map[string]any {
	t.Helper()
	var settings map[string]any
	if err := json.Unmarshal(h.get(t, "claude-code"), &settings); err != nil {
		t.Fatal(err)
	}
	servers, _ := settings["mcpServers"].(map[string]any)
	return servers
}

func TestClaudeCodeIsConnectedByItsOwnCommands(t *testing.T) {
	h := claudeHome(t, "works")
	h.put(t, "claude-code", goldenFile(t, "claude-code", "stale.before"))
	if st := h.look(t, "claude-code"); st.Route != editors.ByCLI || st.State != editors.Stale {
		t.Fatalf("before, it is %+v", st)
	}
	want := []string{
		"claude mcp remove --scope user agentrun",
		`claude mcp add-json --scope user agentrun '{"type":"stdio","command":"` + command + `","args":[]}'`,
	}
	dry, err := h.set.Connect(t.Context(), "claude-code", editors.Wish{DryRun: true})
	if err != nil || !reflect.DeepEqual(dry.Commands, want) || len(dry.Files) != 1 {
		t.Errorf("Connect dry = %+v, %v; want the commands %v", dry, err, want)
	}
	h.unchanged(t, "claude-code", goldenFile(t, "claude-code", "stale.before"))
	out := connect(t, h, "claude-code")
	if !reflect.DeepEqual(out.Commands, want) || out.Note() != "" {
		t.Errorf("Connect = %+v, want the commands %v", out, want)
	}
	if st := h.look(t, "claude-code"); st.State != editors.Connected || st.Lost {
		t.Errorf("after Connect it is %+v", st)
	}
	if again := connect(t, h, "claude-code"); len(again.Commands) > 0 || len(again.Files) > 0 {
		t.Errorf("Connect again = %+v, want nothing", again)
	}
	if _, err := h.set.Disconnect(t.Context(), "claude-code", editors.Wish{}); err != nil {
		t.Fatal(err)
	}
	if servers := h.servers(t); servers["agentrun"] != nil || len(servers) != 2 {
		t.Errorf("after Disconnect the servers are %v", servers)
	}
	// back: connected by us, and then the old entry
	for _, want := range []string{command, "/opt/agentrun-tray-0.1/agentrun-mcp"} {
		if _, err := h.set.Undo(t.Context(), "claude-code"); err != nil {
			t.Fatal(err)
		}
		if ours, _ := h.servers(t)["agentrun"].(map[string]any); ours["command"] != want {
			t.Errorf("after Undo the servers are %v, want the command %s", h.servers(t), want)
		}
	}
}

func TestUndoOfAFirstConnectionOfClaudeCode(t *testing.T) {
	h := claudeHome(t, "works")
	connect(t, h, "claude-code")
	if st := h.look(t, "claude-code"); !st.Undo {
		t.Errorf("connected, it is %+v, want an undo offered", st)
	}
	if _, err := h.set.Undo(t.Context(), "claude-code"); err != nil {
		t.Fatal(err)
	}
	if st := h.look(t, "claude-code"); st.Undo {
		t.Errorf("after Undo it is %+v, want no other offered", st)
	}
	if servers := h.servers(t); len(servers) > 0 {
		t.Errorf("after Undo the servers are %v", servers)
	}
	if _, err := h.set.Undo(t.Context(), "claude-code"); !errors.Is(err, editors.ErrNoUndo) {
		t.Errorf("Undo of nothing = %v", err)
	}
}

// TestClaudeCodeWhoseCommandsFail is connected by its file, whatever the commands have done on the way.
func TestClaudeCodeWhoseCommandsFail(t *testing.T) {
	for manner, note := range map[string]string{"fails": "cannot do that today", "lies": "nothing changed", "loses": "cannot do that today"} {
		t.Run(manner, func(t *testing.T) {
			h := claudeHome(t, manner)
			h.put(t, "claude-code", goldenFile(t, "claude-code", "stale.before"))
			out := connect(t, h, "claude-code")
			if !strings.Contains(out.Note(), note) {
				t.Errorf("the note is %q, want %q in it", out.Note(), note)
			}
			if st := h.look(t, "claude-code"); st.State != editors.Connected {
				t.Errorf("after Connect it is %+v", st)
			}
			if servers := h.servers(t); len(servers) != 3 {
				t.Errorf("the servers are %v, want three", servers)
			}
		})
	}
}

// TestATokenIsNoWordOfACommand: others can read those of every process.
func TestATokenIsNoWordOfACommand(t *testing.T) {
	h := claudeHome(t, "fails")
	out, err := h.set.Connect(t.Context(), "claude-code", editors.Wish{Form: editors.HTTP})
	if err != nil || out.Note() != "" || len(out.Commands) > 0 {
		t.Errorf("Connect by URL = %+v, %v; want no command", out, err)
	}
	if st := h.look(t, "claude-code"); st.State != editors.Connected || st.Form != editors.HTTP {
		t.Errorf("after Connect it is %+v", st)
	}
}
