package editors

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWriteIntoWhatChanged: between reading and writing somebody else has written. Their bytes stay.
func TestWriteIntoWhatChanged(t *testing.T) {
	name := filepath.Join(t.TempDir(), "settings.json")
	missing := image{path: name, mode: newFile}
	mine := image{path: name, exists: true, text: []byte("mine"), mode: newFile}
	theirs := image{path: name, exists: true, text: []byte("theirs"), mode: newFile}
	for what, before := range map[string]image{"there was no file": missing, "there was another text": mine} {
		if err := os.WriteFile(name, theirs.text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, then := range []image{mine, missing} {
			if _, err := then.write(before); !errors.Is(err, errMoved) {
				t.Errorf("%s: write = %v, want errMoved", what, err)
			}
			if now, err := look(name); err != nil || !now.is(theirs) {
				t.Errorf("%s: the file holds %q (%v), want theirs", what, now.text, err)
			}
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, err := mine.write(theirs); !errors.Is(err, errMoved) {
		t.Errorf("write into what was removed = %v, want errMoved", err)
	}
	if _, err := mine.write(missing); err != nil {
		t.Errorf("write = %v", err)
	}
}

func TestDifference(t *testing.T) {
	file := func(text string) image { return image{path: "/f", exists: true, text: []byte(text)} }
	for _, tc := range []struct {
		name          string
		before, after image
		want          string
	}{
		{"a new file", image{path: "/f"}, file("a\n"), "--- /dev/null\n+++ /f\n@@ -0,0 +1,1 @@\n+a\n"},
		{"a file that goes", file("a\n"), image{path: "/f"}, "--- /f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n"},
		{"a token", file(""), file("Bearer art_ABC123\n"), "--- /f\n+++ /f\n@@ -0,0 +1,1 @@\n+Bearer art_…\n"},
	} {
		if got := difference(tc.before, tc.after); got != tc.want {
			t.Errorf("%s: the diff is\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}

// TestWhatTheFileSystemRefusesCanBeMended: the sentence says by what.
func TestWhatTheFileSystemRefusesCanBeMended(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.EACCES: "see whom it and its folder belong to",
		syscall.ENOSPC: "make room on the disk and try again",
		errMoved:       "it was changed in the same moment",
	} {
		if err := leftAlone("/f", cause); !errors.Is(err, cause) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("of %v it is said %q, want %q", cause, err, want)
		}
	}
}
