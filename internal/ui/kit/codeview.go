package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

const (
	codeLead = SizeCode * 1.55
	codeWide = 2 // columns that a Chinese character takes
)

// CodeView shows lines of monospaced text in colours. Long lines go on below; nothing is scrolled sideways.
type CodeView struct {
	widget.BaseWidget
	lines  [][]Span
	wrap   float32 // the width the pieces were placed for
	rows   int
	pieces []*canvas.Text
	tones  []fyne.ThemeColorName
	used   int
	paint  *paint
}

// NewCodeView makes an empty view.
func NewCodeView() *CodeView {
	v := &CodeView{}
	v.paint = &paint{
		layout: func(size fyne.Size) {
			if size.Width != v.wrap {
				v.fill(size.Width)
			}
		},
		min: func() fyne.Size { return fyne.NewSize(60, float32(v.rows)*codeLead) },
		apply: func() {
			for n, piece := range v.pieces[:v.used] {
				piece.Color = shadeOf(v.tones[n])
			}
		},
	}
	v.ExtendBaseWidget(v)
	return v
}

// Set changes the lines and reports whether the view is taller or lower now.
func (v *CodeView) Set(lines [][]Span) bool {
	before := v.rows
	v.lines = lines
	v.fill(v.wrap)
	v.Refresh()
	return v.rows != before
}

// fill places a piece for every span, broken where a line is too long for the width.
func (v *CodeView) fill(width float32) {
	v.wrap = width
	v.used = 0
	columns := 1 << 30
	if width > 0 {
		columns = max(10, int(width/Mono.width("0")))
	}
	y := float32(0)
	for _, line := range v.lines {
		x, column := float32(0), 0
		for _, span := range line {
			for rest := span.Text; rest != ""; {
				head, wide := head(rest, columns-column)
				if head == "" {
					x, column, y = 0, 0, y+codeLead
					continue
				}
				x += v.put(head, span.Tone, x, y)
				column += wide
				rest = rest[len(head):]
			}
		}
		y += codeLead
	}
	v.rows = int(y/codeLead + 0.5)
	v.paint.objects = v.paint.objects[:0]
	for _, piece := range v.pieces[:v.used] {
		v.paint.objects = append(v.paint.objects, piece)
	}
}

// head is the longest beginning of a text that fits a number of columns, and what it takes of them.
func head(s string, columns int) (string, int) {
	used := 0
	for at, r := range s {
		w := 1
		if isWide(r) {
			w = codeWide
		}
		if used+w > columns {
			return s[:at], used
		}
		used += w
	}
	return s, used
}

func (v *CodeView) put(text string, tone fyne.ThemeColorName, x, y float32) float32 {
	if v.used == len(v.pieces) {
		piece := canvas.NewText("", nil)
		piece.TextSize, piece.TextStyle = SizeCode, Mono.style()
		v.pieces, v.tones = append(v.pieces, piece), append(v.tones, tone)
	}
	piece := v.pieces[v.used]
	v.tones[v.used] = tone
	piece.Text, piece.Color = text, shadeOf(tone)
	m := piece.MinSize()
	place(piece, x, y+(codeLead-m.Height)/2, m.Width, m.Height)
	v.used++
	return m.Width
}

// CreateRenderer implements fyne.Widget.
func (v *CodeView) CreateRenderer() fyne.WidgetRenderer { return v.paint }
