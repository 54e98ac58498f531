package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// faulty reports whether the settings file would complain of a value.
func faulty(t *testing.T, name string, v any) bool {
	t.Helper()
	tree := map[string]any{}
	at, parts := tree, strings.Split(name, ".")
	for _, part := range parts[:len(parts)-1] {
		next := map[string]any{}
		at[part] = next
		at = next
	}
	at[parts[len(parts)-1]] = v
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Pool.Ceiling = 100
	if err := json.Unmarshal(data, &c); err != nil {
		return true
	}
	for _, f := range c.Check() {
		if f.Field == name {
			return true
		}
	}
	return false
}

// TestTheTableOfSettingsIsThatOfTheFile: every setting of the file has a row, every choice of a row is one the file takes, and a
// number is refused exactly where the file refuses it.
func TestTheTableOfSettingsIsThatOfTheFile(t *testing.T) {
	values := config.Default().Values()
	rows := map[string]setting{}
	for _, s := range sections {
		for _, row := range s.rows {
			rows[row.name] = row
		}
	}
	for name := range values {
		if _, ok := rows[name]; !ok && name != "clients" { // its rules are by client, for who edits the file
			t.Errorf("the setting %s has no row", name)
		}
	}
	for name, row := range rows {
		v, ok := values[name]
		if !ok {
			t.Errorf("the row %s is of no setting", name)
			continue
		}
		switch row.kind {
		case kindChoice, kindList:
			for _, o := range row.options {
				if faulty(t, name, o) {
					t.Errorf("%s offers %q, which the file refuses", name, o)
				}
			}
			if text, ok := v.(string); !ok || !slices.Contains(row.options, text) {
				t.Errorf("%s does not offer what a new installation has, %v", name, v)
			}
		case kindNumber:
			step := 1.0
			if !row.whole {
				step = math.Max(row.low, 1) / 2000
			}
			for v, bad := range map[float64]bool{row.low: false, row.high: false, row.low - step: true, row.high + 1: true} {
				if faulty(t, name, v) != bad {
					t.Errorf("%s: the file refuses %v: %v, the window: %v", name, v, !bad, bad)
				}
			}
			if row.whole != faulty(t, name, row.low+0.5) {
				t.Errorf("%s: whole numbers alone in the window: %v, in the file: %v", name, row.whole, !row.whole)
			}
		case kindSwitch:
			if _, ok := v.(bool); !ok {
				t.Errorf("%s is no switch: %v", name, v)
			}
		case kindText, kindFolders:
		}
	}
}

func (r *rig) setting(name string) *settingRow {
	r.t.Helper()
	p, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok {
		r.t.Fatal("no settings")
	}
	for _, row := range p.rows {
		if row.s.name == name {
			return row
		}
	}
	r.t.Fatalf("no setting %s", name)
	return nil
}

// enter types a value into a field and leaves it.
func (r *rig) enter(row *settingRow, text string) {
	r.t.Helper()
	r.win.Canvas().Focus(row.field.Entry)
	row.field.Entry.SetText(text)
	r.win.Canvas().Unfocus()
	r.settle()
}

func TestABadValueIsRefusedBesideItsField(t *testing.T) {
	r := english(t, PlaceSettings, busyView())
	for _, tc := range []struct{ name, text, want string }{
		{"pool.warm", "many", "Enter a number."},
		{"pool.warm", "2.5", "Enter a whole number."},
		{"pool.warm", "-1", "Enter a number from 0 to 100."},
		{"pool.warm", "21", "Not more than the 20 sessions there may be at most."},
		{"runs.timeout_seconds", "NaN", "Enter a number."},
		{"runs.timeout_seconds", "601", "Enter a number from 0.001 to 600."},
		{"http.port", "65536", "Enter a number from 0 to 65535."},
		{"agentrun.template", "my template", "Use 1 to 64 letters, digits, hyphens and underscores."},
	} {
		row := r.setting(tc.name)
		r.enter(row, tc.text)
		if got := row.field.Fault(); got != tc.want {
			t.Errorf("%s = %q: says %q, want %q", tc.name, tc.text, got, tc.want)
		}
	}
	r.asked()
}

func TestAChangeIsSavedAndSaysWhenItTakesEffect(t *testing.T) {
	v := busyView()
	r := english(t, PlaceSettings, v)
	r.enter(r.setting("pool.warm"), " 5 ")
	r.asked("change pool.warm to 5")
	if got := r.setting("pool.warm").outcome.Text(); got != "Saved." {
		t.Errorf("says %q, want Saved.", got)
	}
	r.enter(r.setting("http.port"), "7500")
	r.asked("change http.port to 7500")
	r.lacks("after a restart")
	later := *v.Settings
	later.Restart = []string{"http.port", "language"}
	v.Settings = &later
	r.window.Render(v)
	r.wants("It takes effect after a restart.", "the prompts that editors list do after a restart")
	if r.setting("pool.warm").later.Visible() {
		t.Error("what holds at once is said to wait for a restart")
	}
	r.window.SetLanguage("zh") // which makes the rows anew
	r.wants("重启后生效。", "编辑器中列出的提示词重启后切换")
	r.window.SetLanguage("en")
	now := *v.Settings
	now.Restart = nil
	v.Settings = &now
	r.window.Render(v)
	r.lacks("after a restart")
	r.setting("fallback").segments.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	r.settle()
	r.asked("change fallback to off")
}

