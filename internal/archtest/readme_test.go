package archtest

import (
	"os"
	"strings"
	"testing"
)

// outline is what a README has in every language: how its sections lie in each other, its commands, its examples, and how many rows its
// tables have. Sentences, and what stands behind a command, are left to who translates.
func outline(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	fenced := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		command, _, _ := strings.Cut(line, "#")
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
			list = append(list, line)
		case strings.HasPrefix(line, "#"):
			marks, _, _ := strings.Cut(line, " ")
			list = append(list, marks)
		case strings.HasPrefix(line, "    ") && strings.TrimSpace(command) != "":
			list = append(list, strings.TrimSpace(command))
		case strings.HasPrefix(line, "|"):
			list = append(list, "a row")
		case strings.HasPrefix(line, "!["):
			list = append(list, "a picture")
		}
	}
	return list
}

// TestTheReadmesHaveTheSameInThem: a section, a command, an example or a row that is in one language only was forgotten in the other.
func TestTheReadmesHaveTheSameInThem(t *testing.T) {
	english, chinese := append(outline(t, "README.md"), "its end"), append(outline(t, "README.zh-CN.md"), "its end")
	for i := range min(len(english), len(chinese)) {
		if english[i] != chinese[i] {
			t.Fatalf("after %q README.md goes on with %q, README.zh-CN.md with %q", english[max(0, i-3):i], english[i], chinese[i])
		}
	}
}
