//go:build unix

package link

import (
	"errors"
	"syscall"
)

// tryWrite writes as much as the socket takes at once. It never waits.
func tryWrite(raw syscall.RawConn, p []byte) (n int, err error) {
	if raw == nil {
		return 0, nil
	}
	outer := raw.Write(func(fd uintptr) bool {
		for n < len(p) {
			var wrote int
			wrote, err = syscall.Write(int(fd), p[n:])
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if err != nil {
				break
			}
			n += wrote
		}
		return true // also when the socket is full: whoever waits for it is somebody else
	})
	if errors.Is(err, syscall.EAGAIN) {
		err = nil
	}
	if err == nil {
		err = outer
	}
	return n, err
}
