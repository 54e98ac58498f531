package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest/manifest"
)

// The package guest itself is the best example of a tree; its manifest is written into a copy.
func copyOfGuest(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join("..", "..", ".."))); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestRunWritesTheManifest(t *testing.T) {
	root := copyOfGuest(t)
	path := filepath.Join(root, "dist", "manifest.json")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-tool", "clang=another", root}, io.Discard); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Decode(text)
	if err != nil || m.Tools["clang"] != "another" || len(m.Artifacts) != 4 {
		t.Errorf("the manifest holds %+v, %v", m.Tools, err)
	}

	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"python/aio.py", "python/kernel.c"} {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run([]string{"-library", root}, io.Discard); err != nil {
		t.Fatal(err)
	}
	text, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	old, err := manifest.Decode(before)
	if err != nil {
		t.Fatal(err)
	}
	m, err = manifest.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	var renewed []string
	for i, f := range m.Inputs {
		if f != old.Inputs[i] {
			renewed = append(renewed, f.Path)
		}
	}
	if !slices.Equal(renewed, []string{"python/aio.py"}) || m.Tools["clang"] != old.Tools["clang"] {
		t.Errorf("-library renewed %v and the tools are %v; want aio.py alone, as nothing else of the change was built", renewed, m.Tools)
	}
}

func TestRunRefuses(t *testing.T) {
	empty := t.TempDir()
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"no folder", "want the folder", nil},
		{"a tool without a version", "not NAME=VERSION", []string{"-tool", "clang", empty}},
		{"a folder of another kind", "measure", []string{empty}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := run(c.args, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("run(%q) = %v, want an error with %q", c.args, err, c.want)
			}
		})
	}
}
