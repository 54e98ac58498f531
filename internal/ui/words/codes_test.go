package words_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

// goFiles parses the files of a package of ours, without its tests.
func goFiles(t *testing.T, name string) []*ast.File {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	err := filepath.WalkDir(filepath.Join("..", "..", filepath.FromSlash(name)), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// constants are the texts of the constants of a type, such as the codes of a package.
func constants(t *testing.T, name, of string) []string {
	t.Helper()
	var all []string
	for _, file := range goFiles(t, name) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != of {
				return true
			}
			for _, value := range spec.Values {
				if text, ok := literal(value); ok {
					all = append(all, text)
				}
			}
			return true
		})
	}
	if len(all) < 3 {
		t.Fatalf("%s has only the constants %q of type %s", name, all, of)
	}
	return all
}

// checks are the names of what the doctor looks at.
func checks(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, file := range goFiles(t, "editors/doctor") {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if len(n.Names) != 1 || n.Names[0].Name != "checks" && n.Names[0].Name != "steps" || len(n.Values) != 1 {
					return true
				}
				table, ok := n.Values[0].(*ast.CompositeLit)
				if !ok {
					return true
				}
				for _, row := range table.Elts {
					if row, ok := row.(*ast.CompositeLit); ok && len(row.Elts) > 0 {
						if id, ok := literal(row.Elts[0]); ok {
							all = append(all, id)
						}
					}
				}
			case *ast.CallExpr: // add(id, title, finding)
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "add" && len(n.Args) == 3 {
					if id, ok := literal(n.Args[0]); ok {
						all = append(all, id)
					}
				}
			}
			return true
		})
	}
	if len(all) < 10 {
		t.Fatalf("the doctor looks only at %q", all)
	}
	return all
}

// TestEveryCodeHasWords: what the host says in English, the window says in the language of its user. A code that is added to one of these
// lists needs its sentences.
func TestEveryCodeHasWords(t *testing.T) {
	en, zh := texts(t, words.English), texts(t, words.Chinese)
	known := map[string]bool{}
	for _, name := range status.ArgNames() {
		known["{"+name+"}"] = true
	}
	needs := func(prefix string, codes []string, but ...string) {
		t.Helper()
		for _, code := range codes {
			if slices.Contains(but, code) {
				continue
			}
			for language, all := range map[string]map[string]string{words.English: en, words.Chinese: zh} {
				text, ok := all[prefix+code]
				if !ok {
					t.Errorf("%s has no text of %q", language, prefix+code)
				}
				for _, name := range names.FindAllString(text, -1) {
					if !known[name] && !strings.HasPrefix(prefix, "outcome") {
						t.Errorf("%s: %q names %s, which no reason has", language, prefix+code, name)
					}
				}
			}
		}
	}
	needs("problem.", constants(t, "status", "ProblemCode"))
	needs("todo.", constants(t, "status", "ProblemCode"))
	needs("loading.", constants(t, "status", "Stage"))
	needs("phase.", constants(t, "status", "Phase"))
	needs("reason.", constants(t, "reason", "Code"))
	needs("reason.cloud-", constants(t, "agentrun", "Kind"), "canceled")
	needs("reason.keychain-", constants(t, "secrets", "State"), "available")
	needs("reason.tool-", constants(t, "sandbox", "Code"))
	for _, kind := range []string{"step", "todo", "what"} {
		needs("doctor."+kind+".", checks(t))
	}
	needs("doctor.good.", checks(t), "environment") // of which only what is wrong is told
	needs("outcome.", append(constants(t, "sandbox", "Code"), "ok", "running"))
}

// TestProblemsHaveKnownCodes: a problem whose code is written where it is made would be missed by the test above.
func TestProblemsHaveKnownCodes(t *testing.T) {
	seen := 0
	for _, name := range []string{"app", "desktop", "../cmd"} {
		for _, file := range goFiles(t, name) {
			ast.Inspect(file, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok {
					return true
				}
				if kind, ok := lit.Type.(*ast.SelectorExpr); !ok || kind.Sel.Name != "Problem" {
					return true
				}
				seen++
				for _, e := range lit.Elts {
					pair, ok := e.(*ast.KeyValueExpr)
					if !ok {
						t.Errorf("a problem in %s is written without the names of its fields", name)
						continue
					}
					if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Code" {
						if code, ok := literal(pair.Value); ok {
							t.Errorf("%s makes a problem of the code %q, which is no constant of package status", name, code)
						}
					}
				}
				return true
			})
		}
	}
	if seen < 8 {
		t.Fatalf("found only %d problems", seen)
	}
}
