package ui

import (
	"errors"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

func TestTheOverviewShowsThePoolAndWhatItCosts(t *testing.T) {
	r := english(t, PlaceOverview, busyView())
	r.wants("Ready", "Ends soon", "In use", "Starting", "usually 14 s", "01KAW…8f2c", "1 context", "no contexts", "41 ms",
		"3 ready, 1 starting. Never more than 20.", "128", "today · 2 failed", "p50 · p99 412 ms", "about ¥0.84 of ¥5.00", "pauses after 30 min idle",
		"Claude Desktop", "84 calls", "1 call", "http://127.0.0.1:7411/mcp", "AgentRun cloud", "Hangzhou · 1.0",
		"Session 8f2c ends in 4 min.", "Its context moves to the replacement that is warming up.")
}

func TestTheOverviewWithNothingYet(t *testing.T) {
	r := english(t, PlaceOverview, emptyView())
	r.wants("Starting", "None of 3 is ready yet.", "No session is there yet. The first ones are on their way.", "no run yet", "No editor is connected.", "This computer")
	r.lacks("Cloud time")
	r.tap("Connect an editor")
	if at := r.window.At(); at != PlaceEditors {
		t.Errorf("the button led to %s, want the editors", at)
	}
}

// TestEditorsThatAreConnectedAndSilentNeedNoConnecting: they talk when their assistants have something to run.
func TestEditorsThatAreConnectedAndSilentNeedNoConnecting(t *testing.T) {
	v := emptyView()
	v.Editors = &Editors{Found: []Editor{{ID: "zed", Name: "Zed", State: EditorOff, Route: RouteFile}}}
	r := english(t, PlaceOverview, v)
	r.wants("No editor is connected.", "Connect an editor")
	v.Editors = &Editors{Found: []Editor{{ID: "zed", Name: "Zed", State: EditorConnected, Route: RouteFile}}}
	r.window.Render(v)
	r.wants("No editor is talking to AgentRun Tray at the moment.")
	r.lacks("No editor is connected.", "Connect an editor")
}

func TestThePoolIsPausedAndResumed(t *testing.T) {
	v := busyView()
	r := english(t, PlaceOverview, v)
	r.tap("Pause pool")
	r.asked("pause")
	v.Pool.Paused, v.Phase, v.Sessions = true, status.Paused, nil
	r.window.Render(v)
	r.wants("Paused", "none is kept ready, and nothing is paid for")
	r.tap("Resume pool")
	r.asked("resume")
}

func TestTheNumberKeptReadyIsChangedByOne(t *testing.T) {
	v := busyView()
	r := english(t, PlaceOverview, v)
	r.tap("Keep one more ready")
	r.tap("Keep one more ready")
	v.Now = v.Now.Add(time.Second) // a view of before it was done
	r.window.Render(v)
	r.tap("Keep one fewer ready")
	r.asked("warm 4", "warm 5", "warm 4")
	v.Pool.Warm = 0
	r.window.Render(v)
	r.tap("Keep one more ready")
	r.asked("warm 1")
}

// TestManyPressesAreAskedForInOrder, and those that came meanwhile together.
func TestManyPressesAreAskedForInOrder(t *testing.T) {
	v := busyView()
	r := english(t, PlaceOverview, v)
	o, ok := r.window.panels[PlaceOverview].(*overview)
	if !ok {
		t.Fatal("no overview")
	}
	more := r.find("Keep one more ready")
	for range 4 {
		test.Tap(more)
	}
	v.Pool.Warm = 4 // the first has been done
	r.window.Render(v)
	r.settle()
	r.asked("warm 4", "warm 7")
	r.host.refuse["warm 8"] = errors.New("the host is ending")
	r.tap("Keep one more ready")
	r.asked("warm 8")
	r.wants("The host is ending.")
	if got := o.warm.Wanted(); got != 3 {
		t.Errorf("after it was refused %d is shown, want what was there, 3", got)
	}
}

func TestASessionIsReplacedAndEnded(t *testing.T) {
	v := busyView()
	v.Sessions = v.Sessions[1:2]
	r := english(t, PlaceOverview, v)
	r.tap("What can be done with this session")
	r.choose("Replace with a new one")
	r.asked("replace agentrun 2")
	r.tap("What can be done with this session")
	r.choose("End session")
	r.asked()
	r.wants("End session 11d0?", "2 contexts live in it.")
	r.tap("Cancel")
	r.asked()
	r.tap("What can be done with this session")
	r.choose("End session")
	r.tap("End session")
	r.asked("end agentrun 2")
}

func TestASessionWithoutContextsEndsWithoutAQuestion(t *testing.T) {
	v := busyView()
	v.Sessions = v.Sessions[2:3]
	r := english(t, PlaceOverview, v)
	r.tap("What can be done with this session")
	r.choose("End session")
	r.asked("end agentrun 3")
}

func TestProblemsHaveAButtonThatHelps(t *testing.T) {
	r := english(t, PlaceOverview, problemView())
	r.wants("Not available", "Sandboxes cannot be made at the moment.", "There is no connection to fc.example.com.", "Port 7411 is taken, so 127.0.0.1:7412 is used instead.")
	r.tap("Try now")
	r.asked("retry")
	r.tap("Choose a port")
	if at, field := r.window.At(), r.setting("http.port").field; at != PlaceSettings || r.win.Canvas().Focused() != field.Entry {
		t.Errorf("the button led to %s with %T having the keyboard, want the settings and the port's field", at, r.win.Canvas().Focused())
	}
}

// TestSettingsThatCannotBeUsedSayWhichAndWhere: each with its own way out.
func TestSettingsThatCannotBeUsedSayWhichAndWhere(t *testing.T) {
	r := english(t, PlaceOverview, badView())
	r.wants("The settings file cannot be read, so everything is as in a new installation.", "It is not valid JSON: line 3, unexpected end of JSON input. It was kept as", "/home/u/.config/agentrun-tray/settings.json.broken-20261127-120000", "The setting colour cannot be used.")
	r.tap("Show the file")
	r.asked("settings folder")
	r.wants("The setting “Sessions kept ready” cannot be used.", "-1 is not between 0 and 100")
	r.tap("Open settings")
	if at, field := r.window.At(), r.setting("pool.warm").field; at != PlaceSettings || r.win.Canvas().Focused() != field.Entry {
		t.Errorf("the button led to %s with %T having the keyboard, want the settings and the field of the setting", at, r.win.Canvas().Focused())
	}
}

func TestAProblemNobodyPutIntoWordsIsShownAsItIs(t *testing.T) {
	v := emptyView()
	v.Problems = []status.Problem{{Code: "new-kind", What: "Something new is wrong.", Why: "It is new.", Todo: "Wait."}}
	r := english(t, PlaceOverview, v)
	r.wants("Something new is wrong.", "It is new. Wait.")
	r.tap("Open log folder")
	r.asked("logs")
}

func TestWhatCouldNotBeDoneIsTold(t *testing.T) {
	r := english(t, PlaceOverview, busyView())
	r.host.refuse["pause"] = errors.New("the host is ending")
	r.tap("Pause pool")
	r.wants("The pool could not be paused. The host is ending.")
}

func TestTheOverviewShowsTheLoadingOfTheEngine(t *testing.T) {
	v := emptyView()
	v.Backend.Loading = &status.Loader{What: "compiling the engine", Since: noon.Add(-2 * time.Second)}
	v.Figures = &Figures{UsualLoad: 3200 * time.Millisecond}
	r := english(t, PlaceOverview, v)
	r.wants("Getting ready: compiling the engine.", "For 2 s so far; last time it took 3.2 s.")
	v.Backend.Loading = nil
	r.window.Render(v)
	r.lacks("Getting ready")
}

func TestARingGoesWithTheClock(t *testing.T) {
	v := busyView()
	r := english(t, PlaceOverview, v)
	v.Now = noon.Add(20 * time.Second)
	r.window.Render(v)
	r.wants("Session 8f2c ends in 3 min.")
	v.Now = noon.Add(10 * time.Minute)
	r.window.Render(v)
	r.lacks("Session 8f2c ends")
}

// TestAClockThatJumpsGivesNoAbsurdTimes: what lives for an hour has no day left, and nothing was used in the future.
func TestAClockThatJumpsGivesNoAbsurdTimes(t *testing.T) {
	v := busyView()
	v.Sessions, v.Contexts = v.Sessions[:1], v.Contexts[:1]
	s := v.Sessions[0]
	s.ReadyAt, s.ExpiresAt, s.EndsAt = at(-20*time.Minute), at(40*time.Minute), nil
	v.Sessions = []status.Session{s}
	v.Backend.Loading = &status.Loader{What: "something", Since: noon.Add(-3 * time.Second)}
	r := english(t, PlaceOverview, v)
	for _, tc := range []struct {
		name string
		now  time.Time
		ring string // its figure and unit
	}{
		{"as it is", noon, "40\nmin"},
		{"set back by a day", noon.Add(-24 * time.Hour), "60\nmin"},
		{"set on by a day", noon.Add(24 * time.Hour), "0\ns"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r.t = t
			v.Now = tc.now
			r.window.Render(v)
			r.wants(tc.ring)
			r.lacks("-")
		})
	}
	r.t = t
	v.Now = noon.Add(-24 * time.Hour)
	r.window.Open(PlaceContexts)
	r.window.Render(v)
	r.wants("just now")
}

