package manifest_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest/manifest"
)

// tree makes a small folder of the shape of the package guest.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		"dist/python.wasm.zst": string(encoder.EncodeAll([]byte("python"), nil)), "dist/javascript.wasm.zst": string(encoder.EncodeAll([]byte("js"), nil)),
		"dist/stdlib.zip.zst": string(encoder.EncodeAll([]byte("zip"), nil)), "dist/NOTICES.txt": "notices\n",
		"build/a.sh": "a", "build/sources.txt": "# a comment\n" + strings.Repeat("0a", 32) + " x_1.tar.xz source trixie x=1\n",
		"javascript/k.c": "c", "javascript/p.patch": "p", "javascript/include/h.h": "h", "libc/m.c": "m",
		"python/k.c": "c", "python/p.patch": "p", "python/aio.py": "a", "python/stdlib.py": "s", "python/sysconfig.py": "s", "python/boot.py": "not an input",
		"tick/t.go": "t", "tick/t_test.go": "not an input", "tick/cmd/tick/main.go": "m",
	} {
		path = filepath.Join(root, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMeasureDescribesTheTree(t *testing.T) {
	root := tree(t)
	tools := map[string]string{"clang": "clang 1"}
	m, err := manifest.Measure(root, tools)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range m.Inputs {
		paths = append(paths, f.Path)
	}
	want := "build/a.sh build/sources.txt javascript/include/h.h javascript/k.c javascript/p.patch libc/m.c " +
		"python/aio.py python/k.c python/p.patch python/stdlib.py python/sysconfig.py tick/cmd/tick/main.go tick/t.go"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("inputs = %s\nwant     %s", got, want)
	}
	if a := m.Artifacts[2]; a.Raw.Path != "python.wasm" || a.Raw.Size != 6 || a.Packed.Path != "dist/python.wasm.zst" {
		t.Errorf("artifact = %+v, want python.wasm of 6 bytes", a)
	}
	if a := m.Archives; len(a) != 1 || a[0].File != "x_1.tar.xz" || a[0].Package != "x=1" || a[0].Role != "source" {
		t.Errorf("archives = %+v", a)
	}

	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := manifest.Decode(text)
	if err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("Decode(Encode) = %+v, %v; want what went in", back, err)
	}
	if strings.Contains(string(text), root) {
		t.Error("the manifest names the folder it was made in")
	}
}

func TestAChangedInputShows(t *testing.T) {
	root := tree(t)
	before, err := manifest.Measure(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "python", "k.c"), []byte("C"), 0o644); err != nil {
		t.Fatal(err)
	}
	after, err := manifest.Measure(root, nil)
	if err != nil || reflect.DeepEqual(before, after) {
		t.Errorf("Measure = the same manifest, %v; want another one after kernel.c changed", err)
	}
}

func TestWhatCannotBeMeasuredIsAnError(t *testing.T) {
	for _, c := range []struct {
		name, file, content, want string
	}{
		{"an artifact that is missing", "dist/python.wasm.zst", "", "python.wasm.zst"},
		{"an artifact that is not compressed", "dist/stdlib.zip.zst", "plain", "unpack dist/stdlib.zip.zst"},
		{"inputs that are missing", "libc/m.c", "", "list inputs libc"},
		{"a list of archives of another form", "build/sources.txt", "abc x_1.tar.xz\n", "another form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := tree(t)
			path := filepath.Join(root, filepath.FromSlash(c.file))
			err := os.Remove(path)
			if c.content != "" {
				err = os.WriteFile(path, []byte(c.content), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := manifest.Measure(root, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Measure = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestAManifestOfAnotherFormIsRefused(t *testing.T) {
	for _, text := range []string{"", "[]", `{"artefacts":[]}`} {
		if _, err := manifest.Decode([]byte(text)); err == nil {
			t.Errorf("Decode(%q) = no error", text)
		}
	}
}
