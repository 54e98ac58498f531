//go:build unix

package paths

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestEnsurePrivateClosesOurOwnFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o775); err != nil {
		t.Fatal(err)
	}
	if err := CheckPrivate(dir); err == nil || !strings.Contains(err.Error(), "others may enter") {
		t.Errorf("CheckPrivate of a 0775 folder = %v, want an error which says that others may enter", err)
	}
	if err := EnsurePrivate(dir); err != nil {
		t.Errorf("EnsurePrivate = %v", err)
	}
	if err := CheckPrivate(dir); err != nil {
		t.Errorf("CheckPrivate afterwards = %v", err)
	}
}

func TestALinkOfOurOwnIsFollowed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := EnsurePrivate(filepath.Join(dir, "link")); err == nil {
		t.Error("EnsurePrivate of a dangling link succeeded, want an error")
	}
	if err := EnsurePrivate(filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if err := EnsurePrivate(filepath.Join(dir, "link")); err != nil {
		t.Errorf("EnsurePrivate of a link to our folder = %v", err)
	}
}

// stolen is the description of a file which belongs to somebody else; a test cannot make one
// without being root.
type stolen struct{ fs.FileInfo }

func (s stolen) Sys() any {
	st, _ := s.FileInfo.Sys().(*syscall.Stat_t)
	other := *st
	other.Uid++
	return &other
}

func TestSomebodyElsesFolderIsRefused(t *testing.T) {
	info, err := os.Stat(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := owned(info); err != nil {
		t.Errorf("owned(our folder) = %v", err)
	}
	if err := owned(stolen{info}); err == nil || !strings.Contains(err.Error(), "belongs to user") {
		t.Errorf("owned(another's folder) = %v, want an error which names the owner", err)
	}
}

// Root can make the real thing: a folder waiting in /tmp under our name.
func TestASquattedFolderIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "squatted")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, -1); err != nil {
		if os.Getuid() == 0 {
			t.Fatal(err)
		}
		return // only root can give a folder away; the test above covers the rule
	}
	for name, check := range map[string]func(string) error{"EnsurePrivate": EnsurePrivate, "CheckPrivate": CheckPrivate} {
		if err := check(dir); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
			t.Errorf("%s of a squatted folder = %v, want a refusal", name, err)
		}
	}
}
