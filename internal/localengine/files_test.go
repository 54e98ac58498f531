package localengine

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	esys "github.com/tetratelabs/wazero/experimental/sys"
)

func newScratch(t *testing.T, quota Quota) *scratch {
	t.Helper()
	s, err := openScratch(t.TempDir(), quota.withDefaults())
	must(t, err)
	t.Cleanup(func() { must(t, s.close()) })
	return s
}

func put(t *testing.T, s *scratch, path, content string) {
	t.Helper()
	if n, err := s.put(path, strings.NewReader(content)); err != nil || n != int64(len(content)) {
		t.Fatalf("put %s = %d, %v", path, n, err)
	}
}

func read(t *testing.T, s *scratch, path string) string {
	t.Helper()
	file, _, err := s.openForReading(path)
	must(t, err)
	b, err := io.ReadAll(file)
	must(t, err)
	must(t, file.Close())
	return string(b)
}

func paths(infos []FileInfo) (names []string) {
	for _, info := range infos {
		names = append(names, info.Path)
	}
	return names
}

func TestPathsAreKeptInside(t *testing.T) {
	for _, c := range []struct {
		path, want string
		err        error
	}{
		{"a", "a", nil},
		{"a/b", "a/b", nil},
		{"./a//b/", "a/b", nil},
		{"a/../b", "b", nil},
		{"", ".", nil},
		{".", ".", nil},
		{"/scratch", ".", nil},
		{"/scratch/", ".", nil},
		{"/scratch/a", "a", nil},
		{"/scratch/../scratch/a", "a", nil},
		{"..", "", ErrOutside},
		{"../a", "", ErrOutside},
		{"a/../../b", "", ErrOutside},
		{"/etc/passwd", "", ErrOutside},
		{"/", "", ErrOutside},
		{"/scratchy/a", "", ErrOutside},
		{"/scratch/../etc", "", ErrOutside},
		{"a\x00b", "", ErrName},
	} {
		if got, err := inside(c.path); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("inside(%q) = %q, %v, want %q, %v", c.path, got, err, c.want, c.err)
		}
	}
}

func FuzzPathsAreKeptInside(f *testing.F) {
	for _, seed := range []string{"a/../../b", "/scratch/../x", "./.", "a\\..\\..\\b", "//scratch//", "..\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		got, err := inside(p)
		if err == nil && !fs.ValidPath(got) && strings.ToValidUTF8(got, "") == got {
			t.Errorf("inside(%q) = %q, which is not a path beneath the folder", p, got)
		}
	})
}

func TestHostWritesAndReadsFiles(t *testing.T) {
	s := newScratch(t, Quota{})
	put(t, s, "a.txt", "hello")
	put(t, s, "/scratch/deep/er/b", "b")
	if got := read(t, s, "a.txt"); got != "hello" {
		t.Errorf("a.txt = %q", got)
	}
	put(t, s, "a.txt", "other")
	if got := read(t, s, "/scratch/a.txt"); got != "other" {
		t.Errorf("a.txt after writing it again = %q", got)
	}
	must(t, s.mkdirAll("empty/folder"))
	must(t, s.mkdirAll("empty/folder"))
	for _, c := range []struct {
		path  string
		depth int
		want  []string
	}{
		{".", 1, []string{"a.txt", "deep", "empty"}},
		{".", 2, []string{"a.txt", "deep", "deep/er", "empty", "empty/folder"}},
		{"/scratch", 0, []string{"a.txt", "deep", "deep/er", "deep/er/b", "empty", "empty/folder"}},
		{"deep", 0, []string{"deep/er", "deep/er/b"}},
	} {
		got, err := s.list(c.path, c.depth)
		if err != nil || !slices.Equal(paths(got), c.want) {
			t.Errorf("list(%q, %d) = %q, %v, want %q", c.path, c.depth, paths(got), err, c.want)
		}
	}
	info, err := s.stat("a.txt")
	if err != nil || info.Path != "a.txt" || info.Size != 5 || info.Folder || time.Since(info.ModTime) > time.Minute {
		t.Errorf("stat = %+v, %v", info, err)
	}
	must(t, s.removeAll("deep"))
	must(t, s.removeAll("a.txt"))
	must(t, s.removeAll("empty/folder"))
	if got, err := s.list(".", 0); err != nil || !slices.Equal(paths(got), []string{"empty"}) {
		t.Errorf("after removing: %q, %v", paths(got), err)
	}
	if size, count := s.usage(); size != 0 || count != 1 {
		t.Errorf("usage = %d bytes, %d files, want 0 and 1", size, count)
	}
}

