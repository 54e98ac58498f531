package editors

import (
	"errors"
	"os"
	"path/filepath"
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

func TestUnified(t *testing.T) {
	file := func(text string) image { return image{path: "/f", exists: true, text: []byte(text)} }
	for _, tc := range []struct {
		name          string
		before, after image
		want          string
	}{
		{"nothing", file("a\n"), file("a\n"), ""},
		{"a new file", image{}, file("a\nb"), "--- /dev/null\n+++ /f\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"},
		{"a file that goes", file("a\n"), image{}, "--- /f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n"},
		{"three lines around", file("1\n2\n3\n4\n5\n6\n7\n8\n"), file("1\n2\n3\n4\nx\n6\n7\n8\n"), "--- /f\n+++ /f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
		{"a token", file(""), file("Bearer art_ABC123\n"), "--- /f\n+++ /f\n@@ -0,0 +1,1 @@\n+Bearer art_…\n"},
		{"Windows", file("a\r\n"), file("a\r\nb\r\n"), "--- /f\n+++ /f\n@@ -1,1 +1,2 @@\n a\n+b\n"},
	} {
		if got := unified("/f", tc.before, tc.after); got != tc.want {
			t.Errorf("%s: the diff is\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}
