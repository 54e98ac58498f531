//go:build e2e && window

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets/secretstest"
)

// panel is the part of a desktop that shows tray items and their menus: programs register with it over the session bus.
type panel struct {
	bus   *dbus.Conn
	items chan item
}

// item is what a program shows there.
type item struct {
	bus  *dbus.Conn
	name string
	path dbus.ObjectPath
}

const watcherName, watcherPath = "org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher"

func newPanel(t *testing.T, bus *secretstest.Bus) *panel {
	t.Helper()
	conn, err := dbus.Connect(bus.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p := &panel{bus: conn, items: make(chan item, 8)}
	if err := conn.Export(p, watcherPath, watcherName); err != nil {
		t.Fatal(err)
	}
	_, err = prop.Export(conn, watcherPath, prop.Map{watcherName: {
		"IsStatusNotifierHostRegistered": {Value: true}, "ProtocolVersion": {Value: int32(0)}, "RegisteredStatusNotifierItems": {Value: []string{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(watcherName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("own %s: %v, %v", watcherName, reply, err)
	}
	return p
}

// RegisterStatusNotifierItem is called by programs.
func (p *panel) RegisterStatusNotifierItem(path string, sender dbus.Sender) *dbus.Error {
	p.items <- item{p.bus, string(sender), dbus.ObjectPath(path)}
	return nil
}

// registered waits for an item.
func (p *panel) registered(t *testing.T) item {
	t.Helper()
	select {
	case i := <-p.items:
		return i
	case <-time.After(patience):
		t.Fatal("no program has registered an item with the tray")
		return item{}
	}
}

// property reads one of the item's.
func (i item) property(t *testing.T, name string) any {
	t.Helper()
	v, err := i.bus.Object(i.name, i.path).GetProperty("org.kde.StatusNotifierItem." + name)
	if err != nil {
		t.Fatalf("the item's %s: %v", name, err)
	}
	return v.Value()
}

// activate is a click on the item itself.
func (i item) activate(t *testing.T) {
	t.Helper()
	if err := i.bus.Object(i.name, i.path).Call("org.kde.StatusNotifierItem.Activate", 0, int32(0), int32(0)).Err; err != nil {
		t.Fatalf("click the tray item: %v", err)
	}
}

// menuLine is one of a menu.
type menuLine struct {
	id       int32
	label    string
	enabled  bool
	checked  bool
	children []menuLine
}

const menuInterface = "com.canonical.dbusmenu."

// menu reads the whole menu.
func (i item) menu(t *testing.T) []menuLine {
	t.Helper()
	path, ok := i.property(t, "Menu").(dbus.ObjectPath)
	if !ok {
		t.Fatal("the item has no menu")
	}
	var revision uint32
	var root layout
	if err := i.bus.Object(i.name, path).Call(menuInterface+"GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
		t.Fatalf("read the tray's menu: %v", err)
	}
	return root.lines(t)
}

// layout is a menu as the bus has it.
type layout struct {
	ID         int32
	Properties map[string]dbus.Variant
	Children   []dbus.Variant
}

func (l layout) lines(t *testing.T) []menuLine {
	t.Helper()
	var all []menuLine
	for _, child := range l.Children {
		var c layout
		if err := dbus.Store([]any{child.Value()}, &c); err != nil {
			t.Fatalf("read the tray's menu: %v", err)
		}
		label, _ := c.Properties["label"].Value().(string)
		enabled, said := c.Properties["enabled"].Value().(bool)
		state, _ := c.Properties["toggle-state"].Value().(int32)
		all = append(all, menuLine{c.ID, label, enabled || !said, state == 1, c.lines(t)})
	}
	return all
}

// find looks for the line whose label begins with a text, in menus below the menu too.
func find(lines []menuLine, label string) (menuLine, bool) {
	for _, l := range lines {
		if strings.HasPrefix(l.label, label) {
			return l, true
		}
		if below, ok := find(l.children, label); ok {
			return below, true
		}
	}
	return menuLine{}, false
}

func labels(lines []menuLine) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.label)
		if len(l.children) > 0 {
			all = append(all, "["+labels(l.children)+"]")
		}
	}
	return strings.Join(all, " | ")
}

// await waits for a line of the menu. The menu is made anew at every change, and what is below its first level comes a little later.
func (i item) await(t *testing.T, label string, so func(menuLine) bool) menuLine {
	t.Helper()
	var found menuLine
	var last []menuLine
	if !eventually(patience, func() bool {
		last = i.menu(t)
		l, ok := find(last, label)
		found = l
		return ok && (so == nil || so(l))
	}) {
		t.Fatalf("the tray's menu has no line %q as wanted; it is %s (%+v)", label, labels(last), found)
	}
	return found
}

// choose clicks a line. Lines have other numbers in every menu, so that a click may come too late: done says whether it came.
func (i item) choose(t *testing.T, label string, done func() bool) {
	t.Helper()
	path, _ := i.property(t, "Menu").(dbus.ObjectPath)
	if !eventually(patience, func() bool {
		l := i.await(t, label, nil)
		call := i.bus.Object(i.name, path).Call(menuInterface+"Event", 0, l.id, "clicked", dbus.MakeVariant(""), uint32(0))
		return call.Err != nil && done() || call.Err == nil && eventually(5*time.Second, done)
	}) {
		t.Fatalf("a click on %q of the tray's menu came to nothing", label)
	}
}
