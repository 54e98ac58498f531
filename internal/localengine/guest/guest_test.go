package guest_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest"
	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest/manifest"
)

func provenance(t *testing.T) manifest.Manifest {
	t.Helper()
	m, err := guest.Provenance()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The one test that says "run make engine": something the artifacts are made from is not what it was when they were built.
func TestTheManifestIsTrueOfTheTree(t *testing.T) {
	written := provenance(t)
	measured, err := manifest.Measure(".", written.Tools)
	if err != nil {
		t.Fatal(err)
	}
	byPath := func(files []manifest.File) map[string]manifest.File {
		m := map[string]manifest.File{}
		for _, f := range files {
			m[f.Path] = f
		}
		return m
	}
	then, now := byPath(written.Inputs), byPath(measured.Inputs)
	for path, f := range now {
		if then[path] != f {
			t.Errorf("%s was changed or added after the engine was built: run make engine", path)
		}
	}
	for path := range then {
		if _, ok := now[path]; !ok {
			t.Errorf("%s, from which the engine was built, is gone: run make engine", path)
		}
	}
	if !reflect.DeepEqual(written.Artifacts, measured.Artifacts) {
		t.Errorf("the files in dist are not those of the manifest:\n%+v\n%+v", measured.Artifacts, written.Artifacts)
	}
	if !reflect.DeepEqual(written.Archives, measured.Archives) {
		t.Error("build/sources.txt lists other archives than the manifest: run make engine")
	}
	for _, tool := range []string{"clang", "wasm-ld", "zstd"} {
		if written.Tools[tool] == "" {
			t.Errorf("the manifest does not say which %s was used", tool)
		}
	}
}

func TestWhatIsUnpackedIsWhatTheManifestSays(t *testing.T) {
	raw := map[string]manifest.File{}
	for _, a := range provenance(t).Artifacts {
		raw[a.Raw.Path] = a.Raw
	}
	for name, unpack := range map[string]func() ([]byte, error){
		"python.wasm": guest.Python, "javascript.wasm": guest.JavaScript, "stdlib.zip": guest.Library,
	} {
		content, err := unpack()
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if got := hex.EncodeToString(sum[:]); got != raw[name].SHA256 || int64(len(content)) != raw[name].Size {
			t.Errorf("%s: %d bytes, SHA-256 %s, want %+v", name, len(content), got, raw[name])
		}
	}
}

// A kernel can reach nothing but what is listed here.
func TestTheKernelsAskForNothingElse(t *testing.T) {
	rt := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter()) // starts no code, so the slow one will do
	defer func() { _ = rt.Close(t.Context()) }()
	wasi := rt.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(wasi)
	known, err := wasi.Compile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, unpack := range map[string]func() ([]byte, error){"Python": guest.Python, "JavaScript": guest.JavaScript} {
		wasm, err := unpack()
		if err != nil {
			t.Fatal(err)
		}
		m, err := rt.CompileModule(t.Context(), wasm)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range m.ImportedFunctions() {
			module, function, _ := f.Import()
			_, isWASI := known.ExportedFunctions()[function]
			if isOurs := module == "kernel" && slices.Contains([]string{"emit", "tick"}, function); !isOurs && (module != wasi_snapshot_preview1.ModuleName || !isWASI) {
				t.Errorf("%s imports %s.%s", name, module, function)
			}
		}
		if len(m.ImportedMemories()) != 0 {
			t.Errorf("%s imports a memory", name)
		}
		want := map[string][2]int{ // parameters, results
			"_initialize": {0, 0}, "k_alloc": {1, 1}, "k_free": {1, 0}, "k_init": {3, 1}, "k_run": {3, 1}, "k_fork": {0, 1}, "k_intr": {0, 1}, "k_tick": {0, 0},
		}
		for function, f := range m.ExportedFunctions() {
			shape := [2]int{len(f.ParamTypes()), len(f.ResultTypes())}
			if want[function] != shape || slices.ContainsFunc(f.ParamTypes(), func(p api.ValueType) bool { return p != api.ValueTypeI32 }) {
				t.Errorf("%s exports %s with %d parameters and %d results, want %v", name, function, shape[0], shape[1], want[function])
			}
			delete(want, function)
		}
		if len(want) != 0 {
			t.Errorf("%s lacks %v", name, want)
		}
	}
}

func TestTheLibraryHoldsWhatIsPromised(t *testing.T) {
	content, err := guest.Library()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range archive.File {
		names = append(names, f.Name)
		if f.Method != zip.Store {
			t.Errorf("%s is compressed", f.Name)
		}
		if strings.HasSuffix(f.Name, ".py") {
			t.Errorf("%s is not compiled", f.Name)
		}
	}
	if !slices.IsSorted(names) {
		t.Error("the library is not sorted, so its bytes depend on the folder it was read from")
	}
	for _, want := range []string{
		"_aio.pyc", "asyncio/__init__.pyc", "json/decoder.pyc", "encodings/utf_8.pyc", "sqlite3/__init__.pyc", "lzma.pyc", "bz2.pyc",
		"_sysconfigdata__wasi_wasm32-wasi.pyc", "zoneinfo/__init__.pyc", "tzdata/zoneinfo/Europe/Berlin", "tzdata/zoneinfo/Asia/Shanghai", "tzdata/zones",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("the library lacks %s", want)
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, "test/") || strings.HasPrefix(name, "tkinter/") || strings.HasPrefix(name, "ctypes/") {
			t.Errorf("the library holds %s", name)
		}
	}
}

// An absolute path of the machine that built the engine has no place in it, and would make every machine's build another one.
func TestNothingTellsWhereTheEngineWasBuilt(t *testing.T) {
	built := regexp.MustCompile(`(/[\w.+-]+)+/(src/(Python|quickjs|sqlite3|xz|zlib|bzip2)-|tools/usr/|wasm/(include|lib)|internal/localengine)`)
	for name, unpack := range map[string]func() ([]byte, error){
		"python.wasm": guest.Python, "javascript.wasm": guest.JavaScript, "stdlib.zip": guest.Library,
	} {
		content, err := unpack()
		if err != nil {
			t.Fatal(err)
		}
		if found := built.Find(content); found != nil {
			t.Errorf("%s holds the path %q", name, found)
		}
	}
}

func TestEveryPartHasItsNotice(t *testing.T) {
	notices := guest.Notices()
	for _, want := range []string{
		"CPython", "PYTHON SOFTWARE FOUNDATION LICENSE", "QuickJS", "Fabrice Bellard", "zlib", "Jean-loup Gailly", "bzip2", "Julian R Seward",
		"liblzma", "SQLite", "wasi-libc", "compiler-rt", "time zone", "expat", "libmpdec", "HACL",
	} {
		if !strings.Contains(notices, want) {
			t.Errorf("NOTICES.txt does not mention %s", want)
		}
	}
	if strings.Contains(notices, "\x00") || !strings.HasSuffix(notices, "\n") {
		t.Error("NOTICES.txt is not plain text")
	}
}

func TestStartUpCodeIsThere(t *testing.T) {
	if !strings.Contains(guest.BootPython(), "_kernel") {
		t.Error("boot.py does not import _kernel")
	}
	if !strings.Contains(guest.BootJavaScript(), "step") {
		t.Error("boot.js has no step")
	}
}
