// Package localengine runs Python and JavaScript on the user's own machine: CPython and QuickJS as WebAssembly, in this
// process, with no network, no environment, and one folder each.
//
// An Engine loads a kernel per language once: it compiles it, starts the interpreter, and keeps a snapshot of its memory. An
// instance is a copy of that snapshot, made in milliseconds; it keeps its variables from cell to cell. A guest cannot be
// pre-empted, so the kernels carry safepoints in all their loops: there a guest lets Go's collector work, passes its place on
// the processor on when others wait, and ends when it was told to.
//
// The package owns the instances, their memory and the access to their scratch folders; the folders themselves are the
// caller's. It knows nothing of sessions, contexts or protocols. Instances are named by plain values and give and take values
// and streams only, so that the engine could move to a process of its own. Its caller is internal/backend/local.
package localengine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest"
)

// Language names a kernel.
type Language string

// The languages.
const (
	Python     Language = "python"
	JavaScript Language = "javascript"
)

// ID names an instance of one engine. IDs are not used twice.
type ID uint64

// Options say how an engine works. Useful without any of them.
type Options struct {
	// CacheDir keeps compiled kernels between starts of the program. It holds code that will be executed, so it is made
	// readable by nobody else; it belongs to the engine alone. Empty means that every start compiles anew.
	CacheDir string
	// MemoryLimit bounds the memory of each instance, in bytes: 256 MiB by default, at most 2 GiB.
	MemoryLimit int64
	// Parallel is how many guests may compute at the same time; all others wait for their turn. By default all but one of those
	// that Go uses, so that whoever only asks for something is not kept waiting by what computes.
	Parallel int
	// Grace is how long an interrupted cell has to end before its instance is: 2 s by default.
	Grace time.Duration
	// MissingModuleHint is a sentence for the error of importing a Python module that is known but not here, such as numpy.
	MissingModuleHint string
	// CopySnapshots copies snapshots even where instances could share their pages.
	CopySnapshots bool
	// Logger may be nil.
	Logger *slog.Logger
}

// Spec describes an instance.
type Spec struct {
	Language Language
	// ScratchDir is an existing folder, closed to other users, that the guest sees as /scratch, its working folder. It belongs
	// to the caller, who removes it after the instance. Files already in it are the guest's to use.
	ScratchDir string
	Quota      Quota
	Output     OutputLimit
}

// Engine runs instances. Its methods are safe for concurrent use.
type Engine struct {
	log     *slog.Logger
	kernels map[Language]*kernel
	changed chan struct{}
	work    sync.WaitGroup          // loads, and calls that make or use instances
	giveUp  context.CancelCauseFunc // ends loads that are under way

	mu        sync.Mutex // guards below; never held while a guest runs or a file is touched
	closed    bool
	last      ID
	instances map[ID]*instance
}

const (
	defaultMemory = 256 << 20
	mostMemory    = 2 << 30
	leastMemory   = 64 << 20
)

