package cloud_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/ledger"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// house is a world with a data folder, in which one host follows another.
type house struct {
	*world
	folder string
	book   *ledger.Ledger // of the host that runs
}

// newHouse makes a world with a ledger and the first host.
func newHouse(t *testing.T, emulated agentruntest.Options, options cloud.Options) *house {
	t.Helper()
	folder := t.TempDir()
	options.Ledger = ledger.New(folder)
	return &house{newWorld(t, emulated, options), folder, options.Ledger}
}

// next makes the backend of another host, which has the ledger that the one before it left on the disk. That one is not asked.
func (h *house) next(t *testing.T, options cloud.Options) *cloud.Backend {
	t.Helper()
	h.book = ledger.New(h.folder)
	options.Ledger = h.book
	if options.Client == nil {
		options.Client = h.client
	}
	return newBackend(t, options)
}

// entered lists the ids in the ledger as the next host would find them.
func (h *house) entered(t *testing.T) []string {
	t.Helper()
	entries, err := ledger.New(h.folder).Entries()
	if err != nil {
		t.Fatalf("Entries = %v", err)
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.SandboxID)
	}
	return ids
}

// abandon opens sessions that nobody closes: their host is killed.
func (h *house) abandon(t *testing.T, n int) []sandbox.Session {
	t.Helper()
	var sessions []sandbox.Session
	for range n {
		s, err := h.backend.Open(t.Context())
		if err != nil {
			t.Fatalf("Open = %v", err)
		}
		sessions = append(sessions, s)
	}
	return sessions
}

func open(t *testing.T, b *cloud.Backend) sandbox.Session {
	t.Helper()
	s, err := b.Open(t.Context())
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

// TestSandboxesOfAKilledHostAreTakenOverOrEnded has three left, of which two are wanted.
func TestSandboxesOfAKilledHostAreTakenOverOrEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, agentruntest.Options{SandboxDelay: 5 * time.Second}, cloud.Options{})
		var left []string
		for range 3 {
			s := h.abandon(t, 1)[0]
			left = append(left, s.SandboxID())
			h.context(t, s)
			time.Sleep(time.Minute)
		}
		b := h.next(t, cloud.Options{Keep: 2})
		began := time.Now()
		first, second := open(t, b), open(t, b)
		if got := []string{first.SandboxID(), second.SandboxID()}; !slices.Equal(got, []string{left[2], left[1]}) {
			t.Errorf("Open gave %q, want the two youngest of %q", got, left)
		}
		if took := time.Since(began); took >= 5*time.Second {
			t.Errorf("taking over took %s, as long as making new ones", took)
		}
		for i, s := range []sandbox.Session{first, second} {
			if age, want := time.Since(s.(sandbox.Lasting).Born()), time.Duration(i+1)*time.Minute; age < want || age > want+20*time.Second {
				t.Errorf("session %d was born %s ago, want %s", i, age, want)
			}
			if contexts, err := h.client.ListContexts(t.Context(), s.SandboxID()); err != nil || len(contexts) != 0 {
				t.Errorf("session %d has the contexts %v, %v, want none", i, contexts, err)
			}
			folder, err := h.client.ListFolder(t.Context(), s.SandboxID(), agentrun.HomeFolder, 1)
			if err != nil || len(folder.Entries) != 0 {
				t.Errorf("session %d has the files %v, %v, want none", i, folder.Entries, err)
			}
			h.context(t, s)
		}
		third := open(t, b)
		if slices.Contains(left, third.SandboxID()) {
			t.Errorf("the third session is on %s, want a new sandbox", third.SandboxID())
		}
		synctest.Wait()
		if living := h.Sandboxes(); slices.Contains(living, left[0]) || len(living) != 3 {
			t.Errorf("%q live, want not the oldest of %q", living, left)
		}
		if got := h.entered(t); len(got) != 3 || slices.Contains(got, left[0]) {
			t.Errorf("the ledger has %q, want the three that live", got)
		}
	})
}

// TestAHostThatIsKilledWhileItMakesASandbox leaves an entry, whatever became of the sandbox.
func TestAHostThatIsKilledWhileItMakesASandbox(t *testing.T) {
	for _, at := range []time.Duration{0, time.Millisecond, time.Second, 6 * time.Second, 7 * time.Second} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, agentruntest.Options{SandboxDelay: 5 * time.Second, HealthDelay: time.Second}, cloud.Options{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				h.Inject(agentruntest.Fault{Operation: "CreateSandbox", Failure: agentruntest.Slow(500 * time.Millisecond)})
				go func() { _, _ = h.backend.Open(ctx) }()
				if err := h.Await(t.Context(), "CreateSandbox", 1); err != nil {
					t.Fatal(err)
				}
				time.Sleep(at)
				if got := h.entered(t); len(got) != 1 {
					t.Fatalf("the ledger has %q while a sandbox is made", got)
				}
				b := h.next(t, cloud.Options{Keep: 3})
				if err := b.Recover(t.Context()); err != nil {
					t.Errorf("Recover = %v", err)
				}
				time.Sleep(2 * time.Minute) // what is not taken over is ended
				if living, got := h.Sandboxes(), h.entered(t); len(living)+len(got) != 0 {
					t.Errorf("%q live, and the ledger has %q", living, got)
				}
			})
		})
	}
}
