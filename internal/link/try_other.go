//go:build !unix

package link

import "syscall"

// tryWrite writes nothing: there is no writing without waiting here, and so it is left to the
// goroutine that may.
func tryWrite(syscall.RawConn, []byte) (int, error) { return 0, nil }
