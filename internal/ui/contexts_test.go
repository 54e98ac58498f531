package ui

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

var ctrlEnter = &desktop.CustomShortcut{KeyName: fyne.KeyReturn, Modifier: fyne.KeyModifierShortcutDefault}

func TestTheContextUsedLastIsShownAsANotebook(t *testing.T) {
	r := newRig(t, "light", fyne.NewSize(1080, 900), Options{Language: "en"})
	r.window.Open(PlaceContexts)
	r.window.Render(busyView())
	r.asked("watch c1")
	r.wants("data-analysis 数据分析", "Python · AgentRun cloud · session 8f2c", "web-scraping-task", "JavaScript", "Running", "Idle",
		"just now · Cursor", "2 min ago · Claude Desktop", "import", "19400.6", "2 0.4410", "#16", "210 ms", "running 3 s", "FileNotFoundError")
	r.lacks("Traceback")
}

func TestSelectingAContextAsksForItsNotebook(t *testing.T) {
	v := busyView()
	r := english(t, PlaceContexts, v)
	r.window.context.table.Selected(v.Contexts[1])
	r.asked("watch c2")
	r.wants("JavaScript · AgentRun cloud · session 11d0", "Its runs are being fetched.")
	r.lacks("read_csv")
}

func TestOutputIsShownAsItStreams(t *testing.T) {
	v := busyView()
	r := english(t, PlaceContexts, v)
	next := *v.Notebook
	next.Cells = append([]*notebook.Cell(nil), v.Notebook.Cells...)
	cell := *next.Cells[2]
	cell.Result.Stdout += "3 0.3871\n"
	next.Cells[2] = &cell
	v.Notebook = &next
	before := r.window.context.notebook.views[2]
	r.window.Render(v)
	r.wants("3 0.3871")
	if r.window.context.notebook.views[2] != before {
		t.Error("the cell was made anew for one more line")
	}
	done := cell
	done.State, done.Result.Duration = notebook.CellDone, 3400*time.Millisecond
	last := next
	last.Cells = append(append([]*notebook.Cell(nil), next.Cells[:2]...), &done)
	v.Notebook = &last
	r.window.Render(v)
	r.wants("3.4 s")
	r.lacks("Interrupt")
}

// TestACellSaysWhatIsGone, also where the code itself has come to nothing.
func TestACellSaysWhatIsGone(t *testing.T) {
	v := busyView()
	gone := &notebook.Cell{RunID: "g", Number: 18, State: notebook.CellDone, Code: "pass", Notices: []string{"Variables are gone.", "Files are gone."}}
	v.Notebook = &notebook.Notebook{ContextID: "c1", Cells: []*notebook.Cell{gone}}
	r := english(t, PlaceContexts, v)
	r.wants("The editor was told:", "Variables are gone.", "Files are gone.")
	quiet := *gone
	quiet.Notices = nil
	v.Notebook = &notebook.Notebook{ContextID: "c1", Cells: []*notebook.Cell{&quiet}}
	r.window.Render(v)
	r.lacks("are gone.", "was told")
}

func TestTheRunningCellIsInterrupted(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	r.tap("Interrupt")
	r.asked("interrupt r17")
}

func TestATracebackIsFoldedUntilSomebodyLooks(t *testing.T) {
	v := busyView()
	v.Notebook = &notebook.Notebook{ContextID: "c1", Cells: v.Notebook.Cells[:1]}
	r := english(t, PlaceContexts, v)
	r.wants("FileNotFoundError")
	r.lacks("Traceback")
	r.tap("Where it happened")
	r.wants("Traceback (most recent call last):")
	r.tap("Where it happened")
	r.lacks("Traceback")
}

func TestACellIsRunAgainAndCopied(t *testing.T) {
	v := busyView()
	v.Notebook = &notebook.Notebook{ContextID: "c1", Cells: v.Notebook.Cells[1:2]}
	r := english(t, PlaceContexts, v)
	r.tap("Copy")
	if got := r.window.d.app.Clipboard().Content(); got != v.Notebook.Cells[0].Code {
		t.Errorf("the clipboard has %q, want the code", got)
	}
	r.tap("Run again")
	r.asked("run c1 python " + v.Notebook.Cells[0].Code)
}

