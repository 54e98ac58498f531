package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
)

const (
	// cloudRatio is how much longer than the service itself needs the first session, and all of them, may take to be there.
	cloudRatio = 1.1
)

// How long the service takes, as its users report it, and how often the Python server, which was built on the service's own SDK, looked
// whether it was done.
const (
	cloudTemplate  = 10 * time.Second
	templateGlance = 5 * time.Second
	healthGlance   = time.Second
)

var cloudSandboxes = []time.Duration{12 * time.Second, 5 * time.Second, 20 * time.Second}

// warmth is when sessions were there, from the start.
type warmth struct{ first, all time.Duration }

// measureCloud takes how long it is until code can run in the cloud, in an account without a template, beside the way of the Python
// server: the template, and then one session after the other. Both wait for an emulator each with the same delays, at the same time:
// neither has anything else to do.
func measureCloud(ctx context.Context, b *bench) (rows []row, err error) {
	delays := agentruntest.Options{
		TemplateDelay: cloudTemplate, SandboxDelays: cloudSandboxes,
		Script: func(_, code string) agentruntest.Scripted { return agentruntest.Scripted{Stdout: code} },
	}
	if b.quick { // a tenth keeps the ratios, but for the looking
		delays.TemplateDelay /= 10
		delays.SandboxDelays = nil
		for _, d := range cloudSandboxes {
			delays.SandboxDelays = append(delays.SandboxDelays, d/10)
		}
	}
	var ours, theirs warmth
	var failed error
	var peer sync.WaitGroup
	peer.Go(func() { theirs, failed = oneByOne(ctx, delays) })
	ours, err = allAtOnce(ctx, b, delays)
	peer.Wait()
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	least := delays.TemplateDelay + slices.Min(delays.SandboxDelays)
	most := delays.TemplateDelay + slices.Max(delays.SandboxDelays)
	const way = "template, then one by one"
	within := func(took, needed time.Duration) bool { return took.Seconds() <= cloudRatio*needed.Seconds() }
	label := fmt.Sprintf("cloud, template %s, sandboxes %v", delays.TemplateDelay, delays.SandboxDelays)
	return []row{
		row{what: label + ": host started → first session usable", ours: short(ours.first)}.
			against(way, short(theirs.first), ours.first.Seconds()/theirs.first.Seconds()).
			aimed(fmt.Sprintf("≤ %g × %s", cloudRatio, short(least)), within(ours.first, least)),
		row{what: "the same: host started → 3 of 3 sessions", ours: short(ours.all)}.
			against(way, short(theirs.all), ours.all.Seconds()/theirs.all.Seconds()).
			aimed(fmt.Sprintf("≤ %g × %s", cloudRatio, short(most)), within(ours.all, most)),
	}, nil
}

// allAtOnce is our way: a host as it is.
func allAtOnce(ctx context.Context, b *bench, delays agentruntest.Options) (took warmth, err error) {
	s, err := agentruntest.Listen(ctx, "127.0.0.1:0", delays)
	if err != nil {
		return took, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	h, err := startCloudHost(ctx, b, s.Environment())
	if err != nil {
		return took, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	if err := h.awaitUsable(ctx); err != nil {
		return took, err
	}
	took.first = time.Since(h.process.began)
	if err := h.awaitReady(ctx); err != nil {
		return took, err
	}
	took.all = time.Since(h.process.began)
	return took, nil
}

// oneByOne is the way of the Python server.
func oneByOne(ctx context.Context, delays agentruntest.Options) (took warmth, err error) {
	s, err := agentruntest.Listen(ctx, "127.0.0.1:0", delays)
	if err != nil {
		return took, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	c, err := clientOf(s.Environment())
	if err != nil {
		return took, err
	}
	defer c.Close()
	began := time.Now()
	_, err = c.CreateTemplate(ctx, agentrun.TemplateSpec{
		Name: cloud.DefaultTemplate, Type: agentrun.CodeInterpreter, CPU: 2, Memory: 2048, Network: &agentrun.Network{Mode: agentrun.NetworkPublic}, IdleTimeout: 3600,
	})
	if err == nil {
		err = glance(ctx, min(templateGlance, delays.TemplateDelay/2), func() (bool, error) {
			found, err := c.GetTemplate(ctx, cloud.DefaultTemplate)
			return found.Status.Ready(), err
		})
	}
	for n := 0; err == nil && n < poolSize; n++ {
		var made agentrun.Sandbox
		if made, err = c.CreateSandbox(ctx, agentrun.SandboxSpec{Template: cloud.DefaultTemplate, IdleTimeout: time.Hour}); err != nil {
			break
		}
		err = glance(ctx, min(healthGlance, delays.TemplateDelay/10), func() (bool, error) {
			health, err := c.Health(ctx, made.ID)
			return err == nil && health.OK(), nil // errors are those of a sandbox that starts
		})
		took.first, took.all = cmp.Or(took.first, time.Since(began)), time.Since(began)
	}
	return took, err
}

// glance looks every so often until it is so.
func glance(ctx context.Context, every time.Duration, so func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if is, err := so(); is || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
