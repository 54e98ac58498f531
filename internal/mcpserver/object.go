package mcpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// property is one named value among a tool's arguments or results.
type property struct {
	name     string
	kind     string // JSON Schema's type; empty if more says it
	about    string
	required bool
	more     map[string]any // further keywords
}

// object describes a JSON object: to clients as a schema, and to us as what to accept. Models read properties in this order.
type object []property

// schema writes the object as JSON Schema that admits nothing else.
func (o object) schema() json.RawMessage {
	var b bytes.Buffer
	b.WriteString(`{"type":"object","properties":`)
	o.writeProperties(&b)
	if names := o.required(); len(names) > 0 {
		b.WriteString(`,"required":`)
		b.Write(compactJSON(names))
	}
	b.WriteString(`,"additionalProperties":false}`)
	return b.Bytes()
}

// resultSchema writes the schema of a tool's results: this object, or the one every failed call returns. Clients of several
// makers check both kinds against it.
func (o object) resultSchema() json.RawMessage {
	failed := object{
		{name: "error", kind: "string", about: "why the call could not be carried out and what to do next (only when isError)", required: true},
		{name: "code", kind: "string", about: "the kind of error, such as INVALID_PARAMS (only when isError)", required: true},
	}
	both := slices.Clone(o)
	for _, p := range failed {
		at := slices.IndexFunc(both, func(q property) bool { return q.name == p.name })
		if at < 0 {
			both = append(both, p)
			continue
		}
		mine := compactJSON(both[at].keywords())
		both[at] = property{name: p.name, about: both[at].about, more: map[string]any{
			"anyOf": []json.RawMessage{mine, compactJSON(p.keywords())},
		}}
	}
	var b bytes.Buffer
	b.WriteString(`{"type":"object","properties":`)
	both.writeProperties(&b)
	b.WriteString(`,"anyOf":[{"required":`)
	b.Write(compactJSON(o.required()))
	b.WriteString(`},{"required":`)
	b.Write(compactJSON(failed.required()))
	b.WriteString(`}]}`)
	return b.Bytes()
}

func (o object) writeProperties(b *bytes.Buffer) {
	b.WriteByte('{')
	for n, p := range o {
		if n > 0 {
			b.WriteByte(',')
		}
		b.Write(compactJSON(p.name))
		b.WriteByte(':')
		b.Write(compactJSON(p.keywords()))
	}
	b.WriteByte('}')
}

// keywords are the JSON Schema of the property.
func (p property) keywords() map[string]any {
	k := make(map[string]any, len(p.more)+2)
	maps.Copy(k, p.more)
	if p.kind != "" {
		k["type"] = p.kind
	}
	if p.about != "" {
		k["description"] = p.about
	}
	return k
}

func (o object) required() []string {
	names := []string{}
	for _, p := range o {
		if p.required {
			names = append(names, p.name)
		}
	}
	return names
}

func (o object) names() string {
	if len(o) == 0 {
		return "none"
	}
	names := make([]string, len(o))
	for n, p := range o {
		names[n] = p.name
	}
	return strings.Join(names, ", ")
}

// decode reads a tool's arguments into a struct. What does not fit the description is refused by name: an argument that is
// quietly ignored does something else than its sender thinks. Null stands for an absent optional argument, since several
// clients write it so.
func (o object) decode(tool string, args json.RawMessage, into any) error {
	if len(args) == 0 || string(args) == "null" {
		args = json.RawMessage("{}")
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(args, &given); err != nil {
		return sandbox.Errorf(sandbox.CodeInvalidParams, "the arguments of %s must be a JSON object", tool)
	}
	for name := range given {
		if !slices.ContainsFunc(o, func(p property) bool { return p.name == name }) {
			return sandbox.Errorf(sandbox.CodeInvalidParams, "%s has no argument %q; its arguments are: %s", tool, clean(name, 60), o.names())
		}
	}
	for _, p := range o {
		value, there := given[p.name]
		if !there || string(value) == "null" {
			if p.required {
				return sandbox.Errorf(sandbox.CodeInvalidParams, "%s needs the argument %q", tool, p.name)
			}
			continue
		}
		if got := kindOf(value); got != p.kind && (got != "number" || p.kind != "integer") {
			return sandbox.Errorf(sandbox.CodeInvalidParams, "the argument %q of %s must be %s, not %s", p.name, tool, article(p.kind), article(got))
		}
	}
	if err := json.Unmarshal(args, into); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return sandbox.Errorf(sandbox.CodeInvalidParams, "the argument %q of %s cannot be %s", wrong.Field, tool, wrong.Value)
		}
		return fmt.Errorf("decode arguments of %s: %w", tool, err)
	}
	return nil
}

// kindOf names the JSON type of a value.
func kindOf(value json.RawMessage) string {
	switch value[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

func article(kind string) string {
	switch kind {
	case "null":
		return kind
	case "object", "array", "integer":
		return "an " + kind
	}
	return "a " + kind
}
