package kit

import (
	"image"
	"image/color"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
	"github.com/srwiley/rasterx"
	"golang.org/x/image/math/fixed"
)

// Spark is a small curve without axes. It is drawn by hand, for the toolkit's polygons take 16 points at most.
type Spark struct {
	widget.BaseWidget
	raster *canvas.Raster
	tone   fyne.ThemeColorName
	values []float64

	drawn struct { // the picture of before: the toolkit asks for it at every repaint
		image  image.Image
		values []float64
		w, h   int
		ink    color.Color
	}
}

// NewSpark makes an empty curve.
func NewSpark(tone fyne.ThemeColorName) *Spark {
	s := &Spark{tone: tone}
	s.raster = canvas.NewRaster(s.draw)
	s.ExtendBaseWidget(s)
	return s
}

// Set changes the values, oldest first.
func (s *Spark) Set(values []float64) {
	if slices.Equal(values, s.values) {
		return
	}
	s.values = slices.Clone(values)
	canvas.Refresh(s.raster)
}

func (s *Spark) draw(w, h int) image.Image {
	ink := shadeOf(s.tone)
	d := &s.drawn
	if d.image != nil && d.w == w && d.h == h && d.ink == ink && slices.Equal(d.values, s.values) {
		return d.image
	}
	d.w, d.h, d.ink, d.values = w, h, ink, s.values
	d.image = curve(s.values, w, h, scaleOf(s), ink)
	return d.image
}

// curve draws values from the left to the right edge, the highest near the top, with a wash below. The lowest line is nought, so
// that a steady curve looks steady.
func curve(values []float64, w, h int, scale float32, ink color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	if len(values) < 2 || w < 2 || h < 2 {
		return img
	}
	top := slices.Max(values)
	if top <= 0 {
		top = 1
	}
	line := 1.6 * float64(scale)
	points := make([]fixed.Point26_6, len(values))
	for n, v := range values {
		x := float64(n) / float64(len(values)-1) * float64(w)
		y := float64(h) - line - max(0, v)/top*(float64(h)-2*line-2)
		points[n] = rasterx.ToFixedP(x, y)
	}
	r, g, b, _ := ink.RGBA()
	solid := color.NRGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: 0xff} //nolint:gosec // 16 bits shifted by 8 are 8 bits
	wash := solid
	wash.A = 0x1F

	scanner := rasterx.NewScannerGV(w, h, img, img.Bounds())
	filler := rasterx.NewFiller(w, h, scanner)
	filler.SetColor(wash)
	filler.Start(rasterx.ToFixedP(0, float64(h)))
	for _, p := range points {
		filler.Line(p)
	}
	filler.Line(rasterx.ToFixedP(float64(w), float64(h)))
	filler.Stop(true)
	filler.Draw()

	stroker := rasterx.NewStroker(w, h, scanner)
	stroker.SetColor(solid)
	stroker.SetStroke(fixed.Int26_6(line*64), 0, rasterx.RoundCap, nil, rasterx.RoundGap, rasterx.Round)
	stroker.Start(points[0])
	for _, p := range points[1:] {
		stroker.Line(p)
	}
	stroker.Stop(false)
	stroker.Draw()
	return img
}

// CreateRenderer implements fyne.Widget.
func (s *Spark) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{s.raster},
		layout:  func(size fyne.Size) { s.raster.Resize(size) },
		min:     func() fyne.Size { return fyne.NewSize(60, 40) },
		apply:   func() {},
	}
}
