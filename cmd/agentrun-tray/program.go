package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"fyne.io/fyne/v2"
	fynedesktop "fyne.io/fyne/v2/driver/desktop"
	"fyne.io/systray"

	"github.com/agentrun-tray/agentrun-tray/assets"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/autostart"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/desktop"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// The window's size at first.
const (
	width  = 1080
	height = 700
)

// The program ends within ten seconds. Most of them are for the host: code gets a moment to end, and sandboxes are closed. The rest is
// for commands of the window that go on.
const endWithin = 9 * time.Second

// notesKept is how many notifications wait for a desktop that is slow.
const notesKept = 8

// program is the desktop app as a whole: the toolkit, the window, the tray, and the host behind them. What has no other remark belongs
// to the UI goroutine.
type program struct {
	opt        app.Options
	log        *slog.Logger
	background bool // begin in the tray
	begun      time.Time

	app      fyne.App
	window   fyne.Window  // of the toolkit
	face     *ui.Window   // what is in it; nil until there is a host
	tray     *ui.Tray     // nil: the toolkit has none here
	trayless bool         // the desktop shows no tray
	question *ui.Takeover // nil unless it is asked
	words    *words.Words
	mode     kit.Mode
	view     ui.View // the one that is drawn
	failure  error   // why there is no window
	shown    bool    // the window is not hidden
	front    bool    // nor is it minimised or behind others, as far as the toolkit can tell
	leaving  bool    // the program was told to end

	host    *host         // nil until there is one; then it stays
	taken   chan *host    // capacity 1: the one that took the place of another
	wanted  chan struct{} // capacity 1: the program was started again, so that the window is to be shown
	notes   chan *fyne.Notification
	over    chan struct{} // closed when the toolkit draws no more
	workers sync.WaitGroup
}

// host is the core, as it runs.
type host struct {
	desk    *desktop.Desk
	end     context.CancelFunc
	late    chan struct{} // closed when it should have ended
	ended   chan struct{} // closed when it has; guards failure
	failure error
}

// startHost makes the host and returns when it serves. If there is another one the error is instance.ErrRunning. It may be called
// beside the UI goroutine.
func (p *program) startHost(ctx context.Context) (*host, error) {
	opt := p.opt
	opt.ShowWindow = func() {
		select {
		case p.wanted <- struct{}{}:
		default: // it is about to be shown
		}
	}
	opt.AwaitSight = true // present ends that
	core, err := app.New(ctx, opt)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	atLogin, err := autostart.New(autostart.Options{ID: appID, Name: appName, Program: self, Args: []string{"--background"}, Getenv: os.Getenv})
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	h := newHost(ctx, end)
	starting, began := context.WithCancel(ctx)
	defer began()
	p.workers.Go(func() {
		defer close(h.ended)
		defer began()
		h.failure = core.Run(ctx)
		end()
	})
	for s := range core.Hub().Watch(starting) {
		if s.Addresses.Socket == "" {
			continue
		}
		h.desk = desktop.New(desktop.Options{App: core, OpenFolder: p.openFolder, OpenURL: p.openURL, Autostart: atLogin, Logger: p.log})
		return h, nil
	}
	<-h.ended
	return nil, cmp.Or(h.failure, context.Cause(ctx))
}

// succeed starts the host after another one has ended, with the settings as that has left them. It may be called beside the UI
// goroutine.
func (p *program) succeed(ctx context.Context) (*host, error) {
	if err := p.opt.Reload(); err != nil {
		return nil, err
	}
	return p.startHost(ctx)
}

// newHost makes a host that is late when its context has ended endWithin ago.
func newHost(ctx context.Context, end context.CancelFunc) *host {
	h := &host{end: end, late: make(chan struct{}), ended: make(chan struct{})}
	context.AfterFunc(ctx, func() { time.AfterFunc(endWithin, func() { close(h.late) }) })
	return h
}

// open makes the tray and an empty window, which is filled when the toolkit has started and the tray is there: making widgets takes
// longer than all before it.
func (p *program) open(ctx context.Context, other *instance.Info) {
	if d, ok := p.app.(fynedesktop.App); ok { // now, for the toolkit starts its tray when it starts itself, or never
		systray.SetTitle(appName) // its id, too, if it is set before the toolkit sets it
		systray.SetOnTapped(func() { fyne.Do(p.show) })
		p.tray = ui.NewTray(d, runtime.GOOS == "darwin", p.choose)
		p.tray.Show(ui.NewFirstTrayMenu(p.words))
	}
	p.app.SetIcon(fyne.NewStaticResource("app.svg", assets.Icon("app"))) // now, for the toolkit's tray has a window of its own, which nobody sees
	p.window = p.app.NewWindow(appName)
	p.window.Resize(fyne.NewSize(width, height))
	p.window.CenterOnScreen()
	p.app.Lifecycle().SetOnStarted(func() {
		fyne.Do(p.takeSignals) // before anything is drawn
		fyne.Do(func() { p.fill(ctx, other) })
	})
	p.watchFront()
	p.steer()
}

