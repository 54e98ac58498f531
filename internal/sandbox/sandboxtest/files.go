package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func fileChecks() []check {
	codeHasFiles := func(b *bench) bool { return b.code.WriteFile != nil && b.code.PrintFile != nil }
	return []check{
		{name: "a file that was written can be read", run: writeAndRead},
		{name: "writing again replaces the file", run: replaceFile},
		{name: "folders are listed to the depth asked for, sorted", run: listFiles},
		{name: "a file that is not there is said to be missing", run: missingFile},
		{name: "a path outside is refused", run: pathsOutside},
		{name: "a folder is not a file", run: foldersAreNotFiles},
		{name: "a file as large as the limit goes in and out, a larger one does not", run: largeFiles},
		{name: "a sender that breaks off is an error", run: brokenSender},
		{name: "a caller who has gone moves no file", run: filesGivenUp},
		{name: "files may be moved side by side", run: filesAtOnce},
		{name: "contexts do not see each other's files", run: filesApart, needs: func(b *bench) bool { return !b.traits.SharesFiles }},
		{name: "contexts see the same files", run: filesShared, needs: func(b *bench) bool { return b.traits.SharesFiles }},
		{name: "files can be moved while code runs", run: filesDuringRun, runsCode: true},
		{name: "code and caller see the same files", run: codeAndFiles, runsCode: true, needs: codeHasFiles},
		{name: "a file that code made too large is not read", run: fileGrown, runsCode: true, needs: func(b *bench) bool { return b.code.GrowFile != nil }},
	}
}

func writeFile(t *testing.T, s sandbox.Session, contextID, path, content string) sandbox.File {
	t.Helper()
	file, err := s.WriteFile(t.Context(), contextID, path, strings.NewReader(content))
	if err != nil {
		t.Fatalf("WriteFile(%s) = %v", path, err)
	}
	return file
}

func readFile(t *testing.T, s sandbox.Session, contextID, path string) string {
	t.Helper()
	reader, file, err := s.ReadFile(t.Context(), contextID, path)
	if err != nil {
		t.Fatalf("ReadFile(%s) = %v", path, err)
	}
	content, err := io.ReadAll(reader)
	if err := errors.Join(err, reader.Close()); err != nil {
		t.Fatalf("reading %s = %v", path, err)
	}
	if file.Path != path || file.IsFolder || file.Size != int64(len(content)) || file.Modified.IsZero() {
		t.Errorf("ReadFile(%s) describes %+v, want that path, the %d bytes that came and a time", path, file, len(content))
	}
	return string(content)
}

func writeAndRead(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for path, content := range map[string]string{
		"plain.txt":             "two\nlines\n",
		"empty":                 "",
		"bytes.bin":             strings.Repeat(string(every), 300),
		"a/b/c/deep.txt":        "deep",
		"a/b/c/d.txt":           "beside it",
		"data/数据 é.csv":         "name",
		"with space & (more)'s": "odd",
	} {
		file := writeFile(t, s, cc, path, content)
		if file.Path != path || file.Size != int64(len(content)) || file.IsFolder || file.Modified.IsZero() {
			t.Errorf("WriteFile(%s) = %+v, want that path, %d bytes and a time", path, file, len(content))
		}
		if got := readFile(t, s, cc, path); got != content {
			t.Errorf("%s holds %d bytes %q, want %d %q", path, len(got), clip(got), len(content), clip(content))
		}
	}
	if file := writeFile(t, s, cc, "./x/../y//z.txt", "tidy"); file.Path != "y/z.txt" {
		t.Errorf("WriteFile(./x/../y//z.txt) wrote %s, want y/z.txt", file.Path)
	}
	if got := readFile(t, s, cc, "y/z.txt"); got != "tidy" {
		t.Errorf("y/z.txt holds %q", got)
	}
}

func replaceFile(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	for _, content := range []string{"a long first content", "short", "short", "", "longer than it has ever been"} {
		writeFile(t, s, cc, "dir/file", content)
		if got := readFile(t, s, cc, "dir/file"); got != content {
			t.Errorf("the file holds %q, want %q", got, content)
		}
	}
}