func TestAChangeTheHostRefusesIsTakenBack(t *testing.T) {
	r := english(t, PlaceSettings, busyView())
	r.host.refuse["change fallback to off"] = errors.New("the settings file is not valid JSON; correct it first")
	row := r.setting("fallback")
	row.segments.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	r.settle()
	if row.segments.Chosen() != "local" {
		t.Errorf("shows %q, want what was there before, local", row.segments.Chosen())
	}
	if got := row.outcome.Text(); got != "The settings file is not valid JSON; correct it first." {
		t.Errorf("says %q, want why", got)
	}
}

func TestAValueThatChangesElsewhereDoesNotOverwriteWhatIsTyped(t *testing.T) {
	v := busyView()
	r := english(t, PlaceSettings, v)
	row := r.setting("pool.warm")
	r.win.Canvas().Focus(row.field.Entry)
	row.field.Entry.SetText("7")
	other := *v.Settings
	other.Values = config.Default().Values()
	other.Values["pool.warm"] = 4.0
	v.Settings = &other
	r.window.Render(v)
	if got := row.field.Text(); got != "7" {
		t.Errorf("the field has %q, want what is being typed, 7", got)
	}
}

// TestASettingThatIsNotThereLeavesNoLine, as in a host that is older than the window.
func TestASettingThatIsNotThereLeavesNoLine(t *testing.T) {
	v := busyView()
	delete(v.Settings.Values, "pool.ceiling")
	r := english(t, PlaceSettings, v)
	if row := r.setting("pool.ceiling"); row.root.Visible() || row.rule.Visible() {
		t.Errorf("the row is in sight: %v, the line above it: %v", row.root.Visible(), row.rule.Visible())
	}
	if row := r.setting("pool.lifetime_minutes"); !row.root.Visible() || !row.rule.Visible() {
		t.Error("the next one has gone too")
	}
}

func TestFoldersAreTakenAway(t *testing.T) {
	r := english(t, PlaceSettings, busyView())
	r.tap("Remove /home/u/projects/sales")
	r.asked("change allowed_folders to [/home/u/下载]")
	r.lacks("/home/u/projects/sales")
	r.wants("/home/u/下载")
}

func TestATokenIsMadeCopiedAndRevoked(t *testing.T) {
	v := busyView()
	v.Tokens = v.Tokens[:1]
	r := english(t, PlaceSettings, v)
	r.host.token = "art_not-a-real-token"
	r.tap("Make a key")
	r.wants("Say which program it is for.")
	p, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok {
		t.Fatal("no settings")
	}
	p.tokens.name.Entry.SetText("n8n")
	r.tap("Make a key")
	r.asked("token n8n")
	r.wants("art_not-a-real-token")
	r.host.token = "art_another-one"
	r.tap("Copy: cursor")
	r.asked("token cursor")
	if got := r.window.d.app.Clipboard().Content(); got != "art_another-one" {
		t.Errorf("the clipboard has %q, want the token of cursor", got)
	}
	r.lacks("art_another-one")
	r.host.refuse["token cursor"] = errors.New("the list of tokens cannot be read")
	r.tap("Copy: cursor")
	r.asked("token cursor")
	r.wants("The key could not be copied. The list of tokens cannot be read.")
	r.tap("Revoke: cursor")
	r.asked()
	r.tap("Revoke")
	r.asked("revoke cursor")
}

func TestTheKeyIsCheckedReplacedAndRemoved(t *testing.T) {
	r := english(t, PlaceSettings, busyView())
	r.wants("LTAI…4f2a · account 1234567890123456 · Hangzhou")
	r.tap("Check")
	r.asked("check")
	r.wants("The credentials are right.")
	if r.host.seen != (secrets.Credentials{}) {
		t.Errorf("asked to check %+v, want those that are kept", r.host.seen)
	}
	r.tap("Remove")
	r.wants("3 contexts in the cloud end at once, with their variables and files.")
	r.asked()
	r.tap("Remove")
	r.asked("remove credentials")
	alone := busyView()
	alone.Contexts = nil
	r.window.Render(alone)
	r.tap("Remove")
	r.wants("New contexts run on this computer then.")
	r.lacks("in the cloud end")
	r.tap("Cancel")
	r.tap("Replace")
	r.wants("Access key secret")
	p, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok {
		t.Fatal("no settings")
	}
	p.account.form.id.Entry.SetText("LTAIhalf")
	p.account.form.secret.Entry.SetText("not-a-real-secret")
	r.tap("Cancel")
	r.lacks("Access key secret")
	r.tap("Replace")
	if f := p.account.form; f.id.Text() != "LTAIhalf" || f.secret.Text() != "" || f.secret.Fault() != "" {
		t.Errorf("opened again, the form has %q and a secret of %d characters, of which it says %q; want no secret", f.id.Text(), len(f.secret.Text()), f.secret.Fault())
	}
}

