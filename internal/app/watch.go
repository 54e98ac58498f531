package app

import (
	"cmp"
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

// report logs how the start went: what runs code, when the first session was ready, when all were, which tools there are. Where no
// sessions can be had it says so and what runs code meanwhile, and goes on until they can.
func (a *App) report(ctx context.Context) error {
	first := a.hub.Current()
	b := first.Backend
	a.log.Info("starting", "version", version.String(), "backend", b.Name, "setting", b.Setting, "region", b.Region, "template", b.Template, "credentials", b.Credentials)
	a.log.Info("creating sessions", "warm", first.Pool.Warm, "ceiling", first.Pool.Max, "isolation", a.settings().Pool.Isolation)
	usable, serving, doing := false, false, ""
	serve := func(s status.Snapshot) {
		if serving {
			return
		}
		serving = true
		mode := s.Backend.Name
		if s.Pool.Ready == 0 && s.Pool.Warm > 0 {
			mode = cmp.Or(s.Backend.Fallback, mode)
		}
		a.log.Info("tools", "names", strings.Join(a.server.Tools(), " "))
		a.log.Info("serving", "mode", mode, "socket", s.Addresses.Socket, "http", s.Addresses.HTTP)
	}
	for s := range a.hub.Watch(ctx) {
		if l := s.Backend.Loading; l != nil && l.What != doing {
			doing = l.What
			a.log.Info("progress", "what", doing, "after", time.Since(a.started).Round(time.Millisecond))
		}
		if s.Addresses.Socket == "" {
			continue
		}
		if !usable && s.Pool.Ready > 0 {
			usable = true
			a.log.Info("first session ready", "took", time.Since(a.started).Round(time.Millisecond))
		}
		if s.Pool.Ready < s.Pool.Warm {
			if why := cmp.Or(s.Pool.Suspended, s.Pool.LastFailure); why != "" && !serving {
				a.log.Warn("pool not ready", "ready", s.Pool.Ready, "of", s.Pool.Warm, "why", why, "fallback", s.Backend.Fallback)
				serve(s)
			}
			continue
		}
		a.log.Info("pool ready", "ready", s.Pool.Ready, "of", s.Pool.Warm, "took", time.Since(a.started).Round(time.Millisecond))
		serve(s)
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

// pauseWhenIdle empties the pools while there has been neither a client nor a run for the time set, and fills the one in use while there
// is, or no time is set. What the contexts are on that still live stays.
func (a *App) pauseWhenIdle(ctx context.Context) error {
	again := time.AfterFunc(time.Hour, func() { token(a.poke) }) // which gives another snapshot
	defer again.Stop()
	last := time.Now() // when somebody was there
	for s := range a.hub.Watch(ctx) {
		now, patience := time.Now(), a.settings().IdlePause()
		if patience == 0 || len(s.Clients) > 0 || slices.ContainsFunc(s.Contexts, func(c status.Context) bool { return c.RunID != "" }) {
			last = now
			if current, _ := a.sites.inUse(); current.pool.Stats().Paused {
				current.pool.Wake()
			}
			continue
		}
		a.mu.Lock()
		if a.stirred.After(last) {
			last = a.stirred
		}
		a.mu.Unlock()
		if left := patience - now.Sub(last); left > 0 {
			again.Reset(left)
			continue
		}
		for _, x := range a.sites.list() {
			if stats := x.pool.Stats(); !stats.Paused && stats.Warm > 0 {
				a.log.Info("pool paused", "backend", x.Name(), "unused_for", patience)
				x.pool.Pause()
			}
		}
	}
	return nil
}

// stir says that somebody wants the pool to work, though there may be no client yet.
func (a *App) stir() {
	a.mu.Lock()
	a.stirred = time.Now()
	a.mu.Unlock()
	token(a.poke)
}
