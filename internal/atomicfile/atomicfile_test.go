package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestWriteReplacesTheWholeFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "settings.json")
	for _, want := range []string{"a long first version", "short", ""} {
		if err := Write(name, []byte(want), 0o600); err != nil {
			t.Fatalf("Write(%q) = %v", want, err)
		}
		if got := read(t, name); got != want {
			t.Errorf("after Write the file holds %q, want %q", got, want)
		}
	}
	onlyFile(t, name)
}

func TestWriteSetsTheMode(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	for _, mode := range []os.FileMode{0o644, 0o600} {
		if err := Write(name, nil, mode); err != nil {
			t.Fatalf("Write = %v", err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("mode = %v, want %v", info.Mode().Perm(), mode)
		}
	}
}

func TestWriteKeepsASymbolicLink(t *testing.T) {
	dir := t.TempDir()
	dotfiles := filepath.Join(dir, "dotfiles")
	if err := os.Mkdir(dotfiles, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink(filepath.Join("dotfiles", "real.json"), link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, []byte("new"), 0o600); err != nil {
		t.Fatalf("Write through a link to a missing file = %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v (%v), want a link still", info.Mode(), err)
	}
	if got := read(t, filepath.Join(dotfiles, "real.json")); got != "new" {
		t.Errorf("the file behind the link holds %q, want %q", got, "new")
	}
}

// TestLinksCountFromWhereTheyAre: a folder is reached by a link, and ".." is not the way back from there.
func TestLinksCountFromWhereTheyAre(t *testing.T) {
	for name, to := range map[string]string{
		"a relative link in a folder that is a link":    "../shared/settings.json",
		"a link by way of a folder that is a link":      "DIR/config/zed/../shared/settings.json",
		"a link to a link that is relative":             "DIR/dotfiles/hop/settings.json",
		"a relative link to a file that is not there":   "../shared/new.json",
		"a link by way of a link to what is not there":  "DIR/config/zed/../shared/new.json",
		"a link into the folder itself, with many dots": ".././zed/../shared/./settings.json",
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.FromSlash(strings.ReplaceAll(to, "DIR", filepath.ToSlash(dir)))
			for _, folder := range []string{"dotfiles/zed", "dotfiles/hop", "dotfiles/shared", "config/shared"} {
				if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			write := func(name string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("config/shared/settings.json")
			write("config/shared/new.json")
			write("dotfiles/shared/settings.json")
			for link, to := range map[string]string{
				"config/zed": filepath.Join(dir, "dotfiles", "zed"), "dotfiles/zed/settings.json": to, "dotfiles/hop/settings.json": "../shared/settings.json",
			} {
				if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			if err := Write(filepath.Join(dir, "config", "zed", "settings.json"), []byte("new"), 0o600); err != nil {
				t.Fatalf("Write = %v", err)
			}
			if got := read(t, filepath.Join(dir, "dotfiles", "shared", filepath.Base(to))); got != "new" {
				t.Errorf("the file behind the links holds %q, want %q", got, "new")
			}
			for _, stranger := range []string{"settings.json", "new.json"} {
				if got := read(t, filepath.Join(dir, "config", "shared", stranger)); got != "old" {
					t.Errorf("a file that no link leads to holds %q", got)
				}
			}
		})
	}
}

func TestWriteRefusesALinkIntoNowhere(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "missing", "f"), link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, nil, 0o600); err == nil || !strings.Contains(err.Error(), "whose folder is not there") {
		t.Errorf("Write = %v, want an error that says what is missing", err)
	}
	onlyFile(t, link)
}

func TestWriteRefusesALinkToItself(t *testing.T) {
	link := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(link, link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, nil, 0o600); err == nil || !strings.Contains(err.Error(), "too many levels") {
		t.Errorf("Write = %v, want an error about too many levels", err)
	}
}

func TestAFailedWriteLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(name, "by a folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := Write(name, []byte("x"), 0o600)
	if err == nil || !strings.Contains(err.Error(), "write "+name) {
		t.Errorf("Write over a folder = %v, want an error which names the file", err)
	}
	onlyFile(t, name)
	if err := Write(filepath.Join(dir, "missing", "f"), nil, 0o600); err == nil {
		t.Error("Write into a missing folder succeeded, want an error")
	}
}

// A reader beside a busy writer never sees half a file.
func TestReadersSeeWholeFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	size := 64 << 10
	version := func(n int) []byte { return bytes.Repeat([]byte{byte('a' + n%26)}, size) }
	if err := Write(name, version(0), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for n := range 50 {
			if err := Write(name, version(n), 0o600); err != nil {
				t.Errorf("Write = %v", err)
			}
		}
	})
	for open := true; open; {
		select {
		case <-done:
			open = false
		default:
		}
		data := []byte(read(t, name))
		if len(data) != size || bytes.Count(data, data[:1]) != size {
			t.Fatalf("read %d bytes starting with %q, want %d equal ones", len(data), data[:1], size)
		}
	}
	wg.Wait()
	onlyFile(t, name)
}

