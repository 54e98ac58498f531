package ui

import (
	"context"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// settingRow is one setting: what it means on the left, its value on the right, what came of a change below.
type settingRow struct {
	root    *fyne.Container
	rule    *kit.Box // above it; nil: it is the first of its card
	d       *desk
	s       setting
	host    settingsHost
	reflow  func()
	outcome *kit.Para
	later   *kit.Para // that the value holds from the next start on
	value   any       // as it is in the settings
	values  map[string]any

	field    *kit.Field
	segments *kit.Segments
	list     *kit.Dropdown
	toggle   *kit.Switch
	word     *kit.Text // beside the switch
	folders  *fyne.Container
	known    []string
}

// controlWide is how wide a field is.
const controlWide = 132

func newSettingRow(d *desk, s setting, host settingsHost, reflow func()) *settingRow {
	r := &settingRow{d: d, s: s, host: host, reflow: reflow, outcome: kit.NewPara("", kit.Small, kit.Muted)}
	later := d.Say("setting.restart")
	if d.Has("setting.restart." + s.name) {
		later = d.Say("setting.restart." + s.name)
	}
	r.later = kit.NewPara(later, kit.Small, kit.Warming)
	r.outcome.Hide()
	r.later.Hide()
	left := kit.Col(1, kit.NewPara(d.Say("setting."+s.name), kit.Strong, kit.Foreground))
	if d.Has("setting." + s.name + ".help") {
		left.Add(kit.NewPara(d.Say("setting."+s.name+".help"), kit.Small, kit.Muted))
	}
	left.Add(r.outcome)
	left.Add(r.later)
	r.root = kit.Row(18, kit.Grow(left), r.control())
	if s.kind == kindFolders {
		r.root = kit.Col(10, left, r.control())
	}
	return r
}

func (r *settingRow) control() fyne.CanvasObject {
	d, s := r.d, r.s
	label := d.Say("setting." + s.name)
	switch s.kind {
	case kindChoice, kindList:
		options := make([]kit.Option, len(s.options))
		for n, o := range s.options {
			options[n] = kit.Option{Value: o, Label: d.Say("setting." + s.name + "." + o)}
		}
		if s.kind == kindList {
			r.list = kit.NewDropdown(label, options, "", func(v string) { r.change(v) })
			return r.list
		}
		r.segments = kit.NewSegments(label, options, "", func(v string) { r.change(v) })
		return r.segments
	case kindSwitch:
		r.toggle = kit.NewSwitch(label, false, func(on bool) { r.change(on) })
		r.word = kit.NewText("", kit.Small, kit.Muted).Right()
		return kit.Row(9, kit.Fix(40, 0, r.word), r.toggle)
	case kindFolders:
		r.folders = kit.Col(6)
		add := kit.NewLeadButton("plus", d.Say("folders.add"), kit.Plain, r.addFolder)
		return kit.Col(8, r.folders, kit.Row(0, add, kit.Spring()))
	case kindNumber, kindText:
	}
	r.field = kit.NewField("", controlWide)
	r.field.Check = r.check
	r.field.Changed = func(string) { r.reflow() }
	r.field.Done = func(text string) {
		if s.kind == kindText {
			r.change(text)
			return
		}
		v, _ := strconv.ParseFloat(strings.TrimSpace(text), 64) // it was checked
		r.change(v)
	}
	unit := kit.NewText("", kit.Small, kit.Muted).Trim()
	if s.unit != "" {
		unit.Set(d.Say("unit." + s.unit))
	}
	return kit.FullRow(8, r.field, kit.Col(0, kit.Fix(58, kit.ControlHeight, unit))) // beside the field, also when something stands below that
}

var templateName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// check says what is wrong with what somebody types.
func (r *settingRow) check(text string) string {
	text = strings.TrimSpace(text)
	if r.s.kind == kindText {
		if !templateName.MatchString(text) {
			return r.d.Say("check.name")
		}
		return ""
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsNaN(v):
		return r.d.Say("check.number")
	case v < r.s.low || v > r.s.high:
		return r.d.Say("check.range", "low", number(r.s.low), "high", number(r.s.high))
	case r.s.whole && v != math.Trunc(v):
		return r.d.Say("check.whole")
	}
	if ceiling, ok := r.values["pool.ceiling"].(float64); ok && r.s.name == "pool.warm" && v > ceiling {
		return r.d.Say("check.ceiling", "n", number(ceiling))
	}
	return ""
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// render shows the value in the settings, if it is there.
func (r *settingRow) render(s *Settings) {
	v, ok := s.Values[r.s.name]
	r.values = s.Values
	r.root.Hidden = !ok
	if r.rule != nil {
		r.rule.Hidden = !ok
	}
	r.later.Hidden = !slices.Contains(s.Restart, r.s.name)
	if ok {
		r.value = v
		r.show(v)
	}
}

func (r *settingRow) show(v any) {
	switch r.s.kind {
	case kindChoice:
		text, _ := v.(string)
		r.segments.Set(text)
	case kindList:
		text, _ := v.(string)
		r.list.Set(text)
	case kindSwitch:
		on, _ := v.(bool)
		r.toggle.Set(on)
		word := r.d.Say("off")
		if on {
			word = r.d.Say("on")
		}
		r.word.Set(word)
	case kindNumber:
		if n, ok := v.(float64); ok && !r.field.Typing() {
			r.field.Set(number(n))
		}
	case kindText:
		if text, ok := v.(string); ok && !r.field.Typing() {
			r.field.Set(text)
		}
	case kindFolders:
		r.showFolders(folderList(v))
	}
}

// change shows the value at once, and the one of before again when the host refuses it.
func (r *settingRow) change(v any) {
	r.show(v)
	r.say("", kit.Muted)
	r.d.errands.run(func(ctx context.Context) error { return r.host.Change(ctx, r.s.name, v) }, func(err error) {
		if err != nil {
			r.show(r.value)
			r.say(sentence(r.d.Words, err), kit.Problem)
			return
		}
		r.say(r.d.Say("setting.saved"), kit.Ready)
	})
}

func (r *settingRow) say(text string, tone fyne.ThemeColorName) {
	r.outcome.SetTone(tone)
	r.outcome.Set(text)
	r.outcome.Hidden = text == ""
	r.root.Refresh()
	r.reflow()
}

func folderList(v any) []string {
	switch v := v.(type) {
	case []string:
		return v
	case []any:
		list := make([]string, 0, len(v))
		for _, item := range v {
			if text, ok := item.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

func (r *settingRow) showFolders(list []string) {
	if slices.Equal(list, r.known) && len(r.folders.Objects) > 0 {
		return
	}
	r.known = slices.Clone(list)
	r.folders.Objects = nil
	for n, folder := range list {
		remove := kit.NewIconButton("close", r.d.Say("folders.remove", "folder", folder), kit.Quiet, func() {
			r.change(slices.Delete(slices.Clone(r.known), n, n+1))
		})
		r.folders.Add(kit.InCode(kit.Row(8, kit.NewIcon("folder", 16, kit.Muted), kit.Grow(kit.NewText(folder, kit.Mono, kit.Foreground).Trim()), remove)))
	}
	if len(list) == 0 {
		r.folders.Add(kit.NewText(r.d.Say("folders.none"), kit.Small, kit.Muted))
	}
	r.folders.Refresh()
	r.reflow()
}

func (r *settingRow) addFolder() {
	dialog.ShowFolderOpen(func(folder fyne.ListableURI, err error) {
		switch {
		case err != nil:
			r.say(sentence(r.d.Words, err), kit.Problem)
		case folder != nil:
			if name := filepath.Clean(folder.Path()); !slices.Contains(r.known, name) {
				r.change(append(slices.Clone(r.known), name))
			}
		}
	}, r.d.window)
}
