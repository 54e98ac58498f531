//go:build e2e && window

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// buildWindow builds the desktop program with the answers to the questions of tests, and with the toolkit's own watch over which
// goroutine calls it.
func buildWindow(ctx context.Context, folder string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "rig", "-o", folder+string(filepath.Separator), "./cmd/agentrun-tray")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", build.Args, err, out)
	}
	return nil
}
