package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The programs print a JSON object: what, and the best of a few times in milliseconds by their own clock.
var (
	//go:embed programs/compute.py
	computePython string
	//go:embed programs/compute.js
	computeJavaScript string
)

// tasks are what both programs do, by the name under which they report it.
var tasks = []struct{ key, label string }{
	{"fib", "fib(27)"},
	{"loop", "loop of 1e6 turns"},
	{"json", "JSON round trips"},
	{"sort", "sort of 200k floats"},
}

// slowdown is how many times native Python ours may take.
const slowdown = 5

func measurePython(ctx context.Context, b *bench) ([]row, error) {
	return compute(ctx, b, "Python", "python", "python3", computePython, slowdown)
}

// JavaScript has no aim: node compiles to machine code, QuickJS interprets.
func measureJavaScript(ctx context.Context, b *bench) ([]row, error) {
	return compute(ctx, b, "JavaScript", "javascript", "node", computeJavaScript, 0)
}

// compute runs one source text in a context and in a native interpreter, in turns, and compares the best times of each.
func compute(ctx context.Context, b *bench, label, language, native, source string, aim float64) (rows []row, err error) {
	h, err := b.host(ctx)
	if err != nil {
		return nil, err
	}
	relay, err := b.relay(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.close()) }()
	id, err := relay.newContext("compute", language)
	if err != nil {
		return nil, err
	}
	ours := func(context.Context) (map[string]float64, error) {
		printed, err := relay.runCode(id, source, 300)
		if err != nil {
			return nil, err
		}
		return readTimes(printed)
	}
	theirs := func(context.Context) (map[string]float64, error) { return nil, nil }
	peer, err := interpreter(ctx, native)
	if errors.Is(err, exec.ErrNotFound) {
		b.sayf("%s is not installed: no peer for %s", native, label)
	} else if err != nil {
		return nil, err
	} else {
		file := filepath.Join(b.folder, "compute-"+language)
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			return nil, err
		}
		theirs = func(ctx context.Context) (map[string]float64, error) {
			printed, err := output(ctx, peer.path, file)
			if err != nil {
				return nil, err
			}
			return readTimes(printed)
		}
	}
	a, z, err := alternate(ctx, b.rounds(6), ours, theirs)
	if err != nil {
		return nil, err
	}
	for _, task := range tasks {
		mine, other := best(a, task.key), best(z, task.key)
		r := row{what: label + " " + task.label, ours: short(mine)}
		if peer != nil {
			ratio := float64(mine) / float64(other)
			r = r.against(peer.name, short(other), ratio)
			if aim > 0 {
				r = r.aimed(fmt.Sprintf("≤ %gx", aim), ratio <= aim)
			}
		}
		rows = append(rows, r)
	}
	return rows, relay.stopContext(id)
}

func readTimes(printed string) (map[string]float64, error) {
	var t map[string]float64
	if err := json.Unmarshal([]byte(printed), &t); err != nil {
		return nil, fmt.Errorf("the program printed %q: %w", printed, err)
	}
	for _, task := range tasks {
		if !(t[task.key] > 0) {
			return nil, fmt.Errorf("the program printed no time for %s: %q", task.key, printed)
		}
	}
	return t, nil
}

// best is the shortest time of all rounds.
func best(rounds []map[string]float64, key string) time.Duration {
	least := math.Inf(1)
	for _, r := range rounds {
		if t, ok := r[key]; ok {
			least = min(least, t)
		}
	}
	return time.Duration(least * float64(time.Millisecond))
}

// native is an interpreter installed on this machine.
type native struct {
	name string // with its version
	path string // of the program itself, not of a script that looks for it
}

// interpreter finds python3 or node. What is on the path may be a script that chooses among versions and takes longer than
// what it starts, so the interpreter is asked where it is.
func interpreter(ctx context.Context, name string) (*native, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, err
	}
	ask := []string{"-c", "import platform, sys; print(sys.executable); print(platform.python_version())"}
	if name == "node" {
		ask = []string{"-p", `process.execPath + "\n" + process.versions.node`}
	}
	printed, err := output(ctx, path, ask...)
	if err != nil {
		return nil, err
	}
	real, version, ok := strings.Cut(strings.TrimSpace(printed), "\n")
	if !ok {
		return nil, fmt.Errorf("%s does not say what it is: %q", path, printed)
	}
	return &native{strings.TrimSuffix(name, "3") + " " + strings.TrimSpace(version), strings.TrimSpace(real)}, nil
}

func output(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w: %s", program, err, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	return string(out), nil
}
