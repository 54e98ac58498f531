package ui

import (
	"context"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

func TestShortcutsLeadToThePlaces(t *testing.T) {
	r := english(t, PlaceOverview, busyView())
	press := r.press
	for key, place := range map[fyne.KeyName]Place{fyne.Key2: PlaceContexts, fyne.Key3: PlaceActivity, fyne.Key4: PlaceEditors, fyne.Key5: PlaceSettings, fyne.Key1: PlaceOverview} {
		press(key)
		if at := r.window.At(); at != place {
			t.Errorf("Ctrl+%s led to %s, want %s", key, at, place)
		}
		if !r.window.side.navs[place].On() {
			t.Errorf("the sidebar does not show that %s is open", place)
		}
	}
	press(fyne.KeyT)
	if r.win.Canvas().Focused() != r.window.context.try.entry {
		t.Error("Ctrl+T did not put the keyboard into the pane to try something in")
	}
	press(fyne.Key3)
	press(fyne.KeyF)
	if a, ok := r.window.panels[PlaceActivity].(*activity); !ok || r.win.Canvas().Focused() != a.filter.Entry {
		t.Error("Ctrl+F did not put the keyboard into the filter")
	}
}

// press presses a key with Ctrl. The canvas of the test driver keeps no shortcuts.
func (r *rig) press(key fyne.KeyName) {
	r.t.Helper()
	for _, s := range shortcuts() {
		if s.key == key {
			r.window.press(s)
			return
		}
	}
	r.t.Errorf("nothing is bound to Ctrl+%s", key)
}

// TestShortcutsWaitForAnswers: while a question or the first steps are to be answered only those do something that leave the window.
func TestShortcutsWaitForAnswers(t *testing.T) {
	left := ""
	opt := Options{Language: "en", Hide: func() { left += "hidden " }, Quit: func() { left += "ended " }}
	for name, prepare := range map[string]func(*rig){
		"a question":      func(r *rig) { r.window.Open(PlaceContexts); r.window.context.askStop() },
		"the first steps": func(*rig) {},
	} {
		left, opt.FirstRun = "", name == "the first steps"
		r := newRig(t, kit.AlwaysLight, fyne.NewSize(1080, 700), opt)
		r.window.Render(busyView())
		prepare(r)
		before := r.window.At()
		r.press(fyne.Key5)
		r.press(fyne.KeyT)
		if at := r.window.At(); at != before || left != "" {
			t.Errorf("with %s, Ctrl+5 and Ctrl+T led to %s, and the window was %s", name, at, left)
		}
		r.press(fyne.KeyW)
		r.press(fyne.KeyQ)
		if left != "hidden ended " {
			t.Errorf("with %s, after Ctrl+W and Ctrl+Q the window was %q, want hidden and ended", name, left)
		}
	}
}

// TestIconsAloneHaveNames: what has no word says in a hint what it does, in every place and in the narrow sidebar.
// TestAHintDoesNotOutliveItsPlace: the keyboard stays where it was, and what has it is out of sight.
func TestAHintDoesNotOutliveItsPlace(t *testing.T) {
	r := english(t, PlaceOverview, busyView())
	for _, leave := range []func(){func() { r.press(fyne.Key2) }, func() { r.window.SetLanguage("zh") }} {
		r.window.Open(PlaceOverview)
		var button *kit.Button
		r.walk(func(o fyne.CanvasObject) {
			if b, ok := o.(*kit.Button); ok && b.Wordless() {
				button = b
			}
		})
		r.win.Canvas().Unfocus()
		r.win.Canvas().Focus(button)
		if got := r.window.d.hints.Text(); got == "" {
			t.Fatal("nothing is said of a button without a word")
		}
		leave()
		if got := r.window.d.hints.Text(); got != "" {
			t.Errorf("%q is still said, and what it is about is out of sight", got)
		}
	}
}

func TestIconsAloneHaveNames(t *testing.T) {
	for _, place := range Places() {
		r := newRig(t, kit.AlwaysLight, fyne.NewSize(minWidth, minHeight), Options{Language: "en"})
		r.window.Open(place)
		r.window.Render(busyView())
		nav := r.window.side.navs[place]
		r.win.Canvas().Focus(nav)
		if want := nav.AccessibilityLabel() + "   " + keysOf(string(place)); r.window.d.hints.Text() != want {
			t.Errorf("the hint of %s is %q, want %q", place, r.window.d.hints.Text(), want)
		}
		r.walk(func(o fyne.CanvasObject) {
			b, ok := o.(*kit.Button)
			if !ok || b.Disabled() || !b.Wordless() {
				return
			}
			r.win.Canvas().Focus(b)
			if b.Label() == "" || r.window.d.hints.Text() != b.Label() {
				t.Errorf("%s: a button without a word is called %q, and its hint is %q", place, b.Label(), r.window.d.hints.Text())
			}
		})
	}
}

// TestTheKeyboardReachesEverything: Tab goes through all that can be pressed, the navigation first.
func TestTheKeyboardReachesEverything(t *testing.T) {
	for _, place := range Places() {
		t.Run(string(place), func(t *testing.T) {
			r := english(t, place, busyView())
			var order []fyne.Focusable
			for range 200 {
				r.win.Canvas().FocusNext()
				f := r.win.Canvas().Focused()
				if f == nil || slices.Contains(order, f) {
					break
				}
				order = append(order, f)
			}
			for n, p := range Places() {
				if n >= len(order) || order[n] != fyne.Focusable(r.window.side.navs[p]) {
					t.Fatalf("the keyboard reaches something else before %s in the sidebar", p)
				}
			}
			r.walk(func(o fyne.CanvasObject) {
				f, ok := o.(fyne.Focusable)
				if !ok {
					return
				}
				if off, ok := o.(fyne.Disableable); ok && off.Disabled() {
					return
				}
				if !slices.Contains(order, f) {
					name := ""
					if l, ok := o.(labelled); ok {
						name = l.AccessibilityLabel()
					}
					t.Errorf("the keyboard does not reach %T %q", o, name)
				}
			})
		})
	}
}

func TestAViewThatLooksTheSameDrawsNothing(t *testing.T) {
	one := manyView(3, 40)
	r := english(t, PlaceContexts, one)
	for name, tc := range map[string]struct {
		change func(v *View)
		same   bool
	}{
		"other slices":         {func(v *View) { v.Contexts, v.Sessions = slices.Clone(v.Contexts), slices.Clone(v.Sessions) }, true},
		"the same second":      {func(v *View) { v.Now = v.Now.Add(300 * time.Millisecond) }, true},
		"another second":       {func(v *View) { v.Now = v.Now.Add(time.Second) }, false},
		"a context that runs":  {func(v *View) { v.Contexts = slices.Clone(v.Contexts); v.Contexts[6].Status = "running" }, false},
		"a session that ended": {func(v *View) { v.Sessions = v.Sessions[1:] }, false},
		"a session renewed":    {func(v *View) { v.Sessions = slices.Clone(v.Sessions); v.Sessions[0].ExpiresAt = at(time.Hour) }, false},
		"another cost":         {func(v *View) { v.Cost = &status.Cost{} }, false},
		"the same cost":        {func(v *View) { c := *v.Cost; v.Cost = &c }, true},
		"a call more":          {func(v *View) { v.Calls = calls(41) }, false},
		"another call":         {func(v *View) { v.Calls = slices.Clone(v.Calls); v.Calls[3].Outcome = "TIMEOUT" }, false},
		"the same calls":       {func(v *View) { v.Calls = slices.Clone(v.Calls) }, true},
		"a client that called": {func(v *View) { v.Clients = slices.Clone(v.Clients); v.Clients[0].Calls++ }, false},
		"other tools allowed":  {func(v *View) { v.Tokens = slices.Clone(v.Tokens); v.Tokens[0].AllowedTools = []string{"run_code"} }, false},
		"the pool's next try":  {func(v *View) { v.Pool.NextAttempt = at(time.Second) }, false},
	} {
		other := one
		tc.change(&other)
		if got := same(&one, &other); got != tc.same {
			t.Errorf("%s: same = %v, want %v", name, got, tc.same)
		}
	}
	other := one
	other.Pool.Warm++
	if !r.window.Render(other) || !r.window.Render(one) || r.window.Render(one) {
		t.Error("Render does not say whether a view looks unlike the one before")
	}
	if n := testing.AllocsPerRun(20, func() { r.window.Render(one) }); n > 0 {
		t.Errorf("drawing the same view again allocates %v times", n)
	}
}

func TestPlacesOutOfSightAreDrawnWhenTheyAreOpened(t *testing.T) {
	v := busyView()
	r := english(t, PlaceOverview, v)
	if made := r.window.panels[PlaceActivity]; made != nil {
		t.Error("a place that nobody has opened was made")
	}
	r.window.Open(PlaceActivity)
	a, ok := r.window.panels[PlaceActivity].(*activity)
	if !ok {
		t.Fatal("no activity")
	}
	before := a.table.Len()
	r.window.Open(PlaceOverview)
	v.Calls = calls(len(v.Calls) + 3)
	r.window.Render(v)
	if a.table.Len() != before {
		t.Error("a place nobody looks at was drawn")
	}
	r.window.Open(PlaceActivity)
	if a.table.Len() != before+3 {
		t.Errorf("%d calls are listed once somebody looks, want %d", a.table.Len(), before+3)
	}
}

func TestAHiddenWindowDrawsWhenItIsShown(t *testing.T) {
	v := emptyView()
	r := english(t, PlaceOverview, v)
	r.window.SetVisible(false)
	r.window.Render(busyView())
	r.lacks("01KAW…8f2c")
	r.window.SetVisible(true)
	r.wants("01KAW…8f2c")
}

func TestTheClockGoesOnWithoutANewSnapshot(t *testing.T) {
	v := busyView()
	r := english(t, PlaceOverview, v)
	r.wants("10 s ago")
	v.Now = noon.Add(30 * time.Second)
	r.window.Render(v)
	r.wants("40 s ago")
}

func TestTheLanguageChangesWhileTheWindowIsOpen(t *testing.T) {
	r := english(t, PlaceSettings, busyView())
	r.window.SetLanguage("zh")
	r.wants("设置", "会话池", "代码在哪里运行")
	r.lacks("Settings", "Sessions kept ready")
	if r.window.At() != PlaceSettings {
		t.Errorf("the language led to %s, want to stay at the settings", r.window.At())
	}
	r.window.SetLanguage("en")
	r.wants("Sessions kept ready")
}

// TestWhatIsBegunOutlivesTheLanguage: code that nobody has run, a key that is not saved, and how far the first steps have come.
func TestWhatIsBegunOutlivesTheLanguage(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	r.window.context.table.Selected(busyView().Contexts[1])
	r.window.context.filter.Entry.SetText("scraping")
	r.window.context.try.entry.SetText("answer = 42")
	r.window.Open(PlaceActivity)
	r.press(fyne.KeyF)
	if a, ok := r.window.panels[PlaceActivity].(*activity); ok {
		a.table.SortBy(4, false)
		a.table.Choose("r18")
		a.table.Selected(a.table.At(0))
		a.filter.Entry.SetText("TIMEOUT")
	}
	r.window.Open(PlaceSettings)
	r.tap("Replace")
	before, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok {
		t.Fatal("no settings")
	}
	before.account.form.id.Entry.SetText("LTAIhalf")
	before.account.form.secret.Entry.SetText("not-a-real-secret")
	before.account.form.region.Set("cn-beijing")
	before.tokens.name.Entry.SetText("n8n")
	r.host.forget()
	r.window.SetLanguage("zh")
	r.asked() // another notebook would be
	after, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok || after == before {
		t.Fatal("the settings are not made anew")
	}
	r.wants("设置", "取消")
	if f := after.account.form; !f.root.Visible() || f.id.Text() != "LTAIhalf" || f.secret.Text() != "not-a-real-secret" || f.region.Chosen() != "cn-beijing" {
		t.Errorf("the form is open: %v, with %q, a secret of %d characters and %s", f.root.Visible(), f.id.Text(), len(f.secret.Text()), f.region.Chosen())
	}
	if got := after.tokens.name.Text(); got != "n8n" {
		t.Errorf("the program to make a key for is called %q, want n8n", got)
	}
	if a, ok := r.window.panels[PlaceActivity].(*activity); !ok || a.filter.Text() != "TIMEOUT" || a.root().Visible() {
		t.Error("the calls are not filtered any more, or lie over the settings")
	}
	r.window.Open(PlaceActivity)
	r.wants("run_id: r18", "打开笔记本")
	if a, ok := r.window.panels[PlaceActivity].(*activity); ok {
		a.filter.Entry.SetText("")
		for n := range a.table.Len() - 1 {
			if x, y := a.table.At(n), a.table.At(n+1); x.goesOn == y.goesOn && x.Took > y.Took {
				t.Fatalf("%s took %v and stands above %s, which took %v", x.ID, x.Took, y.ID, y.Took)
			}
		}
		if got := a.table.Chosen(); got != "r18" {
			t.Errorf("the row of %q is chosen, want that of r18", got)
		}
	}
	r.window.Open(PlaceContexts)
	r.wants("web-scraping-task")
	r.lacks("data-analysis")
	if c := r.window.context; c.try.entry.Text != "answer = 42" || c.chosen.ID != "c2" {
		t.Errorf("the pane has %q for the context %s, want what was typed for c2", c.try.entry.Text, c.chosen.ID)
	}
}

// TestTheLanguageIsStillInSight after somebody has changed it, at the end of a long page.
func TestTheLanguageIsStillInSight(t *testing.T) {
	r := english(t, PlaceSettings, busyView())
	y := func() float32 {
		return r.window.d.app.Driver().AbsolutePositionForObject(r.setting("language").root).Y
	}
	r.win.Canvas().Focus(r.setting("language").segments)
	before := y()
	r.window.SetLanguage("zh")
	if after := y(); before < 0 || before > 700 || after < 0 || after > 700 {
		t.Errorf("the language was at %v, and is at %v after it was changed, of 700", before, after)
	}
}

// TestACodeThatIsBeingStartedIsNotThereTwice, when the language changes before the answer comes.
func TestACodeThatIsBeingStartedIsNotThereTwice(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	r.window.context.try.entry.SetText("1")
	r.window.context.run("1")
	r.window.SetLanguage("zh")
	r.window.SetLanguage("en")
	r.window.context.run("1")
	r.settle()
	r.asked("run c1 python 1")
	if c := r.window.context; c.try.entry.Text != "" || c.try.run.Disabled() {
		t.Errorf("the pane has %q, and cannot run: %v", c.try.entry.Text, c.try.run.Disabled())
	}
}

func TestTheThemeChangesWhileTheWindowIsOpen(t *testing.T) {
	r := english(t, PlaceOverview, busyView())
	light := r.win.Canvas().Capture().At(1000, 650)
	r.window.d.app.Settings().SetTheme(kit.NewTheme(kit.AlwaysDark))
	r.win.Content().Refresh()
	if dark := r.win.Canvas().Capture().At(1000, 650); dark == light {
		t.Error("the background is the same in the dark theme")
	}
}

func TestASmallWindowHasIconsAlone(t *testing.T) {
	r := english(t, PlaceOverview, busyView())
	r.wants("Editors")
	r.win.Resize(fyne.NewSize(minWidth, minHeight))
	r.lacks("Editors")
	if got := r.win.Content().MinSize(); got.Width > minWidth || got.Height > minHeight {
		t.Errorf("the window cannot be smaller than %v, want %vx%v", got, minWidth, minHeight)
	}
}

func TestClosingTheWindowEndsItsCommands(t *testing.T) {
	r := newRig(t, kit.AlwaysLight, fyne.NewSize(1080, 700), Options{Language: "en", FirstRun: true})
	r.host.hold = make(chan struct{}) // it answers only when it is told to end
	r.window.first.show(stepAccount)
	r.typeKey("LTAIexample", "not-a-real-secret", "1234567890123456")
	r.window.first.form.submit()
	r.window.Close() // and does not return before
	r.asked()
}

func TestACommandThatDoesNotHeedItsEndKeepsNoWindowOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newErrands()
		hangs := make(chan struct{})
		e.run(func(context.Context) error { <-hangs; return nil }, func(error) {})
		began := time.Now()
		e.closeWithin(time.Second)
		if took := time.Since(began); took != time.Second {
			t.Errorf("closing took %v, want a second", took)
		}
		close(hangs)
	})
}

