package kit

import (
	"fmt"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"github.com/agentrun-tray/agentrun-tray/assets"
)

// Icon is a line icon in a colour of the theme.
type Icon struct {
	widget.BaseWidget
	image *canvas.Image
	name  string
	tone  fyne.ThemeColorName
	size  float32
}

// NewIcon makes the icon of a name in assets.
func NewIcon(name string, size float32, tone fyne.ThemeColorName) *Icon {
	i := &Icon{image: &canvas.Image{FillMode: canvas.ImageFillContain}, name: name, tone: tone, size: size}
	i.ExtendBaseWidget(i)
	i.tint()
	return i
}

// Set changes icon and colour.
func (i *Icon) Set(name string, tone fyne.ThemeColorName) {
	if name == i.name && tone == i.tone {
		return
	}
	i.name, i.tone = name, tone
	i.tint()
}

// tint writes the colour and the width of the strokes into the SVG: the toolkit recolours fills only, and takes the width of
// strokes for pixels of the screen. Its cache goes by the name of the resource.
func (i *Icon) tint() {
	width := 1.4 * scaleOf(i) * i.size / 16
	ink := hex(shadeOf(i.tone))
	resource := fmt.Sprintf("%s-%s-%.2f.svg", i.name, ink, width)
	if i.image.Resource != nil && i.image.Resource.Name() == resource {
		return
	}
	change := strings.NewReplacer("#000000", ink, `stroke-width="1.4"`, fmt.Sprintf(`stroke-width="%.2f"`, width))
	i.image.Resource = fyne.NewStaticResource(resource, []byte(change.Replace(string(assets.Icon(i.name)))))
	i.image.Refresh()
}

func hex(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02X%02X%02X", r>>8, g>>8, b>>8)
}

// CreateRenderer implements fyne.Widget.
func (i *Icon) CreateRenderer() fyne.WidgetRenderer {
	return &paint{
		objects: []fyne.CanvasObject{i.image},
		layout: func(size fyne.Size) {
			i.tint()
			place(i.image, (size.Width-i.size)/2, (size.Height-i.size)/2, i.size, i.size)
		},
		min:   func() fyne.Size { return fyne.NewSquareSize(i.size) },
		apply: i.tint,
	}
}

// NewMark makes the mark of the app: a square with round corners and a triangle.
func NewMark(size float32) *Icon { return NewIcon("mark", size, Accent) }
