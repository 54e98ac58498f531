// Package assets holds what the desktop app shows and does not compute: icons and translations, as bytes. It knows nothing of a
// toolkit.
package assets

import (
	"embed"
	"fmt"
)

//go:embed icons/*.svg translations/*.json
var files embed.FS

// Icon returns the SVG of a name, such as "copy" or "app". Line icons are 16 by 16, black, with strokes of 1.4. A name that is not
// there is a mistake in the program and panics.
func Icon(name string) []byte {
	svg, err := files.ReadFile("icons/" + name + ".svg")
	if err != nil {
		panic(fmt.Sprintf("assets: there is no icon %q", name))
	}
	return svg
}

// Translation returns the texts of a language, en or zh: a JSON object of keys and texts.
func Translation(tag string) ([]byte, error) {
	return files.ReadFile("translations/" + tag + ".json")
}
