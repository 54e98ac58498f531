//go:build rig

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/ui"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// The program that tests use answers questions about its window, over a socket beside the host's: what can be read in it, and where it
// is. What somebody would do with the keyboard and the mouse the tests do with those.

// rigSocket is the name of the socket in the runtime folder.
const rigSocket = "window.sock"

// rigQuestion is a line of JSON.
type rigQuestion struct {
	Ask   string `json:"ask"`   // "texts", "find", "open" or "change"
	Label string `json:"label"` // of find: what can be read or what is read out; of change: the setting
	Nth   int    `json:"nth"`   // of find: the first is 0
	Place string `json:"place"` // of open
	Value any    `json:"value"` // of change
}

// rigAnswer is another.
type rigAnswer struct {
	Error string   `json:"error,omitempty"`
	Shown bool     `json:"shown"`
	Place string   `json:"place"`
	Texts []string `json:"texts,omitempty"`
	X     int      `json:"x"` // of the middle of what was found, in pixels of the window
	Y     int      `json:"y"`
}

// steer answers questions until the toolkit draws no more.
func (p *program) steer() {
	path := filepath.Join(p.opt.Dirs.Runtime, rigSocket)
	_ = os.Remove(path) // of a program that was killed
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", path)
	if err != nil {
		p.log.Error("no rig", "error", err)
		return
	}
	p.workers.Go(func() {
		<-p.over
		_ = l.Close()
	})
	p.workers.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.answer(conn)
		}
	})
}

func (p *program) answer(conn net.Conn) {
	defer conn.Close()
	var q rigQuestion
	if err := json.NewDecoder(conn).Decode(&q); err != nil {
		return
	}
	var a rigAnswer
	if q.Ask == "change" {
		if err := p.host.desk.Change(context.Background(), q.Label, q.Value); err != nil {
			a.Error = err.Error()
		}
	}
	p.draw(func() {
		if err := p.look(q, &a); err != nil {
			a.Error = err.Error()
		}
		if a.Shown = p.shown; p.face != nil {
			a.Place = string(p.face.At())
		}
	})
	_ = json.NewEncoder(conn).Encode(a)
}

func (p *program) look(q rigQuestion, a *rigAnswer) error {
	switch q.Ask {
	case "texts":
		p.each(func(_ fyne.CanvasObject, text string) bool {
			if len(a.Texts) == 0 || a.Texts[len(a.Texts)-1] != text { // of a widget that draws what is read out of it
				a.Texts = append(a.Texts, text)
			}
			return false
		})
		return nil
	case "change":
		return nil
	case "open":
		p.face.Open(ui.Place(q.Place))
		return nil
	case "find":
		n := q.Nth
		var found fyne.CanvasObject
		p.each(func(o fyne.CanvasObject, text string) bool {
			if text != q.Label {
				return false
			}
			if n--; n >= 0 {
				return false
			}
			found = o
			return true
		})
		if found == nil {
			return fmt.Errorf("there is no %q in sight", q.Label)
		}
		at, size, scale := fyne.CurrentApp().Driver().AbsolutePositionForObject(found), found.Size(), p.window.Canvas().Scale()
		a.X, a.Y = int((at.X+size.Width/2)*scale), int((at.Y+size.Height/2)*scale)
		return nil
	}
	return errors.New("ask for texts, find, open or change")
}

// each visits what can be seen and has a text, overlays first, until visit is satisfied.
func (p *program) each(visit func(o fyne.CanvasObject, text string) bool) {
	c := p.window.Canvas()
	all := frame{fyne.Position{}, c.Size()}
	for _, o := range c.Overlays().List() {
		if walk(o, fyne.Position{}, all, visit) {
			return
		}
	}
	walk(c.Content(), fyne.Position{}, all, visit)
}

// frame is the part of the window in which something can be seen.
type frame struct {
	at   fyne.Position
	size fyne.Size
}

func (f frame) has(at fyne.Position) bool {
	return at.X >= f.at.X && at.Y >= f.at.Y && at.X <= f.at.X+f.size.Width && at.Y <= f.at.Y+f.size.Height
}

func walk(o fyne.CanvasObject, parent fyne.Position, seen frame, visit func(o fyne.CanvasObject, text string) bool) bool {
	if !o.Visible() {
		return false
	}
	at := parent.Add(o.Position())
	if text := textOf(o); text != "" && seen.has(at.AddXY(o.Size().Width/2, o.Size().Height/2)) && visit(o, text) {
		return true
	}
	var below []fyne.CanvasObject
	switch o := o.(type) {
	case *fyne.Container:
		below = o.Objects
	case *container.Scroll:
		seen, below = frame{at, o.Size()}, []fyne.CanvasObject{o.Content}
	case fyne.Widget:
		below = test.WidgetRenderer(o).Objects()
	}
	for _, child := range below {
		if walk(child, at, seen, visit) {
			return true
		}
	}
	return false
}

// textOf is what can be read of an object by itself, or what is read out of it; of a field, what it asks for.
func textOf(o fyne.CanvasObject) string {
	switch o := o.(type) {
	case *fyne.Container:
		return ""
	case *kit.Entry:
		return o.PlaceHolder
	case *kit.CodeEntry:
		return o.PlaceHolder
	case fyne.Accessible:
		return o.AccessibilityLabel()
	case *canvas.Text:
		return o.Text
	}
	return ""
}
