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
	d.image = curve(s.values, w, h, scaleOf(s), ink, shadeOf(Line))
	return d.image
}

// curve draws values from the left to the right edge, the highest near the top, with a wash below. The lowest line is nought, so
// that a steady curve looks steady; it leaves room above, or it would be a block. Where there are no values
// yet, or none above nought, that line is all.
func curve(values []float64, w, h int, scale float32, ink, rest color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	if w < 2 || h < 2 {
		return img
	}
	if len(values) == 0 || slices.Max(values) <= 0 { // where the curve will stand
		stroke(img, []fixed.Point26_6{rasterx.ToFixedP(0, float64(h)-float64(scale)), rasterx.ToFixedP(float64(w), float64(h)-float64(scale))}, float64(scale), opaque(rest))
		return img
	}
	if len(values) == 1 {
		values = []float64{values[0], values[0]}
	}
	top := slices.Max(values) + max(0, slices.Min(values))/2
	line := 1.6 * float64(scale)
	points := make([]fixed.Point26_6, len(values))
	for n, v := range values {
		x := float64(n) / float64(len(values)-1) * float64(w)
		y := float64(h) - line - max(0, v)/top*(float64(h)-2*line-2)
		points[n] = rasterx.ToFixedP(x, y)
	}
	solid := opaque(ink)
	wash := solid
	wash.A = 0x1F

	filler := rasterx.NewFiller(w, h, rasterx.NewScannerGV(w, h, img, img.Bounds()))
	filler.SetColor(wash)
	filler.Start(rasterx.ToFixedP(0, float64(h)))
	for _, p := range points {
		filler.Line(p)
	}
	filler.Line(rasterx.ToFixedP(float64(w), float64(h)))
	filler.Stop(true)
	filler.Draw()

	stroke(img, points, line, solid)
	return img
}

func opaque(ink color.Color) color.NRGBA {
	r, g, b, _ := ink.RGBA()
	return color.NRGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: 0xff} //nolint:gosec // 16 bits shifted by 8 are 8 bits
}

// stroke draws a line of a thickness through points.
func stroke(img *image.RGBA, points []fixed.Point26_6, line float64, ink color.Color) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	stroker := rasterx.NewStroker(w, h, rasterx.NewScannerGV(w, h, img, img.Bounds()))
	stroker.SetColor(ink)
	stroker.SetStroke(fixed.Int26_6(line*64), 0, rasterx.RoundCap, nil, rasterx.RoundGap, rasterx.Round)
	stroker.Start(points[0])
	for _, p := range points[1:] {
		stroker.Line(p)
	}
	stroker.Stop(false)
	stroker.Draw()
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
