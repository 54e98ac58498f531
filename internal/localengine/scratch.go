package localengine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	esys "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/sys"
)

// errnoFull is "no space left": the runtime's table of errors has no such number, so the kernels translate this one.
const errnoFull = esys.ERANGE

const (
	longestName = 255
	longestPath = 1024
	farthest    = 1 << 50 // offset
)

// Quota bounds a scratch folder. Zero means the default.
type Quota struct {
	Bytes     int64 // of all files together, holes included; 256 MiB
	Files     int   // files and folders; 10,000
	Depth     int   // folders within each other; 32
	OpenFiles int   // files the guest has open at once; 128
}

func (q Quota) withDefaults() Quota {
	if q.Bytes <= 0 {
		q.Bytes = 256 << 20
	}
	if q.Files <= 0 {
		q.Files = 10000
	}
	if q.Depth <= 0 {
		q.Depth = 32
	}
	if q.OpenFiles <= 0 {
		q.OpenFiles = 128
	}
	return q
}

// scratch is the one folder that a guest may write to. Two walls stand around it. Every access to the host's file system goes
// through an os.Root, which resolves names beneath the folder and nowhere else. And the tree of names and sizes kept here is
// the truth for the guest: what is not in it, such as links and devices that others put into the folder, does not exist, and
// the guest cannot make links, read or follow them. The quota is booked in the tree too.
//
// The guest comes in by the methods of esys.FS, the host's callers by those in files.go. Both may come at once.
type scratch struct {
	esys.UnimplementedFS
	root  *os.Root // nil for the folder of a snapshot, in which nothing can be made
	quota Quota

	mu    sync.Mutex // guards below, and keeps tree and disk in step
	top   *node
	bytes int64 // booked: sizes of all files, also of deleted ones that are still open
	count int   // booked: files and folders likewise, without top
	open  int   // handles of the guest
	inos  sys.Inode
}

// node is a file or folder of the tree.
type node struct {
	ino     sys.Inode
	size    int64
	changed int64            // in nanoseconds since 1970
	kids    map[string]*node // nil for a file
	handles int
	deleted bool // no longer in the tree; booked until the last handle is closed
}

func (n *node) folder() bool { return n.kids != nil }

// openScratch takes over a folder with the regular files and folders that are in it.
func openScratch(dir string, quota Quota) (*scratch, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the scratch folder: %w", err)
	}
	s := &scratch{root: root, quota: quota}
	s.top = s.newNode(true)
	if err := s.scan(s.top, ".", 1); err != nil {
		return nil, errors.Join(fmt.Errorf("read the scratch folder: %w", err), root.Close())
	}
	return s, nil
}

// emptyScratch stands in while the snapshot is made.
func emptyScratch() *scratch {
	s := &scratch{quota: Quota{}.withDefaults()}
	s.quota.Files = 0
	s.top = &node{kids: map[string]*node{}}
	return s
}

func (s *scratch) close() error {
	if s.root == nil {
		return nil
	}
	return s.root.Close()
}

func (s *scratch) newNode(folder bool) *node {
	s.inos++
	n := &node{ino: s.inos, changed: time.Now().UnixNano()}
	if folder {
		n.kids = map[string]*node{}
	}
	return n
}

func (s *scratch) scan(n *node, name string, depth int) error {
	entries, err := fs.ReadDir(s.root.FS(), name)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if n == s.top && strings.HasPrefix(entry.Name(), arriving) {
			if err := s.discard(entry.Name()); err != nil { // its instance was lost while the file came
				return err
			}
			continue
		}
		info, err := entry.Info()
		if err != nil || badName(entry.Name()) != 0 || depth > s.quota.Depth {
			continue
		}
		if !info.IsDir() && (!info.Mode().IsRegular() || links(info) != 1) {
			continue
		}
		kid := s.newNode(info.IsDir())
		kid.changed = info.ModTime().UnixNano()
		n.kids[entry.Name()] = kid
		s.count++
		if info.IsDir() {
			if err := s.scan(kid, path.Join(name, entry.Name()), depth+1); err != nil {
				return err
			}
			continue
		}
		kid.size = info.Size()
		s.bytes += kid.size
	}
	return nil
}

// spot is where a path leads: a folder, a name in it, and what is there now.
type spot struct {
	parent *node // nil for the top
	name   string
	node   *node  // nil when nothing is there
	path   string // cleaned
}

// walk follows a path. Every part but the last must be a folder of the tree.
func (s *scratch) walk(p string) (spot, esys.Errno) {
	mustBeFolder := strings.HasSuffix(p, "/")
	p = path.Clean(p)
	if p == "." || p == "/" {
		return spot{name: ".", node: s.top, path: "."}, 0
	}
	if !fs.ValidPath(p) {
		if strings.ContainsRune(p, 0) {
			return spot{}, esys.EINVAL
		}
		return spot{}, esys.EPERM
	}
	parts := strings.Split(p, "/")
	if len(parts) > s.quota.Depth || len(p) > longestPath {
		return spot{}, esys.ENAMETOOLONG
	}
	at := s.top
	for i, name := range parts {
		if errno := badName(name); errno != 0 {
			return spot{}, errno
		}
		kid := at.kids[name]
		switch last := i == len(parts)-1; {
		case last && mustBeFolder && kid != nil && !kid.folder():
			return spot{}, esys.ENOTDIR
		case last:
			return spot{parent: at, name: name, node: kid, path: p}, 0
		case kid == nil:
			return spot{}, esys.ENOENT
		case !kid.folder():
			return spot{}, esys.ENOTDIR
		}
		at = kid
	}
	return spot{}, esys.ENOENT
}

