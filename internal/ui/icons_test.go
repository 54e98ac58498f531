package ui

import (
	"image"
	"image/color"
	"os"
	"regexp"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
	"golang.org/x/image/draw"

	"github.com/agentrun-tray/agentrun-tray/assets"
)

// drawn is an icon on a panel of a colour.
func drawn(t *testing.T, name string, size float32, panel color.Color) image.Image {
	t.Helper()
	icon := canvas.NewImageFromResource(fyne.NewStaticResource(name+".svg", assets.Icon(name)))
	icon.FillMode = canvas.ImageFillContain
	c := software.NewTransparentCanvas()
	c.SetPadded(false)
	c.SetContent(container.NewStack(canvas.NewRectangle(panel), icon))
	c.Resize(fyne.NewSquareSize(size))
	return c.Capture()
}

// atPanel is an icon as a panel shows it: the toolkit hands over a picture of 64 pixels, which is made smaller.
func atPanel(t *testing.T, name string, panel color.Color) image.Image {
	t.Helper()
	const size = 22
	from := drawn(t, name, 64, panel)
	to := image.NewNRGBA(image.Rect(0, 0, size, size))
	draw.CatmullRom.Scale(to, to.Bounds(), from, from.Bounds(), draw.Src, nil)
	return to
}

// distance is how far two colours lie apart, 0 to 1.
func distance(a, b color.Color) float64 {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	apart := func(x, y uint32) float64 { return max(float64(x)-float64(y), float64(y)-float64(x)) / 0xffff }
	return max(apart(ar, br), apart(ag, bg), apart(ab, bb))
}

// ink is the share of an icon's pixels that can be told from the panel.
func ink(img image.Image, panel color.Color) float64 {
	n, all := 0, 0
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			all++
			if distance(img.At(x, y), panel) > 0.3 {
				n++
			}
		}
	}
	return float64(n) / float64(all)
}

func iconNames(t *testing.T) []string {
	t.Helper()
	files, err := os.ReadDir("../../assets/icons")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".svg"))
	}
	return names
}

func TestEveryIconDrawsSomething(t *testing.T) {
	test.NewTempApp(t)
	for _, name := range iconNames(t) {
		if share := ink(drawn(t, name, 32, color.White), color.White); share < 0.02 {
			t.Errorf("%s leaves %.1f %% of a white panel inked, want something to see", name, 100*share)
		}
	}
}

// TestLineIconsCanBeRecoloured: the colour and the width of strokes are replaced in the text of the SVG, so each shape has to have
// both as they are looked for.
func TestLineIconsCanBeRecoloured(t *testing.T) {
	shape := regexp.MustCompile(`<(path|circle|rect)[^>]*>`)
	for _, name := range iconNames(t) {
		if strings.HasPrefix(name, "tray-") || name == "app" || name == "mark" {
			continue
		}
		for _, s := range shape.FindAllString(string(assets.Icon(name)), -1) {
			line := strings.Contains(s, `fill="none" stroke="#000000" stroke-width="1.4"`)
			if dot := strings.Contains(s, `fill="#000000"`); line == dot {
				t.Errorf("%s: %s is neither a line nor a dot in black", name, s)
			}
		}
	}
}

// TestTheTraysIconsAreSeenOnEveryPanel: on a light one and a dark one, at the size panels have, and each state unlike the others.
func TestTheTraysIconsAreSeenOnEveryPanel(t *testing.T) {
	test.NewTempApp(t)
	states := []TrayIcon{TrayReady, TrayWorking, TrayProblem, TrayPaused}
	for _, panel := range []color.Color{color.White, color.NRGBA{R: 0x1e, G: 0x1e, B: 0x1e, A: 0xff}, color.NRGBA{R: 0x3e, G: 0x63, B: 0xdd, A: 0xff}} {
		var before []image.Image
		for _, state := range states {
			img := atPanel(t, "tray-"+string(state), panel)
			if share := ink(img, panel); share < 0.15 {
				t.Errorf("%s: %.0f %% of its pixels can be told from a panel %v", state, 100*share, panel)
			}
			for n, other := range before {
				if unlike(img, other) < 20 {
					t.Errorf("%s and %s look the same at 22 pixels", state, states[n])
				}
			}
			before = append(before, img)
		}
	}
	var before []image.Image
	for _, state := range states { // those for macOS have their form alone
		img := atPanel(t, "tray-"+string(state)+"-template", color.White)
		for n, other := range before {
			if unlike(img, other) < 20 {
				t.Errorf("the templates of %s and %s look the same at 22 pixels", state, states[n])
			}
		}
		before = append(before, img)
	}
}

// unlike counts the pixels in which two pictures differ clearly.
func unlike(a, b image.Image) int {
	n := 0
	r := a.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if distance(a.At(x, y), b.At(x, y)) > 0.3 {
				n++
			}
		}
	}
	return n
}
