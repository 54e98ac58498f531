package ui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// with is a view with some editors in it.
func with(rows ...Editor) View {
	v := busyView()
	v.Editors = &Editors{Found: rows}
	return v
}

// inState is one of everyState.
func inState(t *testing.T, id string) Editor {
	t.Helper()
	row, ok := (&Editors{Found: everyState()}).byID(id)
	if !ok {
		t.Fatalf("there is no editor %s in every state", id)
	}
	return row
}

func TestASwitchActsAtOnce(t *testing.T) {
	r := english(t, PlaceEditors, busyView())
	r.wants("5 found on this computer", "Connected", "Not connected", "Out of date", "Not found here: Windsurf, Cline")
	r.tap("Zed")
	r.asked("connect zed")
	r.wants("Zed loads it at once.") // what there is to do in the editor
	r.tap("Cursor")
	r.asked("disconnect cursor")
	r.wants("Taken out of its settings.")
	r.host.refuse["connect zed"] = reason.New("editor-unreadable", status.Args{Detail: "Line 3 has a comma too many."}, "x")
	r.tap("Zed")
	r.wants("The editor could not be connected. Its settings file cannot be read, so it was left alone. Correct it in a text editor first. Line 3 has a comma too many.")
	r.host.refuse["disconnect cursor"] = errors.New("the disk is full")
	r.tap("Cursor")
	r.wants("The editor could not be disconnected. The disk is full.")
	if toasts := r.window.d.toasts.Texts(); len(toasts) > 0 {
		t.Errorf("what is in the row is told once more: %v", toasts)
	}
}

// TestAFailureIsToldUntilItIsOver, wherever that came from.
func TestAFailureIsToldUntilItIsOver(t *testing.T) {
	row := inState(t, "zed")
	r := english(t, PlaceEditors, with(row))
	r.host.refuse["connect zed"] = errors.New("the disk is full")
	r.tap("Zed")
	r.window.Render(with(row))
	r.wants("The disk is full.")
	row.State, row.Form = EditorConnected, FormProgram
	r.window.Render(with(row))
	r.lacks("The disk is full.")
}

func TestAPreviewShowsTheChangeAndDoesNothing(t *testing.T) {
	r := english(t, PlaceEditors, busyView())
	r.tap("Preview: Zed")
	r.asked("preview connect zed")
	r.wants("What changes in the settings of Zed", "agentrun-mcp", "/home/u/.config/zed/settings.json", "A copy of the file is kept.")
	r.tap("Close")
	r.asked()
	r.lacks("What changes in the settings of Zed")
	r.tap("Preview: Zed")
	r.tap("Connect")
	r.asked("preview connect zed", "connect zed")
	r.lacks("What changes in the settings of Zed")
	r.host.refuse["preview disconnect cursor"] = errors.New("the file is locked")
	r.tap("Preview: Cursor")
	r.wants("The change could not be shown. The file is locked.")
}

// TestTheWayOfAConnectionIsChosen: by a program, by URL, by a socket, or not at all.
func TestTheWayOfAConnectionIsChosen(t *testing.T) {
	r := english(t, PlaceEditors, busyView())
	r.tap("Preview: VS Code") // it is connected, so the switch would take it out
	r.asked("preview disconnect vscode")
	ways, ok := r.win.Canvas().Focused().(*kit.Button)
	if !ok || ways.Label() != "Close" {
		t.Fatalf("%v has the keyboard, want the button that does nothing", r.win.Canvas().Focused())
	}
	r.win.Canvas().FocusPrevious()
	for _, step := range []struct {
		key  fyne.KeyName
		want string
	}{
		{fyne.KeyLeft, "preview connect vscode http"},
		{fyne.KeyLeft, "preview connect vscode socket"},
		{fyne.KeyLeft, "preview connect vscode stdio"},
		{fyne.KeyRight, "preview connect vscode socket"},
		{fyne.KeyRight, "preview connect vscode http"},
	} {
		segments, ok := r.win.Canvas().Focused().(*kit.Segments)
		if !ok {
			t.Fatalf("%T has the keyboard, want the choice of ways", r.win.Canvas().Focused())
		}
		segments.TypedKey(&fyne.KeyEvent{Name: step.key})
		r.settle()
		r.asked(step.want)
	}
	r.tap("Change")
	r.asked("connect vscode http")
	r.tap("Preview: VS Code")
	r.win.Canvas().FocusPrevious()
	r.win.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	r.lacks("What changes in the settings of VS Code")
}