func TestCodeIsTriedByHand(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	r.window.Try()
	entry := r.window.context.try.entry
	if r.win.Canvas().Focused() != entry {
		t.Fatal("Try it did not put the keyboard into the pane")
	}
	test.Type(entry, "1 + 1")
	entry.TypedShortcut(ctrlEnter)
	r.settle()
	r.asked("run c1 python 1 + 1")
	if entry.Text != "" {
		t.Errorf("the pane still has %q after it was run", entry.Text)
	}
	entry.TypedShortcut(ctrlEnter) // nothing to run
	r.settle()
	r.asked()
}

func TestCodeThatCouldNotBeStartedStaysInThePane(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	r.host.refuse["run c1 python 2"] = errors.New("no session can be had")
	entry := r.window.context.try.entry
	test.Type(entry, "2")
	r.tap("Run")
	r.wants("The code could not be run. No session can be had.")
	if entry.Text != "2" {
		t.Errorf("the pane has %q, want what was typed", entry.Text)
	}
}

func TestWithoutAContextCodeRunsInANewOne(t *testing.T) {
	r := english(t, PlaceContexts, emptyView())
	r.wants("No context is there yet.", "Ctrl+Enter runs it in a new context")
	r.lacks("Stop context")
	r.window.context.try.language.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	test.Type(r.window.context.try.entry, "1")
	r.tap("Run")
	r.asked("run  javascript 1")
}

func TestAContextIsMadeAndStopped(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	r.tap("New context")
	r.choose("JavaScript")
	r.asked("new javascript")
	r.tap("Stop context")
	r.asked()
	r.wants("Stop data-analysis 数据分析?")
	r.tap("Stop context") // the one of the question lies on top
	r.asked("stop c1")
}

func TestAThousandContextsAreFilteredAndSorted(t *testing.T) {
	r := english(t, PlaceContexts, manyView(20, 1000))
	r.wants("1000", "task-0000 任务")
	r.window.filter()
	if r.win.Canvas().Focused() != r.window.context.filter.Entry {
		t.Fatal("Ctrl+F did not put the keyboard into the filter")
	}
	r.window.context.filter.Entry.SetText("0777")
	if n := r.window.context.table.Len(); n != 1 {
		t.Errorf("%d rows for the filter 0777, want 1", n)
	}
	r.wants("task-0777 任务")
	r.window.context.filter.Entry.SetText("no such context")
	r.wants("Nothing here has all of these words.")
}

func TestAContextThatIsGoneIsNotShownAnyMore(t *testing.T) {
	v := busyView()
	r := english(t, PlaceContexts, v)
	v.Contexts = v.Contexts[1:]
	r.window.Render(v)
	r.asked("watch c2")
	v.Contexts = nil
	r.window.Render(v)
	r.asked("watch ")
	r.wants("No context is there yet.")
}

// TestCodeIsNotRunWhereNobodyMeantItTo: the context it was typed for ends, and others are used meanwhile.
func TestCodeIsNotRunWhereNobodyMeantItTo(t *testing.T) {
	v := busyView()
	r := english(t, PlaceContexts, v)
	r.window.context.table.Selected(v.Contexts[1])
	entry := r.window.context.try.entry
	test.Type(entry, "files.clear()")
	r.host.forget()
	v.Contexts = []status.Context{v.Contexts[0], v.Contexts[2]}
	r.window.Render(v)
	r.asked("watch ")
	r.wants("web-scraping-task has ended. What is written below runs in a new context.", "Ctrl+Enter runs it in a new context")
	v.Contexts = slices.Clone(v.Contexts)
	v.Contexts[1].LastUsed = noon.Add(time.Second)
	r.window.Render(v)
	entry.TypedShortcut(ctrlEnter)
	r.settle()
	r.asked("run  javascript files.clear()")
	v.Contexts = append(slices.Clone(v.Contexts), status.Context{ID: "new", Name: "by hand", Language: "javascript", Status: "active", LastUsed: noon.Add(-time.Hour)})
	r.window.Render(v)
	r.asked("watch new")
	r.lacks("has ended")
}

