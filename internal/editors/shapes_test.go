package editors

import (
	"errors"
	"strings"
	"testing"
)

// TestShapesThatFilesHave: what people and other programs write, and how it is written with our entry in it, and without it again.
func TestShapesThatFilesHave(t *testing.T) {
	jsonFormat, tomlFormat, yamlMap, yamlList := formats[0], formats[2], formats[3], formats[4]
	for _, tc := range []struct {
		name   string
		format format
		before string
		after  string // without our entry again; empty: as before
	}{
		{"a comment that ends with the file", jsonFormat, "{\"mcpServers\": {\"a\": {}}} // end", ""},
		{"a section that is null", jsonFormat, "{\"mcpServers\": null, \"x\": 1}", "{\"mcpServers\": {}, \"x\": 1}"},
		{"not-a-number", tomlFormat, "a = nan\nb = [nan, {c = -nan}]\n", ""},
		{"not-a-number", yamlMap, "a: .nan\nextensions:\n  b: {c: [.NaN]}\n", ""},
		{"a null that is written out", yamlMap, "extensions: ~ # none\nz: 1\n", "extensions: {} # none\nz: 1\n"},
		{"a null in a word", yamlMap, "extensions: null", "extensions: {}\n"},
		{"an empty map with a space in it", yamlMap, "extensions: { }\n", "extensions: {}\n"},
		{"an empty list with a space in it", yamlList, "mcpServers: [ ]\nz: 1\n", "mcpServers: []\nz: 1\n"},
		{"a null for a list", yamlList, "mcpServers: ~\n", "mcpServers: []\n"},
	} {
		t.Run(tc.format.name+", "+tc.name, func(t *testing.T) {
			if tc.after == "" {
				tc.after = tc.before
			}
			f := tc.format
			connected, err := put(f.codec, []byte(tc.before), f.at, f.entry, nil)
			if err != nil {
				t.Fatalf("put(%q) = %v", tc.before, err)
			}
			after, err := remove(f.codec, connected, f.at)
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
		{jsonFormat, `{"mcpServers": []}`},
		{tomlFormat, "mcp_servers = { a = { command = 'x' } }\n"},
		{tomlFormat, "[[mcp_servers]]\nname = 'a'\n"},
		{yamlMap, "{extensions: {a: {b: 1}}}\n"},
		{yamlMap, "extensions: {a: {b: 1}}\n"},
		{yamlMap, "x: &x\n  a: {}\nextensions: *x\n"},
		{yamlMap, "? extensions\n: a: {}\n"},
		{yamlMap, "extensions:\n- a\n"},
		{yamlList, "mcpServers: [{name: a}]\n"},
		{yamlList, "mcpServers: &x\n- name: a\ny: *x\n"},
	} {
		f := tc.format
		if _, err := parse(f.codec, []byte(tc.text)); err != nil {
			t.Errorf("parse(%q) = %v", tc.text, err)
		}
		if text, err := put(f.codec, []byte(tc.text), f.at, f.entry, nil); !errors.Is(err, ErrShape) {
			t.Errorf("put(%q) = %q, %v; want ErrShape", tc.text, text, err)
		}
	}
	for _, tc := range []struct {
		format format
		text   string
	}{
		{tomlFormat, "mcp_servers = { agentrun = { url = 'x' }, b = { url = 'y' } }\n"},
		{yamlMap, "extensions: {agentrun: {cmd: x}, b: {}}\n"},
		{yamlList, "mcpServers: [{name: agentrun}]\n"},
		{yamlList, "x: &x\n- name: agentrun\nmcpServers: *x\n"},
	} {
		if text, err := remove(tc.format.codec, []byte(tc.text), tc.format.at); !errors.Is(err, ErrShape) {
			t.Errorf("remove(%q) = %q, %v; want ErrShape", tc.text, text, err)
		}
	}
}

// TestFilesThatAreRefused: with a reason, which does not quote what is in them.
func TestFilesThatAreRefused(t *testing.T) {
	many := func(line string) string { return strings.Repeat(line+"\n", maxKeys+1) }
	for _, tc := range []struct {
		name, text, want string
		codec            codec
	}{
		{"a key twice", "a: 1\nsecret: 2\nsecret: 3\n", "line 3: the key is there already, in line 2", yamlCodec{}},
		{"more keys than can be compared", many("not-shown: 1"), "more than 10000 keys", yamlCodec{}},
		{"more keys than can be compared, deep down", "a:\n- b:\n" + many("    not-shown: 1"), "more than 10000 keys", yamlCodec{}},
		{"more keys than can be compared", many("[not-shown]"), "more than 10000 keys", tomlCodec{}},
		{"half a file", "{\"not-shown\": [\n", "line 2, column 1", jsonCodec{}},
		{"line breaks of old computers", "a: 1\rb: 2\r", "line breaks", yamlCodec{}},
	} {
		if _, err := parse(tc.codec, []byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "not-shown") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: parse = %v, want that %s", tc.name, err, tc.want)
		}
	}
}