// TestAWayThatComesAfterTheEndShowsNothing, as when somebody chooses another way and closes the question before the host has answered.
func TestAWayThatComesAfterTheEndShowsNothing(t *testing.T) {
	r := english(t, PlaceEditors, busyView())
	r.tap("Preview: VS Code")
	r.win.Canvas().FocusPrevious()
	r.win.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyLeft})
	r.tap("Close") // and then what the host answers is there
	r.asked("preview disconnect vscode", "preview connect vscode http")
	r.lacks("What changes in the settings of VS Code")
}

func TestADoubleClickOpensOneDialog(t *testing.T) {
	r := english(t, PlaceEditors, busyView())
	preview := r.find("Preview: VS Code")
	test.Tap(preview)
	test.Tap(preview)
	r.settle()
	if n := len(r.win.Canvas().Overlays().List()); n != 1 {
		t.Errorf("%d dialogs are open, want one", n)
	}
	r.asked("preview disconnect vscode")
	r.tap("Close")
	r.tap("Preview: VS Code")
	r.asked("preview disconnect vscode")
}

func TestThereIsNothingToDoWhereNothingWouldChange(t *testing.T) {
	r := english(t, PlaceEditors, busyView())
	r.host.previews = map[string]Preview{"zed": {}}
	r.tap("Preview: Zed")
	r.wants("Nothing would change.")
	r.lacks("A copy of the file is kept.")
	r.tap("Close")
	r.host.previews["zed"] = Preview{Commands: []string{"zed mcp add agentrun"}, Files: []PreviewFile{{Path: "/a", Diff: "+ x"}, {Path: "/b", Diff: "+ y"}}}
	r.tap("Preview: Zed")
	r.wants("The command line of Zed makes this change", "zed mcp add agentrun", "/a", "/b", "+ x", "+ y")
}

// TestAnEntryChangedByHandIsNotOverwrittenSilently: neither by the switch, nor by the button, nor from the tray.
func TestAnEntryChangedByHandIsNotOverwrittenSilently(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "kiro")))
	r.wants("Changed by hand", "it differs in args")
	r.tap("Kiro")
	r.asked("preview disconnect kiro by force")
	r.wants("What changes in the settings of Kiro", "Somebody has changed our entry")
	r.tap("Disconnect")
	r.asked("disconnect kiro by force")
	r.tap("Put ours back: Kiro")
	r.asked("preview connect kiro by force")
	r.tap("Close")
	r.asked()
	r.tap("Put ours back: Kiro")
	r.tap("Put ours back")
	r.asked("preview connect kiro by force", "connect kiro by force")
	shown := 0
	r.window.Choose(TrayItem{Action: TrayEditor, Value: "kiro"}, func() { shown++ })
	r.settle()
	r.asked()
	if shown != 1 || r.window.At() != PlaceEditors {
		t.Errorf("from the tray, the window was shown %d times, at %s; want once, at the editors", shown, r.window.At())
	}
	r.tap("Leave it so: Kiro")
	r.asked("leave kiro")
}

func TestWhatIsOutOfDateIsMendedByOneClick(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "codex"), inState(t, "gemini")))
	r.wants("Our entry is out of date, and one click mends it: it starts /opt/old/agentrun-mcp, which is not there.", "It was connected, and our entry is gone from its settings.")
	r.tap("Mend: Codex")
	r.tap("Mend: Gemini CLI")
	r.asked("connect codex", "connect gemini")
	r.tap("Preview: Codex")
	r.asked("preview connect codex stdio")
	r.tap("Mend")
	r.asked("connect codex stdio")
	r.tap("Codex") // its switch is on, as an entry is there
	r.asked("disconnect codex")
}

