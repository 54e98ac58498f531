package editors_test

import (
	"os"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

// TestTheReadmesNameEveryEditor in their tables, in both languages.
func TestTheReadmesNameEveryEditor(t *testing.T) {
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		named := map[editors.ID]bool{}
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(line, "|")
			if len(cells) < 6 {
				continue
			}
			for _, name := range strings.FieldsFunc(cells[2], func(r rune) bool { return strings.ContainsRune(" `,、", r) }) {
				named[editors.ID(name)] = true
			}
		}
		for _, id := range editors.IDs() {
			if !named[id] {
				t.Errorf("the table of editors in %s has no row for %s", file, id)
			}
		}
	}
}
