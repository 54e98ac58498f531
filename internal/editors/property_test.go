package editors

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

// format is a codec with a shape that some editor has.
type format struct {
	name  string
	codec codec
	at    place
	entry entry
	text  func(*rapid.T) string
}

var formats = []format{
	{"json", jsonCodec{}, place{"mcpServers", Name}, switchedStdio("/x/agentrun-mcp"), jsonText},
	{"strict json", jsonCodec{strict: true}, place{"mcpServers", Name}, typedStdio("/x/agentrun-mcp"), strictText},
	{"toml", tomlCodec{id: "codex"}, place{"mcp_servers", Name}, entry{fixed("url", "http://127.0.0.1:1/mcp"), fixed("http_headers", bearer("x"))}, tomlText},
	{"yaml map", yamlCodec{id: "goose"}, place{"extensions", Name}, entry{fixed("name", Name), fixed("cmd", `C:\x "y"\agentrun-mcp.exe`), fixed("args", none)}, yamlMapText},
	{"yaml list", yamlCodec{id: "continue", list: true}, place{"mcpServers", Name}, entry{fixed("name", Name), fixed("requestOptions", entry{fixed("headers", bearer("x"))})}, yamlListText},
}

// TestConnectThenDisconnect: whatever a file looks like, putting our entry in changes nothing else, putting it in again changes
// nothing at all, and taking it out leaves what there was. A file with a section of servers is then the same byte for byte.
func TestConnectThenDisconnect(t *testing.T) {
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
	tree, err := parse(f.codec, before)
	if err != nil {
		if must {
			t.Fatalf("parse(%q) = %v", before, err)
		}
		return
	}
	all, err := entries(tree, f.at.section)
	_, there := all[Name]
	connected, err2 := put(f.codec, before, f.at, f.entry, nil)
	if !bytes.Equal(before, original) {
		t.Fatalf("put changed what it was given: %q, was %q", before, original)
	}
	if err != nil || err2 != nil {
		if must {
			t.Fatalf("put(%q) = %v, %v", before, err, err2)
		}
		return
	}
	if again, err := put(f.codec, connected, f.at, f.entry, nil); err != nil || !bytes.Equal(again, connected) {
		t.Fatalf("put into %q = %q, %v; want no change", connected, again, err)
	}
	after, err := remove(f.codec, connected, f.at)
	if err != nil {
		if must {
			t.Fatalf("remove(%q) = %v", connected, err)
		}
		return
	}
	left, err := parse(f.codec, after)
	if err != nil || !reflect.DeepEqual(without(left, f.at), without(tree, f.at)) {
		t.Fatalf("%q with our entry put in and taken out is %q (%v)", before, after, err)
	}
	if must && len(all) > 0 && !there && !bytes.Equal(after, before) {
		t.Fatalf("with other servers,\n%q becomes\n%q and then\n%q", before, connected, after)
	}
}

