package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
)

func TestNoFileMeansTheDefaults(t *testing.T) {
	c, faults, err := config.Load(t.TempDir())
	if err != nil || faults != nil {
		t.Fatalf("Load = %v, %v", faults, err)
	}
	if c.Backend != "auto" || c.Pool.Warm != 3 || c.Pool.Ceiling != 20 || c.HTTP.Port != 7411 || c.ContextIdle() != 2*time.Hour || c.RunTimeout() != 30*time.Second {
		t.Errorf("defaults are %+v", c)
	}
	if faults := c.Check(); faults != nil {
		t.Errorf("the defaults fail their own checks: %v", faults)
	}
}

func TestABadValueIsReportedAndTheRestIsKept(t *testing.T) {
	for _, tc := range []struct {
		name, text, field, want string
	}{
		{"an unknown backend", `{"backend":"moon","pool":{"warm":5}}`, "backend", "so auto is used"},
		{"more warm than the ceiling", `{"pool":{"warm":9,"ceiling":5}}`, "pool.warm", "so 5 is used"},
		{"a negative timeout", `{"runs":{"timeout_seconds":-1},"pool":{"warm":5}}`, "runs.timeout_seconds", "-1 is not between"},
		{"more patience than editors have", `{"runs":{"answer_within_seconds":90},"pool":{"warm":5}}`, "runs.answer_within_seconds", "90 is not between 1 and 55, so 50 is used"},
		{"a port that is none", `{"http":{"port":70000},"pool":{"warm":5}}`, "http.port", "70000 is not between"},
		{"a relative folder", `{"allowed_folders":["data"],"pool":{"warm":5}}`, "allowed_folders", "not absolute paths and were left out"},
		{"a word for a number", `{"pool":{"warm":"many"}}`, "pool.warm", "so the default is used"},
		{"carrying over by half", `{"carry_over":"half","pool":{"warm":5}}`, "carry_over", "half is none of on off, so on is used"},
		{"a language there is not", `{"language":"fr","pool":{"warm":5}}`, "language", "so auto is used"},
		{"results of few tokens", `{"runs":{"result_tokens":999},"pool":{"warm":5}}`, "runs.result_tokens", "999 is not between 1000 and 250000"},
		{"a misspelt field", `{"bakend":"local","pool":{"warm":5}}`, "bakend", "no such setting"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, config.FileName)
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, faults, err := config.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(faults) != 1 || faults[0].Field != tc.field || !strings.Contains(faults[0].Text, tc.want) {
				t.Errorf("faults = %v, want one of %s with %q", faults, tc.field, tc.want)
			}
			if strings.Contains(tc.text, `"warm":5`) && c.Pool.Warm != 5 {
				t.Errorf("pool.warm = %d: the good values must be kept", c.Pool.Warm)
			}
			if again := c.Check(); again != nil {
				t.Errorf("the settings are still bad after the default was put in: %v", again)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != tc.text {
				t.Errorf("the file was changed to %q (%v)", text, err)
			}
		})
	}
}

func TestAFileThatIsNotJSONIsKeptAside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte("backend = local"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, faults, err := config.Load(dir)
	if err != nil || len(faults) != 1 || !strings.HasPrefix(faults[0].Text, "it is not valid JSON: line ") {
		t.Fatalf("Load = %v, %v", faults, err)
	}
	if c.Backend != "auto" {
		t.Errorf("backend = %q, want the default", c.Backend)
	}
	kept, err := filepath.Glob(filepath.Join(dir, config.FileName+".broken-*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept files: %v, %v", kept, err)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || string(text) != "backend = local" {
		t.Errorf("kept %q, %v", text, err)
	}
}
