package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
)

func TestSetChangesOneSettingAndNothingElse(t *testing.T) {
	for _, tc := range []struct {
		name, before, field string
		value               any
		after               string
	}{
		{"no file", "", "backend", "local", "{\n  \"backend\": \"local\"\n}\n"},
		{"a file that nobody has laid out", `{"backend":"auto","pool":{"warm":2}}`, "theme", "dark", "{\n  \"backend\": \"auto\",\n  \"pool\": {\n    \"warm\": 2\n  },\n  \"theme\": \"dark\"\n}\n"},
		{"a file that was laid out here", "{\n  \"backend\": \"auto\"\n}\n", "http.port", 8000, "{\n  \"backend\": \"auto\",\n  \"http\": {\n    \"port\": 8000\n  }\n}\n"},
		{"a value that is there", "{\n    \"backend\": \"auto\",\n  \"pool\": {\"warm\": 2}}\n", "backend", "mock", "{\n    \"backend\": \"mock\",\n  \"pool\": {\"warm\": 2}}\n"},
		{"a nested value", `{"pool": {"warm": 2, "ceiling":  9}, "mine": 1}`, "pool.warm", 4, `{"pool": {"warm": 4, "ceiling":  9}, "mine": 1}`},
		{"an object that is not there", `{"backend": "auto"}`, "pool.warm", 4, `{"backend": "auto","pool":{"warm":4}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, config.FileName)
			if tc.before != "" {
				if err := os.WriteFile(path, []byte(tc.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := config.Set(dir, tc.field, tc.value); err != nil {
				t.Fatal(err)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != tc.after {
				t.Errorf("the file is %q, %v, want %q", text, err, tc.after)
			}
			if err := config.Set(dir, tc.field, tc.value); err != nil {
				t.Errorf("setting it again: %v", err)
			}
		})
	}
}

func TestSetRefusesWhatWouldNotBeUsed(t *testing.T) {
	for _, tc := range []struct {
		name, before, field string
		value               any
		want                string
	}{
		{"an unknown backend", `{}`, "backend", "moon", "moon is none of auto agentrun local mock"},
		{"a number out of bounds", `{}`, "pool.warm", 500, "500 is not between 0 and 100"},
		{"a word for a number", `{}`, "pool.warm", "many", "does not belong there"},
		{"a setting there is not", `{}`, "bakend", "local", "there is no such setting"},
		{"a file that is not JSON", `{"backend":`, "backend", "local", "not valid JSON"},
		{"a file with comments", "{} // mine", "backend", "local", "not valid JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, config.FileName)
			if err := os.WriteFile(path, []byte(tc.before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := config.Set(dir, tc.field, tc.value); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Set = %v, want an error with %q", err, tc.want)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != tc.before {
				t.Errorf("the file is %q, %v, want it as it was", text, err)
			}
		})
	}
}