var (
	words   = rapid.SampledFrom([]string{"memory", "时间", "a b", "q\"uote", "x.y", "mcpServers", "agent", "-", "null", "no"})
	space   = rapid.SampledFrom([]string{"", " ", "\n", "\r\n", "\n\t", "\n  ", "\n    "})
	comment = rapid.SampledFrom([]string{"", "", "", " // one {\n", " /* two, */", "\n// three \"agentrun\": {}\n", " /* four\n } */ "})
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
	names := rapid.SliceOfNDistinct(words.Filter(func(w string) bool { return w != "mcpServers" }), 0, 3, rapid.ID[string]).Draw(t, "top")
	section := ""
	if rapid.Bool().Draw(t, "section") {
		var servers []string
		for _, name := range rapid.SliceOfNDistinct(rapid.OneOf(words, rapid.Just(Name)), 0, 3, rapid.ID[string]).Draw(t, "servers") {
			servers = append(servers, gap()+quote(name)+":"+gap()+object(3, []string{"command"}, "")+gap())
		}
		trail := ""
		if len(servers) > 0 {
			trail = comma()
		}
		section = gap() + `"mcpServers"` + ":" + gap() + "{" + strings.Join(servers, ",") + trail + gap() + "}" + gap()
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
		line(fmt.Sprintf("[mcp_servers.s%d]", n))
		line("command = 'npx' # [mcp_servers.agentrun]")
		line("args = [")
		line("  \"-y\", # [x]")
		line("]")
		if rapid.Bool().Draw(t, "long") {
			line(`text = """` + nl + "[mcp_servers.agentrun]" + nl + `"""`)
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

func yamlMapText(t *rapid.T) string  { return yamlText(t, "extensions", false) }
func yamlListText(t *rapid.T) string { return yamlText(t, "mcpServers", true) }

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
	line("  - name: agentrun")
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
var someComment = regexp.MustCompile(`// one \{|/\* two, \*/|// three "agentrun": \{\}|/\* four\n \} \*/`)

// TestCommentsStay: taking our entry out takes the comments in it and those behind it in its line, and no other; putting it in, or
// bringing it up to date, touches none outside it.
func TestCommentsStay(t *testing.T) {
	at := place{"mcpServers", Name}
	rapid.Check(t, func(t *rapid.T) {
		before := []byte(jsonText(t))
		connected, err := put(jsonCodec{}, before, at, plainStdio("/x"), nil)
		if err != nil {
			t.Fatalf("put(%q) = %v", before, err)
		}
		outside, _ := aroundOurs(t, before)
		got, left := aroundOurs(t, connected)
		if want := someComment.FindAllString(outside, -1); !slices.Equal(someComment.FindAllString(got, -1), want) {
			t.Fatalf("%q becomes %q, want the comments %q in it", before, connected, want)
		}
		after, err := remove(jsonCodec{}, connected, at)
		if err != nil {
			t.Fatalf("remove(%q) = %v", connected, err)
		}
		if want := someComment.FindAllString(left, -1); !slices.Equal(someComment.FindAllString(string(after), -1), want) {
			t.Fatalf("%q becomes %q and then %q, want the comments %q in it", before, connected, after, want)
		}
	})
}

// aroundOurs is a text without our entry, and that without what is between the entry and a comma in the same line.
func aroundOurs(t *rapid.T, text []byte) (outside, left string) {
	value, section, err := jsonCodec{}.object(text, "mcpServers")
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if section == nil {
		return string(text), string(text)
	}
	n, err := lookUp(section, Name)
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
		found := map[string]any{"command": "/old/agentrun-mcp", "args": []any{}, "url": "http://127.0.0.1:1/mcp"}
		maps.Copy(found, extras)
		text, err := json.MarshalIndent(map[string]any{"mcpServers": map[string]any{Name: found, "other": map[string]any{}}}, "", rapid.SampledFrom([]string{"", "  ", "\t"}).Draw(t, "indent"))
		if err != nil {
			t.Fatalf("%v", err)
		}
		at := place{"mcpServers", Name}
		after, err := put(jsonCodec{}, text, at, plainStdio("/new/agentrun-mcp"), []string{"url"})
		if err != nil {
			t.Fatalf("put(%s) = %v", text, err)
		}
		tree, err := parse(jsonCodec{}, after)
		if err != nil {
			t.Fatalf("%v", err)
		}
		got, _, err := find(tree, at)
		if err != nil {
			t.Fatalf("%v", err)
		}
		want := map[string]any{"command": "/new/agentrun-mcp", "args": []any{}}
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
	fuzz(f, formats[0], "", "{}", `{"mcpServers":{}}`, `{"mcpServers":{"a":1,},} // x`, "{\n\t\"a\": 1 /* b */\n}\n", `{"mcpServers":{"agentrun":{"command":"x"}}}`, "\ufeff{}", "[]", `{"mcpServers":null}`)
}

func FuzzStrictJSON(f *testing.F) {
	fuzz(f, formats[1], "", "{}", `{"mcpServers":{"a":{}}}`, "{\r\n  \"a\": [1, 2]\r\n}", `{"mcpServers":{"agentrun":{"command":"x"},"b":{}}}`)
}

func FuzzTOML(f *testing.F) {
	fuzz(f, formats[2], "", "a = 1", "[mcp_servers.agentrun]\ncommand = 'x'\n[b]\n", "mcp_servers = { agentrun = { a = 1 } }", "mcp_servers.agentrun.a = 1\nmcp_servers.x.b = 2\n", "[[mcp_servers]]\n", "[mcp_servers]\nagentrun.a = '''\n'''\n", markBegin+"\n[mcp_servers.agentrun]\n"+markEnd+"\n")
}

func FuzzYAMLMap(f *testing.F) {
	fuzz(f, formats[3], "", "extensions:\n  a:\n    b: 1\n", "extensions: {}\n", "extensions: {a: 1}", "a: 1\n...\n", "--- {}\n", "extensions:\n  agentrun:\n  - x\n  b: |\n   x\n", "? extensions\n: a: 1\n", "\textensions:")
}

func FuzzYAMLList(f *testing.F) {
	fuzz(f, formats[4], "", "mcpServers:\n- name: a\n  x: 1\n", "mcpServers: []\n", "mcpServers:\n  -\n    name: agentrun\n", "mcpServers:\n  - {name: agentrun}\n", "mcpServers: &a\n  - name: x\nb: *a\n", "mcpServers:\n  - - name\n")
}

// TestTextsWithOurMarksStay: a text of the user's has lines like our comments.
func TestTextsWithOurMarksStay(t *testing.T) {
	for _, tc := range []struct {
		format format
		text   string
	}{
		{formats[2], "a = '''\n" + markBegin + "\n" + markEnd + "\n'''\n"},
		{formats[3], "a: |\n  " + markBegin + "\n  " + markEnd + "\nextensions:\n  x: {}\nz: |\n  " + markBegin + "\n  " + markEnd + "\n"},
		{formats[4], "a: |\n  " + markBegin + "\nmcpServers:\n- name: x\nz: |\n  " + markEnd + "\n"},
	} {
		text, err := put(tc.format.codec, []byte(tc.text), tc.format.at, tc.format.entry, nil)
		if err != nil {
			t.Fatalf("put(%q) = %v", tc.text, err)
		}
		after, err := remove(tc.format.codec, text, tc.format.at)
		if err != nil || string(after) != tc.text {
			t.Errorf("%s: %q becomes %q and then %q (%v)", tc.format.name, tc.text, text, after, err)
		}
	}
}

// TestOldMarksGoWithTheEntry: those of an earlier version did not name the editor.
func TestOldMarksGoWithTheEntry(t *testing.T) {
	const old = "# >>> agentrun (written by AgentRun Tray; to take it out: agentrunctl disconnect)"
	for _, f := range formats[2:] {
		text, err := put(f.codec, nil, f.at, f.entry, nil)
		if err != nil {
			t.Fatalf("%s: put = %v", f.name, err)
		}
		before := strings.ReplaceAll(string(text), markOf(idOf(f.codec)), old)
		if before == string(text) || !strings.Contains(before, old) {
			t.Errorf("%s: %q does not say how to take the entry of %s out", f.name, text, idOf(f.codec))
		}
		after, err := remove(f.codec, []byte(before), f.at)
		if err != nil || strings.Contains(string(after), "agentrun") {
			t.Errorf("%s: %q becomes %q (%v), want nothing of ours left", f.name, before, after, err)
		}
	}
}

func idOf(c codec) ID {
	switch c := c.(type) {
	case tomlCodec:
		return c.id
	case yamlCodec:
		return c.id
	}
	return ""
}

// oursAmongOthers are parts of files, in lines parted by bars, with an entry of ours that is out of date; > is the indentation.
var oursAmongOthers = map[string][]string{
	"toml": {
		"[mcp_servers.agentrun]|command = '/old/agentrun-mcp'|args = [ # none|]|timeout = 3", "[mcp_servers.agentrun.env]|K = 'v'",
		"[mcp_servers.agentrun.tools.x]|approval = 'yes'", "[mcp_servers.a]|command = 'x'", "[mcp_servers.b.env]|Y = 1", "[other]|x = 1", "# c", "",
	},
	"yaml map": {
		">agentrun:|>  cmd: /old/agentrun-mcp|>  args:|>  - x|>  timeout: 3|>  env:|>    K: v", ">a:|>  x: 1", ">\"b\": {x: 1}",
		">d:|>    t: >-|>      x|>      y", "># c", "",
	},
	"yaml list": {
		">- timeout: 3|>  name: agentrun|>  command: /old/agentrun-mcp|>  args:|>    - x|>  env:|>    K: v", ">- name: a|>  x: 1", ">- uses: b/c",
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
					text = f.at.section + ": # servers" + nl
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
	connected, err := put(f.codec, []byte(text), f.at, f.entry, []string{"command", "cmd", "args"})
	if err != nil {
		t.Fatalf("put(%q) = %v", text, err)
	}
	tree, err := parse(f.codec, connected)
	if err != nil {
		t.Fatalf("%q becomes %q: %v", text, connected, err)
	}
	ours, _, err := find(tree, f.at)
	if err != nil || !same(ours["timeout"], 3) || !same(ours["env"], map[string]any{"K": "v"}) {
		t.Fatalf("%q becomes %q (%v), want what the user has put into it", text, connected, err)
	}
	after, err := remove(f.codec, connected, f.at)
	if err != nil {
		t.Fatalf("remove(%q) = %v", connected, err)
	}
	for _, left := range [][]byte{connected, after} {
		if bytes.Count(left, []byte("# c")) != strings.Count(text, "# c") {
			t.Fatalf("%q becomes %q and then %q, want its comment to stay", text, connected, after)
		}
	}
}
