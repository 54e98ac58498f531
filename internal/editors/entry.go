package editors

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Name is what our entry is called in every editor.
const Name = "agentrun"

// entry is what stands behind our name in a settings file, in the order in which it is written.
type entry []member

// member is one name of an entry. A value is a string, a bool, an int, a list of strings, or an entry.
type member struct {
	name  string
	value any
	// loose members are the user's to change in the editor once they are there: what may be called without asking, and the like.
	loose bool
}

func fixed(name string, value any) member { return member{name: name, value: value} }
func loose(name string, value any) member { return member{name: name, value: value, loose: true} }

// none is the list of arguments of the relay.
var none = []string{}

// The shapes in which editors want a program.

func plainStdio(command string) entry {
	return entry{fixed("command", command), fixed("args", none)}
}

func typedStdio(command string) entry {
	return append(entry{fixed("type", "stdio")}, plainStdio(command)...)
}

func switchedStdio(command string) entry {
	return append(plainStdio(command), loose("disabled", false), loose("autoApprove", none))
}

// The shapes in which editors want an address.

func bearer(token string) entry { return entry{fixed("Authorization", "Bearer "+token)} }

// byURL is an address behind a name, with headers, and what else the editor wants to see before it.
func byURL(name string, before ...member) func(url, token string) entry {
	return func(url, token string) entry {
		return append(slices.Clone(before), fixed(name, url), fixed("headers", bearer(token)))
	}
}

// also adds members at the end of a shape.
func also(shape func(url, token string) entry, more ...member) func(url, token string) entry {
	return func(url, token string) entry { return append(shape(url, token), more...) }
}

// MarshalJSON writes the members in their order, in one line.
func (e entry) MarshalJSON() ([]byte, error) { return []byte(e.json("", "", "", false)), nil }

// json writes an entry. Without a newline (nl) it is one line, else its members are indented by indent and unit, and its closing
// brace by indent. The list of strings that an editor shows as one line is one.
func (e entry) json(indent, unit, nl string, spaced bool) string {
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
		b.WriteString(quote(m.name) + ":")
		if nl != "" || spaced {
			b.WriteByte(' ')
		}
		if inner, ok := m.value.(entry); ok {
			b.WriteString(inner.json(indent+unit, unit, nl, spaced))
		} else {
			b.WriteString(quote(m.value))
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

// names are those of members that the editor does not let its user change.
func (e entry) names() []string {
	var names []string
	for _, m := range e {
		if !m.loose {
			names = append(names, m.name)
		}
	}
	return names
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

// entryOf is an entry that was read, to be written again.
func entryOf(found map[string]any) entry {
	var e entry
	for _, name := range slices.Sorted(maps.Keys(found)) {
		e = append(e, fixed(name, valueOf(found[name])))
	}
	return e
}

// valueOf is a value that was read, to be written again.
func valueOf(found any) any {
	switch value := found.(type) {
	case map[string]any:
		return entryOf(value)
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
func (e entry) over(found map[string]any, drop []string) entry {
	var all entry
	for _, m := range e {
		if value, set := found[m.name]; set && m.loose {
			m = fixed(m.name, valueOf(value))
		}
		all = append(all, m)
	}
	for _, m := range entryOf(found) {
		known := slices.ContainsFunc(e, func(ours member) bool { return ours.name == m.name })
		if !known && !slices.Contains(drop, m.name) {
			all = append(all, m)
		}
	}
	return all
}