// fill puts the host into the window, or the question whether to take the place of one that has no window.
func (p *program) fill(ctx context.Context, other *instance.Info) {
	if ctx.Err() != nil { // a signal came before takeSignals; the toolkit may be about to end by it
		p.app.Quit()
		return
	}
	if other == nil {
		p.present(ctx)
		return
	}
	p.question = ui.NewTakeover(p.window, ui.TakeoverOptions{
		Language: p.words.Tag(), PID: other.PID, Version: other.Version, Leave: p.quit,
		Take: func(asking context.Context) error {
			if err := control.Stop(asking, p.opt.Dirs); err != nil && !errors.Is(err, control.ErrNoHost) {
				return err
			}
			h, err := p.succeed(ctx)
			if err == nil {
				p.taken <- h
			}
			return err
		},
		Taken: func() {
			p.question.Close()
			p.question, p.host, p.background = nil, <-p.taken, false
			p.present(ctx)
		},
	})
	p.window.SetCloseIntercept(p.quit)
	p.reveal()
}

// present puts the host into the window and the tray, and keeps them drawn until it has ended.
func (p *program) present(ctx context.Context) {
	desk, inTray := p.host.desk, p.background
	p.face = ui.NewWindow(p.app, p.window, desk, ui.Options{Language: p.words.Tag(), FirstRun: desk.FirstRun(), Hide: p.close, Quit: p.quit})
	p.face.SetVisible(false)
	p.window.SetCloseIntercept(p.close)
	p.workers.Go(func() {
		for {
			select {
			case <-p.wanted:
				p.draw(p.show)
			case <-p.over:
				return
			}
		}
	})
	go p.sendNotes()
	drawing, stop := context.WithCancel(context.WithoutCancel(ctx))
	pumped, painted := make(chan struct{}), make(chan struct{})
	p.workers.Go(func() {
		defer close(pumped)
		drawn := 0
		for view := range desk.Views(drawing) {
			if !p.draw(func() { p.render(view) }) {
				return
			}
			if drawn++; drawn == 2 { // the first is painted before the next one comes, which a window in sight has within a second
				close(painted)
			}
		}
	})
	p.workers.Go(func() {
		p.host.await()
		stop()
		<-pumped
		p.draw(func() {
			p.face.Close()
			p.app.Quit()
		})
	})
	p.workers.Go(func() {
		if !awaitTray(drawing) && drawing.Err() == nil {
			p.draw(p.doWithoutTray)
		}
		if inTray {
			desk.Seen()
		}
	})
	if !inTray {
		p.workers.Go(func() { // the tray's item may be there long before the window, or never
			awaitSight(drawing, painted)
			desk.Seen()
		})
		p.show()
	}
}

// sightPatience is how long a window may take to be painted. One that is minimised, or on another workspace, never is.
const sightPatience = 3 * time.Second

// awaitSight waits until the window is painted, but not for long.
func awaitSight(ctx context.Context, painted <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, sightPatience)
	defer cancel()
	select {
	case <-painted:
	case <-ctx.Done():
	}
}

// doWithoutTray shows the window, which cannot be found otherwise, and says why. Who has told the program to end needs none.
func (p *program) doWithoutTray() {
	if p.leaving {
		return
	}
	p.log.Info("no tray", "reason", "nothing on this desktop shows tray items")
	p.trayless = true
	p.show()
	p.face.TellTrayless()
}

// await waits for the end of the host; when it was asked for, not forever.
func (h *host) await() {
	select {
	case <-h.ended:
	case <-h.late:
	}
}

// draw does something on the UI goroutine and waits until it is done. It reports whether that could be: not when the toolkit draws no
// more.
func (p *program) draw(do func()) (drawn bool) {
	select {
	case <-p.over:
		return false
	default:
	}
	defer func() {
		// The toolkit panics here, and not on its goroutine, when it has just ended: by a signal that came before takeSignals.
		if why := recover(); why != nil {
			p.log.Warn("not drawn", "panic", fmt.Sprint(why))
			drawn = false
		}
	}()
	done := make(chan struct{})
	fyne.Do(func() {
		defer close(done)
		do()
	})
	select {
	case <-done:
		return true
	case <-p.over:
		return false
	}
}

// render draws a view in the window and in the tray.
func (p *program) render(view ui.View) {
	before := p.view
	p.view = view
	p.restyle(view.Settings)
	if !p.face.Render(view) {
		return // nor would the tray look different
	}
	if p.tray != nil {
		p.tray.Show(ui.NewTrayMenu(p.words, &view))
	}
	p.tell(&before, &view)
}

