//go:build !windows

package desktop

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/autostart"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// TestWhatIsSwitchedElsewhereIsSeen, as when somebody switches the start at login off in the settings of the desktop. On Windows that
// would be the registry of whoever runs the test.
func TestWhatIsSwitchedElsewhereIsSeen(t *testing.T) {
	home := t.TempDir()
	getenv := func(name string) string { return map[string]string{paths.HomeVariable: home, "HOME": home}[name] }
	dirs, err := paths.FromEnv(getenv, "linux")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := autostart.New(autostart.Options{ID: "io.example.Program", Name: "Program", Program: "/opt/program", Getenv: getenv})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Backend = "mock"
	synctest.Test(t, func(t *testing.T) {
		core, err := app.New(t.Context(), app.Options{Dirs: dirs, Config: cfg})
		if err != nil {
			t.Fatal(err)
		}
		d := New(Options{App: core, Autostart: entry, Logger: slog.New(slog.DiscardHandler)})
		var views atomic.Int32
		var on atomic.Bool
		go func() {
			for v := range d.Views(t.Context()) {
				views.Add(1)
				on.Store(v.Settings.Autostart)
			}
		}()
		for _, want := range []bool{true, false} {
			if err := entry.Set(want); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lookEvery)
			synctest.Wait()
			if on.Load() != want {
				t.Errorf("%v after it was switched the view says %v, want %v", lookEvery, !want, want)
			}
		}
		before := views.Load()
		time.Sleep(10 * lookEvery)
		synctest.Wait()
		if got := views.Load() - before; got != 0 {
			t.Errorf("%d views though nothing changed and nobody looks", got)
		}
	})
}
