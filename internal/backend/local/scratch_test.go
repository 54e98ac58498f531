package local

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// names gives what is in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// crash leaves a home the way a process does that ends in the middle of its work.
func crash(t *testing.T, h *home) {
	t.Helper()
	if err := h.lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustHome(t *testing.T, root string) *home {
	t.Helper()
	h, err := newHome(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSweepRemovesWhatACrashLeft(t *testing.T) {
	root := filepath.Join(t.TempDir(), "scratch")
	crash(t, mustHome(t, root))
	crash(t, mustHome(t, root))
	lockOnly := mustHome(t, root) // it crashed while it removed itself
	if err := os.RemoveAll(lockOnly.dir); err != nil {
		t.Fatal(err)
	}
	crash(t, lockOnly)
	folderOnly := mustHome(t, root)
	crash(t, folderOnly)
	if err := os.Remove(folderOnly.lock.Name()); err != nil {
		t.Fatal(err)
	}
	if got := len(names(t, root)); got != 6 {
		t.Fatalf("the root holds %q, want three folders and three locks", names(t, root))
	}
	if err := Sweep(root); err != nil {
		t.Errorf("Sweep = %v", err)
	}
	if got := names(t, root); got != nil {
		t.Errorf("Sweep left %q", got)
	}
}

func TestSweepLeavesWhatIsInUse(t *testing.T) {
	root := t.TempDir()
	used := mustHome(t, root)
	if err := Sweep(root); err != nil {
		t.Errorf("Sweep = %v", err)
	}
	if _, err := os.Stat(filepath.Join(used.dir, "file")); err != nil {
		t.Errorf("the file of a running backend is gone: %v", err)
	}
	if err := used.remove(); err != nil {
		t.Errorf("remove = %v", err)
	}
	if err := used.remove(); err != nil {
		t.Errorf("remove again = %v", err)
	}
	if got := names(t, root); got != nil {
		t.Errorf("remove left %q", got)
	}
}

func TestSweepLeavesWhatIsNotOurs(t *testing.T) {
	root := t.TempDir()
	for _, folder := range []string{"local", "local-", "local-0123456789abcde", "local-0123456789ABCDEF", "local-0123456789abcdef0", "notes"} {
		if err := os.MkdirAll(filepath.Join(root, folder, "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"local-0000000000000001", "other.lock", ".lock"} {
		if err := os.WriteFile(filepath.Join(root, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := names(t, root)
	if err := Sweep(root); err != nil {
		t.Errorf("Sweep = %v", err)
	}
	if after := names(t, root); !slices.Equal(after, before) {
		t.Errorf("the root holds %q, want %q as before", after, before)
	}
}

func TestSweepOfAMissingRootIsASuccess(t *testing.T) {
	if err := Sweep(filepath.Join(t.TempDir(), "never-made")); err != nil {
		t.Errorf("Sweep = %v", err)
	}
}

func TestSweepsAndNewHomesDoNotMeet(t *testing.T) {
	root := t.TempDir()
	var working sync.WaitGroup
	for range 4 {
		working.Go(func() {
			for range 30 {
				h, err := newHome(root)
				if err != nil {
					t.Errorf("newHome = %v", err)
					return
				}
				if _, err := os.Stat(h.dir); err != nil {
					t.Errorf("a home was removed under its owner: %v", err)
				}
				if err := h.remove(); err != nil {
					t.Errorf("remove = %v", err)
				}
			}
		})
		working.Go(func() {
			for range 60 {
				if err := Sweep(root); err != nil {
					t.Errorf("Sweep = %v", err)
				}
			}
		})
	}
	working.Wait()
	if err := Sweep(root); err != nil {
		t.Errorf("Sweep = %v", err)
	}
	if got := names(t, root); got != nil {
		t.Errorf("%q are left", got)
	}
}