func TestHostFileErrors(t *testing.T) {
	s := newScratch(t, Quota{Bytes: 1000, Files: 5, Depth: 4})
	put(t, s, "f", "1")
	must(t, s.mkdirAll("d"))
	put(t, s, "d/inner", "")
	try := func(path string) error { _, err := s.put(path, strings.NewReader("x")); return err }
	open := func(path string) error { _, _, err := s.openForReading(path); return err }
	list := func(path string) error { _, err := s.list(path, 1); return err }
	_, tooLarge := s.put("large", bytes.NewReader(make([]byte, 2000)))
	_, broken := s.put("broken", iotest.ErrReader(io.ErrUnexpectedEOF))
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"read what is not there", open("nothing"), fs.ErrNotExist},
		{"read a folder", open("d"), ErrIsFolder},
		{"read outside", open("../x"), ErrOutside},
		{"read beneath a file", open("f/x"), ErrNotFolder},
		{"list a file", list("f"), ErrNotFolder},
		{"list what is not there", list("nothing"), fs.ErrNotExist},
		{"write outside", try("/etc/x"), ErrOutside},
		{"write over a folder", try("d"), ErrIsFolder},
		{"write the folder itself", try("."), ErrIsFolder},
		{"write beneath a file", try("f/x"), ErrNotFolder},
		{"write with a NUL", try("a\x00"), ErrName},
		{"write with a backslash", try(`a\b`), ErrName},
		{"write a long name", try(strings.Repeat("n", 300)), ErrName},
		{"write too deep", try("1/2/3/4/5"), ErrName},
		{"write too much", tooLarge, ErrQuota},
		{"write what cannot be read", broken, io.ErrUnexpectedEOF},
		{"make a folder over a file", s.mkdirAll("f"), ErrNotFolder},
		{"make a folder outside", s.mkdirAll(".."), ErrOutside},
		{"remove what is not there", s.removeAll("nothing"), fs.ErrNotExist},
		{"remove the folder itself", s.removeAll("."), fs.ErrPermission},
		{"remove outside", s.removeAll("../x"), ErrOutside},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
	if got, err := s.list(".", 0); err != nil || !slices.Equal(paths(got), []string{"d", "d/inner", "f"}) {
		t.Errorf("left after failures: %q, %v", paths(got), err)
	}
	if left, err := filepath.Glob(filepath.Join(s.root.Name(), ".arriving-*")); err != nil || len(left) != 0 {
		t.Errorf("unfinished files left behind: %q, %v", left, err)
	}
	if size, _ := s.usage(); size != 1 {
		t.Errorf("%d bytes booked after failures, want 1", size)
	}
}

func TestHostAndGuestSeeTheSameFiles(t *testing.T) {
	b := newBench(t, shared, Python)
	_, err := shared.WriteFile(b.id, "in/data.csv", strings.NewReader("a,b\n1,2\n"))
	must(t, err)
	b.run("import csv, os; rows = list(csv.DictReader(open('in/data.csv'))); rows[0]['b'], os.listdir('.')").wants(t, "read", "= ('2', ['in'])")
	b.run("open('out.txt', 'w').write('written by the guest')").wants(t, "write", "= 20")
	if got, err := shared.ReadFile(b.id, "/scratch/out.txt", 100); err != nil || string(got) != "written by the guest" {
		t.Errorf("ReadFile = %q, %v", got, err)
	}
	if _, err := shared.ReadFile(b.id, "out.txt", 10); !errors.Is(err, ErrTooLarge) {
		t.Errorf("ReadFile over its limit = %v, want ErrTooLarge", err)
	}
	file, info, err := shared.Open(b.id, "out.txt")
	must(t, err)
	b.run("os.remove('out.txt')").wants(t, "remove", "")
	if _, err := file.Seek(-5, io.SeekEnd); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(file); err != nil || string(rest) != "guest" || info.Size != 20 {
		t.Errorf("an open file that was removed = %q, %v, %+v", rest, err, info)
	}
	must(t, file.Close())
	must(t, shared.MakeFolder(b.id, "made/by/host"))
	must(t, shared.Remove(b.id, "in"))
	b.run("sorted(os.listdir('.')), os.path.isdir('made/by/host')").wants(t, "list", "= (['made'], True)")
	if infos, err := shared.List(b.id, "", 0); err != nil || !slices.Equal(paths(infos), []string{"made", "made/by", "made/by/host"}) {
		t.Errorf("List = %v, %v", infos, err)
	}
	if info, err := shared.Stat(b.id, "made"); err != nil || !info.Folder {
		t.Errorf("Stat = %+v, %v", info, err)
	}
}