// TestTheKeyboardIsInSight: where Tab goes the page follows, down to its end, and the order is that in which one reads.
func TestTheKeyboardIsInSight(t *testing.T) {
	for _, size := range []fyne.Size{fyne.NewSize(1080, 700), fyne.NewSize(minWidth, minHeight)} {
		for _, place := range Places() {
			r := newRig(t, kit.AlwaysLight, size, Options{Language: "en"})
			r.window.Open(place)
			r.window.Render(busyView())
			var seen []fyne.Focusable
			for range 200 {
				r.win.Canvas().FocusNext()
				f := r.win.Canvas().Focused()
				if f == nil || slices.Contains(seen, f) {
					break
				}
				seen = append(seen, f)
				o, ok := f.(fyne.CanvasObject)
				if !ok {
					t.Fatalf("%T has the keyboard", f)
				}
				at := r.window.d.app.Driver().AbsolutePositionForObject(o)
				if at.Y < -1 || at.Y+min(o.Size().Height, 60) > size.Height+1 || at.X < -3 || at.X > size.Width {
					name := ""
					if l, ok := o.(labelled); ok {
						name = l.AccessibilityLabel()
					}
					t.Errorf("%s at %v: the keyboard is at %T %q, which is at %v and %v tall", place, size, o, name, at, o.Size().Height)
				}
			}
		}
	}
}

