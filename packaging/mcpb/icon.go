package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"
)

const (
	iconFile = "icon.png"
	iconSize = 512
)

// draw makes a PNG of an SVG file, as manifests want it.
func draw(file string) ([]byte, error) {
	svg, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	icon, err := oksvg.ReadIconStream(bytes.NewReader(svg), oksvg.StrictErrorMode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	icon.SetTarget(0, 0, iconSize, iconSize)
	picture := image.NewRGBA(image.Rect(0, 0, iconSize, iconSize))
	icon.Draw(rasterx.NewDasher(iconSize, iconSize, rasterx.NewScannerGV(iconSize, iconSize, picture, picture.Bounds())), 1)
	var b bytes.Buffer
	err = png.Encode(&b, picture)
	return b.Bytes(), err
}
