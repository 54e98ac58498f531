package desktop

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/figures"
	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func busy() app.Desk {
	return app.Desk{
		Snapshot: status.Snapshot{Version: "1", Phase: status.Ready, Contexts: []status.Context{{ID: "c1"}}},
		Figures:  &figures.Figures{RunsToday: 7},
		Notebook: &notebook.Notebook{ContextID: "c1", Cells: []*notebook.Cell{{RunID: "r1", Code: "1", State: notebook.CellDone}}},
		Calls:    []activity.Call{{ID: "a", Tool: "run_code"}, {ID: "b", Tool: "list_contexts", Context: "sales"}},
		Settings: &app.Settings{Values: config.Default().Values(), Restart: []string{"http.port"}, File: "/f", LogFolder: "/l"},
		Account:  app.Account{AccessKeyID: "LTAI…0001", Source: secrets.FromKeychain, Keychain: secrets.Available},
	}
}

func TestWhatIsTheSameStaysTheSame(t *testing.T) {
	var tr translator
	d := busy()
	first, second := tr.view(d, false, noon), tr.view(d, false, noon.Add(time.Second))
	if first.Notebook != d.Notebook || second.Notebook != d.Notebook || first.Settings != second.Settings || first.Figures != second.Figures {
		t.Errorf("an equal desk gives another notebook, settings or figures")
	}
	if first.Figures.RunsToday != 7 || first.Account.AccessKeyID != "LTAI…0001" || first.Settings.File != "/f" || !slices.Equal(first.Settings.Restart, []string{"http.port"}) || first.Settings.Language == "" || first.Phase != status.Ready {
		t.Errorf("the view is %+v", first)
	}
	if n := testing.AllocsPerRun(100, func() { tr.view(d, false, noon) }); n > 0 {
		t.Errorf("an equal desk costs %v allocations, want none", n)
	}

	d.Contexts = slices.Clone(d.Contexts)
	if again := tr.view(d, false, noon); &again.Contexts[0] != &first.Contexts[0] {
		t.Error("equal contexts are another slice, which the window would have to compare")
	}
	d.Contexts[0].Runs++
	if again := tr.view(d, false, noon); again.Contexts[0].Runs != 1 || first.Contexts[0].Runs != 0 {
		t.Errorf("a context ran once, and the view has %d runs; the one before %d", again.Contexts[0].Runs, first.Contexts[0].Runs)
	}

	if again := tr.view(d, true, noon); !again.Settings.Autostart || first.Settings.Autostart {
		t.Errorf("the settings are %+v", again.Settings)
	}
}

// TestCallsGrow, and begin anew when the host forgets old ones.
func TestCallsGrow(t *testing.T) {
	t.Parallel()
	var tr translator
	calls := []activity.Call{}
	var shown []ui.Call
	for n := range 5 {
		calls = append(calls, activity.Call{ID: fmt.Sprint(n), Tool: "run_code", Outcome: activity.OK, Detail: "d"})
		before := shown
		shown = tr.view(app.Desk{Settings: busy().Settings, Calls: calls}, false, noon).Calls
		if len(shown) != n+1 || shown[n].ID != calls[n].ID || len(before) > 0 && before[0] != shown[0] {
			t.Fatalf("after %d calls the view has %+v", n+1, shown)
		}
	}
	if shown = tr.view(app.Desk{Settings: busy().Settings, Calls: calls[3:]}, false, noon).Calls; len(shown) != 2 || shown[0].ID != "3" {
		t.Errorf("after old calls were forgotten the view has %+v", shown)
	}
	if shown = tr.view(app.Desk{Settings: busy().Settings}, false, noon).Calls; len(shown) != 0 {
		t.Errorf("without calls the view has %+v", shown)
	}
}

func TestADifferenceIsItsLines(t *testing.T) {
	t.Parallel()
	const diff = "--- /a\n+++ /a\n@@ -1,2 +1,3 @@\n {\n--- x\n+  ++y\n }\n"
	if got, want := linesOf(diff), " {\n--- x\n+  ++y\n }"; got != want {
		t.Errorf("linesOf(%q) = %q, want %q", diff, got, want)
	}
}
