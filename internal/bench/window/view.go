//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// firstView is of a host with as much on it as one can have, and more contexts.
func firstView() ui.View {
	now := time.Now()
	at := func(d time.Duration) *time.Time {
		t := now.Add(d)
		return &t
	}
	v := ui.View{
		Snapshot: status.Snapshot{
			Version: "1.0.0", PID: 1, StartedAt: now.Add(-time.Hour), Phase: status.Working,
			Backend:   status.Backend{Name: "agentrun", Setting: "auto", Region: "cn-hangzhou", Template: "agentrun-tray"},
			Pool:      status.Pool{Warm: sessions, Max: sessions, Ready: sessions},
			Cost:      &status.Cost{Currency: "CNY"},
			Addresses: status.Addresses{HTTP: "http://127.0.0.1:7411/mcp"},
			Clients: []status.Client{
				{Name: "claude-ai", Version: "1", Via: "stdio", Since: now.Add(-time.Hour), LastSeen: now, Calls: 120},
				{Name: "cursor-vscode", Version: "1", Via: "http", Since: now.Add(-time.Hour), LastSeen: now, Calls: 80},
			},
		},
		Now:      now,
		Settings: &ui.Settings{Values: config.Default().Values(), Language: "en"},
	}
	for n := range sessions {
		v.Sessions = append(v.Sessions, status.Session{
			ID: uint64(n), Backend: "agentrun", SandboxID: fmt.Sprintf("01KAW3F0Q2ZC%04x", n), State: []string{"ready", "leased", "leased"}[n%3],
			CreatedAt: now.Add(-time.Hour), ReadyAt: at(-30 * time.Minute), ExpiresAt: at(time.Duration(6+2*n) * time.Minute), Contexts: n % 3 * 7,
		})
	}
	for n := range contexts {
		v.Contexts = append(v.Contexts, status.Context{
			ID: fmt.Sprintf("m%d", n), Name: fmt.Sprintf("task-%04d 任务", n), Language: []string{"python", "javascript"}[n%2],
			Status: []string{"active", "active", "active", "running"}[n%4], Backend: "agentrun", SandboxID: fmt.Sprintf("01KAW3F0Q2ZC%04x", n%sessions),
			Client: "claude-ai", CreatedAt: now.Add(-time.Hour), LastUsed: now.Add(-time.Duration(n*n) * time.Second), Runs: n % 97,
		})
	}
	return v
}

// nextView is a second later: every session, one context and what was measured have changed.
func nextView(v ui.View, n int) ui.View {
	v.Now = v.Now.Add(time.Second)
	v.Sessions, v.Contexts = slices.Clone(v.Sessions), slices.Clone(v.Contexts)
	for s := range v.Sessions {
		v.Sessions[s].Contexts = (v.Sessions[s].Contexts + 1) % 30
	}
	c := &v.Contexts[n%len(v.Contexts)]
	c.Runs++
	c.LastUsed = v.Now
	f := &ui.Figures{RunsToday: n, RunsPer: make([]int, 24), LastRun: make(map[string]time.Duration, sessions)}
	for i := range f.RunsPer {
		f.RunsPer[i] = (i*7 + n) % 40
	}
	for i := range 40 {
		f.RunTimes = append(f.RunTimes, time.Duration(20+(i*13+n)%60)*time.Millisecond)
		f.AcquireTimes = append(f.AcquireTimes, time.Duration(1+(i*5+n)%9)*time.Millisecond)
	}
	f.RunP50, f.RunP99, f.AcquireP50, f.AcquireP99 = f.RunTimes[0], f.RunTimes[1], f.AcquireTimes[0], f.AcquireTimes[1]
	for s := range v.Sessions {
		f.LastRun[v.Sessions[s].SandboxID] = f.RunTimes[s]
	}
	v.Figures = f
	return v
}