// find is walk to something that exists.
func (s *scratch) find(p string) (spot, esys.Errno) {
	at, errno := s.walk(p)
	if errno == 0 && at.node == nil {
		errno = esys.ENOENT
	}
	return at, errno
}

// badName refuses names that mean something else on one of the systems we run on.
func badName(name string) esys.Errno {
	switch {
	case len(name) > longestName:
		return esys.ENAMETOOLONG
	case strings.ContainsAny(name, "\x00\\"):
		return esys.EINVAL
	case runtime.GOOS == "windows" && (strings.ContainsAny(name, `:<>"|?*`) || strings.TrimRight(name, ". ") != name):
		return esys.EINVAL
	}
	return 0
}

// link books a new node and puts it into the tree.
func (s *scratch) link(at spot, n *node) {
	at.parent.kids[at.name] = n
	at.parent.changed = time.Now().UnixNano()
	s.count++
}

// unlink takes a node out of the tree, and off the books once nothing holds it.
func (s *scratch) unlink(at spot) {
	delete(at.parent.kids, at.name)
	at.parent.changed = time.Now().UnixNano()
	s.forget(at.node)
}

func (s *scratch) forget(n *node) {
	n.deleted = true
	if n.handles == 0 {
		s.bytes -= n.size
		s.count--
	}
}

// resize books a new size for a file.
func (s *scratch) resize(n *node, to int64) esys.Errno {
	grow := to - n.size
	if grow > 0 && s.bytes+grow > s.quota.Bytes {
		return errnoFull
	}
	s.bytes += grow
	n.size = to
	return 0
}

// OpenFile opens or makes a file, or opens a folder.
func (s *scratch) OpenFile(p string, flag esys.Oflag, _ fs.FileMode) (esys.File, esys.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.quota.OpenFiles {
		return nil, esys.EAGAIN
	}
	h, errno := s.openLocked(p, flag)
	if errno != 0 {
		return nil, errno
	}
	h.counted = true
	s.open++
	return h, 0
}

func (s *scratch) openLocked(p string, flag esys.Oflag) (*handle, esys.Errno) {
	at, errno := s.walk(p)
	if errno != 0 {
		return nil, errno
	}
	n := at.node
	write := flag&(esys.O_WRONLY|esys.O_RDWR) != 0
	switch {
	case n == nil && (flag&esys.O_CREAT == 0 || flag&esys.O_DIRECTORY != 0):
		return nil, esys.ENOENT
	case n == nil && strings.HasSuffix(p, "/"):
		return nil, esys.EISDIR
	case n != nil && flag&esys.O_CREAT != 0 && flag&esys.O_EXCL != 0:
		return nil, esys.EEXIST
	case n != nil && n.folder() && write:
		return nil, esys.EISDIR
	case n != nil && !n.folder() && flag&esys.O_DIRECTORY != 0:
		return nil, esys.ENOTDIR
	case n != nil && n.folder():
		n.handles++
		return &handle{s: s, node: n}, 0
	}
	how := os.O_RDONLY
	switch {
	case flag&esys.O_RDWR != 0:
		how = os.O_RDWR
	case write:
		how = os.O_WRONLY
	}
	empty := n != nil && write && flag&esys.O_TRUNC != 0
	if n == nil {
		if s.count >= s.quota.Files {
			return nil, errnoFull
		}
		how |= os.O_CREATE | os.O_EXCL // never adopts something that is not in the tree
	}
	// Should another program have put a pipe in the place of a file, O_NONBLOCK keeps us from waiting for its other end.
	file, err := s.root.OpenFile(at.path, how|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, errnoOf(err)
	}
	if n == nil {
		n = s.newNode(false)
		s.link(at, n)
	} else if errno := s.reopened(file, n, empty); errno != 0 {
		_ = file.Close() // the refusal says more
		return nil, errno
	}
	n.handles++
	return &handle{s: s, node: n, file: file, read: flag&esys.O_WRONLY == 0, write: write, appends: flag&esys.O_APPEND != 0}, 0
}

// reopened holds the disk to what the tree says: a regular file that has no other name.
func (s *scratch) reopened(file *os.File, n *node, empty bool) esys.Errno {
	info, err := file.Stat()
	switch {
	case err != nil:
		return errnoOf(err)
	case !info.Mode().IsRegular() || links(info) != 1:
		return esys.EPERM
	}
	if !empty {
		return 0
	}
	if err := file.Truncate(0); err != nil {
		return errnoOf(err)
	}
	n.changed = time.Now().UnixNano()
	return s.resize(n, 0)
}