// TestADraftStaysWithItsContext: what is written for one context is not run in another.
func TestADraftStaysWithItsContext(t *testing.T) {
	v := busyView()
	r := english(t, PlaceContexts, v)
	try, choose := r.window.context.try, r.window.context.table.Selected
	test.Type(try.entry, "z")
	choose(v.Contexts[1])
	if try.entry.Text != "" {
		t.Fatalf("the pane of another context has %q, which was written for the one before", try.entry.Text)
	}
	test.Type(try.entry, "x")
	try.entry.TypedShortcut(ctrlEnter)
	choose(v.Contexts[0]) // while it is being started
	r.settle()
	if asked := r.host.all(); !slices.Contains(asked, "run c2 python x") {
		t.Errorf("the host was asked for %q, want x to be run where it was written", asked)
	}
	if try.entry.Text != "z" {
		t.Errorf("the pane has %q, want the draft of its context", try.entry.Text)
	}
	r.window.SetLanguage("zh")
	try, choose = r.window.context.try, r.window.context.table.Selected
	choose(v.Contexts[1])
	if try.entry.Text != "" {
		t.Errorf("the pane has %q again, which was run", try.entry.Text)
	}
	choose(v.Contexts[0])
	if try.entry.Text != "z" {
		t.Errorf("in another language the pane has %q, want the draft", try.entry.Text)
	}
	choose(v.Contexts[1])
	v.Contexts = v.Contexts[1:]
	r.window.Render(v)
	if len(try.drafts) > 0 {
		t.Errorf("drafts of contexts that are gone are kept: %q", try.drafts)
	}
}

// TestWhatIsWrittenForNoContextGoesWithTheFirstChosen, as it would not be seen again.
func TestWhatIsWrittenForNoContextGoesWithTheFirstChosen(t *testing.T) {
	r := english(t, PlaceContexts, emptyView())
	entry := r.window.context.try.entry
	test.Type(entry, "1")
	v := busyView()
	r.window.Render(v)
	r.window.context.table.Selected(v.Contexts[1])
	if entry.Text != "1" {
		t.Errorf("the pane has %q, want what was written", entry.Text)
	}
}

func TestLongNotebooksShowTheirLastCells(t *testing.T) {
	v := busyView()
	book := &notebook.Notebook{ContextID: "c1"}
	for n := range 50 {
		book.Cells = append(book.Cells, &notebook.Cell{RunID: number(float64(n)), Number: n + 1, Code: "x", State: notebook.CellDone})
	}
	v.Notebook = book
	r := english(t, PlaceContexts, v)
	if n := len(r.window.context.notebook.views); n != cellsShown {
		t.Errorf("%d cells are drawn of 50, want the last %d", n, cellsShown)
	}
	r.tap("Show 30 earlier runs")
	if n := len(r.window.context.notebook.views); n != 50 {
		t.Errorf("%d cells are drawn after more were asked for, want all 50", n)
	}
}

func TestLongOutputShowsItsEnd(t *testing.T) {
	var out strings.Builder
	for n := range 5000 {
		out.WriteString("line " + number(float64(n)) + "\n")
	}
	lines := tail(out.String(), "")
	if len(lines) != outputLines || lines[outputLines-1][0].Text != "line 4999" {
		t.Errorf("%d lines are shown, the last %v; want the last %d", len(lines), lines[len(lines)-1], outputLines)
	}
}

func TestPicturesAreShownAndBombsAreNot(t *testing.T) {
	good := sandbox.Output{Text: "<Figure>", MIME: map[string][]byte{"image/png": plot()}}
	if picture(good) == nil {
		t.Error("a picture is not shown")
	}
	bomb := append([]byte(nil), plot()...)
	copy(bomb[16:24], []byte{0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff}) // its header claims 65535 by 65535
	fixCRC(bomb)
	for name, o := range map[string]sandbox.Output{
		"a picture of 4 billion pixels": {Text: "x", MIME: map[string][]byte{"image/png": bomb}},
		"no picture at all":             {Text: "x", MIME: map[string][]byte{"image/png": []byte("no")}},
		"another form":                  {Text: "x", MIME: map[string][]byte{"text/html": []byte("<b>x</b>")}},
	} {
		if picture(o) != nil {
			t.Errorf("%s is drawn, want its text", name)
		}
	}
}

func TestAContextOnAnotherBackendSaysWhy(t *testing.T) {
	v := busyView()
	v.Contexts = v.Contexts[:1]
	v.Contexts[0].Instead = "The cloud could not be reached, so it runs on this computer."
	r := english(t, PlaceContexts, v)
	r.wants("Python · here, as the cloud could not be used")
}

