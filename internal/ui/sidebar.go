package ui

import (
	"maps"
	"slices"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// Place is one of the window's panels.
type Place string

// The places, in the order they stand in.
const (
	PlaceOverview Place = "overview"
	PlaceContexts Place = "contexts"
	PlaceActivity Place = "activity"
	PlaceEditors  Place = "editors"
	PlaceSettings Place = "settings"
)

// Places lists them.
func Places() []Place {
	return []Place{PlaceOverview, PlaceContexts, PlaceActivity, PlaceEditors, PlaceSettings}
}

const (
	sidebarWide   = 188
	sidebarNarrow = 56
	narrowBelow   = 760 // a window less wide has icons alone
)

// sidebar leads to the places.
type sidebar struct {
	root   *fyne.Container
	navs   map[Place]*kit.Nav
	name   *kit.Text
	where  *kit.Text
	region *kit.Text
	d      *desk
}

func newSidebar(d *desk) *sidebar {
	s := &sidebar{d: d, navs: map[Place]*kit.Nav{}, name: kit.NewText(d.Say("app"), kit.Strong, kit.Foreground)}
	s.where, s.region = kit.NewText("", kit.Small, kit.Muted).Trim(), kit.NewText("", kit.Small, kit.Muted).Trim()
	items := []fyne.CanvasObject{kit.Pad(0, 0, 12, 8, kit.Row(10, kit.NewMark(26), s.name))}
	for _, p := range Places() {
		nav := kit.NewNav(string(p), d.Say("place."+string(p)), func() { d.open(p) })
		nav.SetKeys(keysOf(string(p)))
		s.navs[p] = nav
		items = append(items, nav)
	}
	items = append(items, kit.Spring(), kit.Pad(0, 4, 0, 8, kit.Col(0, s.where, s.region)))
	s.root = container.NewStack(kit.NewBox(kit.Sidebar, 0), kit.Pad(18, 10, 14, 10, kit.Col(2.5, items...)))
	return s
}

// narrow shows icons alone, or icons and words.
func (s *sidebar) narrow(on bool) {
	s.name.Hidden, s.where.Hidden, s.region.Hidden = on, on, on
	for _, n := range s.navs {
		n.SetNarrow(on)
	}
}

// has reports whether something is one of the places to go to.
func (s *sidebar) has(f fyne.Focusable) bool {
	nav, ok := f.(*kit.Nav)
	return ok && slices.Contains(slices.Collect(maps.Values(s.navs)), nav)
}

func (s *sidebar) show(p Place) {
	for place, nav := range s.navs {
		nav.SetOn(place == p)
	}
}

func (s *sidebar) render(v *View) {
	count := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	s.navs[PlaceContexts].SetBadge(count(len(v.Contexts)))
	connected := 0
	if v.Editors != nil {
		for _, e := range v.Editors.Found {
			if e.State == EditorConnected {
				connected++
			}
		}
	}
	s.navs[PlaceEditors].SetBadge(count(connected))
	s.where.Set(s.d.backend(v.Backend.Name))
	below := v.Version
	if v.Backend.Region != "" {
		below = s.d.Say("sidebar.region", "region", s.d.region(v.Backend.Region), "version", v.Version)
	}
	s.region.Set(below)
}

// backend is what people call a backend.
func (d *desk) backend(name string) string {
	if key := "backend." + name; d.Has(key) {
		return d.Say("backend." + name)
	}
	return name
}

// region is the city of a region, if it has a name here.
func (d *desk) region(id string) string {
	if key := "region." + id; d.Has(key) {
		return d.Say("region." + id)
	}
	return id
}