// TestWriteIfAsksLast: once the new bytes are whole, so that whoever changes the old file while they are written is noticed.
func TestWriteIfAsksLast(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	no := errors.New("it was changed")
	for _, answer := range []error{no, nil} {
		asked := 0
		err := WriteIf(name, []byte("new"), 0o600, func() error {
			asked++
			left, err := filepath.Glob(filepath.Join(dir, ".f.unfinished-*"))
			if err != nil || len(left) != 1 || read(t, left[0]) != "new" || read(t, name) != "old" {
				t.Errorf("asked, when there is %v (%v) beside %q", left, err, read(t, name))
			}
			return answer
		})
		if !errors.Is(err, answer) || asked != 1 {
			t.Errorf("WriteIf = %v, asked %d times; want %v, asked once", err, asked, answer)
		}
		onlyFile(t, name)
	}
	if got := read(t, name); got != "new" {
		t.Errorf("after WriteIf the file holds %q", got)
	}
}

// TestSweepTakesWhatAKillHasLeft: and nothing that anybody else, or a Write of another file, may have put there.
func TestSweepTakesWhatAKillHasLeft(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "dotfiles", "mcp.json"), filepath.Join(dir, "mcp.json")
	for _, folder := range []string{filepath.Dir(target), filepath.Join(filepath.Dir(target), "."+"mcp.json.unfinished-"+strings.Repeat("C", 26))} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	left, ofAnother := freshName(target), freshName(filepath.Join(filepath.Dir(target), "other.json"))
	strangers := []string{".mcp.json.123.tmp", ".mcp.json.unfinished-1", "mcp.json.unfinished-" + strings.Repeat("A", 26), ".mcp.json.unfinished-" + strings.Repeat("a", 26)}
	for _, name := range append([]string{left, ofAnother, target}, strangers...) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(target), name)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-2*abandonedAfter)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(link); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(left); !os.IsNotExist(err) || len(entries) != len(strangers)+3 {
		t.Errorf("after Sweep there are %v (%v), want all but %s", entries, err, filepath.Base(left))
	}
	if err := SweepFolder(filepath.Dir(target)); err != nil {
		t.Fatal(err)
	}
	if entries, err = os.ReadDir(filepath.Dir(target)); err != nil || len(entries) != len(strangers)+2 {
		t.Errorf("after SweepFolder there are %v (%v), want nothing unfinished", entries, err)
	}
	if err := SweepFolder(filepath.Join(dir, "missing")); err != nil {
		t.Errorf("SweepFolder of a folder that is not there = %v", err)
	}
}

// TestSweepLeavesAWriteThatGoesOn: not all who write a file share a lock, as installations with folders of their own do not.
func TestSweepLeavesAWriteThatGoesOn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mcp.json")
	err := WriteIf(name, []byte("new"), 0o600, func() error { return errors.Join(Sweep(name), SweepFolder(filepath.Dir(name))) })
	if err != nil {
		t.Errorf("WriteIf beside Sweep = %v", err)
	}
	onlyFile(t, name)
}

func TestKeepAsideNeverOverwrites(t *testing.T) {
	name := filepath.Join(t.TempDir(), "config.json")
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for n, want := range []string{".broken-20260304-050607", ".broken-20260304-050607-2", ".broken-20260304-050607-3"} {
		text := fmt.Sprintf("broken %d", n)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		kept, err := KeepAside(name, now)
		if err != nil || kept != name+want {
			t.Fatalf("KeepAside = %q, %v; want %q", kept, err, name+want)
		}
		if got := read(t, kept); got != text {
			t.Errorf("%s holds %q, want %q", kept, got, text)
		}
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("the broken file is still there (%v)", err)
		}
	}
	if kept, err := KeepAside(name, now); err == nil {
		t.Errorf("KeepAside of a missing file = %q, want an error", kept)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func onlyFile(t *testing.T, name string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != filepath.Base(name) {
		t.Errorf("folder holds %v, want only %s", entries, filepath.Base(name))
	}
}
