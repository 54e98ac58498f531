package ui

import (
	"slices"
	"strconv"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// Options are how a window begins.
type Options struct {
	// Language is that of all texts, en or zh.
	Language string
	// FirstRun shows the first steps before anything else.
	FirstRun bool
	// Hide takes the window out of sight, and Quit ends the program; nil: that is left to other ways.
	Hide, Quit func()
}

// Window is the desktop app's window. All methods belong to the UI goroutine.
type Window struct {
	d       *desk
	host    Host
	opt     Options
	root    *fyne.Container
	frame   *fyne.Container
	side    *sidebar
	stack   *fyne.Container
	panels  map[Place]panel // those that were wanted
	first   *firstRun
	at      Place
	view    View
	drawn   bool
	stale   map[Place]bool // places that were not drawn since the view changed
	hidden  bool
	context *contexts                // nil: not wanted yet
	editors *editors                 // the same
	left    map[Place]fyne.Focusable // where somebody was typing when another place was opened
}

// NewWindow fills a window of the toolkit. The theme must have been set before. Call Close when the window is not needed any more.
func NewWindow(app fyne.App, window fyne.Window, host Host, opt Options) *Window {
	w := &Window{host: host, opt: opt, at: PlaceOverview}
	w.d = &desk{Words: words.In(opt.Language), app: app, window: window, toasts: kit.NewToasts(), hints: kit.NewHints(), errands: newErrands(), open: w.Open, setting: w.openSetting, unlock: w.unlock}
	w.build()
	window.SetPadded(false)
	window.SetTitle(w.d.Say("app"))
	window.SetContent(w.root)
	window.Canvas().SetOnTypedKey(w.typed)
	for _, s := range shortcuts() {
		if s.key != "" {
			window.Canvas().AddShortcut(&desktop.CustomShortcut{KeyName: s.key, Modifier: fyne.KeyModifierShortcutDefault}, func(fyne.Shortcut) { w.press(s) })
		}
	}
	return w
}

// press does what a shortcut stands for. While the first steps or a question are to be answered only those do something that leave.
func (w *Window) press(s shortcut) {
	if s.leaves || w.first == nil && len(w.d.window.Canvas().Overlays().List()) == 0 {
		s.do(w)
	}
}

// typed is a key while nothing has the keyboard.
func (w *Window) typed(key *fyne.KeyEvent) {
	if key.Name == fyne.KeyEscape && w.first == nil && w.at == PlaceEditors {
		w.editors.escape()
	}
}

// build makes the widgets in the language of the window.
func (w *Window) build() {
	d := w.d
	d.toasts.Shut = d.Say("close")
	w.panels, w.stale, w.context = map[Place]panel{}, map[Place]bool{}, nil
	w.left = map[Place]fyne.Focusable{}
	w.editors = nil
	w.side = newSidebar(d)
	w.stack = container.NewStack()
	w.frame = container.New(&frame{w.side}, w.side.root, kit.NewUpright(), w.stack)
	content := []fyne.CanvasObject{kit.NewBox(kit.Background, 0), w.frame}
	if w.opt.FirstRun {
		w.first = newFirstRun(d, w.host, w.leaveFirstRun)
		w.frame.Hide()
		content = append(content, w.first.root())
	}
	w.root = container.New(&smallest{}, append(content, d.toasts.Root, d.hints.Root)...)
	w.Open(w.at)
}

// panel is that of a place. It is made when it is wanted first: the window opens sooner, and without the fonts that another place needs.
func (w *Window) panel(p Place) panel {
	made := w.panels[p]
	if made == nil {
		made = w.newPanel(p)
		w.panels[p], w.stale[p] = made, true
		w.stack.Add(made.root())
	}
	return made
}

func (w *Window) newPanel(p Place) panel {
	switch p {
	case PlaceOverview:
		return newOverview(w.d, w.host, w.host, w.Try)
	case PlaceContexts:
		w.context = newContexts(w.d, w.host)
		return w.context
	case PlaceActivity:
		return newActivity(w.d, w.host, w.openContext)
	case PlaceEditors:
		w.editors = newEditors(w.d, w.host)
		return w.editors
	case PlaceSettings:
		return newSettings(w.d, w.host)
	}
	panic("ui: there is no place " + string(p))
}

// SetLanguage changes the language of everything. What somebody has begun stays.
func (w *Window) SetLanguage(tag string) {
	if tag == w.d.Tag() {
		return
	}
	w.d.Words = words.In(tag)
	w.opt.FirstRun = w.first != nil
	kit.CloseMenus(w.d.window.Canvas())
	again := w.d.asked.close()
	before, first, drawn := w.panels, w.first, w.drawn
	w.drawn = false
	w.build()
	w.keep(before, first)
	w.d.window.SetTitle(w.d.Say("app"))
	w.d.window.SetContent(w.root)
	if drawn {
		w.Render(w.view)
	}
	if again != nil {
		again()
	}
}

func (w *Window) leaveFirstRun(try bool) {
	if w.first == nil { // as when Enter is pressed twice
		return
	}
	w.d.window.Canvas().Unfocus()
	w.first.root().Hide()
	w.first = nil
	w.frame.Show()
	w.draw()
	if try {
		w.Try()
		w.context.offer()
		return
	}
	w.Open(PlaceOverview)
}

// Open shows a place.
func (w *Window) Open(p Place) {
	var typing fyne.Focusable
	if p != w.at && w.first == nil {
		typing = w.handOver(p)
	}
	w.at = p
	w.d.hints.Clear()
	wanted := w.panel(p)
	for place, panel := range w.panels {
		if place == p {
			panel.root().Show()
		} else {
			panel.root().Hide()
		}
	}
	w.side.show(p)
	if w.drawn && !w.hidden && w.stale[p] {
		wanted.render(&w.view)
		delete(w.stale, p)
	}
	w.stack.Refresh()
	if typing != nil {
		w.d.window.Canvas().Focus(typing)
	}
}

// handOver takes the keyboard away from what goes out of sight, or keys would do something there that nobody sees, and returns where
// somebody was typing when they left the place that is opened. Who goes there with the sidebar stays in it.
func (w *Window) handOver(p Place) (typing fyne.Focusable) {
	c := w.d.window.Canvas()
	focused := c.Focused()
	if w.side.has(focused) {
		return nil
	}
	switch focused.(type) {
	case *kit.Entry, *kit.CodeEntry:
		w.left[w.at] = focused
	default:
		delete(w.left, w.at)
	}
	c.Unfocus()
	return w.left[p]
}

// openSetting shows a setting in its place.
func (w *Window) openSetting(name string) {
	w.Open(PlaceSettings)
	if p, ok := w.panels[PlaceSettings].(*settings); ok {
		p.reveal(name)
	}
}

// openContext shows the notebook of a context.
func (w *Window) openContext(id string) {
	w.Open(PlaceContexts)
	w.context.reveal(id)
}

// unlock has the keychain opened, in the place of the account.
func (w *Window) unlock() {
	w.Open(PlaceSettings)
	if p, ok := w.panels[PlaceSettings].(*settings); ok {
		p.page.Present(p.account.root)
		p.account.note.ask()
	}
}

// At is the place shown.
func (w *Window) At() Place { return w.at }

// Try goes to where code can be tried by hand.
func (w *Window) Try() {
	w.Open(PlaceContexts)
	w.context.focusTry()
}

// filter puts the keyboard into the field that filters the table of a place.
func (w *Window) filter() {
	var field *kit.Field
	switch p := w.panel(w.at).(type) {
	case *contexts:
		field = p.filter
	case *activity:
		field = p.filter
	default:
		return
	}
	w.d.window.Canvas().Focus(field.Entry)
}

// Render draws a view, and reports whether it looks unlike the one before; if not, it costs next to nothing. Places that are not in
// sight are drawn when they are opened, and a window that is not in sight when it is shown.
func (w *Window) Render(v View) (changed bool) {
	if w.drawn && same(&w.view, &v) {
		return false
	}
	w.view, w.drawn = v, true
	w.draw()
	return true
}

// SetVisible says whether the window is in sight. One that is not draws nothing.
func (w *Window) SetVisible(on bool) {
	if w.hidden == on {
		w.hidden = !on
		w.draw()
	}
}

func (w *Window) draw() {
	if !w.drawn || w.hidden {
		return
	}
	if w.first != nil {
		w.first.render(&w.view)
		return
	}
	w.side.render(&w.view)
	for _, p := range Places() {
		w.stale[p] = true
	}
	w.panel(w.at).render(&w.view)
	delete(w.stale, w.at)
}

// Tell shows a sentence for a few seconds.
func (w *Window) Tell(text string, good bool) {
	tone := kit.Problem
	if good {
		tone = kit.Ready
	}
	w.d.toasts.Show(text, tone)
}

// Close ends what the window's commands are doing, and waits for them, but not for long: nothing is drawn meanwhile.
func (w *Window) Close() {
	w.d.errands.closeWithin(time.Second)
	w.d.toasts.Close()
	w.d.hints.Close()
}

// frame puts the sidebar beside the places; in a small window it has icons alone.
type frame struct{ side *sidebar }

func (f *frame) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(minWidth, minHeight) }