func TestCodeIsNotRunTwiceByTwoPressesOfTheKey(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	entry := r.window.context.try.entry
	test.Type(entry, "n += 1")
	entry.TypedShortcut(ctrlEnter)
	entry.TypedShortcut(ctrlEnter)
	r.settle()
	r.asked("run c1 python n += 1")
}

func TestTheTimeOfARunIsNotThatOfTheRunBefore(t *testing.T) {
	v := busyView()
	r := english(t, PlaceContexts, v)
	r.window.SetVisible(false)
	v.Contexts = slices.Clone(v.Contexts)
	v.Contexts[0].RunID, v.Contexts[0].Runs = "r18", 18
	v.Now = noon.Add(2 * time.Hour)
	r.window.Render(v)
	r.window.SetVisible(true)
	if got := r.window.context.state(v.Contexts[0]).Text; got != "Running" {
		t.Errorf("a run that has just been seen for the first time is shown as %q, want Running", got)
	}
}

// TestANotebookThatCannotBeHadEmptiesNoFile: the toolkit empties the file when it was chosen.
func TestANotebookThatCannotBeHadEmptiesNoFile(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	r.host.refuse["save c1"] = errors.New("there is no context c1 any more")
	r.tap("Save as notebook")
	r.asked("save c1")
	r.wants("There is no context c1 any more.")
	if r.win.Canvas().Overlays().Top() != nil {
		t.Error("a file is asked for that there is nothing to put in")
	}
	delete(r.host.refuse, "save c1")
	r.tap("Save as notebook")
	r.asked("save c1")
	if r.win.Canvas().Overlays().Top() == nil {
		t.Error("no file is asked for")
	}
}

// TestAFileThatWasSavedIsTold, and one that could not be written.
func TestAFileThatWasSavedIsTold(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	d := r.window.context.d
	path := filepath.Join(t.TempDir(), "数据.ipynb")
	to, err := storage.Writer(storage.NewFileURI(path))
	if err != nil {
		t.Fatal(err)
	}
	d.write(to, "Not saved.", []byte("{}"))
	r.settle()
	r.wants("Saved as 数据.ipynb.")
	if text, err := os.ReadFile(path); err != nil || string(text) != "{}" {
		t.Errorf("the file has %q, %v", text, err)
	}
	d.write(to, "Not saved.", []byte("{}")) // it is closed
	r.settle()
	r.wants("Not saved.")
}

// TestAQuestionIsAskedAgainInAnotherLanguage, once, and a menu is closed: it takes a tap to open it again.
func TestAQuestionIsAskedAgainInAnotherLanguage(t *testing.T) {
	r := english(t, PlaceContexts, busyView())
	open := func() int { return len(r.win.Canvas().Overlays().List()) }
	r.tap("Stop context")
	r.window.SetLanguage("zh")
	r.lacks("Stop data-analysis 数据分析?")
	r.wants("停止 data-analysis 数据分析？")
	r.asked()
	r.tap("取消")
	r.window.SetLanguage("en")
	if open() != 0 {
		t.Error("a question that was answered is asked again in another language")
	}
	r.tap("Stop context")
	r.window.SetLanguage("zh")
	r.tap("停止上下文")
	r.asked("stop c1")
	r.tap("新建上下文")
	if open() != 1 {
		t.Fatal("no menu is open")
	}
	r.window.SetLanguage("en")
	if open() != 0 {
		t.Error("a menu is open in the language of before")
	}
}

