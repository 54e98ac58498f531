package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLinesGoToBothPlaces(t *testing.T) {
	dir := t.TempDir()
	var stderr bytes.Buffer
	log, closer, err := New(&stderr, dir, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("hidden")
	log.Info("session ready", "sandbox_id", "s1")
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	if got := stderr.String(); !strings.Contains(got, `msg="session ready" sandbox_id=s1`) || strings.Contains(got, "hidden") {
		t.Errorf("stderr = %q", got)
	}
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(text, &line); err != nil || line["msg"] != "session ready" || line["sandbox_id"] != "s1" {
		t.Errorf("file holds %q (%v)", text, err)
	}
}

func TestAFullFileBecomesTheOldOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), fileName)
	f, err := openFile(path, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, line := range []string{strings.Repeat("a", 60) + "\n", strings.Repeat("b", 60) + "\n", strings.Repeat("c", 20) + "\n"} {
		if _, err := f.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(path + ".1")
	if err != nil || !strings.HasPrefix(string(old), "aaa") {
		t.Errorf("old file = %q, %v", old, err)
	}
	now, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(now), "bbb") || !strings.Contains(string(now), "ccc") {
		t.Errorf("new file = %q, %v", now, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode = %v, %v; want private", info.Mode(), err)
	}
}

func TestParseLevelNamesWhatItTakes(t *testing.T) {
	if l, err := ParseLevel("warn"); err != nil || l != slog.LevelWarn {
		t.Errorf("ParseLevel(warn) = %v, %v", l, err)
	}
	if _, err := ParseLevel("loud"); err == nil || !strings.Contains(err.Error(), "debug, info, warn or error") {
		t.Errorf("ParseLevel(loud) = %v", err)
	}
}
