package configedit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// format is a codec with an entry and texts to put it in.
type format struct {
	name string
	Format
	at    Place
	entry Entry
	text  func(*rapid.T) string
}

// mine is the name of the entry that the tests write.
const mine = "mine"

var marks = Marks{Begin: "# >>> mine; to take it out: do so", End: "# <<< mine", Like: "# >>> mine"}

var plain = Entry{{Name: "command", Value: "/x/program"}, {Name: "args", Value: []string{}}}

func headers() Entry { return Entry{{Name: "Authorization", Value: "Bearer x"}} }

var formats = []format{
	{"json", JSON(), Place{"servers", mine}, append(slices.Clone(plain), Member{Name: "disabled", Value: false, Loose: true}, Member{Name: "autoApprove", Value: []string{}, Loose: true}), jsonText},
	{"strict json", StrictJSON(), Place{"servers", mine}, append(Entry{{Name: "type", Value: "stdio"}}, plain...), strictText},
	{"toml", TOML(marks), Place{"servers", mine}, Entry{{Name: "url", Value: "http://127.0.0.1:1/mcp"}, {Name: "http_headers", Value: headers()}}, tomlText},
	{"yaml map", YAML(marks), Place{"servers", mine}, Entry{{Name: "name", Value: mine}, {Name: "cmd", Value: `C:\x "y"\program.exe`}, {Name: "args", Value: []string{}}}, yamlMapText},
	{"yaml list", YAMLList(marks), Place{"servers", mine}, Entry{{Name: "name", Value: mine}, {Name: "requestOptions", Value: Entry{{Name: "headers", Value: headers()}}}}, yamlListText},
}

// TestPutThenRemove: whatever a file looks like, putting an entry in changes nothing else, putting it in again changes
// nothing at all, and taking it out leaves what there was. A file with a section of servers is then the same byte for byte.
func TestPutThenRemove(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				before := []byte(f.text(t))
				roundTrip(t, f, before, true)
			})
		})
	}
}

// fataler is a test, of this package's or of rapid's.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// roundTrip checks the promises on one file; ours says that it must be possible.
func roundTrip(t fataler, f format, before []byte, must bool) {
	t.Helper()
	original := bytes.Clone(before)
	tree, err := f.Parse(before)
	if err != nil {
		if must {
			t.Fatalf("Parse(%q) = %v", before, err)
		}
		return
	}
	all, err := tree.Entries(f.at)
	_, there := all[mine]
	connected, err2 := f.Put(before, f.at, f.entry, nil)
	if !bytes.Equal(before, original) {
		t.Fatalf("Put changed what it was given: %q, was %q", before, original)
	}
	if err != nil || err2 != nil {
		if must {
			t.Fatalf("Put(%q) = %v, %v", before, err, err2)
		}
		return
	}
	if again, err := f.Put(connected, f.at, f.entry, nil); err != nil || !bytes.Equal(again, connected) {
		t.Fatalf("Put into %q = %q, %v; want no change", connected, again, err)
	}
	after, err := f.Remove(connected, f.at)
	if err != nil {
		if must {
			t.Fatalf("Remove(%q) = %v", connected, err)
		}
		return
	}
	left, err := f.Parse(after)
	if err != nil || !reflect.DeepEqual(left.without(f.at), tree.without(f.at)) {
		t.Fatalf("%q with our entry put in and taken out is %q (%v)", before, after, err)
	}
	if must && len(all) > 0 && !there && !bytes.Equal(after, before) {
		t.Fatalf("with other servers,\n%q becomes\n%q and then\n%q", before, connected, after)
	}
}

var (
	words   = rapid.SampledFrom([]string{"memory", "时间", "a b", "q\"uote", "x.y", "servers", "agent", "-", "null", "no"})
	space   = rapid.SampledFrom([]string{"", " ", "\n", "\r\n", "\n\t", "\n  ", "\n    "})
	comment = rapid.SampledFrom([]string{"", "", "", " // one {\n", " /* two, */", "\n// three \"mine\": {}\n", " /* four\n } */ "})
)

