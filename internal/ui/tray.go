package ui

import (
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// TrayAction is what an item of the tray's menu does.
type TrayAction string

// The actions.
const (
	TrayNothing   TrayAction = ""
	TrayOpen      TrayAction = "open"
	TrayPause     TrayAction = "pause"
	TrayResume    TrayAction = "resume"
	TrayCopy      TrayAction = "copy"      // Value is the address
	TrayBackend   TrayAction = "backend"   // Value is its name
	TrayAutostart TrayAction = "autostart" // Checked is how it is now
	TrayEditor    TrayAction = "editor"    // Value is its id, Checked whether it is connected
	TrayEditors   TrayAction = "editors"   // shows all of them
	TrayQuit      TrayAction = "quit"
)

// TrayItem is one line of the tray's menu; one without a label is a line between others.
type TrayItem struct {
	Label   string
	Action  TrayAction
	Value   string
	Dead    bool // says something and cannot be pressed
	Checked bool
	Below   []TrayItem
}

// TrayIcon is one of the forms of the tray's icon.
type TrayIcon string

// The icons.
const (
	TrayReady   TrayIcon = "ready"
	TrayWorking TrayIcon = "working"
	TrayProblem TrayIcon = "problem"
	TrayPaused  TrayIcon = "paused"
)

// TrayMenu is the tray's menu and icon, as a whole.
type TrayMenu struct {
	Icon  TrayIcon
	Items []TrayItem
}

// NewTrayMenu makes the menu of a view.
func NewTrayMenu(w *words.Words, v *View) TrayMenu {
	running := 0
	for _, c := range v.Contexts {
		if c.Status == "running" {
			running++
		}
	}
	d := &desk{Words: w}
	_, phase := d.phaseLook(v.Phase)
	state := w.Say("tray.state", "phase", phase, "backend", d.backend(v.Backend.Name))
	if headline := d.headline(v); headline != "" {
		state = headline
	}
	contexts := w.Say("tray.contexts", "n", len(v.Contexts))
	if running > 0 {
		contexts = w.Say("tray.contexts.running", "n", len(v.Contexts), "running", running)
	}
	pause := TrayItem{Label: w.Say("pool.pause"), Action: TrayPause}
	if v.Pool.Paused {
		pause = TrayItem{Label: w.Say("pool.resume"), Action: TrayResume}
	}
	setting := v.Backend.Setting
	var backends []TrayItem
	for _, name := range []string{"auto", "agentrun", "local"} {
		backends = append(backends, TrayItem{Label: w.Say("setting.backend." + name), Action: TrayBackend, Value: name, Checked: name == setting})
	}
	address := v.Addresses.HTTP
	autostart := v.Settings != nil && v.Settings.Autostart
	icon := trayIcon(v)
	if d.headline(v) != "" {
		icon = TrayProblem
	}
	return TrayMenu{Icon: icon, Items: slices.DeleteFunc([]TrayItem{
		{Label: state, Dead: true},
		{Label: w.Say("tray.pool", "ready", v.Pool.Ready, "warm", v.Pool.Warm), Dead: true},
		{Label: contexts, Dead: true},
		{},
		{Label: w.Say("tray.open"), Action: TrayOpen},
		pause,
		{Label: w.Say("tray.copy"), Action: TrayCopy, Value: address, Dead: address == ""},
		{Label: w.Say("setting.backend"), Below: backends},
		{Label: w.Say("place.editors"), Below: trayEditors(w, v)},
		{Label: w.Say("setting.autostart"), Action: TrayAutostart, Checked: autostart, Dead: v.Settings == nil},
		{},
		{Label: w.Say("tray.quit"), Action: TrayQuit},
	}, func(item TrayItem) bool { return item.Label == w.Say("place.editors") && item.Below == nil })}
}

// trayEditorsMost is how many editors the tray's menu has; the window has all.
const trayEditorsMost = 12

// trayEditors are those that can be connected by a click. Where there is none there is no menu of them.
func trayEditors(w *words.Words, v *View) []TrayItem {
	if v.Editors == nil {
		return nil
	}
	var all []TrayItem
	for _, row := range v.Editors.Found {
		if row.Route == RouteFile || row.Route == RouteRemove && row.there() {
			all = append(all, TrayItem{Label: w.Product(row.Name), Action: TrayEditor, Value: row.ID, Checked: row.State == EditorConnected})
		}
	}
	if all == nil {
		return nil
	}
	return append(all[:min(len(all), trayEditorsMost)], TrayItem{}, TrayItem{Label: w.Say("tray.editors"), Action: TrayEditors})
}

func trayIcon(v *View) TrayIcon {
	switch v.Phase {
	case status.Troubled:
		return TrayProblem
	case status.Working:
		return TrayWorking
	case status.Paused:
		return TrayPaused
	case status.Starting, status.Ready, status.Stopping:
	}
	return TrayReady
}