// New checks the options. It starts nothing: Load does.
func New(options Options) (*Engine, error) {
	if options.MemoryLimit == 0 {
		options.MemoryLimit = defaultMemory
	}
	if options.MemoryLimit < leastMemory || options.MemoryLimit > mostMemory {
		return nil, fmt.Errorf("make a local engine: a memory limit of %d MiB is not between %d and %d", options.MemoryLimit>>20, leastMemory>>20, mostMemory>>20)
	}
	if options.Parallel == 0 {
		options.Parallel = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if options.Parallel < 0 || options.Grace < 0 {
		return nil, errors.New("make a local engine: Parallel and Grace must not be negative")
	}
	if options.Grace == 0 {
		options.Grace = 2 * time.Second
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	life, giveUp := context.WithCancelCause(context.Background())
	e := &Engine{log: options.Logger, changed: make(chan struct{}, 1), giveUp: giveUp, instances: map[ID]*instance{}}
	places := newSlots(options.Parallel)
	epoch := time.Now()
	made := map[Language]parts{
		Python:     {wasm: guest.Python, library: guest.Library, boot: guest.BootPython() + "\n_hint = " + literal(options.MissingModuleHint) + "\n"},
		JavaScript: {wasm: guest.JavaScript, boot: guest.BootJavaScript()},
	}
	e.kernels = make(map[Language]*kernel, len(made))
	for language, parts := range made {
		cacheDir := options.CacheDir
		if cacheDir != "" {
			cacheDir = filepath.Join(cacheDir, string(language))
		}
		e.kernels[language] = &kernel{
			log: e.log, language: language, parts: parts, cacheDir: cacheDir, memoryLimit: options.MemoryLimit / wasmPage * wasmPage, copying: options.CopySnapshots,
			grace: options.Grace, places: places, epoch: epoch, phase: Idle, changed: e.notify, spawn: e.spawn, life: life,
		}
	}
	return e, nil
}

// literal writes a string so that Python reads it: JSON's strings are Python's.
func literal(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // strings always have a JSON form
		return `""`
	}
	return string(b)
}

// notify tells the reader of Changed, unless it has yet to read that something changed.
func (e *Engine) notify() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// Changed gets a value after something in Stats changed, other than amounts of memory. It has room for one and one reader.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// use keeps Close waiting until done is called.
func (e *Engine) use() (done func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	e.work.Add(1)
	return e.work.Done, nil
}

func (e *Engine) spawn(f func()) error {
	done, err := e.use()
	if err != nil {
		return err
	}
	go func() {
		defer done()
		f()
	}()
	return nil
}

// Load makes the kernels of all languages ready, side by side. It may be called often and at any time; the work is done once,
// unless it fails, and goes on until Close when ctx ends, as others may be waiting for it. Create loads what it needs by itself.
func (e *Engine) Load(ctx context.Context) error {
	errs := make([]error, len(e.kernels))
	var wg sync.WaitGroup
	for i, language := range e.Languages() {
		wg.Go(func() { errs[i] = e.kernels[language].ready(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Languages lists what the engine can run.
func (e *Engine) Languages() []Language {
	languages := make([]Language, 0, len(e.kernels))
	for language := range e.kernels {
		languages = append(languages, language)
	}
	slices.Sort(languages)
	return languages
}

// Create makes an instance, which lives until Destroy, Close, or a run that it does not survive.
func (e *Engine) Create(ctx context.Context, spec Spec) (ID, error) {
	k := e.kernels[spec.Language]
	if k == nil {
		return 0, fmt.Errorf("create an instance: %w %q (there are %v)", ErrUnknownLanguage, spec.Language, e.Languages())
	}
	done, err := e.use()
	if err != nil {
		return 0, fmt.Errorf("create an instance: %w", err)
	}
	defer done()
	if err := k.ready(ctx); err != nil {
		return 0, fmt.Errorf("create an instance: %w", err)
	}
	s, err := openScratch(spec.ScratchDir, spec.Quota.withDefaults())
	if err != nil {
		return 0, fmt.Errorf("create an instance: %w", err)
	}
	in, err := k.fork(ctx, s)
	if err != nil {
		return 0, fmt.Errorf("create an instance: %w", err)
	}
	in.limit = spec.Output.withDefaults()
	e.mu.Lock()
	e.last++
	in.id = e.last
	e.instances[in.id] = in // Close waits for us, and then finds it
	e.mu.Unlock()
	e.notify()
	return in.id, nil
}

func (e *Engine) find(id ID) (*instance, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if in := e.instances[id]; in != nil {
		return in, nil
	}
	if e.closed {
		return nil, ErrClosed
	}
	return nil, unknown(id)
}

// Run executes code as the next cell of an instance, which runs one at a time. While it runs, events gets its output, in
// order and on the calling goroutine; it must be quick, as the guest waits, and may be nil. When ctx ends, the cell is
// interrupted every half second, and after the grace ended by force.
//
// An error the cell ended with is part of the Result. The error returned is ErrUnknownInstance, ErrBusy, ErrInvalidCode or
// ErrTooLarge, after which nothing has happened, or a *StateLostError, after which the ID is unknown.
func (e *Engine) Run(ctx context.Context, id ID, code string, events func(Event)) (Result, error) {
	if err := checkCode(code); err != nil {
		return Result{}, fmt.Errorf("run code: %w", err)
	}
	in, err := e.find(id)
	if err != nil {
		return Result{}, fmt.Errorf("run code: %w", err)
	}
	result, survived, err := in.run(ctx, code, events)
	if !survived {
		e.takeDown(ctx, in)
	}
	if err != nil {
		return Result{}, fmt.Errorf("run code: %w", err)
	}
	return result, nil
}

// takeDown ends an instance that the caller has claimed.
func (e *Engine) takeDown(ctx context.Context, in *instance) {
	e.mu.Lock()
	delete(e.instances, in.id)
	e.mu.Unlock()
	if err := in.takeDown(ctx); err != nil {
		e.log.Warn("instance left something behind", "instance", uint64(in.id), "error", err)
	}
	e.notify()
}

// Interrupt asks the cell that an instance runs to stop, every half second until it does. The instance and its variables stay.
// Without a running cell it does nothing.
func (e *Engine) Interrupt(id ID) error {
	in, err := e.find(id)
	if err != nil {
		return fmt.Errorf("interrupt: %w", err)
	}
	in.interrupt()
	return nil
}

// Destroy ends an instance, also while it runs, and returns when all of it is given back. If ctx ends first, that happens
// later.
func (e *Engine) Destroy(ctx context.Context, id ID) error {
	in, err := e.find(id)
	if err != nil {
		return fmt.Errorf("destroy: %w", err)
	}
	return e.destroy(ctx, in)
}

func (e *Engine) destroy(ctx context.Context, in *instance) error {
	in.end(Destroyed)
	if in.claim() {
		e.takeDown(ctx, in)
		return nil
	}
	select {
	case <-in.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("destroy instance %d: %w", in.id, context.Cause(ctx))
	}
}

// Close ends every instance and load, and gives all memory back. If ctx ends first, it may be called again.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.giveUp(ErrClosed)
	idle := make(chan struct{})
	go func() { // ends with the calls that are under way
		e.work.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		return fmt.Errorf("close the local engine: %w", context.Cause(ctx))
	}
	e.mu.Lock()
	left := make([]*instance, 0, len(e.instances))
	for _, in := range e.instances {
		left = append(left, in)
	}
	e.mu.Unlock()
	errs := make([]error, len(left))
	var wg sync.WaitGroup
	for i, in := range left {
		wg.Go(func() { errs[i] = e.destroy(ctx, in) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the local engine: %w", err)
	}
	for _, k := range e.kernels {
		errs = append(errs, k.shut(context.WithoutCancel(ctx)))
	}
	return errors.Join(errs...)
}

// KernelStats describes a kernel.
type KernelStats struct {
	Language Language
	Phase    Phase
	Compile  time.Duration // how long compiling took, or reading from the cache
	Start    time.Duration // how long starting the interpreter took
	Snapshot int64         // bytes that every instance begins with
	Failure  error         // why the last load failed
}

// InstanceStats describes an instance.
type InstanceStats struct {
	ID       ID
	Language Language
	Running  bool
	Memory   int64 // bytes that the instance takes by itself; where the system does not tell, all it could take
	Files    int   // files and folders in its scratch folder
	FileSize int64 // bytes of them
}

// Stats describes an engine at one moment.
type Stats struct {
	Kernels   []KernelStats   // by language
	Instances []InstanceStats // by ID
}

// Stats looks at the engine. It takes the time to ask the system about the memory of every instance.
func (e *Engine) Stats() Stats {
	var stats Stats
	for _, language := range e.Languages() {
		stats.Kernels = append(stats.Kernels, e.kernels[language].stats())
	}
	e.mu.Lock()
	instances := make([]*instance, 0, len(e.instances))
	for _, in := range e.instances {
		instances = append(instances, in)
	}
	e.mu.Unlock()
	slices.SortFunc(instances, func(a, b *instance) int { return int(a.id) - int(b.id) }) //nolint:gosec // counted from one
	for _, in := range instances {
		in.mu.Lock()
		running := in.cell != nil
		in.mu.Unlock()
		size, count := in.scratch.usage()
		stats.Instances = append(stats.Instances, InstanceStats{
			ID: in.id, Language: in.kernel.language, Running: running, Memory: in.arena.resident(), Files: count, FileSize: size,
		})
	}
	return stats
}

// withScratch runs work on the scratch folder of an instance, which may be running.
func (e *Engine) withScratch(id ID, work func(s *scratch) error) error {
	in, err := e.find(id)
	if err != nil {
		return err
	}
	if err = work(in.scratch); errors.Is(err, fs.ErrClosed) {
		return unknown(id) // it went away meanwhile
	}
	return err
}

// Paths in the methods below are relative to the scratch folder or begin with /scratch, and use slashes. Their errors are
// fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, ErrOutside, ErrQuota, ErrIsFolder, ErrNotFolder, ErrName and
// ErrUnknownInstance. The instance may be running.

// List gives what is in a folder of an instance and up to depth levels below it: 1 is the folder's own entries, 0 everything.
// Folders come before what they hold.
func (e *Engine) List(id ID, path string, depth int) (files []FileInfo, err error) {
	err = e.withScratch(id, func(s *scratch) error {
		files, err = s.list(path, depth)
		return err
	})
	return files, err
}

// Stat describes a file or folder of an instance.
func (e *Engine) Stat(id ID, path string) (info FileInfo, err error) {
	err = e.withScratch(id, func(s *scratch) error {
		info, err = s.stat(path)
		return err
	})
	return info, err
}

// Open opens a file of an instance for reading. The reader stays usable when the file is removed, and must be closed.
func (e *Engine) Open(id ID, path string) (file io.ReadSeekCloser, info FileInfo, err error) {
	err = e.withScratch(id, func(s *scratch) error {
		file, info, err = s.openForReading(path)
		return err
	})
	return file, info, err
}

// ReadFile gives the content of a file of at most limit bytes; a longer one is ErrTooLarge.
func (e *Engine) ReadFile(id ID, path string, limit int64) (data []byte, err error) {
	file, info, err := e.Open(id, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if info.Size <= limit {
		data, err = io.ReadAll(io.LimitReader(file, limit+1)) // it may be growing
		if err != nil {
			return nil, pathError("read", path, err)
		}
	}
	if info.Size > limit || int64(len(data)) > limit {
		return nil, pathError("read", path, fmt.Errorf("%w: it has %d bytes, over the limit of %d", ErrTooLarge, max(info.Size, int64(len(data))), limit))
	}
	return data, nil
}

// WriteFile writes a file of an instance and gives its size. It appears as a whole, or replaces what was there, once data has
// ended; missing folders are made. Errors of data are wrapped.
func (e *Engine) WriteFile(id ID, path string, data io.Reader) (size int64, err error) {
	err = e.withScratch(id, func(s *scratch) error {
		size, err = s.put(path, data)
		return err
	})
	return size, err
}

// MakeFolder makes a folder of an instance, and those above it that are missing. One that is there already is no error.
func (e *Engine) MakeFolder(id ID, path string) error {
	return e.withScratch(id, func(s *scratch) error { return s.mkdirAll(path) })
}

// Remove removes a file of an instance, or a folder with everything in it.
func (e *Engine) Remove(id ID, path string) error {
	return e.withScratch(id, func(s *scratch) error { return s.removeAll(path) })
}
