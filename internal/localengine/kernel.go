package localengine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

const (
	libraryPath   = "/usr/local/lib/python3.13" // where guests see their library
	letterboxSize = 64 << 10                    // guest memory set aside for code, so that a small cell runs when memory is used up
)

// Phase says how far a kernel is on its way to being ready.
type Phase string

// The phases, in order; Failed may be left by another Load.
const (
	Idle      Phase = "idle"      // not asked for yet
	Compiling Phase = "compiling" // WebAssembly becomes machine code, or comes from the cache
	Starting  Phase = "starting"  // the interpreter starts, once, for the snapshot
	Ready     Phase = "ready"
	Failed    Phase = "failed"
)

// parts are what a kernel is made from.
type parts struct {
	wasm    func() ([]byte, error)
	library func() ([]byte, error) // nil: an empty one
	boot    string
}

// kernel is one language, compiled, with the snapshot from which its instances begin. It is loaded once, when first needed.
type kernel struct {
	language    Language
	parts       parts
	log         *slog.Logger
	cacheDir    string // of this kernel alone; empty: none
	memoryLimit int64
	copying     bool
	grace       time.Duration
	places      *slots
	epoch       time.Time
	changed     func()
	spawn       func(func()) error // runs something on a goroutine that the engine waits for
	life        context.Context    // the engine's: a load is for all who wait, and no caller's end ends it

	// Written by load, read only after it.
	library *library
	cache   wazero.CompilationCache
	runtime wazero.Runtime
	code    wazero.CompiledModule
	image   image
	flags   [4]uint32
	letters uint32

	room sync.Mutex // held while the runtime lays the data of a new module into data
	data *arena

	mu      sync.Mutex // guards below
	phase   Phase
	flight  *flight // the load that is under way
	compile time.Duration
	start   time.Duration
	failure error
}

type flight struct {
	done chan struct{}
	err  error
}

// ready waits until the kernel is loaded, and loads it if nobody does. A load that failed is tried again by the next caller.
// The load itself is not bound to ctx, as others may be waiting for it.
func (k *kernel) ready(ctx context.Context) error {
	k.mu.Lock()
	if k.phase == Ready {
		k.mu.Unlock()
		return nil
	}
	f := k.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		if err := k.spawn(func() { k.load(f) }); err != nil {
			k.mu.Unlock()
			return err
		}
		k.flight = f
	}
	k.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("wait for the %s kernel: %w", k.language, context.Cause(ctx))
	}
}

func (k *kernel) enterPhase(p Phase) {
	k.mu.Lock()
	k.phase = p
	k.mu.Unlock()
	k.changed()
}

func (k *kernel) load(f *flight) {
	err := k.build(k.life)
	if err != nil {
		err = errors.Join(fmt.Errorf("load the %s kernel: %w", k.language, err), k.close(context.Background()))
	}
	k.mu.Lock()
	k.phase, k.failure, k.flight, f.err = Ready, err, nil, err
	if err != nil {
		k.phase = Failed
	}
	k.mu.Unlock()
	close(f.done)
	k.changed()
}

