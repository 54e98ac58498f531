package localengine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func reserve(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
}

// commit makes the front of a reserved region usable. Its pages come when they are touched.
func commit(region []byte, n int) error {
	if n == 0 {
		return nil
	}
	return unix.Mprotect(region[:n], unix.PROT_READ|unix.PROT_WRITE)
}

func release(region []byte) { _ = unix.Munmap(region) }

// sharedImage is a file in memory that instances map privately: they share its pages until they write to them.
type sharedImage struct {
	fd     int
	length int
}

// newImage keeps memory for later instances.
func newImage(memory []byte, copying bool) (image, error) {
	if copying {
		return newCopiedImage(memory), nil
	}
	fd, err := unix.MemfdCreate("localengine-snapshot", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil { // an old kernel, or a sandbox around us
		return newCopiedImage(memory), nil
	}
	im := &sharedImage{fd: fd, length: len(memory)}
	for rest := memory; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("keep the snapshot in memory: %w", err), im.close())
		}
		rest = rest[max(n, 0):]
	}
	// Nobody changes the pages that instances share, not even by mistake.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return nil, errors.Join(fmt.Errorf("seal the snapshot: %w", err), im.close())
	}
	return im, nil
}

func (im *sharedImage) size() int { return im.length }

func (im *sharedImage) lay(a *arena) error {
	if im.length > len(a.region) {
		return errNoMemory
	}
	front := unsafe.Pointer(&a.region[0]) //nolint:gosec // the arena's own range, which is long enough
	_, err := unix.MmapPtr(im.fd, 0, front, uintptr(im.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	if err != nil {
		return fmt.Errorf("map the snapshot: %w", err)
	}
	return nil
}

func (im *sharedImage) close() error { return unix.Close(im.fd) }

// resident is how much memory the front of a region takes by itself, without what it shares with the snapshot.
func resident(region []byte) int64 {
	whole := int64(len(region))
	if whole == 0 {
		return 0
	}
	file, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return whole
	}
	defer func() { _ = file.Close() }() // opened for reading
	page := os.Getpagesize()
	entries := make([]byte, len(region)/page*8)
	at := int64(uintptr(unsafe.Pointer(&region[0]))) / int64(page) * 8 //nolint:gosec // user addresses fit
	if _, err := file.ReadAt(entries, at); err != nil {
		return whole
	}
	const present, swapped, shared = 1 << 63, 1 << 62, 1 << 61
	var own int64
	for i := 0; i < len(entries); i += 8 {
		if e := binary.NativeEndian.Uint64(entries[i:]); e&(present|swapped) != 0 && e&shared == 0 {
			own += int64(page)
		}
	}
	return own
}
