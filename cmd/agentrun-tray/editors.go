package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

// findEditors says where the editors of this computer find a host that serves, and what a check of one needs to know.
func findEditors(opt app.Options, core *app.App, addresses status.Addresses) (doctor.Options, error) {
	system := editors.System{GOOS: runtime.GOOS, Getenv: os.Getenv}
	relay, err := shim.InstalledRelay()
	if err != nil {
		relay = "" // whoever connects or checks an editor is told
	}
	path := shim.Find(opt.Dirs)
	if err := path.Keep(); err != nil {
		opt.Logger.Warn("editors may start an older version", "error", err)
	}
	known := tokens.Open(opt.Dirs.Data)
	d := doctor.Options{
		Dirs: opt.Dirs, System: system, Shim: path, Relay: relay,
		Status: func(context.Context) (status.Snapshot, bool, error) { return core.Hub().Current(), true, nil },
		Account: func(ctx context.Context) (secrets.Source, error) {
			c, err := opt.Secrets.Find(ctx)
			if err != nil {
				return "", err
			}
			return c.Source, cloud.CheckAccount(ctx, c)
		},
	}
	if opt.Config.HTTP.Enabled {
		d.Port = opt.Config.HTTP.Port
	}
	d.Editors, err = editors.New(editors.Options{
		System: system, Folder: filepath.Join(opt.Dirs.Data, "editors"), Command: d.Shim.Path(), URL: addresses.HTTP, Socket: addresses.Socket, Environ: os.Environ(),
		Token:      func(client string) (string, error) { return core.MakeToken(context.Background(), client) },
		KnowsToken: func(secret string) bool { _, ok := known.Lookup(secret); return ok },
	})
	return d, err
}
