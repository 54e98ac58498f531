package status_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

func TestWatchYieldsTheCurrentSnapshotAtOnce(t *testing.T) {
	var hub status.Hub
	hub.Publish(status.Snapshot{PID: 7})
	for s := range hub.Watch(t.Context()) {
		if s.PID != 7 {
			t.Errorf("first snapshot has PID %d, want 7", s.PID)
		}
		return
	}
	t.Error("Watch yielded nothing")
}

func TestASlowWatcherSkipsToTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hub status.Hub
		ctx, cancel := context.WithCancel(t.Context())
		var seen []int
		read := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for s := range hub.Watch(ctx) {
				seen = append(seen, s.PID)
				<-read
			}
		}()
		synctest.Wait()
		for n := 1; n <= 1000; n++ {
			hub.Publish(status.Snapshot{PID: n})
		}
		read <- struct{}{}
		synctest.Wait()
		cancel()
		close(read)
		<-done
		if len(seen) != 2 || seen[0] != 0 || seen[1] != 1000 {
			t.Errorf("a watcher that was busy during 1000 updates saw %v, want [0 1000]", seen)
		}
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hub status.Hub
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		go func() {
			synctest.Wait()
			cancel()
		}()
		for range hub.Watch(ctx) {
			n++
		}
		if n != 1 {
			t.Errorf("Watch yielded %d snapshots, want 1", n)
		}
	})
}
