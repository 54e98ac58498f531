package ui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// desk is what all panels of a window share: its words, the way to other places, and somebody who runs errands.
type desk struct {
	*words.Words
	app     fyne.App
	window  fyne.Window
	toasts  *kit.Toasts
	hints   *kit.Hints
	errands *errands
	open    func(Place)
	setting func(name string) // shows the row of a setting
	unlock  func()            // has the keychain opened, where that is seen and can be cancelled
	asked   asked
}

// asked is the dialog that was opened last, and what opens it anew in another language.
type asked struct {
	dialog *kit.Dialog
	again  func()
}

// close closes the dialog, if it is open, and returns what opens it again; nil: it was not.
func (a asked) close() (again func()) {
	if a.dialog == nil || !a.dialog.Open() {
		return nil
	}
	a.dialog.Close()
	return a.again
}

// question asks before something that cannot be undone.
func (d *desk) question(say func() (question, detail, yes string), do func()) {
	question, detail, yes := say()
	q := kit.Ask(d.window.Canvas(), question, detail, d.Say("cancel"), yes, do)
	d.asked = asked{q.Dialog, func() { d.question(say, do) }}
}

// errands runs commands beside the UI goroutine. The window owns it and waits for all of them when it closes.
type errands struct {
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup
	post   func(func()) // brings something to the UI goroutine
}

func newErrands() *errands {
	e := &errands{post: fyne.Do}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// run does work on a goroutine and then done, with its outcome, on the UI goroutine.
func (e *errands) run(work func(ctx context.Context) error, done func(error)) {
	e.all.Go(func() {
		err := work(e.ctx)
		if e.ctx.Err() == nil {
			e.post(func() { done(err) })
		}
	})
}

// close ends what is going on, and waits for it.
func (e *errands) close() {
	e.cancel()
	e.all.Wait()
}

// closeWithin is close that waits no longer than that: what does not heed its end, such as writing to a disk that hangs, is left alone.
func (e *errands) closeWithin(patience time.Duration) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.close()
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
	}
}

// do runs a command, during which a button cannot be pressed again. What went wrong is told under the key's text.
func (d *desk) do(b *kit.Button, failed string, work func(ctx context.Context) error) {
	if b != nil {
		b.Disable()
	}
	d.errands.run(work, func(err error) {
		if b != nil {
			b.Enable()
		}
		if err != nil {
			d.fail(failed, err)
		}
	})
}

// interrupt ends a run.
func (d *desk) interrupt(host interruptHost, runID string) {
	d.do(nil, d.Say("fail.interrupt"), func(ctx context.Context) error { return host.Interrupt(ctx, runID) })
}

// fail tells what went wrong.
func (d *desk) fail(what string, err error) {
	d.toasts.Show(d.Say("failed", "what", what, "why", sentence(d.Words, err)), kit.Problem)
}

// copy puts a text on the clipboard and says so.
func (d *desk) copy(text string) {
	if c := d.app.Clipboard(); c != nil {
		c.SetContent(text)
	}
	d.toasts.Show(d.Say("copied"), kit.Ready)
}

// save asks for a file and puts in what write gives. It asks when that is there, as the toolkit empties the file that is chosen.
func (d *desk) save(name, failed string, write func(ctx context.Context, to io.Writer) error) {
	var text bytes.Buffer
	d.errands.run(func(ctx context.Context) error { return write(ctx, &text) }, func(err error) {
		if err != nil {
			d.fail(failed, err)
			return
		}
		d.saveText(name, failed, text.Bytes())
	})
}

func (d *desk) saveText(name, failed string, text []byte) {
	ask := dialog.NewFileSave(func(to fyne.URIWriteCloser, err error) {
		switch {
		case err != nil:
			d.fail(failed, err)
		case to != nil:
			d.write(to, failed, text)
		}
	}, d.window)
	ask.SetFileName(name)
	if at := strings.LastIndexByte(name, '.'); at >= 0 {
		ask.SetFilter(storage.NewExtensionFileFilter([]string{name[at:]}))
	}
	ask.Show()
}

// write puts a text into the file that was chosen for it, and says so, as nothing else shows it.
func (d *desk) write(to fyne.URIWriteCloser, failed string, text []byte) {
	d.errands.run(func(context.Context) error {
		_, err := to.Write(text)
		return errors.Join(err, to.Close())
	}, func(err error) {
		if err != nil {
			d.fail(failed, err)
			return
		}
		d.toasts.Show(d.Say("saved", "name", to.URI().Name()), kit.Ready)
	})
}

// panel is one place of the window.
type panel interface {
	root() fyne.CanvasObject
	render(*View)
}
