package desktop

import (
	"context"
	"io"
	"net/url"
	"path/filepath"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
)

// PausePool implements ui.Host.
func (d *Desk) PausePool(context.Context) error {
	d.app.PausePool()
	return nil
}

// ResumePool implements ui.Host.
func (d *Desk) ResumePool(context.Context) error { return d.app.ResumePool() }

// RetryPool implements ui.Host.
func (d *Desk) RetryPool(ctx context.Context) error { return d.app.RetryPool(ctx) }

// SetWarm implements ui.Host.
func (d *Desk) SetWarm(ctx context.Context, n int) error { return d.app.SetWarm(ctx, n) }

// ReplaceSession implements ui.Host.
func (d *Desk) ReplaceSession(_ context.Context, backend string, id uint64) error {
	return d.app.ReplaceSession(backend, id)
}

// EndSession implements ui.Host.
func (d *Desk) EndSession(_ context.Context, backend string, id uint64) error {
	return d.app.EndSession(backend, id)
}

// WatchContext implements ui.Host.
func (d *Desk) WatchContext(contextID string) { d.app.WatchContext(contextID) }

// NewContext implements ui.Host.
func (d *Desk) NewContext(ctx context.Context, language string) (contextID string, err error) {
	return d.app.NewContext(ctx, language)
}

// StopContext implements ui.Host.
func (d *Desk) StopContext(ctx context.Context, contextID string) error {
	return d.app.StopContext(ctx, contextID)
}

// Interrupt implements ui.Host.
func (d *Desk) Interrupt(_ context.Context, runID string) error {
	d.app.Interrupt(runID)
	return nil
}

// RunCode implements ui.Host.
func (d *Desk) RunCode(ctx context.Context, contextID, language, code string) (newContextID string, err error) {
	return d.app.RunCode(ctx, contextID, language, code)
}

// SaveNotebook implements ui.Host.
func (d *Desk) SaveNotebook(_ context.Context, contextID string, to io.Writer) error {
	return d.app.SaveNotebook(contextID, to)
}

// ExportCalls implements ui.Host.
func (d *Desk) ExportCalls(_ context.Context, to io.Writer) error { return d.app.ExportCalls(to) }

// OpenLogFolder implements ui.Host.
func (d *Desk) OpenLogFolder(ctx context.Context) error {
	return d.open(ctx, d.app.Desk().Current().Settings.LogFolder)
}

// console is where the users of an account, and their keys, are made and looked at.
var console = url.URL{Scheme: "https", Host: "ram.console.aliyun.com", Path: "/users"}

// OpenConsole implements ui.Host.
func (d *Desk) OpenConsole(context.Context) error {
	page := console
	return d.openURL(&page)
}

// patience is how long the keychain may take while somebody waits in front of the window, who may be asked for its password and can
// give up.
const patience = time.Minute

// CheckCredentials implements ui.Host.
func (d *Desk) CheckCredentials(ctx context.Context, c secrets.Credentials) error {
	return d.app.CheckCredentials(secrets.Patiently(ctx, patience), c)
}

// SaveCredentials implements ui.Host.
func (d *Desk) SaveCredentials(ctx context.Context, c secrets.Credentials) error {
	return d.app.SaveCredentials(secrets.Patiently(ctx, patience), c)
}

// RemoveCredentials implements ui.Host.
func (d *Desk) RemoveCredentials(ctx context.Context) error {
	return d.app.RemoveCredentials(secrets.Patiently(ctx, patience))
}

// OpenKeychain implements ui.Host.
func (d *Desk) OpenKeychain(ctx context.Context) error {
	return d.app.OpenKeychain(secrets.Patiently(ctx, patience))
}

// OpenSettingsFolder implements ui.Host.
func (d *Desk) OpenSettingsFolder(ctx context.Context) error {
	return d.open(ctx, filepath.Dir(d.app.Desk().Current().Settings.File))
}

// Change implements ui.Host. What holds from the next start on is in the settings of the next view.
func (d *Desk) Change(ctx context.Context, name string, value any) error {
	_, err := d.app.Change(ctx, name, value)
	return err
}

// MakeToken implements ui.Host.
func (d *Desk) MakeToken(ctx context.Context, client string) (token string, err error) {
	return d.app.MakeToken(ctx, client)
}

// RevokeToken implements ui.Host.
func (d *Desk) RevokeToken(ctx context.Context, client string) error {
	return d.app.RevokeToken(ctx, client)
}

// ChooseBackend implements ui.Host.
func (d *Desk) ChooseBackend(ctx context.Context, name string) error {
	return d.app.SetBackend(ctx, name)
}

// FinishSetup implements ui.Host.
func (d *Desk) FinishSetup(context.Context) error { return d.app.FinishSetup() }

// SetAutostart implements ui.Host.
func (d *Desk) SetAutostart(_ context.Context, on bool) error {
	err := d.start.Set(on)
	d.lookAgain()
	return err
}
