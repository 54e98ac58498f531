// Package memfiles keeps a context's files in memory, for backends that have no disk: mock, and the fake of sandboxtest.
//
// Only files are stored. A folder is there because a file below it is, so there are no empty ones. All errors are
// *sandbox.Error, with the codes and meanings of [sandbox.Session].
package memfiles

import (
	"bytes"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Files are the files of one context, or of several that share them. Methods are safe for concurrent use.
type Files struct {
	maxSize int64

	mu    sync.Mutex // guards below
	files map[string]file
}

type file struct {
	content  []byte // never changed, only replaced
	modified time.Time
}

// New returns an empty folder whose files hold at most maxSize bytes each.
func New(maxSize int64) *Files {
	return &Files{maxSize: maxSize, files: make(map[string]file)}
}

// Write makes or replaces a file.
func (f *Files) Write(name string, content io.Reader) (sandbox.File, error) {
	name, err := sandbox.CleanFile(name)
	if err != nil {
		return sandbox.File{}, err
	}
	data, err := io.ReadAll(io.LimitReader(content, f.maxSize+1))
	if err != nil {
		return sandbox.File{}, sandbox.Errorf(sandbox.CodeExecutionFailed, "write %s: %w", name, err)
	}
	if int64(len(data)) > f.maxSize {
		return sandbox.File{}, sandbox.Errorf(sandbox.CodeTooLarge, "%s is larger than the limit of %d bytes for one file; send it in parts", name, f.maxSize)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isFolder(name) {
		return sandbox.File{}, isFolder(name)
	}
	for above := range parents(name) {
		if _, ok := f.files[above]; ok {
			return sandbox.File{}, sandbox.Errorf(sandbox.CodeInvalidParams, "%s cannot be made: %s is a file, not a folder", name, above)
		}
	}
	made := file{data, time.Now()}
	f.files[name] = made
	return made.describe(name), nil
}

// Read opens a file as it is now; a later Write does not change what the reader gives.
func (f *Files) Read(name string) (io.ReadCloser, sandbox.File, error) {
	name, err := sandbox.CleanFile(name)
	if err != nil {
		return nil, sandbox.File{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	found, ok := f.files[name]
	switch {
	case ok:
		return io.NopCloser(bytes.NewReader(found.content)), found.describe(name), nil
	case f.isFolder(name):
		return nil, sandbox.File{}, isFolder(name)
	}
	return nil, sandbox.File{}, missing(name)
}

// List gives what is below a folder, depth levels deep, sorted by path.
func (f *Files) List(folder string, depth int) ([]sandbox.File, error) {
	folder, err := sandbox.CleanFolder(folder)
	if err != nil {
		return nil, err
	}
	if depth < 1 {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "a depth of %d lists nothing; 1 lists the folder's own entries", depth)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	prefix := folder + "/"
	if folder == "." {
		prefix = ""
	} else if _, ok := f.files[folder]; ok {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "%s is a file, not a folder", folder)
	} else if !f.isFolder(folder) {
		return nil, missing(folder)
	}
	listed := make(map[string]sandbox.File)
	for name, each := range f.files {
		below, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if strings.Count(below, "/") < depth {
			listed[name] = each.describe(name)
		}
		for above := range parents(below) {
			if strings.Count(above, "/") >= depth {
				continue
			}
			known := listed[prefix+above]
			if each.modified.After(known.Modified) {
				known.Modified = each.modified
			}
			known.Path, known.IsFolder = prefix+above, true
			listed[prefix+above] = known
		}
	}
	files := make([]sandbox.File, 0, len(listed))
	for _, each := range listed {
		files = append(files, each)
	}
	slices.SortFunc(files, func(a, b sandbox.File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

// isFolder reports whether a file lies below name. The caller holds mu.
func (f *Files) isFolder(name string) bool {
	for other := range f.files {
		if strings.HasPrefix(other, name+"/") {
			return true
		}
	}
	return false
}

func (f file) describe(name string) sandbox.File {
	return sandbox.File{Path: name, Size: int64(len(f.content)), Modified: f.modified}
}

// parents gives the folders above a path: a and a/b for a/b/c.
func parents(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, r := range name {
			if r == '/' && !yield(name[:i]) {
				return
			}
		}
	}
}

func missing(name string) error {
	return sandbox.Errorf(sandbox.CodeFileNotFound, "there is no %s; list_files shows what there is", name)
}

func isFolder(name string) error {
	return sandbox.Errorf(sandbox.CodeInvalidParams, "%s is a folder, not a file", name)
}
