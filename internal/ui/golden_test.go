//go:build test

package ui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/kit"
)

// latin is the busy view without letters that the toolkit's own fonts lack.
func latin() View {
	v := busyView()
	v.Contexts = append([]status.Context(nil), v.Contexts...)
	v.Contexts[0].Name = "data-analysis"
	v.Runs = append([]status.Run(nil), v.Runs...)
	for n := range v.Runs {
		v.Runs[n].Context = v.Contexts[0].Name
	}
	v.Notebook = &notebook.Notebook{ContextID: "c1", Cells: v.Notebook.Cells[1:]}
	v.Calls = append([]Call(nil), v.Calls[:6]...)
	for n := range v.Calls {
		v.Calls[n].Context = strings.TrimSuffix(v.Calls[n].Context, " 数据分析")
	}
	v.Settings.Values["allowed_folders"] = []any{"/home/u/projects/sales"}
	return v
}

// TestLayouts compares where everything stands with what is kept. After a change that is meant, read testdata/failed and copy from
// there.
func TestLayouts(t *testing.T) {
	zone := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = zone })
	for _, place := range Places() {
		t.Run(string(place), func(t *testing.T) {
			r := newRig(t, kit.AlwaysLight, fyne.NewSize(1080, 700), Options{Language: "en"})
			r.window.Open(place)
			r.window.Render(latin())
			test.AssertRendersToMarkup(t, string(place)+".xml", r.win.Canvas())
		})
	}
	t.Run("firstrun", func(t *testing.T) {
		r := newRig(t, kit.AlwaysLight, fyne.NewSize(1080, 700), Options{Language: "en", FirstRun: true})
		r.window.Render(keyless(latin()))
		test.AssertRendersToMarkup(t, "firstrun.xml", r.win.Canvas())
	})
}
