package editors_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

func TestWatchSeesWhatHappensToOurEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, "cursor")
		h.put(t, "cursor", goldenFile(t, "cursor", "realistic.before"))
		var mu sync.Mutex
		var all []editors.Status // guarded by mu
		seenSoFar := func() []editors.Status {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- h.set.Watch(ctx, time.Second, func(list []editors.Status) {
				for _, st := range list {
					if st.ID == "cursor" {
						mu.Lock()
						all = append(all, st)
						mu.Unlock()
					}
				}
			})
		}()
		next := func(what string, state editors.State, lost bool) {
			t.Helper()
			before := len(seenSoFar())
			time.Sleep(2100 * time.Millisecond)
			synctest.Wait()
			seen := seenSoFar()
			if len(seen) != before+1 || seen[before].State != state || seen[before].Lost != lost {
				t.Errorf("%s: seen %+v, want one %s (lost: %v)", what, seen[before:], state, lost)
			}
		}
		synctest.Wait()
		if seen := seenSoFar(); len(seen) != 1 || seen[0].State != editors.Found {
			t.Fatalf("at first: seen %+v", seen)
		}
		connect(t, h, "cursor")
		next("connected", editors.Connected, false)
		ours := h.get(t, "cursor")
		h.put(t, "cursor", bytes.ReplaceAll(ours, []byte("agentrun-mcp"), []byte("another-mcp")))
		next("changed by hand", editors.HandEdited, true)
		h.put(t, "cursor", []byte("{"))
		next("broken", editors.Unreadable, true)
		if err := os.Remove(h.file("cursor")); err != nil {
			t.Fatal(err)
		}
		next("dropped", editors.Found, true)
		connect(t, h, "cursor")
		next("mended", editors.Connected, false)
		if _, err := h.set.Disconnect(t.Context(), "cursor", editors.Wish{}); err != nil {
			t.Fatal(err)
		}
		next("disconnected", editors.Found, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if seen := seenSoFar(); len(seen) != 7 {
			t.Errorf("without a change, seen %+v", seen[7:])
		}
		// In the middle of being written: the list would be of half a file.
		for n := range 10 {
			h.put(t, "cursor", bytes.Repeat([]byte("{"), n+1))
			time.Sleep(time.Second)
		}
		h.put(t, "cursor", goldenFile(t, "cursor", "realistic.before"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if seen := seenSoFar(); len(seen) != 8 || seen[7].State != editors.Found || seen[7].Undo { // what was disconnected from is gone
			t.Errorf("while it was written, seen %+v, want only what came of it", seen[7:])
		}
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch = %v", err)
		}
	})
}

// BenchmarkLook is what watching costs every few seconds.
func BenchmarkLook(b *testing.B) {
	h := newHome(b, editors.IDs()...)
	for b.Loop() {
		editors.Fingerprints(h.set)
	}
}