// jsonText is an object with or without servers, however it may be laid out.
func jsonText(t *rapid.T) string { return jsonLaidOut(t, true) }

func strictText(t *rapid.T) string { return jsonLaidOut(t, false) }

func jsonLaidOut(t *rapid.T, loosely bool) string {
	gap := func() string {
		s := space.Draw(t, "space")
		if loosely {
			s += comment.Draw(t, "comment")
		}
		return s
	}
	comma := func() string {
		if loosely && rapid.Bool().Draw(t, "comma") {
			return ","
		}
		return ""
	}
	var value func(depth int) string
	object := func(depth int, names []string, first string) string {
		var parts []string
		if first != "" {
			parts = append(parts, first)
		}
		for _, name := range names {
			parts = append(parts, gap()+quote(name)+gap()+":"+gap()+value(depth+1)+gap())
		}
		trail := ""
		if len(parts) > 0 {
			trail = comma()
			if trail != "" {
				trail += gap()
			}
		}
		return "{" + strings.Join(parts, ",") + trail + gap() + "}"
	}
	value = func(depth int) string {
		switch kind := rapid.IntRange(0, 4).Draw(t, "kind"); {
		case kind == 0 && depth < 4:
			return object(depth, rapid.SliceOfNDistinct(words, 0, 3, rapid.ID[string]).Draw(t, "names"), "")
		case kind == 1:
			return "[" + gap() + "1" + gap() + "]"
		case kind == 2:
			return "12.50e3"
		default:
			return quote(rapid.String().Draw(t, "string"))
		}
	}
	names := rapid.SliceOfNDistinct(words.Filter(func(w string) bool { return w != "servers" }), 0, 3, rapid.ID[string]).Draw(t, "top")
	section := ""
	if rapid.Bool().Draw(t, "section") {
		var servers []string
		for _, name := range rapid.SliceOfNDistinct(rapid.OneOf(words, rapid.Just(mine)), 0, 3, rapid.ID[string]).Draw(t, "servers") {
			servers = append(servers, gap()+quote(name)+":"+gap()+object(3, []string{"command"}, "")+gap())
		}
		trail := ""
		if len(servers) > 0 {
			trail = comma()
		}
		section = gap() + `"servers"` + ":" + gap() + "{" + strings.Join(servers, ",") + trail + gap() + "}" + gap()
	}
	return gap() + object(0, names, section) + gap()
}

func ending(t *rapid.T) string {
	return rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line ending")
}

func tomlText(t *rapid.T) string {
	nl := ending(t)
	var b strings.Builder
	line := func(text string) { b.WriteString(text + nl) }
	for n := range rapid.IntRange(0, 3).Draw(t, "keys") {
		line(fmt.Sprintf("key%d = %s # %s", n, quote(words.Draw(t, "value")), "note"))
	}
	for n := range rapid.IntRange(0, 3).Draw(t, "servers") {
		if rapid.Bool().Draw(t, "empty line") {
			line("")
		}
		line(fmt.Sprintf("[servers.s%d]", n))
		line("command = 'npx' # [servers.mine]")
		line("args = [")
		line("  \"-y\", # [x]")
		line("]")
		if rapid.Bool().Draw(t, "long") {
			line(`text = """` + nl + "[servers.mine]" + nl + `"""`)
		}
	}
	if rapid.Bool().Draw(t, "tail") {
		line("[[other]]")
		line("a.b = 1979-05-27T07:32:00Z")
	}
	text := b.String()
	if rapid.Bool().Draw(t, "open end") {
		text = strings.TrimSuffix(text, nl)
		if text != "" { // the line break that we add stays: see the byte for byte test, which is about the files of editors
			text += nl
		}
	}
	return text
}

func yamlMapText(t *rapid.T) string  { return yamlText(t, "servers", false) }
func yamlListText(t *rapid.T) string { return yamlText(t, "servers", true) }

