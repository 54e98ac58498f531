package agentruntest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	homeFolder = "/home/user"
	// mostUpload is the largest file in an upload, in bytes.
	mostUpload = 100 << 20
	// diskSize is what the files of a sandbox may take together, in bytes: that of a template's usual disk.
	diskSize = 512 << 20
	// mostFiles is how many files and folders there may be.
	mostFiles = 10000
)

// What the tree refuses with, besides the errors of io/fs.
var (
	errFull      = errors.New("no space left on device")
	errIsFolder  = errors.New("is a directory")
	errNotFolder = errors.New("not a directory")
	errElsewhere = errors.New("the emulator has no files outside " + homeFolder)
	errTooLarge  = errors.New("file exceeds 100MB")
)

// tree is the files of a sandbox, in memory. Names are relative to the home folder, which is ".".
type tree struct {
	now func() time.Time

	mu    sync.Mutex // guards below
	nodes map[string]*node
	size  int64
	last  int64 // version
	over  bool  // the sandbox has ended
}

// node is a file or folder. Its data is replaced, never changed.
type node struct {
	folder   bool
	data     []byte
	modified time.Time
	version  int64
}

func newTree(now func() time.Time) *tree {
	return &tree{now: now, nodes: map[string]*node{".": {folder: true, modified: now()}}}
}

// clear forgets everything.
func (t *tree) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nodes, t.size, t.over = map[string]*node{}, 0, true
}

// home turns a path, absolute or relative to a folder, into a name in the tree.
func home(p, cwd string) (string, error) {
	if strings.ContainsRune(p, 0) || !utf8.ValidString(p) {
		return "", fs.ErrInvalid
	}
	if !strings.HasPrefix(p, "/") {
		p = cmp.Or(cwd, homeFolder) + "/" + p
	}
	p = path.Clean(p)
	switch rest, below := strings.CutPrefix(p, homeFolder+"/"); {
	case p == homeFolder:
		return ".", nil
	case below:
		return rest, nil
	}
	return "", errElsewhere
}

// absolute is the other way round.
func absolute(name string) string { return path.Join(homeFolder, name) }

func (t *tree) get(name string) (node, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.getLocked(name)
}

func (t *tree) getLocked(name string) (node, error) {
	n := t.nodes[name]
	if n == nil {
		return node{}, fs.ErrNotExist
	}
	return *n, nil
}

func (t *tree) read(name string) ([]byte, error) {
	n, err := t.get(name)
	if err == nil && n.folder {
		err = errIsFolder
	}
	return n.data, err
}

// write makes or replaces a file, with the folders above it. The tree keeps data.
func (t *tree) write(name string, data []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writeLocked(name, data)
}

func (t *tree) writeLocked(name string, data []byte) error {
	old := t.nodes[name]
	switch {
	case t.over:
		return errFull
	case name == "." || old != nil && old.folder:
		return errIsFolder
	}
	if err := t.mkdirLocked(path.Dir(name)); err != nil {
		return err
	}
	grow := int64(len(data))
	if old != nil {
		grow -= int64(len(old.data))
	}
	if t.size+grow > diskSize || old == nil && len(t.nodes) >= mostFiles {
		return errFull
	}
	t.size += grow
	t.last++
	t.nodes[name] = &node{data: data, modified: t.now(), version: t.last}
	return nil
}

// add writes at the end of a file.
func (t *tree) add(name string, data []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var before []byte
	if old := t.nodes[name]; old != nil {
		before = old.data
	}
	return t.writeLocked(name, slices.Concat(before, data))
}

func (t *tree) mkdir(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mkdirLocked(name)
}

func (t *tree) mkdirLocked(name string) error {
	n := t.nodes[name]
	switch {
	case n != nil && n.folder:
		return nil
	case n != nil:
		return errNotFolder
	case t.over || len(t.nodes) >= mostFiles:
		return errFull
	}
	if err := t.mkdirLocked(path.Dir(name)); err != nil {
		return err
	}
	t.last++
	t.nodes[name] = &node{folder: true, modified: t.now(), version: t.last}
	return nil
}

// below lists what is in a folder, depth levels deep or, with 0, all of it, sorted.
func (t *tree) below(folder string, depth int) map[string]node {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := map[string]node{}
	for name, n := range t.nodes {
		rest, in := under(name, folder)
		if in && (depth == 0 || strings.Count(rest, "/") < depth) {
			found[name] = *n
		}
	}
	return found
}

// under gives a name relative to a folder that it is in.
func under(name, folder string) (string, bool) {
	if folder == "." {
		return name, name != "."
	}
	return strings.CutPrefix(name, folder+"/")
}

