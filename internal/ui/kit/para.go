package kit

import (
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// Para is text that wraps: between words, and anywhere between Chinese characters. It is as tall as its width makes it, which it
// knows once it was given one; containers of this package ask again then.
type Para struct {
	widget.BaseWidget
	face   Face
	tone   fyne.ThemeColorName
	lead   float32 // from line to line
	text   string
	centre bool
	lines  []*canvas.Text
	used   int     // of lines
	width  float32 // the lines were made for
	paint  *paint
}

// NewPara makes a paragraph.
func NewPara(s string, face Face, tone fyne.ThemeColorName) *Para {
	p := &Para{face: face, tone: tone, text: s, lead: face.Size * 1.55}
	p.ExtendBaseWidget(p)
	return p
}

// Centre centres the lines, and returns the paragraph.
func (p *Para) Centre() *Para {
	p.centre = true
	return p
}

// Set changes the text and reports whether it is taller or lower now, so that what is around it has to be laid out again.
func (p *Para) Set(s string) bool {
	if s == p.text {
		return false
	}
	p.text = s
	before := p.used
	p.wrap(p.width)
	p.Refresh()
	return p.used != before
}

// Text returns the whole text.
func (p *Para) Text() string { return p.text }

// SetTone changes the colour.
func (p *Para) SetTone(tone fyne.ThemeColorName) {
	if tone != p.tone {
		p.tone = tone
		p.Refresh()
	}
}

// natural is the width of the text on one line.
func (p *Para) natural() float32 { return p.face.width(p.text) }

func (p *Para) wrap(width float32) {
	p.width = width
	parts := wrapText(p.text, width, p.face.width)
	for n, part := range parts {
		if n == len(p.lines) {
			line := canvas.NewText("", shadeOf(p.tone))
			line.TextSize, line.TextStyle = p.face.Size, p.face.style()
			p.lines = append(p.lines, line)
		}
		line := p.lines[n]
		line.Text = part
		m := line.MinSize()
		x := float32(0)
		if p.centre {
			x = (width - m.Width) / 2
		}
		line.Move(fyne.NewPos(x, float32(n)*p.lead+(p.lead-m.Height)/2))
		line.Resize(m)
	}
	p.used = len(parts)
	if p.paint == nil {
		return
	}
	p.paint.objects = p.paint.objects[:0]
	for _, line := range p.lines[:p.used] {
		p.paint.objects = append(p.paint.objects, line)
	}
}

// CreateRenderer implements fyne.Widget.
func (p *Para) CreateRenderer() fyne.WidgetRenderer {
	p.paint = &paint{
		layout: func(size fyne.Size) {
			if size.Width != p.width {
				p.wrap(size.Width)
			}
		},
		min: func() fyne.Size {
			n := p.used
			if p.text != "" {
				n = max(1, n)
			}
			return fyne.NewSize(40, float32(n)*p.lead)
		},
		apply: func() {
			for _, line := range p.lines {
				line.Color = shadeOf(p.tone)
			}
		},
	}
	p.wrap(p.width)
	return p.paint
}

// wrapText breaks a text into lines of a width. Without a width it is one line.
func wrapText(s string, width float32, measure func(string) float32) []string {
	if s == "" {
		return nil
	}
	if width <= 0 {
		return []string{s}
	}
	var lines []string
	line, space := "", ""
	for _, word := range words(s) {
		switch {
		case word == "\n":
			lines = append(lines, line)
			line, space = "", ""
		case word == " ":
			space = " "
		case line == "" || measure(line+space+word) <= width:
			if line == "" {
				space = ""
			}
			line += space + word
			space = ""
		default:
			lines = append(lines, line)
			line, space = word, ""
		}
		for measure(line) > width { // a word longer than a line
			head := cutAt(line, width, measure)
			if head == "" || head == line {
				break
			}
			lines = append(lines, head)
			line = line[len(head):]
		}
	}
	return append(lines, line)
}

// cutAt is the longest beginning of a word that fits a width, at least one character.
func cutAt(s string, width float32, measure func(string) float32) string {
	end := 0
	for at := range s {
		if at > 0 && measure(s[:at]) > width {
			break
		}
		end = at
	}
	if end == 0 {
		for at := range s {
			if at > 0 {
				return s[:at]
			}
		}
		return s
	}
	return s[:end]
}

// words splits a text into pieces between which a line may end: words, single spaces, line breaks, and Chinese characters with the
// punctuation that must not begin a line.
func words(s string) []string {
	var out []string
	word := ""
	flush := func() {
		if word != "" {
			out = append(out, word)
			word = ""
		}
	}
	for _, r := range s {
		switch {
		case r == '\n':
			flush()
			out = append(out, "\n")
		case r == ' ' || r == '\t':
			flush()
			out = append(out, " ")
		case isClosing(r):
			if word == "" && len(out) > 0 && out[len(out)-1] != " " && out[len(out)-1] != "\n" {
				out[len(out)-1] += string(r)
			} else {
				word += string(r)
				flush()
			}
		case isWide(r):
			flush()
			out = append(out, string(r))
		default:
			word += string(r)
		}
	}
	flush()
	return out
}

// isClosing reports Chinese punctuation that belongs to what stands before it.
func isClosing(r rune) bool {
	switch r {
	case '，', '。', '、', '；', '：', '？', '！', '”', '’', '）', '》', '」', '…':
		return true
	}
	return false
}

// isWide reports characters that take the room of two.
func isWide(r rune) bool {
	return unicode.Is(unicode.Han, r) || unicode.Is(unicode.Hangul, r) || unicode.Is(unicode.Hiragana, r) || unicode.Is(unicode.Katakana, r) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff
}