func listFiles(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	if !b.traits.SharesFiles {
		if files, err := s.ListFiles(t.Context(), cc, "", 9); err != nil || len(files) != 0 {
			t.Errorf("ListFiles in a new context = %+v, %v, want nothing", files, err)
		}
	}
	for _, path := range []string{"top/b.txt", "top/a/x", "top/a/deep/er/y", "top/a.txt", "beside"} {
		writeFile(t, s, cc, path, "four")
	}
	for _, test := range []struct {
		folder string
		depth  int
		want   []string
	}{
		{"top", 1, []string{"top/a/", "top/a.txt", "top/b.txt"}},
		{"top", 2, []string{"top/a/", "top/a.txt", "top/a/deep/", "top/a/x", "top/b.txt"}},
		{"./top/", 9, []string{"top/a/", "top/a.txt", "top/a/deep/", "top/a/deep/er/", "top/a/deep/er/y", "top/a/x", "top/b.txt"}},
		{"top/a", 1, []string{"top/a/deep/", "top/a/x"}},
	} {
		files, err := s.ListFiles(t.Context(), cc, test.folder, test.depth)
		if got := describe(files); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("ListFiles(%s, %d) = %q, %v, want %q", test.folder, test.depth, got, err, test.want)
		}
		for _, file := range files {
			if file.Modified.IsZero() || !file.IsFolder && file.Size != 4 || file.IsFolder && file.Size != 0 {
				t.Errorf("ListFiles(%s) has %+v, want a time, and 4 bytes or a folder", test.folder, file)
			}
		}
	}
	for _, folder := range []string{"", "."} {
		files, err := s.ListFiles(t.Context(), cc, folder, 1)
		if got := describe(files); err != nil || !slices.Contains(got, "top/") || !slices.Contains(got, "beside") || slices.Contains(got, "top/b.txt") {
			t.Errorf("ListFiles(%q, 1) = %q, %v, want top/ and beside and nothing below", folder, got, err)
		}
	}
	for _, depth := range []int{0, -1} {
		_, err := s.ListFiles(t.Context(), cc, "", depth)
		wantCode(t, fmt.Sprintf("ListFiles to depth %d", depth), err, sandbox.CodeInvalidParams)
	}
}

// describe writes files as paths, folders with a slash.
func describe(files []sandbox.File) []string {
	paths := make([]string, len(files))
	for i, file := range files {
		paths[i] = file.Path
		if file.IsFolder {
			paths[i] += "/"
		}
	}
	return paths
}

func missingFile(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	writeFile(t, s, cc, "dir/file", "text")
	for _, path := range []string{"never-made", "dir/never-made", "never/made"} {
		_, _, err := s.ReadFile(t.Context(), cc, path)
		wantCode(t, "ReadFile("+path+")", err, sandbox.CodeFileNotFound)
		_, err = s.ListFiles(t.Context(), cc, path, 1)
		wantCode(t, "ListFiles("+path+")", err, sandbox.CodeFileNotFound)
	}
}

func pathsOutside(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	for _, path := range []string{"..", "../x", "a/../../x", "/etc/passwd", "/", `C:\Windows\x`, `..\x`, "a\x00b", "../" + cc + "/x"} {
		_, err := s.WriteFile(t.Context(), cc, path, strings.NewReader("text"))
		wantCode(t, fmt.Sprintf("WriteFile(%q)", path), err, sandbox.CodeInvalidParams)
		_, _, err = s.ReadFile(t.Context(), cc, path)
		wantCode(t, fmt.Sprintf("ReadFile(%q)", path), err, sandbox.CodeInvalidParams)
		_, err = s.ListFiles(t.Context(), cc, path, 1)
		wantCode(t, fmt.Sprintf("ListFiles(%q)", path), err, sandbox.CodeInvalidParams)
	}
}

