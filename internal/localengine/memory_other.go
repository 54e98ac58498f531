//go:build !linux && !darwin && !windows

package localengine

func reserve(n int) ([]byte, error) { return make([]byte, n), nil } // not moved: Go's collector leaves things where they are

func commit([]byte, int) error { return nil }

func release([]byte) {}

// newImage keeps memory for later instances.
func newImage(memory []byte, _ bool) (image, error) { return newCopiedImage(memory), nil }

// resident is how much memory the front of a region takes, at most.
func resident(region []byte) int64 { return int64(len(region)) }