func TestAChangeIsTakenBack(t *testing.T) {
	v := busyView()
	r := english(t, PlaceEditors, v)
	r.tap("Undo: Cursor")
	r.asked("undo cursor")
	r.wants("The file is what it was before, to the byte.")
	r.host.refuse["undo cursor"] = reason.New("editor-changed", status.Args{}, "x")
	r.tap("Undo: Cursor")
	r.wants("The change could not be undone. The file was changed since, so it was left alone.")
	row := v.Editors.Found[1]
	row.Undo = false
	r.window.Render(with(row))
	r.lacks("Undo")
}

func TestAnEditorThatAsksItselfIsMadeToAsk(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "cherry-studio")))
	r.host.previews = map[string]Preview{"cherry-studio": {Link: "cherrystudio://mcp/install?servers=e30"}}
	r.wants("Found", "asks you itself when a link is opened")
	r.tap("Preview: Cherry Studio")
	r.asked("preview connect cherry-studio")
	r.wants("cherrystudio://mcp/install?servers=e30", "there is no secret in it")
	r.tap("Close")
	r.tap("Open link: Cherry Studio")
	r.asked("connect cherry-studio")
	r.wants("Cherry Studio now asks whether to add AgentRun Tray.")
}

func TestATextToPasteIsACard(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "jetbrains-ai")))
	r.host.previews = map[string]Preview{"jetbrains-ai": {Card: "{\n  \"mcpServers\": {}\n}"}}
	r.tap("Show text: JetBrains AI Assistant")
	r.asked("preview connect jetbrains-ai")
	r.wants("Text for JetBrains AI Assistant", `"mcpServers": {}`, "Paste it into Settings › Tools › AI Assistant")
	r.tap("Copy")
	r.asked()
	if got := r.window.d.app.Clipboard().Content(); got != "{\n  \"mcpServers\": {}\n}" {
		t.Errorf("the clipboard has %q, want the text", got)
	}
}

func TestWhatCannotBeConnectedHasNoSwitch(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "roo-code"), inState(t, "qwen"), inState(t, "crush")))
	r.wants("it can be disconnected only", "Its settings file cannot be read, so it is left alone.", "ours would list every tool twice")
	rows := r.window.editors.list.views
	if !rows["roo-code"].toggle.Hidden || !rows["qwen"].toggle.Disabled() {
		t.Error("there is a switch for an editor that is only disconnected, or one to press for a file that cannot be read")
	}
	r.tap("Crush") // shows, and asks
	r.asked("preview connect crush by force")
	r.wants("It knows AgentRun Tray under another name already")
	r.tap("Close")
	there := inState(t, "roo-code")
	there.State = EditorConnected
	r.window.Render(with(there))
	r.tap("Roo Code")
	r.asked("disconnect roo-code")
}

func TestAllAreConnectedAndEachSaysWhatCameOfIt(t *testing.T) {
	r := english(t, PlaceEditors, statesView())
	r.host.refuse["connect zed"] = reason.New("editor-form", status.Args{Detail: "Its path has a space."}, "x")
	r.tap("Connect all")
	r.asked("connect zed", "connect gemini") // without a question, and no link is opened
	r.wants("It cannot be connected in this way. The preview has the others, if there are any. Its path has a space.", "Sessions that run already do not see it; start a new one.")
}

func TestATestIsShownStepByStep(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "cursor")))
	r.host.findings = checkedFindings()
	r.tap("Test: Cursor")
	r.asked("test cursor")
	r.wants("It does not work yet. The step that failed: Code", "Programs", "Other copies", "Remove the copies that are not used",
		"It does not run code: there was no answer within 90 s.", "The overview says what the sandboxes do")
	r.lacks("agentrunctl status") // there are buttons for that
	r.host.findings = checkedFindings()[:1]
	r.tap("Test: Cursor")
	r.wants("It works: everything answered, and code ran.")
	r.lacks("The step that failed", "Other copies")
	r.tap("Close")
	r.lacks("It works", "Programs")
	r.host.findings, r.host.refuse["test cursor"] = nil, errors.New("the host has ended")
	r.tap("Test: Cursor")
	r.wants("The editor's entry does not work. The host has ended.")
	r.host.findings = checkedFindings()
	r.tap("Check everything")
	r.asked("test cursor", "test cursor", "test")
	r.wants("It does not run code: there was no answer within 90 s.")
}

