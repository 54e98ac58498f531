//go:build unix

package editors_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

// TestDiskFull connects where a file cannot grow: the copy fits, what is to be written does not; and then where the copy does not
// fit either. The limit is set in a child, which it would otherwise be set in for good.
func TestDiskFull(t *testing.T) {
	if limit := os.Getenv("EDITORS_TEST_LIMIT"); limit != "" {
		fullDisk(t, limit)
		return
	}
	original := []byte(`{"note": "` + strings.Repeat("x", 4000) + `"}`)
	for _, tc := range []struct {
		name string
		room int
		want string
	}{{"the file", 10, "left as it was"}, {"the copy", -1000, "nothing was changed: keep a copy"}} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t, "cursor")
			h.put(t, "cursor", original)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiskFull$", "-test.v")
			cmd.Env = append(os.Environ(), "EDITORS_TEST_HOME="+h.dir, "EDITORS_TEST_LIMIT="+strconv.Itoa(len(original)+tc.room))
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("Cursor: ")) || !bytes.Contains(out, []byte(tc.want)) || !bytes.Contains(out, []byte("file too large")) {
				t.Errorf("Connect without room said %q (%v), want %q", out, err, tc.want)
			}
			h.unchanged(t, "cursor", original)
			h.noTrace(t, "cursor")
			if st := h.look(t, "cursor"); st.State != editors.Found || st.Lost {
				t.Errorf("afterwards it is %+v", st)
			}
			connect(t, h, "cursor") // once there is room
		})
	}
}

func fullDisk(t *testing.T, limit string) {
	signal.Ignore(syscall.SIGXFSZ)
	size, err := strconv.ParseUint(limit, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size}); err != nil {
		t.Fatal(err)
	}
	home := os.Getenv("EDITORS_TEST_HOME")
	set, err := editors.New(editors.Options{
		System: editors.System{GOOS: "linux", Getenv: func(name string) string { return map[string]string{"HOME": home}[name] }},
		Folder: filepath.Join(home, "ours", "editors"), Command: command,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.Connect(t.Context(), "cursor", editors.Wish{})
	t.Log(err)
}

// TestAFolderThatMayNotBeWritten is a folder of somebody else, or one mounted read-only.
func TestAFolderThatMayNotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("the superuser may write everywhere; a file in place of the folder stands in")
		h := newHome(t, "kiro")
		if err := os.WriteFile(filepath.Dir(h.file("kiro")), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.set.Connect(t.Context(), "kiro", editors.Wish{}); err == nil || !strings.Contains(err.Error(), "not a directory") {
			t.Errorf("Connect = %v", err)
		}
		return
	}
	h := newHome(t, "cursor")
	h.put(t, "cursor", []byte("{}"))
	folder := filepath.Dir(h.file("cursor"))
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	if _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{}); err == nil || !strings.Contains(err.Error(), "left as it was") {
		t.Errorf("Connect = %v, want that the file was left as it was", err)
	}
	h.unchanged(t, "cursor", []byte("{}"))
}

// TestFilesOfAnotherUserAreNotTakenFromHim: with sudo, the home is still the user's.
func TestFilesOfAnotherUserAreNotTakenFromHim(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("only the superuser can try this")
		return
	}
	const user = 1234
	for _, there := range []bool{true, false} {
		h := newHome(t, "kiro")
		if there {
			h.put(t, "kiro", []byte("{}"))
			if err := os.Chown(h.file("kiro"), user, user); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(filepath.Join(h.dir, ".kiro"), user, user); err != nil {
			t.Fatal(err)
		}
		if _, err := h.set.Connect(t.Context(), "kiro", editors.Wish{}); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
			t.Errorf("with a file: %v, Connect = %v, want it refused", there, err)
		}
		if there {
			h.unchanged(t, "kiro", []byte("{}"))
		} else if _, err := os.Stat(filepath.Dir(h.file("kiro"))); !os.IsNotExist(err) {
			t.Errorf("a folder was made (%v)", err)
		}
	}
}

