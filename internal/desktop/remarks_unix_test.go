//go:build unix

package desktop

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// TestTheWindowHasItsOwnWordsForWhatWentAnotherWay with everything that the real editors package finds something to say of, before a
// change and after it.
func TestTheWindowHasItsOwnWordsForWhatWentAnotherWay(t *testing.T) {
	relayBeside(t)
	d := onComputer(t, ".cursor", ".claude", ".local/bin", ".config/JetBrains/IdeaIC2026.1")
	in := func(file string) string { return filepath.Join(d.home, file) }
	split := func(file string) ui.Remark { return ui.Remark{Kind: ui.RemarkSplit, What: in(file)} }
	const cursor, claude = ".cursor/mcp.json", ".claude.json"
	for _, file := range []string{cursor, claude} {
		d.write(t, file, "{}\n")
		if err := os.Link(in(file), in(file)+".other"); err != nil {
			t.Fatal(err)
		}
	}
	script := "#!/bin/sh\necho 'no (really)' >&2\nexit 3\n"
	if err := os.WriteFile(in(".local/bin/claude"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		change      ui.EditorChange
		preview, is []ui.Remark
	}{
		{ui.EditorChange{ID: "cursor", On: true}, []ui.Remark{split(cursor)}, []ui.Remark{split(cursor)}},
		{ui.EditorChange{ID: "cursor"}, nil, nil}, // by then it has one name
		{
			ui.EditorChange{ID: "claude-code", On: true},
			[]ui.Remark{split(claude)},
			[]ui.Remark{{Kind: ui.RemarkByFile, What: "claude mcp add-json: exit status 3: no (really)"}, split(claude)},
		},
		{ui.EditorChange{ID: "jetbrains-ai"}, []ui.Remark{{Kind: ui.RemarkByHand}}, []ui.Remark{{Kind: ui.RemarkByHand}}},
	} {
		preview, err := d.PreviewEditor(t.Context(), tc.change)
		if got := unsaid(t, preview.Remarks); err != nil || !reflect.DeepEqual(got, tc.preview) {
			t.Errorf("PreviewEditor(%+v) remarks %+v, %v, want %+v", tc.change, got, err, tc.preview)
		}
		remarks, err := d.ChangeEditor(t.Context(), tc.change)
		if got := unsaid(t, remarks); err != nil || !reflect.DeepEqual(got, tc.is) {
			t.Errorf("ChangeEditor(%+v) remarks %+v, %v, want %+v", tc.change, got, err, tc.is)
		}
	}
}

// unsaid takes the host's words out of remarks.
func unsaid(t *testing.T, all []ui.Remark) []ui.Remark {
	t.Helper()
	var left []ui.Remark
	for _, m := range all {
		if !strings.HasSuffix(m.Said, ".") {
			t.Errorf("the host says %q, want a sentence", m.Said)
		}
		m.Said = ""
		left = append(left, m)
	}
	return left
}