// TestWhatToDoAboutSettingsIsInTheRow: a test names the switch, and Mend only where there is one.
func TestWhatToDoAboutSettingsIsInTheRow(t *testing.T) {
	for id, want := range map[string]string{
		"zed": "Use the switch of the editor.\n", "codex": "Use the switch of the editor, or Mend beside it.", "kiro": "Put ours back, beside the switch",
		"qwen": "Correct its settings file",
	} {
		row := inState(t, id)
		r := english(t, PlaceEditors, with(row))
		r.host.findings = []Finding{{Check: "editor", Title: "Settings", Verdict: VerdictBad, What: row.Name + " is not right."}}
		r.tap("Test: " + row.Name)
		r.wants(want)
	}
}

func TestAProductHasItsNameInTheLanguageOfTheWindow(t *testing.T) {
	v := with(Editor{ID: "lingma", Name: "Tongyi Lingma", State: EditorOff, Route: RouteFile})
	r := english(t, PlaceEditors, v)
	r.wants("Tongyi Lingma")
	r.window.SetLanguage("zh")
	r.wants("通义灵码")
	v.Editors = &Editors{NotFound: []string{"Tongyi Lingma", "Cline"}}
	r.window.Render(v)
	r.wants("通义灵码、Cline")
	r.lacks("Tongyi Lingma")
}

func TestEscapeClosesATest(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "cursor")))
	r.host.findings = checkedFindings()
	escape := &fyne.KeyEvent{Name: fyne.KeyEscape}
	for _, name := range []string{"Test: Cursor", "Check everything"} {
		for from, press := range map[string]func(){
			"the button": func() {
				if b, ok := r.find(name).(fyne.Focusable); ok {
					b.TypedKey(escape)
				}
			},
			"the window": func() { r.win.Canvas().OnTypedKey()(escape) },
		} {
			r.tap(name)
			r.wants("It does not work yet.")
			press()
			if strings.Contains(r.texts(), "It does not work yet.") {
				t.Errorf("%s: Escape in %s leaves it open", name, from)
			}
		}
	}
}

// TestNamesOfEditorsAreNotCut in the window as it opens.
func TestNamesOfEditorsAreNotCut(t *testing.T) {
	r := english(t, PlaceEditors, with(Editor{ID: "windsurf", Name: "Devin Desktop (Windsurf)", State: EditorConnected, Route: RouteFile, Undo: true}))
	shown := false
	r.walk(func(o fyne.CanvasObject) {
		text, ok := o.(*canvas.Text)
		shown = shown || ok && text.Text == "Devin Desktop (Windsurf)"
	})
	if !shown {
		t.Errorf("the name is cut; there is:\n%s", r.texts())
	}
}

// TestEveryVerdictIsSaidInTheLanguageOfTheWindow, with the check's own sentence in brackets at most.
func TestEveryVerdictIsSaidInTheLanguageOfTheWindow(t *testing.T) {
	for _, tag := range []string{words.English, words.Chinese} {
		s := &steps{d: &desk{Words: words.In(tag)}}
		for _, f := range checkedFindings() {
			for _, f.Verdict = range []Verdict{VerdictGood, VerdictWarning, VerdictBad, VerdictSkipped} {
				if f.Check == "environment" && f.Verdict == VerdictGood {
					continue // of which only what is wrong is told
				}
				f.What = "It is as the check has found it."
				if got := s.what(f); speaksEnglish(got) != (tag == words.English) {
					t.Errorf("%s: %s, %s is %q", tag, f.Check, f.Verdict, got)
				}
			}
		}
	}
}

// TestWhatIsGoodIsSaidInTheLanguageOfTheWindow.
func TestWhatIsGoodIsSaidInTheLanguageOfTheWindow(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "cursor")))
	r.host.findings = checkedFindings()[:1]
	r.tap("Test: Cursor")
	r.wants("Editors start /home/u/.local/share/agentrun-tray/bin/agentrun-mcp, version 1.0.")
	r.window.SetLanguage("zh")
	r.tap("测试：Cursor")
	r.wants("程序齐全。")
	r.lacks("Editors start")
}

