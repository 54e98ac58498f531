package configedit

import (
	"errors"
	"strings"
	"testing"
)

// TestShapesThatFilesHave: what people and other programs write, and how it is written with an entry in it, and without it again.
func TestShapesThatFilesHave(t *testing.T) {
	jsonFormat, tomlFormat, yamlMap, yamlList := formats[0], formats[2], formats[3], formats[4]
	for _, tc := range []struct {
		name   string
		format format
		before string
		after  string // without the entry again; empty: as before
	}{
		{"a comment that ends with the file", jsonFormat, "{\"servers\": {\"a\": {}}} // end", ""},
		{"a section that is null", jsonFormat, "{\"servers\": null, \"x\": 1}", "{\"servers\": {}, \"x\": 1}"},
		{"not-a-number", tomlFormat, "a = nan\nb = [nan, {c = -nan}]\n", ""},
		{"not-a-number", yamlMap, "a: .nan\nservers:\n  b: {c: [.NaN]}\n", ""},
		{"a null that is written out", yamlMap, "servers: ~ # none\nz: 1\n", "servers: {} # none\nz: 1\n"},
		{"a null in a word", yamlMap, "servers: null", "servers: {}\n"},
		{"an empty map with a space in it", yamlMap, "servers: { }\n", "servers: {}\n"},
		{"an empty list with a space in it", yamlList, "servers: [ ]\nz: 1\n", "servers: []\nz: 1\n"},
		{"a null for a list", yamlList, "servers: ~\n", "servers: []\n"},
	} {
		t.Run(tc.format.name+", "+tc.name, func(t *testing.T) {
			if tc.after == "" {
				tc.after = tc.before
			}
			f := tc.format
			connected, err := f.Put([]byte(tc.before), f.at, f.entry, nil)
			if err != nil {
				t.Fatalf("Put(%q) = %v", tc.before, err)
			}
			after, err := f.Remove(connected, f.at)
			if err != nil || string(after) != tc.after {
				t.Errorf("%q becomes %q and then %q (%v), want %q", tc.before, connected, after, err, tc.after)
			}
		})
	}
}

// TestShapesThatAreLeftAlone can be read, and not be changed.
func TestShapesThatAreLeftAlone(t *testing.T) {
	jsonFormat, tomlFormat, yamlMap, yamlList := formats[0], formats[2], formats[3], formats[4]
	for _, tc := range []struct {
		format format
		text   string
	}{
		{jsonFormat, `{"servers": []}`},
		{tomlFormat, "servers = { a = { command = 'x' } }\n"},
		{tomlFormat, "[[servers]]\nname = 'a'\n"},
		{yamlMap, "{servers: {a: {b: 1}}}\n"},
		{yamlMap, "servers: {a: {b: 1}}\n"},
		{yamlMap, "x: &x\n  a: {}\nservers: *x\n"},
		{yamlMap, "? servers\n: a: {}\n"},
		{yamlMap, "servers:\n- a\n"},
		{yamlList, "servers: [{name: a}]\n"},
		{yamlList, "servers: &x\n- name: a\ny: *x\n"},
	} {
		f := tc.format
		if _, err := f.Parse([]byte(tc.text)); err != nil {
			t.Errorf("Parse(%q) = %v", tc.text, err)
		}
		if text, err := f.Put([]byte(tc.text), f.at, f.entry, nil); !errors.Is(err, ErrShape) {
			t.Errorf("Put(%q) = %q, %v; want ErrShape", tc.text, text, err)
		}
	}
	for _, tc := range []struct {
		format format
		text   string
	}{
		{tomlFormat, "servers = { mine = { url = 'x' }, b = { url = 'y' } }\n"},
		{yamlMap, "servers: {mine: {cmd: x}, b: {}}\n"},
		{yamlList, "servers: [{name: mine}]\n"},
		{yamlList, "x: &x\n- name: mine\nservers: *x\n"},
	} {
		if text, err := tc.format.Remove([]byte(tc.text), tc.format.at); !errors.Is(err, ErrShape) {
			t.Errorf("Remove(%q) = %q, %v; want ErrShape", tc.text, text, err)
		}
	}
}

// TestFilesThatAreRefused: with a reason, which does not quote what is in them.
func TestFilesThatAreRefused(t *testing.T) {
	many := func(line string) string { return strings.Repeat(line+"\n", maxKeys+1) }
	for _, tc := range []struct {
		name, text, want string
		format           Format
	}{
		{"a key twice", "a: 1\nsecret: 2\nsecret: 3\n", "line 3: the key is there already, in line 2", YAML(marks)},
		{"more keys than can be compared", many("not-shown: 1"), "more than 10000 keys", YAML(marks)},
		{"more keys than can be compared, deep down", "a:\n- b:\n" + many("    not-shown: 1"), "more than 10000 keys", YAML(marks)},
		{"more keys than can be compared", many("[not-shown]"), "more than 10000 keys", TOML(marks)},
		{"half a file", "{\"not-shown\": [\n", "line 2, column 1: parsing value: the file ends too early", JSON()},
		{"a comment where there may be none", "{\n  \"not-shown\": 1, // 时间\n}", "line 2, column 19: invalid character '/'", StrictJSON()},
		{"half a file", "{\n  \"not-shown\": [", "line 2, column 16: unexpected end", StrictJSON()},
		{"UTF-16 without a mark", "{\x00}\x00", "not text in UTF-8", JSON()},
		{"what a crash may leave", "\x00\x00\x00", "not text in UTF-8", YAML(marks)},
		{"line breaks of old computers", "a: 1\rb: 2\r", "line breaks", YAML(marks)},
	} {
		if _, err := tc.format.Parse([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "not-shown") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Parse = %v, want that %s", tc.name, err, tc.want)
		}
	}
}
