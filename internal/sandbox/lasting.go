package sandbox

import (
	"context"
	"errors"
	"time"
)

// Lasting is a [Session] whose sandbox can outlive the program that made it, and be taken over by the next.
type Lasting interface {
	Session

	// Born is when the sandbox's life began: before Open was called, for one that was taken over.
	Born() time.Time

	// Detach lets go of the sandbox in place of Close: its contexts are stopped and their files removed, but it lives on, for the
	// next program to take over. After an error Close must be called; after a success it may be, and ends the sandbox.
	Detach(ctx context.Context) error
}

// IfLost returns an error of Check if it says that the sandbox is gone. Any other error means that nothing could be found out, and
// a sandbox is not to be given up for that: nil.
func IfLost(err error) error {
	if errors.Is(err, ErrSessionLost) {
		return err
	}
	return nil
}
