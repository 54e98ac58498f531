//go:build suites

package suites

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// conformance are the ways in which the conformance suite is run. The newer version has a frozen list of scenarios for each
// revision of the protocol.
var conformance = []struct {
	name   string
	folder string
	args   []string
}{
	{"0.1", "conformance-0.1", []string{"--suite", "all"}},
	{"0.2-2025-11-25", "conformance-0.2", []string{"--requirements", "2025-11-25"}},
	{"0.2-2026-07-28", "conformance-0.2", []string{"--requirements", "2026-07-28"}},
}

// TestRealPrograms: what needs nothing of the fixture passes, and the Inspector finds what there is. One after the other: what
// happens to contexts on behalf of one would be told to the other.
func TestRealPrograms(t *testing.T) {
	t.Parallel()
	h := serve(t, realPrograms)
	t.Run("conformance", func(t *testing.T) {
		for _, c := range conformance {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				list := filepath.Join("testdata", "real-"+c.name+".yaml")
				runConformance(t, c.folder, h.letIn(t), list, slices.Concat(c.args, []string{"--expected-failures", abs(t, list)})...).judge(t, "the real programs")
			})
		}
	})
	t.Run("inspector", func(t *testing.T) { inspect(t, h) })
}

// TestConformanceWithTheFixture: everything that is scored passes, and of the rest nothing fails that is not known to.
// Each run has a host of its own: the newer era's changes the lists of tools and prompts, and the others would hear of it.
func TestConformanceWithTheFixture(t *testing.T) {
	t.Parallel()
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, fixedPrograms, "--backend", "mock")
			rep := runConformance(t, c.folder, h.letIn(t), filepath.Join("testdata", "fixture-"+c.name+".yaml"), c.args...)
			rep.judge(t, "the fixture")
			for name := range rep.expected {
				if !rep.unscored[name] {
					t.Errorf("%s is scored and must pass; it may not stand in the list of expected failures", name)
				}
			}
		})
	}
}

// report is what came of one run of the conformance suite.
type report struct {
	version   string
	args      string
	order     []string
	scenarios map[string]*scenario
	total     string            // the suite's own summary line
	unscored  map[string]bool   // scenarios which the suite runs and does not count
	expected  map[string]string // scenarios that may fail, and why
	code      int               // how the suite ended
	output    string
}

type scenario struct {
	failed int // checks, as the suite's summary has it
	faults []fault
}

// fault is a check that did not pass. As in the suite's own comparison with a list of expected failures, a warning is one.
type fault struct{ check, text string }

var (
	summaryLine  = regexp.MustCompile(`(?m)^([✓✗]) (\S+): (\d+) passed, (\d+) failed$`)
	totalLine    = regexp.MustCompile(`(?m)^Total: \d+ passed, \d+ failed$`)
	unscoredLine = regexp.MustCompile(`(?m)^  [✓✗] (\S+) \((?:extension|added-after-release|pending|not scored)\)$`)
	resultFolder = regexp.MustCompile(`^(?:server-)?(.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$`)
)

// runConformance runs the suite against an endpoint.
func runConformance(t *testing.T, pack, endpoint, list string, args ...string) *report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	base := filepath.Join(*folder, "node_modules", pack)
	results := t.TempDir()
	rep := &report{args: strings.Join(args[:2], " "), scenarios: make(map[string]*scenario), unscored: make(map[string]bool), expected: readList(t, list)}
	rep.version = packageVersion(t, base)
	cmd := exec.CommandContext(ctx, node, append([]string{filepath.Join(base, "dist", "index.js"), "server", "--url", endpoint, "-o", results}, args...)...)
	cmd.Dir = results
	out, err := cmd.CombinedOutput()
	rep.output, rep.code = string(out), cmd.ProcessState.ExitCode()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && (!failed || ctx.Err() != nil) {
		t.Fatalf("the suite did not run to its end: %v\n%s", err, rep.tail())
	}
	_, text, found := strings.Cut(rep.output, "=== SUMMARY ===")
	rep.total = totalLine.FindString(text)
	if !found || rep.total == "" {
		t.Fatalf("the suite ended with exit code %d and no summary:\n%s", rep.code, rep.tail())
	}
	for _, m := range summaryLine.FindAllStringSubmatch(text, -1) {
		rep.order = append(rep.order, m[2])
		rep.scenarios[m[2]] = &scenario{failed: number(t, m[4])}
	}
	for _, m := range unscoredLine.FindAllStringSubmatch(text, -1) {
		rep.unscored[m[1]] = true
	}
	rep.readFaults(t, results)
	for _, s := range rep.scenarios {
		if s.failed > 0 && len(s.faults) == 0 {
			s.faults = []fault{{"", "it failed, and the suite has not written down why"}}
		}
	}
	return rep
}

