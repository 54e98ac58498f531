package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

func TestTheActivityListsCallsNewestFirst(t *testing.T) {
	v := busyView()
	r := english(t, PlaceActivity, v)
	a, ok := r.window.panels[PlaceActivity].(*activity)
	if !ok {
		t.Fatal("no activity")
	}
	if got := a.table.At(2).ID; got != "q39" {
		t.Errorf("the row below what goes on is %s, want the newest call, q39", got)
	}
	r.wants("upload_file", "Timed out", "ModuleNotFoundError", "NameError", "Cancelled", "Done")
	a.filter.Entry.SetText("timed vs")
	for n := range a.table.Len() {
		if c := a.table.At(n); c.Outcome != "TIMEOUT" || c.Client != "Visual Studio Code" {
			t.Errorf("the filter left %+v", c)
		}
	}
	if a.table.Len() == 0 {
		t.Error("the filter left nothing")
	}
	a.filter.Entry.SetText("")
	a.table.Selected(a.table.At(2))
	r.wants("request_id  q39")
	r.tap("Close")
	r.lacks("request_id  q39")
	v.Calls = calls(41)
	r.window.Render(v)
	if a.table.Len() != 43 {
		t.Errorf("%d rows after another call, want 43", a.table.Len())
	}
	r.tap("Log folder")
	r.asked("logs")
}

// goingOn are the lines of the activity for what goes on, as they stand.
func goingOn(a *activity) string {
	var lines []string
	for n := range a.table.Len() {
		if x := a.table.At(n); x.goesOn {
			lines = append(lines, fmt.Sprint(n, " ", x.ID, " ", a.took(x).Text, " ", a.outcome(x).Text))
		}
	}
	return strings.Join(lines, ", ")
}

func TestWhatGoesOnStandsAboveAndIsInterruptedThere(t *testing.T) {
	v := busyView()
	r := english(t, PlaceActivity, v)
	a, ok := r.window.panels[PlaceActivity].(*activity)
	if !ok {
		t.Fatal("no activity")
	}
	for _, column := range []int{0, 1, 4, 5} {
		for _, falling := range []bool{false, true} {
			a.table.SortBy(column, falling)
			if !a.table.At(0).goesOn || !a.table.At(1).goesOn || a.table.At(2).goesOn {
				t.Errorf("sorted by column %d (falling: %v) what goes on is at %s", column, falling, goingOn(a))
			}
		}
	}
	a.table.SortBy(4, true)
	if got, want := goingOn(a), "0 r17 3 s Running, 1 r18 1 s Waiting"; got != want {
		t.Errorf("the longest first, what goes on is %q, want %q", got, want)
	}
	a.table.SortBy(0, true)
	if got, want := goingOn(a), "0 r18 1 s Waiting, 1 r17 3 s Running"; got != want {
		t.Errorf("what goes on is %q, want %q", got, want)
	}
	v.Now = noon.Add(9 * time.Second)
	v.Runs = []status.Run{v.Runs[0], v.Runs[1]}
	v.Runs[1].StartedAt = at(5 * time.Second)
	r.window.Render(v)
	if got, want := goingOn(a), "0 r18 4 s Running, 1 r17 12 s Running"; got != want {
		t.Errorf("9 s later what goes on is %q, want %q", got, want)
	}
	r.wants("12 s")
	v.Now = noon.Add(10 * time.Second)
	r.window.Render(v)
	r.wants("13 s") // nothing but the time has changed
	r.tap("Interrupt: data-analysis 数据分析")
	r.asked("interrupt r17")

	a.table.Choose("r18")
	a.table.Selected(a.table.At(0))
	r.wants("run_id: r18", "context_id: c1")
	r.tap("Interrupt")
	r.asked("interrupt r18")
	v.Runs = v.Runs[:1]
	r.window.Render(v)
	if !a.detail.stop.Hidden || a.detail.open.Hidden {
		t.Error("a run that has ended can be interrupted still, or its context not be opened any more")
	}
	r.tap("Open notebook")
	r.asked("watch c1")
	if r.window.At() != PlaceContexts || r.window.context.chosen.ID != "c1" {
		t.Errorf("the place is %s with context %q, want that of the run", r.window.At(), r.window.context.chosen.ID)
	}
	v.Runs, v.Contexts = nil, v.Contexts[1:]
	r.window.Render(v)
	r.window.Open(PlaceActivity)
	if a.table.Len() != 40 || !a.detail.open.Hidden {
		t.Errorf("%d rows when nothing goes on any more, want the 40 calls and no way to a context that is gone", a.table.Len())
	}
}