func yamlText(t *rapid.T, section string, list bool) string {
	nl := ending(t)
	var b strings.Builder
	line := func(text string) { b.WriteString(text + nl) }
	rest := func() {
		if rapid.Bool().Draw(t, "comment") {
			line("# a comment: {")
		}
		if rapid.Bool().Draw(t, "empty line") {
			line("")
		}
	}
	rest()
	line("first: |")
	line("  - name: mine")
	rest()
	if rapid.Bool().Draw(t, "section") {
		indent := rapid.SampledFrom([]string{"  ", "    "}).Draw(t, "indent")
		if list {
			indent = rapid.SampledFrom([]string{"", "  ", "    "}).Draw(t, "indent")
		}
		servers := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"memory", "时间", "a b", "x.y"}), 0, 3, rapid.ID[string]).Draw(t, "servers")
		if len(servers) == 0 {
			line(section + ":" + rapid.SampledFrom([]string{"", " {}", " # nothing"}).Filter(func(s string) bool { return !list || s != " {}" }).Draw(t, "empty"))
		} else {
			line(section + ":" + rapid.SampledFrom([]string{"", " # ours"}).Draw(t, "note"))
		}
		for _, name := range servers {
			if rapid.Bool().Draw(t, "inner comment") {
				line(indent + "# about " + name)
			}
			if list {
				line(indent + "- name: " + quote(name))
				line(indent + "  args:")
			} else {
				line(indent + quote(name) + ":")
				line(indent + "  args:")
			}
			line(indent + "  - -y")
			line(indent + "  text: >-")
			line(indent + "    folded")
			line("")
			line(indent + "    more")
		}
		rest()
	}
	line("last: 1")
	rest()
	return b.String()
}

// someComment is one of those that are drawn.
var someComment = regexp.MustCompile(`// one \{|/\* two, \*/|// three "mine": \{\}|/\* four\n \} \*/`)

// TestCommentsStay: taking our entry out takes the comments in it and those behind it in its line, and no other; putting it in, or
// bringing it up to date, touches none outside it.
func TestCommentsStay(t *testing.T) {
	at := Place{"servers", mine}
	rapid.Check(t, func(t *rapid.T) {
		before := []byte(jsonText(t))
		connected, err := JSON().Put(before, at, Entry{{Name: "command", Value: "/x"}, {Name: "args", Value: []string{}}}, nil)
		if err != nil {
			t.Fatalf("Put(%q) = %v", before, err)
		}
		outside, _ := aroundOurs(t, before)
		got, left := aroundOurs(t, connected)
		if want := someComment.FindAllString(outside, -1); !slices.Equal(someComment.FindAllString(got, -1), want) {
			t.Fatalf("%q becomes %q, want the comments %q in it", before, connected, want)
		}
		after, err := JSON().Remove(connected, at)
		if err != nil {
			t.Fatalf("Remove(%q) = %v", connected, err)
		}
		if want := someComment.FindAllString(left, -1); !slices.Equal(someComment.FindAllString(string(after), -1), want) {
			t.Fatalf("%q becomes %q and then %q, want the comments %q in it", before, connected, after, want)
		}
	})
}

// aroundOurs is a text without our entry, and that without what is between the entry and a comma in the same line.
func aroundOurs(t *rapid.T, text []byte) (outside, left string) {
	value, section, err := jsonCodec{}.object(text, "servers")
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if section == nil {
		return string(text), string(text)
	}
	n, err := lookUp(section, mine)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if n < 0 {
		return string(text), string(text)
	}
	m := section.Members[n]
	before, behind := string(text[:m.Name.StartOffset]), text[m.Value.EndOffset:]
	outside = before + string(behind)
	gap := text[m.Value.EndOffset : value.EndOffset-1]
	if n < len(section.Members)-1 {
		gap = text[m.Value.EndOffset:section.Members[n+1].Name.StartOffset]
	}
	if comma := commaIn(gap); comma >= 0 && !bytes.Contains(behind[:comma], []byte("\n")) {
		return outside, before + string(behind[comma:])
	}
	return outside, outside
}

