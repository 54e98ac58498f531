//go:build !darwin && !windows

package bridge

import (
	"context"
	"os"
	"time"
)

// pollParent is for kernels that cannot tell when another process ends: an orphan gets another
// parent, and asking for that once a second costs nothing.
func pollParent(ctx context.Context, pid int) bool {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for os.Getppid() == pid {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
