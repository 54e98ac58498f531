// Package local is the backend that runs code on the user's own computer, in the embedded WebAssembly engine of package
// localengine. It turns the engine's terms into those of the contract and owns the folders that code may write to.
//
// A sandbox is a private folder, its contexts are instances of the engine with a folder each below it. An instance that does
// not survive a run is replaced under the same context, with the same files. The engine is loaded by the first Open and shared
// by all sessions. The host makes one Backend and closes it after the sessions.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Name is the word for this backend in settings and results.
const Name = "local"

const (
	defaultMemory = 256 << 20
	maxRunTime    = 10 * time.Minute
	maxContexts   = 8
	maxFileSize   = 64 << 20
)

// missingModuleHint ends the error of importing a module that only the cloud has.
const missingModuleHint = "The AgentRun cloud backend has such packages; the backend of this context is \"local\"."

// Options say where a backend keeps things and how much it takes. The zero value of a field without a word to the contrary
// means the default.
type Options struct {
	// CacheDir keeps the compiled engine between starts of the program. It holds code that will be executed and belongs to the
	// engine alone. Empty: every start compiles anew.
	CacheDir string
	// ScratchRoot is the folder for the scratch folders. It is made when it is not there. Several backends may share it, also
	// of several processes. Required.
	ScratchRoot string
	// MemoryLimit bounds the memory of each context, in bytes: 256 MiB.
	MemoryLimit int64
	// Parallel is how many contexts may compute at the same time: all processors that Go uses but one.
	Parallel int
	// Logger receives one line per event, never code. Default: discarded.
	Logger *slog.Logger
}

// Backend makes sandboxes on this computer. Methods are safe for concurrent use.
type Backend struct {
	root   string
	engine *localengine.Engine
	traits sandbox.Traits
	log    *slog.Logger

	closed atomic.Bool

	mu   sync.Mutex // guards below; held while the home is made and removed, by Open and Close alone
	home *home      // nil before the first Open
}

// New checks the options. It starts nothing and touches no folder: the first Open does.
func New(options Options) (*Backend, error) {
	if !filepath.IsAbs(options.ScratchRoot) {
		return nil, fmt.Errorf("make the local backend: the scratch root %q is not an absolute path", options.ScratchRoot)
	}
	if options.MemoryLimit == 0 {
		options.MemoryLimit = defaultMemory
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	engine, err := localengine.New(localengine.Options{
		CacheDir: options.CacheDir, MemoryLimit: options.MemoryLimit, Parallel: options.Parallel,
		MissingModuleHint: missingModuleHint, Logger: options.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("make the local backend: %w", err)
	}
	return &Backend{root: options.ScratchRoot, engine: engine, log: options.Logger, traits: sandbox.Traits{
		Languages:             []sandbox.Language{sandbox.Python, sandbox.JavaScript},
		MaxRunTime:            maxRunTime,
		MaxContexts:           maxContexts,
		MaxCodeSize:           localengine.MaxCode,
		MaxFileSize:           maxFileSize,
		KeepsStateOnInterrupt: true,
		Streams:               true,
		Note: fmt.Sprintf("Code runs in a WebAssembly sandbox on this computer: Python 3.13 with its standard library, or JavaScript (QuickJS). "+
			"There is no network and nothing can be installed, so no numpy, pandas, matplotlib or npm packages; %d MiB of memory; "+
			"files go into the working folder, which lasts as long as the context.", options.MemoryLimit>>20),
	}}, nil
}

// Name implements [sandbox.Backend].
func (b *Backend) Name() string { return Name }

// Traits implements [sandbox.Backend].
func (b *Backend) Traits() sandbox.Traits {
	traits := b.traits
	traits.Languages = slices.Clone(traits.Languages)
	return traits
}

// Stats tells how far the engine is and what its contexts take.
func (b *Backend) Stats() localengine.Stats { return b.engine.Stats() }

// Changed gets a value after something in Stats changed, other than amounts of memory. It has room for one and one reader.
func (b *Backend) Changed() <-chan struct{} { return b.engine.Changed() }

// Open implements [sandbox.Backend]. The first one takes as long as the engine needs to load: about as long as compiling it,
// or a tenth of a second when it was compiled before.
func (b *Backend) Open(ctx context.Context) (sandbox.Session, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("open a local sandbox: %w", err)
	}
	home, err := b.settle()
	if err != nil {
		return nil, fmt.Errorf("open a local sandbox: %w", err)
	}
	if err := b.engine.Load(ctx); err != nil {
		return nil, fmt.Errorf("open a local sandbox: %w", err)
	}
	id := "local-" + randomHex()
	dir := filepath.Join(home.dir, id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open a local sandbox: %w", err)
	}
	return &session{backend: b, id: id, dir: dir, contexts: make(map[string]*codeContext)}, nil
}

// settle makes the backend's home at the first call, after clearing up what others left behind.
func (b *Backend) settle() (*home, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return nil, localengine.ErrClosed
	}
	if b.home == nil {
		if err := Sweep(b.root); err != nil {
			b.log.Warn("abandoned scratch folders stay", "error", err)
		}
		made, err := newHome(b.root)
		if err != nil {
			return nil, err
		}
		b.home = made
	}
	return b.home, nil
}

// Close ends the engine, and with it every sandbox that is still open, and removes the scratch folders. If ctx ends first it
// may be called again. Open fails from the first call on.
func (b *Backend) Close(ctx context.Context) error {
	b.closed.Store(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.engine.Close(ctx); err != nil {
		return fmt.Errorf("close the local backend: %w", err)
	}
	if b.home == nil {
		return nil
	}
	if err := b.home.remove(); err != nil {
		return fmt.Errorf("close the local backend: remove the scratch folders: %w", err)
	}
	return nil
}

// isGone reports whether an error of the engine means that the sandbox is gone.
func isGone(err error) bool { return errors.Is(err, localengine.ErrClosed) }
