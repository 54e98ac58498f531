package configedit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Entry is what stands behind a name in a section, in the order in which it is written.
type Entry []Member

// Member is one name of an entry. A value is a string, a bool, a number, a list of such, or an Entry.
type Member struct {
	Name  string
	Value any
	// Loose members are written with a new entry, and are whatever they were made in one that is there.
	Loose bool
}

// In says whether an entry that was read has all members of e but the loose ones. Empty texts, lists and objects are as good as none.
func (e Entry) In(found map[string]any) bool {
	for _, m := range e {
		if !m.Loose && !same(found[m.Name], m.Value) {
			return false
		}
	}
	return true
}

// Extra are the members of an entry that was read that e does not have, by name.
func (e Entry) Extra(found map[string]any) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.ContainsFunc(e, func(m Member) bool { return m.Name == name }) && !empty(normal(found[name])) {
			names = append(names, name)
		}
	}
	return names
}

// Differences are the names of members for which an entry that was read is not e.
func (e Entry) Differences(found map[string]any) []string {
	names := e.Extra(found)
	for _, m := range e {
		if !m.Loose && !same(found[m.Name], m.Value) {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Line is the entry as JSON in one line, and Text in lines that are indented.
func (e Entry) Line() string { return e.json("", "", "", false) }

// Text is the entry as JSON for people.
func (e Entry) Text() string { return e.json("", "  ", "\n", true) }

// MarshalJSON writes the members in their order, in one line.
func (e Entry) MarshalJSON() ([]byte, error) { return []byte(e.Line()), nil }

// json writes an entry. Without a newline (nl) it is one line, else its members are indented by indent and unit, and its closing
// brace by indent. The list of strings that an editor shows as one line is one.
func (e Entry) json(indent, unit, nl string, spaced bool) string {
	if len(e) == 0 {
		return "{}"
	}
	var b strings.Builder
	b.WriteByte('{')
	for n, m := range e {
		switch {
		case nl != "":
			b.WriteString(nl + indent + unit)
		case n > 0 && spaced:
			b.WriteByte(' ')
		}
		b.WriteString(quote(m.Name) + ":")
		if nl != "" || spaced {
			b.WriteByte(' ')
		}
		if inner, ok := m.Value.(Entry); ok {
			b.WriteString(inner.json(indent+unit, unit, nl, spaced))
		} else {
			b.WriteString(quote(m.Value))
		}
		if n < len(e)-1 {
			b.WriteByte(',')
		}
	}
	if nl != "" {
		b.WriteString(nl + indent)
	}
	b.WriteByte('}')
	return b.String()
}

// quote writes a value as JSON without escapes that only web pages need.
func quote(value any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value) // never fails for the values of members
	return strings.TrimSuffix(b.String(), "\n")
}

// normal brings what parsers of different formats return into one form, that of JSON.
func normal(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return value // not of JSON, such as a map with numbers for keys: equal to nothing of ours
	}
	var same any
	if err := json.Unmarshal(text, &same); err != nil {
		return value
	}
	return same
}

// EntryOf is an entry that was read, to be written again.
func EntryOf(found map[string]any) Entry {
	var e Entry
	for _, name := range slices.Sorted(maps.Keys(found)) {
		e = append(e, Member{Name: name, Value: valueOf(found[name])})
	}
	return e
}

// valueOf is a value that was read, to be written again.
func valueOf(found any) any {
	switch value := found.(type) {
	case map[string]any:
		return EntryOf(value)
	case []any:
		list := make([]any, 0, len(value))
		for _, item := range value {
			list = append(list, valueOf(item))
		}
		return list
	}
	return found
}

// over is an entry put over one that is there: what the user has set or added stays, but for the members in drop.
func (e Entry) over(found map[string]any, drop []string) Entry {
	var all Entry
	for _, m := range e {
		if value, set := found[m.Name]; set && m.Loose {
			m = Member{Name: m.Name, Value: valueOf(value)}
		}
		all = append(all, m)
	}
	for _, m := range EntryOf(found) {
		known := slices.ContainsFunc(e, func(ours Member) bool { return ours.Name == m.Name })
		if !known && !slices.Contains(drop, m.Name) {
			all = append(all, m)
		}
	}
	return all
}
