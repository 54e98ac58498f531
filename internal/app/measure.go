package app

import (
	"context"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// keepFiguresEvery is the least time between two writings of how long things usually take.
const keepFiguresEvery = time.Minute

// keepFigures reads how long things usually take, and writes it down every now and then until ctx ends, and once more then. That it
// cannot is no reason to stop: it is only told.
func (a *App) keepFigures(ctx context.Context) error {
	if err := a.figures.Load(); err != nil {
		a.log.Warn("figures of before not known", "error", err)
	}
	token(a.poke)
	every := time.NewTicker(keepFiguresEvery)
	defer every.Stop()
	for ctx.Err() == nil {
		select {
		case <-every.C:
		case <-ctx.Done():
		}
		if err := a.figures.Save(); err != nil {
			a.log.Warn("figures not kept", "error", err)
		}
	}
	return nil
}

// open makes a session of a backend, and takes note of how long that took. One that was taken over says nothing about it.
func (a *App) open(b *backend) func(context.Context) (sandbox.Session, error) {
	return func(ctx context.Context) (sandbox.Session, error) {
		began := time.Now()
		s, err := b.Open(ctx)
		if err != nil {
			return nil, err
		}
		if t := born(s); t.IsZero() || !t.Before(began.Add(-time.Second)) { // the service has a clock of its own
			a.figures.Started(b.Name(), time.Since(began))
		}
		return s, nil
	}
}

// timeLoading takes note of how long a backend loads what its sessions need, until ctx ends.
func (a *App) timeLoading(ctx context.Context) error {
	var backend string
	var since time.Time // zero: nothing is being loaded
	for s := range a.hub.Watch(ctx) {
		switch l := s.Backend.Loading; {
		case l != nil && (since.IsZero() || backend != s.Backend.Name):
			backend, since = s.Backend.Name, l.Since
		case l == nil:
			if !since.IsZero() && backend == s.Backend.Name && s.Pool.Ready > 0 {
				a.figures.Loaded(backend, time.Since(since))
				token(a.poke)
			}
			since = time.Time{}
		}
	}
	return nil
}
