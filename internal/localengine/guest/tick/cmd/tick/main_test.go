package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallest is a module with a memory and an empty function k_tick.
const smallest = "\x00asm\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" + "\x05\x03\x01\x00\x01" +
	"\x07\x0a\x01\x06k_tick\x00\x00" + "\x0a\x04\x01\x02\x00\x0b"

func TestRunRewritesAFile(t *testing.T) {
	in, out := filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(in, []byte(smallest), 0o600); err != nil {
		t.Fatal(err)
	}
	var report strings.Builder
	if err := run([]string{"-every", "7", in, out}, &report); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(report.String(), "0 loops with a countdown") {
		t.Errorf("report = %q, want it to count the loops", report.String())
	}
	if module, err := os.ReadFile(out); err != nil || !strings.HasPrefix(string(module), "\x00asm") {
		t.Errorf("the output is no module: %q, %v", module, err)
	}
}

func TestRunRefuses(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(in, []byte("no module"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"no files", "want an input and an output file", nil},
		{"a file that is not there", "read module", []string{in + "?", in}},
		{"what is no module", "not a WebAssembly module", []string{in, in}},
		{"too rare", "too rare", []string{"-every", "3000000000", in, in}},
		{"an unknown flag", "not defined", []string{"-often", in, in}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var report strings.Builder
			if err := run(c.args, &report); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("run(%q) = %v, want an error with %q", c.args, err, c.want)
			}
		})
	}
}
