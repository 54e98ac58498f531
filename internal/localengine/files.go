package localengine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	esys "github.com/tetratelabs/wazero/experimental/sys"
)

// scratchPath is where a guest sees its scratch folder.
const scratchPath = "/scratch"

// FileInfo describes a file or folder of a scratch folder.
type FileInfo struct {
	Path    string // relative to the scratch folder, with slashes; "." is the folder itself
	Size    int64
	ModTime time.Time
	Folder  bool
}

// inside turns a path as people and programs write it (relative, or beginning with /scratch) into one relative to the scratch
// folder.
func inside(p string) (string, error) {
	whole := p
	if !strings.HasPrefix(whole, "/") {
		whole = scratchPath + "/" + whole
	}
	clean := path.Clean(whole)
	switch {
	case strings.ContainsRune(p, 0):
		return "", ErrName
	case clean == scratchPath:
		return ".", nil
	case !strings.HasPrefix(clean, scratchPath+"/"):
		return "", ErrOutside
	}
	return strings.TrimPrefix(clean, scratchPath+"/"), nil
}

// fileError gives the host's error for a guest's number.
func fileError(errno esys.Errno) error {
	switch errno {
	case 0:
		return nil
	case esys.ENOENT:
		return fs.ErrNotExist
	case esys.EEXIST:
		return fs.ErrExist
	case errnoFull:
		return ErrQuota
	case esys.EISDIR:
		return ErrIsFolder
	case esys.ENOTDIR:
		return ErrNotFolder
	case esys.ENOTEMPTY:
		return ErrNotEmpty
	case esys.EINVAL, esys.ENAMETOOLONG:
		return ErrName
	case esys.EPERM, esys.EACCES:
		return fs.ErrPermission
	default:
		return errno
	}
}

func (at spot) info() FileInfo {
	return FileInfo{Path: at.path, Size: at.node.size, ModTime: time.Unix(0, at.node.changed), Folder: at.node.folder()}
}

