// Package guest carries what runs inside the sandbox: CPython and QuickJS compiled to WebAssembly with our kernels, the Python
// library, and the start-up code of both languages. It owns the embedded files and the manifest that says where they come from;
// internal/localengine, which runs them, is its only caller.
//
// The files in dist are built by `make engine` (see build/build.sh) and kept in the repository, so that building the app needs
// neither a C compiler nor the sources, which distributions drop over time. A test compares every file with the manifest, and
// every input of ours with the tree: a kernel that was changed and not rebuilt fails it.
package guest

import (
	_ "embed"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest/manifest"
)

//go:embed dist/python.wasm.zst
var python []byte

//go:embed dist/javascript.wasm.zst
var javaScript []byte

//go:embed dist/stdlib.zip.zst
var library []byte

//go:embed dist/manifest.json
var manifestText []byte

//go:embed dist/NOTICES.txt
var notices string

//go:embed python/boot.py
var bootPython string

//go:embed javascript/boot.js
var bootJavaScript string

// Python returns the Python kernel, a WebAssembly reactor. Each call unpacks it anew.
func Python() ([]byte, error) { return unpack("python.wasm", python) }

// JavaScript returns the JavaScript kernel, a WebAssembly reactor. Each call unpacks it anew.
func JavaScript() ([]byte, error) { return unpack("javascript.wasm", javaScript) }

// Library returns the Python standard library as a zip archive with stored (not compressed) entries. Each call unpacks it anew.
func Library() ([]byte, error) { return unpack("stdlib.zip", library) }

// BootPython returns the start-up code that the Python kernel's k_init takes.
func BootPython() string { return bootPython }

// BootJavaScript returns the start-up code that the JavaScript kernel's k_init takes.
func BootJavaScript() string { return bootJavaScript }

// Notices returns the licences and notices of everything the kernels and the library are made of.
func Notices() string { return notices }

// Provenance returns the manifest of the embedded files.
func Provenance() (manifest.Manifest, error) { return manifest.Decode(manifestText) }

func unpack(name string, packed []byte) ([]byte, error) {
	reader, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpack embedded %s: %w", name, err)
	}
	defer reader.Close()
	raw, err := reader.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack embedded %s: %w", name, err)
	}
	return raw, nil
}
