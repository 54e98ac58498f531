package suites

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestVersionsAreExact keeps a release of somebody else's from changing what our tests say.
func TestVersionsAreExact(t *testing.T) {
	var manifest struct {
		Dependencies         map[string]string `json:"dependencies"`
		OptionalDependencies map[string]string `json:"optionalDependencies"`
	}
	readJSON(t, "package.json", &manifest)
	exact := regexp.MustCompile(`^(npm:@[a-z/-]+@)?\d+\.\d+\.\d+(-[a-z0-9.]+)?$`)
	for _, all := range []map[string]string{manifest.Dependencies, manifest.OptionalDependencies} {
		if len(all) == 0 {
			t.Error("package.json names no packages")
		}
		for name, version := range all {
			if !exact.MatchString(version) {
				t.Errorf("package.json: %s is %q, want one exact version", name, version)
			}
		}
	}
}

// TestLockNamesNoRegistry keeps the lock usable with every registry: the packages are known by their hashes.
func TestLockNamesNoRegistry(t *testing.T) {
	text, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, `"resolved"`) || strings.Contains(line, "://") && !strings.Contains(line, `"url":`) {
			t.Errorf("package-lock.json:%d names a host: %s", n+1, strings.TrimSpace(line))
		}
	}
	var lock struct {
		Packages map[string]struct {
			Version   string `json:"version"`
			Integrity string `json:"integrity"`
		} `json:"packages"`
	}
	readJSON(t, "package-lock.json", &lock)
	for folder, p := range lock.Packages {
		if folder != "" && (p.Version == "" || p.Integrity == "") {
			t.Errorf("package-lock.json: %s has version %q and integrity %q, want both", folder, p.Version, p.Integrity)
		}
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
