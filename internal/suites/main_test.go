//go:build suites

package suites

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for something that should happen at once, on a machine that is busy with other things.
const patience = time.Minute

var (
	// folder is where packaging/npm.sh has put the suites.
	folder = flag.String("suites", "", "folder with the installed suites (make suites passes it)")

	// Set before any test runs.
	node          string // what the suites run on
	realPrograms  string // the programs as they are released
	fixedPrograms string // the same with the fixture beside

	summary verdicts
)

// verdicts are what the suites have said of themselves, printed at the end.
type verdicts struct {
	mu   sync.Mutex // guards below
	text []string
}

func (v *verdicts) add(t *testing.T, text string) {
	t.Helper()
	t.Log(text)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.text = append(v.text, text)
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withPrograms(m.Run))
}

func withPrograms(run func() int) int {
	programs, err := os.MkdirTemp("", "agentrun-suites-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "suites:", err)
		return 1
	}
	defer os.RemoveAll(programs)
	realPrograms, fixedPrograms = filepath.Join(programs, "real"), filepath.Join(programs, "fixed")
	if err := errors.Join(findNode(), build(realPrograms), build(fixedPrograms, "-tags", "conformance")); err != nil {
		fmt.Fprintln(os.Stderr, "suites:", err)
		return 1
	}
	code := run()
	for _, text := range slices.Sorted(slices.Values(summary.text)) {
		fmt.Println(text)
	}
	return code
}

func findNode() error {
	if *folder == "" {
		return errors.New("where are the suites? Run the tests by: make suites")
	}
	cmd := exec.Command("sh", "node.sh", *folder)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return errors.New(strings.TrimSpace(stderr.String()))
	}
	node = strings.TrimSpace(string(out))
	return nil
}

// build builds what an installation puts beside each other.
func build(into string, more ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-o", into + string(filepath.Separator)}, more...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/agentrun-mcp", "./cmd/agentrunctl")...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// TestReleasedProgramsHoldNothingOfTheFixture looks for its names in the programs themselves.
func TestReleasedProgramsHoldNothingOfTheFixture(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		programs string
		want     bool
	}{{realPrograms, false}, {fixedPrograms, true}} {
		program, err := os.ReadFile(filepath.Join(test.programs, "agentrunctl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"test_simple_text", "test://watched-resource", "test_input_required_result_prompt"} {
			if got := bytes.Contains(program, []byte(name)); got != test.want {
				t.Errorf("agentrunctl in %s contains %q: %v, want %v", test.programs, name, got, test.want)
			}
		}
	}
}
