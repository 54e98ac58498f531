package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// TestWhereSettingsCannotBeReadThereIsALogToSayIt, as nobody sees the standard error of a desktop program.
func TestWhereSettingsCannotBeReadThereIsALogToSayIt(t *testing.T) {
	home := t.TempDir()
	t.Setenv(paths.HomeVariable, home)
	if err := os.MkdirAll(filepath.Join(home, "config", "settings.json"), 0o700); err != nil { // a folder, which cannot be read as a file
		t.Fatal(err)
	}
	opt, log, err := app.Prepare(nil, "")
	if err == nil || !strings.Contains(err.Error(), "the settings cannot be read") {
		t.Errorf("Prepare = %v, want that the settings cannot be read", err)
	}
	opt.Logger.Error("ended", "error", err)
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(filepath.Join(opt.Dirs.Log, "host.log"))
	if err != nil || !strings.Contains(string(text), "the settings cannot be read") {
		t.Errorf("the log has %q, %v, want why there is no host", text, err)
	}
}

// TestWithoutAPlaceForTheLogPrepareSaysSo, and gives what can be closed and logged to all the same.
func TestWithoutAPlaceForTheLogPrepareSaysSo(t *testing.T) {
	home := t.TempDir()
	t.Setenv(paths.HomeVariable, home)
	if err := os.Mkdir(filepath.Join(home, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(home, "log", "host.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	opt, log, err := app.Prepare(nil, "")
	if err == nil || !strings.Contains(err.Error(), "open the log file") {
		t.Errorf("Prepare = %v, want that the log cannot be opened", err)
	}
	opt.Logger.Error("ended", "error", err)
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}
