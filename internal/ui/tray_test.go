package ui

import (
	"bytes"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// outline writes a menu, a line per item.
func outline(items []TrayItem, indent string) string {
	var b strings.Builder
	for _, item := range items {
		mark := ""
		if item.Dead {
			mark += " (says)"
		}
		if item.Checked {
			mark += " (on)"
		}
		label := item.Label
		if label == "" {
			label = "--"
		}
		fmt.Fprintf(&b, "%s%s%s\n%s", indent, label, mark, outline(item.Below, indent+"  "))
	}
	return b.String()
}

func TestTheTraysMenu(t *testing.T) {
	paused := emptyView()
	paused.Phase, paused.Pool.Paused, paused.Addresses.HTTP = status.Paused, true, ""
	working := busyView()
	working.Phase = status.Working
	for _, tc := range []struct {
		name, tag string
		view      View
		icon      TrayIcon
		want      string
	}{
		{"working", "en", working, TrayWorking, `Running code · AgentRun cloud (says)
Pool 3/3 ready (says)
Contexts 3 (1 running) (says)
--
Open AgentRun Tray
Pause pool
Copy MCP address
Where code runs
  Automatic (on)
  AgentRun cloud
  This computer
Editors
  Claude Desktop (on)
  Cursor (on)
  VS Code (on)
  Zed
  Codex
  --
  All editors…
Start at login (on)
--
Quit
`},
		{"paused", "zh", paused, TrayPaused, `已暂停 · 本机 (says)
会话池 0/3 就绪 (says)
上下文 0 (says)
--
打开 AgentRun Tray
恢复会话池
复制 MCP 地址 (says)
代码在哪里运行
  自动 (on)
  AgentRun 云端
  本机
登录时启动
--
退出
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := NewTrayMenu(words.In(tc.tag), &tc.view)
			if got := outline(m.Items, ""); got != tc.want || m.Icon != tc.icon {
				t.Errorf("icon %s, menu\n%s\nwant icon %s, menu\n%s", m.Icon, got, tc.icon, tc.want)
			}
		})
	}
}

func TestAProblemIsTheFirstLineOfTheTraysMenu(t *testing.T) {
	v := problemView()
	m := NewTrayMenu(words.In("en"), &v)
	if m.Icon != TrayProblem || m.Items[0].Label != "Sandboxes cannot be made at the moment." {
		t.Errorf("icon %s and first line %q, want the problem", m.Icon, m.Items[0].Label)
	}
}

// trayDouble stands for the desktop's tray, which only a driver has.
type trayDouble struct {
	menus []*fyne.Menu
	icons []fyne.Resource
}

func (d *trayDouble) SetSystemTrayMenu(m *fyne.Menu)       { d.menus = append(d.menus, m) }
func (d *trayDouble) SetSystemTrayIcon(icon fyne.Resource) { d.icons = append(d.icons, icon) }

func TestTheTrayIsDrawnWhenItsMenuChanges(t *testing.T) {
	test.NewTempApp(t)
	v, w := busyView(), words.In("en")
	host := &trayDouble{}
	var did []TrayItem
	tray := NewTray(host, false, func(i TrayItem) { did = append(did, i) })
	tray.Show(NewTrayMenu(w, &v))
	tray.Show(NewTrayMenu(w, &v))
	if len(host.menus) != 1 || len(host.icons) != 1 {
		t.Fatalf("%d menus and %d icons for one state, want one each", len(host.menus), len(host.icons))
	}
	v.Contexts = nil
	tray.Show(NewTrayMenu(w, &v))
	if len(host.menus) != 2 || len(host.icons) != 1 {
		t.Errorf("%d menus and %d icons after the contexts ended, want 2 and 1", len(host.menus), len(host.icons))
	}
	menu := host.menus[0]
	quit := menu.Items[len(menu.Items)-1]
	if !quit.IsQuit {
		t.Error("the toolkit would add a Quit of its own")
	}
	for _, item := range menu.Items {
		if item.Label == "Copy MCP address" {
			item.Action()
		}
		if item.Label == "Where code runs" {
			item.ChildMenu.Items[2].Action()
		}
	}
	if len(did) != 2 || did[0].Value != "http://127.0.0.1:7411/mcp" || did[1].Action != TrayBackend || did[1].Value != "local" {
		t.Errorf("told of %+v, want the address to copy and the backend local", did)
	}
	if _, ok := NewTray(host, true, nil).icon(TrayPaused).(*theme.ThemedResource); !ok {
		t.Error("the icon for macOS is no template")
	}
}

func TestNotificationsAreForNewProblemsThatNeedSomebody(t *testing.T) {
	before, now := busyView(), problemView()
	w := words.In("en")
	got := Notifications(w, &before, &now)
	if len(got) != 1 || !strings.Contains(got[0].Text, "Sandboxes cannot be made") {
		t.Errorf("%+v, want one of the sandboxes and none of the port", got)
	}
	if again := Notifications(w, &now, &now); len(again) != 0 {
		t.Errorf("told again of %+v", again)
	}
}

func TestTheTrayHasTheEditorsThatAClickConnects(t *testing.T) {
	v := statesView()
	var many []Editor
	for n := range 20 {
		many = append(many, Editor{ID: fmt.Sprint(n), Name: fmt.Sprint("Editor ", n), State: EditorOff, Route: RouteFile})
	}
	for name, tc := range map[string]struct {
		found *Editors
		want  []string
	}{
		"no link, no card, nothing retired": {v.Editors, []string{"Cursor (on)", "Zed", "Gemini CLI", "Codex", "Kiro", "Goose", "Qwen Code", "Crush", "--", "All editors…"}},
		"not too many":                      {&Editors{Found: many}, []string{"Editor 0", "Editor 1", "Editor 2", "Editor 3", "Editor 4", "Editor 5", "Editor 6", "Editor 7", "Editor 8", "Editor 9", "Editor 10", "Editor 11", "--", "All editors…"}},
		"none found":                        {&Editors{}, nil},
		"not looked for":                    {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			v.Editors = tc.found
			var got []string
			for _, item := range NewTrayMenu(words.In("en"), &v).Items {
				if item.Label == "Editors" {
					got = strings.Split(strings.TrimSuffix(outline(item.Below, ""), "\n"), "\n")
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("the menu of editors is %q, want %q", got, tc.want)
			}
		})
	}
}

func TestLostEditorsAreNotifiedOnce(t *testing.T) {
	w := words.In("en")
	before, now := statesView(), lostView()
	got := Notifications(w, &before, &now)
	if len(got) != 2 || got[0].Text != "No longer connected: Gemini CLI. Our entry is gone from the settings. Connect again, or leave it so." || !strings.Contains(got[1].Text, "Codex") {
		t.Errorf("%+v, want one of Gemini CLI, one of Codex, and none of what was changed by hand", got)
	}
	fewer := lostView()
	fewer.Problems = fewer.Problems[:1]
	if again := Notifications(w, &now, &fewer); len(again) != 0 {
		t.Errorf("after one was mended, told again of %+v", again)
	}
	if m := NewTrayMenu(w, &now); m.Icon != TrayProblem || m.Items[0].Label != "No longer connected: Gemini CLI." {
		t.Errorf("icon %s and first line %q, want the lost editor", m.Icon, m.Items[0].Label)
	}
	fewer.Problems = lostView().Problems[2:]
	if m := NewTrayMenu(w, &fewer); m.Icon == TrayProblem {
		t.Error("an entry that was changed by hand is a problem in the tray")
	}
}

// TestTheTraysIconIsMadeOfPixels: of a drawing the toolkit would make them itself, beside the goroutine that draws the window.
func TestTheTraysIconIsMadeOfPixels(t *testing.T) {
	test.NewTempApp(t)
	for _, icon := range []TrayIcon{TrayReady, TrayWorking, TrayProblem, TrayPaused} {
		made := NewTray(&trayDouble{}, false, nil).icon(icon)
		img, err := png.Decode(bytes.NewReader(made.Content()))
		if err != nil {
			t.Errorf("%s: %v", made.Name(), err)
			continue
		}
		if size := img.Bounds().Size(); size.X < iconSize || size.X != size.Y {
			t.Errorf("%s is %v, want a square of at least %d", made.Name(), size, iconSize)
		}
		seen := 0
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if _, _, _, alpha := img.At(x, y).RGBA(); alpha > 0 {
					seen++
				}
			}
		}
		if all := img.Bounds().Dx() * img.Bounds().Dy(); seen < all/8 || seen == all {
			t.Errorf("%s: %d of %d pixels are painted, want a drawing on a clear ground", made.Name(), seen, all)
		}
	}
}

// TestWithoutATrayOneIsToldHowToComeBackAndHowToQuit, in the window and, as nothing is in sight then, when it was closed.
func TestWithoutATrayOneIsToldHowToComeBackAndHowToQuit(t *testing.T) {
	r := english(t, PlaceOverview, emptyView())
	r.window.TellTrayless()
	texts := append(r.window.d.toasts.Texts(), TraylessNotification(r.window.d.Words).Text)
	if len(texts) != 2 {
		t.Fatalf("told %q, want a sentence in the window and another one", texts)
	}
	for _, text := range texts {
		if !strings.Contains(text, "tart it again to see i") || !strings.Contains(text, "Ctrl+Q") && !strings.Contains(text, "Cmd+Q") {
			t.Errorf("%q does not say how the window is shown again, or how to quit", text)
		}
	}
}
