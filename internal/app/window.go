package app

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// showWindow answers POST /window/show: 204 where there is a window, which is shown, 409 with a ChangeAnswer where the host has none, and
// 503 with one where the host ends, for what is shown then is gone in a moment.
func (a *App) showWindow(w http.ResponseWriter, _ *http.Request) {
	if _, is := a.ending(); is {
		a.tell(w, http.StatusServiceUnavailable, ChangeAnswer{Error: "AgentRun Tray is just ending; start it again in a moment"})
		return
	}
	if a.opt.ShowWindow == nil {
		a.tell(w, http.StatusConflict, ChangeAnswer{Error: "AgentRun Tray runs without a window; end it with agentrunctl stop, and start it with one"})
		return
	}
	a.opt.ShowWindow()
	w.WriteHeader(http.StatusNoContent)
}

// Seen says that the program can be seen, so that nothing needs to wait for that any more; see Options.AwaitSight.
func (a *App) Seen() { a.sites.seen() }

// setupFileName is the name of the file in the data folder that says that the first steps are done.
const setupFileName = "setup-done"

// SetupFinished reports whether FinishSetup was called, in this host or one before it.
func (a *App) SetupFinished() bool {
	_, err := os.Stat(filepath.Join(a.opt.Dirs.Data, setupFileName))
	return !errors.Is(err, fs.ErrNotExist) // a folder that cannot be read is no reason to begin anew each time
}

// askFirst keeps sandboxes that cost money from being made before the first steps have asked where code is to run.
func (a *App) askFirst() {
	if a.opt.ShowWindow != nil && a.config.Backend == "auto" && !a.SetupFinished() {
		a.sites.hesitate()
	}
}

// FinishSetup notes that the first steps need not be shown again.
func (a *App) FinishSetup() error {
	a.sites.agree()
	if err := paths.EnsurePrivate(a.opt.Dirs.Data); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(a.opt.Dirs.Data, setupFileName), nil, 0o600)
}
