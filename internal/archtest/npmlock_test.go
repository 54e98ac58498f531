package archtest

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exact is one version, perhaps of a package that goes by another name here.
var exact = regexp.MustCompile(`^(npm:@?[a-z0-9./-]+@)?\d+\.\d+\.\d+(-[a-z0-9.-]+)?$`)

// TestWhatComesFromNpmIsLocked: versions are exact, packages are known by their hashes, and no registry is named, so that what others
// release changes nothing here and any registry will do.
func TestWhatComesFromNpmIsLocked(t *testing.T) {
	folders := withPackages(t)
	if len(folders) < 3 {
		t.Fatalf("found only %v", folders)
	}
	for _, folder := range folders {
		var manifest struct {
			Dependencies         map[string]string `json:"dependencies"`
			OptionalDependencies map[string]string `json:"optionalDependencies"`
			DevDependencies      map[string]string `json:"devDependencies"`
		}
		readJSON(t, filepath.Join(folder, "package.json"), &manifest)
		wanted := 0
		for _, all := range []map[string]string{manifest.Dependencies, manifest.OptionalDependencies, manifest.DevDependencies} {
			wanted += len(all)
			for name, version := range all {
				if !exact.MatchString(version) {
					t.Errorf("%s: %s is %q, want one exact version", folder, name, version)
				}
			}
		}
		var lock struct {
			Packages map[string]struct {
				Version   string `json:"version"`
				Integrity string `json:"integrity"`
				Resolved  string `json:"resolved"`
			} `json:"packages"`
		}
		readJSON(t, filepath.Join(folder, "package-lock.json"), &lock)
		if wanted == 0 || len(lock.Packages) <= wanted { // one is the manifest itself
			t.Errorf("%s: %d packages are wanted, and the lock names %d", folder, wanted, len(lock.Packages)-1)
		}
		for name, p := range lock.Packages {
			if name != "" && (p.Version == "" || !strings.HasPrefix(p.Integrity, "sha512-") || p.Resolved != "") {
				t.Errorf("%s: %s is %+v, want a version and a hash, and no host", folder, name, p)
			}
		}
	}
}

// withPackages are the folders of the tree that have packages of npm.
func withPackages(t *testing.T) []string {
	t.Helper()
	const root = "../.."
	var found []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"bin", "dist", "node_modules"}, d.Name())):
			return filepath.SkipDir
		case d.Name() == "package.json":
			found = append(found, filepath.Dir(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
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