func foldersAreNotFiles(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	writeFile(t, s, cc, "dir/file", "text")
	for _, path := range []string{"dir", "", ".", "dir/file/below"} {
		_, err := s.WriteFile(t.Context(), cc, path, strings.NewReader("text"))
		wantCode(t, fmt.Sprintf("WriteFile(%q)", path), err, sandbox.CodeInvalidParams)
	}
	for _, path := range []string{"dir", "", "."} {
		_, _, err := s.ReadFile(t.Context(), cc, path)
		wantCode(t, fmt.Sprintf("ReadFile(%q)", path), err, sandbox.CodeInvalidParams)
	}
	_, err := s.ListFiles(t.Context(), cc, "dir/file", 1)
	wantCode(t, "ListFiles of a file", err, sandbox.CodeInvalidParams)
	if got := readFile(t, s, cc, "dir/file"); got != "text" {
		t.Errorf("the file holds %q, want it as it was", got)
	}
}

// zeros is a file of nothing but zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func largeFiles(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	file, err := s.WriteFile(t.Context(), cc, "large", io.LimitReader(zeros{}, b.traits.MaxFileSize))
	if err != nil || file.Size != b.traits.MaxFileSize {
		t.Errorf("WriteFile of %d bytes = %+v, %v", b.traits.MaxFileSize, file, err)
	}
	reader, file, err := s.ReadFile(t.Context(), cc, "large")
	if err != nil || file.Size != b.traits.MaxFileSize {
		t.Fatalf("ReadFile of %d bytes = %+v, %v", b.traits.MaxFileSize, file, err)
	}
	n, err := io.Copy(io.Discard, reader)
	if err := errors.Join(err, reader.Close()); err != nil || n != b.traits.MaxFileSize {
		t.Errorf("%d bytes came, %v, want %d", n, err, b.traits.MaxFileSize)
	}
	_, err = s.WriteFile(t.Context(), cc, "larger", io.LimitReader(zeros{}, b.traits.MaxFileSize+1))
	wantCode(t, "WriteFile of one byte more", err, sandbox.CodeTooLarge)
	writeFile(t, s, cc, "small", "text")
}

func brokenSender(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	gone := errors.New("the sender went away")
	if file, err := s.WriteFile(t.Context(), cc, "file", io.MultiReader(strings.NewReader("some"), iotest.ErrReader(gone))); err == nil {
		t.Errorf("WriteFile from a sender that broke off = %+v, want an error", file)
	}
	writeFile(t, s, cc, "file", "all of it")
	if got := readFile(t, s, cc, "file"); got != "all of it" {
		t.Errorf("the file holds %q", got)
	}
}

func filesGivenUp(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	writeFile(t, s, cc, "file", "before")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.WriteFile(ctx, cc, "file", strings.NewReader("after")); err == nil {
		t.Error("WriteFile for a caller who had gone succeeded")
	}
	if _, _, err := s.ReadFile(ctx, cc, "file"); err == nil {
		t.Error("ReadFile for a caller who had gone succeeded")
	}
	if _, err := s.ListFiles(ctx, cc, "", 1); err == nil {
		t.Error("ListFiles for a caller who had gone succeeded")
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check = %v", err)
	}
}

func filesAtOnce(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	var moving sync.WaitGroup
	for i := range 8 {
		moving.Go(func() {
			path, content := fmt.Sprintf("shared/folder/%d", i), bytes.Repeat([]byte{byte('a' + i)}, 5000)
			for range 3 {
				if _, err := s.WriteFile(t.Context(), cc, path, bytes.NewReader(content)); err != nil {
					t.Errorf("WriteFile(%s) = %v", path, err)
					return
				}
			}
			reader, _, err := s.ReadFile(t.Context(), cc, path)
			if err != nil {
				t.Errorf("ReadFile(%s) = %v", path, err)
				return
			}
			got, err := io.ReadAll(reader)
			if err := errors.Join(err, reader.Close()); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s holds %d bytes, %v, want its own %d", path, len(got), err, len(content))
			}
		})
	}
	moving.Wait()
	if files, err := s.ListFiles(t.Context(), cc, "shared/folder", 1); err != nil || len(files) != 8 {
		t.Errorf("ListFiles = %q, %v, want 8 files", describe(files), err)
	}
}

