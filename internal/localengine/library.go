package localengine

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	esys "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/sys"
)

// library is a folder of files that guests read and cannot change: the entries of a zip archive that are stored and not
// compressed, served straight from its bytes to all instances at once.
type library struct {
	esys.UnimplementedFS
	nodes map[string]*libraryNode
}

type libraryNode struct {
	ino     sys.Inode
	folder  bool
	data    []byte
	entries []esys.Dirent // of a folder, by name
}

const (
	libraryDevice = 2 // st_dev of everything in the library
	scratchDevice = 1 // st_dev of everything in a scratch folder
)

// newLibrary reads the table of an archive. Without an archive the library is empty.
func newLibrary(archive []byte) (*library, error) {
	l := &library{nodes: map[string]*libraryNode{".": {ino: 1, folder: true}}}
	if len(archive) == 0 {
		return l, nil
	}
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("read the library archive: %w", err)
	}
	for _, f := range reader.File {
		at, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("read the library archive: %s: %w", f.Name, err)
		}
		if f.Method != zip.Store || !fs.ValidPath(f.Name) {
			return nil, fmt.Errorf("read the library archive: %q is compressed or has no plain name", f.Name)
		}
		end := at + int64(f.UncompressedSize64) //nolint:gosec // compared with the length next
		if end < at || end > int64(len(archive)) {
			return nil, fmt.Errorf("read the library archive: %s: %w", f.Name, io.ErrUnexpectedEOF)
		}
		l.add(f.Name, &libraryNode{data: archive[at:end:end]})
	}
	for _, n := range l.nodes {
		slices.SortFunc(n.entries, func(a, b esys.Dirent) int { return cmp.Compare(a.Name, b.Name) })
	}
	return l, nil
}

func (l *library) add(name string, n *libraryNode) {
	n.ino = sys.Inode(len(l.nodes) + 1)
	l.nodes[name] = n
	parent := path.Dir(name)
	if l.nodes[parent] == nil {
		l.add(parent, &libraryNode{folder: true})
	}
	entry := esys.Dirent{Name: path.Base(name), Ino: n.ino}
	if n.folder {
		entry.Type = fs.ModeDir
	}
	l.nodes[parent].entries = append(l.nodes[parent].entries, entry)
}

func (n *libraryNode) stat() sys.Stat_t {
	st := sys.Stat_t{Dev: libraryDevice, Ino: n.ino, Mode: 0o444, Nlink: 1, Size: int64(len(n.data))}
	if n.folder {
		st.Mode = fs.ModeDir | 0o555
	}
	return st
}

// OpenFile opens for reading only.
func (l *library) OpenFile(name string, flag esys.Oflag, _ fs.FileMode) (esys.File, esys.Errno) {
	n := l.nodes[path.Clean(name)]
	switch {
	case flag&(esys.O_WRONLY|esys.O_RDWR|esys.O_TRUNC) != 0, n == nil && flag&esys.O_CREAT != 0:
		return nil, esys.EROFS
	case n == nil:
		return nil, esys.ENOENT
	case flag&esys.O_DIRECTORY != 0 && !n.folder:
		return nil, esys.ENOTDIR
	}
	return &libraryFile{node: n}, 0
}

// Lstat is Stat: the library holds no links.
func (l *library) Lstat(name string) (sys.Stat_t, esys.Errno) { return l.Stat(name) }

// Stat describes a file or folder.
func (l *library) Stat(name string) (sys.Stat_t, esys.Errno) {
	if n := l.nodes[path.Clean(name)]; n != nil {
		return n.stat(), 0
	}
	return sys.Stat_t{}, esys.ENOENT
}

// What would change the library is refused by its name, so that a guest learns why.

// Mkdir is refused.
func (l *library) Mkdir(string, fs.FileMode) esys.Errno { return esys.EROFS }

// Chmod is refused.
func (l *library) Chmod(string, fs.FileMode) esys.Errno { return esys.EROFS }

// Rename is refused.
func (l *library) Rename(string, string) esys.Errno { return esys.EROFS }

// Rmdir is refused.
func (l *library) Rmdir(string) esys.Errno { return esys.EROFS }

// Unlink is refused.
func (l *library) Unlink(string) esys.Errno { return esys.EROFS }

// Link is refused.
func (l *library) Link(string, string) esys.Errno { return esys.EROFS }

// Symlink is refused.
func (l *library) Symlink(string, string) esys.Errno { return esys.EROFS }

// Utimens is refused.
func (l *library) Utimens(string, int64, int64) esys.Errno { return esys.EROFS }

// Readlink finds no link.
func (l *library) Readlink(string) (string, esys.Errno) { return "", esys.EINVAL }

// libraryFile is an open file or folder of the library.
type libraryFile struct {
	esys.UnimplementedFile
	node *libraryNode
	at   int64
}

func (f *libraryFile) Dev() (uint64, esys.Errno)      { return libraryDevice, 0 }
func (f *libraryFile) Ino() (sys.Inode, esys.Errno)   { return f.node.ino, 0 }
func (f *libraryFile) IsDir() (bool, esys.Errno)      { return f.node.folder, 0 }
func (f *libraryFile) IsAppend() bool                 { return false }
func (f *libraryFile) Stat() (sys.Stat_t, esys.Errno) { return f.node.stat(), 0 }
func (f *libraryFile) Sync() esys.Errno               { return 0 }
func (f *libraryFile) Datasync() esys.Errno           { return 0 }
func (f *libraryFile) Close() esys.Errno              { return 0 }

func (f *libraryFile) Utimens(int64, int64) esys.Errno        { return esys.EROFS }
func (f *libraryFile) Truncate(int64) esys.Errno              { return esys.EROFS }
func (f *libraryFile) Write([]byte) (int, esys.Errno)         { return 0, esys.EBADF }
func (f *libraryFile) Pwrite([]byte, int64) (int, esys.Errno) { return 0, esys.EBADF }

func (f *libraryFile) Read(b []byte) (int, esys.Errno) {
	n, errno := f.Pread(b, f.at)
	f.at += int64(n)
	return n, errno
}

func (f *libraryFile) Pread(b []byte, at int64) (int, esys.Errno) {
	switch {
	case f.node.folder:
		return 0, esys.EISDIR
	case at < 0:
		return 0, esys.EINVAL
	case at >= int64(len(f.node.data)):
		return 0, 0
	}
	return copy(b, f.node.data[at:]), 0
}

func (f *libraryFile) Seek(offset position, whence int) (position, esys.Errno) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += int64(len(f.node.data))
	default:
		return 0, esys.EINVAL
	}
	if offset < 0 || f.node.folder && offset != 0 {
		return 0, esys.EINVAL
	}
	f.at = offset
	return offset, 0
}

func (f *libraryFile) Readdir(n int) ([]esys.Dirent, esys.Errno) {
	if !f.node.folder {
		return nil, esys.EBADF
	}
	rest := f.node.entries[min(f.at, int64(len(f.node.entries))):]
	if n > 0 && n < len(rest) {
		rest = rest[:n]
	}
	f.at += int64(len(rest))
	return slices.Clone(rest), 0
}