// TestMembersOfOthersStay: members that somebody added to our entry outlive a change of it, where the format can.
func TestMembersOfOthersStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		extras := rapid.MapOfN(words, rapid.SampledFrom([]any{true, "x", []any{"a"}, map[string]any{"k": "v"}}), 0, 3).Draw(t, "extras")
		found := map[string]any{"command": "/old/program", "args": []any{}, "url": "http://127.0.0.1:1/mcp"}
		maps.Copy(found, extras)
		text, err := json.MarshalIndent(map[string]any{"servers": map[string]any{mine: found, "other": map[string]any{}}}, "", rapid.SampledFrom([]string{"", "  ", "\t"}).Draw(t, "indent"))
		if err != nil {
			t.Fatalf("%v", err)
		}
		at := Place{"servers", mine}
		after, err := JSON().Put(text, at, Entry{{Name: "command", Value: "/new/program"}, {Name: "args", Value: []string{}}}, []string{"url"})
		if err != nil {
			t.Fatalf("Put(%s) = %v", text, err)
		}
		tree, err := JSON().Parse(after)
		if err != nil {
			t.Fatalf("%v", err)
		}
		got, _, err := tree.Find(at)
		if err != nil {
			t.Fatalf("%v", err)
		}
		want := map[string]any{"command": "/new/program", "args": []any{}}
		maps.Copy(want, extras)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nbecomes\n%s", text, after)
		}
	})
}

// The fuzz targets: whatever bytes are in a file, it is refused or the promises hold.

func fuzz(f *testing.F, format format, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { roundTrip(t, format, text, false) })
}

func FuzzJSON(f *testing.F) {
	fuzz(f, formats[0], "", "{}", `{"servers":{}}`, `{"servers":{"a":1,},} // x`, "{\n\t\"a\": 1 /* b */\n}\n", `{"servers":{"mine":{"command":"x"}}}`, "\ufeff{}", "[]", `{"servers":null}`)
}

func FuzzStrictJSON(f *testing.F) {
	fuzz(f, formats[1], "", "{}", `{"servers":{"a":{}}}`, "{\r\n  \"a\": [1, 2]\r\n}", `{"servers":{"mine":{"command":"x"},"b":{}}}`)
}

func FuzzTOML(f *testing.F) {
	fuzz(f, formats[2], "", "a = 1", "[servers.mine]\ncommand = 'x'\n[b]\n", "servers = { mine = { a = 1 } }", "servers.mine.a = 1\nservers.x.b = 2\n", "[[servers]]\n", "[servers]\nmine.a = '''\n'''\n", marks.Begin+"\n[servers.mine]\n"+marks.End+"\n")
}

func FuzzYAMLMap(f *testing.F) {
	fuzz(f, formats[3], "", "servers:\n  a:\n    b: 1\n", "servers: {}\n", "servers: {a: 1}", "a: 1\n...\n", "--- {}\n", "servers:\n  mine:\n  - x\n  b: |\n   x\n", "? servers\n: a: 1\n", "\tservers:")
}

func FuzzYAMLList(f *testing.F) {
	fuzz(f, formats[4], "", "servers:\n- name: a\n  x: 1\n", "servers: []\n", "servers:\n  -\n    name: mine\n", "servers:\n  - {name: mine}\n", "servers: &a\n  - name: x\nb: *a\n", "servers:\n  - - name\n")
}

// TestTextsWithOurMarksStay: a text of the user's has lines like our comments.
func TestTextsWithOurMarksStay(t *testing.T) {
	for _, tc := range []struct {
		format format
		text   string
	}{
		{formats[2], "a = '''\n" + marks.Begin + "\n" + marks.End + "\n'''\n"},
		{formats[3], "a: |\n  " + marks.Begin + "\n  " + marks.End + "\nservers:\n  x: {}\nz: |\n  " + marks.Begin + "\n  " + marks.End + "\n"},
		{formats[4], "a: |\n  " + marks.Begin + "\nservers:\n- name: x\nz: |\n  " + marks.End + "\n"},
	} {
		text, err := tc.format.Put([]byte(tc.text), tc.format.at, tc.format.entry, nil)
		if err != nil {
			t.Fatalf("Put(%q) = %v", tc.text, err)
		}
		after, err := tc.format.Remove(text, tc.format.at)
		if err != nil || string(after) != tc.text {
			t.Errorf("%s: %q becomes %q and then %q (%v)", tc.format.name, tc.text, text, after, err)
		}
	}
}

