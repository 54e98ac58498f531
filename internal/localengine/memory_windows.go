package localengine

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func reserve(n int) ([]byte, error) {
	base, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	// The address comes from the system and not from Go's heap, so the collector has no business with it.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&base)), n), nil
}

// commit makes the front of a reserved region usable. What is usable already stays as it is.
func commit(region []byte, n int) error {
	if n == 0 {
		return nil
	}
	_, err := windows.VirtualAlloc(uintptr(unsafe.Pointer(&region[0])), uintptr(n), windows.MEM_COMMIT, windows.PAGE_READWRITE)
	return err
}

func release(region []byte) {
	_ = windows.VirtualFree(uintptr(unsafe.Pointer(&region[0])), 0, windows.MEM_RELEASE)
}

// newImage keeps memory for later instances.
func newImage(memory []byte, _ bool) (image, error) { return newCopiedImage(memory), nil }

// resident is how much memory the front of a region takes, at most.
func resident(region []byte) int64 { return int64(len(region)) }
