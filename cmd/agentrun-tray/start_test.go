package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

func folders(t *testing.T) paths.Dirs {
	t.Helper()
	home := t.TempDir()
	dirs, err := paths.FromEnv(func(name string) string { return map[string]string{paths.HomeVariable: home}[name] }, "linux")
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// TestAHostThatEndsIsOutwaited is for who quits the program and starts it again at once: the host has no socket any more, and still its
// place.
func TestAHostThatEndsIsOutwaited(t *testing.T) {
	for name, ends := range map[string]bool{"it ends": true, "it hangs": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dirs := folders(t)
				before, err := instance.Acquire(t.Context(), dirs)
				if err != nil {
					t.Fatal(err)
				}
				defer before.Close()
				if ends {
					time.AfterFunc(3*time.Second, func() { _ = before.Close() })
				}
				began := time.Now()
				done, windowless, err := outwait(t.Context(), dirs, false)
				took := time.Since(began)
				if done || windowless != nil || (err == nil) != ends || !ends && !errors.Is(err, instance.ErrRunning) {
					t.Errorf("outwait = %v, %v, %v", done, windowless, err)
				}
				if want := map[bool]time.Duration{true: 3 * time.Second, false: outwaitFor}[ends]; took < want || took > want+outwaitEvery {
					t.Errorf("outwait took %v, want %v", took, want)
				}
				if !ends {
					return
				}
				next, err := instance.Acquire(t.Context(), dirs)
				if err != nil {
					t.Fatalf("the place was not left free: %v", err)
				}
				if err := next.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestWhoIsToldToEndWhileTheyLookEndsInOrder: that is no failure, whatever it breaks off.
func TestWhoIsToldToEndWhileTheyLookEndsInOrder(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	end()
	for _, background := range []bool{false, true} {
		p := &program{opt: app.Options{Dirs: folders(t)}, background: background, log: slog.New(slog.DiscardHandler)}
		if done, windowless, err := p.settle(ctx); !done || windowless != nil || err != nil {
			t.Errorf("in the background: %v: settle = %v, %v, %v", background, done, windowless, err)
		}
	}
}

// TestAHostThatDoesNotEndIsWaitedForOnce, however many wait for it.
func TestAHostThatDoesNotEndIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		p := &program{host: newHost(ctx, end), over: make(chan struct{})}
		began := time.Now()
		end()
		p.host.await() // as whoever ends the toolkit does
		if err := p.leave(); err == nil {
			t.Error("leave = nil, want an error that says that the host did not end")
		}
		if took := time.Since(began); took != endWithin {
			t.Errorf("the program ended after %v, want %v", took, endWithin)
		}
	})
}
