package app

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/local"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/mock"
	"github.com/agentrun-tray/agentrun-tray/internal/cost"
	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// backend is a backend with what the host needs to know beside the contract. What is nil it has not.
type backend struct {
	sandbox.Backend
	identity  string                          // the same for what could stand in for each other
	shown     status.Backend                  // what there is to show of it that does not change
	close     func(ctx context.Context) error // ends what it keeps beside its sessions
	changed   <-chan struct{}                 // something of loading is different
	loading   func() status.Loader            // what it waits for before its first session; zero: nothing
	recover   func(ctx context.Context) error // looks after what an earlier host has left
	permanent func(err error) bool            // no waiting mends this failure of Open
	create    time.Duration                   // how long Open may take
	paid      bool                            // its sandboxes cost money
	heavy     bool                            // its first session takes the processor of this computer
	machine   func() cost.Machine             // what those are like
	fleeting  bool                            // it stands for what cannot be had now, and is forgotten when it is not used
}

// Close ends what the backend keeps beside its sessions. The sessions are closed before.
func (b *backend) Close(ctx context.Context) error {
	if b.close == nil {
		return nil
	}
	return b.close(ctx)
}

func newMock() *backend {
	return &backend{Backend: mock.New(), identity: mock.Name}
}

func newLocal(opt Options) (*backend, error) {
	b, err := local.New(local.Options{
		CacheDir:    filepath.Join(opt.Dirs.Cache, "engine"),
		ScratchRoot: filepath.Join(opt.Dirs.Data, "scratch"),
		Logger:      opt.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the local backend: %w", err)
	}
	var since firstSeen
	return &backend{
		Backend: b, identity: local.Name, close: b.Close, changed: b.Changed(), heavy: true,
		loading: func() status.Loader {
			l := enginePreparation(b.Stats())
			l.Since = since.of(l.What != "")
			return l
		},
	}, nil
}

// firstSeen remembers since when something goes on.
type firstSeen struct {
	mu    sync.Mutex
	since time.Time
}

func (f *firstSeen) of(goesOn bool) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !goesOn {
		f.since = time.Time{}
	} else if f.since.IsZero() {
		f.since = time.Now()
	}
	return f.since
}

// enginePreparation says what the engine is doing before it can run code, if it is.
func enginePreparation(stats localengine.Stats) status.Loader {
	stage := status.Launching
	var doing []string
	for _, k := range stats.Kernels {
		switch k.Phase {
		case localengine.Compiling:
			doing = append(doing, "compiling "+string(k.Language))
			stage = status.Compiling // takes longest
		case localengine.Starting:
			doing = append(doing, "starting "+string(k.Language))
		case localengine.Idle, localengine.Ready, localengine.Failed:
		}
	}
	if doing == nil {
		return status.Loader{}
	}
	return status.Loader{What: strings.Join(doing, ", "), Stage: stage}
}
