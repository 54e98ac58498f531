//go:build !linux && !darwin && !windows

package bridge

import "context"

func awaitExit(ctx context.Context, pid int, _ func() bool) bool { return pollParent(ctx, pid) }

func processName(int) string { return "" }
