package words_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/assets"
	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

func texts(t *testing.T, tag string) map[string]string {
	t.Helper()
	data, err := assets.Translation(tag)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]string
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatalf("%s: %v", tag, err)
	}
	return all
}

// sources parses the packages whose texts are in the translations, without their tests.
func sources(t *testing.T) (*token.FileSet, []*ast.File) {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 30 {
		t.Fatalf("read only %d files", len(files))
	}
	return set, files
}

// literal is the text of a string literal, and whether it is one.
func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// uses finds the keys that the program asks for, and the beginnings of keys whose rest is only known when it runs.
func uses(t *testing.T) (keys, beginnings map[string]token.Position) {
	t.Helper()
	set, files := sources(t)
	keys, beginnings = map[string]token.Position{}, map[string]token.Position{}
	for _, file := range files {
		if file.Name.Name == "words" && !strings.HasSuffix(set.Position(file.Pos()).Filename, "words.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || method.Sel.Name != "Say" && method.Sel.Name != "Count" {
				return true
			}
			at := set.Position(call.Pos())
			first := call.Args[0]
			suffix := ""
			if method.Sel.Name == "Count" {
				suffix = ".other"
			}
			if key, ok := literal(first); ok {
				keys[key+suffix] = at
				return true
			}
			for { // the leftmost part of a sum
				sum, ok := first.(*ast.BinaryExpr)
				if !ok {
					break
				}
				first = sum.X
			}
			if beginning, ok := literal(first); ok {
				beginnings[beginning] = at
			} else if file.Name.Name != "words" {
				t.Errorf("%v: the key of %s cannot be told by reading; begin it with a literal", at, method.Sel.Name)
			}
			return true
		})
	}
	return keys, beginnings
}

func TestNoKeyIsMissing(t *testing.T) {
	en := texts(t, words.English)
	keys, beginnings := uses(t)
	if len(keys) < 100 {
		t.Fatalf("found only %d keys in the program", len(keys))
	}
	for key, at := range keys {
		if _, ok := en[key]; !ok {
			t.Errorf("%v: there is no text of %q", at, key)
		}
	}
	for beginning, at := range beginnings {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(en)), func(key string) bool { return strings.HasPrefix(key, beginning) }) {
			t.Errorf("%v: there is no text whose key begins with %q", at, beginning)
		}
	}
}

func TestNoKeyIsUnused(t *testing.T) {
	keys, beginnings := uses(t)
	for key := range texts(t, words.English) {
		base := strings.TrimSuffix(key, ".one")
		_, used := keys[key]
		if base != key {
			_, used = keys[base+".other"]
		}
		for beginning := range beginnings {
			used = used || strings.HasPrefix(key, beginning)
		}
		if !used {
			t.Errorf("nothing asks for %q", key)
		}
	}
}

var names = regexp.MustCompile(`\{[a-z]+\}`)

func TestBothLanguagesHaveTheSameKeysAndNames(t *testing.T) {
	en, zh := texts(t, words.English), texts(t, words.Chinese)
	for key, text := range en {
		other, ok := zh[key]
		if strings.HasSuffix(key, ".one") {
			if ok {
				t.Errorf("%s: Chinese has no plural, so it needs no .one", key)
			}
			if _, ok := en[strings.TrimSuffix(key, ".one")+".other"]; !ok {
				t.Errorf("%s has no .other", key)
			}
			continue
		}
		if !ok {
			t.Errorf("%s is not there in Chinese", key)
			continue
		}
		sorted := func(s string) []string {
			found := names.FindAllString(s, -1)
			slices.Sort(found)
			return found
		}
		if strings.HasPrefix(key, "doctor.good.") && !names.MatchString(other) {
			continue // the detail is English, and where all is well Chinese can do without
		}
		if a, b := sorted(text), sorted(other); !slices.Equal(a, b) {
			t.Errorf("%s has the names %v in English and %v in Chinese", key, a, b)
		}
	}
	for key := range zh {
		if _, ok := en[key]; !ok {
			t.Errorf("%s is there in Chinese only", key)
		}
	}
}

func TestTextsAreWritten(t *testing.T) {
	han := regexp.MustCompile(`\p{Han}`)
	for key, text := range texts(t, words.English) {
		switch {
		case strings.TrimSpace(text) == "":
			t.Errorf("%s is empty", key)
		case strings.Contains(text, "!"):
			t.Errorf("%s has an exclamation mark: %q", key, text)
		case han.MatchString(text) && key != "setting.language.zh":
			t.Errorf("%s is English and has Chinese in it: %q", key, text)
		}
	}
	for key, text := range texts(t, words.Chinese) {
		if strings.TrimSpace(text) == "" || strings.Contains(text, "！") {
			t.Errorf("%s: %q", key, text)
		}
	}
}

func isIcon(name string) (ok bool) {
	defer func() { ok = recover() == nil }()
	return assets.Icon(name) != nil
}

var (
	sentence = regexp.MustCompile(`\p{L}{2,} \p{L}{2,}|\p{Han}`)
	shown    = regexp.MustCompile(`^(New(Text|Para|Button|LeadButton|Pill|Field|Search|Secret|CodeEntry|MenuItem)|Set|Show|SetFault|SetPlaceHolder|SetTitle|Ask)$`)
	letters  = regexp.MustCompile(`\p{L}`)
)

// TestNoSentenceIsHardCoded: every text somebody reads is in the translations. Names of products are the same in every language,
// and what a panic or a log says is for who mends the program.
func TestNoSentenceIsHardCoded(t *testing.T) {
	set, files := sources(t)
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.CallExpr:
				if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "panic" {
					return false
				}
				if method, ok := n.Fun.(*ast.SelectorExpr); ok {
					if method.Sel.Name == "wordSet" || method.Sel.Name == "MustCompile" || method.Sel.Name == "NewReplacer" {
						return false
					}
					for at, arg := range n.Args {
						text, ok := literal(arg)
						if at > 1 || !ok || !shown.MatchString(method.Sel.Name) || !letters.MatchString(text) || isIcon(text) {
							continue
						}
						t.Errorf("%v: %s is handed %q, which is in no translation", set.Position(n.Pos()), method.Sel.Name, text)
					}
				}
				if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "wordSet" {
					return false
				}
			case *ast.ValueSpec:
				if len(n.Names) == 1 && n.Names[0].Name == "clientNames" {
					return false
				}
			case *ast.BasicLit:
				if text, ok := literal(n); ok && sentence.MatchString(text) {
					t.Errorf("%v: %q is in no translation", set.Position(n.Pos()), text)
				}
			}
			return true
		})
	}
}
