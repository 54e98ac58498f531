package kit

import (
	"bytes"
	"encoding/binary"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The line of every font, in em: as tall as the tallest fallback for Chinese needs.
const (
	ascent  = 1.16
	descent = 0.36
)

// evenFonts are the toolkit's own fonts with the same line. A text's box is as tall as the line of its first font, but Chinese is
// drawn from another one: without this it is cut off at the bottom, and mixed rows sit lower than others.
func evenFonts() map[fyne.TextStyle]fyne.Resource {
	fonts := make(map[fyne.TextStyle]fyne.Resource, 3)
	for _, style := range []fyne.TextStyle{{}, {Bold: true}, {Monospace: true}} {
		fonts[style] = withLine(theme.DefaultTheme().Font(style))
	}
	return fonts
}

// withLine returns a copy of a font with our line in its tables. A font without these tables is returned as it is.
func withLine(font fyne.Resource) fyne.Resource {
	data := bytes.Clone(font.Content())
	head, hhea, os2 := sfntTable(data, "head"), sfntTable(data, "hhea"), sfntTable(data, "OS/2")
	if len(head) < 20 || len(hhea) < 10 || len(os2) < 78 {
		return font
	}
	em := float64(binary.BigEndian.Uint16(head[18:]))
	up, down := int16(math.Round(ascent*em)), int16(math.Round(descent*em))
	put := func(table []byte, at int, v int16) {
		binary.BigEndian.PutUint16(table[at:], uint16(v)) //nolint:gosec // two's complement is how a font keeps it
	}
	put(hhea, 4, up)
	put(hhea, 6, -down)
	put(hhea, 8, 0)
	put(os2, 68, up)
	put(os2, 70, -down)
	put(os2, 72, 0)
	put(os2, 74, up)
	put(os2, 76, down)
	return fyne.NewStaticResource("even-"+font.Name(), data)
}

// sfntTable finds a table of a TrueType or OpenType font; nil if it has none of that name.
func sfntTable(data []byte, name string) []byte {
	if len(data) < 12 {
		return nil
	}
	count := int(binary.BigEndian.Uint16(data[4:]))
	for n := range count {
		at := 12 + 16*n
		if at+16 > len(data) {
			return nil
		}
		if string(data[at:at+4]) != name {
			continue
		}
		from, size := uint64(binary.BigEndian.Uint32(data[at+8:])), uint64(binary.BigEndian.Uint32(data[at+12:]))
		if from+size > uint64(len(data)) {
			return nil
		}
		return data[from : from+size]
	}
	return nil
}