func TestHostTouchesFilesWhileACellRuns(t *testing.T) {
	b := newBench(t, shared, Python)
	running := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := shared.Run(t.Context(), b.id, "import os\nprint('x')\nopen('from-guest', 'w').write('1')\nwhile not os.path.exists('stop'): pass", func(Event) { close(running) })
		if err != nil {
			t.Error(err)
		}
	})
	<-running
	for i := range 20 {
		if _, err := shared.WriteFile(b.id, "data", bytes.NewReader(make([]byte, i*1000))); err != nil {
			t.Error(err)
		}
		if _, err := shared.List(b.id, ".", 0); err != nil {
			t.Error(err)
		}
	}
	if _, err := shared.WriteFile(b.id, "stop", strings.NewReader("")); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func TestUploadTakesPlaceAsAWhole(t *testing.T) {
	s := newScratch(t, Quota{Bytes: 3000, Files: 3})
	put(t, s, "f", strings.Repeat("o", 2000))
	reader, writer := io.Pipe()
	ended := make(chan error)
	go func() { _, err := s.put("f", reader); ended <- err }()
	_, err := writer.Write(bytes.Repeat([]byte("n"), 1500))
	must(t, err)
	if got := read(t, s, "f"); !strings.HasPrefix(got, "oo") || len(got) != 2000 {
		t.Error("a file is seen before it has arrived")
	}
	_, err = writer.Write(bytes.Repeat([]byte("n"), 1000)) // over what is left, but not when the old one is gone
	must(t, err)
	must(t, writer.Close())
	must(t, <-ended)
	if got := read(t, s, "f"); len(got) != 2500 || !strings.HasPrefix(got, "nn") {
		t.Errorf("after it arrived there are %d bytes", len(got))
	}
	if size, count := s.usage(); size != 2500 || count != 1 {
		t.Errorf("usage = %d bytes, %d files, want 2500 and 1", size, count)
	}
}

func TestGoneInstanceHasNoFiles(t *testing.T) {
	b := newBench(t, shared, Python)
	reader, writer := io.Pipe()
	ended := make(chan error)
	go func() { _, err := shared.WriteFile(b.id, "f", reader); ended <- err }()
	_, err := writer.Write([]byte("begun"))
	must(t, err)
	must(t, shared.Destroy(t.Context(), b.id))
	must(t, writer.Close())
	if err := <-ended; !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("WriteFile whose instance was destroyed = %v, want ErrUnknownInstance", err)
	}
	if _, err := shared.List(b.id, ".", 1); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("List = %v, want ErrUnknownInstance", err)
	}
}

// The books of the tree must agree with the disk, whatever the guest does.
func TestBooksAgreeWithTheDisk(t *testing.T) {
	s := newScratch(t, Quota{Bytes: 20000, Files: 12, Depth: 3, OpenFiles: 6})
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/f", "x/y"}
	name := func() string { return names[random.IntN(len(names))] }
	var open []esys.File
	for range 20000 {
		switch random.IntN(12) {
		case 0, 1, 2:
			flags := []esys.Oflag{esys.O_RDONLY, esys.O_RDWR | esys.O_CREAT, esys.O_WRONLY | esys.O_CREAT | esys.O_TRUNC, esys.O_RDWR | esys.O_APPEND, esys.O_WRONLY | esys.O_CREAT | esys.O_EXCL}
			if f, errno := s.OpenFile(name(), flags[random.IntN(len(flags))], 0o600); errno == 0 {
				open = append(open, f)
			}
		case 3, 4:
			if len(open) > 0 {
				i := random.IntN(len(open))
				open[i].Close()
				open = slices.Delete(open, i, i+1)
			}
		case 5, 6:
			if len(open) > 0 {
				f := open[random.IntN(len(open))]
				f.Write(make([]byte, random.IntN(6000)))
				f.Seek(int64(random.IntN(8000)), random.IntN(3))
			}
		case 7:
			if len(open) > 0 {
				open[random.IntN(len(open))].Truncate(int64(random.IntN(9000)))
			}
		case 8:
			s.Unlink(name())
		case 9:
			s.Mkdir(name(), 0o700)
		case 10:
			s.Rmdir(name())
		case 11:
			s.Rename(name(), name())
		}
	}
	if len(open) != s.opened() {
		t.Errorf("%d files are open, the books say %d", len(open), s.opened())
	}
	for _, f := range open {
		f.Close()
	}
	var size int64
	count := -1 // without the top
	onDisk := map[string]int64{}
	must(t, filepath.WalkDir(s.root.Name(), func(path string, entry fs.DirEntry, err error) error {
		count++
		if err == nil && !entry.IsDir() {
			info, err := entry.Info()
			must(t, err)
			rel, err := filepath.Rel(s.root.Name(), path)
			must(t, err)
			onDisk[filepath.ToSlash(rel)] = info.Size()
			size += info.Size()
		}
		return err
	}))
	if booked, files := s.usage(); booked != size || files != count {
		t.Errorf("the books say %d bytes in %d files, the disk has %d in %d", booked, files, size, count)
	}
	infos, err := s.list(".", 0)
	must(t, err)
	for _, info := range infos {
		if !info.Folder && onDisk[info.Path] != info.Size {
			t.Errorf("%s has %d bytes in the books, %d on disk", info.Path, info.Size, onDisk[info.Path])
		}
	}
}

func TestScratchTakesOverWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "d", "e"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "d", "e", "f"), []byte("12345"), 0o600))
	s, err := openScratch(dir, Quota{}.withDefaults())
	must(t, err)
	defer s.close()
	if size, count := s.usage(); size != 5 || count != 3 {
		t.Errorf("usage = %d bytes, %d files, want 5 and 3", size, count)
	}
	if got := read(t, s, "d/e/f"); got != "12345" {
		t.Errorf("content = %q", got)
	}
}
