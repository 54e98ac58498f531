//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long a test waits for something that should happen at once, on a machine that is busy with other things.
const patience = time.Minute

// programs is the folder with the programs under test. TestMain sets it before any test runs.
var programs string

func relayProgram() string   { return filepath.Join(programs, "agentrun-mcp") }
func controlProgram() string { return filepath.Join(programs, "agentrunctl") }

func TestMain(m *testing.M) { os.Exit(withPrograms(m.Run)) }

// withPrograms builds what an installation puts beside each other: the relay starts the agentrunctl in its own folder.
func withPrograms(run func() int) int {
	folder, err := os.MkdirTemp("", "agentrun-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(folder)
	programs = filepath.Join(folder, "bin")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", programs+string(filepath.Separator), "./cmd/agentrun-mcp", "./cmd/agentrunctl")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: %v: %v\n%s", build.Args, err, out)
		return 1
	}
	if err := buildWindow(ctx, programs); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	engine = &engineCache{folder: filepath.Join(folder, "engine")}
	return run()
}
