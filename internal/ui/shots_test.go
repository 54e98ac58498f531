//go:build shots

package ui

import (
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/reason"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

var shots = flag.String("shots", "", "folder for pictures of every place")

// TestShots draws every place into a folder, for somebody to look at. Run it without the tag test, so that Chinese is drawn with
// the system's fonts:
//
//	go test -tags shots ./internal/ui -run Shots -shots FOLDER
func TestShots(t *testing.T) {
	if *shots == "" {
		t.Fatal("say where with -shots FOLDER")
	}
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		t.Fatal(err)
	}
	wide, small := fyne.NewSize(1080, 700), fyne.NewSize(600, 420)
	plotted := busyView()
	plotted.Notebook = &notebook.Notebook{ContextID: "c1", Cells: []*notebook.Cell{{RunID: "p", Number: 3, State: notebook.CellDone, Code: "plt.plot(x, y)", Result: sandbox.Result{Displays: []sandbox.Output{{Text: "<Figure>", MIME: map[string][]byte{"image/png": plot()}}}}}}}
	local := manyView(3, 2)
	local.Backend.Name, local.Cost, local.Backend.Region = "local", nil, ""
	for name, s := range map[string]struct {
		view  View
		size  fyne.Size
		place Place
		do    func(r *rig)
	}{
		"overview-busy":    {busyView(), wide, PlaceOverview, nil},
		"overview-empty":   {emptyView(), wide, PlaceOverview, nil},
		"overview-local":   {local, wide, PlaceOverview, nil},
		"overview-problem": {problemView(), wide, PlaceOverview, nil},
		"overview-bad":     {badView(), wide, PlaceOverview, nil},
		"overview-many":    {manyView(20, 1000), wide, PlaceOverview, nil},
		"overview-small":   {busyView(), small, PlaceOverview, nil},
		"contexts-busy":    {busyView(), wide, PlaceContexts, nil},
		"contexts-empty":   {emptyView(), wide, PlaceContexts, nil},
		"contexts-plot":    {plotted, wide, PlaceContexts, nil},
		"contexts-many":    {manyView(20, 1000), wide, PlaceContexts, nil},
		"contexts-small":   {busyView(), small, PlaceContexts, nil},
		"contexts-try":     {busyView(), wide, PlaceContexts, func(r *rig) { r.window.Try() }},
		"activity-busy":    {busyView(), wide, PlaceActivity, nil},
		"activity-detail": {busyView(), wide, PlaceActivity, func(r *rig) {
			a := r.window.panels[PlaceActivity].(*activity)
			a.table.Choose("r18")
			a.table.Selected(a.table.At(0))
		}},
		"activity-small":  {busyView(), small, PlaceActivity, nil},
		"activity-empty":  {emptyView(), small, PlaceActivity, nil},
		"editors-busy":    {busyView(), wide, PlaceEditors, nil},
		"editors-states":  {statesView(), wide, PlaceEditors, nil},
		"editors-preview": {busyView(), wide, PlaceEditors, func(r *rig) { r.tap("Preview: Zed", "预览：Zed") }},
		"editors-replace": {statesView(), wide, PlaceEditors, func(r *rig) { r.tap("Put ours back: Kiro", "换回我们的：Kiro") }},
		"editors-card":    {statesView(), small, PlaceEditors, func(r *rig) { r.tap("Show text: JetBrains AI Assistant", "显示文本：JetBrains AI Assistant") }},
		"editors-test":    {busyView(), wide, PlaceEditors, func(r *rig) { r.tap("Test: Cursor", "测试：Cursor") }},
		"editors-refused": {busyView(), wide, PlaceEditors, func(r *rig) {
			r.host.refuse["connect zed"] = reason.New("editor-unreadable", status.Args{Detail: "Zed: /home/u/.config/zed/settings.json: line 4: unexpected comma."}, "x")
			r.tap("Zed")
		}},
		"editors-remarks": {busyView(), wide, PlaceEditors, func(r *rig) {
			r.host.remarks = []Remark{{Kind: RemarkByFile, What: "claude mcp add-json: exit status 1: unknown option"}, {Kind: RemarkSplit, What: "/home/u/.cursor/mcp.json"}}
			r.tap("Cursor")
		}},
		"overview-lost": {lostView(), wide, PlaceOverview, nil},
		"editors-empty": {emptyView(), wide, PlaceEditors, nil},
		"editors-small": {busyView(), small, PlaceEditors, nil},
		"settings-top":  {busyView(), wide, PlaceSettings, nil},
		"settings-tall": {busyView(), fyne.NewSize(1080, 2300), PlaceSettings, nil},
		"settings-account": {emptyView(), wide, PlaceSettings, func(r *rig) {
			test.Tap(r.window.panels[PlaceSettings].(*settings).account.replace)
			toAccount(r)
		}},
		"settings-bad": {busyView(), wide, PlaceSettings, func(r *rig) {
			for _, row := range r.window.panels[PlaceSettings].(*settings).rows {
				if row.s.name == "agentrun.daily_cap" {
					row.field.Entry.SetText("lots")
				}
			}
			toAccount(r)
		}},
		"settings-locked": {lockedView(), wide, PlaceSettings, toAccount},
		"settings-small":  {busyView(), small, PlaceSettings, nil},
		"dialog":          {busyView(), wide, PlaceContexts, func(r *rig) { r.window.context.askStop() }},
		"toast": {busyView(), wide, PlaceOverview, func(r *rig) {
			r.window.Tell("The pool could not be paused. The service refused the key.", false)
			r.window.Tell("Copied.", true)
		}},
		"first-1":        {emptyView(), wide, "", nil},
		"first-2":        {emptyView(), wide, "", func(r *rig) { r.window.first.choose("agentrun"); r.window.first.forward() }},
		"first-2-locked": {lockedView(), wide, "", func(r *rig) { r.window.first.choose("agentrun"); r.window.first.forward() }},
		"first-2-waiting": {lockedView(), wide, "", func(r *rig) {
			r.window.first.choose("agentrun")
			r.window.first.forward()
			r.host.hold = make(chan struct{})
			r.window.first.account.ask()
		}},
		"first-2-bad": {emptyView(), wide, "", func(r *rig) {
			r.window.first.choose("agentrun")
			r.window.first.forward()
			r.window.first.form.id.Entry.SetText("LTAI x")
			r.window.first.form.submit()
		}},
		"first-3":     {busyView(), wide, "", func(r *rig) { r.window.first.show(stepEditors) }},
		"first-small": {emptyView(), small, "", nil},
	} {
		for _, language := range []string{"en", "zh"} {
			for _, mode := range []kit.Mode{kit.AlwaysLight, kit.AlwaysDark} {
				t.Run(name+"-"+string(mode)+"-"+language, func(t *testing.T) {
					r := newRig(t, mode, s.size, Options{Language: language, FirstRun: s.place == ""})
					r.host.previews = map[string]Preview{"jetbrains-ai": {Card: "{\n  \"mcpServers\": {\n    \"agentrun\": {\n      \"command\": \"/home/u/.local/share/agentrun-tray/bin/agentrun-mcp\",\n      \"args\": []\n    }\n  }\n}"}}
					r.host.findings = checkedFindings()
					r.window.Render(s.view)
					if s.place != "" {
						r.window.Open(s.place)
					}
					if s.do != nil {
						s.do(r)
					}
					r.win.Resize(s.size)
					f, err := os.Create(filepath.Join(*shots, name+"-"+string(mode)+"-"+language+".png"))
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
					if err := png.Encode(f, r.win.Canvas().Capture()); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	}
}

// toAccount scrolls the settings until those of the account are in sight.
func toAccount(r *rig) {
	p := r.window.panels[PlaceSettings].(*settings)
	p.page.Present(p.account.root)
}