func (n *node) stat() sys.Stat_t {
	st := sys.Stat_t{Dev: scratchDevice, Ino: n.ino, Mode: 0o600, Nlink: 1, Size: n.size, Atim: n.changed, Mtim: n.changed, Ctim: n.changed}
	if n.folder() {
		st.Mode = fs.ModeDir | 0o700
	}
	return st
}

// Lstat is Stat: the tree holds no links.
func (s *scratch) Lstat(p string) (sys.Stat_t, esys.Errno) { return s.Stat(p) }

// Stat describes what the tree holds.
func (s *scratch) Stat(p string) (sys.Stat_t, esys.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, errno := s.find(p)
	if errno != 0 {
		return sys.Stat_t{}, errno
	}
	return at.node.stat(), 0
}

// Mkdir makes a folder.
func (s *scratch) Mkdir(p string, _ fs.FileMode) esys.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mkdirLocked(p)
}

func (s *scratch) mkdirLocked(p string) esys.Errno {
	at, errno := s.walk(p)
	switch {
	case errno != 0:
		return errno
	case at.node != nil:
		return esys.EEXIST
	case s.count >= s.quota.Files:
		return errnoFull
	}
	if err := s.root.Mkdir(at.path, 0o700); err != nil {
		return errnoOf(err)
	}
	s.link(at, s.newNode(true))
	return 0
}

// Unlink removes a file.
func (s *scratch) Unlink(p string) esys.Errno { return s.remove(p, false) }

// Rmdir removes an empty folder.
func (s *scratch) Rmdir(p string) esys.Errno { return s.remove(p, true) }

func (s *scratch) remove(p string, folder bool) esys.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, errno := s.find(p)
	switch {
	case errno != 0:
		return errno
	case at.node == s.top:
		return esys.EPERM
	case folder && !at.node.folder():
		return esys.ENOTDIR
	case !folder && at.node.folder():
		return esys.EISDIR
	}
	return s.removeLocked(at)
}

func (s *scratch) removeLocked(at spot) esys.Errno {
	if len(at.node.kids) > 0 {
		return esys.ENOTEMPTY
	}
	if err := s.root.Remove(at.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errnoOf(err)
	}
	s.unlink(at)
	return 0
}

// Rename moves a file or folder, over what is there already when the two are of a kind.
func (s *scratch) Rename(from, to string) esys.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, errno := s.find(from)
	if errno != 0 {
		return errno
	}
	b, errno := s.walk(to)
	switch {
	case errno != 0:
		return errno
	case a.node == s.top || b.node == s.top:
		return esys.EPERM
	case a.node == b.node:
		return 0
	case b.node != nil && b.node.folder() && !a.node.folder():
		return esys.EISDIR
	case b.node != nil && !b.node.folder() && a.node.folder():
		return esys.ENOTDIR
	case b.node != nil && len(b.node.kids) > 0:
		return esys.ENOTEMPTY
	case strings.HasPrefix(b.path+"/", a.path+"/"):
		return esys.EINVAL
	case strings.Count(b.path, "/")+1+a.node.depth() > s.quota.Depth:
		return esys.ENAMETOOLONG
	}
	if err := s.root.Rename(a.path, b.path); err != nil {
		return errnoOf(err)
	}
	if b.node != nil {
		s.unlink(b)
	}
	delete(a.parent.kids, a.name)
	b.parent.kids[b.name] = a.node
	a.parent.changed = time.Now().UnixNano()
	b.parent.changed = a.parent.changed
	return 0
}

// depth is how many levels are inside a folder.
func (n *node) depth() int {
	deepest := 0
	for _, kid := range n.kids {
		deepest = max(deepest, 1+kid.depth())
	}
	return deepest
}

// Chmod is not offered: everything in the folder is the guest's own.
func (s *scratch) Chmod(string, fs.FileMode) esys.Errno { return esys.ENOSYS }

// Link is refused: a second name could be outside.
func (s *scratch) Link(string, string) esys.Errno { return esys.EPERM }

// Symlink is refused: it could lead outside.
func (s *scratch) Symlink(string, string) esys.Errno { return esys.EPERM }

// Readlink finds no link.
func (s *scratch) Readlink(string) (string, esys.Errno) { return "", esys.EINVAL }

// Utimens sets the time of change that the guest sees.
func (s *scratch) Utimens(p string, _, changed int64) esys.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, errno := s.find(p)
	if errno == 0 {
		at.node.changed = changed
	}
	return errno
}

// opened is how many files and folders the guest has open. The top itself, which the runtime opens by itself, does not count.
func (s *scratch) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open - s.top.handles
}

func (s *scratch) usage() (size int64, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.count
}

// errnoOf gives the guest's number for a host's error.
func errnoOf(err error) esys.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.ENOSPC) || isQuotaExceeded(err):
		return errnoFull // the host's own disk
	}
	if errno := esys.UnwrapOSError(err); errno != 0 {
		return errno
	}
	return esys.EIO
}
