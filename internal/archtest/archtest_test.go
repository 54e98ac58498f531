package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/agentrun-tray/agentrun-tray/"

// imports maps each package of the tree to what its files import, without those of its tests.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	const root = "../.."
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && file != root || d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "node_modules") {
			if file == "../.." {
				return nil
			}
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(rel), "internal/")
		if _, ok := found[pkg]; !ok {
			found[pkg] = nil
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[pkg] = append(found[pkg], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// ours returns the short name of a package of this module, or "".
func ours(name string) string {
	if rest, ok := strings.CutPrefix(name, module); ok {
		return strings.TrimPrefix(rest, "internal/")
	}
	return ""
}

func isHelper(pkg string) bool {
	return slices.ContainsFunc(helpers, func(h string) bool { return pkg == h || strings.HasPrefix(pkg, h+"/") })
}

func TestImportsGoDownAFloor(t *testing.T) {
	tree := imports(t)
	if len(tree) < 10 {
		t.Fatalf("read only %d packages: %v", len(tree), slices.Collect(maps.Keys(tree)))
	}
	for pkg, names := range tree {
		if isHelper(pkg) {
			continue
		}
		floor, ok := floors[pkg]
		if !ok {
			t.Errorf("package %s is not in the table of floors: add it where it belongs", pkg)
			continue
		}
		for _, name := range names {
			dep := ours(name)
			switch below, known := floors[dep]; {
			case dep == "", strings.HasPrefix(dep, pkg+"/"):
			case isHelper(dep):
				t.Errorf("%s imports %s, which is for tests and builds", pkg, dep)
			case !known:
				t.Errorf("%s imports %s, which is not in the table of floors", pkg, dep)
			case below >= floor:
				t.Errorf("%s (floor %d) imports %s (floor %d): imports go down", pkg, floor, dep, below)
			}
		}
	}
}

func TestMechanismsKnowNothingOfTheProduct(t *testing.T) {
	tree := imports(t)
	for _, pkg := range lone {
		for _, name := range tree[pkg] {
			if dep := ours(name); dep != "" && !strings.HasPrefix(dep, pkg+"/") {
				t.Errorf("%s imports %s; it must stay a library that knows nothing of ours", pkg, dep)
			}
		}
	}
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for pkg, names := range imports(t) {
		if isHelper(pkg) {
			continue
		}
		for _, name := range names {
			for library, users := range outside {
				if strings.HasPrefix(name, library) && !slices.ContainsFunc(users, func(u string) bool { return pkg == u || strings.HasPrefix(pkg, u+"/") }) {
					t.Errorf("%s imports %s, which only %v may", pkg, name, users)
				}
			}
			if dep := ours(name); dep == "" && strings.Contains(strings.Split(name, "/")[0], ".") && floors[pkg] == 0 {
				t.Errorf("%s imports %s; floor 0 has the standard library only", pkg, name)
			}
		}
	}
}

func TestTheTableNamesNothingThatIsGone(t *testing.T) {
	tree := imports(t)
	for pkg := range floors {
		if _, ok := tree[pkg]; !ok {
			t.Errorf("the table of floors names %s, which does not exist", pkg)
		}
	}
}