// TestAFileThatIsAboutToBeWritten is empty for a moment: its editor has opened it anew, and writes into it next.
func TestAFileThatIsAboutToBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, "cursor")
		h.put(t, "cursor", []byte(`{"mcpServers": {"old": {}}}`))
		file, err := os.OpenFile(h.file("cursor"), os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(100 * time.Millisecond)
			_, err := file.WriteString(`{"mcpServers": {"new": {}}}`)
			if err := errors.Join(err, file.Close()); err != nil {
				t.Error(err)
			}
		}()
		connect(t, h, "cursor")
		synctest.Wait()
		if got := h.get(t, "cursor"); !bytes.Contains(got, []byte(`"new"`)) || !bytes.Contains(got, []byte("agentrun")) {
			t.Errorf("the file holds %q, want what its editor has written, and ours", got)
		}
	})
}

func TestAFileThatWasClosedIsNotOpenedByUndo(t *testing.T) {
	h := newHome(t, "cursor")
	h.put(t, "cursor", []byte("{}"))
	connect(t, h, "cursor")
	if err := os.Chmod(h.file("cursor"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.set.Undo(t.Context(), "cursor"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(h.file("cursor")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("after Undo the file has the mode %v (%v), want 0600", info.Mode(), err)
	}
}

// TestWhatAKillHasLeftIsTakenAway by the next change of the editor after a while, even by one that finds nothing to do.
func TestWhatAKillHasLeftIsTakenAway(t *testing.T) {
	for _, tc := range []struct {
		name string
		next func(h *home) error
	}{
		{"connect", func(h *home) error { _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{}); return err }},
		{"disconnect", func(h *home) error { _, err := h.set.Disconnect(t.Context(), "cursor", editors.Wish{}); return err }},
		{"undo", func(h *home) error {
			if _, err := h.set.Undo(t.Context(), "cursor"); !errors.Is(err, editors.ErrNoUndo) {
				return err
			}
			return nil
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t, "cursor")
			h.put(t, "cursor", []byte("{}"))
			copies := filepath.Join(h.opt.Folder, "cursor")
			if err := os.MkdirAll(copies, 0o700); err != nil {
				t.Fatal(err)
			}
			end := ".unfinished-" + strings.Repeat("A", 26)
			mine := []string{filepath.Join(filepath.Dir(h.file("cursor")), ".mcp.json"+end), filepath.Join(copies, ".journal.json"+end), filepath.Join(copies, ".0001-1-mcp.json"+end)}
			then := time.Now().Add(-time.Hour)
			for _, name := range mine {
				if err := errors.Join(os.WriteFile(name, []byte("{"), 0o600), os.Chtimes(name, then, then)); err != nil {
					t.Fatal(err)
				}
			}
			if err := tc.next(h); err != nil {
				t.Fatal(err)
			}
			for _, name := range mine {
				if _, err := os.Lstat(name); !os.IsNotExist(err) {
					t.Errorf("%s is still there (%v)", name, err)
				}
			}
		})
	}
}

// TestHardLinksAreNotCutInSilence: the other name is the user's, perhaps in a repository of such files.
func TestHardLinksAreNotCutInSilence(t *testing.T) {
	h := newHome(t, "cursor")
	h.put(t, "cursor", []byte("{}"))
	if err := os.Link(h.file("cursor"), filepath.Join(h.dir, "mine.json")); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		out, err := h.set.Connect(t.Context(), "cursor", editors.Wish{DryRun: dry})
		if err != nil || !strings.Contains(out.Note(), h.file("cursor")+" has other names") {
			t.Errorf("with dry run: %v, Connect = %q, %v; want that the file has other names", dry, out.Note(), err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(h.dir, "mine.json")); err != nil || string(text) != "{}" {
		t.Errorf("the other name holds %q (%v), want what it held", text, err)
	}
	if out, err := h.set.Disconnect(t.Context(), "cursor", editors.Wish{}); err != nil || out.Note() != "" {
		t.Errorf("Disconnect of what has one name again = %q, %v", out.Note(), err)
	}
}