// remove removes a file, or a folder with everything in it.
func (t *tree) remove(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case name == ".":
		return fs.ErrPermission
	case t.nodes[name] == nil:
		return fs.ErrNotExist
	}
	for other, n := range t.nodes {
		if _, in := under(other, name); in || other == name {
			t.size -= int64(len(n.data))
			delete(t.nodes, other)
		}
	}
	return nil
}

// move moves a file or folder to a place where nothing is.
func (t *tree) move(from, to string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, inside := under(to, from)
	switch n := t.nodes[from]; {
	case from == "." || to == "." || inside:
		return fs.ErrInvalid
	case n == nil:
		return fs.ErrNotExist
	case from == to:
		return nil
	case t.nodes[to] != nil:
		return fs.ErrExist
	}
	if err := t.mkdirLocked(path.Dir(to)); err != nil {
		return err
	}
	for name, n := range maps.Clone(t.nodes) {
		rest, in := under(name, from)
		if !in && name != from {
			continue
		}
		t.last++
		t.nodes[path.Join(to, rest[:len(rest)*btoi(in)])] = &node{folder: n.folder, data: n.data, modified: n.modified, version: t.last}
		delete(t.nodes, name)
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// entry describes a file or folder as the service does.
func (s Shape) entry(name string, n node) object {
	o := object{"name": path.Base(absolute(name)), "type": "file", "path": s.path(name), "size": len(n.data), "mode": 0o644, "permissions": "-rw-r--r--", "owner": "user", "group": "user", "modifiedTime": insideMoment(n.modified)}
	if n.folder {
		o["type"], o["size"], o["mode"], o["permissions"] = "directory", 4096, 0o755, "drwxr-xr-x"
	}
	return o
}

// fileProblem is what the service says of a file it will not touch.
func fileProblem(p string, err error) answer {
	said := p + ": " + err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refusal(http.StatusNotFound, "NOT_FOUND", "file "+p+" not found")
	case errors.Is(err, fs.ErrExist):
		return refusal(http.StatusConflict, "CONFLICT", p+" exists")
	case errors.Is(err, errFull):
		return refusal(http.StatusInsufficientStorage, "INSUFFICIENT_STORAGE", err.Error())
	case errors.Is(err, errTooLarge):
		return refusal(http.StatusRequestEntityTooLarge, "PAYLOAD_TOO_LARGE", err.Error())
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errElsewhere):
		return refusal(http.StatusForbidden, "FORBIDDEN", said)
	}
	return invalid(said)
}

// at finds the file that the query names.
func (x *exchange) at(s *sandbox) (asked, name string, n node, err error) {
	asked = x.r.URL.Query().Get("path")
	if asked == "" {
		return asked, "", node{}, errors.New("path is required")
	}
	if name, err = home(asked, ""); err == nil {
		n, err = s.files.get(name)
	}
	return asked, name, n, err
}

func (x *exchange) readFile(s *sandbox) answer {
	asked, name, n, err := x.at(s)
	if err == nil && n.folder {
		err = errIsFolder
	}
	if err != nil {
		return fileProblem(asked, err)
	}
	content, encoding := string(n.data), "utf-8"
	if !utf8.Valid(n.data) {
		content, encoding = base64.StdEncoding.EncodeToString(n.data), "base64"
	}
	o := x.shape.entry(name, n)
	if x.shape.OldFiles {
		o = object{"entry": o}
	}
	o["content"], o["encoding"] = content, encoding
	return x.inside(o)
}

// textExtensions are some of those that the service writes as text: what others it takes is not documented.
var textExtensions = []string{".txt", ".py", ".json", ".md", ".js", ".csv", ".html", ".css", ".xml", ".yaml", ".yml", ".sh", ".ts", ".log", ".ini", ".toml", ".sql", ".tsv"}

func (x *exchange) writeFile(s *sandbox) answer {
	var fields struct{ Path, Content, Mode, Encoding string }
	if a, ok := x.fields(&fields); !ok {
		return a
	}
	name, err := home(fields.Path, "")
	base := path.Base(name)
	switch {
	case fields.Path == "":
		return invalid("path is required")
	case err != nil:
		return fileProblem(fields.Path, err)
	case strings.HasPrefix(base, ".") || !slices.Contains(textExtensions, strings.ToLower(path.Ext(base))):
		return invalid(base + " is not the name of a text file")
	}
	data := []byte(fields.Content)
	if fields.Encoding == "base64" {
		if data, err = base64.StdEncoding.DecodeString(fields.Content); err != nil {
			return invalid("the content is not base64")
		}
	}
	if err := s.files.write(name, data); err != nil {
		return fileProblem(fields.Path, err)
	}
	return x.inside(object{"path": x.shape.path(name), "size": len(data)})
}

