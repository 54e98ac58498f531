package app

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/local"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/mock"
	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// backend is the chosen backend with what the host needs to know beside the contract.
type backend struct {
	sandbox.Backend
	setting string                          // what was asked for
	close   func(ctx context.Context) error // ends what the backend keeps beside its sessions; nil: nothing
	loading func() string                   // what is being prepared before the first session, or ""; nil: nothing
}

// backends is the table of what can be chosen by name. "auto" is the first.
var backends = []struct {
	name string
	make func(Options) (*backend, error)
}{
	{"local", newLocal},
	{"mock", func(Options) (*backend, error) { return &backend{Backend: mock.New()}, nil }},
}

func newBackend(opt Options) (*backend, error) {
	name := opt.Config.Backend
	if name == "" || name == "auto" {
		name = backends[0].name
	}
	for _, row := range backends {
		if row.name != name {
			continue
		}
		b, err := row.make(opt)
		if err != nil {
			return nil, fmt.Errorf("prepare the %s backend: %w", name, err)
		}
		b.setting = opt.Config.Backend
		return b, nil
	}
	return nil, fmt.Errorf("there is no backend %q; choose auto, local or mock", name)
}

func newLocal(opt Options) (*backend, error) {
	b, err := local.New(local.Options{
		CacheDir:    filepath.Join(opt.Dirs.Cache, "engine"),
		ScratchRoot: filepath.Join(opt.Dirs.Data, "scratch"),
		Logger:      opt.Logger,
	})
	if err != nil {
		return nil, err
	}
	return &backend{Backend: b, close: b.Close, loading: func() string { return enginePreparation(b.Stats()) }}, nil
}

// enginePreparation says what the engine is doing before it can run code, or "".
func enginePreparation(stats localengine.Stats) string {
	var doing []string
	for _, k := range stats.Kernels {
		switch k.Phase {
		case localengine.Compiling:
			doing = append(doing, "compiling "+string(k.Language))
		case localengine.Starting:
			doing = append(doing, "starting "+string(k.Language))
		case localengine.Idle, localengine.Ready, localengine.Failed:
		}
	}
	return strings.Join(doing, ", ")
}

// Close ends what the backend keeps beside its sessions. The sessions are closed before.
func (b *backend) Close(ctx context.Context) error {
	if b.close == nil {
		return nil
	}
	return b.close(ctx)
}
