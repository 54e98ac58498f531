package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// welcomed starts a host that welcomes its user, and returns what it says.
func welcomed(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	said, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"serve", "--welcome", "--quiet", "--listen", "127.0.0.1:0"}, strings.NewReader(""), stdout, io.Discard)
		_ = stdout.Close()
		ended <- err
	}()
	var text strings.Builder
	for lines := bufio.NewScanner(said); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ctrl+C") {
			stop()
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("serve = %v", err)
	}
	return text.String()
}

// TestTheWelcomeNamesWhatConnectsTheEditorsThatWereFound, and says what to do where there is none.
func TestTheWelcomeNamesWhatConnectsTheEditorsThatWereFound(t *testing.T) {
	home := editorsHome(t)
	if _, _, err := cli(t, "connect", "vscode", "--http"); err != nil {
		t.Fatal(err)
	}
	said := welcomed(t)
	if !strings.Contains(said, "Connected: VS Code.\n") || !strings.Contains(said, "not connected yet: Cursor. To connect:\n  "+ownName()+" connect cursor\n") || !strings.Contains(said, "By URL: http://127.0.0.1:") {
		t.Errorf("with an editor that is connected and one that is not, it says:\n%s", said)
	}
	for _, folder := range []string{".cursor", ".config"} {
		if err := os.RemoveAll(filepath.Join(home, folder)); err != nil {
			t.Fatal(err)
		}
	}
	said = welcomed(t)
	if !strings.Contains(said, "No editor that AgentRun Tray knows was found") || !strings.Contains(said, filepath.Join(filepath.Dir(ownName()), "agentrun-mcp")) {
		t.Errorf("without an editor it says:\n%s", said)
	}
}

// TestTheNextStepWithEditorsThatAreAmiss: they are there, and nothing that is said may sound as if they were not.
func TestTheNextStepWithEditorsThatAreAmiss(t *testing.T) {
	broken := editors.Status{ID: "cursor", Name: "Cursor", State: editors.Unreadable, Detail: "line 3"}
	edited := editors.Status{ID: "zed", Name: "Zed", State: editors.HandEdited, Detail: "it differs in args"}
	off := editors.Status{ID: "kiro", Name: "Kiro", State: editors.HandEdited, Off: true}
	said := nextStep([]editors.Status{broken, edited, off}, "ctl")
	if want := "To be looked at first: Cursor (unreadable: line 3), Zed (changed by hand: it differs in args). ctl doctor NAME says more.\n"; said != want {
		t.Errorf("with editors that are amiss, the next step is\n%swant\n%s", said, want)
	}
	if said := nextStep([]editors.Status{off}, "ctl"); strings.Contains(said, "found") {
		t.Errorf("with an editor that is switched off, the next step is\n%s", said)
	}
}

// TestAHostThatIsStoppedBeforeItIsReadyDoesNotGreet: whoever stops it has no use for an address.
func TestAHostThatIsStoppedBeforeItIsReadyDoesNotGreet(t *testing.T) {
	for phase, want := range map[status.Phase]bool{status.Ready: true, status.Stopping: false} {
		desks := &status.Latest[app.Desk]{}
		desks.Publish(app.Desk{Snapshot: status.Snapshot{Phase: phase, Addresses: status.Addresses{Socket: "/run/host.sock"}}})
		var said bytes.Buffer
		greet(t.Context(), desks, func() bool { return false }, &said)
		if got := strings.Contains(said.String(), "is ready"); got != want {
			t.Errorf("a host that is %s says %q", phase, said.String())
		}
	}
}
