package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheLock: the tool has an exact version, packages are known by their hashes, and no registry is named.
func TestTheLock(t *testing.T) {
	var manifest struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	read(t, "package.json", &manifest)
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	for name, version := range manifest.Dependencies {
		if !exact.MatchString(version) {
			t.Errorf("package.json: %s is %q, want one exact version", name, version)
		}
	}
	var lock struct {
		Packages map[string]struct {
			Version   string `json:"version"`
			Integrity string `json:"integrity"`
			Resolved  string `json:"resolved"`
		} `json:"packages"`
	}
	read(t, "package-lock.json", &lock)
	if len(lock.Packages) <= len(manifest.Dependencies) {
		t.Errorf("the lock names %d packages, and there are %d", len(lock.Packages), len(manifest.Dependencies))
	}
	for folder, p := range lock.Packages {
		if folder != "" && (p.Version == "" || !strings.HasPrefix(p.Integrity, "sha512-") || p.Resolved != "") {
			t.Errorf("package-lock.json: %s is %+v, want a version and a hash, and no host", folder, p)
		}
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