// TestTheNewestCellIsInSightInASmallWindow, and the pane when somebody writes in it.
func TestTheNewestCellIsInSightInASmallWindow(t *testing.T) {
	r := newRig(t, kit.AlwaysLight, fyne.NewSize(minWidth, minHeight), Options{Language: "en"})
	v := busyView()
	r.window.Open(PlaceContexts)
	r.window.Render(v)
	c := r.window.context
	bottom := func(o fyne.CanvasObject) float32 {
		return r.window.d.app.Driver().AbsolutePositionForObject(o).Y + o.Size().Height
	}
	cell := func() fyne.CanvasObject { return c.notebook.views[len(c.notebook.views)-1].root }
	in := func(o fyne.CanvasObject) bool {
		at := bottom(o)
		return at <= minHeight+1 && at > minHeight-60
	}
	if !in(cell()) {
		t.Errorf("the newest cell ends at %v in a window %v tall", bottom(cell()), minHeight)
	}
	more := *v.Notebook
	printed := *more.Cells[2]
	printed.Result.Stdout += strings.Repeat("another line\n", 20)
	more.Cells = append(append([]*notebook.Cell(nil), more.Cells[:2]...), &printed)
	v.Notebook = &more
	r.window.Render(v)
	if !in(cell()) {
		t.Errorf("when it has printed more the newest cell ends at %v in a window %v tall", bottom(cell()), minHeight)
	}
	r.win.Canvas().Focus(c.try.entry)
	test.Type(c.try.entry, "1")
	if !in(c.try.root) {
		t.Errorf("somebody writes in a pane that ends at %v in a window %v tall", bottom(c.try.root), minHeight)
	}
	again := more
	longer := printed
	longer.Result.Stdout += "and another one\n"
	again.Cells = append(slices.Clone(more.Cells[:2]), &longer)
	v.Notebook = &again
	r.window.Render(v)
	if !in(c.try.root) {
		t.Errorf("when the code prints more, the pane that somebody writes in ends at %v in a window %v tall", bottom(c.try.root), minHeight)
	}
}

// TestCodeThatWasStartedElsewhereScrollsNothing: by then somebody reads another notebook.
func TestCodeThatWasStartedElsewhereScrollsNothing(t *testing.T) {
	v := busyView()
	r := english(t, PlaceContexts, v)
	c := r.window.context
	c.run("1")
	c.table.Selected(v.Contexts[1])
	other := *v.Notebook
	other.ContextID = v.Contexts[1].ID
	v.Notebook = &other
	r.window.Render(v)
	c.page.Top()
	y := func() float32 { return r.window.d.app.Driver().AbsolutePositionForObject(c.notebook.root).Y }
	before := y()
	r.settle()
	if y() != before {
		t.Errorf("the notebook went from %v to %v", before, y())
	}
}

// TestWhoMakesAContextCanWriteInIt at once, unless they write elsewhere by then, or have gone to another place.
func TestWhoMakesAContextCanWriteInIt(t *testing.T) {
	for _, tc := range []struct {
		name string
		then func(r *rig)
		want bool
	}{
		{"nothing else", func(*rig) {}, true},
		{"to the filter", func(r *rig) { r.window.filter() }, false},
		{"to another context", func(r *rig) {
			r.window.context.table.Selected(r.window.view.Contexts[1])
			r.win.Canvas().Unfocus()
		}, false},
		{"to another place", func(r *rig) {
			r.window.Open(PlaceOverview)
			r.win.Canvas().Unfocus()
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := english(t, PlaceContexts, busyView())
			r.win.Canvas().Unfocus()
			r.window.context.create("python")
			tc.then(r) // while the host makes it
			r.settle()
			if got := r.win.Canvas().Focused() == fyne.Focusable(r.window.context.try.entry); got != tc.want {
				t.Errorf("the keyboard is in the pane: %v, want %v", got, tc.want)
			}
		})
	}
}

// TestAContextThatIsMadeIsShown, when it is there, unless somebody has gone to another one meanwhile.
func TestAContextThatIsMadeIsShown(t *testing.T) {
	for other, want := range map[string]string{"not": "new", "while it is made": "c2", "when it is made": "c2"} {
		v := busyView()
		r := english(t, PlaceContexts, v)
		c := r.window.context
		test.Type(c.try.entry, "mine")
		r.tap("New context")
		r.host.slow = make(chan struct{})
		test.Tap(r.menuItem("Python"))
		if other == "while it is made" {
			c.table.Selected(v.Contexts[1])
		}
		close(r.host.slow)
		r.settle()
		if other == "when it is made" {
			c.table.Selected(v.Contexts[1])
		}
		v.Contexts = append([]status.Context{{ID: "new", Name: "Try it", Language: "python", Status: "active", LastUsed: noon}}, v.Contexts...)
		r.window.Render(v)
		if c.chosen.ID != want {
			t.Errorf("the context %s is shown, want %s (somebody went to another: %s)", c.chosen.ID, want, other)
		}
		if !c.try.empty() {
			t.Errorf("what was written for another context is in the pane: %q", c.try.entry.Text)
		}
		c.table.Selected(v.Contexts[1])
		c.table.Selected(v.Contexts[len(v.Contexts)-3])
		if c.try.entry.Text != "mine" {
			t.Errorf("back in the context it was written for the pane has %q", c.try.entry.Text)
		}
	}
}
