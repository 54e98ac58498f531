package config_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
)

// TestTheReadmesHaveEverySetting with its default, and a line on what it means, in both languages.
func TestTheReadmesHaveEverySetting(t *testing.T) {
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "```json\n{\n")
		block, after, found := strings.Cut("{\n"+after, "```")
		var shown config.Config
		if err := json.Unmarshal([]byte(block), &shown); !found || err != nil || !reflect.DeepEqual(shown, config.Default()) {
			t.Errorf("%s has the settings %s (%v), want the defaults", file, block, err)
		}
		told := map[string]bool{}
		for line := range strings.Lines(after) {
			if cells := strings.Split(line, "|"); len(cells) > 2 {
				for _, name := range strings.FieldsFunc(cells[1], func(r rune) bool { return strings.ContainsRune(" `,、", r) }) {
					told[name] = true
				}
			}
		}
		told["agentrun.template_limit_seconds"] = strings.Contains(after, "`template_limit_seconds`")
		for name := range config.Default().Values() {
			if !told[name] {
				t.Errorf("%s does not say what %s means", file, name)
			}
		}
	}
}
