package localengine

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	esys "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/sys"
)

// position is an offset in a file. It has a name so that vet does not take the Seek of the runtime's files, which gives a number
// and no error, for a mistaken io.Seeker.
type position = int64

// handle is an open file or folder of a scratch folder. It keeps its own position and reads and writes by offset only. One
// handle is used by one goroutine.
type handle struct {
	esys.UnimplementedFile
	s       *scratch
	node    *node
	file    *os.File // nil for a folder
	read    bool
	write   bool
	appends bool
	counted bool // among the guest's open files
	closed  bool
	at      int64
	names   []string // of a folder, that Readdir has yet to give; nil before the first call
}

func (h *handle) Dev() (uint64, esys.Errno)        { return scratchDevice, 0 }
func (h *handle) Ino() (sys.Inode, esys.Errno)     { return h.node.ino, 0 }
func (h *handle) IsDir() (bool, esys.Errno)        { return h.node.folder(), 0 }
func (h *handle) IsAppend() bool                   { return h.appends }
func (h *handle) SetAppend(enable bool) esys.Errno { h.appends = enable; return 0 }

// Sync and Datasync do nothing: what is in a scratch folder need not survive a power cut.

func (h *handle) Sync() esys.Errno     { return 0 }
func (h *handle) Datasync() esys.Errno { return 0 }

func (h *handle) Stat() (sys.Stat_t, esys.Errno) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.node.stat(), 0
}

func (h *handle) Utimens(_, changed int64) esys.Errno {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.node.changed = changed
	return 0
}

func (h *handle) Read(b []byte) (int, esys.Errno) {
	n, errno := h.Pread(b, h.at)
	h.at += int64(n)
	return n, errno
}

func (h *handle) Pread(b []byte, at int64) (int, esys.Errno) {
	switch {
	case h.file == nil:
		return 0, esys.EISDIR
	case !h.read:
		return 0, esys.EBADF
	case at < 0:
		return 0, esys.EINVAL
	}
	n, err := h.file.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, errnoOf(err)
}

func (h *handle) Write(b []byte) (int, esys.Errno) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.appends {
		h.at = h.node.size
	}
	n, errno := h.writeLocked(b, h.at)
	h.at += int64(n)
	return n, errno
}

func (h *handle) Pwrite(b []byte, at int64) (int, esys.Errno) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.writeLocked(b, at)
}

func (h *handle) writeLocked(b []byte, at int64) (int, esys.Errno) {
	switch {
	case h.file == nil:
		return 0, esys.EISDIR
	case !h.write:
		return 0, esys.EBADF
	case at < 0 || at > farthest:
		return 0, esys.EINVAL
	case len(b) == 0:
		return 0, 0
	}
	before := h.node.size
	if errno := h.s.resize(h.node, max(before, at+int64(len(b)))); errno != 0 {
		return 0, errno
	}
	n, err := h.file.WriteAt(b, at)
	h.node.changed = time.Now().UnixNano()
	if err != nil {
		_ = h.s.resize(h.node, max(before, at+int64(n))) // never more than was booked above
	}
	return n, errnoOf(err)
}

func (h *handle) Truncate(to int64) esys.Errno {
	switch {
	case h.file == nil:
		return esys.EISDIR
	case !h.write:
		return esys.EBADF
	case to < 0 || to > farthest:
		return esys.EINVAL
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	before := h.node.size
	if errno := h.s.resize(h.node, to); errno != 0 {
		return errno
	}
	if err := h.file.Truncate(to); err != nil {
		_ = h.s.resize(h.node, before) // it was booked a moment ago
		return errnoOf(err)
	}
	h.node.changed = time.Now().UnixNano()
	return 0
}

func (h *handle) Seek(offset position, whence int) (position, esys.Errno) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += h.at
	case io.SeekEnd:
		h.s.mu.Lock()
		offset += h.node.size
		h.s.mu.Unlock()
	default:
		return 0, esys.EINVAL
	}
	if offset < 0 || h.file == nil && offset != 0 {
		return 0, esys.EINVAL
	}
	h.at, h.names = offset, nil
	return offset, 0
}

// Readdir gives the names as they were at the first call, without those that have gone since.
func (h *handle) Readdir(most int) ([]esys.Dirent, esys.Errno) {
	if !h.node.folder() {
		return nil, esys.EBADF
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.names == nil {
		h.names = h.node.names()
	}
	var entries []esys.Dirent
	for len(h.names) > 0 && (most <= 0 || len(entries) < most) {
		name := h.names[0]
		h.names = h.names[1:]
		kid := h.node.kids[name]
		if kid == nil {
			continue
		}
		entry := esys.Dirent{Name: name, Ino: kid.ino}
		if kid.folder() {
			entry.Type = fs.ModeDir
		}
		entries = append(entries, entry)
	}
	return entries, 0
}

// names gives the names in a folder, sorted.
func (n *node) names() []string {
	names := make([]string, 0, len(n.kids))
	for name := range n.kids {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (h *handle) Close() esys.Errno {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.closed {
		return 0
	}
	h.closed = true
	h.node.handles--
	if h.counted {
		h.s.open--
	}
	if h.node.deleted && h.node.handles == 0 {
		h.s.forget(h.node)
	}
	if h.file == nil {
		return 0
	}
	return errnoOf(h.file.Close())
}
