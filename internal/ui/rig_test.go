package ui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// recorder is a host that notes what it was asked for, in order, and refuses what it was told to refuse.
type recorder struct {
	mu     sync.Mutex
	asked  []string
	refuse map[string]error
	hold   chan struct{} // CheckCredentials and OpenKeychain wait for it, if it is there
	shut   chan struct{} // SaveCredentials does
	slow   chan struct{} // ChangeEditor, MendEditor and NewContext do
	token  string
	seen   secrets.Credentials

	previews map[string]Preview // by the id of an editor
	remarks  []Remark           // of every change of an editor
	findings []Finding
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
func (r *recorder) NewContext(ctx context.Context, language string) (string, error) {
	if err := wait(ctx, r.slow); err != nil {
		return "", err
	}
	return "new", r.note("new " + language)
}
func (r *recorder) StopContext(_ context.Context, id string) error { return r.note("stop " + id) }
func (r *recorder) Interrupt(_ context.Context, id string) error   { return r.note("interrupt " + id) }

func (r *recorder) RunCode(_ context.Context, id, language, code string) (string, error) {
	return cmp.Or(id, "new"), r.note("run " + id + " " + language + " " + code)
}

func (r *recorder) SaveNotebook(_ context.Context, id string, to io.Writer) error {
	_, err := io.WriteString(to, "{}")
	return errors.Join(err, r.note("save "+id))
}
func (r *recorder) ExportCalls(context.Context, io.Writer) error { return r.note("export") }
func (r *recorder) OpenLogFolder(context.Context) error          { return r.note("logs") }
func (r *recorder) OpenConsole(context.Context) error            { return r.note("console") }
func (r *recorder) PreviewEditor(_ context.Context, c EditorChange) (Preview, error) {
	err := r.note("preview " + wished(c))
	if p, ok := r.previews[c.ID]; ok {
		return p, err
	}
	return Preview{Files: []PreviewFile{{
		Path: "/home/u/.config/zed/settings.json",
		Diff: "   \"vim_mode\": true,\n+  \"context_servers\": { \"agentrun\": { \"command\": \"agentrun-mcp\" } }\n   // my own notes",
	}}}, err
}

// wished is a change in a few words.
func wished(c EditorChange) string {
	text := "disconnect " + c.ID
	if c.On {
		text = strings.TrimSpace("connect " + c.ID + " " + string(c.Form))
	}
	if c.Force {
		text += " by force"
	}
	return text
}

func (r *recorder) ChangeEditor(ctx context.Context, c EditorChange) ([]Remark, error) {
	if err := wait(ctx, r.slow); err != nil {
		return nil, err
	}
	return r.remarks, r.note(wished(c))
}

func (r *recorder) UndoEditor(_ context.Context, id string) error { return r.note("undo " + id) }

func (r *recorder) MendEditor(ctx context.Context, id string) ([]Remark, error) {
	if err := wait(ctx, r.slow); err != nil {
		return nil, err
	}
	return r.remarks, r.note("mend " + id)
}

func (r *recorder) LeaveEditor(_ context.Context, id string) error { return r.note("leave " + id) }

func (r *recorder) TestEditor(_ context.Context, id string, found func(Finding)) error {
	for _, f := range r.findings {
		found(f)
	}
	return r.note(strings.TrimSpace("test " + id))
}

func (r *recorder) Change(_ context.Context, name string, value any) error {
	return r.note(fmt.Sprint("change ", name, " to ", value))
}

func (r *recorder) SetAutostart(_ context.Context, on bool) error {
	return r.note(fmt.Sprint("autostart ", on))
}

func (r *recorder) MakeToken(_ context.Context, client string) (string, error) {
	return r.token, r.note("token " + client)
}

func (r *recorder) RevokeToken(_ context.Context, client string) error {
	return r.note("revoke " + client)
}

// wait is for a channel, if there is one, or the end of ctx.
func wait(ctx context.Context, c chan struct{}) error {
	if c == nil {
		return nil
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) CheckCredentials(ctx context.Context, c secrets.Credentials) error {
	if err := wait(ctx, r.hold); err != nil {
		return err
	}
	r.mu.Lock()
	r.seen = c
	r.mu.Unlock()
	return r.note("check")
}

func (r *recorder) SaveCredentials(ctx context.Context, _ secrets.Credentials) error {
	if err := wait(ctx, r.shut); err != nil {
		return err
	}
	return r.note("save credentials")
}
func (r *recorder) RemoveCredentials(context.Context) error  { return r.note("remove credentials") }
func (r *recorder) OpenSettingsFolder(context.Context) error { return r.note("settings folder") }

func (r *recorder) OpenKeychain(ctx context.Context) error {
	if err := wait(ctx, r.hold); err != nil {
		return err
	}
	return r.note("open keychain")
}

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
	posted chan func() // outcomes of commands, for the test's goroutine, which is the UI goroutine of a test
}

func newRig(t testing.TB, mode kit.Mode, size fyne.Size, opt Options) *rig {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(kit.NewTheme(mode))
	win := app.NewWindow("")
	r := &rig{t: t, host: &recorder{refuse: map[string]error{}}, win: win, posted: make(chan func(), 100)}
	r.window = NewWindow(app, win, r.host, opt)
	r.window.d.errands.post = func(f func()) { r.posted <- f }
	win.Resize(size)
	t.Cleanup(func() {
		r.window.Close()
		win.Close()
	})
	return r
}

// settle waits until every command the window started has come back, and shows what came of them.
func (r *rig) settle() {
	for {
		r.window.d.errands.all.Wait()
		select {
		case f := <-r.posted:
			f()
		default:
			return
		}
	}
}

// walk visits everything that can be seen, overlays included, in the order it is drawn.
func (r *rig) walk(visit func(o fyne.CanvasObject)) {
	var each func(o fyne.CanvasObject)
	each = func(o fyne.CanvasObject) {
		if o == nil || !o.Visible() {
			return
		}
		visit(o)
		switch o := o.(type) {
		case *fyne.Container:
			for _, child := range o.Objects {
				each(child)
			}
		case fyne.Widget:
			for _, child := range test.WidgetRenderer(o).Objects() {
				each(child)
			}
		}
	}
	each(r.win.Canvas().Content())
	for _, o := range r.win.Canvas().Overlays().List() {
		each(o)
	}
}

// labelled is a widget that says what it is.
type labelled interface {
	fyne.CanvasObject
	fyne.Tappable
	AccessibilityLabel() string
}

// tap taps the last widget in sight with a label, which may differ by language.
func (r *rig) tap(labels ...string) {
	r.t.Helper()
	test.Tap(r.find(labels...))
	r.settle()
}

// find is the last widget in sight with a label that can be tapped: what lies on top.
func (r *rig) find(labels ...string) (found labelled) {
	r.t.Helper()
	r.walk(func(o fyne.CanvasObject) {
		if l, ok := o.(labelled); ok && slices.Contains(labels, l.AccessibilityLabel()) {
			found = l
		}
	})
	if found == nil {
		r.t.Fatalf("there is nothing to tap that is called %q; there is:\n%s", labels, r.texts())
	}
	if off, ok := found.(fyne.Disableable); ok && off.Disabled() {
		r.t.Fatalf("%q cannot be tapped", labels)
	}
	return found
}

// choose picks an item of the menu that is open.
func (r *rig) choose(label string) {
	r.t.Helper()
	test.Tap(r.menuItem(label))
	r.settle()
}

// menuItem is an item of the menu that is open.
func (r *rig) menuItem(label string) fyne.Tappable {
	r.t.Helper()
	var menu *widget.PopUpMenu
	for _, o := range r.win.Canvas().Overlays().List() {
		each(o, func(o fyne.CanvasObject) {
			if m, ok := o.(*widget.PopUpMenu); ok {
				menu = m
			}
		})
	}
	if menu == nil {
		r.t.Fatalf("no menu is open; there is:\n%s", r.texts())
	}
	for _, item := range menu.Items {
		text := ""
		each(item, func(o fyne.CanvasObject) {
			if t, ok := o.(*canvas.Text); ok {
				text += t.Text
			}
		})
		if tappable, ok := item.(fyne.Tappable); ok && text == label {
			return tappable
		}
	}
	r.t.Fatalf("the menu has no %q", label)
	return nil
}

func each(o fyne.CanvasObject, visit func(fyne.CanvasObject)) {
	visit(o)
	if w, ok := o.(fyne.Widget); ok {
		for _, child := range test.WidgetRenderer(w).Objects() {
			each(child, visit)
		}
	}
	if c, ok := o.(*fyne.Container); ok {
		for _, child := range c.Objects {
			each(child, visit)
		}
	}
}

// texts is every text in sight, a line each.
func (r *rig) texts() string {
	var all []string
	r.walk(func(o fyne.CanvasObject) {
		switch o := o.(type) {
		case *canvas.Text:
			if o.Text != "" {
				all = append(all, o.Text)
			}
		case *kit.Para: // its lines follow
			all = append(all, o.Text())
		case *kit.Text:
			all = append(all, o.Text())
		}
	})
	return strings.Join(all, "\n")
}

// wants checks that texts are in sight.
func (r *rig) wants(texts ...string) {
	r.t.Helper()
	all := r.texts()
	for _, text := range texts {
		if !strings.Contains(all, text) {
			r.t.Errorf("%q is not in sight; there is:\n%s", text, all)
		}
	}
}

// lacks checks that texts are not in sight.
func (r *rig) lacks(texts ...string) {
	r.t.Helper()
	all := r.texts()
	for _, text := range texts {
		if strings.Contains(all, text) {
			r.t.Errorf("%q is in sight; there is:\n%s", text, all)
		}
	}
}

// asked checks what the host was asked for, in order, and forgets it.
func (r *rig) asked(want ...string) {
	r.t.Helper()
	if got := r.host.all(); !slices.Equal(got, want) {
		r.t.Errorf("the host was asked for %q, want %q", got, want)
	}
	r.host.forget()
}

func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = nil
}

// english is a rig of the usual size that shows a place.
func english(t testing.TB, place Place, v View) *rig {
	t.Helper()
	r := newRig(t, kit.AlwaysLight, fyne.NewSize(1080, 700), Options{Language: "en"})
	r.window.Open(place)
	r.window.Render(v)
	r.host.forget()
	return r
}

// inside checks that every text and button ends inside the window.
func (r *rig) inside(where string) {
	r.t.Helper()
	wide := r.win.Canvas().Size().Width - 14 // every place has a margin
	r.walk(func(o fyne.CanvasObject) {
		text := ""
		switch o := o.(type) {
		case *canvas.Text:
			text = o.Text
		case *kit.Button:
			text = o.Label()
		}
		if text == "" {
			return
		}
		x := r.window.d.app.Driver().AbsolutePositionForObject(o).X
		if end := x + o.Size().Width; x < -1 || end > wide+1 {
			r.t.Errorf("%s: %q goes from %v to %v in a window %v wide", where, text, x, end, wide)
		}
	})
}
