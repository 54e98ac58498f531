package editors

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"unicode/utf8"
)

// codec knows one file format. All of it works on text without a byte order mark. Text of nothing but space is a file in which
// nothing is set.
type codec interface {
	// tree parses a file, whose root must be an object.
	tree(text []byte) (map[string]any, error)
	// put writes an entry. Of one that is there already it changes the members that are in e, and takes away those named in drop; all
	// others that it has are in e too.
	put(text []byte, at place, e entry, drop []string) ([]byte, error)
	// remove takes an entry away. It is called for entries that are there.
	remove(text []byte, at place) ([]byte, error)
}

// place is where an entry stands: a key of the root, and the name below it.
type place struct {
	section string
	name    string
}

// maxFile bounds what is parsed. Settings files have some kilobytes.
const maxFile = 32 << 20

// maxKeys bounds how many keys a map of YAML, or a whole file of TOML, may have: their parsers compare each with all others.
const maxKeys = 10_000

var errTooMany = fmt.Errorf("it has more than %d keys", maxKeys)

// ErrShape says that a file is as its editor wants it, and written in a way to which a program cannot add an entry, or from which it
// cannot take one, without changing anything else.
var ErrShape = errors.New("it is written in a way that a program cannot change without touching more than one entry")

var bom = []byte("\ufeff")

// readable refuses what no parser should see.
func readable(text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("it has more than %d MiB", maxFile>>20)
	}
	if !utf8.Valid(text) {
		return errors.New("it is not text in UTF-8")
	}
	return nil
}

// parse reads a file, with or without a byte order mark.
func parse(c codec, text []byte) (map[string]any, error) {
	if err := readable(text); err != nil {
		return nil, err
	}
	return c.tree(bytes.TrimPrefix(text, bom))
}

// blank says that nothing is set in a file.
func blank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// newline is how lines end in a text.
func newline(text []byte) string {
	if bytes.Contains(text, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// entries returns what is below the section's key by name. Editors have either an object there, or a list of objects with names.
func entries(tree map[string]any, section string) (map[string]any, error) {
	switch below := tree[section].(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return below, nil
	case []any:
		found := make(map[string]any, len(below))
		for _, item := range below {
			object, ok := item.(map[string]any)
			name, named := object["name"].(string)
			if !ok || !named {
				continue
			}
			if _, twice := found[name]; twice && name == Name {
				return nil, fmt.Errorf("%q is in %s twice", name, section)
			}
			found[name] = item
		}
		return found, nil
	default:
		return nil, fmt.Errorf("%s is not a list of servers", section)
	}
}

// find returns our entry.
func find(tree map[string]any, at place) (found map[string]any, there bool, err error) {
	all, err := entries(tree, at.section)
	if err != nil {
		return nil, false, err
	}
	value, there := all[at.name]
	if !there {
		return nil, false, nil
	}
	found, ok := value.(map[string]any)
	if !ok {
		return nil, true, fmt.Errorf("%s in %s is not an object", at.name, at.section)
	}
	return found, true, nil
}

// without is a tree without our entry. A section with nothing in it is as good as none.
func without(tree map[string]any, at place) map[string]any {
	rest := make(map[string]any, len(tree))
	maps.Copy(rest, tree)
	switch below := rest[at.section].(type) {
	case map[string]any:
		others := make(map[string]any, len(below))
		for name, value := range below {
			if name != at.name {
				others[name] = value
			}
		}
		rest[at.section] = others
		if len(others) == 0 {
			delete(rest, at.section)
		}
	case []any:
		others := slices.DeleteFunc(slices.Clone(below), func(item any) bool {
			object, ok := item.(map[string]any)
			return ok && object["name"] == at.name
		})
		rest[at.section] = others
		if len(others) == 0 {
			delete(rest, at.section)
		}
	case nil:
		delete(rest, at.section)
	}
	return rest
}

// put returns the text with our entry in it, and proves that nothing else changed. What says so already stays as it is written.
func put(c codec, text []byte, at place, e entry, drop []string) ([]byte, error) {
	tree, err := parse(c, text)
	if err != nil {
		return nil, err
	}
	found, there, err := find(tree, at)
	if err == nil && there && contains(found, e) && !slices.ContainsFunc(drop, func(name string) bool { _, has := found[name]; return has }) {
		return text, nil
	}
	e = e.over(found, drop)
	return edit(c, text, at, e, func(text []byte) ([]byte, error) { return c.put(text, at, e, drop) })
}

// remove returns the text without our entry, and proves that nothing else changed. Without one, the text stays.
func remove(c codec, text []byte, at place) ([]byte, error) {
	tree, err := parse(c, text)
	if err != nil {
		return nil, err
	}
	all, err := entries(tree, at.section)
	if err != nil {
		return nil, err
	}
	if _, there := all[at.name]; !there {
		return text, nil
	}
	return edit(c, text, at, nil, func(text []byte) ([]byte, error) { return c.remove(text, at) })
}

// edit changes a text and compares the trees before and after. Whatever a codec may do wrong, a file is not written that says
// anything else than before, apart from our entry.
func edit(c codec, text []byte, at place, want entry, change func([]byte) ([]byte, error)) ([]byte, error) {
	before, err := parse(c, text)
	if err != nil {
		return nil, err
	}
	if _, err := entries(before, at.section); err != nil {
		return nil, err
	}
	body, marked := bytes.CutPrefix(text, bom)
	changed, err := change(slices.Clone(body)) // parsers keep parts of what they read
	if err != nil {
		return nil, err
	}
	if marked {
		changed = slices.Concat(bom, changed)
	}
	after, err := parse(c, changed)
	if err != nil {
		return nil, ErrShape // what the parser says is about lines that nobody will see
	}
	found, there, err := find(after, at)
	if err != nil {
		return nil, ErrShape
	}
	old, _, _ := find(before, at)
	if there != (want != nil) || there && (!contains(found, want) || !keeps(old, found, want)) || !equal(without(before, at), without(after, at)) {
		return nil, ErrShape
	}
	return changed, nil
}

// equal is reflect.DeepEqual for what parsers return, in which not-a-number is equal to itself.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	}
	return reflect.DeepEqual(a, b)
}

// contains says whether an entry that was read has all members of e but the loose ones. Empty texts, lists and objects are as good as none.
func contains(found map[string]any, e entry) bool {
	for _, m := range e {
		if !m.loose && !same(found[m.name], m.value) {
			return false
		}
	}
	return true
}

// keeps says that what was to stay in an entry is still written with the same types.
func keeps(old, found map[string]any, e entry) bool {
	for _, m := range e {
		if was := old[m.name]; !empty(was) && same(was, m.value) && !equal(was, found[m.name]) {
			return false
		}
	}
	return true
}

// same compares values of members by what they say.
func same(a, b any) bool {
	a, b = normal(a), normal(b)
	return empty(a) && empty(b) || reflect.DeepEqual(a, b)
}

func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// splice is a part of a text and what comes in its place.
type splice struct {
	from, to int
	with     string
}

// apply carries out splices, which must not overlap.
func apply(text []byte, splices ...splice) []byte {
	slices.SortStableFunc(splices, func(a, b splice) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, s := range splices {
		out = append(out, text[at:s.from]...)
		out = append(out, s.with...)
		at = s.to
	}
	return append(out, text[at:]...)
}
