package kit

import (
	"regexp"
	"strings"

	"fyne.io/fyne/v2"
)

// Span is a piece of a line in one colour.
type Span struct {
	Text string
	Tone fyne.ThemeColorName
}

// grammar finds what is coloured: comments, strings, numbers and words, in this order of groups.
type grammar struct {
	token    *regexp.Regexp
	keywords map[string]bool
	names    map[string]bool // that everybody has
}

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

const number = `\b(?:0[xXoObB][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?)n?\b`

// grammars are by the name of a language. They are enough to show code that others wrote, and no more.
var grammars = map[string]*grammar{
	"python": {
		token: regexp.MustCompile(`(#[^\n]*)` +
			`|((?:[rbfuRBFU]{0,2})(?:"""(?:\\[\s\S]|[^\\])*?(?:"""|\z)|'''(?:\\[\s\S]|[^\\])*?(?:'''|\z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))` +
			`|(` + number + `)|([\p{L}_][\p{L}\p{N}_]*)`),
		keywords: wordSet(`False None True and as assert async await break class continue def del elif else except finally for from global if import in is
			lambda match nonlocal not or pass raise return try while with yield`),
		names: wordSet(`abs all any bool bytes dict enumerate filter float input int isinstance len list map max min open print range repr reversed round set
			sorted str sum super tuple type zip self`),
	},
	"javascript": {
		token: regexp.MustCompile(`(//[^\n]*|/\*[\s\S]*?(?:\*/|\z))` +
			"|(`(?:\\\\[\\s\\S]|[^`\\\\])*`?" + `|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)` +
			`|(` + number + `)|([\p{L}_$][\p{L}\p{N}_$]*)`),
		keywords: wordSet(`async await break case catch class const continue debugger default delete do else export extends false finally for from function get
			if import in instanceof let new null of return set static super switch this throw true try typeof undefined var void while yield`),
		names: wordSet(`Array BigInt Boolean Date Error JSON Map Math Number Object Promise RegExp Set String Symbol console globalThis`),
	},
}

// Colour splits code into lines of coloured pieces. A language that is not known has one colour.
func Colour(code, language string) [][]Span {
	code = tidy(code)
	g := grammars[language]
	if g == nil {
		return Plainly(code, Foreground)
	}
	lines := [][]Span{nil}
	put := func(text string, tone fyne.ThemeColorName) {
		for n, part := range strings.Split(text, "\n") {
			if n > 0 {
				lines = append(lines, nil)
			}
			if part != "" {
				last := &lines[len(lines)-1]
				*last = append(*last, Span{part, tone})
			}
		}
	}
	at := 0
	for _, m := range g.token.FindAllStringSubmatchIndex(code, -1) {
		var tone fyne.ThemeColorName
		switch {
		case m[2] >= 0:
			tone = Muted
		case m[4] >= 0:
			tone = SyntaxString
		case m[6] >= 0:
			tone = SyntaxNumber
		case g.keywords[code[m[0]:m[1]]]:
			tone = SyntaxKeyword
		case g.names[code[m[0]:m[1]]]:
			tone = SyntaxName
		default:
			continue // goes with what stands around it
		}
		put(code[at:m[0]], Foreground)
		put(code[m[0]:m[1]], tone)
		at = m[1]
	}
	put(code[at:], Foreground)
	return lines
}

// Plainly splits text into lines of one colour.
func Plainly(text string, tone fyne.ThemeColorName) [][]Span {
	parts := strings.Split(tidy(text), "\n")
	lines := make([][]Span, len(parts))
	for n, part := range parts {
		if part != "" {
			lines[n] = []Span{{part, tone}}
		}
	}
	return lines
}

// Differences colours the lines of a diff by the sign they begin with.
func Differences(text string) [][]Span {
	lines := Plainly(text, Muted)
	for _, line := range lines {
		for n := range line {
			switch line[n].Text[0] {
			case '+':
				line[n].Tone = Ready
			case '-':
				line[n].Tone = Problem
			}
		}
	}
	return lines
}

var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[@-_])")

// tidy makes text fit to be drawn: no control characters, tabs as spaces, one kind of line end. What a line printed before it
// returned to its beginning is overwritten, as on a terminal.
func tidy(text string) string {
	text = strings.TrimSuffix(text, "\n")
	if !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
		return text
	}
	text = escapes.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\t", "    ")
	lines := strings.Split(text, "\n")
	for n, line := range lines {
		line = strings.TrimRight(line, "\r")
		if at := strings.LastIndexByte(line, '\r'); at >= 0 {
			line = line[at+1:]
		}
		lines[n] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, line)
	}
	return strings.Join(lines, "\n")
}