// TestASessionThatWasNeverReadyHasAnEmptyRing, and not that of the session whose card it was.
func TestASessionThatWasNeverReadyHasAnEmptyRing(t *testing.T) {
	v := busyView()
	v.Sessions = v.Sessions[3:]
	r := english(t, PlaceOverview, v)
	closing := v.Sessions[0]
	closing.State = "closing"
	v.Sessions = []status.Session{closing}
	r.window.Render(v)
	o, ok := r.window.panels[PlaceOverview].(*overview)
	if !ok {
		t.Fatal("no overview")
	}
	said, arcs := "", 0
	each(o.cards[0].ring, func(o fyne.CanvasObject) {
		switch o := o.(type) {
		case *canvas.Text:
			said += o.Text
		case *canvas.Arc:
			if o.Visible() {
				arcs++ // the track is one
			}
		}
	})
	if said != "–" || arcs != 1 {
		t.Errorf("the ring says %q with %d arcs, want none but its track", said, arcs)
	}
}

func TestManyClientsAreSummedUp(t *testing.T) {
	v := busyView()
	for range 20 {
		v.Clients = append(v.Clients, status.Client{Name: "codex-mcp-client", Via: "http", LastSeen: noon})
	}
	r := english(t, PlaceOverview, v)
	r.wants("and 17 more", "Codex")
}

