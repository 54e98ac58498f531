package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// program is the relay, without the ending it has on Windows.
const program = "agentrun-mcp"

// target is a system that there is a bundle for. A manifest can ask for a system and not for a processor: on macOS, where both are in use,
// one program has to hold both; Windows runs the one for x64 on the other too; Linux, whose Claude Desktop is not official, has one bundle
// for each.
type target struct {
	name     string   // in the name of the bundle
	platform string   // in the manifest
	builds   []string // the folders of its relays
	ending   string   // of programs
}

var targets = []target{
	{name: "linux-x64", platform: "linux", builds: []string{"linux/amd64"}},
	{name: "linux-arm64", platform: "linux", builds: []string{"linux/arm64"}},
	{name: "macos", platform: "darwin", builds: []string{"darwin/amd64", "darwin/arm64"}},
	{name: "windows", platform: "win32", builds: []string{"windows/amd64"}, ending: ".exe"},
}

// bundle is the name of the target's bundle, without the ending.
func (t target) bundle(p product) string { return "agentrun-tray_" + p.Version + "_" + t.name }

// program reads the relay of the target.
func (t target) program(relays string) ([]byte, error) {
	var all [][]byte
	for _, build := range t.builds {
		one, err := os.ReadFile(filepath.Join(relays, filepath.FromSlash(build), program+t.ending))
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return universal(all)
}

// layOut makes the folder of a bundle.
func layOut(folder string, p product, said offer, t target, relays string) error {
	relay, err := t.program(relays)
	if err != nil {
		return err
	}
	icon, err := draw(p.Icon)
	if err != nil {
		return err
	}
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	manifest, err := encode(newManifest(p, said, t))
	if err != nil {
		return err
	}
	chinese, err := encode(newTranslation(p, said))
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
		mode os.FileMode
	}{
		{"manifest.json", manifest, 0o644},
		{strings.ReplaceAll(translations, "${locale}", chineseLocale), chinese, 0o644},
		{iconFile, icon, 0o644},
		{"LICENSE", license, 0o644},
		{"server/" + program + t.ending, relay, 0o755},
	} {
		name := filepath.Join(folder, filepath.FromSlash(f.name))
		err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, f.data, f.mode)) //nolint:gosec // what is packed is for everybody
		if err != nil {
			return err
		}
	}
	return nil
}

// encode writes JSON as people read it: a bundle's texts have quotes and angles in them.
func encode(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return []byte(b.String()), err
}