// TestOldMarksGoWithTheEntry: those of an earlier version went on in another way.
func TestOldMarksGoWithTheEntry(t *testing.T) {
	const old = "# >>> mine, as it was said once"
	for _, f := range formats[2:] {
		text, err := f.Put(nil, f.at, f.entry, nil)
		if err != nil {
			t.Fatalf("%s: Put = %v", f.name, err)
		}
		before := strings.ReplaceAll(string(text), marks.Begin, old)
		if before == string(text) {
			t.Errorf("%s: %q has no mark", f.name, text)
		}
		after, err := f.Remove([]byte(before), f.at)
		if err != nil || strings.Contains(string(after), "mine") {
			t.Errorf("%s: %q becomes %q (%v), want nothing of the entry left", f.name, before, after, err)
		}
	}
}

// oursAmongOthers are parts of files, in lines parted by bars, with an entry of ours that is out of date; > is the indentation.
var oursAmongOthers = map[string][]string{
	"toml": {
		"[servers.mine]|command = '/old/program'|args = [ # none|]|timeout = 3", "[servers.mine.env]|K = 'v'",
		"[servers.mine.tools.x]|approval = 'yes'", "[servers.a]|command = 'x'", "[servers.b.env]|Y = 1", "[other]|x = 1", "# c", "",
	},
	"yaml map": {
		">mine:|>  cmd: /old/program|>  args:|>  - x|>  timeout: 3|>  env:|>    K: v", ">a:|>  x: 1", ">\"b\": {x: 1}",
		">d:|>    t: >-|>      x|>      y", "># c", "",
	},
	"yaml list": {
		">- timeout: 3|>  name: mine|>  command: /old/program|>  args:|>    - x|>  env:|>    K: v", ">- name: a|>  x: 1", ">- uses: b/c",
		">- x: z|>  name: zz", "># c", "",
	},
}

// TestOursAmongOthers: an entry of ours, wherever it is and however its parts lie, is brought up to date and taken out, and what the user
// has put into it stays until then.
func TestOursAmongOthers(t *testing.T) {
	for _, f := range formats {
		parts, known := oursAmongOthers[f.name]
		if !known {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				nl, indent := ending(t), rapid.SampledFrom([]string{"  ", "    "}).Draw(t, "indent")
				text := ""
				if f.name != "toml" {
					text = f.at.Section + ": # servers" + nl
				}
				for _, part := range rapid.Permutation(parts).Draw(t, "parts") {
					for line := range strings.SplitSeq(part, "|") {
						if inner, ok := strings.CutPrefix(line, ">"); ok {
							line = indent + inner
						}
						text += line + nl
					}
				}
				checkOurs(t, f, text)
			})
		})
	}
}

// checkOurs brings our entry in a text up to date and takes it out.
func checkOurs(t *rapid.T, f format, text string) {
	connected, err := f.Put([]byte(text), f.at, f.entry, []string{"command", "cmd", "args"})
	if err != nil {
		t.Fatalf("Put(%q) = %v", text, err)
	}
	tree, err := f.Parse(connected)
	if err != nil {
		t.Fatalf("%q becomes %q: %v", text, connected, err)
	}
	ours, _, err := tree.Find(f.at)
	if err != nil || !same(ours["timeout"], 3) || !same(ours["env"], map[string]any{"K": "v"}) {
		t.Fatalf("%q becomes %q (%v), want what the user has put into it", text, connected, err)
	}
	after, err := f.Remove(connected, f.at)
	if err != nil {
		t.Fatalf("Remove(%q) = %v", connected, err)
	}
	for _, left := range [][]byte{connected, after} {
		if bytes.Count(left, []byte("# c")) != strings.Count(text, "# c") {
			t.Fatalf("%q becomes %q and then %q, want its comment to stay", text, connected, after)
		}
	}
}
