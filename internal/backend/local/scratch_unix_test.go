//go:build unix

package local

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestHomesAreOpenToTheirOwnerOnly(t *testing.T) {
	root := filepath.Join(t.TempDir(), "deep", "scratch")
	h := mustHome(t, root)
	defer func() {
		if err := h.remove(); err != nil {
			t.Error(err)
		}
	}()
	for _, path := range []string{root, h.dir, h.lock.Name()} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if perm := info.Mode() & fs.ModePerm & 0o077; perm != 0 {
			t.Errorf("%s gives others %o, want nothing", path, perm)
		}
	}
}

func TestSweepDoesNotFollowLinks(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := mustHome(t, root) // abandoned, with a link out of it
	for _, link := range []string{filepath.Join(h.dir, "link"), filepath.Join(root, "local-0000000000000002")} {
		if err := os.Symlink(outside, link); err != nil {
			t.Fatal(err)
		}
	}
	crash(t, h)
	if err := Sweep(root); err != nil {
		t.Errorf("Sweep = %v", err)
	}
	if got := names(t, root); len(got) != 1 || got[0] != "local-0000000000000002" {
		t.Errorf("the root holds %q, want the link that is not ours and nothing else", got)
	}
	if got := names(t, outside); len(got) != 1 {
		t.Errorf("the folder behind the links holds %q, want its file", got)
	}
}
