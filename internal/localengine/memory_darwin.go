package localengine

import "golang.org/x/sys/unix"

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

// newImage keeps memory for later instances.
func newImage(memory []byte, _ bool) (image, error) { return newCopiedImage(memory), nil }

// resident is how much memory the front of a region takes, at most.
func resident(region []byte) int64 { return int64(len(region)) }
