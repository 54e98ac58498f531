package main

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// metadata reads the texts of FyneApp.toml by their names, behind that of their table.
func metadata(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("../../FyneApp.toml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	texts, table := make(map[string]string), ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			table = strings.Trim(line, "[]") + "."
		}
		if name, value, ok := strings.Cut(line, " = "); ok {
			texts[table+name] = strings.Trim(value, `"`)
		}
	}
	return texts
}

// TestMetadataIsThatOfTheProgram: what the packaging reads, and what the program tells the desktop.
func TestMetadataIsThatOfTheProgram(t *testing.T) {
	t.Parallel()
	m := metadata(t)
	if m["Details.ID"] != appID || m["Details.Name"] != appName {
		t.Errorf("FyneApp.toml has the id %q and the name %q, the program %q and %q", m["Details.ID"], m["Details.Name"], appID, appName)
	}
	if _, err := os.Stat("../../" + m["Details.Icon"]); err != nil {
		t.Errorf("the icon of FyneApp.toml: %v", err)
	}
	for _, name := range []string{"Website", "Details.Version", "Details.Build", "LinuxAndBSD.Categories", "LinuxAndBSD.Keywords", "LinuxAndBSD.Comment", "Migrations.fyneDo"} {
		if m[name] == "" {
			t.Errorf("FyneApp.toml has no %s", name)
		}
	}
	if keywords := m["LinuxAndBSD.Keywords"]; !strings.Contains(keywords, "Python") || !strings.Contains(keywords, "代码") {
		t.Errorf("the keywords are %s, want some in English and some in Chinese", keywords)
	}
}