// TestTheKeyboardLeavesWhatGoesOutOfSight: code in the pane is not run from another place, nor written on. Who comes back goes on typing.
func TestTheKeyboardLeavesWhatGoesOutOfSight(t *testing.T) {
	r := english(t, PlaceOverview, busyView())
	r.press(fyne.KeyT)
	entry := r.window.context.try.entry
	test.Type(entry, "1")
	r.host.forget()
	r.press(fyne.Key3)
	if f := r.win.Canvas().Focused(); f != nil {
		t.Errorf("in another place %T has the keyboard", f)
	}
	r.press(fyne.Key2)
	if f := r.win.Canvas().Focused(); f != entry {
		t.Errorf("back in the place %T has the keyboard, want the pane", f)
	}
	r.press(fyne.Key1)
	var nav fyne.Focusable
	for f := range r.tabs() {
		if _, ok := f.(*kit.Nav); ok {
			nav = f
			break
		}
	}
	nav.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if f := r.win.Canvas().Focused(); f != nav {
		t.Errorf("who opens a place in the sidebar has %T, want to stay there", f)
	}
	r.asked()
}

// tabs goes through what the keyboard can reach.
func (r *rig) tabs() iter.Seq[fyne.Focusable] {
	return func(yield func(fyne.Focusable) bool) {
		for range 200 {
			r.win.Canvas().FocusNext()
			if f := r.win.Canvas().Focused(); f == nil || !yield(f) {
				return
			}
		}
	}
}