func filesApart(t *testing.T, b *bench) {
	s := b.open(t)
	one, other := b.context(t, s), b.context(t, s)
	writeFile(t, s, one, "dir/file", "mine")
	_, _, err := s.ReadFile(t.Context(), other, "dir/file")
	wantCode(t, "ReadFile in another context", err, sandbox.CodeFileNotFound)
	if files, err := s.ListFiles(t.Context(), other, "", 9); err != nil || len(files) != 0 {
		t.Errorf("ListFiles in another context = %q, %v, want nothing", describe(files), err)
	}
	writeFile(t, s, other, "dir/file", "yours")
	if err := s.StopContext(t.Context(), other); err != nil {
		t.Fatalf("StopContext = %v", err)
	}
	if got := readFile(t, s, one, "dir/file"); got != "mine" {
		t.Errorf("the file holds %q, want it as it was written", got)
	}
	if files, err := s.ListFiles(t.Context(), b.context(t, s), "", 9); err != nil || len(files) != 0 {
		t.Errorf("ListFiles in a context made later = %q, %v, want nothing", describe(files), err)
	}
}

func filesShared(t *testing.T, b *bench) {
	s := b.open(t)
	one, other := b.context(t, s), b.context(t, s)
	writeFile(t, s, one, "dir/file", "ours")
	if got := readFile(t, s, other, "dir/file"); got != "ours" {
		t.Errorf("the file holds %q in another context, want what was written in the first", got)
	}
}

func filesDuringRun(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	r := b.start(t, s, cc, sandbox.Run{Code: b.code.Loop})
	r.printed(t)
	writeFile(t, s, cc, "file", "text")
	if got := readFile(t, s, cc, "file"); got != "text" {
		t.Errorf("the file holds %q", got)
	}
	if r.isOver() {
		t.Errorf("the run is over: %+v, %v", r.result, r.err)
	}
}

func codeAndFiles(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	writeFile(t, s, cc, "in/uploaded.txt", "from the caller é")
	if result := b.succeed(t, s, cc, b.code.PrintFile("in/uploaded.txt")); result.Stdout != b.printed("from the caller é") {
		t.Errorf("code read %q", result.Stdout)
	}
	b.succeed(t, s, cc, b.code.WriteFile("made.txt", "from the code é"))
	if got := readFile(t, s, cc, "made.txt"); got != "from the code é" {
		t.Errorf("the caller read %q", got)
	}
	writeFile(t, s, cc, "made.txt", "changed")
	if result := b.succeed(t, s, cc, b.code.PrintFile("made.txt")); result.Stdout != b.printed("changed") {
		t.Errorf("code read %q after the caller changed the file", result.Stdout)
	}
	if result := b.run(t, s, cc, b.code.PrintFile("never-made")); result.Failure == nil || result.Failure.Code != sandbox.CodeExecutionFailed {
		t.Errorf("code that reads a missing file gave %+v, want a failure", result)
	}
}

// printed is how a text comes back that was printed without a line end.
func (b *bench) printed(text string) string {
	if b.traits.EndsLines {
		return text + "\n"
	}
	return text
}

func fileGrown(t *testing.T, b *bench) {
	s := b.open(t)
	cc := b.context(t, s)
	b.succeed(t, s, cc, b.code.GrowFile("grown", b.traits.MaxFileSize+1))
	files, err := s.ListFiles(t.Context(), cc, "", 1)
	if err != nil || !slices.ContainsFunc(files, func(f sandbox.File) bool { return f.Path == "grown" && f.Size == b.traits.MaxFileSize+1 }) {
		t.Errorf("ListFiles = %+v, %v, want the grown file with its size", files, err)
	}
	_, _, err = s.ReadFile(t.Context(), cc, "grown")
	wantCode(t, "ReadFile", err, sandbox.CodeTooLarge)
}
