package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// measureCopied makes Python instances with the engine alone, in this process: with the snapshot shared copy-on-write, as the
// host has it here, and with the snapshot copied, which is how it is done where a system cannot share.
func measureCopied(ctx context.Context, b *bench) (rows []row, err error) {
	cache := filepath.Join(b.home(), "engine")
	makers := make([]*maker, 2)
	for i := range makers {
		engine, wrong := localengine.New(localengine.Options{CacheDir: cache, CopySnapshots: i == 0})
		if wrong != nil {
			return nil, wrong
		}
		defer func() { err = errors.Join(err, engine.Close(context.WithoutCancel(ctx))) }()
		if wrong := engine.Load(ctx); wrong != nil {
			return nil, wrong
		}
		makers[i] = &maker{bench: b, engine: engine}
	}
	copied, shared := makers[0], makers[1]
	if _, _, err := alternate(ctx, 3, copied.instance, shared.instance); err != nil { // to warm up
		return nil, err
	}
	copied.first, shared.first = nil, nil
	a, z, err := alternate(ctx, b.rounds(60), copied.instance, shared.instance)
	if err != nil {
		return nil, err
	}
	p50 := series(a).p50()
	return []row{
		row{what: "engine alone: Python instance from a copied snapshot (p50 / p99)", ours: both(a)}.
			against("ours, copy-on-write", both(z), quotient(a, z)).
			aimed("p50 ≤ "+short(copiedAim), p50 <= copiedAim),
		row{what: "engine alone: the same with its first run (p50 / p99)", ours: both(copied.first)}.
			against("ours, copy-on-write", both(shared.first), quotient(copied.first, shared.first)),
	}, nil
}

// maker makes instances with one engine.
type maker struct {
	bench  *bench
	engine *localengine.Engine
	first  series // making one and its first run
}

// instance makes an instance, runs something in it, and takes it down. It returns how long making it took.
func (m *maker) instance(ctx context.Context) (made time.Duration, err error) {
	scratch, err := os.MkdirTemp(m.bench.folder, "scratch-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	began := time.Now()
	id, err := m.engine.Create(ctx, localengine.Spec{Language: localengine.Python, ScratchDir: scratch})
	if err != nil {
		return 0, err
	}
	made = time.Since(began)
	result, err := m.engine.Run(ctx, id, "print('hi')", nil)
	m.first = append(m.first, time.Since(began))
	if err == nil && result.Outcome != localengine.Finished {
		err = fmt.Errorf("print('hi') ended as %q", result.Outcome)
	}
	return made, errors.Join(err, m.engine.Destroy(ctx, id))
}