// TestTheContextOfACallIsInSight in the table, too, whatever that was scrolled to or filtered for.
func TestTheContextOfACallIsInSight(t *testing.T) {
	v := manyView(20, 1000)
	last := v.Contexts[0]
	for _, cc := range v.Contexts {
		if cc.LastUsed.Before(last.LastUsed) {
			last = cc
		}
	}
	v.Calls = []Call{{ID: "q", At: noon, Client: "cursor-vscode", Tool: "run_code", ContextID: last.ID, Context: last.Name, Outcome: "ok"}}
	v.Runs = nil
	for _, filter := range []string{"", "nothing is called so"} {
		r := english(t, PlaceContexts, v)
		r.window.context.filter.Entry.SetText(filter)
		r.lacks(last.Name)
		r.window.Open(PlaceActivity)
		a := r.window.panels[PlaceActivity].(*activity)
		a.table.Choose("q")
		a.table.Selected(a.table.At(0))
		r.tap("Open notebook")
		rows := 0
		r.walk(func(o fyne.CanvasObject) {
			if x, ok := o.(*kit.Text); ok && x.Text() == last.Name {
				rows++
			}
		})
		if rows != 2 { // and above the notebook
			t.Errorf("filtered for %q, the name of the context is in sight %d times, want in the table and above the notebook", filter, rows)
		}
	}
}

// TestTheKeyboardDoesNotStayOnAButtonThatMeansAnotherRun: rows are used again for what takes their place.
func TestTheKeyboardDoesNotStayOnAButtonThatMeansAnotherRun(t *testing.T) {
	v := busyView()
	v.Runs = v.Runs[:1]
	r := english(t, PlaceActivity, v)
	b := r.find("Interrupt: data-analysis 数据分析").(*kit.Button)
	r.win.Canvas().Focus(b)
	v.Now = noon.Add(time.Second)
	r.window.Render(v)
	if r.win.Canvas().Focused() != b {
		t.Error("the keyboard has left a button whose run goes on")
	}
	v.Runs = busyView().Runs
	r.window.Render(v)
	if r.win.Canvas().Focused() == b {
		t.Error("the keyboard is on the button of another run")
	}
}

// TestTheMouseDoesNotInterruptARunThatHasJustComeUnderIt: who is about to press the button of one means that one.
func TestTheMouseDoesNotInterruptARunThatHasJustComeUnderIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := busyView()
		v.Runs = v.Runs[:1]
		r := english(t, PlaceActivity, v)
		r.find("Interrupt: data-analysis 数据分析").(*kit.Button).MouseIn(nil)
		v.Runs = busyView().Runs // one more, above it
		r.window.Render(v)
		var first *kit.Button
		r.walk(func(o fyne.CanvasObject) {
			if b, ok := o.(*kit.Button); ok && first == nil && strings.HasPrefix(b.Label(), "Interrupt: ") {
				first = b
			}
		})
		test.Tap(first)
		r.settle()
		r.asked()
		time.Sleep(time.Second)
		test.Tap(first)
		r.settle()
		r.asked("interrupt r18")
	})
}

// TestTheKeyboardDoesNotStayOnAButtonThatIsGone: what was run by hand has the same row when it has ended.
func TestTheKeyboardDoesNotStayOnAButtonThatIsGone(t *testing.T) {
	v := busyView()
	v.Runs = v.Runs[:1]
	r := english(t, PlaceActivity, v)
	r.win.Canvas().Focus(r.find("Interrupt: data-analysis 数据分析").(*kit.Button))
	v.Calls = append(slices.Clone(v.Calls), Call{ID: v.Runs[0].ID, At: noon, Tool: "run_code", Outcome: "ok"})
	v.Runs = nil
	r.window.Render(v)
	if f := r.win.Canvas().Focused(); f != nil {
		t.Errorf("%T has the keyboard, want nothing", f)
	}
}

func TestACallIsFoundByItsErrorAndItsCode(t *testing.T) {
	r := english(t, PlaceActivity, busyView())
	a, ok := r.window.panels[PlaceActivity].(*activity)
	if !ok {
		t.Fatal("no activity")
	}
	for filter, want := range map[string]func(deed) bool{
		"nameerror":          func(x deed) bool { return x.Raised == "NameError" },
		"execution_failed":   func(x deed) bool { return x.Outcome == "EXECUTION_FAILED" },
		"code failed cursor": func(x deed) bool { return x.Outcome == "EXECUTION_FAILED" && x.Client == "cursor-vscode" },
		"running":            func(x deed) bool { return x.Outcome == goesOn },
	} {
		a.filter.Entry.SetText(filter)
		n := 0
		for ; n < a.table.Len(); n++ {
			if x := a.table.At(n); !want(x) {
				t.Errorf("the filter %q left %+v", filter, x)
			}
		}
		if n == 0 {
			t.Errorf("the filter %q left nothing", filter)
		}
	}
}

// TestNothingSticksOut: in the smallest window, in both languages, every text ends inside of it.
func TestNothingSticksOut(t *testing.T) {
	for _, language := range []string{"en", "zh"} {
		for _, size := range []fyne.Size{fyne.NewSize(minWidth, minHeight), fyne.NewSize(1080, 700)} {
			r := newRig(t, kit.AlwaysLight, size, Options{Language: language})
			for name, v := range map[string]View{"empty": emptyView(), "busy": busyView(), "problem": problemView(), "many": manyView(20, 1000), "editors": lostView()} {
				r.window.Render(v)
				for _, place := range Places() {
					r.window.Open(place)
					r.inside(name + " " + string(place) + " in " + language)
				}
			}
			r = newRig(t, kit.AlwaysLight, size, Options{Language: language, FirstRun: true})
			r.window.Render(statesView())
			for _, step := range []int{stepWhere, stepAccount, stepEditors} {
				r.window.first.show(step)
				r.inside("first step " + number(float64(step)) + " in " + language)
			}
		}
	}
}

