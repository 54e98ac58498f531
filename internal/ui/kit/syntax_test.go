package kit

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
)

// marks writes coloured lines with their colours in brackets, except the usual one.
func marks(lines [][]Span) string {
	short := map[fyne.ThemeColorName]string{SyntaxKeyword: "k", SyntaxString: "s", SyntaxNumber: "n", SyntaxName: "b", Muted: "c", Ready: "+", Problem: "-"}
	var out []string
	for _, line := range lines {
		text := ""
		for _, span := range line {
			if span.Tone == Foreground {
				text += span.Text
			} else {
				text += "[" + short[span.Tone] + " " + span.Text + "]"
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

func TestColour(t *testing.T) {
	for _, tc := range []struct{ name, language, code, want string }{
		{"python words", "python", "for x in range(20):\n    return None", "[k for] x [k in] [b range]([n 20]):\n    [k return] [k None]"},
		{"python strings", "python", `a = f"x {y}" + r'\d' + "it's"`, `a = [s f"x {y}"] + [s r'\d'] + [s "it's"]`},
		{"a string over lines", "python", "s = '''one\ntwo''' # end", "s = [s '''one]\n[s two'''] [c # end]"},
		{"a string that is never closed", "python", "s = \"abc\nx = 1", "s = [s \"abc]\nx = [n 1]"},
		{"a hash in a string", "python", `s = "#not a comment"  # one`, `s = [s "#not a comment"]  [c # one]`},
		{"names with keywords in them", "python", "format_in = classify", "format_in = classify"},
		{"numbers", "python", "0xFF 1_000 3.14 1e-9 x1", "[n 0xFF] [n 1_000] [n 3.14] [n 1e-9] x1"},
		{"chinese", "python", `数据 = "销售" # 注释`, `数据 = [s "销售"] [c # 注释]`},
		{"javascript", "javascript", "const f = async (x) => `a ${x}`; // go", "[k const] f = [k async] (x) => [s `a ${x}`]; [c // go]"},
		{"a comment over lines", "javascript", "/* one\ntwo */ let x = 10n", "[c /* one]\n[c two */] [k let] x = [n 10n]"},
		{"a language that is not known", "ruby", "def x", "def x"},
		{"nothing", "python", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := marks(Colour(tc.code, tc.language)); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

// FuzzColour: whatever the code is, all of it is shown, in order.
func FuzzColour(f *testing.F) {
	f.Add("x = '''a\n", true)
	f.Add("`${`", false)
	f.Add("\x1b[31mred\r\nnext\tcolumn", true)
	f.Fuzz(func(t *testing.T, code string, python bool) {
		language := "javascript"
		if python {
			language = "python"
		}
		var all []string
		for _, line := range Colour(code, language) {
			text := ""
			for _, span := range line {
				text += span.Text
			}
			all = append(all, text)
		}
		if got, want := strings.Join(all, "\n"), tidy(code); got != want {
			t.Errorf("Colour(%q) shows %q, want %q", code, got, want)
		}
	})
}

func TestDifferences(t *testing.T) {
	if got, want := marks(Differences("  same\n+ new\n- old")), "[c   same]\n[+ + new]\n[- - old]"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTidy(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a last line end", "a\n", "a"},
		{"colours of a terminal", "\x1b[1;31mred\x1b[0m", "red"},
		{"a title of a terminal", "\x1b]0;title\x07x", "x"},
		{"a progress bar", "10%\r50%\r100%\ndone", "100%\ndone"},
		{"line ends of windows", "a\r\nb\r\n", "a\nb"},
		{"tabs", "a\tb", "a    b"},
		{"other control characters", "a\x00\x07b", "ab"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tidy(tc.text); got != tc.want {
				t.Errorf("tidy(%q) = %q, want %q", tc.text, got, tc.want)
			}
		})
	}
}

func TestWrapText(t *testing.T) {
	wide := func(s string) float32 { // every character takes 1, a Chinese one 2
		n := float32(0)
		for _, r := range s {
			n++
			if isWide(r) {
				n++
			}
		}
		return n
	}
	for _, tc := range []struct {
		name, text string
		width      float32
		want       []string
	}{
		{"one line", "one two", 10, []string{"one two"}},
		{"between words", "one two three", 8, []string{"one two", "three"}},
		{"a word that is too long", "abcdefghij kl", 4, []string{"abcd", "efgh", "ij", "kl"}},
		{"anywhere in chinese", "会话池已暂停", 6, []string{"会话池", "已暂停"}},
		{"no punctuation at a beginning", "会话池，暂停", 6, []string{"会话", "池，暂", "停"}},
		{"line breaks", "a\n\nb", 10, []string{"a", "", "b"}},
		{"nothing", "", 10, nil},
		{"no width yet", "one two", 0, []string{"one two"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := wrapText(tc.text, tc.width, wide); !slices.Equal(got, tc.want) {
				t.Errorf("wrapText(%q, %v) = %q, want %q", tc.text, tc.width, got, tc.want)
			}
		})
	}
}

func TestHead(t *testing.T) {
	for _, tc := range []struct {
		text    string
		columns int
		want    string
	}{{"abc", 5, "abc"}, {"abc", 2, "ab"}, {"数据", 3, "数"}, {"数据", 1, ""}} {
		if got, _ := head(tc.text, tc.columns); got != tc.want {
			t.Errorf("head(%q, %d) = %q, want %q", tc.text, tc.columns, got, tc.want)
		}
	}
}
