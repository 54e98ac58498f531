// Package computer is the computer that the program runs on, as far as editors go: where their settings are, which program they are
// given to start, where the host serves them, and who lets them in. The host, the window and the command line are all set up here, so
// that an editor gets the same entry from each of them.
package computer

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

// Options say whose computer it is. Dirs and Getenv must be there.
type Options struct {
	// Dirs are our own folders.
	Dirs paths.Dirs
	// Getenv and Environ are the environment of the user, as os has them. Environ is for the command lines of editors.
	Getenv  func(string) string
	Environ []string
	// URL is where the host serves editors that connect by URL, or would if it ran; empty: it does not serve them.
	URL string
	// Token makes the token of a client, or returns the one there is. Nil: it is kept in the list in Dirs, without a host being told.
	Token func(client string) (string, error)
}

// Computer is the editors of this computer, ready to be connected, and what it takes for that. Methods are safe for concurrent use, by
// several processes too.
type Computer struct {
	*editors.Set
	opt  Options
	sys  editors.System
	shim shim.Shim
}

// New looks at nothing but our own folders yet.
func New(opt Options) (*Computer, error) {
	c := &Computer{opt: opt, sys: editors.System{GOOS: runtime.GOOS, Getenv: opt.Getenv}}
	c.shim = shim.Find(opt.Dirs)
	known := tokens.Open(opt.Dirs.Data)
	if opt.Token == nil {
		opt.Token = func(client string) (string, error) {
			if err := paths.EnsurePrivate(opt.Dirs.Data); err != nil {
				return "", err
			}
			t, err := known.Get(client)
			return t.Secret, err
		}
	}
	var err error
	c.Set, err = editors.New(editors.Options{
		System: c.sys, Folder: filepath.Join(opt.Dirs.Data, "editors"), Command: c.shim.Path(),
		URL: opt.URL, Socket: instance.SocketPath(opt.Dirs), Environ: opt.Environ, Token: opt.Token,
		KnowsToken: func(secret string) bool { _, ok := known.Lookup(secret); return ok },
	})
	return c, err
}

// Connect is that of the set, and has the path that the editor is given lead to the relay of this installation first.
func (c *Computer) Connect(ctx context.Context, id editors.ID, wish editors.Wish) (editors.Outcome, error) {
	if !wish.DryRun && (wish.Form == "" || wish.Form == editors.Stdio) {
		if err := c.pointShim(); err != nil {
			return editors.Outcome{}, err
		}
	}
	return c.Set.Connect(ctx, id, wish)
}

func (c *Computer) pointShim() error {
	relay, err := shim.InstalledRelay()
	if err != nil {
		return err
	}
	return c.shim.Point(relay)
}

// KeepShim has the path that editors are given lead to the relay of this installation, which may be a newer one than before.
func (c *Computer) KeepShim() error { return c.shim.Keep() }

// WithoutRelay is how an editor is connected that shall not start the relay: best by the host's socket, which needs no token and stays
// where it is, which a port may not.
func WithoutRelay(st editors.Status) editors.Form {
	if slices.Contains(st.Forms, editors.Socket) {
		return editors.Socket
	}
	return editors.HTTP
}

// FormToMend is how an editor is connected again that has lost its connection: as it was, if that can still be.
func (c *Computer) FormToMend(st editors.Status) editors.Form {
	form := st.LastForm()
	if !slices.Contains(st.Forms, form) || form == editors.HTTP && c.opt.URL == "" {
		return editors.Stdio
	}
	return form
}

// Examination is what a check of the way from an editor to code that runs needs beside the computer.
type Examination struct {
	// Editor is the one that is asked about; empty: none in particular.
	Editor editors.ID
	// Port is that of the settings for editors that connect by URL; 0: they are not served.
	Port int
	// Secrets is where the credentials of the account are; nil: there are none.
	Secrets *secrets.Store
	// Status says how the host is; nil: the one that runs is asked.
	Status func(context.Context) (snap status.Snapshot, running bool, err error)
}

// Examine does what an editor would do to run code, and hands over what it finds on the way as it is found.
func (c *Computer) Examine(ctx context.Context, x Examination, found func(doctor.Finding)) {
	relay, err := shim.InstalledRelay()
	if err != nil {
		relay = "" // the first finding says so
	}
	if x.Status == nil {
		x.Status = c.HostStatus
	}
	doctor.Run(ctx, doctor.Options{
		Dirs: c.opt.Dirs, System: c.sys, Editors: c.Set, Shim: c.shim, Relay: relay, Editor: x.Editor, Port: x.Port, Status: x.Status,
		Account: func(ctx context.Context) (secrets.Source, error) { return askAccount(ctx, x.Secrets) },
	}, found)
}

// askAccount asks AgentRun whether it takes the credentials that the host would use.
func askAccount(ctx context.Context, store *secrets.Store) (secrets.Source, error) {
	if store == nil {
		return "", secrets.ErrNone
	}
	c, err := store.Find(ctx)
	if err != nil {
		return "", err
	}
	return c.Source, cloud.CheckAccount(ctx, c)
}

// HostStatus asks the host of this user how it is; running is false if there is none.
func (c *Computer) HostStatus(ctx context.Context) (snap status.Snapshot, running bool, err error) {
	err = control.AskFor(ctx, c.opt.Dirs, http.MethodGet, "/status", &snap)
	if errors.Is(err, control.ErrNoHost) {
		return snap, false, nil
	}
	return snap, err == nil, err
}
