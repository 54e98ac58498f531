package configedit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlCodec edits TOML as text. An entry is a table of its own at the end of the file, between marks.
// go-toml says what a file means and where its tables and keys are: marshalling would lose comments and the writer's quoting.
type tomlCodec struct {
	marks Marks
}

func (tomlCodec) tree(text []byte) (map[string]any, error) {
	if manyKeys(text) {
		return nil, errTooMany
	}
	tree := map[string]any{}
	if err := toml.Unmarshal(text, &tree); err != nil {
		if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, column := wrong.Position()
			return nil, fmt.Errorf("line %d, column %d: %s", line, column, strings.TrimPrefix(wrong.Error(), "toml: "))
		}
		return nil, err
	}
	return tree, nil
}

// manyKeys says that a text has more keys than are compared. Where it is not TOML, the parser says so.
func manyKeys(text []byte) bool {
	var p unstable.Parser
	p.Reset(text)
	keys := 0
	for p.NextExpression() {
		if keys++; keys > maxKeys {
			return true
		}
	}
	return false
}

func (c tomlCodec) put(text []byte, at Place, e Entry, _ []string) ([]byte, error) {
	old, isTable, err := tomlLines(text, at)
	if err != nil {
		return nil, err
	}
	nl := newline(text)
	lines := []string{"[" + tomlKey(at.Section) + "." + tomlKey(at.Name) + "]"}
	for _, m := range e {
		lines = append(lines, tomlKey(m.Name)+" = "+tomlValue(m.Value))
	}
	table := strings.Join(lines, nl) + nl
	if isTable { // the new one stands where the old one stood, between the same comments
		old[0].with = table
		return apply(text, old...), nil
	}
	text = apply(text, old...) // keys in the table of another cannot become one where they are
	var b strings.Builder
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		b.WriteString(nl)
	}
	if !blank(text) {
		b.WriteString(nl)
	}
	b.WriteString(c.marks.Begin + nl + table + c.marks.End + nl)
	return apply(text, splice{len(text), len(text), b.String()}), nil
}

func (c tomlCodec) remove(text []byte, at Place) ([]byte, error) {
	cut, _, err := tomlLines(text, at)
	if err != nil {
		return nil, err
	}
	return c.marks.cut(text, cut...), nil
}

// tomlLines are the lines that say something of an entry, whether in a table of its own, in one for each of its parts, or by keys
// with dots. isTable says that they begin with a table.
func tomlLines(text []byte, at Place) (found []splice, isTable bool, err error) {
	var p unstable.Parser
	p.Reset(text)
	var table []string // the path of the table that we are in
	meant := func(path []string) bool { return len(path) >= 2 && path[0] == at.Section && path[1] == at.Name }
	for p.NextExpression() {
		e := p.Expression()
		var keys []string
		var first, end uint32
		it := e.Key()
		for it.Next() {
			if keys == nil {
				first = it.Node().Raw.Offset
			}
			keys = append(keys, string(it.Node().Data))
			end = it.Node().Raw.Offset + it.Node().Raw.Length
		}
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			if table = keys; !meant(table) {
				continue
			}
		case unstable.KeyValue:
			if !meant(slices.Concat(table, keys)) {
				continue
			}
			first, end = e.Raw.Offset, e.Raw.Offset+e.Raw.Length
		default:
			continue
		}
		if found == nil {
			isTable = e.Kind != unstable.KeyValue
		}
		from, to := wholeLines(text, int(first), int(end))
		if n := len(found) - 1; n >= 0 && found[n].to == from {
			found[n].to = to
		} else {
			found = append(found, splice{from: from, to: to})
		}
	}
	if err := p.Error(); err != nil {
		return nil, false, err
	}
	return found, isTable, nil
}

// wholeLines widens a range to the lines in which it is.
func wholeLines(text []byte, from, to int) (int, int) {
	from = bytes.LastIndexByte(text[:from], '\n') + 1
	if n := bytes.IndexByte(text[to:], '\n'); n >= 0 {
		return from, to + n + 1
	}
	return from, len(text)
}

// tomlKey writes a key, bare where that is allowed.
func tomlKey(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" && name != "" {
		return name
	}
	return quote(name)
}

// tomlValue writes a value in one line. Strings of TOML have all the escapes that JSON writes.
func tomlValue(value any) string {
	var parts []string
	switch inner := value.(type) {
	case []any:
		for _, item := range inner {
			parts = append(parts, tomlValue(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case Entry:
		for _, m := range inner {
			parts = append(parts, tomlKey(m.Name)+" = "+tomlValue(m.Value))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return quote(value)
}