// located runs work on an existing file or folder, with the lock held.
func (s *scratch) located(attempt, name string, work func(at spot) error) error {
	p, err := inside(name)
	if err != nil {
		return pathError(attempt, name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, errno := s.find(p)
	if errno != 0 {
		return pathError(attempt, name, fileError(errno))
	}
	return pathError(attempt, name, work(at))
}

func (s *scratch) stat(name string) (FileInfo, error) {
	var info FileInfo
	err := s.located("describe", name, func(at spot) error {
		info = at.info()
		return nil
	})
	return info, err
}

// list gives what is in a folder and up to depth levels below it, folders before what they hold; depth 1 is the folder's own
// entries, 0 is everything.
func (s *scratch) list(name string, depth int) ([]FileInfo, error) {
	var found []FileInfo
	err := s.located("list", name, func(at spot) error {
		if !at.node.folder() {
			return ErrNotFolder
		}
		var visit func(n *node, prefix string, level int)
		visit = func(n *node, prefix string, level int) {
			for _, name := range n.names() {
				kid := spot{node: n.kids[name], path: path.Join(prefix, name)}
				found = append(found, kid.info())
				if kid.node.folder() && (depth <= 0 || level < depth) {
					visit(kid.node, kid.path, level+1)
				}
			}
		}
		visit(at.node, at.path, 1)
		return nil
	})
	return found, err
}

// reader is an open file of a scratch folder for a caller on the host.
type reader struct{ h *handle }

// Read reads on from the current position.
func (r reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, errno := r.h.Read(b)
	if errno == 0 && n == 0 {
		return 0, io.EOF
	}
	return n, fileError(errno)
}

// Seek moves the current position.
func (r reader) Seek(offset int64, whence int) (int64, error) {
	at, errno := r.h.Seek(offset, whence)
	return at, fileError(errno)
}

// Close ends the reading.
func (r reader) Close() error { return fileError(r.h.Close()) }

func (s *scratch) openForReading(name string) (io.ReadSeekCloser, FileInfo, error) {
	var r reader
	var info FileInfo
	err := s.located("read", name, func(at spot) error {
		if at.node.folder() {
			return ErrIsFolder
		}
		h, errno := s.openLocked(at.path, esys.O_RDONLY)
		r, info = reader{h}, at.info()
		return fileError(errno)
	})
	if err != nil {
		return nil, FileInfo{}, err
	}
	return r, info, nil
}

// mkdirAll makes a folder and those above it that are missing.
func (s *scratch) mkdirAll(name string) error {
	p, err := inside(name)
	if err != nil {
		return pathError("make folder", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return pathError("make folder", name, s.mkdirAllLocked(p))
}

func (s *scratch) mkdirAllLocked(p string) error {
	if p == "." {
		return nil
	}
	parts := strings.Split(p, "/")
	for i := range parts {
		part := strings.Join(parts[:i+1], "/")
		if errno := s.mkdirLocked(part); errno != 0 && errno != esys.EEXIST {
			return fileError(errno)
		}
		if at, errno := s.find(part); errno != 0 || !at.node.folder() {
			return ErrNotFolder
		}
	}
	return nil
}

// removeAll removes a file, or a folder with all that is in it.
func (s *scratch) removeAll(name string) error {
	return s.located("remove", name, func(at spot) error {
		if at.node == s.top {
			return fs.ErrPermission
		}
		return s.removeAllLocked(at)
	})
}

func (s *scratch) removeAllLocked(at spot) error {
	for _, name := range at.node.names() {
		kid := spot{parent: at.node, name: name, node: at.node.kids[name], path: at.path + "/" + name}
		if err := s.removeAllLocked(kid); err != nil {
			return err
		}
	}
	return fileError(s.removeLocked(at))
}

// arriving begins the name of a file that is still coming from the host. It is at the top of the scratch folder.
const arriving = ".arriving-"

// put writes a file as a whole: it appears, or replaces what was there, when all of it has arrived. Missing folders are made.
// Until then its bytes are booked, but the guest does not see it.
func (s *scratch) put(name string, data io.Reader) (size int64, err error) {
	p, err := inside(name)
	if err != nil {
		return 0, pathError("write", name, err)
	}
	if p == "." {
		return 0, pathError("write", name, ErrIsFolder)
	}
	replaced, err := s.preparePut(p)
	if err != nil {
		return 0, pathError("write", name, err)
	}
	hidden := arriving + rand.Text()
	file, err := s.root.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, pathError("write", name, err)
	}
	size, err = s.receive(file, data, replaced)
	if closed := file.Close(); err == nil && closed != nil {
		err = fileError(errnoOf(closed))
	}
	if err == nil {
		err = s.arrive(hidden, p, size)
	}
	if err != nil {
		s.mu.Lock()
		s.bytes -= size
		s.mu.Unlock()
		return 0, errors.Join(pathError("write", name, err), s.discard(hidden))
	}
	return size, nil
}

// discard removes a file that did not arrive.
func (s *scratch) discard(hidden string) error {
	if err := s.root.Remove(hidden); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the unfinished file: %w", err)
	}
	return nil
}

// preparePut checks the place of a file that is to come, and gives the size of the one it will replace.
func (s *scratch) preparePut(p string) (replaced int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, errno := s.walk(p); errno != 0 && errno != esys.ENOENT {
		return 0, fileError(errno) // before any folder is made
	}
	if err := s.mkdirAllLocked(path.Dir(p)); err != nil {
		return 0, err
	}
	at, errno := s.walk(p)
	switch {
	case errno != 0:
		return 0, fileError(errno)
	case at.node != nil && at.node.folder():
		return 0, ErrIsFolder
	case at.node != nil:
		return at.node.size, nil
	case s.count >= s.quota.Files:
		return 0, ErrQuota
	}
	return 0, nil
}

// receive copies data to a file and books its bytes as they come. Those of the file it will replace may be exceeded for now.
func (s *scratch) receive(file *os.File, data io.Reader, replaced int64) (size int64, err error) {
	buffer := make([]byte, 128<<10)
	for {
		n, err := data.Read(buffer)
		if n > 0 {
			s.mu.Lock()
			full := s.bytes+int64(n) > s.quota.Bytes+replaced
			if !full {
				s.bytes += int64(n)
				size += int64(n)
			}
			s.mu.Unlock()
			if full {
				return size, ErrQuota
			}
			if _, err := file.Write(buffer[:n]); err != nil {
				return size, fileError(errnoOf(err))
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return size, nil
		case err != nil:
			return size, fmt.Errorf("read what is to be written: %w", err)
		}
	}
}

// arrive puts a complete file into its place. Its bytes are booked already.
func (s *scratch) arrive(hidden, p string, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, errno := s.walk(p)
	switch {
	case errno != 0:
		return fileError(errno)
	case at.node != nil && at.node.folder():
		return ErrIsFolder
	case at.node == nil && s.count >= s.quota.Files:
		return ErrQuota
	}
	if err := s.root.Rename(hidden, at.path); err != nil {
		return fileError(errnoOf(err))
	}
	if at.node != nil {
		s.unlink(at)
	}
	n := s.newNode(false)
	n.size = size
	s.link(at, n)
	return nil
}
