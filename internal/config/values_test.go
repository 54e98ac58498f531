package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
)

func TestValuesAreByTheNamesOfFaults(t *testing.T) {
	c := config.Default()
	c.Clients = map[string]config.Client{"CI": {Tools: []string{"run_code"}}}
	v := c.Values()
	for name, want := range map[string]any{
		"backend": "auto", "pool.warm": 3.0, "pool.keep_on_quit": false, "allowed_folders": []any{}, "agentrun.template": "agentrun-tray", "theme": "system",
		"clients": map[string]any{"CI": map[string]any{"tools": []any{"run_code"}}},
	} {
		if !reflect.DeepEqual(v[name], want) {
			t.Errorf("%s is %#v, want %#v", name, v[name], want)
		}
	}
}

// TestSettingsAreAsTheirChecks: a value beyond the bounds that are told is refused, and the bounds themselves are taken.
func TestSettingsAreAsTheirChecks(t *testing.T) {
	dir := t.TempDir()
	seen := 0
	for _, s := range config.Settings() {
		if got := config.Default().Values()[s.Name]; !reflect.DeepEqual(got, s.Default) {
			t.Errorf("%s has the default %v, want %v", s.Name, s.Default, got)
		}
		base := config.Default()
		base.Pool.Ceiling = 100
		base, err := base.With("pool.warm", 0)
		if err != nil {
			t.Fatal(err)
		}
		try := func(v any) error {
			_, err := base.With(s.Name, v)
			return err
		}
		if err := try(s.Default); err != nil {
			t.Errorf("%s refuses its default: %v", s.Name, err)
		}
		for _, o := range s.Options {
			seen++
			if err := try(o); err != nil {
				t.Errorf("%s refuses %q: %v", s.Name, o, err)
			}
		}
		if s.Options != nil && try("moon") == nil {
			t.Errorf("%s takes the moon", s.Name)
		}
		if s.Low == nil {
			if _, number := s.Default.(float64); number {
				t.Errorf("%s is a number without bounds", s.Name)
			}
			continue
		}
		seen++
		for _, v := range []float64{*s.Low, *s.High} {
			if err := try(v); err != nil {
				t.Errorf("%s refuses %v: %v", s.Name, v, err)
			}
		}
		for _, v := range []float64{*s.Low - 1, *s.High + 1} {
			if err := try(v); err == nil || !strings.Contains(err.Error(), "is not between") {
				t.Errorf("%s takes %v (%v), which is beyond its bounds", s.Name, v, err)
			}
		}
		if err := config.Set(dir, s.Name, *s.High+1); err == nil {
			t.Errorf("the file takes %v for %s", *s.High+1, s.Name)
		}
	}
	if seen < 25 {
		t.Errorf("only %d bounds and options were tried", seen)
	}
}

func TestWithChangesACopy(t *testing.T) {
	c := config.Default()
	c.AllowedFolders = []string{"/a", "/b"}
	c.Clients = map[string]config.Client{"one": {ResultTokens: 5000}}
	before, _ := json.Marshal(c)
	for name, value := range map[string]any{
		"allowed_folders": []string{"/c"}, "clients.two.tools": []string{"run_code"}, "clients.one.result_tokens": 6000, "pool.warm": 7, "agentrun.daily_cap": 2.5,
	} {
		with, err := c.With(name, value)
		if err != nil {
			t.Errorf("With(%s) = %v", name, err)
			continue
		}
		if after, _ := json.Marshal(c); string(after) != string(before) {
			t.Fatalf("With(%s) changed the original:\n%s", name, after)
		}
		if reflect.DeepEqual(with, c) {
			t.Errorf("With(%s) changed nothing", name)
		}
	}
	with, err := c.With("clients.two.tools", []string{"run_code"})
	if err != nil || !reflect.DeepEqual(with.Clients["two"].Tools, []string{"run_code"}) || with.Clients["one"].ResultTokens != 5000 {
		t.Errorf("clients are %+v, %v", with.Clients, err)
	}
}

func TestWhatWithRefusesSetRefusesToo(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name  string
		value any
		words string
	}{
		{"pool.warm", "many", "a JSON string does not belong there, a number does"},
		{"pool.warm", 2.5, "does not belong there"},
		{"pool.warm", -1, "is not between 0 and 100"},
		{"pool.warm", 21, "above pool.ceiling"},
		{"allowed_folders", []string{"here"}, "not absolute paths"},
		{"clients", map[string]any{"ci": map[string]any{"tools": 5}}, "not a list of names"},
		{"clients", map[string]any{"ci": map[string]any{"result_tokens": 5}}, "not between"},
		{"pool.warmth", 1, "no such setting"},
		{"moon", 1, "no such setting"},
	} {
		_, withErr := config.Default().With(tc.name, tc.value)
		setErr := config.Set(dir, tc.name, tc.value)
		for by, err := range map[string]error{"With": withErr, "Set": setErr} {
			if err == nil || !strings.Contains(err.Error(), tc.words) || !strings.HasPrefix(err.Error(), "change the setting "+tc.name+": ") {
				t.Errorf("%s(%s, %v) = %v, want %q", by, tc.name, tc.value, err, tc.words)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, config.FileName)); err == nil {
		t.Error("a refused value made a file")
	}
}
