package editors

import (
	"context"
	"fmt"
)

// Release takes note that the user wants an editor to be as it is: what it has dropped or changed of our entry is not missed any more
// (see Status.Lost). No settings file is touched.
func (s *Set) Release(ctx context.Context, id ID) error {
	r, err := rowOf(id)
	if err != nil {
		return err
	}
	lock, err := s.begin(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	j := s.journal(r.id)
	if j.err != nil {
		return fmt.Errorf("%s: %w", r.name, j.err)
	}
	if !j.wants() {
		return nil
	}
	if _, err := j.begin(toDisconnect, ByFile, nil); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}
