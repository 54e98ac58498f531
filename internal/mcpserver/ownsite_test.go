package mcpserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// TestFilesAndLossesAreThoseOfTheContextsOwnSite has new contexts made on a backend that takes small files and keeps them longer.
func TestFilesAndLossesAreThoseOfTheContextsOwnSite(t *testing.T) {
	folder := t.TempDir()
	r := startRig(t, rigSetup{options: Options{AllowedFolders: func() []string { return []string{folder} }}})
	cs := r.connect(t, Unix, legacy, nil)
	made := do(t, cs, "create_context", map[string]any{"name": "a"})
	small := sandboxtest.NewFake(sandboxtest.FakeOptions{Name: "small", Traits: func(traits *sandboxTraits) { traits.MaxFileSize, traits.SharesFiles = 10, true }})
	r.interp.Use(interpreter.NewSite(small, newPool(t)), nil)

	content := strings.Repeat("x", 100)
	local := filepath.Join(folder, "in.txt")
	if err := os.WriteFile(local, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []map[string]any{{"content": content}, {"content": strings.Repeat("eHh4", 25), "encoding": "base64"}, {"local_path": local}} {
		args["path"] = "f"
		if code, sentence := refused(t, cs, "upload_file", args); code != "TOO_LARGE" {
			t.Errorf("upload_file(%v) = %s: %s, want TOO_LARGE where a new context would be", args, code, sentence)
		}
		args["context_id"] = made["context_id"]
		if up := do(t, cs, "upload_file", args); up["context_id"] != made["context_id"] {
			t.Errorf("upload_file(%v) = %v", args, up)
		}
	}
	if stopped := do(t, cs, "stop_context", map[string]any{"context_id": made["context_id"]}); stopped["message"] != "The context has ended: its variables and files are gone." {
		t.Errorf("stop_context = %v, want what ends on the context's own backend", stopped["message"])
	}
}