// TestATestThatTakesLongIsEndedByClosingIt.
func TestATestThatTakesLongIsEndedByClosingIt(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "cursor")))
	begun := make(chan struct{})
	row := r.window.editors.list.views["cursor"]
	row.steps.run(row.test, func(ctx context.Context, found func(Finding)) error {
		found(checkedFindings()[0])
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	<-begun
	r.wants("Doing what the editor would do")
	if !row.test.Disabled() {
		t.Error("while a test goes on, another can be begun")
	}
	row.steps.close()
	r.settle()
	if row.test.Disabled() || !row.steps.root.Hidden {
		t.Error("after it was closed no other can be begun, or it is still shown")
	}
}

// TestATestIsNotShownOfWhatIsNotSoAnyMore: neither after the row was changed here, nor after its settings were from outside.
func TestATestIsNotShownOfWhatIsNotSoAnyMore(t *testing.T) {
	row := inState(t, "codex")
	row.Undo = true
	r := english(t, PlaceEditors, with(row))
	r.host.findings = checkedFindings()
	for _, change := range []string{"Codex", "Mend: Codex", "Undo: Codex"} {
		r.tap("Test: Codex")
		r.wants("It does not work yet.")
		r.tap(change)
		r.lacks("It does not work yet.")
	}
	r.tap("Test: Codex")
	r.window.Render(with(row))
	r.wants("It does not work yet.")
	row.State, row.Detail = EditorConnected, ""
	r.window.Render(with(row))
	r.lacks("It does not work yet.")
}

func TestTheEditorsMayNotBeThereYet(t *testing.T) {
	v := emptyView()
	v.Editors = nil
	r := english(t, PlaceEditors, v)
	r.wants("looking for editors")
	v.Editors = &Editors{}
	r.window.Render(v)
	r.wants("No editor that we know was found")
}

// TestEverythingOfARowIsReachedByTheKeyboard: going on with Tab comes by every button and switch.
func TestEverythingOfARowIsReachedByTheKeyboard(t *testing.T) {
	r := english(t, PlaceEditors, with(inState(t, "kiro")))
	var seen []string
	for range 30 {
		r.win.Canvas().FocusNext()
		if l, ok := r.win.Canvas().Focused().(labelled); ok {
			seen = append(seen, l.AccessibilityLabel())
		}
	}
	for _, want := range []string{"Check everything", "Leave it so: Kiro", "Put ours back: Kiro", "Test: Kiro", "Preview: Kiro", "Kiro"} {
		if !strings.Contains("\n"+strings.Join(seen, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("the keyboard does not come to %q; it comes to %q", want, seen)
		}
	}
}

func TestEditorsAreConnectedFromTheTray(t *testing.T) {
	r := english(t, PlaceOverview, statesView())
	shown := 0
	choose := func(id string) {
		r.window.Choose(TrayItem{Action: TrayEditor, Value: id}, func() { shown++ })
		r.settle()
	}
	choose("cursor")
	choose("zed")
	choose("codex")
	choose("gone since the menu was opened")
	r.asked("disconnect cursor", "connect zed", "connect codex")
	if shown != 0 || r.window.At() != PlaceOverview {
		t.Errorf("the window was shown %d times, at %s, for what went well", shown, r.window.At())
	}
	r.host.refuse["connect zed"] = errors.New("the disk is full")
	choose("zed")
	r.wants("The editor could not be connected. The disk is full.")
	if shown != 1 || r.window.At() != PlaceEditors {
		t.Errorf("for a failure the window was shown %d times, at %s, want once, at the editors", shown, r.window.At())
	}
	r.window.Open(PlaceOverview)
	r.window.Choose(TrayItem{Action: TrayEditors}, func() { shown++ })
	if shown != 2 || r.window.At() != PlaceEditors {
		t.Errorf("all editors: shown %d times, at %s", shown, r.window.At())
	}
}

func TestAFailureFromTheTrayIsToldDuringTheFirstSteps(t *testing.T) {
	r := firstSteps(t, busyView())
	r.host.refuse["connect zed"] = errors.New("the disk is full")
	r.window.Choose(TrayItem{Action: TrayEditor, Value: "zed"}, func() {})
	r.settle()
	r.wants("The editor could not be connected. The disk is full.")
	r.host.refuse["disconnect cursor"] = errors.New("the disk is full")
	r.window.Choose(TrayItem{Action: TrayEditor, Value: "cursor"}, func() {})
	r.settle()
	r.wants("The editor could not be disconnected. The disk is full.")
}

func TestALostEditorIsMendedFromItsBanner(t *testing.T) {
	v := lostView()
	more := v.Problems[0]
	more.Args.Editor = "zed"
	v.Problems = append(v.Problems, more)
	r := english(t, PlaceOverview, v)
	r.wants("No longer connected: Gemini CLI, Zed.", "The entry of AgentRun Tray is out of date: Codex.", "The entry of AgentRun Tray was changed by hand: Kiro.")
	banners := r.window.panels[PlaceOverview].(*overview).notices(&v)
	banners[0].do()
	r.settle()
	r.asked("mend gemini", "mend zed")
	banners[1].no()
	r.settle()
	r.asked("leave codex")
	banners[2].do() // what would be overwritten is looked at first
	r.settle()
	r.asked()
	if r.window.At() != PlaceEditors {
		t.Errorf("an entry changed by hand leads to %s, want to the editors", r.window.At())
	}
	r.host.refuse["mend codex"] = errors.New("the disk is full")
	r.window.Open(PlaceOverview)
	banners[1].do()
	r.settle()
	r.wants("The editor could not be connected. The disk is full.")
}

// TestEditorsThatAreBeingConnectedCannotBeAskedAgain, each until it is done.
func TestEditorsThatAreBeingConnectedCannotBeAskedAgain(t *testing.T) {
	off := func(id, name string) Editor {
		return Editor{ID: id, Name: name, State: EditorOff, Route: RouteFile, Forms: []EditorForm{FormProgram}}
	}
	r := english(t, PlaceEditors, with(off("zed", "Zed"), off("gemini", "Gemini CLI")))
	r.host.slow = make(chan struct{})
	test.Tap(r.find("Connect all"))
	disabled := func() (off []string) {
		for _, row := range r.window.editors.list.found {
			if r.window.editors.list.row(row).toggle.Disabled() {
				off = append(off, row.ID)
			}
		}
		return off
	}
	if got := disabled(); !slices.Equal(got, []string{"zed", "gemini"}) || !r.window.editors.all.Disabled() {
		t.Errorf("while all are connected the switches of %v cannot be used, want those of both, and not the button", got)
	}
	r.window.SetLanguage("zh")
	if got := disabled(); !slices.Equal(got, []string{"zed", "gemini"}) {
		t.Errorf("in another language the switches of %v cannot be used, want those of both", got)
	}
	r.host.slow <- struct{}{}
	(<-r.posted)()
	if got := disabled(); !slices.Equal(got, []string{"gemini"}) {
		t.Errorf("when the first is connected the switches of %v cannot be used, want that of the other", got)
	}
	close(r.host.slow)
	r.settle()
	if got := disabled(); len(got) > 0 {
		t.Errorf("when all are connected the switches of %v cannot be used", got)
	}
	r.asked("connect zed", "connect gemini")
	r.wants("Zed 会立即加载。")
}

func TestABannerShowsThatItIsAtWork(t *testing.T) {
	r := english(t, PlaceOverview, lostView())
	r.host.slow = make(chan struct{})
	find := func() (all []*kit.Button) {
		r.walk(func(o fyne.CanvasObject) {
			if b, ok := o.(*kit.Button); ok && (b.Label() == "Connect again" || b.Label() == "Leave it so") {
				all = append(all, b)
			}
		})
		return all
	}
	off := func() (n int) {
		for _, b := range find() {
			if b.Disabled() {
				n++
			}
		}
		return n
	}
	test.Tap(find()[1])
	v := lostView()
	v.Now = noon.Add(time.Second)
	r.window.Render(v)
	if n := off(); n != 2 {
		t.Errorf("while an editor is connected again %d buttons cannot be pressed, want the two of its banner", n)
	}
	close(r.host.slow)
	r.settle()
	if n := off(); n != 0 {
		t.Errorf("afterwards %d buttons cannot be pressed", n)
	}
	r.asked("mend gemini")
}

// TestADialogIsOpenedAgainInAnotherLanguage, with the way that was chosen in it.
func TestADialogIsOpenedAgainInAnotherLanguage(t *testing.T) {
	r := english(t, PlaceEditors, busyView())
	r.tap("Preview: Zed")
	r.win.Canvas().FocusPrevious()
	r.win.Canvas().Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	r.settle()
	r.wants("What changes in the settings of Zed")
	r.window.SetLanguage("zh")
	r.lacks("What changes in the settings of Zed")
	r.wants("Zed 的设置将如何改变")
	r.asked("preview connect zed", "preview connect zed http")
	r.tap("连接")
	r.asked("connect zed http")
	r.wants("Zed 会立即加载。")
	if n := len(r.win.Canvas().Overlays().List()); n != 0 {
		t.Errorf("%d dialogs are open afterwards", n)
	}
}

// TestWhatWentAnotherWayIsTold where the change was asked for: in the row, from the tray, by all at once, from the banner of a lost editor,
// and before it is made.
func TestWhatWentAnotherWayIsTold(t *testing.T) {
	const split, spoken = "/home/u/mcp.json has other names (hard links).", "The command line of Cursor did not do it (exit status 1)"
	remarks := []Remark{{Kind: RemarkByFile, What: "exit status 1"}, {Kind: RemarkSplit, What: "/home/u/mcp.json"}, {Said: "Something new."}}
	for name, do := range map[string]func(r *rig){
		"its switch": func(r *rig) { r.tap("Cursor") },
		"the tray": func(r *rig) {
			r.window.Open(PlaceOverview)
			r.window.Choose(TrayItem{Action: TrayEditor, Value: "cursor"}, func() {})
			r.settle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := english(t, PlaceEditors, busyView())
			r.host.remarks = remarks
			do(r)
			r.wants("Taken out of its settings.", split, spoken, "Something new.")
			if r.window.editors.list.views["cursor"].failed {
				t.Error("what went another way counts as a failure")
			}
		})
	}
	t.Run("in Chinese", func(t *testing.T) {
		r := newRig(t, kit.AlwaysLight, fyne.NewSize(1080, 700), Options{Language: "zh"})
		r.window.Open(PlaceEditors)
		r.window.Render(busyView())
		r.host.remarks = remarks
		r.tap("Cursor")
		r.wants("已从其设置中移除", "/home/u/mcp.json 还有别的名称", "Cursor 的命令行没有完成更改（exit status 1）", "Something new.")
	})
	t.Run("by hand", func(t *testing.T) {
		r := english(t, PlaceEditors, busyView())
		r.host.remarks = []Remark{{Kind: RemarkByHand}}
		r.tap("Cursor")
		r.wants("Take it out in the settings of Cursor itself")
		r.lacks("Taken out of its settings.")
	})
	t.Run("all", func(t *testing.T) {
		r := english(t, PlaceEditors, statesView())
		r.host.remarks = remarks[1:2]
		r.tap("Connect all")
		r.wants(split)
	})
	t.Run("first steps", func(t *testing.T) {
		r := firstSteps(t, busyView())
		r.host.remarks = remarks
		shown := 0
		r.window.Choose(TrayItem{Action: TrayEditor, Value: "cursor"}, func() { shown++ })
		r.settle()
		r.wants(split, spoken)
		if shown != 1 {
			t.Errorf("the window was shown %d times, want once", shown)
		}
	})
	t.Run("banner", func(t *testing.T) {
		r := english(t, PlaceOverview, lostView())
		r.host.remarks = remarks[1:2]
		r.tap("Connect again")
		r.wants(split)
	})
	t.Run("preview", func(t *testing.T) {
		r := english(t, PlaceEditors, busyView())
		r.host.previews = map[string]Preview{"zed": {Files: []PreviewFile{{Path: "/home/u/mcp.json", Diff: "+ \"agentrun\""}}, Remarks: remarks[1:2]}}
		r.tap("Preview: Zed")
		r.wants(split, "A copy of the file is kept.")
	})
}
