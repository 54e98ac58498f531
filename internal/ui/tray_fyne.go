package ui

import (
	"bytes"
	"image/png"
	"reflect"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/theme"

	"github.com/agentrun-tray/agentrun-tray/assets"
)

// trayHost is the toolkit's tray, which is fyne.io/systray: desktop.App has these methods.
type trayHost interface {
	SetSystemTrayMenu(menu *fyne.Menu)
	SetSystemTrayIcon(icon fyne.Resource)
}

// Tray shows menus in the tray. Its methods belong to the UI goroutine.
type Tray struct {
	host     trayHost
	template bool // macOS colours the icon itself
	do       func(TrayItem)
	menu     *fyne.Menu // one and the same: the toolkit shows the one it was given first once more when its tray has come up
	last     TrayMenu
	shown    bool
}

// NewTray makes a tray that tells do what was chosen.
func NewTray(host trayHost, template bool, do func(TrayItem)) *Tray {
	return &Tray{host: host, template: template, do: do, menu: fyne.NewMenu("")}
}

// Show draws a menu, if it is another one. It is drawn whole, for the toolkit tells the desktop of the whole menu in any case.
func (t *Tray) Show(m TrayMenu) {
	if t.shown && reflect.DeepEqual(m, t.last) {
		return
	}
	if !t.shown || m.Icon != t.last.Icon {
		t.host.SetSystemTrayIcon(t.icon(m.Icon))
	}
	t.last, t.shown = m, true
	t.menu.Items = t.items(m.Items)
	t.host.SetSystemTrayMenu(t.menu)
}

func (t *Tray) icon(icon TrayIcon) fyne.Resource {
	name := "tray-" + string(icon)
	if t.template {
		name += "-template"
		return theme.NewThemedResource(fyne.NewStaticResource(name+".svg", assets.Icon(name)))
	}
	return fyne.NewStaticResource(name+".png", pixels(fyne.NewStaticResource(name+".svg", assets.Icon(name))))
}

// iconSize is that of the tray's icon, in pixels; the desktop makes it smaller.
const iconSize = 64

// pixels are a drawing as PNG, which is what a tray takes. Left to the toolkit, they are made once more when its tray has come up, on
// another goroutine than the one that draws, although both keep what they have drawn in the same maps.
func pixels(svg fyne.Resource) []byte {
	c := software.NewTransparentCanvas()
	c.SetPadded(false)
	c.SetContent(canvas.NewImageFromResource(svg))
	c.Resize(fyne.NewSquareSize(iconSize))
	var out bytes.Buffer
	if err := png.Encode(&out, c.Capture()); err != nil {
		panic("ui: the tray's icon: " + err.Error()) // the picture is ours, and memory takes everything
	}
	return out.Bytes()
}

func (t *Tray) items(list []TrayItem) []*fyne.MenuItem {
	items := make([]*fyne.MenuItem, len(list))
	for n, item := range list {
		if item.Label == "" {
			items[n] = fyne.NewMenuItemSeparator()
			continue
		}
		m := fyne.NewMenuItem(item.Label, nil)
		m.Disabled, m.Checked = item.Dead, item.Checked
		m.IsQuit = item.Action == TrayQuit // or the toolkit adds one of its own
		if item.Action != TrayNothing {
			m.Action = func() { t.do(item) }
		}
		if item.Below != nil {
			m.ChildMenu = fyne.NewMenu("", t.items(item.Below)...)
		}
		items[n] = m
	}
	return items
}