func (k *kernel) build(ctx context.Context) error {
	began := time.Now()
	k.enterPhase(Compiling)
	wasm, err := k.parts.wasm()
	if err != nil {
		return err
	}
	var archive []byte
	if k.parts.library != nil {
		if archive, err = k.parts.library(); err != nil {
			return err
		}
	}
	if k.library, err = newLibrary(archive); err != nil {
		return err
	}
	if err := k.compileCached(ctx, wasm); err != nil {
		return err
	}
	compiled := time.Now()
	k.mu.Lock()
	k.compile = compiled.Sub(began)
	k.mu.Unlock()
	k.enterPhase(Starting)
	if err := k.snapshot(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	k.start = time.Since(compiled)
	k.mu.Unlock()
	return nil
}

// compileCached compiles with the cache on disk. If that fails and works without, the cache is at fault, after a crash or on a
// full disk: it is thrown away, and the next start fills it anew.
func (k *kernel) compileCached(ctx context.Context, wasm []byte) error {
	if k.cacheDir == "" {
		return k.compileWith(ctx, wasm, wazero.NewCompilationCache())
	}
	cached := k.compileOnDisk(ctx, wasm)
	if cached == nil {
		return pruneCache(k.cacheDir, 1)
	}
	if ctx.Err() != nil { // not the cache's fault
		return cached
	}
	if err := errors.Join(k.close(ctx), k.compileWith(ctx, wasm, wazero.NewCompilationCache())); err != nil {
		return err
	}
	k.log.Warn("kernel compiled without its cache", "language", string(k.language), "error", errors.Join(cached, pruneCache(k.cacheDir, 0)))
	return nil
}

func (k *kernel) compileOnDisk(ctx context.Context, wasm []byte) error {
	for _, dir := range []string{filepath.Dir(k.cacheDir), k.cacheDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x; what it holds will be executed
			return err
		}
	}
	cache, err := wazero.NewCompilationCacheWithDir(k.cacheDir)
	if err != nil {
		return err
	}
	return k.compileWith(ctx, wasm, cache)
}

// pruneCache removes all but the newest files of a kernel's cache, which holds one for each version of the kernel.
func pruneCache(dir string, keep int) error {
	type entry struct {
		path    string
		changed time.Time
	}
	var entries []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			entries = append(entries, entry{path, info.ModTime()})
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look through the compile cache: %w", err)
	}
	slices.SortFunc(entries, func(a, b entry) int { return b.changed.Compare(a.changed) })
	for _, old := range entries[min(keep, len(entries)):] {
		if err := os.Remove(old.path); err != nil {
			return fmt.Errorf("clear the compile cache: %w", err)
		}
	}
	return nil
}

func (k *kernel) compileWith(ctx context.Context, wasm []byte, cache wazero.CompilationCache) error {
	k.cache = cache
	config := wazero.NewRuntimeConfig().WithCompilationCache(cache).WithDebugInfoEnabled(false).WithMemoryLimitPages(uint32(k.memoryLimit / wasmPage)) //nolint:gosec // checked in New
	k.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if err := provide(ctx, k.runtime); err != nil {
		return err
	}
	// A single worker would not look whether ctx has ended.
	code, err := k.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, max(2, runtime.NumCPU())), wasm)
	if err != nil {
		return fmt.Errorf("compile the kernel: %w", err)
	}
	k.code = code
	return nil
}

// snapshot starts the interpreter and keeps its memory.
func (k *kernel) snapshot(ctx context.Context) (err error) {
	in, err := k.newInstance(ctx, emptyScratch())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.takeDown(ctx)) }()
	least := in.module.Memory().Size()
	if err := k.startInterpreter(in); err != nil {
		return err
	}
	if in.module.Memory().Size() == least { // a copy must grow to be moved; see newInstance
		if _, ok := in.module.Memory().Grow(1); !ok {
			return errNoMemory
		}
	}
	memory, _ := in.module.Memory().Read(0, in.module.Memory().Size()) // the whole is always there
	if n := in.scratch.opened(); n != 0 {
		return fmt.Errorf("the interpreter holds %d files open, which a copy of it would not have", n)
	}
	if k.image, err = newImage(memory, k.copying); err != nil {
		return err
	}
	k.data, err = newArena(int64(least))
	return err
}