// readFaults reads what the suite has written down of each check.
func (r *report) readFaults(t *testing.T, results string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(results, "*", "checks.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		m := resultFolder.FindStringSubmatch(filepath.Base(filepath.Dir(file)))
		if m == nil {
			t.Fatalf("the suite has results in %s, which names no scenario", file)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var checks []struct {
			ID           string `json:"id"`
			Status       string `json:"status"`
			ErrorMessage string `json:"errorMessage"`
		}
		if err := json.Unmarshal(text, &checks); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s, ran := r.scenarios[m[1]]
		if !ran {
			t.Fatalf("the suite has results of %q, which its summary does not name", m[1])
		}
		for _, c := range checks {
			if c.Status == "FAILURE" || c.Status == "WARNING" {
				s.faults = append(s.faults, fault{c.ID, fmt.Sprintf("%s %s: %s", c.Status, c.ID, c.ErrorMessage)})
			}
		}
	}
}

// judge compares what failed with what may fail: whole scenarios, or single checks of them.
func (r *report) judge(t *testing.T, whom string) {
	t.Helper()
	passed, expected, unexpected := 0, 0, 0
	used := make(map[string]bool)
	for _, name := range r.order {
		failed := false
		for _, f := range r.scenarios[name].faults {
			entry := name
			if _, whole := r.expected[name]; !whole {
				entry = name + ":" + f.check
			}
			if _, known := r.expected[entry]; known {
				used[entry] = true
				continue
			}
			failed = true
			t.Errorf("%s: %s", name, f.text)
		}
		switch {
		case failed:
			unexpected++
		case len(r.scenarios[name].faults) > 0:
			expected++
		default:
			passed++
		}
	}
	for entry, why := range r.expected {
		if !used[entry] {
			unexpected++
			t.Errorf("%s does not fail (any more), though the list of expected failures has it, as: %s. Take it off the list", entry, why)
		}
	}
	if r.code != 0 {
		unexpected++
		t.Errorf("the suite ended with exit code %d, want 0:\n%s", r.code, r.tail())
	}
	if passed == 0 || strings.HasPrefix(r.total, "Total: 0 ") {
		t.Errorf("the suite ran %d scenarios, of which %d passed, and says %q", len(r.order), passed, r.total)
	}
	verdict := fmt.Sprintf("conformance %s %s, %s: %d scenarios passed, %d expected to fail (why: internal/suites/testdata), %d unexpected. The suite: %s",
		r.version, r.args, whom, passed, expected, unexpected, r.total)
	whys := make(map[string][]string) // of what is not scored
	for entry, why := range r.expected {
		if r.unscored[entry] {
			whys[why] = append(whys[why], entry)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(whys)) {
		verdict += fmt.Sprintf("\n    not scored and failed: %s: %s", strings.Join(slices.Sorted(slices.Values(whys[why])), ", "), why)
	}
	summary.add(t, verdict)
}

// tail is the end of what the suite has said.
func (r *report) tail() string { return r.output[max(0, len(r.output)-4000):] }

// readList reads a list of expected failures: the part of YAML that such lists need, with a reason behind every entry. There is none
// where nothing is expected to fail.
func readList(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	list := make(map[string]string)
	for n, line := range bytes.Split(text, []byte("\n")) {
		line := strings.TrimSpace(string(line))
		if line == "" || line == "server:" || line == "server: []" || strings.HasPrefix(line, "#") {
			continue
		}
		entry, why, ok := strings.Cut(line, " # ")
		name, is := strings.CutPrefix(strings.TrimSpace(entry), "- ")
		if !ok || !is || strings.TrimSpace(why) == "" {
			t.Fatalf("%s:%d: want - SCENARIO # REASON, got %q", file, n+1, line)
		}
		list[name] = strings.TrimSpace(why)
	}
	return list
}

func packageVersion(t *testing.T, folder string) string {
	t.Helper()
	var p struct {
		Version string `json:"version"`
	}
	readJSON(t, filepath.Join(folder, "package.json"), &p)
	return p.Version
}

func number(t *testing.T, digits string) int {
	t.Helper()
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func abs(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
