package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/filelock"
)

func TestALockHasOneHolder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Take(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Take(name); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("second Take = %v, want ErrHeld", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := filelock.Take(name)
	if err != nil {
		t.Fatalf("Take after Close = %v", err)
	}
	again.Close()
}

func TestALockWhoseFileIsRemovedStillHasOneHolder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	var holders, taken atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				lock, err := filelock.Take(name)
				if errors.Is(err, filelock.ErrHeld) {
					continue
				}
				if err != nil {
					t.Errorf("Take = %v", err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				taken.Add(1)
				holders.Add(-1)
				_ = os.Remove(name)
				lock.Close()
			}
		})
	}
	wg.Wait()
	if taken.Load() == 0 {
		t.Error("nobody ever had the lock")
	}
}

func TestAFolderThatIsMissingIsToldApart(t *testing.T) {
	_, err := filelock.Take(filepath.Join(t.TempDir(), "missing", "lock"))
	if err == nil || errors.Is(err, filelock.ErrHeld) {
		t.Errorf("Take = %v, want an error that is not ErrHeld", err)
	}
}