func (k *kernel) startInterpreter(in *instance) error {
	var said bytes.Buffer
	in.out = newOutput(OutputLimit{}.withDefaults(), func(e Event) { said.WriteString(e.Text) })
	in.occupy(in.stop)
	defer in.leave()
	if _, err := in.call("_initialize"); err != nil {
		return fmt.Errorf("start the interpreter: %w", err)
	}
	boot, _, err := in.mail(k.parts.boot)
	if err != nil {
		return fmt.Errorf("start the interpreter: %w", err)
	}
	// The interpreter's own limit, for the language that has one, leaves room for what is not heap.
	status, err := in.call("k_init", uint64(boot), uint64(len(k.parts.boot)), uint64(k.memoryLimit/8*7)) //nolint:gosec // positive
	in.out.end()
	if err != nil || status != 0 {
		return errors.Join(fmt.Errorf("start the interpreter: status %d: %s", int32(status), said.String()), err) //nolint:gosec // an i32
	}
	if k.letters, err = in.call("k_alloc", letterboxSize); err != nil || k.letters == 0 {
		return errors.Join(errors.New("the kernel has no memory for code"), err)
	}
	if _, err := in.call("k_free", uint64(boot)); err != nil {
		return err
	}
	where, err := in.call("k_intr")
	if err != nil {
		return err
	}
	for i := range k.flags {
		k.flags[i], _ = in.module.Memory().ReadUint32Le(where + uint32(i)*4) // a bad address is found next
	}
	_, err = in.arena.flags(k.flags)
	return err
}

// moduleSyntax finds what only modules may have.
var moduleSyntax = regexp.MustCompile(`(?m)^[ \t]*(?:import[ \t]*[\w{*'"]|export[ \t]+[\w{*]|(?:.*\bawait[ \t]+)import\()`)

// explain adds what the language does not say about an error that people new to the sandbox meet.
func (k *kernel) explain(code string, e *CellError) {
	if k.language == JavaScript && (e.Name == "SyntaxError" || e.Name == "ReferenceError" && strings.Contains(e.Message, "load module")) && moduleSyntax.MatchString(code) {
		e.Traceback += "Cells are scripts and not modules: use require('fs') and the like instead of import, and leave out export.\n"
	}
}

// fork makes an instance from the snapshot. The instance, or an error, ends the use of the scratch folder.
func (k *kernel) fork(ctx context.Context, s *scratch) (*instance, error) {
	in, err := k.newInstance(ctx, s)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := k.continueSnapshot(in); err != nil {
		return nil, errors.Join(err, in.takeDown(ctx))
	}
	return in, nil
}

func (k *kernel) continueSnapshot(in *instance) error {
	memory := in.module.Memory()
	missing := uint32(k.image.size()) - memory.Size() //nolint:gosec // at most the memory limit
	if _, ok := memory.Grow(missing / wasmPage); !ok {
		return errNoMemory
	}
	if err := k.image.lay(in.arena); err != nil {
		return err
	}
	var err error
	if in.flags, err = in.arena.flags(k.flags); err != nil {
		return err
	}
	in.letters = k.letters
	var said bytes.Buffer
	in.out = newOutput(OutputLimit{}.withDefaults(), func(e Event) { said.WriteString(e.Text) })
	in.occupy(in.stop)
	defer in.leave()
	status, err := in.call("k_fork")
	in.out.end()
	if err != nil || status != 0 {
		return errors.Join(fmt.Errorf("continue from the snapshot: status %d: %s", int32(status), said.String()), err) //nolint:gosec // an i32
	}
	return nil
}

// close gives back what load made. No instance is left.
func (k *kernel) close(ctx context.Context) error {
	var err error
	if k.image != nil {
		err = errors.Join(err, k.image.close())
	}
	if k.data != nil {
		k.data.Free()
	}
	if k.runtime != nil {
		err = errors.Join(err, k.runtime.Close(ctx))
	}
	if k.cache != nil {
		err = errors.Join(err, k.cache.Close(ctx))
	}
	k.image, k.runtime, k.cache, k.code, k.data = nil, nil, nil, nil, nil
	return err
}

// shut is close for an engine that ends.
func (k *kernel) shut(ctx context.Context) error {
	k.mu.Lock()
	k.phase = Idle
	k.mu.Unlock()
	return k.close(ctx)
}

func (k *kernel) stats() KernelStats {
	k.mu.Lock()
	defer k.mu.Unlock()
	stats := KernelStats{Language: k.language, Phase: k.phase, Compile: k.compile, Start: k.start, Failure: k.failure}
	if k.phase == Ready {
		stats.Snapshot = int64(k.image.size())
	}
	return stats
}
