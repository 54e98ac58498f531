package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// patience bounds one measurement, so that a program that hangs costs one row and not the table.
const patience = 10 * time.Minute

// bench is what the measurements share: where the programs are, a folder for temporary things, and one host that is started
// by the first that needs it.
type bench struct {
	bin         string        // folder of the programs under test
	self        string        // this program, which plays the peers
	folder      string        // everything temporary is below
	nodeModules string        // where the packages of the TypeScript peer are; empty: not installed
	idle        time.Duration // how long the desktop program is left alone
	quick       bool
	progress    io.Writer

	homes int
	main  *host // nil until needed
}

// measurement is one group of rows.
type measurement struct {
	name  string
	about string
	run   func(ctx context.Context, b *bench) ([]row, error)
}

// cases lists the measurements in the order of the table.
func cases() []measurement {
	return []measurement{
		{"start", "start of the host", measureStart},
		{"hello", "print('hi') through the whole stack", measureHello},
		{"context", "new contexts", measureContexts},
		{"copied", "new instances of the engine alone", measureCopied},
		{"python", "computing in Python", measurePython},
		{"javascript", "computing in JavaScript", measureJavaScript},
		{"http", "list_contexts over HTTP", measureHTTP},
		{"traffic", "calls per second, next to other servers", measureTraffic},
		{"added", "what the relay adds", measureAdded},
		{"spawn", "start of the relay", measureSpawn},
		{"busy", "calls beside runs that compute", measureBusy},
		{"interrupt", "stopping an endless loop", measureInterrupt},
		{"memory", "memory of relay and host", measureMemory},
		{"pool", "leases of the pool", measurePool},
		{"cloud", "the first sessions in the cloud", measureCloud},
		{"roundtrip", "what we add to a run in the cloud", measureRoundTrip},
		{"window", "start of the desktop program", measureWindow},
		{"idle", "the desktop program while nobody uses it", measureIdle},
		{"draw", "views drawn by the desktop program", measureDrawing},
		{"crowd", "a host with as many sessions in the cloud as it may have", measureCrowd},
	}
}

func names(list []measurement) string {
	var b strings.Builder
	for i, m := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(m.name)
	}
	return b.String()
}

func newBench(bin string, quick bool, progress io.Writer) (*bench, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which plays the peers: %w", err)
	}
	folder, err := os.MkdirTemp("", "agentrun-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for temporary things: %w", err)
	}
	return &bench{bin: bin, self: self, folder: folder, quick: quick, progress: progress}, nil
}

// measure makes the wanted rows and prints the table. A measurement that fails has a row that says so, and the rest goes on.
func (b *bench) measure(ctx context.Context, wanted *regexp.Regexp, out io.Writer) error {
	before := load()
	var rows []row
	var failed []error
	for _, m := range cases() {
		if !wanted.MatchString(m.name) {
			continue
		}
		b.sayf("%s: %s", m.name, m.about)
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, patience+b.idle)
		made, err := m.run(limited, b)
		cancel()
		rows = append(rows, made...)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.name, err))
			rows = append(rows, row{what: m.about, ours: "could not be measured, see below"})
		}
		b.sayf("%s: %v", m.name, time.Since(began).Round(time.Second))
	}
	if len(rows) == 0 {
		return fmt.Errorf("nothing to measure; there are: %s", names(cases()))
	}
	kind := ""
	if b.quick {
		kind = ", -quick: not to be quoted"
	}
	fmt.Fprintf(out, "%s %s/%s, %d processors, load %s before and %s after%s\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), before, load(), kind)
	return errors.Join(append(failed, printTable(out, rows))...)
}

// rounds is how often a measurement takes turns with its peer.
func (b *bench) rounds(n int) int {
	if b.quick {
		return max(n/3, 2)
	}
	return n
}

// size is how much one round does.
func (b *bench) size(n int) int {
	if b.quick {
		return max(n/5, 1)
	}
	return n
}

func (b *bench) program(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(b.bin, name)
}

// home is a new folder for programs to keep their things in. Its path is short: a socket has its place in it.
func (b *bench) home() string {
	b.homes++
	return filepath.Join(b.folder, fmt.Sprintf("home-%d", b.homes))
}

// host returns the host that the measurements share. It lives until close.
func (b *bench) host(ctx context.Context) (*host, error) {
	if b.main == nil {
		h, err := startHost(context.WithoutCancel(ctx), b, b.home())
		if err != nil {
			return nil, err
		}
		b.main = h
	}
	return b.main, b.main.awaitReady(ctx)
}

// close ends the shared host and removes what is temporary.
func (b *bench) close() error {
	var err error
	if b.main != nil {
		err = b.main.stop()
	}
	return errors.Join(err, os.RemoveAll(b.folder))
}

// sayf tells whoever watches what is going on.
func (b *bench) sayf(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}

// load is how busy the machine is, for whoever reads the figures later.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
