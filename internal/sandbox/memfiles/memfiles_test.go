package memfiles_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/memfiles"
)

func write(t *testing.T, f *memfiles.Files, name, content string) {
	t.Helper()
	if _, err := f.Write(name, strings.NewReader(content)); err != nil {
		t.Fatalf("Write(%q) = %v", name, err)
	}
}

func TestListShowsFoldersThatHoldFiles(t *testing.T) {
	f := memfiles.New(100)
	for _, name := range []string{"b", "a/x", "a/deep/er/y", "ab/z"} {
		write(t, f, name, "four")
	}
	tests := []struct {
		folder string
		depth  int
		want   []string
	}{
		{"", 1, []string{"a/", "ab/", "b"}},
		{".", 2, []string{"a/", "a/deep/", "a/x", "ab/", "ab/z", "b"}},
		{"", 9, []string{"a/", "a/deep/", "a/deep/er/", "a/deep/er/y", "a/x", "ab/", "ab/z", "b"}},
		{"a", 1, []string{"a/deep/", "a/x"}},
		{"./a/", 2, []string{"a/deep/", "a/deep/er/", "a/x"}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%q to depth %d", test.folder, test.depth), func(t *testing.T) {
			files, err := f.List(test.folder, test.depth)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]string, len(files))
			for i, each := range files {
				got[i] = each.Path
				if each.IsFolder {
					got[i] += "/"
				}
				if want := int64(4); !each.IsFolder && each.Size != want {
					t.Errorf("%s has size %d, want %d", each.Path, each.Size, want)
				}
				if each.Modified.IsZero() {
					t.Errorf("%s has no time of change", each.Path)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("List = %q, want %q", got, test.want)
			}
		})
	}
}

func TestAFileIsNotAFolder(t *testing.T) {
	f := memfiles.New(100)
	write(t, f, "a/b", "")
	for what, err := range map[string]error{
		"writing a folder":   second(f.Write("a", strings.NewReader(""))),
		"writing below file": second(f.Write("a/b/c", strings.NewReader(""))),
		"listing a file":     second(f.List("a/b", 1)),
		"depth of zero":      second(f.List("a", 0)),
	} {
		if sandbox.CodeOf(err, "") != sandbox.CodeInvalidParams {
			t.Errorf("%s gave %v, want %s", what, err, sandbox.CodeInvalidParams)
		}
	}
	if _, _, err := f.Read("a"); sandbox.CodeOf(err, "") != sandbox.CodeInvalidParams {
		t.Errorf("reading a folder gave %v, want %s", err, sandbox.CodeInvalidParams)
	}
	if _, _, err := f.Read("a/c"); !errors.Is(err, sandbox.ErrFileNotFound) {
		t.Errorf("reading a missing file gave %v, want %v", err, sandbox.ErrFileNotFound)
	}
	if _, err := f.List("c", 1); !errors.Is(err, sandbox.ErrFileNotFound) {
		t.Errorf("listing a missing folder gave %v, want %v", err, sandbox.ErrFileNotFound)
	}
}

func second[T any](_ T, err error) error { return err }

func TestReadGivesWhatWasThereWhenItWasOpened(t *testing.T) {
	f := memfiles.New(100)
	write(t, f, "a", "before")
	reader, described, err := f.Read("a")
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, "a", "later")
	content, err := io.ReadAll(reader)
	if string(content) != "before" || err != nil || described.Size != 6 {
		t.Errorf("read %q, %v of a file of %d bytes, want the 6 of %q", content, err, described.Size, "before")
	}
}

func TestWriteHoldsTheLimitAndTheOldContent(t *testing.T) {
	f := memfiles.New(10)
	write(t, f, "a", "0123456789")
	if _, err := f.Write("a", strings.NewReader("0123456789x")); !errors.Is(err, sandbox.ErrTooLarge) {
		t.Errorf("writing 11 bytes gave %v, want %v", err, sandbox.ErrTooLarge)
	}
	broken := errors.New("the sender went away")
	if _, err := f.Write("a", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("writing from a broken reader gave %v, want %v", err, broken)
	}
	if _, described, err := f.Read("a"); err != nil || described.Size != 10 {
		t.Errorf("the file is now %d bytes long, %v, want the 10 from before", described.Size, err)
	}
}
