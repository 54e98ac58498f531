// Package filelock takes locks that the operating system gives back when their holder ends in any way, so that a crash never
// leaves one behind. A lock is a file; what it guards is its users' business.
package filelock

import "errors"

// ErrHeld says that somebody else holds the lock.
var ErrHeld = errors.New("somebody else holds the lock")
