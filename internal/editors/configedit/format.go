package configedit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Format is a file format. The zero value is none.
type Format struct {
	codec codec
}

// JSON is JSON with comments and trailing commas.
func JSON() Format { return Format{jsonCodec{}} }

// StrictJSON is JSON for programs that read nothing but that.
func StrictJSON() Format { return Format{jsonCodec{strict: true}} }

// TOML is TOML in which entries are tables of their own, between marks.
func TOML(m Marks) Format { return Format{tomlCodec{marks: m}} }

// YAML is YAML in which a section is a map of entries. A new one stands between marks.
func YAML(m Marks) Format { return Format{yamlCodec{marks: m}} }

// YAMLList is YAML in which a section is a list of entries, each with its name as a member.
func YAMLList(m Marks) Format { return Format{yamlCodec{marks: m, list: true}} }

// Place is where an entry stands: a key of the root, and the name below it.
type Place struct {
	Section string
	Name    string
}

// codec knows one file format. All of it works on text without a byte order mark. Text of nothing but space is a file in which
// nothing is set.
type codec interface {
	// tree parses a file, whose root must be an object.
	tree(text []byte) (map[string]any, error)
	// put writes an entry. Of one that is there already it changes the members that are in e, and takes away those named in drop; all
	// others that it has are in e too.
	put(text []byte, at Place, e Entry, drop []string) ([]byte, error)
	// remove takes an entry away. It is called for entries that are there.
	remove(text []byte, at Place) ([]byte, error)
}

// MaxSize bounds what is parsed. Settings files have some kilobytes.
const MaxSize = 32 << 20

// ErrTooLarge says that a file has more bytes.
var ErrTooLarge = fmt.Errorf("it has more than %d MiB", MaxSize>>20)

// maxKeys bounds how many keys a map of YAML, or a whole file of TOML, may have: their parsers compare each with all others.
const maxKeys = 10_000

var errTooMany = fmt.Errorf("it has more than %d keys", maxKeys)

// ErrShape says that a file is as it should be, and written in a way to which a program cannot add an entry, or from which it
// cannot take one, without changing anything else.
var ErrShape = errors.New("it is written in a way that a program cannot change without touching more than one entry")

var bom = []byte("\ufeff")

// readable refuses what no parser should see.
func readable(text []byte) error {
	if len(text) > MaxSize {
		return ErrTooLarge
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 { // nothing but zeros is what a crash of the computer may leave
		return errors.New("it is not text in UTF-8")
	}
	return nil
}

// Parse reads a file, with or without a byte order mark.
func (f Format) Parse(text []byte) (Tree, error) {
	if err := readable(text); err != nil {
		return nil, err
	}
	return f.codec.tree(bytes.TrimPrefix(text, bom))
}

// Put returns the text with an entry in it, without the members that are named in drop, and with all others that it has had. What says so
// already stays as it is written.
func (f Format) Put(text []byte, at Place, e Entry, drop []string) ([]byte, error) {
	tree, err := f.Parse(text)
	if err != nil {
		return nil, err
	}
	found, there, err := tree.Find(at)
	if err == nil && there && e.In(found) && !slices.ContainsFunc(drop, func(name string) bool { _, has := found[name]; return has }) {
		return text, nil
	}
	e = e.over(found, drop)
	return f.edit(text, at, e, func(text []byte) ([]byte, error) { return f.codec.put(text, at, e, drop) })
}

// Remove returns the text without an entry. Where there is none, the text stays.
func (f Format) Remove(text []byte, at Place) ([]byte, error) {
	tree, err := f.Parse(text)
	if err != nil {
		return nil, err
	}
	all, err := tree.Entries(at)
	if err != nil {
		return nil, err
	}
	if _, there := all[at.Name]; !there {
		return text, nil
	}
	return f.edit(text, at, nil, func(text []byte) ([]byte, error) { return f.codec.remove(text, at) })
}

// edit changes a text and compares the trees before and after. Whatever a codec may do wrong, a file is not written that says
// anything else than before, apart from the entry.
func (f Format) edit(text []byte, at Place, want Entry, change func([]byte) ([]byte, error)) ([]byte, error) {
	before, err := f.Parse(text)
	if err != nil {
		return nil, err
	}
	if _, err := before.Entries(at); err != nil {
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
	after, err := f.Parse(changed)
	if err != nil {
		return nil, ErrShape // what the parser says is about lines that nobody will see
	}
	found, there, err := after.Find(at)
	if err != nil {
		return nil, ErrShape
	}
	old, _, _ := before.Find(at)
	if there != (want != nil) || there && (!want.In(found) || !keeps(old, found, want)) || !equal(before.without(at), after.without(at)) {
		return nil, ErrShape
	}
	return changed, nil
}