func (x *exchange) listFolder(s *sandbox) answer {
	q := x.r.URL.Query()
	asked := cmp.Or(q.Get("path"), homeFolder)
	depth := 1
	if given := q.Get("depth"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 {
			return invalid("depth must be at least 1")
		}
		depth = n
	}
	name, err := home(asked, "")
	var n node
	if err == nil {
		n, err = s.files.get(name)
	}
	if err == nil && !n.folder {
		err = errNotFolder
	}
	if err != nil {
		return fileProblem(asked, err)
	}
	entries := []any{}
	found := s.files.below(name, depth)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		entries = append(entries, x.shape.entry(name, found[name]))
	}
	return x.inside(object{"path": x.shape.path(name), "entries": entries})
}

func (x *exchange) statFile(s *sandbox) answer {
	asked, name, n, err := x.at(s)
	if err != nil {
		return fileProblem(asked, err)
	}
	return x.inside(object{"entry": x.shape.entry(name, n)})
}

// entryNow answers with what a file has become.
func (x *exchange) entryNow(s *sandbox, asked, name string) answer {
	n, err := s.files.get(name)
	if err != nil {
		return fileProblem(asked, err)
	}
	return x.inside(object{"entry": x.shape.entry(name, n)})
}

func (x *exchange) makeFolder(s *sandbox) answer {
	var fields struct {
		Path    string
		Parents bool
	}
	if a, ok := x.fields(&fields); !ok {
		return a
	}
	name, err := home(fields.Path, "")
	if err == nil && !fields.Parents {
		_, err = s.files.get(path.Dir(name))
	}
	if err == nil {
		err = s.files.mkdir(name)
	}
	if err != nil {
		return fileProblem(fields.Path, err)
	}
	return x.entryNow(s, fields.Path, name)
}

// moveFile is done already when there is nothing at the source and something at the destination.
func (x *exchange) moveFile(s *sandbox) answer {
	var fields struct{ Source, Destination string }
	if a, ok := x.fields(&fields); !ok {
		return a
	}
	from, err := home(fields.Source, "")
	if err != nil {
		return fileProblem(fields.Source, err)
	}
	to, err := home(fields.Destination, "")
	if err != nil {
		return fileProblem(fields.Destination, err)
	}
	if err := s.files.move(from, to); err != nil {
		if _, there := s.files.get(to); !errors.Is(err, fs.ErrNotExist) || there != nil {
			return fileProblem(fields.Source, err)
		}
	}
	return x.entryNow(s, fields.Destination, to)
}

func (x *exchange) removeFile(s *sandbox) answer {
	var fields struct{ Path string }
	if a, ok := x.fields(&fields); !ok {
		return a
	}
	if fields.Path == "" {
		return invalid("path is required")
	}
	name, err := home(fields.Path, "")
	if err != nil {
		return fileProblem(fields.Path, err)
	}
	n, _ := s.files.get(name)
	if err := s.files.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileProblem(fields.Path, err)
	}
	kind := "file"
	if n.folder {
		kind = "directory"
	}
	return x.inside(object{"entry": object{"name": path.Base(absolute(name)), "type": kind, "path": x.shape.path(name)}})
}

// upload reads the form as it comes. The field path must stand before the file.
func (x *exchange) upload(s *sandbox) answer {
	reader, err := x.r.MultipartReader()
	if err != nil {
		return invalid("the body is not a form with a file")
	}
	var target, folder string
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return invalid("file is required")
		}
		if err != nil {
			return invalid("the form breaks off")
		}
		switch name := part.FormName(); name {
		case "path", "current_path":
			value, err := io.ReadAll(io.LimitReader(part, 4096))
			if err != nil {
				return invalid("the form breaks off")
			}
			if name == "path" {
				target = string(value)
			} else {
				folder = string(value)
			}
		case "file":
			return x.keepUpload(s, cmp.Or(target, path.Join(folder, part.FileName())), part)
		default:
			return invalid(fmt.Sprintf("there is no field %q", name))
		}
	}
}

func (x *exchange) keepUpload(s *sandbox, target string, content io.Reader) answer {
	name, err := home(target, "")
	if err != nil {
		return fileProblem(target, err)
	}
	var data bytes.Buffer
	n, err := io.Copy(&data, io.LimitReader(content, mostUpload+1))
	switch {
	case n > mostUpload:
		return fileProblem(target, errTooLarge)
	case err != nil:
		return invalid("the form breaks off")
	}
	if err := s.files.write(name, data.Bytes()); err != nil {
		return fileProblem(target, err)
	}
	return x.inside(object{"path": x.shape.path(name), "size": n})
}

func (x *exchange) download(s *sandbox) answer {
	asked, name, n, err := x.at(s)
	if err == nil && n.folder {
		err = errIsFolder
	}
	if err != nil {
		return fileProblem(asked, err)
	}
	return answer{status: http.StatusOK, file: io.NopCloser(bytes.NewReader(n.data)), size: int64(len(n.data)), header: map[string]string{
		"Content-Type":        cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream"),
		"Content-Disposition": mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}),
	}}
}