// The least size of the window.
const (
	minWidth  = 600
	minHeight = 420
)

func (f *frame) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w := float32(sidebarWide)
	if size.Width < narrowBelow {
		w = sidebarNarrow
	}
	f.side.narrow(size.Width < narrowBelow)
	objects[0].Resize(fyne.NewSize(w, size.Height))
	objects[0].Move(fyne.NewPos(0, 0))
	objects[1].Resize(fyne.NewSize(1, size.Height))
	objects[1].Move(fyne.NewPos(w-1, 0))
	objects[2].Resize(fyne.NewSize(size.Width-w, size.Height))
	objects[2].Move(fyne.NewPos(w, 0))
}

// smallest stacks the layers of the window, which is never smaller than its frame wants.
type smallest struct{}

func (smallest) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(minWidth, minHeight) }

func (smallest) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Resize(size)
		o.Move(fyne.NewPos(0, 0))
	}
}

// shortcut is a key, pressed with Ctrl (Cmd on macOS), and what it does.
type shortcut struct {
	name   string
	key    fyne.KeyName // empty: handled by the widget that has the keyboard
	text   string
	do     func(*Window)
	leaves bool // the window
}

// shortcuts is the table of all.
func shortcuts() []shortcut {
	var all []shortcut
	for n, p := range Places() {
		key := strconv.Itoa(n + 1)
		all = append(all, shortcut{name: string(p), key: fyne.KeyName(key), text: key, do: func(w *Window) { w.Open(p) }})
	}
	return append(all,
		shortcut{name: "try", key: fyne.KeyT, text: "T", do: (*Window).Try},
		shortcut{name: "filter", key: fyne.KeyF, text: "F", do: (*Window).filter},
		shortcut{name: "run", text: "Enter"},
		shortcut{name: "hide", key: fyne.KeyW, text: "W", leaves: true, do: func(w *Window) { call(w.opt.Hide) }},
		shortcut{name: "quit", key: fyne.KeyQ, text: "Q", leaves: true, do: func(w *Window) { call(w.opt.Quit) }},
	)
}

func call(do func()) {
	if do != nil {
		do()
	}
}

// keysOf are the keys of a shortcut by its name, as they are written.
func keysOf(name string) string {
	all := shortcuts()
	return all[slices.IndexFunc(all, func(s shortcut) bool { return s.name == name })].keys()
}

func (s shortcut) keys() string {
	modifier := "Ctrl"
	if fyne.KeyModifierShortcutDefault == fyne.KeyModifierSuper {
		modifier = "Cmd"
	}
	return modifier + "+" + s.text
}
