package ui

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// recorder is a host that notes what it was asked for, in order, and refuses what it was told to refuse.
type recorder struct {
	mu     sync.Mutex
	asked  []string
	refuse map[string]error
	hold   chan struct{} // CheckCredentials waits for it, if it is there
	token  string
	seen   secrets.Credentials
}

func (r *recorder) note(what string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, what)
	return r.refuse[what]
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.asked...)
}

func (r *recorder) PausePool(context.Context) error  { return r.note("pause") }
func (r *recorder) ResumePool(context.Context) error { return r.note("resume") }
func (r *recorder) RetryPool(context.Context) error  { return r.note("retry") }
func (r *recorder) SetWarm(_ context.Context, n int) error {
	return r.note("warm " + number(float64(n)))
}

func (r *recorder) ReplaceSession(_ context.Context, backend string, id uint64) error {
	return r.note("replace " + backend + " " + number(float64(id)))
}

func (r *recorder) EndSession(_ context.Context, backend string, id uint64) error {
	return r.note("end " + backend + " " + number(float64(id)))
}
func (r *recorder) WatchContext(id string) { _ = r.note("watch " + id) }
func (r *recorder) NewContext(_ context.Context, language string) (string, error) {
	return "new", r.note("new " + language)
}
func (r *recorder) StopContext(_ context.Context, id string) error { return r.note("stop " + id) }
func (r *recorder) Interrupt(_ context.Context, id string) error   { return r.note("interrupt " + id) }

func (r *recorder) RunCode(_ context.Context, id, language, code string) (string, error) {
	return id, r.note("run " + id + " " + language + " " + code)
}

func (r *recorder) SaveNotebook(_ context.Context, id string, to io.Writer) error {
	_, err := io.WriteString(to, "{}")
	return errors.Join(err, r.note("save "+id))
}
func (r *recorder) ExportCalls(context.Context, io.Writer) error { return r.note("export") }
func (r *recorder) OpenLogFolder(context.Context) error          { return r.note("logs") }
func (r *recorder) PreviewEditor(_ context.Context, id string) (Preview, error) {
	return Preview{EditorID: id, File: "/home/u/.config/zed/settings.json", Diff: "  \"vim_mode\": true,\n+  \"context_servers\": { \"agentrun\": { \"command\": \"agentrun-mcp\" } }\n  // my own notes"}, r.note("preview " + id)
}

func (r *recorder) SetEditor(_ context.Context, id string, on bool) error {
	if on {
		return r.note("connect " + id)
	}
	return r.note("disconnect " + id)
}

func (r *recorder) TestEditor(_ context.Context, id string) (string, error) {
	return "It answers.", r.note("test " + id)
}

func (r *recorder) Change(_ context.Context, name string, value any) (bool, error) {
	return name == "http.port", r.note("change " + name)
}
func (r *recorder) SetAutostart(context.Context, bool) error { return r.note("autostart") }
func (r *recorder) MakeToken(_ context.Context, client string) (string, error) {
	return r.token, r.note("token " + client)
}

func (r *recorder) RevokeToken(_ context.Context, client string) error {
	return r.note("revoke " + client)
}

func (r *recorder) CheckCredentials(ctx context.Context, c secrets.Credentials) error {
	if r.hold != nil {
		select {
		case <-r.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	r.seen = c
	r.mu.Unlock()
	return r.note("check")
}

func (r *recorder) SaveCredentials(context.Context, secrets.Credentials) error {
	return r.note("save credentials")
}
func (r *recorder) RemoveCredentials(context.Context) error { return r.note("remove credentials") }
func (r *recorder) ChooseBackend(_ context.Context, name string) error {
	return r.note("backend " + name)
}
func (r *recorder) FinishSetup(context.Context) error { return r.note("finish") }

// rig is a window on the toolkit's test driver.
type rig struct {
	t      testing.TB
	host   *recorder
	window *Window
	win    fyne.Window
}

func newRig(t testing.TB, mode kit.Mode, size fyne.Size, opt Options) *rig {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(kit.NewTheme(mode))
	win := app.NewWindow("")
	r := &rig{t: t, host: &recorder{refuse: map[string]error{}}, win: win}
	r.window = NewWindow(app, win, r.host, opt)
	win.Resize(size)
	t.Cleanup(func() {
		r.window.Close()
		win.Close()
	})
	return r
}

// settle waits until every command the window started has come back.
func (r *rig) settle() { r.window.d.errands.all.Wait() }