// TestAKeyThatIsNotUsedIsToldOf: who enters one expects that code runs in the cloud from then on.
func TestAKeyThatIsNotUsedIsToldOf(t *testing.T) {
	for backend, unused := range map[string]bool{"local": true, "mock": true, "auto": false, "agentrun": false} {
		t.Run(backend, func(t *testing.T) {
			v := keyless(busyView())
			s := *v.Settings
			s.Values = maps.Clone(s.Values)
			s.Values["backend"] = backend
			v.Settings = &s
			r := english(t, PlaceSettings, v)
			r.tap("Enter a key")
			p, ok := r.window.panels[PlaceSettings].(*settings)
			if !ok {
				t.Fatal("no settings")
			}
			f := p.account.form
			f.id.Entry.SetText("LTAIexample")
			f.secret.Entry.SetText("not-a-real-secret")
			f.account.Entry.SetText("1234567890123456")
			r.tap("Check and save")
			r.asked("check", "save credentials")
			if told := strings.Contains(r.texts(), "The key is kept, and not used yet"); told != unused {
				t.Errorf("it is told that the key is not used: %v, want %v", told, unused)
			}
		})
	}
}

// TestAFullDiskIsToldWhereSomethingWasToBeKept: beside a setting, beside a name, and for what has no place of its own.
func TestAFullDiskIsToldWhereSomethingWasToBeKept(t *testing.T) {
	r := english(t, PlaceSettings, busyView())
	full := fmt.Errorf("change the setting: write /home/u/settings.json: %w", syscall.ENOSPC)
	for _, what := range []string{"change pool.warm to 5", "token cursor", "pause"} {
		r.host.refuse[what] = full
	}
	row := r.setting("pool.warm")
	row.change(5.0)
	r.settle()
	const told = "The disk is full. Make room, and try again."
	if got := row.outcome.Text(); got != told || row.field.Text() != "3" {
		t.Errorf("beside the setting stands %q, and in its field %s, want that the disk is full, and 3 as before", got, row.field.Text())
	}
	p, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok {
		t.Fatal("no settings")
	}
	p.tokens.name.Entry.SetText("cursor")
	p.tokens.create()
	r.settle()
	if got := p.tokens.name.Fault(); got != told || p.tokens.name.Text() != "cursor" {
		t.Errorf("beside the name %q stands %q, want that the disk is full", p.tokens.name.Text(), got)
	}
	r.window.Open(PlaceOverview)
	r.tap("Pause pool")
	r.wants("The pool could not be paused. " + told)
	r.lacks("settings.json")
}

func TestStartAtLoginShowsWhatTheSystemSays(t *testing.T) {
	v := busyView()
	r := english(t, PlaceSettings, v)
	r.tap("Start at login")
	r.asked("autostart false")
	p, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok || !p.start.On() {
		t.Error("the switch went off before the system said so")
	}
}

func TestWhenATokenWasUsedGoesWithTheClock(t *testing.T) {
	v := busyView()
	r := english(t, PlaceSettings, v)
	r.wants("used 5 min ago")
	v.Now = noon.Add(time.Hour)
	r.window.Render(v)
	r.lacks("used 5 min ago")
}

func TestATokenThatWasTakenAwayIsNotShownAnyMore(t *testing.T) {
	v := busyView()
	v.Tokens = nil
	r := english(t, PlaceSettings, v)
	r.host.token = "token-of-the-bot"
	p, ok := r.window.panels[PlaceSettings].(*settings)
	if !ok {
		t.Fatal("no settings")
	}
	p.tokens.name.Entry.SetText("bot")
	p.tokens.create()
	r.settle()
	v.Tokens = []status.Token{{Client: "bot", CreatedAt: noon}}
	r.window.Render(v)
	r.wants("token-of-the-bot")
	p.tokens.revoke("bot")
	r.tap("Revoke")
	r.asked("token bot", "revoke bot")
	r.lacks("token-of-the-bot")
}

func TestTheSettingsFileAndTheLogHaveAButtonEach(t *testing.T) {
	r := english(t, PlaceSettings, busyView())
	r.tap("Show the file")
	r.tap("Log folder")
	r.asked("settings folder", "logs")
}