func TestTheDetailsOfACallAreShownAgain(t *testing.T) {
	v := busyView()
	v.Runs = nil
	r := english(t, PlaceActivity, v)
	row := func() (first fyne.Tappable) {
		r.walk(func(o fyne.CanvasObject) {
			if tappable, ok := o.(fyne.Tappable); ok && first == nil && strings.Contains(fmt.Sprintf("%T", o), "rowView") {
				first = tappable
			}
		})
		return first
	}
	for range 2 {
		test.Tap(row())
		r.wants("request_id  q39")
		r.tap("Close")
		r.lacks("request_id  q39")
	}
}

// TestAsManyCallsNeedNotBeTheSame: when the oldest are forgotten there may be as many as were drawn last.
func TestAsManyCallsNeedNotBeTheSame(t *testing.T) {
	v := busyView()
	v.Runs = nil
	r := english(t, PlaceActivity, v)
	v.Calls = calls(90)[50:]
	r.window.Render(v)
	a, ok := r.window.panels[PlaceActivity].(*activity)
	if !ok {
		t.Fatal("no activity")
	}
	if got := a.table.At(0).ID; got != "q89" {
		t.Errorf("the first row is %s, want the newest call, q89", got)
	}
}

// TestEveryPlaceSaysHowThingsAre in every state there is, in both languages.
func TestEveryPlaceSaysHowThingsAre(t *testing.T) {
	views := map[string]View{"empty": emptyView(), "busy": busyView(), "problem": problemView(), "many": manyView(20, 1000)}
	for _, tc := range []struct {
		view, language string
		place          Place
		wants          []string
	}{
		{"empty", "en", PlaceOverview, []string{"Starting", "No session is there yet.", "No editor is connected.", "no run yet"}},
		{"empty", "en", PlaceContexts, []string{"No context is there yet.", "Write something below and run it", "Ctrl+Enter runs it in a new context"}},
		{"empty", "en", PlaceActivity, []string{"No tool was called yet."}},
		{"empty", "en", PlaceSettings, []string{"No AgentRun account", "None is allowed yet."}},
		{"empty", "zh", PlaceOverview, []string{"启动中", "还没有会话，首批正在准备。", "还没有编辑器连接。", "还没有运行"}},
		{"empty", "zh", PlaceContexts, []string{"还没有上下文。", "在下面写点代码并运行", "按 Ctrl+Enter，在新的上下文中运行"}},
		{"empty", "zh", PlaceActivity, []string{"还没有工具调用。"}},
		{"empty", "zh", PlaceSettings, []string{"没有 AgentRun 账号", "尚未允许任何文件夹。"}},
		{"busy", "en", PlaceOverview, []string{"Ready", "Session 8f2c ends in 4 min.", "2 failed", "84 calls"}},
		{"busy", "en", PlaceContexts, []string{"data-analysis 数据分析", "Running", "#17"}},
		{"busy", "en", PlaceActivity, []string{"NameError", "Timed out", "Running", "Waiting", "Interrupt"}},
		{"busy", "en", PlaceEditors, []string{"Claude Desktop", "Connected", "Out of date"}},
		{"busy", "en", PlaceSettings, []string{"LTAI…4f2a", "7411"}},
		{"busy", "zh", PlaceOverview, []string{"就绪", "会话 8f2c 将在 4 分钟后结束。", "2 次失败", "84 次调用"}},
		{"busy", "zh", PlaceContexts, []string{"data-analysis 数据分析", "运行中", "会话 8f2c"}},
		{"busy", "zh", PlaceActivity, []string{"NameError", "超时", "运行中", "等待中", "中断"}},
		{"busy", "zh", PlaceEditors, []string{"Claude Desktop", "已连接", "已过期"}},
		{"busy", "zh", PlaceSettings, []string{"账号 1234567890123456", "保持就绪的会话"}},
		{"problem", "en", PlaceOverview, []string{"Not available", "There is no connection to fc.example.com.", "Port 7411 is taken", "Try now"}},
		{"problem", "en", PlaceContexts, []string{"data-analysis 数据分析"}},
		{"problem", "zh", PlaceOverview, []string{"不可用", "无法连接 fc.example.com。", "端口 7411 已被占用", "立即重试"}},
		{"many", "en", PlaceOverview, []string{"1000", "01KAW…0000", "01KAW…0013"}},
		{"many", "en", PlaceContexts, []string{"task-0000 任务", "1000"}},
		{"many", "zh", PlaceContexts, []string{"task-0000 任务", "1000"}},
	} {
		r := newRig(t, kit.AlwaysDark, fyne.NewSize(1080, 700), Options{Language: tc.language})
		r.window.Open(tc.place)
		r.window.Render(views[tc.view])
		t.Run(tc.view+" "+string(tc.place)+" "+tc.language, func(t *testing.T) {
			r.t = t
			r.wants(tc.wants...)
		})
	}
}
