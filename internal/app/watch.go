package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

var (
	errIdle  = errors.New("nothing was connected for a while")
	errAsked = errors.New("agentrunctl stop")
)

// report logs how the start went: what runs code, when the first session was ready, when all were, which tools there are.
func (a *App) report(ctx context.Context) error {
	first := a.hub.Current()
	b := first.Backend
	a.log.Info("starting", "version", version.String(), "backend", b.Name, "setting", b.Setting, "region", b.Region, "template", b.Template, "credentials", b.Credentials)
	a.log.Info("creating sessions", "warm", first.Pool.Warm, "ceiling", first.Pool.Max, "isolation", a.settings().Pool.Isolation)
	usable, doing := false, ""
	for s := range a.hub.Watch(ctx) {
		if l := s.Backend.Loading; l != nil && l.What != doing {
			doing = l.What
			a.log.Info("progress", "what", doing, "after", time.Since(a.started).Round(time.Millisecond))
		}
		if s.Pool.Ready == 0 && s.Pool.Warm > 0 || s.Addresses.Socket == "" {
			continue
		}
		if !usable && s.Pool.Ready > 0 {
			usable = true
			a.log.Info("first session ready", "took", time.Since(a.started).Round(time.Millisecond))
		}
		if s.Pool.Ready < s.Pool.Warm {
			continue
		}
		a.log.Info("pool ready", "ready", s.Pool.Ready, "of", s.Pool.Warm, "took", time.Since(a.started).Round(time.Millisecond))
		a.log.Info("tools", "names", strings.Join(a.server.Tools(), " "))
		a.log.Info("serving", "mode", s.Backend.Name, "socket", s.Addresses.Socket, "http", s.Addresses.HTTP)
		return nil
	}
	return nil
}

// exitWhenIdle ends the host when nothing was connected and no context lived for the time set.
func (a *App) exitWhenIdle(ctx context.Context, stop context.CancelCauseFunc) error {
	timer := time.AfterFunc(a.opt.IdleExit, func() { stop(errIdle) })
	defer timer.Stop()
	busy := false
	for s := range a.hub.Watch(ctx) {
		now := inUse(s)
		if now && !busy {
			timer.Stop()
		} else if !now && busy {
			timer.Reset(a.opt.IdleExit)
		}
		busy = now
	}
	return nil
}

// inUse reports whether somebody would miss the host.
func inUse(s status.Snapshot) bool { return len(s.Clients) > 0 || len(s.Contexts) > 0 }

// pauseWhenIdle empties the pool when there was neither a client nor a run for the time set, and fills it when there is a client again.
// What the contexts are on that still live stays. When another time is set, it counts from then on.
func (a *App) pauseWhenIdle(ctx context.Context) error {
	timer := time.AfterFunc(time.Hour, func() {
		a.log.Info("pool paused", "unused_for", a.settings().IdlePause())
		for _, x := range a.sites.list() {
			x.pool.Pause()
		}
	})
	timer.Stop()
	defer timer.Stop()
	busy, patience := false, time.Duration(0) // zero: the timer does not run
	for s := range a.hub.Watch(ctx) {
		now, wanted := len(s.Clients) > 0 || slices.ContainsFunc(s.Contexts, func(c status.Context) bool { return c.RunID != "" }), a.settings().IdlePause()
		if now && !busy || wanted == 0 && patience > 0 {
			if current, _ := a.sites.inUse(); current.pool.Stats().Paused {
				current.pool.Wake()
			}
		}
		if now != busy || wanted != patience {
			timer.Stop()
			if !now && wanted > 0 {
				timer.Reset(wanted)
			}
		}
		busy, patience = now, wanted
	}
	return nil
}
