package mcpserver

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// TestToolSchemas holds what clients see of each tool to a golden file: names and required fields are a promise.
func TestToolSchemas(t *testing.T) {
	r, withShell := startRig(t, rigSetup{}), startRig(t, rigSetup{fake: shellFake})
	for name, tool := range r.tools {
		if tool.shell {
			tool = withShell.tools[name]
		}
		t.Run(name, func(t *testing.T) {
			data, err := json.Marshal(tool.definition())
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, data, "", "  "); err != nil {
				t.Fatal(err)
			}
			pretty.WriteByte('\n')
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, pretty.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(pretty.Bytes(), want) {
				t.Errorf("%s differs from %s; if that is meant, run with -update and read the diff. Now:\n%s", name, golden, pretty.Bytes())
			}
		})
	}
}

func TestToolsSayWhatClientsNeed(t *testing.T) {
	r := startRig(t, rigSetup{})
	want := "cancel_run create_context download_file get_process get_result list_contexts list_files run_code run_command stop_context stop_process upload_file"
	if got := strings.Join(r.Tools(), " "); got != want {
		t.Errorf("tools = %s, want %s", got, want)
	}
	for name, tool := range r.tools {
		def := tool.definition()
		a := def.Annotations
		if a.ReadOnlyHint == nil || a.DestructiveHint == nil || a.IdempotentHint == nil || a.OpenWorldHint == nil {
			t.Errorf("%s leaves out a hint, which then counts as the worst: %+v", name, a)
		}
		if a.ReadOnlyHint != nil && *a.ReadOnlyHint && *a.DestructiveHint {
			t.Errorf("%s claims to change nothing and to destroy", name)
		}
		if def.Title == "" || a.Title != def.Title || len(def.Description) < 40 {
			t.Errorf("%s has title %q and description %q", name, def.Title, def.Description)
		}
		if len(name) > 24 {
			t.Errorf("%s has %d characters; editors drop tools whose full name is too long", name, len(name))
		}
		for _, p := range tool.input {
			if p.about == "" || p.kind == "" {
				t.Errorf("the argument %s of %s is not described", p.name, name)
			}
		}
	}
}

// newPool makes a pool that is not run.
func newPool(t *testing.T) *pool.Pool[sandbox.Session] {
	t.Helper()
	p, err := pool.New(pool.Options[sandbox.Session]{New: sandboxtest.NewFake(sandboxtest.FakeOptions{}).Open})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSchemaNamesTheTimeoutThatIsSet(t *testing.T) {
	interp, err := interpreter.New(interpreter.Options{Site: interpreter.NewSite(sandboxtest.NewFake(sandboxtest.FakeOptions{}), newPool(t)), RunTimeout: 12 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Interpreter: interp, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	if schema := string(s.tools["run_code"].input.schema()); !strings.Contains(schema, "Default: 12; at most") {
		t.Errorf("run_code takes %s, want a default of 12 s", schema)
	}
}

// TestDescriptionsPromiseWhatTheBackendKeeps has backends of different abilities.
func TestDescriptionsPromiseWhatTheBackendKeeps(t *testing.T) {
	var opt sandboxtest.FakeOptions
	opt.Traits = func(tr *sandboxTraits) {
		tr.KeepsStateOnInterrupt, tr.SharesFiles, tr.MaxRunTime = false, true, 30e9
		tr.Languages, tr.Note = tr.Languages[:1], "No network."
	}
	r := startRig(t, rigSetup{fake: opt})
	run := r.tools["run_code"]
	for _, want := range []string{"may lose the context's variables", "No network.", "Runs Python in"} {
		if !strings.Contains(run.description, want) {
			t.Errorf("run_code says %q, want %q in it", run.description, want)
		}
	}
	if schema := string(run.input.schema()); !strings.Contains(schema, `"maximum":30`) || !strings.Contains(schema, `"enum":["python"]`) {
		t.Errorf("run_code takes %s, want at most 30 s and Python", schema)
	}
	if d := r.tools["create_context"].description; !strings.Contains(d, "which other contexts may share") {
		t.Errorf("create_context says %q, want shared files in it", d)
	}
}