func TestTheAddressIsCopied(t *testing.T) {
	r := english(t, PlaceOverview, busyView())
	r.tap("Copy")
	r.wants("Copied.")
	if got := r.window.d.app.Clipboard().Content(); got != "http://127.0.0.1:7411/mcp" {
		t.Errorf("the clipboard has %q, want the address", got)
	}
	v := busyView()
	v.Addresses.HTTP = ""
	r.window.Render(v)
	r.wants("/run/user/1000/agentrun-tray/host.sock", "The address for URLs is off.")
}

func TestAContextThatDoesNotMoveEndsWithItsSession(t *testing.T) {
	v := busyView()
	v.Settings.Values["carry_over"] = "off"
	r := english(t, PlaceOverview, v)
	r.wants("Its context ends with it.")
}

// TestAMenuIsOfTheSessionItWasOpenedFor, though its card is that of another session by the time something is chosen.
func TestAMenuIsOfTheSessionItWasOpenedFor(t *testing.T) {
	v := busyView()
	v.Sessions = v.Sessions[:3]
	r := english(t, PlaceOverview, v)
	r.tap("What can be done with this session") // the last one's: it is session 3
	v.Sessions = []status.Session{v.Sessions[1], v.Sessions[2], {ID: 5, Backend: "agentrun", SandboxID: "01KAZ0K4U6ZCd14c", State: "ready", CreatedAt: noon, ReadyAt: at(0)}}
	r.window.Render(v)
	r.choose("End session")
	r.asked("end agentrun 3")
}

// TestADayWithoutCloudTimeHasNone: it is no time that is too short to be measured.
func TestADayWithoutCloudTimeHasNone(t *testing.T) {
	v := busyView()
	v.Cost = &status.Cost{Currency: "CNY"}
	r := english(t, PlaceOverview, v)
	r.wants("Cloud time today", "0 s", "about ¥0.00")
	r.lacks("< 1 ms")
}