// tell has the desktop show what somebody has to act on, unless they are in front of the window, where it is a banner.
func (p *program) tell(before, view *ui.View) {
	if p.shown && p.front {
		return
	}
	for _, n := range ui.Notifications(p.words, before, view) {
		p.notify(fyne.NewNotification(n.Title, n.Text))
	}
}

// watchFront notes whether the window is in front, which the toolkit goes by the keyboard for.
func (p *program) watchFront() {
	p.app.Lifecycle().SetOnEnteredForeground(func() { p.front = true })
	p.app.Lifecycle().SetOnExitedForeground(func() { p.front = false })
}

// notify has the desktop show something. The toolkit asks it and waits for the answer, which may never come: that is not for the UI
// goroutine.
func (p *program) notify(n *fyne.Notification) {
	select {
	case p.notes <- n:
	default: // nobody sees those that wait already
		p.log.Warn("notification not shown", "title", n.Title)
	}
}

// sendNotes hands notifications to the desktop until the toolkit draws no more. Nobody waits for that: a desktop that does not answer
// cannot be told to.
func (p *program) sendNotes() {
	for {
		select {
		case n := <-p.notes:
			p.app.SendNotification(n)
		case <-p.over:
			return
		}
	}
}

// restyle takes up another theme and another language.
func (p *program) restyle(settings *ui.Settings) {
	if settings == nil {
		return
	}
	if mode := kit.Mode(settings.Theme()); mode != p.mode {
		p.mode = mode
		p.app.Settings().SetTheme(kit.NewTheme(mode))
	}
	if tag := settings.Language; tag != p.words.Tag() {
		p.words = words.In(tag)
		p.face.SetLanguage(tag)
	}
}

// show brings the window to the front.
func (p *program) show() {
	if p.face != nil {
		p.shown, p.front = true, true // of the front the toolkit tells later
		p.host.desk.SetInSight(true)
		p.face.SetVisible(true)
	}
	p.reveal()
}

// reveal makes the toolkit's window, or shows it again. Where that cannot be the program ends.
func (p *program) reveal() {
	p.failure = p.try(func() {
		p.window.Show()
		p.window.RequestFocus()
	})
	if p.failure != nil {
		p.app.Quit()
	}
}

// close takes the window out of sight. Where there is no tray the desktop is asked to say how to come back.
func (p *program) close() {
	p.hide()
	if p.trayless {
		n := ui.TraylessNotification(p.words)
		p.notify(fyne.NewNotification(n.Title, n.Text))
	}
}

// hide leaves the tray alone.
func (p *program) hide() {
	p.window.Hide()
	p.shown = false
	p.host.desk.SetInSight(false)
	p.face.SetVisible(false)
}

// openFolder shows a folder in the desktop's own program for them.
func (p *program) openFolder(_ context.Context, folder string) error {
	path := filepath.ToSlash(folder)
	if !strings.HasPrefix(path, "/") { // as on Windows
		path = "/" + path
	}
	return p.app.OpenURL(&url.URL{Scheme: "file", Path: path})
}

// openURL has the system open an address, such as one that an editor answers to.
func (p *program) openURL(address *url.URL) error { return p.app.OpenURL(address) }

// choose does what an item of the tray's menu says.
func (p *program) choose(item ui.TrayItem) {
	switch item.Action {
	case ui.TrayOpen:
		p.show()
	case ui.TrayQuit:
		p.quit()
	default:
		if p.face != nil {
			p.face.Choose(item, p.show)
		}
	}
}

// quit ends the host, and the program with it. The tray stays until then and says so.
func (p *program) quit() {
	p.leaving = true
	if p.face == nil {
		p.app.Quit()
		return
	}
	p.hide()
	p.host.end()
}

// takeSignals has a signal end the host before the toolkit. The toolkit's own answer to one is to stop drawing at once, whoever is
// about to draw.
func (p *program) takeSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Stop(signals) // which waits until those that have come are handed on: Reset alone loses them
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	p.workers.Go(func() {
		defer signal.Stop(signals)
		select {
		case <-signals:
			p.draw(p.quit)
		case <-p.over:
		}
	})
}

// leave waits for what still goes on after the toolkit's end.
func (p *program) leave() error {
	close(p.over)
	if p.question != nil { // what its answer has begun ends with it, or has made a host
		p.question.Close()
		select {
		case p.host = <-p.taken:
		default:
		}
	}
	if p.host == nil {
		p.workers.Wait()
		return nil
	}
	p.host.end()
	p.host.await()
	select {
	case <-p.host.ended:
		p.workers.Wait()
		return p.host.failure
	default:
		return fmt.Errorf("the host did not end within %v; what it left in the cloud is ended by the next one", endWithin)
	}
}
