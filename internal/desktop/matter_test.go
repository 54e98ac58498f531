package desktop

import (
	"regexp"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// TestWhatIsTheMatterHasTheSameName here and there, as it is handed on as it is.
func TestWhatIsTheMatterHasTheSameName(t *testing.T) {
	for there, here := range map[editors.Why]ui.EditorWhy{
		editors.WhyProgram: ui.WhyProgram, editors.WhyProgramGone: ui.WhyProgramGone, editors.WhySocket: ui.WhySocket, editors.WhyAddress: ui.WhyAddress,
		editors.WhyRevoked: ui.WhyRevoked, editors.WhyPlace: ui.WhyPlace, editors.WhyMembers: ui.WhyMembers, editors.WhyDiffers: ui.WhyDiffers, editors.WhyTwice: ui.WhyTwice,
	} {
		if string(there) != string(here) {
			t.Errorf("package editors says %q, the window %q", there, here)
		}
	}
}

// TestTheWindowHasItsOwnWordsForWhatIsTheMatter with every kind of entry that the real editors package finds something to say of.
func TestTheWindowHasItsOwnWordsForWhatIsTheMatter(t *testing.T) {
	d := onComputer(t, ".cursor", ".config/Code/User")
	const cursor, code = ".cursor/mcp.json", ".config/Code/User/mcp.json"
	connected := func(id, file string, form ui.EditorForm) string {
		t.Helper()
		if _, err := d.ChangeEditor(t.Context(), ui.EditorChange{ID: id, On: true, Form: form, Force: true}); err != nil {
			t.Fatal(err)
		}
		return d.read(t, file)
	}
	address, socket := connected("cursor", cursor, ui.FormURL), connected("vscode", code, ui.FormSocket)
	const program = `{"mcpServers": {"agentrun": {"command": "/opt/old/agentrun-mcp", "args": []}}}`
	host := regexp.MustCompile(`http://127\.0\.0\.1:\d+/mcp`)
	for name, tc := range map[string]struct {
		id, file, text string
		why            ui.EditorWhy
		what           string
	}{
		"a program that is gone":  {"cursor", cursor, program, ui.WhyProgramGone, "/opt/old/agentrun-mcp"},
		"a program on the path":   {"cursor", cursor, strings.Replace(program, "/opt/old/", "", 1), ui.WhyProgram, "agentrun-mcp"},
		"another address":         {"cursor", cursor, host.ReplaceAllString(address, "http://127.0.0.1:9/mcp"), ui.WhyAddress, "http://127.0.0.1:9/mcp"},
		"a token of before":       {"cursor", cursor, regexp.MustCompile(`Bearer [^"]*`).ReplaceAllString(address, "Bearer not-a-real-token"), ui.WhyRevoked, ""},
		"another socket":          {"vscode", code, regexp.MustCompile(`unix://[^#"]*`).ReplaceAllString(socket, "unix:///run/other.sock"), ui.WhySocket, ""},
		"members of ours changed": {"cursor", cursor, strings.Replace(program, `[]`, `["x"]`, 1), ui.WhyMembers, "args, command"},
		"another name":            {"cursor", cursor, strings.Replace(program, `"agentrun": {`, `"sandbox": {`, 1), ui.WhyTwice, `"sandbox"`},
	} {
		d.write(t, tc.file, tc.text)
		if row := d.row(t, tc.id); row.Why != tc.why || row.What != tc.what {
			t.Errorf("%s: of %q the window knows %q %q, want %q %q", name, row.Detail, row.Why, row.What, tc.why, tc.what)
		}
	}
	d.write(t, cursor, "{")
	if row := d.row(t, "cursor"); row.State != ui.EditorUnread || row.Why != "" || row.Detail == "" {
		t.Errorf("a file that cannot be read is %+v, want the words of who reads it", row)
	}
}
